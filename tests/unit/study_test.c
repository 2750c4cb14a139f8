#include "proxy/study.h"
#include "tests/unit/judge.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { TEXT_BYTES = 20000, TEXTS = 5 };

static struct judge judge;
static struct inspector *inspector;
static struct study *study;
static uv_loop_t loop;
static uv_async_t wake;
static unsigned taken;
static struct session *sessions[TEXTS];

/* One statement of TEXT_BYTES for each number, none like another. */
static void make_text(char *sql, unsigned number)
{
	size_t len = (size_t)snprintf(sql, TEXT_BYTES, "SELECT %c FROM t WHERE a = 1", 'a' + number);

	while (len < TEXT_BYTES - 40)
		len += (size_t)snprintf(sql + len, TEXT_BYTES - len, " OR column_%zu = %u", len, number);
}

static void on_wake(uv_async_t *async)
{
	struct study_text *text;

	(void)async;
	while ((text = study_take(study)) != NULL) {
		sessions[taken++] = text->session;
		inspector_end(inspector, text->reading);
		free(text);
	}
	if (taken == TEXTS)
		uv_close((uv_handle_t *)&wake, NULL);
}

static int set_up(void **state)
{
	(void)state;
	taken = 0;
	judge_init(&judge);
	inspector = inspector_new(judge.settings, &judge.rules);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(uv_async_init(&loop, &wake, on_wake), 0);
	study = study_new(&wake);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	study_free(study);
	if (!uv_is_closing((uv_handle_t *)&wake))
		uv_close((uv_handle_t *)&wake, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	inspector_free(inspector);
	judge_fini(&judge);
	return 0;
}

/* Texts come back in the order in which they were handed over, each to its session, and the last one is recognised
 * without being parsed once more. */
static void texts_come_back_in_order(void **state)
{
	static char sql[TEXT_BYTES];
	struct statement *statement;

	(void)state;
	for (unsigned at = 0; at < TEXTS; at++) {
		struct inspector_reading *reading;

		make_text(sql, at);
		reading = inspector_begin(inspector, &judge.session, sql, strlen(sql), NULL);
		assert_non_null(reading);
		assert_true(study_put(study, (struct session *)&sessions[at], reading));
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(taken, TEXTS);
	for (unsigned at = 0; at < TEXTS; at++)
		assert_ptr_equal(sessions[at], &sessions[at]);
	assert_int_equal(inspector_figures(inspector).parsed, TEXTS);
	statement = inspector_recognise(inspector, &judge.session, sql, strlen(sql));
	assert_int_equal(inspector_figures(inspector).parsed, TEXTS);
	assert_int_equal(statement->statement_count, 1);
	assert_int_not_equal(statement->fingerprint, 0);
	cache_unref(statement);
}

/* One that was never asked to do anything has nothing to end. */
static void an_idle_one_is_freed(void **state)
{
	(void)state;
	assert_null(study_take(study));
	study_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(texts_come_back_in_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_idle_one_is_freed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
