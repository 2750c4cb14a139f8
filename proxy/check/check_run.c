#include "proxy/check/check_run.h"

#include "inspect/session/time_zone.h"
#include "inspect/change/amend.h"
#include "inspect/inspector.h"
#include "inspect/text/lexer.h"
#include "inspect/tree/parse.h"
#include "inspect/rules/views.h"
#include "proxy/check/check_assume.h"
#include "proxy/check/check_django.h"
#include "proxy/check/check_prepared.h"
#include "proxy/check/check_script.h"
#include "proxy/check/check_shown.h"
#include "proxy/check/check_traffic.h"
#include "proxy/feed/feed.h"
#include "proxy/feed/feed_connect.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

enum { ERROR_BYTES = 1024 };

struct run {
	const struct settings *settings;
	const struct check_options *options;
	struct rule_settings rules;
	struct check_print print;
	PGconn *connection; /* NULL without a DSN */
	char *database, *user;
	char zone[64];
	/* As the role, the database and the DSN's options set them; "" when not known. */
	char lock_timeout[32], plan_cache_mode[32];
	bool standard_conforming_strings;
	struct inspector *inspector;
	struct check_assume *assume; /* NULL with a catalog */
	bool assume_changed;         /* the inspector has an older one of its catalogs … */
	bool assume_columns;         /* … and it has columns */
	struct catalog *catalog;     /* the inspector's reference; amended by what the files do. NULL without a DSN */
	struct amendments amendments;
	struct session_state session;
	struct check_prepared prepared;
	bool zone_before; /* time_zone_utc, as a ROLLBACK or the end of SET LOCAL brings it back */
	bool zone_committed;
	const char *file;
	struct check_print_place place; /* of the statement at hand */
	struct check_shown shown;       /* the file */
	bool command_told;
	struct effects effects;
	int status;
};

static void *run_all(void *context);
static bool begin(struct run *run);
static bool begin_with_catalog(struct run *run);
static void show(PGconn *connection, const char *sql, char *value, size_t size);
static void check_file(struct run *run, const char *name);
static void check_migrations(struct run *run, const char *directory);
static char *read_file(struct run *run, const char *name, size_t *len);
static void check_text(struct run *run, const char *text, size_t len);
static void check_statement(struct run *run, const char *text, size_t len);
static void assume(struct run *run, const struct statement *statement);
static void tell(struct run *run, const struct statement *statement, const char *text, size_t len);
static void tell_findings(struct run *run, const struct verdict *verdict, const char *text, size_t len);
static void tell_execution(struct run *run, const struct facts *facts, const char *text, size_t len);
static void tell_locks(struct run *run, const struct statement *statement);
static void tell_access(struct run *run, const char *text, size_t len, const struct facts *execution);
static void follow(struct run *run, const struct statement *statement);
static void amend(struct run *run, const struct statement *statement);
static void follow_zone(struct run *run, const struct facts *facts);
static void point_at(struct check_print_place *place, const char *text, size_t len, const struct finding *finding);
static const char *find_name(const char *text, size_t len, const char *name, size_t *found_len);
static const char *opaque_words(enum opaque_reason reason);

int check_run(const struct settings *settings, const struct check_options *options)
{
	struct run *run = calloc(1, sizeof(*run));
	CHECK(run != NULL);
	run->settings = settings;
	run->options = options;
	run->status = CHECK_RUN_FAILED;
	/* libpg_query recurses: see limits.h. */
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, LIMIT_PARSE_STACK_BYTES) == 0 &&
	    pthread_create(&thread, &attributes, run_all, run) == 0)
		pthread_join(thread, NULL);
	else
		fputs("pgproctor: check: no memory for the parser's stack\n", stderr);
	pthread_attr_destroy(&attributes);
	int status = run->status;
	free(run);
	return status;
}

