/* What the client has asked and the server has not yet answered, first in first out.
 *
 * The server answers in order, so the head of the queue owns the next reply. Two things break the plain
 * order, both described in the manual ("Extended Query", "COPY Operations"):
 *   - after an ErrorResponse to an extended-protocol message the server discards everything (Query and
 *     FunctionCall included) up to the next Sync; those requests get no reply;
 *   - while it is in COPY IN it discards Flush and Sync, until CopyDone or CopyFail.
 * NoticeResponse, ParameterStatus and NotificationResponse may come at any boundary and answer nothing.
 *
 * A COPY IN of the extended protocol that fails has read some of what the client had sent behind it, and how much
 * isn't told: a Sync among it was swallowed or ends the skipping, and with it what stands behind was skipped or ran.
 * Then the queue follows both courses side by side, by all replies and requests, until one of them no longer fits.
 * As long as it does so nothing is handed out.
 *
 * The queue knows no clock (times are handed in), no sockets and no SQL: `statement` is the caller's pointer,
 * given back with the entry in flight_take, in order, once for each entry ever pushed and accepted. */
#ifndef PGPROCTOR_PROTOCOL_FLIGHT_H
#define PGPROCTOR_PROTOCOL_FLIGHT_H

#include "protocol/bytes.h"

#include "config/check.h"

enum flight_kind {
	FLIGHT_STARTUP, /* StartupMessage: ends with the first ReadyForQuery */
	FLIGHT_QUERY,
	FLIGHT_PARSE,
	FLIGHT_BIND,
	FLIGHT_DESCRIBE,
	FLIGHT_CLOSE,
	FLIGHT_EXECUTE,
	FLIGHT_SYNC,
	FLIGHT_FUNCTION_CALL,
	FLIGHT_COPY_END, /* CopyDone or CopyFail: has no reply of its own */
};

enum flight_outcome {
	FLIGHT_PENDING,
	FLIGHT_COMPLETED,
	FLIGHT_SUSPENDED, /* Execute with a row limit: PortalSuspended */
	FLIGHT_FAILED,    /* answered by ErrorResponse: sqlstate is set */
	FLIGHT_SKIPPED,   /* discarded by the server after an earlier error, or a Sync inside COPY IN */
};

struct flight_entry {
	enum flight_kind kind;
	enum flight_outcome outcome;
	bool rejected;     /* sent as something that must fail; its ErrorResponse is ours to write */
	bool borrowed;     /* `statement` is what it runs, not what it says: FETCH, EXECUTE */
	bool belated;      /* answered while two courses were followed: replies to later requests have been seen since */
	uint8_t target;    /* FLIGHT_DESCRIBE, FLIGHT_CLOSE: 'S' or 'P' */
	uint64_t name;     /* names_hash of the statement (Parse, Close S) or portal (Bind, Execute, Close P) */
	void *statement;   /* the caller's */
	uint64_t sent_ns;  /* when asked; moved forward to when the server got free for it */
	uint64_t first_ns; /* first reply to it, 0 before */
	uint64_t done_ns;
	uint64_t rows;        /* of all CommandCompletes; of an Execute that did not complete, its DataRows */
	uint64_t reply_bytes; /* of all replies to it, headers included */
	uint32_t commands;    /* CommandCompletes and EmptyQueryResponses */
	char sqlstate[6];     /* of the first ErrorResponse, or "" */
	uint32_t older;       /* the queue's own: number of the next older entry of the same kind and bucket */
};

/* Where a COPY IN stands. */
enum flight_copy {
	FLIGHT_COPY_NONE,
	FLIGHT_COPY_OPEN, /* a Sync that is sent now is read by it */
	FLIGHT_COPY_SHUT, /* its CopyDone or CopyFail has been sent, or what else it will not read past */
};

/* Chains of names, for flight_pending. */
#define FLIGHT_BUCKETS 8

