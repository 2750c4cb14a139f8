#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/refusal.h"

#include <string.h>

int refusal_set_up(void **state)
{
	wire_set_up(state);
	struct wire *wire = *state;
	wire_reject(wire, "index-build-blocks-writes");
	wire_reject(wire, "leading-wildcard-unindexed");
	wire->settings.oversize = SETTINGS_OVERSIZE_REJECT;
	wire_start(wire);
	wire_login(wire);
	wire_publish_shop(wire);
	return 0;
}

const char refusal_create_index[] = "CREATE INDEX i ON shop_product (stock)";
const char refusal_icontains[] = "SELECT id FROM shop_product WHERE UPPER(name::text) LIKE UPPER('%canary%')";

/* What the server is sent in place of a rejected statement must not hold a word of it. */
void refusal_expect_replacement(struct wire *wire, uint8_t type)
{
	struct script message;
	assert_int_equal(wire_read_message(wire->server, &message), type);
	assert_null(memmem(message.bytes, message.len, "canary", 6));
	assert_null(memmem(message.bytes, message.len, "CREATE INDEX", 12));
}

void refusal_by_server(struct wire *wire, uint8_t status)
{
	struct script error = {.len = 0};
	script_add(&error, 'E', "sssssb", "SERROR", "VERROR", "C42601", "Msyntax error at or near \"rejected\"", "P1",
	           0);
	if (status)
		script_add(&error, 'Z', "b", status);
	script_send(wire->server, &error);
}

/* Our own error: 42501, the rule's name, a hint; nothing of the server's text, and no literal. */
void refusal_expect_error(struct wire *wire, const char *rule)
{
	struct script error;
	assert_int_equal(wire_read_message(wire->client, &error), 'E');
	char text[128];
	snprintf(text, sizeof text, "Mpgproctor: %s: ", rule);
	assert_non_null(memmem(error.bytes, error.len, "SERROR\0VERROR\0C42501\0", 21));
	assert_non_null(memmem(error.bytes, error.len, text, strlen(text)));
	assert_non_null(memmem(error.bytes, error.len, "shop_product", 12));
	assert_null(memmem(error.bytes, error.len, "syntax error", 12));
	assert_null(memmem(error.bytes, error.len, "canary", 6));
}

void refusal_expect_ready(struct wire *wire, uint8_t status)
{
	struct script ready;
	assert_int_equal(wire_read_message(wire->client, &ready), 'Z');
	assert_int_equal(ready.bytes[5], status);
}

void refusal_of(struct wire *wire, const char *sql, const char *rule, uint8_t status)
{
	struct script query = {.len = 0};
	script_add(&query, 'Q', "s", sql);
	script_send(wire->client, &query);
	refusal_expect_replacement(wire, 'Q');
	refusal_by_server(wire, status);
	refusal_expect_error(wire, rule);
	refusal_expect_ready(wire, status);
}

void refusal_passes(struct wire *wire, const char *sql, const char *tag, uint8_t status)
{
	struct script query = {.len = 0}, reply = {.len = 0};
	script_add(&query, 'Q', "s", sql);
	script_add(&reply, 'C', "s", tag);
	script_add(&reply, 'Z', "b", status);
	script_send(wire->client, &query);
	script_expect(wire->server, &query);
	script_send(wire->server, &reply);
	script_expect(wire->client, &reply);
}

void refusal_defines(struct wire *wire, const char *name, const char *sql)
{
	struct script parse = {.len = 0}, complete = {.len = 0};
	script_add(&parse, 'P', "ssh", name, sql, 0);
	script_add(&parse, 'S', "");
	script_add(&complete, '1', "");
	script_add(&complete, 'Z', "b", 'I');
	script_send(wire->client, &parse);
	script_expect(wire->server, &parse);
	script_send(wire->server, &complete);
	script_expect(wire->client, &complete);
}
