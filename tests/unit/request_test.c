#include "protocol/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

typedef bool decode_fn(struct bytes body);

static bool decodes_query(struct bytes body)
{
	struct bytes query;
	return request_decode_query(body, &query);
}

static bool decodes_parse(struct bytes body)
{
	struct request_parse parse;
	return request_decode_parse(body, &parse);
}

static bool decodes_bind(struct bytes body)
{
	struct request_bind bind;
	return request_decode_bind(body, false, &bind);
}

static bool decodes_target(struct bytes body)
{
	struct request_target target;
	return request_decode_target(body, &target);
}

static bool decodes_execute(struct bytes body)
{
	struct request_execute execute;
	return request_decode_execute(body, &execute);
}

/* Only the whole body decodes: no prefix of it, and not with a byte behind it. */
static void assert_only_whole(decode_fn *decode, struct bytes body)
{
	uint8_t longer[256];
	assert_true(body.len < sizeof longer);
	for (size_t len = 0; len < body.len; len++)
		assert_false(decode(guard_copy(body.data, len)));
	assert_true(decode(guard_copy(body.data, body.len)));
	memcpy(longer, body.data, body.len);
	longer[body.len] = 0;
	assert_false(decode(guard_copy(longer, body.len + 1)));
}

/* Truncated or lengthened bodies of every kind fail, and none is read past its end. */
static void test_every_truncation(void **state)
{
	(void)state;
	assert_only_whole(decodes_query, LITERAL("SELECT 1\0"));
	assert_only_whole(decodes_query, LITERAL("\0"));
	assert_only_whole(decodes_parse, LITERAL("s\0SELECT $1, $2\0\0\2\0\0\0\x17\0\0\0\x19"));
	assert_only_whole(decodes_parse, LITERAL("\0\0\0\0"));
	assert_only_whole(decodes_bind, LITERAL("p\0s\0\0\2\0\0\0\1\0\2\0\0\0\3abc\xff\xff\xff\xff\0\1\0\1"));
	assert_only_whole(decodes_bind, LITERAL("\0\0\0\0\0\0\0\0"));
	assert_only_whole(decodes_target, LITERAL("Sname\0"));
	assert_only_whole(decodes_target, LITERAL("P\0"));
	assert_only_whole(decodes_execute, LITERAL("portal\0\0\0\0\x64"));
}

/* A query ends at its first zero byte, which must be the message's last: what the server would not see is not judged
 * in its place. */
static void test_query(void **state)
{
	(void)state;
	struct bytes query;
	assert_true(request_decode_query(LITERAL("SELECT 1; SELECT 2\0"), &query));
	assert_true(bytes_equal(query, "SELECT 1; SELECT 2"));
	assert_true(request_decode_query(LITERAL("\0"), &query));
	assert_int_equal(query.len, 0);
	assert_false(request_decode_query(LITERAL("SELECT 1\0; DROP TABLE a\0"), &query));
	assert_false(request_decode_query(LITERAL("SELECT 1"), &query));
	assert_false(request_decode_query(LITERAL(""), &query));
}

/* The fields of a Parse; its count of types is unsigned. */
static void test_parse(void **state)
{
	(void)state;
	struct request_parse parse;
	assert_true(request_decode_parse(LITERAL("stmt_1\0SELECT $1\0\0\1\0\0\0\x17"), &parse));
	assert_true(bytes_equal(parse.name, "stmt_1"));
	assert_true(bytes_equal(parse.query, "SELECT $1"));
	assert_int_equal(parse.parameter_types, 1);
	assert_int_equal(request_parse_type(&parse, 0), 0x17);
	assert_int_equal(request_parse_type(&parse, 1), 0);

	static uint8_t body[4 + 65535 * 4] = {0, 0, 0xff, 0xff};
	assert_true(request_decode_parse(guard_copy(body, sizeof body), &parse));
	assert_int_equal(parse.parameter_types, 65535);
	assert_false(request_decode_parse(guard_copy(body, sizeof body - 1), &parse));
}

