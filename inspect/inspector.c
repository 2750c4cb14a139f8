#include "inspect/inspector.h"
#include "inspect/withdrawn.h"
#include "inspect/rules/documents.h"
#include "inspect/tree/parse.h"
#include "inspect/rules/progress.h"
#include "inspect/session/readings.h"
#include "inspect/rules/traffic.h"
#include "inspect/rules/views.h"
#include "inspect/access/search.h"

#include <string.h>
#include <time.h>

static const struct inspector_types no_types;

struct reading_figures {
	uint64_t parsed, opaque, parse_ns;
};

/* A key that need not be made twice: of the text that lies there, and of no later one. */
struct inspector_key {
	const char *sql; /* NULL: none */
	size_t len;
	struct sqlkey_options options;
	enum sqlkey_result result;
	struct sqlkey key;
	bool fresh; /* sqlkey has looked at no other text since */
};

struct inspector {
	const struct rule_settings *rules;
	struct sqlkey_scratch *scratch;
	struct encoding_reader *reader;
	struct cache cache;
	struct statement *oversize, *encoding, *fastpath; /* what stands for texts that are not looked at */
	struct catalog *catalogs[LIMIT_DATABASES];
	uint32_t catalog_count;
	struct verdict nothing; /* of what is empty or opaque */
	struct reading_figures figures;
	struct statement *read;          /* elsewhere, and not yet asked for; NULL: none */
	struct inspector_key last;       /* made by inspector_begin */
	uint64_t withdrawn[LIMIT_RULES]; /* since they were last taken */
	struct documents *documents;
	struct usage usage;      /* of its own sessions */
	struct usage *elsewhere; /* of all; NULL: it is the only one */
	bool watches;
	int64_t recalled_ms; /* the time to which that is known; 0: now */
	struct verdict observed; /* of the traffic, or of an audit */
	struct arena usages;     /* told last */
};

/* Belongs to the thread that reads it, until inspector_end. */
struct inspector_reading {
	struct statement *statement;
	struct reading_figures figures;
	struct inspector_key key;
	size_t len;
	char sql[];
};

static struct statement *read_all(struct inspector *inspector, const struct session_state *session,
                                  struct statement *first, const char *sql, size_t len,
                                  const struct inspector_types *types);
static struct statement *read_as(struct inspector *inspector, const struct session_state *session,
                                 const struct encoding *encoding, bool conforming, const char *sql, size_t len,
                                 const struct inspector_types *types);
static struct statement *statement_new(const struct sqlkey *key, const struct session_state *session,
                                       const struct inspector_types *types);
static struct inspector_key key_of(struct inspector *inspector, const struct sqlkey_options *options, const char *sql,
                                   size_t len);
static void read_statement(struct statement *statement, enum sqlkey_result result, bool conforming, const char *sql,
                           size_t len, struct reading_figures *figures);
static void make_opaque(struct statement *statement, enum opaque_reason reason, struct reading_figures *figures);
static const struct verdict *judge_by(struct inspector *inspector, struct statement *statement, struct context *input,
                                      bool once);
static bool has_ddl(const struct parsed *parsed);
static void ran(struct inspector *inspector, const struct statement *statement, const struct session_state *session,
                const struct usage_use *use, struct usage *also, bool *fresh);
static uint64_t thread_ns(void);
static int64_t wall_ms(void);

struct inspector *inspector_new(const struct settings *settings, const struct rule_settings *rules)
{
	struct inspector *inspector = calloc(1, sizeof(*inspector));

	(void)settings; /* thresholds and actions are in `rules`, ceilings in limits.h */
	CHECK(inspector);
	inspector->rules = rules;
	inspector->scratch = sqlkey_scratch_new();
	inspector->reader = encoding_reader_new();
	cache_init(&inspector->cache);
	verdict_init(&inspector->nothing);
	verdict_init(&inspector->observed);
	arena_init(&inspector->usages);
	inspector->documents = calloc(1, sizeof(*inspector->documents));
	CHECK(inspector->documents);
	inspector->oversize = cache_statement_new(&(struct sqlkey){0});
	make_opaque(inspector->oversize, OPAQUE_OVERSIZE, &inspector->figures);
	inspector->encoding = cache_statement_new(&(struct sqlkey){.low = 1});
	make_opaque(inspector->encoding, OPAQUE_ENCODING, &inspector->figures);
	inspector->fastpath = cache_statement_new(&(struct sqlkey){.low = 2});
	make_opaque(inspector->fastpath, OPAQUE_FASTPATH, &inspector->figures);
	inspector->figures.opaque = 0;
	return inspector;
}