static void *run_all(void *context)
{
	struct run *run = context;
	const struct check_options *options = run->options;
	if (!begin(run))
		return NULL;
	run->status = CHECK_RUN_FINE;
	if (options->migrations != NULL)
		check_migrations(run, options->migrations);
	for (int at = 0; at < options->file_count; at++)
		check_file(run, options->files[at]);
	check_print_end(&run->print);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "pgproctor: check: %s\n", strerror(errno));
		run->status = CHECK_RUN_FAILED;
	}
	for (int severity = options->fail_on; severity <= SEVERITY_BLOCK && run->status == CHECK_RUN_FINE; severity++) {
		if (run->print.findings[severity] > 0)
			run->status = CHECK_RUN_FOUND;
	}
	inspector_free(run->inspector);
	amend_fini(&run->amendments);
	check_assume_free(run->assume);
	PQfinish(run->connection);
	free(run->database);
	free(run->user);
	return NULL;
}

/* -- the catalog --------------------------------------------------------------------------------- */

static bool begin(struct run *run)
{
	char error[ERROR_BYTES];
	if (!rules_configure(&run->rules, run->settings, error, sizeof(error))) {
		fprintf(stderr, "pgproctor: check: %s\n", error);
		return false;
	}
	run->inspector = inspector_new(run->settings, &run->rules);
	run->standard_conforming_strings = true;
	check_print_begin(&run->print, stdout, run->options->format);
	const char *dsn = settings_dsn(run->settings, "");
	if (dsn != NULL && dsn[0] != '\0') {
		if (begin_with_catalog(run))
			return true;
		inspector_free(run->inspector);
		PQfinish(run->connection);
		free(run->database);
		free(run->user);
		return false;
	}
	run->database = strdup("");
	run->user = strdup("");
	run->assume = check_assume_new(run->options->assume_rows);
	char note[256];
	if (run->options->assume_rows >= 0)
		snprintf(note, sizeof(note),
		         "without --dsn no table, column or index is known: each table is taken to have %.0f rows, and "
		         "no index but on id, on *_id and what the file builds",
		         run->options->assume_rows);
	else
		snprintf(note, sizeof(note),
		         "without --dsn no table, column or index is known, and nothing of how "
		         "large a table is (--assume-rows says)");
	check_print_note(&run->print, NULL, note);
	if (run->options->traffic_count > 0)
		check_print_note(&run->print, NULL, "without --dsn --traffic says nothing: no table is known");
	if (run->options->access)
		check_print_note(&run->print, NULL, "without --dsn there is no telling which index serves what: --access is idle");
	return true;
}

static bool begin_with_catalog(struct run *run)
{
	char error[ERROR_BYTES] = "";
	/* The DSN names the database, or libpq knows which. */
	run->connection = feed_connect_open(run->settings, "", NULL, -1, error, sizeof(error));
	if (run->connection == NULL) {
		fprintf(stderr, "pgproctor: check: %s\n", error);
		return false;
	}
	run->database = strdup(PQdb(run->connection));
	run->user = strdup(PQuser(run->connection));
	CHECK(run->database != NULL && run->user != NULL);
	const char *zone = PQparameterStatus(run->connection, "TimeZone");
	const char *strings = PQparameterStatus(run->connection, "standard_conforming_strings");
	snprintf(run->zone, sizeof(run->zone), "%s", zone != NULL ? zone : "");
	run->standard_conforming_strings = strings == NULL || strcmp(strings, "off") != 0;
	show(run->connection, "SHOW lock_timeout", run->lock_timeout, sizeof(run->lock_timeout));
	show(run->connection, "SHOW plan_cache_mode", run->plan_cache_mode, sizeof(run->plan_cache_mode));
	struct catalog *catalog = feed_load(run->connection, run->database, NULL, error, sizeof(error));
	if (catalog == NULL) {
		fprintf(stderr, "pgproctor: check: the catalog can't be read: %s\n", error);
		return false;
	}
	run->catalog = catalog;
	inspector_put_catalog(run->inspector, catalog);
	return run->options->traffic_count == 0 ||
	       check_traffic_read(run->options, run->inspector, &run->rules, run->database, run->user);
}

/* "" stays where it can't be shown. */
static void show(PGconn *connection, const char *sql, char *value, size_t size)
{
	PGresult *shown = PQexec(connection, sql);
	if (PQresultStatus(shown) == PGRES_TUPLES_OK)
		snprintf(value, size, "%s", PQgetvalue(shown, 0, 0));
	PQclear(shown);
}