static void assert_value(const struct request_bind *bind, uint16_t index, bool null, bool binary, const char *text)
{
	struct request_value value;
	assert_true(request_bind_value(bind, index, &value));
	assert_int_equal(value.null, null);
	assert_int_equal(value.binary, binary);
	assert_true(bytes_equal(value.value, text));
}

/* The fields of a Bind, and its values: text, empty, NULL, with one format for each. */
static void test_bind_with_formats(void **state)
{
	(void)state;
	struct bytes body = LITERAL("c_1\0s_1\0"
	                            "\0\3\0\0\0\1\0\0"
	                            "\0\3\0\0\0\5%ab%c\0\0\0\0\xff\xff\xff\xff"
	                            "\0\2\0\0\0\1");
	struct request_bind bind;
	assert_true(request_decode_bind(guard_copy(body.data, body.len), false, &bind));
	assert_true(bytes_equal(bind.portal, "c_1"));
	assert_true(bytes_equal(bind.statement, "s_1"));
	assert_int_equal(bind.formats, 3);
	assert_int_equal(bind.parameters, 3);
	assert_value(&bind, 0, false, false, "%ab%c");
	assert_value(&bind, 1, false, true, "");
	assert_value(&bind, 2, true, false, "");
	struct request_value value;
	assert_false(request_bind_value(&bind, 3, &value));
	assert_false(request_bind_value(&bind, 65535, &value));
}

/* No format means all text, a single one is every parameter's, two are the two parameters' own. */
static void test_bind_formats_for_all(void **state)
{
	(void)state;
	struct request_bind bind;
	assert_true(request_decode_bind(LITERAL("\0\0\0\0\0\2\0\0\0\1a\0\0\0\1b\0\0"), false, &bind));
	assert_value(&bind, 0, false, false, "a");
	assert_value(&bind, 1, false, false, "b");
	assert_true(request_decode_bind(LITERAL("\0\0\0\1\0\1\0\2\0\0\0\1a\0\0\0\1b\0\0"), false, &bind));
	assert_value(&bind, 0, false, true, "a");
	assert_value(&bind, 1, false, true, "b");
	assert_true(request_decode_bind(LITERAL("\0\0\0\2\0\1\0\0\0\2\0\0\0\1a\0\0\0\1b\0\0"), false, &bind));
	assert_value(&bind, 0, false, true, "a");
	assert_value(&bind, 1, false, false, "b");
	/* One format and no parameter is what several drivers send. */
	assert_true(request_decode_bind(LITERAL("\0\0\0\1\0\1\0\0\0\0"), false, &bind));
	assert_int_equal(bind.parameters, 0);
}

/* What the server refuses does not decode: formats that do not match, lengths that are negative or too long. */
static void test_bind_wrong(void **state)
{
	(void)state;
	struct request_bind bind;
	struct request_value value;
	/* Two formats for one and for three parameters. */
	assert_false(request_decode_bind(LITERAL("\0\0\0\2\0\0\0\0\0\1\xff\xff\xff\xff\0\0"), false, &bind));
	assert_false(request_decode_bind(
	    LITERAL("\0\0\0\2\0\0\0\0\0\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0"), false, &bind));
	/* Lengths -2, the smallest, the largest, one too many. */
	assert_false(request_decode_bind(LITERAL("\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"), false, &bind));
	assert_false(request_decode_bind(LITERAL("\0\0\0\0\0\1\x80\0\0\0\0\0"), false, &bind));
	assert_false(request_decode_bind(LITERAL("\0\0\0\0\0\1\x7f\xff\xff\xff\0\0"), false, &bind));
	assert_false(request_decode_bind(LITERAL("\0\0\0\0\0\1\0\0\0\3\0\0"), false, &bind));
	/* A format nobody knows decodes, as it does for the server, but yields no value. */
	assert_true(request_decode_bind(LITERAL("\0\0\0\1\0\2\0\1\0\0\0\1a\0\0"), false, &bind));
	assert_false(request_bind_value(&bind, 0, &value));
}

