#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/wire.h"

#include "inspect/catalog/dictionary.h"
#include "protocol/bytes.h"
#include "proxy/reporter.h"
#include "tests/unit/dictionary_file.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* For what has to come: a busy machine can take long over anything. */
enum { WIRE_PATIENCE_MS = 20000 };

static struct sockaddr_un wire_address(const char *dir, const char *sub)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.s.PGSQL.5432", dir, sub);
	return address;
}

void wire_init(struct wire *wire)
{
	memset(wire, 0, sizeof *wire);
	signal(SIGPIPE, SIG_IGN);
	snprintf(wire->dir, sizeof wire->dir, "/tmp/pgproctor-wire-XXXXXX");
	assert_non_null(mkdtemp(wire->dir));
	settings_defaults(&wire->settings);
	wire->settings.listen = (struct settings_address){.host = "", .port = 6433};
	snprintf(wire->settings.unix_socket_dir, sizeof wire->settings.unix_socket_dir, "%s", wire->dir);
	wire->settings.upstream.port = 5432;
	snprintf(wire->settings.upstream.host, sizeof wire->settings.upstream.host, "%s", wire->dir);
	snprintf(wire->log_path, sizeof wire->log_path, "%s/log", wire->dir);
	snprintf(wire->settings.logfile, sizeof wire->settings.logfile, "%s", wire->log_path);
	wire->settings.log_format = SETTINGS_FORMAT_JSON;
	wire->client = wire->server = -1;

	wire->upstream = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = wire_address(wire->dir, "");
	assert_int_equal(bind(wire->upstream, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(wire->upstream, 10), 0);
}

int wire_set_up(void **state)
{
	struct wire *wire = malloc(sizeof *wire);
	wire_init(wire);
	*state = wire;
	return 0;
}

int wire_tear_down(void **state)
{
	struct wire *wire = *state;
	free(wire_stop(wire));
	free(wire);
	return 0;
}

void wire_reject(struct wire *wire, const char *rule)
{
	struct settings_rule *setting = &wire->settings.rules[wire->settings.rule_count++];
	snprintf(setting->rule, sizeof setting->rule, "%s", rule);
	snprintf(setting->key, sizeof setting->key, "action");
	snprintf(setting->value, sizeof setting->value, "reject");
}

void wire_start(struct wire *wire)
{
	char error[512] = "";
	if (!rules_configure(&wire->rules, &wire->settings, error, sizeof error))
		fail_msg("%s", error);
	wire->reporter = reporter_start(&wire->settings, error, sizeof error);
	if (!wire->reporter)
		fail_msg("%s", error);
	wire->workers = workers_new(&wire->settings, &wire->rules, wire->reporter, error, sizeof error);
	if (!wire->workers)
		fail_msg("%s", error);
	wire->worker = wire->workers->each[0];
	assert_int_equal(workers_start(wire->workers, NULL), 0);
	wire->started = true;
}

char *wire_stop(struct wire *wire)
{
	if (wire->client >= 0)
		close(wire->client);
	if (wire->server >= 0)
		close(wire->server);
	if (wire->started) {
		workers_stop(wire->workers, true);
		workers_free(wire->workers);
		reporter_stop(wire->reporter);
	}
	close(wire->upstream);
	static char log[1 << 20];
	FILE *file = fopen(wire->log_path, "r");
	size_t len = file ? fread(log, 1, sizeof log - 1, file) : 0;
	log[len] = '\0';
	if (file)
		fclose(file);
	char path[128];
	unlink(wire->log_path);
	snprintf(path, sizeof path, "%s/.s.PGSQL.5432", wire->dir);
	unlink(path);
	rmdir(wire->dir);
	return strdup(log);
}

void wire_terminate(struct wire *wire, char path[128])
{
	snprintf(path, 128, "%s/users", wire->dir);
	snprintf(wire->settings.auth_file, sizeof wire->settings.auth_file, "%s", path);
	wire->settings.auth = SETTINGS_AUTH_TERMINATE;
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
}

void wire_pair(int ends[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(ends[0], (struct sockaddr *)&address, sizeof address), 0);
	ends[1] = accept(listener, NULL, NULL);
	assert_true(ends[1] >= 0);
	close(listener);
}

int wire_connect(struct wire *wire)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.6433", wire->dir);
	wire->client = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(wire->client, (struct sockaddr *)&address, sizeof address), 0);
	return wire->client;
}

int wire_accept(struct wire *wire)
{
	struct pollfd waiting = {.fd = wire->upstream, .events = POLLIN};
	assert_int_equal(poll(&waiting, 1, WIRE_PATIENCE_MS), 1);
	wire->server = accept(wire->upstream, NULL, NULL);
	assert_true(wire->server >= 0);
	return wire->server;
}

void wire_login(struct wire *wire)
{
	static const char startup[] = "\0\0\0\x22\0\3\0\0user\0alice\0database\0shop\0";
	wire_connect(wire);
	wire_send(wire->client, startup, sizeof startup);
	wire_accept(wire);
	wire_expect(wire->server, startup, sizeof startup);
	struct script hello = {.len = 0};
	script_add(&hello, 'R', "i", 0);
	script_add(&hello, 'S', "ss", "standard_conforming_strings", "on");
	script_add(&hello, 'S', "ss", "TimeZone", "UTC");
	script_add(&hello, 'K', "ii", 4711, 12345);
	script_add(&hello, 'Z', "b", 'I');
	script_send(wire->server, &hello);
	script_expect(wire->client, &hello);
}