void inspector_free(struct inspector *inspector)
{
	if (!inspector)
		return;
	for (uint32_t at = 0; at < inspector->catalog_count; at++)
		catalog_unref(inspector->catalogs[at]);
	cache_unref(inspector->read);
	cache_unref(inspector->oversize);
	cache_unref(inspector->encoding);
	cache_unref(inspector->fastpath);
	cache_fini(&inspector->cache);
	verdict_fini(&inspector->nothing);
	verdict_fini(&inspector->observed);
	arena_fini(&inspector->usages);
	documents_fini(inspector->documents);
	free(inspector->documents);
	usage_fini(&inspector->usage);
	usage_unref(inspector->elsewhere);
	sqlkey_scratch_free(inspector->scratch);
	encoding_reader_free(inspector->reader);
	free(inspector);
}

void inspector_put_catalog(struct inspector *inspector, struct catalog *catalog)
{
	const char *database = catalog_database(catalog);

	if (inspector->watches)
		usage_watch(&inspector->usage, usage_database_key(database), wall_ms());
	for (uint32_t at = 0; at < inspector->catalog_count; at++) {
		if (strcmp(catalog_database(inspector->catalogs[at]), database) == 0) {
			catalog_unref(inspector->catalogs[at]);
			inspector->catalogs[at] = catalog;
			return;
		}
	}
	/* More databases than settings may name: their sessions are judged without a catalog, and say so. */
	if (inspector->catalog_count == LIMIT_DATABASES) {
		catalog_unref(catalog);
		return;
	}
	inspector->catalogs[inspector->catalog_count++] = catalog;
}

const struct catalog *inspector_catalog(const struct inspector *inspector, const char *database)
{
	for (uint32_t at = 0; at < inspector->catalog_count; at++) {
		if (strcmp(catalog_database(inspector->catalogs[at]), database) == 0)
			return inspector->catalogs[at];
	}
	return NULL;
}

struct statement *inspector_recognise(struct inspector *inspector, const struct session_state *session, const char *sql,
                                      size_t len)
{
	return inspector_recognise_typed(inspector, session, sql, len, NULL);
}

struct statement *inspector_recognise_typed(struct inspector *inspector, const struct session_state *session,
                                            const char *sql, size_t len, const struct inspector_types *types)
{
	const struct encoding *encoding = session_state_encoding(session);
	const struct inspector_types *declared = types ? types : &no_types;
	struct statement *statement =
	    read_as(inspector, session, encoding, session->standard_conforming_strings, sql, len, declared);

	return session->unsettled ? read_all(inspector, session, statement, sql, len, declared) : statement;
}

struct inspector_reading *inspector_begin(struct inspector *inspector, const struct session_state *session,
                                          const char *sql, size_t len, const struct inspector_types *types)
{
	const struct sqlkey_options options = {
	    .standard_conforming_strings = session->standard_conforming_strings,
	    .scope = session->scope,
	    .types = types ? sqlkey_types(types->oids, types->count) : 0,
	};
	struct inspector_reading *reading;

	inspector->last.sql = NULL;
	/* A text that has to be recoded first is rare, and read where it stands. */
	if (len < LIMIT_PARSE_BYTES_AT_ONCE || !encoding_is_plain(session_state_encoding(session)))
		return NULL;
	inspector->last = key_of(inspector, &options, sql, len);
	if ((inspector->last.result != SQLKEY_OK && inspector->last.result != SQLKEY_EMPTY) ||
	    cache_has(&inspector->cache, &inspector->last.key))
		return NULL;
	reading = malloc(sizeof(*reading) + len);
	CHECK(reading);
	*reading = (struct inspector_reading){
	    .statement = statement_new(&inspector->last.key, session, types ? types : &no_types),
	    .key = inspector->last,
	    .len = len,
	};
	memcpy(reading->sql, sql, len);
	inspector->last.sql = NULL;
	return reading;
}

void inspector_read(struct inspector_reading *reading)
{
	read_statement(reading->statement, reading->key.result, reading->key.options.standard_conforming_strings,
	               reading->sql, reading->len, &reading->figures);
}

