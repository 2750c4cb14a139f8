#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/audit.h"
#include "tests/unit/refusal.h"

#include <string.h>
#include <unistd.h>

/* -- helpers -------------------------------------------------------------------------------------------- */

static void query(struct wire *wire, const char *sql)
{
	struct script asked = {.len = 0}, answered = {.len = 0};
	script_add(&asked, 'Q', "s", sql);
	script_add(&answered, 'C', "s", "SELECT 0");
	script_add(&answered, 'Z', "b", 'I');
	script_send(wire->client, &asked);
	script_expect(wire->server, &asked);
	script_send(wire->server, &answered);
	script_expect(wire->client, &answered);
}

static unsigned count_of(const char *log, const char *text)
{
	unsigned count = 0;
	for (const char *at = log; (at = strstr(at, text)) != NULL; at += strlen(text))
		count++;
	return count;
}

/* -- cases ---------------------------------------------------------------------------------------------- */

static void test_each_kind_of_statement_once(void **state)
{
	/* Literals, spelling and a newer catalog make no other kind; another operator does. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_publish_shop(wire);
	wire_login(wire);
	query(wire, "SELECT id FROM shop_product WHERE stock = 4");
	query(wire, "SELECT id FROM shop_product WHERE stock = 5");
	query(wire, "select id from shop_product where stock=6 /* again */");
	wire_publish_shop(wire);
	query(wire, "SELECT id FROM shop_product WHERE stock = 4");
	query(wire, "SELECT id FROM shop_product WHERE stock > 4");
	query(wire, "SELECT 1");
	char *log = wire_stop(wire);
	assert_int_equal(count_of(log, "\"event\":\"access\""), 2);
	assert_non_null(strstr(log, "\"relation\":\"shop_product\",\"expression\":\"stock\",\"used\":\"filter\",\"operator\":\"=\","
	                            "\"served\":false,"));
	assert_int_equal(count_of(log, "\"event\":\"indexes\""), 0);
	free(log);
	wire_init(wire);
}

static void test_without_a_catalog(void **state)
{
	/* Nothing is known, nothing is told; and it is told as soon as there is one. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_login(wire);
	query(wire, "SELECT id FROM shop_product WHERE stock = 4");
	wire_publish_shop(wire);
	query(wire, "SELECT id FROM shop_product WHERE stock = 4");
	char *log = wire_stop(wire);
	assert_int_equal(count_of(log, "\"event\":\"access\""), 1);
	free(log);
	wire_init(wire);
}

static void test_what_is_refused_asks_nothing(void **state)
{
	/* What never reaches the server is none of the traffic. */
	struct wire *wire = *state;
	refusal_of(wire, refusal_icontains, "leading-wildcard-unindexed", 'I');
	char *log = wire_stop(wire);
	assert_int_equal(count_of(log, "\"event\":\"access\""), 0);
	free(log);
	wire_init(wire);
}

static void test_a_day_has_its_bound(void **state)
{
	/* Past the bound one line says that the audit is not whole. */
	struct wire *wire = *state;
	wire_start(wire);
	wire_publish_shop(wire);
	wire_login(wire);
	query(wire, "SELECT id FROM shop_product WHERE stock = 4");
	wire->worker->audit.lines = LIMIT_AUDIT_LINES;
	query(wire, "SELECT id FROM shop_product WHERE stock > 4");
	query(wire, "SELECT id FROM shop_product WHERE stock < 4");
	char *log = wire_stop(wire);
	assert_int_equal(count_of(log, "\"event\":\"access\""), 1);
	assert_int_equal(count_of(log, "the index audit is not whole"), 1);
	free(log);
	wire_init(wire);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, wire_set_up, wire_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(test_each_kind_of_statement_once),
	    CASE(test_without_a_catalog),
	    cmocka_unit_test_setup_teardown(test_what_is_refused_asks_nothing, refusal_set_up, wire_tear_down),
	    CASE(test_a_day_has_its_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
