/* SQL in, recognised statements and verdicts out: sqlkey → cache → parse → rules. One per worker; knows the
 * catalogs of the databases its sessions use, nothing of sockets or the protocol. */
#ifndef PGPROCTOR_INSPECT_INSPECTOR_H
#define PGPROCTOR_INSPECT_INSPECTOR_H

#include "inspect/cache.h"
#include "inspect/catalog/catalog.h"
#include "inspect/rules/rules.h"
#include "inspect/rules/rules_usage.h"
#include "inspect/session/session_state.h"
#include "inspect/usage.h"

struct documents_told; /* documents.h */
struct inspector;

/* What a Parse declares its parameters to be, element 0 for $1; 0: left to the server. */
struct inspector_types {
	const uint32_t *oids;
	uint16_t count;
};

struct inspector *inspector_new(const struct settings *settings, const struct rule_settings *rules);
void inspector_free(struct inspector *inspector);

/* A new catalog of its database; takes over the caller's reference. Verdicts made with the old one are stale. */
void inspector_put_catalog(struct inspector *inspector, struct catalog *catalog);
const struct catalog *inspector_catalog(const struct inspector *inspector, const char *database);

/* Recognises one message's text; never NULL, referenced for the caller.
 *
 * How the server reads a text depends on standard_conforming_strings and client_encoding as they are when it gets
 * there, and what is under way may change them: a SET, a ROLLBACK that undoes one, any function. To wait for its
 * answer is no way out: since PostgreSQL 14 a change is reported just before ReadyForQuery, and the Sync that would
 * bring that may be sent only after the answer to what would be held. So while the session is `unsettled` the text is
 * read in every way in which it can be read, and the statement has them all as `readings`, to be judged by the
 * strictest. Most texts can be read in one way only (readings.h). Nothing is held, so nothing can be held up. */
struct statement *inspector_recognise(struct inspector *inspector, const struct session_state *session, const char *sql,
                                      size_t len);
/* The same for a text with parameters; `types` NULL: none is declared. */
struct statement *inspector_recognise_typed(struct inspector *inspector, const struct session_state *session,
                                            const char *sql, size_t len, const struct inspector_types *types);

/* A text that is long and not known takes milliseconds to parse; whoever has others to serve has it read elsewhere:
 * inspector_begin gives what that takes, inspector_read does it, on any one thread with LIMIT_PARSE_STACK_BYTES of
 * stack, and the next inspector_recognise of the same text takes what came of it. */
struct inspector_reading;

/* NULL: inspector_recognise won't take long. */
MUST_USE struct inspector_reading *inspector_begin(struct inspector *inspector, const struct session_state *session,
                                                   const char *sql, size_t len,
                                                   const struct inspector_types *types);
void inspector_read(struct inspector_reading *reading);
/* Takes it back, and frees it. */
void inspector_end(struct inspector *inspector, struct inspector_reading *reading);

/* A parameter's or a name's text in UTF-8, valid until the next call; false when it is none in client_encoding. */
MUST_USE bool inspector_text(struct inspector *inspector, const struct session_state *session, const char **text,
                             size_t *len);
/* UTF-8 as the client reads it, into `to`; cut where `size` bytes don't do. */
void inspector_write(struct inspector *inspector, const struct session_state *session, const char *utf8, char *to,
                     size_t size);
/* The statement that stands for texts past the ceiling. */
struct statement *inspector_oversize(struct inspector *inspector);
/* The same for FunctionCalls. */
struct statement *inspector_fastpath(struct inspector *inspector);

/* The verdict, valid until the next call that judges the same statement; of one that has readings, judge each.
 * `bound` NULL before Bind; else it has at least what statement->wants asks for. */
const struct verdict *inspector_judge(struct inspector *inspector, struct statement *statement,
                                      const struct session_state *session, const struct bound_shape *bound,
                                      uint16_t bound_count);

/* The statement has completed without error: the session follows it. */
void inspector_completed(struct inspector *inspector, const struct statement *statement, struct session_state *session);

/* From now on what runs is watched (inspector_ran), of each database from its catalog on; else nothing is known of the
 * traffic. */
void inspector_watch(struct inspector *inspector);
/* The same, by what has run elsewhere and before: takes in `past`, and stays at the time where that ends. */
void inspector_recall(struct inspector *inspector, const struct usage *past, int64_t now_ms);
/* A statement has run without error in interval `interval` (any number but 0 that changes with it): its tables and
 * columns are used, by the session's transaction and on behalf of `route`. Two transactions in an interval do; others
 * cost a comparison. `also` (may be NULL) gets what is new of it. True when something was not known to be used. */
bool inspector_ran(struct inspector *inspector, struct statement *statement, const struct session_state *session,
                   uint32_t interval, const char *route, struct usage *also);
/* Something in that database has run, or may have, that could not be read. */
void inspector_missed(struct inspector *inspector, const char *database, struct usage *also);
/* What all inspectors have seen, as of a while ago; takes over the reference. */
void inspector_put_usage(struct inspector *inspector, struct usage *usage);

/* Counts what a statement that is about to run stores; `bound` has at least the values' kinds. NULL, or findings of the
 * traffic, valid until the next call. */
const struct verdict *inspector_observe(struct inspector *inspector, const struct statement *statement,
                                        const struct session_state *session, const struct bound_shape *bound,
                                        uint16_t bound_count);
/* There are other workers, from 1 this one's number: what is stored is counted for them in `also`, and told by what all
 * have counted (inspector_put_usage, inspector_summed). To be said again whenever `also` is another. */
void inspector_share_documents(struct inspector *inspector, struct usage *also, uint32_t owner);
/* Once an interval: what the sums say that this worker has to tell; begins with *at at 0, and NULL ends it. */
const struct verdict *inspector_summed(struct inspector *inspector, uint32_t *at, struct documents_told *of);
/* What the catalog alone says of its `at`-th table, valid until the next call; NULL: nothing. */
const struct verdict *inspector_audit(struct inspector *inspector, const struct catalog *catalog, uint32_t at);

/* What the `at`-th statement of the text asks of its tables' columns, for the index audit; valid until the next call. Of
 * interest while statement->unaudited, which is the caller's to clear. */
const struct column_use *inspector_usages(struct inspector *inspector, struct statement *statement,
                                     const struct session_state *session, uint16_t at, uint16_t *count);

/* Adds, by rules_index, the findings that a newer catalog has taken back or made milder since the last call: seen
 * when the statement came again, with values like those before where it is judged by them. Not of a schema
 * change, which stands in the course of its transaction. */
void inspector_take_withdrawn(struct inspector *inspector, uint64_t withdrawn[LIMIT_RULES]);

struct inspector_figures {
	uint64_t hits, misses, evictions, parsed, opaque;
	uint64_t parse_ns; /* spent in parse_sql */
	uint32_t statements;
	size_t bytes;
};
struct inspector_figures inspector_figures(const struct inspector *inspector);

#endif