void inspector_end(struct inspector *inspector, struct inspector_reading *reading)
{
	cache_unref(inspector->read);
	inspector->read = reading->statement;
	inspector->last = reading->key;
	inspector->last.fresh = false;
	inspector->figures.parsed += reading->figures.parsed;
	inspector->figures.opaque += reading->figures.opaque;
	inspector->figures.parse_ns += reading->figures.parse_ns;
	free(reading);
}

bool inspector_text(struct inspector *inspector, const struct session_state *session, const char **text, size_t *len)
{
	const struct encoding *encoding = session_state_encoding(session);

	if (encoding_is_plain(encoding) || encoding_is_ascii(*text, *len))
		return true;
	return encoding_read(inspector->reader, encoding, *text, *len, text, len);
}

void inspector_write(struct inspector *inspector, const struct session_state *session, const char *utf8, char *to,
                     size_t size)
{
	encoding_write(inspector->reader, session_state_encoding(session), utf8, to, size);
}

struct statement *inspector_oversize(struct inspector *inspector)
{
	return cache_ref(inspector->oversize);
}

struct statement *inspector_fastpath(struct inspector *inspector)
{
	return cache_ref(inspector->fastpath);
}

const struct verdict *inspector_judge(struct inspector *inspector, struct statement *statement,
                                      const struct session_state *session, const struct bound_shape *bound,
                                      uint16_t bound_count)
{
	if (statement->opaque != OPAQUE_NONE || statement->statement_count == 0)
		return &inspector->nothing;

	const struct catalog *catalog = inspector_catalog(inspector, session->database);
	const struct verdict *verdict = NULL;
	bool values = bound && (statement->wants_parameters || statement->plan_matters);
	/* What the session created in its open transaction is not in the key; and what was prepared is planned anew under
	 * another search_path. */
	bool once = session->created || statement->scope != session->scope;
	for (uint16_t at = 0; at < statement->statement_count && !once; at++)
		once = progress_matters(&statement->facts[at], session);
	if (!once && !values)
		verdict = verdicts_unbound(&statement->verdicts, catalog ? catalog_generation(catalog) : 0);
	if (!verdict) {
		struct context input = {
		    .catalog = catalog,
		    .session = session,
		    .settings = inspector->rules,
		    .bound = values ? bound : NULL,
		    .bound_count = bound_count,
		};
		verdict = judge_by(inspector, statement, &input, once);
	}
	if (!values)
		statement->plan_matters = verdict->plan_matters;
	return verdict;
}

static const struct verdict *judge_by(struct inspector *inspector, struct statement *statement, struct context *input,
                                      bool once)
{
	struct verdicts_wanted wanted = verdicts_wanted(&statement->wants, input);
	const struct verdict *kept = once ? NULL : verdicts_find(&statement->verdicts, &wanted);
	struct verdict verdict, before;
	struct traffic traffic;
	bool is_known;

	if (kept)
		return kept;
	verdict_init(&verdict);
	if (statement->has_ddl && inspector->watches) {
		traffic = (struct traffic){
		    .usage = &inspector->usage,
		    .elsewhere = inspector->elsewhere,
		    .session = input->session->number,
		    .now_ms = inspector->recalled_ms > 0 ? inspector->recalled_ms : wall_ms(),
		};
		input->traffic = &traffic;
	}
	rules_judge(statement->facts, statement->statement_count, input, &verdict);
	if (input->catalog && statement->audited != catalog_generation(input->catalog)) {
		statement->audited = catalog_generation(input->catalog);
		statement->unaudited = true;
	}
	if (once)
		return verdicts_once(&statement->verdicts, &verdict);
	kept = verdicts_put(&statement->verdicts, &wanted, &verdict, &before, &is_known);
	if (is_known) {
		withdrawn_count(inspector->withdrawn, &before, kept);
		verdict_fini(&before);
	}
	return kept;
}

void inspector_completed(struct inspector *inspector, const struct statement *statement, struct session_state *session)
{
	struct context input = {
	    .catalog = inspector_catalog(inspector, session->database),
	    .session = session,
	    .settings = inspector->rules,
	};

	for (uint16_t at = 0; at < statement->statement_count; at++) {
		input.facts = &statement->facts[at];
		progress_completed(&input, session);
	}
}