/* -- files --------------------------------------------------------------------------------------- */

static void check_file(struct run *run, const char *name)
{
	size_t len;
	char *text = read_file(run, name, &len);
	if (text == NULL) {
		run->status = CHECK_RUN_FAILED;
		return;
	}
	run->file = strcmp(name, "-") == 0 ? "<stdin>" : name;
	/* A file begins with what is there; only migrations are told to build on one another. */
	if (run->catalog != NULL)
		amend_undo(run->catalog, &run->amendments);
	check_text(run, text, len);
	free(text);
}

/* Each is a file of its own, with the BEGIN and COMMIT that Django puts around an atomic one. */
static void check_migrations(struct run *run, const char *directory)
{
	static const char *const show[] = {"showmigrations", "--plan", "--no-color", NULL};
	size_t len;
	char *plan = check_django_run(directory, show, &len);
	const char *rest = plan;
	struct check_django_migration migration;
	if (plan == NULL)
		run->status = CHECK_RUN_FAILED;
	while (plan != NULL && check_django_next(&rest, &migration)) {
		const char *const arguments[] = {"sqlmigrate", migration.app, migration.name, "--no-color", NULL};
		char *sql = check_django_run(directory, arguments, &len);
		if (sql == NULL) {
			run->status = CHECK_RUN_FAILED;
			continue;
		}
		char name[sizeof(migration.app) + sizeof(migration.name) + 2];
		snprintf(name, sizeof(name), "%s.%s", migration.app, migration.name);
		run->file = name;
		const char *begin = check_django_sql(sql);
		check_text(run, begin, len - (size_t)(begin - sql));
		free(sql);
	}
	free(plan);
}

static char *read_file(struct run *run, const char *name, size_t *len)
{
	enum { PIECE_BYTES = 64 * 1024 };
	(void)run;
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	char *text = NULL;
	*len = 0;
	if (file == NULL) {
		fprintf(stderr, "pgproctor: check: %s: %s\n", name, strerror(errno));
		return NULL;
	}
	for (size_t room = 0, got = 1; got > 0; *len += got) {
		if (room - *len < PIECE_BYTES) {
			room = room * 2 + PIECE_BYTES;
			text = realloc(text, room);
			CHECK(text != NULL);
		}
		got = fread(text + *len, 1, PIECE_BYTES, file);
	}
	bool failed = ferror(file) != 0;
	int reason = errno;
	if (file != stdin)
		fclose(file);
	if (!failed)
		return text;
	fprintf(stderr, "pgproctor: check: %s: %s\n", name, strerror(reason));
	free(text);
	return NULL;
}

/* Each file is a session of its own, as it is with psql -f. */
static void check_text(struct run *run, const char *text, size_t len)
{
	struct check_script script;
	struct check_script_piece piece;
	session_state_init(&run->session, run->database, strlen(run->database), run->user, strlen(run->user));
	run->session.standard_conforming_strings = run->standard_conforming_strings;
	/* Of a server that is not there the default is as good a guess as the size that is given for its tables. */
	if (run->assume && run->options->assume_rows >= run->settings->large_table_rows)
		session_state_lock_timeout(&run->session, "0", 1);
	if (run->lock_timeout[0])
		session_state_lock_timeout(&run->session, run->lock_timeout, strlen(run->lock_timeout));
	if (run->plan_cache_mode[0])
		session_state_plan_cache_mode(&run->session, run->plan_cache_mode, strlen(run->plan_cache_mode));
	run->session.time_zone_utc = time_zone_is_utc(run->zone, strlen(run->zone));
	run->zone_before = run->zone_committed = run->session.time_zone_utc;
	run->command_told = false;
	check_prepared_init(&run->prepared);
	check_shown_init(&run->shown, text, len);
	check_script_init(&script, text, len);
	for (;;) {
		check_script_next(&script, run->session.standard_conforming_strings, &piece);
		if (piece.kind == CHECK_SCRIPT_END)
			break;
		const char *line = piece.text - (piece.column - 1);
		const char *line_end = memchr(line, '\n', (size_t)(text + len - line));
		run->place = (struct check_print_place){
		    .file = run->file,
		    .line = piece.line,
		    .column = piece.column,
		    .source = line,
		    .source_len = (size_t)((line_end != NULL ? line_end : text + len) - line),
		};
		if (piece.kind == CHECK_SCRIPT_COMMAND) {
			if (!run->command_told)
				check_print_note(&run->print, &run->place, "psql's backslash commands are passed over");
			run->command_told = true;
			continue;
		}
		run->print.statements++;
		check_statement(run, piece.text, piece.len);
	}
	if (run->session.transaction != 'I')
		check_print_note(&run->print, &run->place,
		                 "the file ends inside a transaction: without COMMIT nothing of it stays");
	check_prepared_fini(&run->prepared);
	check_shown_fini(&run->shown);
	session_state_fini(&run->session);
}