/* A prefix that holds both names is enough when asked so, whatever follows; the values are then not known. */
static void test_bind_prefix(void **state)
{
	(void)state;
	struct bytes body = LITERAL("p\0stmt\0\0\1\0\0\0\1\0\0\0\1a\0\0");
	for (size_t len = 0; len <= body.len; len++) {
		struct request_bind bind;
		bool both = len >= 7;
		assert_int_equal(request_decode_bind(guard_copy(body.data, len), true, &bind), both);
		if (!both)
			continue;
		assert_true(bytes_equal(bind.portal, "p"));
		assert_true(bytes_equal(bind.statement, "stmt"));
		assert_int_equal(bind.parameters, 0);
		struct request_value value;
		assert_false(request_bind_value(&bind, 0, &value));
	}
}

/* 65,535 parameters, the most the count can say. */
static void test_bind_most_parameters(void **state)
{
	(void)state;
	static uint8_t body[2 + 2 + 2 + 65535 * 5 + 2];
	body[4] = body[5] = 0xff;
	for (size_t index = 0; index < 65535; index++) {
		bytes_put_u32(body + 6 + index * 5, 1);
		body[6 + index * 5 + 4] = (uint8_t)index;
	}
	struct request_bind bind;
	assert_true(request_decode_bind(guard_copy(body, sizeof body), false, &bind));
	assert_int_equal(bind.parameters, 65535);
	struct request_value value;
	assert_true(request_bind_value(&bind, 65534, &value));
	assert_int_equal(value.value.data[0], 65534 & 0xff);
	assert_false(request_bind_value(&bind, 65535, &value));
	assert_false(request_decode_bind(guard_copy(body, sizeof body - 1), false, &bind));
}

/* Describe and Close name a statement or a portal, nothing else. */
static void test_target(void **state)
{
	(void)state;
	struct request_target target;
	assert_true(request_decode_target(LITERAL("Ss_1\0"), &target));
	assert_int_equal(target.kind, 'S');
	assert_true(bytes_equal(target.name, "s_1"));
	assert_true(request_decode_target(LITERAL("P\0"), &target));
	assert_int_equal(target.kind, 'P');
	assert_int_equal(target.name.len, 0);
	assert_false(request_decode_target(LITERAL("X\0"), &target));
	assert_false(request_decode_target(LITERAL("s\0"), &target));
	assert_false(request_decode_target(LITERAL("\0\0"), &target));
}

/* An Execute's row limit is signed: the server takes zero and below for no limit. */
static void test_execute(void **state)
{
	(void)state;
	struct request_execute execute;
	assert_true(request_decode_execute(LITERAL("C_3\0\0\0\1\0"), &execute));
	assert_true(bytes_equal(execute.portal, "C_3"));
	assert_int_equal(execute.rows_max, 256);
	assert_true(request_decode_execute(LITERAL("\0\xff\xff\xff\xff"), &execute));
	assert_int_equal(execute.rows_max, -1);
}

/* Random changes to good bodies never make a decoder read outside, and what it hands out lies inside. */
static void test_mutations(void **state)
{
	(void)state;
	struct bytes good = LITERAL("p\0s\0\0\2\0\0\0\1\0\2\0\0\0\3abc\xff\xff\xff\xff\0\1\0\1");
	uint64_t seed = 0x62696e64;
	unsigned decoded = 0;
	for (int round = 0; round < 100000; round++) {
		uint8_t body[64];
		memcpy(body, good.data, good.len);
		for (uint64_t change = guard_random(&seed) % 3; change > 0; change--)
			body[guard_random(&seed) % good.len] = (uint8_t)(guard_random(&seed) % 8 - 2);
		struct bytes view = guard_copy(body, good.len - guard_random(&seed) % 2);
		struct request_bind bind;
		struct request_value value;
		(void)!decodes_query(view);
		(void)!decodes_parse(view);
		(void)!decodes_target(view);
		(void)!decodes_execute(view);
		if (!request_decode_bind(view, false, &bind))
			continue;
		decoded++;
		for (uint16_t index = 0; index < bind.parameters; index++)
			if (request_bind_value(&bind, index, &value) && value.value.len > 0)
				assert_true(value.value.data >= view.data &&
				            value.value.data + value.value.len <= view.data + view.len);
	}
	assert_in_range(decoded, 10000, 90000);
}

