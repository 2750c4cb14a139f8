#include "proxy/check/check_traffic.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture: a log that is a list of lines, and an inspector that is told of it ------------------------- */

enum { MINUTE = 60000, HOUR = 60 * MINUTE };

static const int64_t start_ms = INT64_C(1796072741250);
static struct judge judge;
static struct inspector *inspector;
static struct logged lines[8];
static int line_count;
static bool readable;

static bool read_log(const char *path, logged_take_fn *take, void *context)
{
	assert_string_equal(path, "a.log");
	for (int at = 0; at < line_count; at++)
		take(context, &lines[at]);
	return readable;
}

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_seal(&judge);
	inspector = inspector_new(judge.settings, &judge.rules);
	inspector_put_catalog(inspector, catalog_ref(judge.catalog));
	line_count = 0;
	readable = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	inspector_free(inspector);
	judge_fini(&judge);
	return 0;
}

static void log_line(enum logged_kind kind, int64_t after_ms, const char *database, const char *query)
{
	lines[line_count++] = (struct logged){kind, start_ms + after_ms, database, query, 0xabc};
}

static bool read_all(void)
{
	struct check_options options = {.traffic = {"a.log"}, .traffic_count = 1, .read_log = read_log};
	return check_traffic_read(&options, inspector, &judge.rules, "shop", "anna");
}

/* M220's finding for that statement: its severity and, in message or hint, these words. */
static void expect(const char *sql, enum severity severity, const char *words)
{
	struct statement *statement = inspector_recognise(inspector, &judge.session, sql, strlen(sql));
	const struct verdict *verdict = inspector_judge(inspector, statement, &judge.session, NULL, 0);
	const struct finding *finding = NULL;
	for (uint8_t at = 0; at < verdict->count; at++) {
		if (strcmp(verdict->findings[at].rule->code, "M220") == 0)
			finding = &verdict->findings[at];
	}
	assert_non_null(finding);
	if (finding->severity != severity || (!strstr(finding->message, words) && !strstr(finding->hint, words)))
		fail_msg("%s: %d %s %s", sql, finding->severity, finding->message, finding->hint);
	cache_unref(statement);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* By the time of the last line; of this database, and what was not used in all that time. */
static void logs_count(void **state)
{
	(void)state;
	log_line(LOGGED_STARTED, 0, "", "");
	log_line(LOGGED_RAN, HOUR, "shop", "SELECT note FROM product WHERE id = $1");
	log_line(LOGGED_RAN, 29 * HOUR, "shop", "SELECT qty FROM product WHERE id = $1");
	log_line(LOGGED_RAN, 29 * HOUR, "other", "SELECT code FROM product");
	log_line(LOGGED_OTHER, 30 * HOUR, "", "");
	assert_true(read_all());
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_BLOCK, "60 min ago, by 0000000000000abc");
	expect("ALTER TABLE product DROP COLUMN note", SEVERITY_INFO, "nothing has used note");
	expect("ALTER TABLE product DROP COLUMN code", SEVERITY_INFO, "nothing has used code");
}

/* A log that is too short, begins anew or does not tell all says no more than it knows. */
static void short_logs(void **state)
{
	(void)state;
	log_line(LOGGED_STARTED, 0, "", "");
	log_line(LOGGED_OTHER, 20 * HOUR, "", "");
	log_line(LOGGED_STARTED, 20 * HOUR + MINUTE, "", "");
	log_line(LOGGED_OTHER, 23 * HOUR, "", "");
	assert_true(read_all());
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_WARN, "watched for 23 h only");
}

static void pauses(void **state)
{
	(void)state;
	log_line(LOGGED_STARTED, 0, "", "");
	log_line(LOGGED_STARTED, 40 * HOUR, "", "");
	log_line(LOGGED_OTHER, 45 * HOUR, "", "");
	assert_true(read_all());
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_WARN, "watched for 5.0 h only");
}

static void unclear_logs(void **state)
{
	(void)state;
	log_line(LOGGED_STARTED, 0, "", "");
	log_line(LOGGED_UNCLEAR, 30 * HOUR, "other", "");
	log_line(LOGGED_RAN, 30 * HOUR, "shop", "SELECT $1 FROM FROM");
	assert_true(read_all());
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_WARN, "could not be read");
}

static void unreadable_logs(void **state)
{
	(void)state;
	readable = false;
	assert_false(read_all());
	expect("ALTER TABLE product DROP COLUMN qty", SEVERITY_WARN, "not known here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(logs_count, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(short_logs, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(pauses, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unclear_logs, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unreadable_logs, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
