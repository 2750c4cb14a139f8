/* A worker between a scripted client and a scripted server, both plain blocking sockets of the test. */
#ifndef PGPROCTOR_TESTS_UNIT_WIRE_H
#define PGPROCTOR_TESTS_UNIT_WIRE_H

#include "config/settings.h"
#include "inspect/catalog/catalog.h"
#include "inspect/rules/rules.h"
#include "proxy/workers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire {
	struct settings settings; /* change between wire_init and wire_start */
	struct rule_settings rules;
	struct reporter *reporter;
	struct workers *workers;
	struct worker *worker; /* the first of them */
	char dir[64];
	char log_path[96];
	int upstream; /* listening */
	int client, server;
	bool started;
};

/* A growing message or sequence of messages. */
struct script {
	uint8_t bytes[1 << 16];
	size_t len;
};

void wire_init(struct wire *wire);
/* For cmocka: a new wire, wire_init done, is the state; and its end. */
int wire_set_up(void **state);
int wire_tear_down(void **state);
/* Before wire_start: that rule rejects. */
void wire_reject(struct wire *wire, const char *rule);
void wire_start(struct wire *wire);
/* Stops the worker and the reporter; returns the whole log, the caller's to free. */
char *wire_stop(struct wire *wire);

/* With auth = terminate and an auth_file at `path`, of no users yet; before wire_start. */
void wire_terminate(struct wire *wire, char path[128]);

/* Two ends of one TCP connection, apart from any worker. */
void wire_pair(int ends[2]);
int wire_connect(struct wire *wire);
int wire_accept(struct wire *wire);
/* Connects, sends a StartupMessage, plays a server that trusts, and checks that both saw it verbatim. */
void wire_login(struct wire *wire);

void wire_send(int fd, const void *data, size_t len);
/* The next `len` bytes from fd are exactly these; fails the test after two seconds. */
void wire_expect(int fd, const void *data, size_t len);
void wire_expect_end(int fd);
/* Reads one message (type, length, body) into `script`; returns its type. */
uint8_t wire_read_message(int fd, struct script *script);
/* Nothing comes from fd for 50 ms. */
void wire_expect_silence(int fd);

/* Appends a message; `format`: s zero-terminated string, S bytes of a string without the zero, h int16, i int32, b
 * byte. */
void script_add(struct script *script, uint8_t type, const char *format, ...);
void script_send(int fd, const struct script *script);
void script_expect(int fd, const struct script *script);
/* A catalog of database "shop" with one large table shop_product(id, name, stock), published to the worker. */
void wire_publish_shop(struct wire *wire);
/* The same with these tables, all of that kind. */
struct wire_table {
	const char *schema, *name;
};
void wire_publish(struct wire *wire, const struct wire_table *tables, size_t count);

#endif