static void check_statement(struct run *run, const char *text, size_t len)
{
	struct statement *statement = len <= LIMIT_INSPECT_BYTES
	                                  ? inspector_recognise(run->inspector, &run->session, text, len)
	                                  : inspector_oversize(run->inspector);
	run->place.fingerprint = statement->fingerprint;
	run->place.query = statement->query;
	if (statement->opaque != OPAQUE_NONE) {
		struct check_print_place place = run->place;
		check_shown_hide(&run->shown, text, len, run->session.standard_conforming_strings);
		place.source = check_shown_at(&run->shown, place.source);
		check_print_unparsed(&run->print, &place, opaque_words(statement->opaque));
	} else if (statement->statement_count > 0) {
		if (run->assume)
			assume(run, statement);
		tell(run, statement, text, len);
		check_prepared_follow(&run->prepared, &statement->facts[0], text, len);
		follow(run, statement);
	}
	cache_unref(statement);
}

/* A schema change is judged by what is known; what a query may be judged by is guessed. */
static void assume(struct run *run, const struct statement *statement)
{
	bool queries = true;
	for (uint16_t at = 0; at < statement->statement_count; at++)
		queries = queries && statement->facts[at].action_count == 0;
	bool changed = check_assume_add(run->assume, statement->facts, statement->statement_count);
	if (!changed && !run->assume_changed && queries == run->assume_columns)
		return;
	inspector_put_catalog(run->inspector, check_assume_catalog(run->assume, run->database, queries));
	run->assume_changed = false;
	run->assume_columns = queries;
}

/* -- what is found ------------------------------------------------------------------------------- */

static void tell(struct run *run, const struct statement *statement, const char *text, size_t len)
{
	tell_findings(run, inspector_judge(run->inspector, (struct statement *)statement, &run->session, NULL, 0), text,
	              len);
	if (run->options->locks)
		tell_locks(run, statement);
	if (run->options->access)
		tell_access(run, text, len, NULL);
	if (statement->facts[0].executes != NULL)
		tell_execution(run, &statement->facts[0], text, len);
}

static void tell_findings(struct run *run, const struct verdict *verdict, const char *text, size_t len)
{
	/* The rules about secrets. */
	for (uint8_t at = 0; at < verdict->count; at++) {
		if (verdict->findings[at].rule->code[0] == 'S')
			check_shown_hide(&run->shown, text, len, run->session.standard_conforming_strings);
	}
	for (uint8_t at = 0; at < verdict->count; at++) {
		struct check_print_place place = run->place;
		point_at(&place, text, len, &verdict->findings[at]);
		place.source = check_shown_at(&run->shown, place.source);
		check_print_finding(&run->print, &place, &verdict->findings[at]);
	}
	if (verdict->dropped > 0)
		check_print_note(&run->print, &run->place, "there are more findings of this statement than are told");
}