void inspector_watch(struct inspector *inspector)
{
	inspector->watches = true;
}

void inspector_recall(struct inspector *inspector, const struct usage *past, int64_t now_ms)
{
	usage_merge(&inspector->usage, past);
	inspector->watches = true;
	inspector->recalled_ms = now_ms;
}

bool inspector_ran(struct inspector *inspector, struct statement *statement, const struct session_state *session,
                   uint32_t interval, const char *route, struct usage *also)
{
	bool fresh = false, again = statement->used_interval == interval;

	if (again && (statement->used_shared || statement->used_session == session->number))
		return false;
	statement->used_shared = again;
	statement->used_interval = interval;
	statement->used_session = session->number;

	struct usage_use use = {
	    .at_ms = wall_ms(),
	    .session = session->number,
	    .fingerprint = statement->fingerprint,
	};
	snprintf(use.route, sizeof(use.route), "%s", route);
	if (statement->opaque != OPAQUE_NONE)
		inspector_missed(inspector, session->database, also);
	for (uint16_t at = 0; at < (statement->readings ? statement->reading_count : 1); at++)
		ran(inspector, statement->readings ? statement->readings[at] : statement, session, &use, also, &fresh);
	return fresh;
}

void inspector_missed(struct inspector *inspector, const char *database, struct usage *also)
{
	uint64_t key = usage_database_key(database);

	usage_unclear(&inspector->usage, key, wall_ms());
	if (also)
		usage_unclear(also, key, wall_ms());
}

void inspector_put_usage(struct inspector *inspector, struct usage *usage)
{
	usage_unref(inspector->elsewhere);
	inspector->elsewhere = usage;
	inspector->documents->elsewhere = usage;
}

static void ran(struct inspector *inspector, const struct statement *statement, const struct session_state *session,
                const struct usage_use *use, struct usage *also, bool *fresh)
{
	bool catalog_missing = false;
	struct context input = {
	    .catalog = inspector_catalog(inspector, session->database),
	    .session = session,
	    .settings = inspector->rules,
	    .earlier = statement->facts,
	    .catalog_missing = &catalog_missing,
	};

	for (uint16_t at = 0; at < statement->statement_count; at++) {
		input.facts = &statement->facts[at];
		input.earlier_count = at;
		*fresh |= traffic_ran(&inspector->usage, also, &input, use);
	}
}

const struct verdict *inspector_observe(struct inspector *inspector, const struct statement *statement,
                                        const struct session_state *session, const struct bound_shape *bound,
                                        uint16_t bound_count)
{
	if (!statement->stores_documents && !(statement->stores_parameters && bound) &&
	    inspector->documents->count == 0 && !inspector->documents->also)
		return NULL;

	struct verdict *verdict = &inspector->observed;
	bool catalog_missing = false;
	struct context input = {
	    .catalog = inspector_catalog(inspector, session->database),
	    .session = session,
	    .settings = inspector->rules,
	    .bound = bound,
	    .bound_count = bound ? bound_count : 0,
	    .earlier = statement->facts,
	    .catalog_missing = &catalog_missing,
	};
	verdict_fini(verdict);
	verdict_init(verdict);
	for (uint16_t at = 0; at < statement->statement_count; at++) {
		input.facts = &statement->facts[at];
		input.earlier_count = at;
		if (input.facts->assignment_count > 0)
			documents_observe(inspector->documents, &input, statement->fingerprint, statement->query,
			                  verdict);
	}
	return verdict->count > 0 ? verdict : NULL;
}

void inspector_share_documents(struct inspector *inspector, struct usage *also, uint32_t owner)
{
	inspector->documents->also = also;
	inspector->documents->owner = owner;
}

const struct verdict *inspector_summed(struct inspector *inspector, uint32_t *at, struct documents_told *of)
{
	verdict_fini(&inspector->observed);
	verdict_init(&inspector->observed);
	return documents_next(inspector->documents, inspector->catalogs, inspector->catalog_count, inspector->rules, at,
	                      &inspector->observed, of)
	           ? &inspector->observed
	           : NULL;
}

