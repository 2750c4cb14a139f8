/* Decoding the backend messages that are looked at, and writing our own. Views live as long as the body. */
#ifndef PGPROCTOR_PROTOCOL_REPLY_H
#define PGPROCTOR_PROTOCOL_REPLY_H

#include "protocol/bytes.h"

#include "config/check.h"

struct reply_complete {
	struct bytes tag; /* the command's words: "SELECT", "INSERT", "CREATE TABLE" */
	uint64_t rows;    /* the tag's last number, 0 when it has none */
};

struct reply_parameter {
	struct bytes name;
	struct bytes value;
};

MUST_USE bool reply_decode_complete(struct bytes body, struct reply_complete *out);
/* The five-character SQLSTATE (field C) of an ErrorResponse or NoticeResponse, zero-terminated. Works on a
 * prefix of the body; false when the prefix does not reach it. */
MUST_USE bool reply_decode_sqlstate(struct bytes body, char sqlstate[6]);
/* True when field V (or S) says FATAL or PANIC: the server closes after it. */
bool reply_is_fatal(struct bytes body);
MUST_USE bool reply_decode_parameter(struct bytes body, struct reply_parameter *out);
/* 'I', 'T' or 'E'; 0 for anything else. */
uint8_t reply_decode_ready(struct bytes body);

struct reply_error {
	const char *severity; /* "ERROR" or "FATAL" */
	const char *sqlstate;
	const char *message;
	const char *detail; /* NULL or "" leaves it out */
	const char *hint;
	bool encoded; /* the texts are in the client's encoding; else what is not ASCII becomes question marks */
};

/* An ErrorResponse. Returns its length, and writes it when `size` allows. */
size_t reply_write_error(uint8_t *to, size_t size, const struct reply_error *error);

#endif
