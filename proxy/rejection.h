/* A request that is rejected: what the server is sent in its place, which must fail, and what the client reads when it
 * does. So it is the server that fails the transaction, skips to Sync, and keeps the order of a pipeline. */
#ifndef PGPROCTOR_PROXY_REJECTION_H
#define PGPROCTOR_PROXY_REJECTION_H

#include "proxy/relay.h"

struct finding;

/* What is sent in whose place. */
struct rejection_stead {
	enum flight_kind kind;
	struct bytes name;     /* Parse: of the statement; Bind: of the statement bound */
	uint16_t parameters;   /* Bind: how many come with it */
	bool ends_transaction; /* its first statement would, or nobody knows: then it does more in a failed transaction
	                        * than to be refused by the server */
	const char *reason;    /* a rule's slug, or a setting: for the server's log */
};

/* Our words for the request that is pushed next, kept until its answer comes. */
void rejection_of_finding(struct session *session, const struct finding *finding);
void rejection_of_setting(struct session *session, const char *message, const char *detail, const char *hint);
void rejection_send(struct session *session, struct relay_out *out, const struct rejection_stead *stead);

/* Is this the server's own word rather than its answer to what it was sent instead? `body` is an ErrorResponse's, or
 * the beginning of one. */
bool rejection_yields(struct bytes body);
/* Our ErrorResponse for the oldest; `to` holds LIMIT_LOG_LINE_BYTES. Returns its length. */
size_t rejection_write(const struct session *session, uint8_t *to);
/* The oldest has been answered. */
void rejection_drop(struct session *session);

#endif