/* What is written is the message byte for byte, and it decodes. */
static void test_write(void **state)
{
	(void)state;
	uint8_t area[64];
	size_t bytes = request_write_query(area, sizeof area, "rejected");
	assert_bytes((struct bytes){area, bytes}, "Q\0\0\0\x0drejected", 14);
	bytes = request_write_parse(area, sizeof area, LITERAL("s_1"), "no");
	assert_bytes((struct bytes){area, bytes}, "P\0\0\0\x0ds_1\0no\0\0", 14);
	assert_true(decodes_parse((struct bytes){area + 5, bytes - 5}));
	bytes = request_write_parse(area, sizeof area, (struct bytes){NULL, 0}, "no");
	assert_bytes((struct bytes){area, bytes}, "P\0\0\0\x0a\0no\0\0", 11);
	assert_true(decodes_parse((struct bytes){area + 5, bytes - 5}));
	bytes = request_write_bind(area, sizeof area, "none");
	assert_bytes((struct bytes){area, bytes}, "B\0\0\0\x10\0none\0\0\0\0\0\0", 17);
	assert_true(decodes_bind((struct bytes){area + 5, bytes - 5}));
	bytes = request_write_function_call(area, sizeof area);
	assert_bytes((struct bytes){area, bytes}, "F\0\0\0\x0e\0\0\0\0\0\0\0\0\0\0", 15);
}

/* The odd Bind is right in all but its last byte. */
static void test_write_odd_bind(void **state)
{
	(void)state;
	uint8_t area[64];
	size_t bytes = request_write_odd_bind(area, sizeof area, LITERAL("s"), 2);
	assert_bytes((struct bytes){area, bytes}, "B\0\0\0\x16\0s\0\0\0\0\2\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0", 23);
	assert_false(decodes_bind((struct bytes){area + 5, bytes - 5}));
	assert_true(decodes_bind((struct bytes){area + 5, bytes - 6}));
	bytes = request_write_odd_bind(area, sizeof area, (struct bytes){NULL, 0}, 0);
	assert_int_equal(bytes, 14);
	assert_false(decodes_bind((struct bytes){area + 5, bytes - 5}));
	assert_true(decodes_bind((struct bytes){area + 5, bytes - 6}));
	assert_int_equal(request_write_odd_bind(NULL, 0, LITERAL("s"), 65535), 15 + 4 * 65535);
}

/* A buffer one byte too small is left alone, and the length needed is told all the same. */
static void test_write_without_room(void **state)
{
	(void)state;
	uint8_t area[32], before[32];
	memset(area, 0xaa, sizeof area);
	memset(before, 0xaa, sizeof before);
	assert_int_equal(request_write_query(NULL, 0, "abc"), 9);
	assert_int_equal(request_write_parse(NULL, 0, LITERAL("n"), "abc"), 13);
	assert_int_equal(request_write_bind(NULL, 0, "abc"), 16);
	assert_int_equal(request_write_query(area, 8, "abc"), 9);
	assert_int_equal(request_write_parse(area, 12, LITERAL("n"), "abc"), 13);
	assert_int_equal(request_write_bind(area, 15, "abc"), 16);
	assert_memory_equal(area, before, sizeof area);
	/* And with just enough room nothing beyond it is touched. */
	assert_int_equal(request_write_bind(area, 16, "abc"), 16);
	assert_memory_equal(area + 16, before + 16, sizeof area - 16);
}

/* The types are those of the manual's chapter "Message Formats", and no other byte is one. */
static void test_types(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		bool listed = type != 0 && strchr("BCDEFHPQSXcdfp", (int)type) != NULL;
		assert_int_equal(request_type_exists((uint8_t)type), listed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_truncation),
	    cmocka_unit_test(test_query),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_bind_with_formats),
	    cmocka_unit_test(test_bind_formats_for_all),
	    cmocka_unit_test(test_bind_wrong),
	    cmocka_unit_test(test_bind_prefix),
	    cmocka_unit_test(test_bind_most_parameters),
	    cmocka_unit_test(test_target),
	    cmocka_unit_test(test_execute),
	    cmocka_unit_test(test_mutations),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_write_odd_bind),
	    cmocka_unit_test(test_write_without_room),
	    cmocka_unit_test(test_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
