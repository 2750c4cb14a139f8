/* Any bytes as SQL: key, parse and facts must not crash, and the law must hold for the text and a copy whose white
 * space is longer: equal keys mean equal fingerprint and equal query. */
#include "config/check.h"
#include "config/limits.h"
#include "inspect/text/prefix.h"
#include "inspect/tree/parse.h"
#include "inspect/text/shape.h"
#include "inspect/text/sqlkey.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const char *sql;
	size_t len;
};

static void *inspect(void *context)
{
	const struct input *input = context;
	struct sqlkey_scratch *scratch = sqlkey_scratch_new();
	const struct sqlkey_options options = {.standard_conforming_strings = true};
	struct sqlkey key, again;
	enum sqlkey_result result = sqlkey_of(scratch, input->sql, input->len, &options, &key);
	shape_like(input->sql, input->len);
	shape_regex(input->sql, input->len);
	shape_similar(input->sql, input->len);
	/* What is looked for in either case begins no more alike than what is looked for as it is. */
	CHECK(prefix_of_regex(input->sql, input->len, true) <= prefix_of_regex(input->sql, input->len, false));
	(void)prefix_of_similar(input->sql, input->len);
	if (result == SQLKEY_OK) {
		char *spaced = malloc(input->len + 2);
		spaced[0] = ' ';
		memcpy(spaced + 1, input->sql, input->len);
		spaced[input->len + 1] = '\n';
		struct arena arena, other;
		arena_init(&arena);
		arena_init(&other);
		struct parsed parsed, parsed_spaced;
		enum parse_result outcome = parse_sql(input->sql, input->len, &arena, &parsed);
		/* Having learned the text must not change its key, nor that of what resembles it. */
		sqlkey_learn(scratch, input->sql);
		struct sqlkey_scratch *fresh = sqlkey_scratch_new();
		for (size_t cut = 0; cut < 2 * input->len; cut++) {
			char kept = spaced[cut / 2 + 1];
			struct sqlkey learned, afresh;
			spaced[cut / 2 + 1] = cut % 2 ? '\'' : (char)(kept ^ 1);
			if (spaced[cut / 2 + 1] && cut % 7 == 0) {
				CHECK(sqlkey_of(scratch, spaced, input->len + 2, &options, &learned) ==
				      sqlkey_of(fresh, spaced, input->len + 2, &options, &afresh));
				CHECK(learned.low == afresh.low && learned.high == afresh.high);
			}
			spaced[cut / 2 + 1] = kept;
		}
		sqlkey_scratch_free(fresh);
		if (sqlkey_of(scratch, spaced, input->len + 2, &options, &again) == SQLKEY_OK && again.low == key.low &&
		    again.high == key.high) {
			CHECK(parse_sql(spaced, input->len + 2, &other, &parsed_spaced) == outcome);
			if (outcome == PARSE_OK) {
				CHECK(parsed.fingerprint == parsed_spaced.fingerprint);
				CHECK(strcmp(parsed.query, parsed_spaced.query) == 0);
			}
		}
		arena_fini(&arena);
		arena_fini(&other);
		free(spaced);
	}
	sqlkey_scratch_free(scratch);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* libpg_query recurses: it gets the stack it has in production. */
	struct input input = {(const char *)data, size};
	pthread_attr_t attributes;
	pthread_t thread;
	if (memchr(data, 0, size))
		return 0; /* a text ends at its first zero byte before it gets here */
	CHECK(pthread_attr_init(&attributes) == 0);
	CHECK(pthread_attr_setstacksize(&attributes, LIMIT_PARSE_STACK_BYTES) == 0);
	CHECK(pthread_create(&thread, &attributes, inspect, &input) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	pthread_attr_destroy(&attributes);
	return 0;
}
