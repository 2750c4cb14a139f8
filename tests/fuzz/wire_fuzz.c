/* Anything at all on either side of the wire: no decoder may read past its input, and cutting the same bytes at
 * another place must give the same messages. */
#include "protocol/flight.h"
#include "protocol/frame.h"
#include "protocol/message.h"
#include "protocol/names.h"
#include "protocol/reply.h"
#include "protocol/request.h"
#include "protocol/sasl.h"
#include "protocol/scram.h"
#include "protocol/startup.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sum over types, lengths and bodies: equal streams of messages, equal sums. */
static uint64_t cut(struct bytes input, size_t step)
{
	struct frame frame;
	uint64_t sum = 0;
	frame_init(&frame);
	for (size_t at = 0; at < input.len;) {
		size_t len = input.len - at < step ? input.len - at : step;
		struct bytes chunk = {input.data + at, len};
		at += len;
		for (;;) {
			struct frame_piece piece;
			enum frame_event event = frame_next(&frame, chunk, &piece);
			chunk.data += piece.input_bytes;
			chunk.len -= piece.input_bytes;
			if (event == FRAME_BROKEN)
				return sum + 1;
			if (event == FRAME_MORE)
				break;
			if (event == FRAME_HEADER)
				sum = sum * 31 + piece.type * 7 + piece.body_bytes;
			for (size_t byte = 0; event == FRAME_BODY && byte < piece.body.len; byte++)
				sum = sum * 31 + piece.body.data[byte];
		}
	}
	return sum;
}

static void decode_all(struct bytes body)
{
	struct bytes query;
	struct request_parse parse;
	struct request_bind bind;
	struct request_target target;
	struct request_execute execute;
	struct request_value value;
	struct reply_complete complete;
	struct reply_parameter parameter;
	char sqlstate[6];
	(void)!request_decode_query(body, &query);
	(void)!request_decode_parse(body, &parse);
	(void)!request_decode_target(body, &target);
	(void)!request_decode_execute(body, &execute);
	(void)!request_decode_bind(body, true, &bind);
	if (request_decode_bind(body, false, &bind))
		for (uint16_t at = 0; at < bind.parameters && request_bind_value(&bind, at, &value); at++)
			continue;
	(void)!reply_decode_complete(body, &complete);
	(void)!reply_decode_parameter(body, &parameter);
	(void)!reply_decode_sqlstate(body, sqlstate);
	(void)reply_is_fatal(body);
	(void)reply_decode_ready(body);
	struct startup startup = startup_parse(body);
	char option[64];
	if (startup.kind == STARTUP_MESSAGE)
		(void)startup_option(startup.options, "search_path", option, sizeof option);
}

/* What was read of a log-in is what was written: a verifier's keys, and the nonces as parts of their message. */
static void decode_login(struct bytes body)
{
	struct scram_verifier verifier;
	struct scram_client_first first;
	struct scram_client_final final;
	struct scram_server_first challenge;
	uint8_t key[SCRAM_KEY_BYTES], again[SCRAM_KEY_BYTES];
	char text[SCRAM_KEY_CHARACTERS + 3];
	(void)sasl_offers(body, SCRAM_MECHANISM);
	(void)scram_read_secret(body, &verifier);
	for (int at = 0; at < 4; at++)
		if (!scram_read_client_first(body, at & 1, at & 2, &first))
			CHECK(first.header.len + first.bare.len == body.len && first.nonce.len <= first.bare.len);
	if (!scram_read_client_final(body, &final)) {
		CHECK(final.unproven.len < body.len && final.unproven.data == body.data);
		(void)!scram_check_binding(&final, 'p', final.nonce.len <= 64 ? final.nonce : (struct bytes){NULL, 0});
	}
	if (scram_read_server_first(body, (struct bytes){(const uint8_t *)"r", 1}, &challenge))
		CHECK(challenge.nonce.len > 1 && challenge.salt_len <= SCRAM_SALT_BYTES_MAX);
	if (scram_read_server_final(body, key)) {
		size_t len = scram_write_key(text, sizeof text, 'v', key);
		CHECK(scram_read_server_final((struct bytes){(uint8_t *)text, len}, again));
		CHECK(memcmp(key, again, sizeof key) == 0);
	}
}

/* Each byte is a request or a reply; every accepted entry must come back exactly once. */
static void follow(struct bytes input)
{
	static const enum flight_kind kinds[] = {FLIGHT_QUERY,  FLIGHT_PARSE, FLIGHT_BIND,          FLIGHT_DESCRIBE, FLIGHT_CLOSE,
						 FLIGHT_EXECUTE, FLIGHT_SYNC,  FLIGHT_FUNCTION_CALL, FLIGHT_COPY_END};
	static const char replies[] = "12CDEGHINSTVWZnst3AKRv";
	struct flight flight;
	struct flight_entry entry;
	size_t pushed = 0, taken = 0;
	flight_init(&flight);
	for (size_t at = 0; at < input.len; at++) {
		uint8_t byte = input.data[at];
		if (byte < 128) {
			entry = (struct flight_entry){.kind = kinds[byte % 9], .rejected = (byte & 64) != 0, .sent_ns = at};
			pushed += flight_push(&flight, &entry);
		} else {
			uint8_t type = (uint8_t)replies[byte % (sizeof replies - 1)];
			static const uint8_t status[] = {'I'};
			if (flight_reply_begin(&flight, type, at) == FLIGHT_LOST)
				break;
			flight_reply_end(&flight, type, (struct bytes){status, 1}, 6, at);
		}
		while (flight_take(&flight, &entry))
			taken++;
	}
	while (flight_take_any(&flight, &entry))
		taken++;
	CHECK(pushed == taken);
	flight_fini(&flight);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = {data, size};
	uint64_t whole = cut(input, size + 1);
	CHECK(cut(input, 1) == whole);
	CHECK(cut(input, 7) == whole);
	decode_all(input);
	decode_login(input);
	struct sasl_initial initial;
	if (sasl_read_initial(input, &initial) && !initial.absent)
		decode_login(initial.message);
	follow(input);
	return 0;
}
