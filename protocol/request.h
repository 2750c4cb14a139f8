/* Decoding the frontend messages that are looked at, from their whole body (without the 5-byte header).
 * Views live as long as the body. A body that does not decode is the peer's error: false, and the server
 * will say what is wrong with it. */
#ifndef PGPROCTOR_PROTOCOL_REQUEST_H
#define PGPROCTOR_PROTOCOL_REQUEST_H

#include "protocol/bytes.h"

#include "config/check.h"

struct request_parse {
	struct bytes name;
	struct bytes query;
	uint16_t parameter_types;
	struct bytes types_raw; /* their oids, for request_parse_type */
};

struct request_bind {
	struct bytes portal;
	struct bytes statement;
	uint16_t formats; /* count of parameter format codes: 0, 1 or parameters */
	uint16_t parameters;
	struct bytes formats_raw;
	struct bytes values_raw; /* the parameter values, for request_bind_value */
};

/* Describe and Close: 'S' for a prepared statement, 'P' for a portal. */
struct request_target {
	uint8_t kind;
	struct bytes name;
};

struct request_execute {
	struct bytes portal;
	int32_t rows_max;
};

/* Whether there are messages of this type. A server that reads another type byte ends the session at once, without
 * waiting for a length (SocketBackend in tcop/postgres.c). */
bool request_type_exists(uint8_t type);

/* The text ends at the first zero byte, as it does for the server; false when there is none, or when bytes
 * follow it (the server refuses those as well). */
MUST_USE bool request_decode_query(struct bytes body, struct bytes *query);
MUST_USE bool request_decode_parse(struct bytes body, struct request_parse *out);
/* The oid that parameter `index`, counted from 0, is declared with; 0: left to the server, or there is none. */
uint32_t request_parse_type(const struct request_parse *parse, uint16_t index);
/* Needs only the prefix of the body that holds both names when `prefix` is set; then no parameters. */
MUST_USE bool request_decode_bind(struct bytes body, bool prefix, struct request_bind *out);
MUST_USE bool request_decode_target(struct bytes body, struct request_target *out);
MUST_USE bool request_decode_execute(struct bytes body, struct request_execute *out);

struct request_value {
	bool null;
	bool binary;
	struct bytes value;
};

/* Parameter `index`, counted from 0. False when there is none or its length is wrong. */
MUST_USE bool request_bind_value(const struct request_bind *bind, uint16_t index, struct request_value *out);

/* Writing. Each returns the message's length, and writes it when `size` allows. */

/* A Query of that text. */
size_t request_write_query(uint8_t *to, size_t size, const char *text);
/* A Parse of the statement `name` with `text`. The name is the client's: a failed Parse of the unnamed statement
 * would drop the one that is there (exec_parse_message in postgres.c). */
size_t request_write_parse(uint8_t *to, size_t size, struct bytes name, const char *text);
/* A Bind of the prepared statement `statement` to the unnamed portal, no parameters. */
size_t request_write_bind(uint8_t *to, size_t size, const char *statement);
/* A Bind that the server refuses as malformed, but not before it has looked whether the transaction has failed: the
 * statement's own name and number of parameters, all of them NULL, and one byte too many (exec_bind_message in
 * postgres.c). */
size_t request_write_odd_bind(uint8_t *to, size_t size, struct bytes statement, uint16_t parameters);
/* A FunctionCall of a function that there isn't. */
size_t request_write_function_call(uint8_t *to, size_t size);

#endif
