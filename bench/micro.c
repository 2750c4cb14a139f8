/* What recognition costs, without a socket: the statements of a corpus (each ended by a zero byte) through sqlkey, the
 * inspector and, for comparison, libpg_query's own fingerprint and parse; the frames of a reply; judging. The parts
 * take turns, so that a machine whose speed drifts treats them alike; the median of the rounds is printed, with the
 * extremes.
 *
 *      bench_micro WARM_UP CORPUS ROUNDS      one line a figure: NAME TAB UNIT TAB MEDIAN TAB MIN TAB MAX */
#include "config/check.h"
#include "config/limits.h"
#include "inspect/inspector.h"
#include "protocol/frame.h"

#include <pg_query.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS_MAX = 100, PARTS_MAX = 32, REPLY_ROWS = 100 };

struct text {
	const char *sql;
	size_t len;
};

struct corpus {
	char *bytes;
	struct text *texts;
	size_t count, sql_bytes;
};

struct figure {
	const char *name, *unit;
	double values[ROUNDS_MAX];
	unsigned count;
};

static struct corpus warm_up, corpus;
static unsigned rounds;
static struct figure figures[PARTS_MAX];
static unsigned figure_count;
static volatile uint64_t sink; /* so that nothing is optimised away */

static void *run(void *context);
static void corpus_read(struct corpus *into, const char *path);
static void corpus_free(struct corpus *from);
static void recognise_all(struct inspector *inspector, const struct session_state *session, const struct corpus *texts);
static double now_ns(void);
static void note(const char *name, const char *unit, double value);
static void print_all(void);
static int compare(const void *left, const void *right);
static void measure_sqlkey(struct sqlkey_scratch *scratch);
static void measure_inspector(struct inspector *inspector, const struct session_state *session);
static void measure_judge(struct inspector *inspector, const struct session_state *session);
static void measure_bind(struct inspector *inspector, const struct session_state *session);
static void measure_library(struct inspector *inspector, const struct session_state *session);
static void measure_frame(void);