/* What EXECUTE runs, with its arguments in place of the parameters; told where the EXECUTE stands. */
static void tell_execution(struct run *run, const struct facts *facts, const char *text, size_t len)
{
	const struct check_prepared_text *prepared = check_prepared_find(&run->prepared, facts->executes);
	if (prepared == NULL)
		return;
	struct statement *statement =
	    inspector_recognise(run->inspector, &run->session, prepared->text, prepared->len);
	tell_findings(run,
	              inspector_judge(run->inspector, statement, &run->session, facts->arguments, facts->argument_count),
	              text, len);
	cache_unref(statement);
	if (!run->options->access)
		return;
	struct arena arena;
	struct parsed execute;
	arena_init(&arena);
	if (parse_sql_literally(text, len, run->session.standard_conforming_strings, &arena, &execute) == PARSE_OK &&
	    execute.statement_count == 1)
		tell_access(run, prepared->text, prepared->len, &execute.facts[0]);
	arena_fini(&arena);
}

static void tell_locks(struct run *run, const struct statement *statement)
{
	struct arena arena;
	arena_init(&arena);
	for (uint16_t at = 0; at < statement->statement_count; at++) {
		const struct context input = {
		    .facts = &statement->facts[at],
		    .catalog = inspector_catalog(run->inspector, run->session.database),
		    .session = &run->session,
		    .settings = &run->rules,
		    .earlier = statement->facts,
		    .earlier_count = at,
		};
		if (!effect_applies(input.facts))
			continue;
		effect_of(&input, &arena, &run->effects);
		for (uint16_t i = 0; i < run->effects.count; i++)
			check_print_lock(&run->print, &run->place, &run->effects.list[i], run->effects.refused);
		if (run->effects.truncated)
			check_print_note(&run->print, &run->place, "this statement locks more than is told");
	}
	arena_fini(&arena);
}

/* From the statement as it is written: a pattern or a value may decide which index knows it. `execution` NULL: the
 * parameters have no values. */
static void tell_access(struct run *run, const char *text, size_t len, const struct facts *execution)
{
	struct arena arena;
	struct parsed parsed;
	bool catalog_missing = false;
	const struct catalog *catalog = inspector_catalog(run->inspector, run->session.database);
	arena_init(&arena);
	if (catalog == NULL || run->assume ||
	    parse_sql_literally(text, len, run->session.standard_conforming_strings, &arena, &parsed) != PARSE_OK)
		parsed.statement_count = 0;
	for (uint16_t at = 0; at < parsed.statement_count; at++) {
		struct context input = {
		    .facts = &parsed.facts[at],
		    .catalog = catalog,
		    .session = &run->session,
		    .settings = &run->rules,
		    .earlier = parsed.facts,
		    .earlier_count = at,
		    .catalog_missing = &catalog_missing,
		};
		input.facts = views_open(&input, &arena);
		const struct catalog_relation **relations =
		    arena_alloc(&arena, (input.facts->relation_count + 1u) * sizeof(*relations));
		for (uint16_t i = 0; i < input.facts->relation_count; i++)
			relations[i] = context_relation(&input, (int16_t)i);
		struct access_input wanted = {
		    .utc = run->session.time_zone_utc,
		    .facts = input.facts, .catalog = catalog, .relations = relations, .arena = &arena};
		if (execution != NULL) {
			wanted.bound = (struct pattern_values){execution->arguments, execution->argument_count};
			wanted.values = execution->values;
			wanted.value_count = execution->values != NULL ? execution->argument_count : 0;
		}
		struct access *access = access_make(&wanted);
		uint16_t count = 0;
		const struct access_event *events = access != NULL ? access_events(access, &count) : NULL;
		for (uint16_t i = 0; i < count; i++)
			check_print_access(&run->print, &run->place, &events[i]);
	}
	arena_fini(&arena);
}

/* Marks the column or else the table that the finding is about, where the statement names it. */
static void point_at(struct check_print_place *place, const char *text, size_t len, const struct finding *finding)
{
	size_t found_len = 0;
	const char *table = strrchr(finding->table, '.');
	const char *found = finding->column[0] ? find_name(text, len, finding->column, &found_len) : NULL;
	if (!found && finding->table[0])
		found = find_name(text, len, table ? table + 1 : finding->table, &found_len);
	if (!found)
		return;
	const char *line = place->source;
	for (const char *at = text; at < found; at++) {
		if (*at == '\n') {
			place->line++;
			line = at + 1;
		}
	}
	/* The statement may end its line, or go on in one that the excerpt has to be cut from anew. */
	if (line != place->source) {
		const char *end = memchr(line, '\n', (size_t)(text + len - line));
		place->source = line;
		place->source_len = (size_t)((end ? end : text + len) - line);
	}
	place->column = (uint32_t)(found - line) + 1;
	place->marked = found_len;
}