const struct verdict *inspector_audit(struct inspector *inspector, const struct catalog *catalog, uint32_t at)
{
	struct verdict *verdict = &inspector->observed;
	const struct context input = {.catalog = catalog, .settings = inspector->rules};

	verdict_fini(verdict);
	verdict_init(verdict);
	rules_audit(&input, catalog_relation_at(catalog, at), verdict);
	return verdict->count > 0 ? verdict : NULL;
}

const struct column_use *inspector_usages(struct inspector *inspector, struct statement *statement,
                                     const struct session_state *session, uint16_t at, uint16_t *count)
{
	struct searches *searches = NULL;
	bool catalog_missing = false;
	struct context input = {
	    .facts = &statement->facts[at],
	    .catalog = inspector_catalog(inspector, session->database),
	    .session = session,
	    .settings = inspector->rules,
	    .earlier = statement->facts,
	    .earlier_count = at,
	    .catalog_missing = &catalog_missing,
	    .searches = &searches,
	};
	CHECK(at < statement->statement_count);
	arena_fini(&inspector->usages);
	arena_init(&inspector->usages);
	input.facts = views_open(&input, &inspector->usages);
	const struct column_use *usages = rules_usage_list(&input, &inspector->usages, count);
	search_free(searches);
	return usages;
}

void inspector_take_withdrawn(struct inspector *inspector, uint64_t withdrawn[LIMIT_RULES])
{
	for (size_t rule = 0; rule < LIMIT_RULES; rule++) {
		withdrawn[rule] += inspector->withdrawn[rule];
		inspector->withdrawn[rule] = 0;
	}
}

struct inspector_figures inspector_figures(const struct inspector *inspector)
{
	return (struct inspector_figures){
	    .hits = inspector->cache.hits,
	    .misses = inspector->cache.misses,
	    .evictions = inspector->cache.evictions,
	    .parsed = inspector->figures.parsed,
	    .opaque = inspector->figures.opaque,
	    .parse_ns = inspector->figures.parse_ns,
	    .statements = cache_count(&inspector->cache),
	    .bytes = cache_bytes(&inspector->cache),
	};
}

/* Every reading that the server may take, `first` among them. */
static struct statement *read_all(struct inspector *inspector, const struct session_state *session,
                                  struct statement *first, const char *sql, size_t len,
                                  const struct inspector_types *types)
{
	struct readings_way ways[READINGS_MAX];
	struct statement *readings[1 + READINGS_MAX];
	size_t way_count = readings_list(session, sql, len, first->opaque == OPAQUE_ENCODING, ways);
	uint16_t count = 0;

	readings[count++] = first;
	for (size_t at = 0; at < way_count; at++) {
		struct statement *statement = read_as(inspector, session, ways[at].encoding,
		                                      ways[at].standard_conforming_strings, sql, len, types);
		bool known = false;

		for (uint16_t other = 0; other < count; other++)
			known |= readings[other] == statement;
		/* What can't be parsed has nothing in it to be judged. */
		if (statement->statement_count > 0 && !known)
			readings[count++] = statement;
		else
			cache_unref(statement);
	}
	return count == 1 ? first : cache_readings_new(readings, count);
}

static struct statement *read_as(struct inspector *inspector, const struct session_state *session,
                                 const struct encoding *encoding, bool conforming, const char *sql, size_t len,
                                 const struct inspector_types *types)
{
	const struct sqlkey_options options = {
	    .standard_conforming_strings = conforming,
	    .scope = session->scope,
	    .types = sqlkey_types(types->oids, types->count),
	};
	struct statement *statement;
	struct inspector_key key;

	if (!encoding_is_plain(encoding) && !encoding_is_ascii(sql, len) &&
	    !encoding_read(inspector->reader, encoding, sql, len, &sql, &len)) {
		inspector->figures.opaque++;
		return cache_ref(inspector->encoding);
	}
	key = key_of(inspector, &options, sql, len);
	statement = cache_find(&inspector->cache, &key.key);
	if (statement) {
		if (key.fresh)
			sqlkey_learn(inspector->scratch, sql);
		return cache_ref(statement);
	}
	statement = inspector->read;
	if (statement && statement->key.low == key.key.low && statement->key.high == key.key.high) {
		inspector->read = NULL;
	} else {
		statement = statement_new(&key.key, session, types);
		read_statement(statement, key.result, conforming, sql, len, &inspector->figures);
	}
	cache_insert(&inspector->cache, statement);
	return statement;
}