struct flight {
	struct flight_entry *ring; /* NULL while nothing was ever in flight */
	uint32_t capacity;         /* a power of two */
	uint32_t head;             /* number of the oldest entry; entries are numbered as they come, modulo 2^32 */
	uint32_t count;            /* outstanding or not yet taken */
	uint32_t done;             /* of them, how many at the head wait for flight_take */
	bool skipping;             /* the server discards up to the next Sync, which has not been sent yet */
	enum flight_copy copy;     /* as the replies tell */
	bool owned;                /* the reply under way belongs to the first entry that is not done */
	uint32_t doubtful_syncs;   /* taken as discarded by a COPY IN; they are not if it had failed before them */
	bool settled;              /* the server's last word was ReadyForQuery, and nothing was asked since */
	uint8_t status;            /* the last ReadyForQuery's: 'I', 'T', 'E'; 0 before the first */
	uint64_t free_ns;          /* when the server finished the last request that took time */
	uint32_t newest[FLIGHT_COPY_END + 1][FLIGHT_BUCKETS]; /* number of the newest entry, by kind and name */
	struct flight *rival; /* another course, with the same entries, in which more has been answered; NULL: none */
	uint8_t forks;        /* how often this course has parted from another; 0 while there is but one */
};

/* What to do with the reply whose header has just been seen. */
enum flight_reply {
	FLIGHT_FORWARD,
	FLIGHT_SWALLOW, /* the ErrorResponse to a rejected request: drop it, write our own in its place; never while two
	                 * courses are followed, as it may be another request's */
	FLIGHT_LOST,    /* answers nothing that was asked: this session can't be followed any more */
};

void flight_init(struct flight *flight);
/* Frees the ring; entries left in it are the caller's to take first (flight_take_any). */
void flight_fini(struct flight *flight);

/* Notes a request that is being sent. False when the server will discard it unanswered (it is skipping to
 * Sync, or it is a Sync inside COPY IN): nothing was queued, and nothing will come back from flight_take.
 * Flush needs no entry. Aborts past twice LIMIT_FLIGHT_REQUESTS: ask flight_full before reading from the client;
 * what may have been read by then (LIMIT_QUEUE_HIGH_BYTES of the shortest messages) still fits. */
MUST_USE bool flight_push(struct flight *flight, const struct flight_entry *entry);
bool flight_full(const struct flight *flight);
/* The server is certain to discard what is sent now, unless it is a Sync. */
bool flight_discards(const struct flight *flight);
/* Nothing is outstanding. */
bool flight_empty(const struct flight *flight);

/* The newest entry of `kind` for `name` still without outcome, or NULL: a Bind may name a statement whose
 * Parse has not been answered yet. Valid until the next push, end or take. */
const struct flight_entry *flight_pending(const struct flight *flight, enum flight_kind kind, uint64_t name);
/* The next older one like `entry`, which came from either; NULL when there is none. */
const struct flight_entry *flight_pending_before(const struct flight *flight, const struct flight_entry *entry);
/* A Sync was sent behind `entry`: should it fail, what is sent now is not skipped. True when in doubt. */
bool flight_synced_since(const struct flight *flight, const struct flight_entry *entry);

/* The header of a reply has been seen. */
MUST_USE enum flight_reply flight_reply_begin(struct flight *flight, uint8_t type, uint64_t now_ns);
/* `count` more of its type follow it at once, and with it are one reply to flight_reply_end. */
void flight_reply_more(struct flight *flight, uint8_t type, uint32_t count);
/* That reply has ended; `body` is its body, or a prefix of it where it is long, `bytes` its whole length with
 * the header. Entries that are finished by it can be taken afterwards. After a FATAL error nothing is finished but
 * FLIGHT_STARTUP: the head keeps the sqlstate, and flight_take_any hands out what is left. */
void flight_reply_end(struct flight *flight, uint8_t type, struct bytes body, uint64_t bytes, uint64_t now_ns);

/* The oldest finished entry, removed from the queue. None while two courses are followed. */
MUST_USE bool flight_take(struct flight *flight, struct flight_entry *entry);
/* The same, finished or not (outcome FLIGHT_PENDING): for the end of a session. */
MUST_USE bool flight_take_any(struct flight *flight, struct flight_entry *entry);

#endif