static const char *find_name(const char *text, size_t len, const char *name, size_t *found_len)
{
	struct lexer lexer;
	size_t name_len = strlen(name);
	lexer_init(&lexer, text, len, true);
	for (;;) {
		struct lexer_token token = lexer_next(&lexer);
		if (token.kind == LEXER_END || token.kind == LEXER_UNTERMINATED)
			return NULL;
		bool word =
		    token.kind == LEXER_WORD && token.len == name_len && strncasecmp(token.text, name, name_len) == 0;
		bool quoted =
		    token.kind == LEXER_QUOTED && token.body_len == name_len && memcmp(token.body, name, name_len) == 0;
		if (word || quoted) {
			*found_len = token.len;
			return token.text;
		}
	}
}

static const char *opaque_words(enum opaque_reason reason)
{
	switch (reason) {
	case OPAQUE_NONE:
	case OPAQUE_FASTPATH: /* no file has one */
		break;
	case OPAQUE_SYNTAX:
		return "its syntax is unknown";
	case OPAQUE_UNTERMINATED:
		return "a quote or comment does not end";
	case OPAQUE_TOO_DEEP:
		return "it is nested too deep";
	case OPAQUE_TOO_LONG:
		return "it has too many tokens";
	case OPAQUE_OVERSIZE:
		return "it is too long";
	case OPAQUE_ENCODING:
		return "it is no text in client_encoding";
	}
	return "";
}

/* -- the session --------------------------------------------------------------------------------- */

/* As if the server had answered each statement with success: what ReadyForQuery and ParameterStatus would say. */
static void follow(struct run *run, const struct statement *statement)
{
	bool was_open = run->session.open != NULL;
	inspector_completed(run->inspector, statement, &run->session);
	if (run->assume)
		run->assume_changed |=
		    check_assume_follow(run->assume, statement->facts, statement->statement_count);
	amend(run, statement);
	bool open = run->session.open != NULL;
	session_state_ready(&run->session, open ? 'T' : 'I');
	for (uint16_t at = 0; at < statement->statement_count; at++)
		follow_zone(run, &statement->facts[at]);
	if (!was_open && open) {
		run->zone_before = run->session.time_zone_utc;
		run->zone_committed = run->session.time_zone_utc;
	}
}

static void amend(struct run *run, const struct statement *statement)
{
	for (uint16_t at = 0; run->catalog != NULL && at < statement->statement_count; at++) {
		const struct context input = {
		    .facts = &statement->facts[at],
		    .catalog = run->catalog,
		    .session = &run->session,
		    .settings = &run->rules,
		    .earlier = statement->facts,
		    .earlier_count = at,
		};
		amend_apply(run->catalog, input.facts, context_search_path(&input), run->session.user,
		            &run->amendments);
	}
}

static void follow_zone(struct run *run, const struct facts *facts)
{
	bool set = facts->kind == STATEMENT_SET || facts->kind == STATEMENT_SELECT || facts->kind == STATEMENT_RESET;
	if (facts->kind == STATEMENT_COMMIT)
		run->session.time_zone_utc = run->zone_committed;
	if (facts->kind == STATEMENT_ROLLBACK)
		run->session.time_zone_utc = run->zone_before;
	if (!set || (facts->name && strcasecmp(facts->name, "timezone") != 0) ||
	    (!facts->name && facts->kind != STATEMENT_RESET))
		return;
	const char *zone = facts->value ? facts->value : facts->kind == STATEMENT_SELECT ? "" : run->zone;
	run->session.time_zone_utc = time_zone_is_utc(zone, strlen(zone));
	if (!facts->local || !run->session.open)
		run->zone_committed = run->session.time_zone_utc;
	if (!run->session.open)
		run->zone_before = run->session.time_zone_utc;
}