int main(int count, char **arguments)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (count != 4) {
		fprintf(stderr, "usage: bench_micro WARM_UP CORPUS ROUNDS\n");
		return 2;
	}
	corpus_read(&warm_up, arguments[1]);
	corpus_read(&corpus, arguments[2]);
	rounds = (unsigned)strtoul(arguments[3], NULL, 10);
	if (rounds == 0 || rounds > ROUNDS_MAX)
		rounds = 5;
	/* libpg_query recurses: it gets the stack it has in production. */
	CHECK(pthread_attr_init(&attributes) == 0);
	CHECK(pthread_attr_setstacksize(&attributes, LIMIT_PARSE_STACK_BYTES) == 0);
	CHECK(pthread_create(&thread, &attributes, run, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	pthread_attr_destroy(&attributes);
	return 0;
}

static void *run(void *context)
{
	struct settings *settings = calloc(1, sizeof(*settings));
	static struct rule_settings rules;
	struct sqlkey_scratch *scratch = sqlkey_scratch_new();
	struct inspector_figures before, after;
	struct session_state session;
	struct inspector *inspector;
	char error[256];

	(void)context;
	CHECK(settings);
	settings_defaults(settings);
	CHECK(rules_configure(&rules, settings, error, sizeof(error)));
	inspector = inspector_new(settings, &rules);
	session_state_init(&session, "shop", 4, "bench", 5);
	recognise_all(inspector, &session, &warm_up);
	before = inspector_figures(inspector);
	note("warm-up: misses", "statements", (double)before.misses);
	note("warm-up: parsing", "us/miss", (double)before.parse_ns / 1e3 / (double)before.misses);
	/* Other texts of the same statements, each for the first time. */
	recognise_all(inspector, &session, &corpus);
	after = inspector_figures(inspector);
	note("cache hits after warm-up", "%",
	     100.0 * (double)(after.hits - before.hits) /
	         (double)(after.hits - before.hits + after.misses - before.misses));
	note("opaque", "statements", (double)after.opaque);
	note("statements in the corpus", "statements", (double)corpus.count);
	note("mean statement", "bytes", (double)corpus.sql_bytes / (double)corpus.count);
	for (unsigned round = 0; round < rounds; round++) {
		measure_sqlkey(scratch);
		measure_inspector(inspector, &session);
		measure_judge(inspector, &session);
		measure_bind(inspector, &session);
		measure_library(inspector, &session);
		measure_frame();
	}
	print_all();
	session_state_fini(&session);
	inspector_free(inspector);
	sqlkey_scratch_free(scratch);
	free(settings);
	corpus_free(&warm_up);
	corpus_free(&corpus);
	return NULL;
}

static void recognise_all(struct inspector *inspector, const struct session_state *session, const struct corpus *texts)
{
	for (size_t at = 0; at < texts->count; at++)
		cache_unref(inspector_recognise(inspector, session, texts->texts[at].sql, texts->texts[at].len));
}

static void corpus_free(struct corpus *from)
{
	free(from->texts);
	free(from->bytes);
}

static void corpus_read(struct corpus *into, const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;

	CHECK(file && fseek(file, 0, SEEK_END) == 0);
	size = ftell(file);
	CHECK(size > 0 && fseek(file, 0, SEEK_SET) == 0);
	into->bytes = malloc((size_t)size + 1);
	CHECK(into->bytes && fread(into->bytes, 1, (size_t)size, file) == (size_t)size);
	fclose(file);
	into->bytes[size] = '\0';
	for (const char *at = into->bytes; at < into->bytes + size; at += strlen(at) + 1)
		into->count++;
	into->texts = calloc(into->count, sizeof(*into->texts));
	CHECK(into->texts);
	into->count = 0;
	for (const char *at = into->bytes; at < into->bytes + size; at += strlen(at) + 1) {
		into->texts[into->count++] = (struct text){at, strlen(at)};
		into->sql_bytes += strlen(at);
	}
}

/* Of this thread only: what else runs on the machine is not counted. */
static double now_ns(void)
{
	struct timespec now;

	CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void note(const char *name, const char *unit, double value)
{
	unsigned at = 0;

	while (at < figure_count && strcmp(figures[at].name, name) != 0)
		at++;
	CHECK(at < PARTS_MAX);
	if (at == figure_count)
		figures[figure_count++] = (struct figure){.name = name, .unit = unit};
	CHECK(figures[at].count < ROUNDS_MAX);
	figures[at].values[figures[at].count++] = value;
}

static void print_all(void)
{
	for (unsigned at = 0; at < figure_count; at++) {
		struct figure *figure = &figures[at];

		qsort(figure->values, figure->count, sizeof(*figure->values), compare);
		printf("%s\t%s\t%.4g\t%.4g\t%.4g\n", figure->name, figure->unit, figure->values[figure->count / 2],
		       figure->values[0], figure->values[figure->count - 1]);
	}
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

static void measure_sqlkey(struct sqlkey_scratch *scratch)
{
	const struct sqlkey_options options = {.standard_conforming_strings = true};
	double began = now_ns(), took;
	struct sqlkey key;

	for (size_t at = 0; at < corpus.count; at++) {
		sink += (uint64_t)sqlkey_of(scratch, corpus.texts[at].sql, corpus.texts[at].len, &options, &key);
		sink += key.low;
	}
	took = now_ns() - began;
	note("sqlkey, whole pass", "ns/statement", took / (double)corpus.count);
	note("sqlkey, whole pass, per KB", "us/KB", took / (double)corpus.sql_bytes * 1024 / 1e3);
	note("sqlkey, whole pass, speed", "bytes/us", (double)corpus.sql_bytes / (took / 1e3));
}

static void measure_inspector(struct inspector *inspector, const struct session_state *session)
{
	double began = now_ns(), took;

	for (size_t at = 0; at < corpus.count; at++) {
		struct statement *statement =
		    inspector_recognise(inspector, session, corpus.texts[at].sql, corpus.texts[at].len);

		sink += statement->fingerprint;
		cache_unref(statement);
	}
	took = now_ns() - began;
	note("recognition on a hit", "ns/statement", took / (double)corpus.count);
	note("recognition on a hit, per KB", "us/KB", took / (double)corpus.sql_bytes * 1024 / 1e3);
}

static void measure_judge(struct inspector *inspector, const struct session_state *session)
{
	size_t count = corpus.count < 2000 ? corpus.count : 2000;
	struct statement **statements = calloc(count, sizeof(struct statement *));
	double began;

	CHECK(statements);
	for (size_t at = 0; at < count; at++)
		statements[at] = inspector_recognise(inspector, session, corpus.texts[at].sql, corpus.texts[at].len);
	for (size_t at = 0; at < count; at++)
		sink += inspector_judge(inspector, statements[at], session, NULL, 0)->count;
	began = now_ns();
	for (size_t at = 0; at < count; at++)
		sink += inspector_judge(inspector, statements[at], session, NULL, 0)->count;
	note("judge, verdict known", "ns/statement", (now_ns() - began) / (double)count);
	began = now_ns();
	for (size_t at = 0; at < count; at++) {
		verdicts_fini(&statements[at]->verdicts);
		sink += inspector_judge(inspector, statements[at], session, NULL, 0)->count;
	}
	note("judge, anew, no catalog", "ns/statement", (now_ns() - began) / (double)count);
	for (size_t at = 0; at < count; at++)
		cache_unref(statements[at]);
	free(statements);
}

/* A Bind of a pattern, of values that come again in their kind, not in their letters; shaping them is part of it. */
static void measure_bind(struct inspector *inspector, const struct session_state *session)
{
	enum { TIMES = 20000 };
	static const char sql[] = "SELECT id FROM product WHERE UPPER(name::text) LIKE UPPER($1) AND owner = $2 LIMIT $3";
	struct statement *statement = inspector_recognise(inspector, session, sql, strlen(sql));
	double began = now_ns();

	for (unsigned at = 0; at < TIMES; at++) {
		char pattern[] = "%lamp aaaa%";
		struct bound_shape bound[3] = {{0}};

		for (size_t letter = 6; letter < 10; letter++)
			pattern[letter] = (char)('a' + (at >> letter) % 16);
		for (uint16_t parameter = 0; parameter < statement->wants.count; parameter++)
			bound[parameter] = shape_wanted(pattern, strlen(pattern), statement->wants.of[parameter]);
		sink += inspector_judge(inspector, statement, session, bound, statement->wants.count)->count;
	}
	note("judge at Bind, class known", "ns/statement", (now_ns() - began) / TIMES);
	cache_unref(statement);
}

/* On a part of the corpus, being slow; the same part through the inspector gives the comparison. */
static void measure_library(struct inspector *inspector, const struct session_state *session)
{
	size_t bytes = 0, count = 0;
	double began, library, own;

	while (count < corpus.count && (count < 500 || bytes < 200000))
		bytes += corpus.texts[count++].len;
	began = now_ns();
	for (size_t at = 0; at < count; at++) {
		PgQueryFingerprintResult fingerprint = pg_query_fingerprint(corpus.texts[at].sql);
		PgQueryParseResult parsed = pg_query_parse(corpus.texts[at].sql);

		sink += fingerprint.fingerprint;
		pg_query_free_fingerprint_result(fingerprint);
		pg_query_free_parse_result(parsed);
	}
	library = now_ns() - began;
	began = now_ns();
	for (size_t at = 0; at < count; at++)
		cache_unref(inspector_recognise(inspector, session, corpus.texts[at].sql, corpus.texts[at].len));
	own = now_ns() - began;
	note("pg_query_fingerprint + pg_query_parse", "ns/statement", library / (double)count);
	note("pg_query_fingerprint + pg_query_parse, per KB", "us/KB", library / (double)bytes * 1024 / 1e3);
	note("libpg_query's time / recognition's on a hit", "times", library / own);
}

/* The reply to a SELECT of REPLY_ROWS rows, cut as the relay cuts it. */
static void measure_frame(void)
{
	enum { ROW_BYTES = 60 };
	static uint8_t reply[(REPLY_ROWS + 1) * (ROW_BYTES + 5)];
	size_t len = 0, messages = 0;
	struct frame frame;
	double began, took;

	for (unsigned row = 0; row < REPLY_ROWS; row++) {
		reply[len] = 'D';
		bytes_put_u32(reply + len + 1, ROW_BYTES + 4);
		len += ROW_BYTES + 5;
	}
	frame_init(&frame);
	began = now_ns();
	for (unsigned again = 0; again < 1000; again++) {
		for (size_t at = 0; at < len;) {
			struct frame_piece piece;
			enum frame_event event = frame_next(&frame, (struct bytes){reply + at, len - at}, &piece);

			at += piece.input_bytes;
			messages += event == FRAME_BODY && piece.last;
		}
	}
	took = now_ns() - began;
	CHECK(messages == 1000 * REPLY_ROWS);
	note("frame", "ns/message", took / (double)messages);
}
