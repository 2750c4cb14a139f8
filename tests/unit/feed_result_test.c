#include "proxy/feed/feed_result.h"

#include "tests/unit/private_postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct private_postgres postgres;
static char error[128];
static struct feed_result result;

static int set_up(void **state)
{
	(void)state;
	private_postgres_start(&postgres);
	result = (struct feed_result){
	    .connection = private_postgres_connect(&postgres, "postgres"), .error = error, .error_size = sizeof(error)};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	feed_result_free(&result);
	PQfinish(result.connection);
	private_postgres_stop(&postgres);
	return 0;
}

static void reads_cells(void **state)
{
	/* Each kind of cell, and NULL as nothing of that kind. */
	(void)state;
	assert_true(feed_result_run(&result, "SELECT 4000000000::oid, -7, 2.5, true, 'x', NULL, ''", 7));
	assert_int_equal(result.count, 1);
	assert_true(feed_result_next(&result));
	assert_int_equal(feed_result_oid(&result, 0), 4000000000u);
	assert_int_equal(feed_result_integer(&result, 1), -7);
	assert_true(feed_result_real(&result, 2, 9) == 2.5);
	assert_true(feed_result_true(&result, 3));
	assert_int_equal(feed_result_char(&result, 4), 'x');
	assert_null(feed_result_cell(&result, 5));
	assert_string_equal(feed_result_cell(&result, 6), "");
	assert_int_equal(feed_result_oid(&result, 5), 0);
	assert_int_equal(feed_result_integer(&result, 5), 0);
	assert_true(feed_result_real(&result, 5, 9) == 9);
	assert_false(feed_result_true(&result, 5));
	assert_int_equal(feed_result_char(&result, 5), 0);
	assert_false(feed_result_next(&result));
	assert_null(result.rows);
}

static void groups_rows(void **state)
{
	/* A group is the rows from here on that begin alike, NULLs with each other. */
	(void)state;
	assert_true(feed_result_run(&result, "VALUES (1), (1), (2), (1), (NULL), (NULL)", 1));
	static const int groups[] = {2, 1, 1, 1, 2, 1};
	for (size_t at = 0; at < ARRAY_LEN(groups); at++) {
		assert_true(feed_result_next(&result));
		assert_int_equal(feed_result_group(&result), groups[at]);
	}
	assert_false(feed_result_next(&result));
}

static void takes_the_rows_of_several_statements(void **state)
{
	/* Whichever statement has rows, they are the result; none has none. */
	(void)state;
	assert_true(feed_result_run(&result, "BEGIN; SET LOCAL work_mem = '1MB'; SELECT 5; COMMIT", 1));
	assert_true(feed_result_next(&result));
	assert_int_equal(feed_result_integer(&result, 0), 5);
	assert_true(feed_result_run(&result, "BEGIN; COMMIT", 0));
	assert_false(feed_result_next(&result));
	assert_true(feed_result_run(&result, "SELECT 1 WHERE false", 1));
	assert_int_equal(result.count, 0);
}

static void failure_ends_the_transaction(void **state)
{
	/* An error in any of the statements is one line with the SQLSTATE, and the connection is usable. */
	(void)state;
	assert_false(feed_result_run(&result, "BEGIN; SELECT 1; SELECT 1 / 0; COMMIT", 1));
	assert_string_equal(error, "division by zero (22012)");
	assert_null(result.rows);
	assert_int_equal(PQtransactionStatus(result.connection), PQTRANS_IDLE);
	assert_false(feed_result_run(&result, "BEGIN; SELEC", 1));
	assert_null(strchr(error, '\n'));
	assert_non_null(strstr(error, "(42601)"));
	assert_true(feed_result_run(&result, "SELECT 1", 1));
}

static void another_answer_is_refused(void **state)
{
	/* Fewer columns than asked for, or no rows at all, as from a pooler's console. */
	(void)state;
	assert_false(feed_result_run(&result, "SELECT 1, 2", 3));
	assert_string_equal(error, "the server's answer is not what was asked for");
	assert_false(feed_result_run(&result, "BEGIN", 1));
	assert_int_equal(PQtransactionStatus(result.connection), PQTRANS_IDLE);
	assert_false(feed_result_run(&result, "", 0));
	assert_string_equal(error, "no answer");
}

static void copy_is_no_result(void **state)
{
	/* A COPY that nobody asked for is an error and not an endless loop. */
	(void)state;
	assert_false(feed_result_run(&result, "COPY (SELECT 1) TO STDOUT", 1));
	assert_null(result.rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_cells),
	    cmocka_unit_test(groups_rows),
	    cmocka_unit_test(takes_the_rows_of_several_statements),
	    cmocka_unit_test(failure_ends_the_transaction),
	    cmocka_unit_test(another_answer_is_refused),
	    cmocka_unit_test(copy_is_no_result),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
