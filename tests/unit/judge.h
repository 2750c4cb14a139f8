/* A catalog made by hand, SQL text judged against it: what the tests of indexes and rules share. */
#ifndef PGPROCTOR_TESTS_UNIT_JUDGE_H
#define PGPROCTOR_TESTS_UNIT_JUDGE_H

#include "inspect/access/access.h"
#include "inspect/catalog/catalog.h"
#include "inspect/tree/parse.h"
#include "inspect/rules/rules.h"

/* Table sizes that fall into each class with the default settings. */
enum { JUDGE_SMALL = 500, JUDGE_MEDIUM = 50000, JUDGE_LARGE = 2000000, JUDGE_UNKNOWN = -1 };

struct judge {
	struct catalog *catalog; /* sealed at the first use */
	bool sealed;
	struct session_state session;
	struct settings *settings;
	struct rule_settings rules;
	struct arena arena; /* of the statements */
	struct facts *facts;
	uint16_t statement_count;
	struct verdict verdict; /* of the last judge_sql */
	struct traffic *traffic; /* the test's; NULL: not known */
};

/* mode observe, pg_trgm installed, search_path public, no table. */
void judge_init(struct judge *judge);
void judge_fini(struct judge *judge);
/* [rules] name = action; the mode. Applied at once. */
void judge_rule(struct judge *judge, const char *name, const char *action);
/* [rule:NAME] key = value. */
void judge_threshold(struct judge *judge, const char *name, const char *key, const char *value);
void judge_mode(struct judge *judge, enum settings_mode mode);

/* -- the catalog: before the first judge_sql ------------------------------------------------------- */

/* With the columns id int4 NOT NULL (and its primary key NAME_pkey), name varchar(50), note text, code char(10),
 * qty int4, owner int4, amount numeric(10,2), ts timestamp, tstz timestamptz, flag bool, mail citext, data jsonb, ip
 * inet, deleted timestamptz, latin text in collation C, vague text in a nondeterministic one, tags varchar(50)[]. */
struct catalog_relation *judge_table(struct judge *judge, const char *schema, const char *name, double rows);
/* `keys` are canonical expressions, each with its operator class after the last blank: "upper(name) gin_trgm_ops";
 * several are separated by ';'. `predicate` NULL: not partial. Valid, not unique. */
struct catalog_index *judge_index(struct judge *judge, struct catalog_relation *relation, const char *name,
                                  const char *method, const char *keys, const char *predicate);
struct catalog_constraint *judge_check(struct judge *judge, struct catalog_relation *relation, const char *name,
                                       const char *not_null_column, bool valid);
struct catalog_column *judge_column(struct catalog_relation *relation, const char *name);
/* Judging does it, too. */
void judge_seal(struct judge *judge);

/* -- judging ---------------------------------------------------------------------------------------- */

/* Only parses; the facts stay until the next. */
const struct facts *judge_parse(struct judge *judge, const char *sql);
/* The codes of what it finds, in order, with one blank between: "Q101 M202"; a '!' after those that reject. */
const char *judge_sql(struct judge *judge, const char *sql);
/* The same with parameters, $1 first; NULL for one whose shape is not known. */
const char *judge_bound(struct judge *judge, const char *sql, const char *const *values, uint16_t count);
/* Which indexes can serve the one statement, with its literals: as `check --access` asks. Lives until the next. */
struct access *judge_access(struct judge *judge, const char *sql);
/* The session has run it. */
void judge_run(struct judge *judge, const char *sql);
/* Whether the code is among those of the rules that the statement breaks. */
bool judge_breaks(struct judge *judge, const char *sql, const char *code);

/* Those codes and no others, or the test fails; and a text with "canary" in it, as a literal of the statement may be,
 * fails it too. */
void judge_expect(struct judge *judge, const char *sql, const char *codes);
/* The same of SELECT * FROM product WHERE `condition`. */
void judge_expect_where(struct judge *judge, const char *condition, const char *codes);
/* The statement's effects are "big ACCESS EXCLUSIVE rewrite scan dangerous; …", or "refused: why" by the server; "refused" alone
 * leaves the reason open. */
void judge_expect_effect(struct judge *judge, const char *sql, const char *what);

/* For a file whose `judge` is all there is. */
#define FOUND(sql, code)                                                                                               \
	do {                                                                                                           \
		if (!judge_breaks(&judge, sql, code))                                                                  \
			fail_msg("%s: \"%s\" is not found", sql, code);                                                \
	} while (0)
#define SILENT(sql, code)                                                                                              \
	do {                                                                                                           \
		if (judge_breaks(&judge, sql, code))                                                                   \
			fail_msg("%s: \"%s\" is found", sql, code);                                                    \
	} while (0)

#endif