static struct statement *statement_new(const struct sqlkey *key, const struct session_state *session,
                                       const struct inspector_types *types)
{
	struct statement *statement = cache_statement_new(key);

	statement->scope = session->scope;
	if (types->count > 0) {
		uint32_t *oids = arena_alloc(&statement->arena, types->count * sizeof(*oids));

		memcpy(oids, types->oids, types->count * sizeof(*oids));
		statement->parameter_oids = oids;
		statement->parameter_oid_count = types->count;
	}
	return statement;
}

static struct inspector_key key_of(struct inspector *inspector, const struct sqlkey_options *options, const char *sql,
                                   size_t len)
{
	struct inspector_key key = inspector->last;

	inspector->last.sql = NULL;
	if (key.sql == sql && key.len == len && key.options.scope == options->scope &&
	    key.options.types == options->types &&
	    key.options.standard_conforming_strings == options->standard_conforming_strings)
		return key;
	key = (struct inspector_key){.sql = sql, .len = len, .options = *options, .fresh = true};
	key.result = sqlkey_of(inspector->scratch, sql, len, options, &key.key);
	return key;
}

static void read_statement(struct statement *statement, enum sqlkey_result result, bool conforming, const char *sql,
                           size_t len, struct reading_figures *figures)
{
	struct parsed parsed;
	enum parse_result outcome;
	uint64_t began;

	switch (result) {
	case SQLKEY_OK:
	case SQLKEY_EMPTY:
		break;
	case SQLKEY_UNTERMINATED:
		make_opaque(statement, OPAQUE_UNTERMINATED, figures);
		return;
	case SQLKEY_TOO_DEEP:
		make_opaque(statement, OPAQUE_TOO_DEEP, figures);
		return;
	case SQLKEY_TOO_LONG:
		make_opaque(statement, OPAQUE_TOO_LONG, figures);
		return;
	}
	began = thread_ns();
	outcome = parse_sql_conforming(sql, len, conforming, &statement->arena, &parsed);
	figures->parse_ns += thread_ns() - began;
	figures->parsed++;
	if (outcome != PARSE_OK) {
		make_opaque(statement, outcome == PARSE_SYNTAX ? OPAQUE_SYNTAX : OPAQUE_TOO_LONG, figures);
		return;
	}
	statement->fingerprint = parsed.fingerprint;
	statement->query = parsed.query;
	statement->facts = parsed.facts;
	statement->statement_count = parsed.statement_count;
	statement->has_ddl = has_ddl(&parsed);
	statement->wants_parameters = rules_want_parameters(parsed.facts, parsed.statement_count, &statement->wants);
	for (uint16_t at = 0; at < parsed.statement_count; at++) {
		statement->facts[at].parameter_oids = statement->parameter_oids;
		statement->facts[at].parameter_oid_count = statement->parameter_oid_count;
		statement->stores_documents |= documents_stored(&parsed.facts[at], &statement->wants);
		statement->executes |= parsed.facts[at].executes != NULL;
	}
	statement->stores_parameters = shape_wants_any(&statement->wants) & SHAPE_WANT_DOCUMENT;
}

static void make_opaque(struct statement *statement, enum opaque_reason reason, struct reading_figures *figures)
{
	static const char *const queries[] = {
	    [OPAQUE_SYNTAX] = "(not parsed: unknown syntax)",
	    [OPAQUE_UNTERMINATED] = "(not parsed: a quote or comment does not end)",
	    [OPAQUE_TOO_DEEP] = "(not parsed: nested too deep)",
	    [OPAQUE_TOO_LONG] = "(not parsed: too many tokens)",
	    [OPAQUE_OVERSIZE] = "(not parsed: too long)",
	    [OPAQUE_FASTPATH] = "(function call by oid)",
	    [OPAQUE_ENCODING] = "(not parsed: client_encoding)",
	};

	figures->opaque++;
	statement->opaque = reason;
	statement->query = queries[reason];
}

static bool has_ddl(const struct parsed *parsed)
{
	for (uint16_t at = 0; at < parsed->statement_count; at++) {
		if (parsed->facts[at].kind == STATEMENT_DDL || parsed->facts[at].action_count > 0)
			return true;
	}
	return false;
}

/* Of this thread only: what else runs on the machine is not the parser's. */
static uint64_t thread_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
		return 0;
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