void wire_send(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;
	while (len > 0) {
		ssize_t count = write(fd, at, len);
		assert_true(count > 0);
		at += count;
		len -= (size_t)count;
	}
}

static bool wire_readable(int fd, int patience_ms)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	return poll(&waiting, 1, patience_ms) == 1;
}

static void wire_read(int fd, uint8_t *to, size_t len)
{
	size_t got = 0;
	while (got < len) {
		if (!wire_readable(fd, WIRE_PATIENCE_MS))
			fail_msg("%zu of %zu bytes came, then nothing", got, len);
		ssize_t count = read(fd, to + got, len - got);
		if (count <= 0)
			fail_msg("%zu of %zu bytes came, then the end", got, len);
		got += (size_t)count;
	}
}

void wire_expect(int fd, const void *data, size_t len)
{
	uint8_t *got = malloc(len + 1);
	wire_read(fd, got, len);
	assert_memory_equal(got, data, len);
	free(got);
}

void wire_expect_end(int fd)
{
	uint8_t byte;
	if (!wire_readable(fd, WIRE_PATIENCE_MS))
		fail_msg("no end came");
	ssize_t count = read(fd, &byte, 1);
	assert_true(count == 0 || (count < 0 && errno == ECONNRESET));
}

uint8_t wire_read_message(int fd, struct script *script)
{
	uint8_t header[5];
	wire_read(fd, header, sizeof header);
	uint32_t body = bytes_get_u32(header + 1) - 4;
	assert_true(body <= sizeof script->bytes - sizeof header);
	memcpy(script->bytes, header, sizeof header);
	wire_read(fd, script->bytes + sizeof header, body);
	script->len = sizeof header + body;
	return header[0];
}

void wire_expect_silence(int fd)
{
	assert_false(wire_readable(fd, 50));
}

void script_add(struct script *script, uint8_t type, const char *format, ...)
{
	uint8_t *start = script->bytes + script->len;
	uint8_t *at = start + 5;
	va_list arguments;
	va_start(arguments, format);
	for (; *format; format++) {
		if (*format == 's' || *format == 'S') {
			const char *text = va_arg(arguments, const char *);
			size_t len = strlen(text) + (*format == 's');
			assert_true(at + len + 8 < script->bytes + sizeof script->bytes);
			memcpy(at, text, len);
			at += len;
		} else if (*format == 'b') {
			*at++ = (uint8_t)va_arg(arguments, int);
		} else if (*format == 'h') {
			int value = va_arg(arguments, int);
			*at++ = (uint8_t)(value >> 8);
			*at++ = (uint8_t)value;
		} else {
			bytes_put_u32(at, (uint32_t)va_arg(arguments, int));
			at += 4;
		}
	}
	va_end(arguments);
	start[0] = type;
	bytes_put_u32(start + 1, (uint32_t)(at - start - 1));
	script->len = (size_t)(at - script->bytes);
}

void script_send(int fd, const struct script *script)
{
	wire_send(fd, script->bytes, script->len);
}

void script_expect(int fd, const struct script *script)
{
	wire_expect(fd, script->bytes, script->len);
}

void wire_publish_shop(struct wire *wire)
{
	static const struct wire_table product = {"public", "shop_product"};
	wire_publish(wire, &product, 1);
}

void wire_publish(struct wire *wire, const struct wire_table *tables, size_t count)
{
	static const struct catalog_column columns[] = {
	    {.name = "id",
	     .number = 1,
	     .type_schema = "pg_catalog",
	     .type = "int4",
	     .type_oid = TYPE_INT4,
	     .type_modifier = -1,
	     .not_null = true},
	    {.name = "name",
	     .number = 2,
	     .type_schema = "pg_catalog",
	     .type = "varchar",
	     .type_oid = TYPE_VARCHAR,
	     .type_modifier = 104,
	     .collation = "default",
	     .collation_oid = COLLATION_DEFAULT},
	    {.name = "stock",
	     .number = 3,
	     .type_schema = "pg_catalog",
	     .type = "int4",
	     .type_oid = TYPE_INT4,
	     .type_modifier = -1},
	};
	struct catalog *catalog = catalog_new("shop");
	catalog_set_dictionary(catalog, dictionary_file());
	for (size_t at = 0; at < count; at++) {
		const struct catalog_relation relation = {
		    .oid = 20001 + (uint32_t)at,
		    .schema = tables[at].schema,
		    .name = tables[at].name,
		    .kind = CATALOG_TABLE,
		    .analyzed = true,
		    .rows = 1200000,
		    .bytes = 200000000,
		    .columns = columns,
		    .column_count = 3,
		};
		catalog_add_relation(catalog, &relation);
	}
	catalog_seal(catalog);
	workers_publish(wire->workers, catalog);
	/* What a client sends from now on comes after it. */
	while (atomic_load(&wire->worker->catalogs.slot) != NULL)
		usleep(100);
}
