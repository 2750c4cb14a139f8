#include "tests/unit/judge.h"

#include "inspect/catalog/dictionary.h"
#include "inspect/change/effect.h"
#include "inspect/rules/progress.h"
#include "tests/unit/dictionary_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void configure(struct judge *judge);

static const char *judge_now(struct judge *judge, const struct bound_shape *bound, uint16_t count);

void judge_init(struct judge *judge)
{
	memset(judge, 0, sizeof(*judge));
	judge->catalog = catalog_new("shop");
	catalog_set_dictionary(judge->catalog, dictionary_file());
	catalog_add_extension(judge->catalog, "pg_trgm");
	catalog_add_extension(judge->catalog, "citext");
	judge->settings = malloc(sizeof(*judge->settings));
	CHECK(judge->settings);
	settings_defaults(judge->settings);
	snprintf(judge->settings->file, sizeof(judge->settings->file), "test.ini");
	session_state_init(&judge->session, "shop", 4, "anna", 4);
	arena_init(&judge->arena);
	verdict_init(&judge->verdict);
	configure(judge);
}

void judge_fini(struct judge *judge)
{
	verdict_fini(&judge->verdict);
	arena_fini(&judge->arena);
	session_state_fini(&judge->session);
	free(judge->settings);
	judge_seal(judge);
	catalog_unref(judge->catalog);
}

void judge_rule(struct judge *judge, const char *name, const char *action)
{
	judge_threshold(judge, name, "action", action);
}

void judge_threshold(struct judge *judge, const char *name, const char *key, const char *value)
{
	/* What was set before gives way: a file can't have it twice. */
	uint32_t at = 0;
	while (at < judge->settings->rule_count && (rules_find(judge->settings->rules[at].rule) != rules_find(name) ||
	                                            strcmp(judge->settings->rules[at].key, key) != 0))
		at++;
	if (at == judge->settings->rule_count)
		judge->settings->rule_count++;
	struct settings_rule *line = &judge->settings->rules[at];
	memset(line, 0, sizeof(*line));
	snprintf(line->rule, sizeof(line->rule), "%s", name);
	snprintf(line->key, sizeof(line->key), "%s", key);
	snprintf(line->value, sizeof(line->value), "%s", value);
	configure(judge);
}

void judge_mode(struct judge *judge, enum settings_mode mode)
{
	judge->settings->mode = mode;
	configure(judge);
}

static void configure(struct judge *judge)
{
	char error[256];
	CHECK(rules_configure(&judge->rules, judge->settings, error, sizeof(error)));
}

/* -- the catalog ---------------------------------------------------------------------------------- */

static const struct catalog_column columns[] = {
    {.name = "id", .type = "int4", .type_modifier = -1, .not_null = true},
    {.name = "name", .type = "varchar", .type_modifier = 54, .collation = "default"},
    {.name = "note", .type = "text", .type_modifier = -1, .collation = "default"},
    {.name = "code", .type = "bpchar", .type_modifier = 14, .collation = "default"},
    {.name = "qty", .type = "int4", .type_modifier = -1},
    {.name = "owner", .type = "int4", .type_modifier = -1, .has_statistics = true, .distinct = 1000},
    {.name = "amount", .type = "numeric", .type_modifier = ((10 << 16) | 2) + 4},
    {.name = "ts", .type = "timestamp", .type_modifier = -1},
    {.name = "tstz", .type = "timestamptz", .type_modifier = -1},
    {.name = "flag", .type = "bool", .type_modifier = -1},
    {.name = "mail", .type = "citext", .type_modifier = -1, .collation = "default"},
    {.name = "data", .type = "jsonb", .type_modifier = -1},
    {.name = "ip", .type = "inet", .type_modifier = -1},
    {.name = "deleted", .type = "timestamptz", .type_modifier = -1},
    {.name = "latin", .type = "text", .type_modifier = -1, .collation = "C", .collation_is_c = true},
    {.name = "vague", .type = "text", .type_modifier = -1, .collation = "vague", .collation_nondeterministic = true},
    {.name = "tags", .type = "_varchar", .type_modifier = 54, .collation = "default"},
};

static const struct dictionary *known(const struct judge *judge)
{
	if (!catalog_dictionary(judge->catalog))
		catalog_set_dictionary(judge->catalog, dictionary_file());
	return catalog_dictionary(judge->catalog);
}

static uint32_t collation_oid(const struct dictionary *dictionary, const char *name)
{
	const struct dictionary_collation *collation = name ? dictionary_collation_named(dictionary, name) : NULL;
	CHECK(collation || !name);
	return collation ? collation->oid : 0;
}

struct catalog_relation *judge_table(struct judge *judge, const char *schema, const char *name, double rows)
{
	static uint32_t oid = 16384;
	struct arena *arena = catalog_arena(judge->catalog);
	struct catalog_column *own = arena_alloc(arena, sizeof(columns));
	memcpy(own, columns, sizeof(columns));
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		own[i].number = (int16_t)(i + 1);
		const struct dictionary *dictionary = known(judge);
		bool array = own[i].type[0] == '_';
		own[i].type_oid = dictionary_type_named(dictionary, NULL, own[i].type + array, array)->oid;
		own[i].collation_oid = collation_oid(dictionary, own[i].collation);
		own[i].type_schema = strcmp(own[i].type, "citext") == 0 ? "public" : "pg_catalog";
	}
	struct catalog_relation relation = {
	    .oid = oid++,
	    .schema = arena_text(arena, schema),
	    .name = arena_text(arena, name),
	    .kind = CATALOG_TABLE,
	    .analyzed = rows >= 0,
	    .rows = rows,
	    .bytes = rows < 0 ? -1 : (int64_t)rows * 100,
	    .columns = own,
	    .column_count = ARRAY_LEN(columns),
	};
	struct catalog_relation *added = catalog_add_relation(judge->catalog, &relation);
	struct catalog_index *primary =
	    judge_index(judge, added, arena_printf(arena, "%s_pkey", name), "btree", "id int4_ops", NULL);
	primary->unique = primary->primary = true;
	return added;
}

struct catalog_index *judge_index(struct judge *judge, struct catalog_relation *relation, const char *name,
                                  const char *method, const char *keys, const char *predicate)
{
	static uint32_t oid = 50000;
	struct arena *arena = catalog_arena(judge->catalog);
	struct catalog_index *grown = arena_alloc(arena, (relation->index_count + 1u) * sizeof(*grown));
	if (relation->index_count > 0)
		memcpy(grown, relation->indexes, relation->index_count * sizeof(*grown));
	struct catalog_index *index = &grown[relation->index_count++];
	relation->indexes = grown;
	struct catalog_index_key *own = arena_alloc(arena, 8 * sizeof(*own));
	*index = (struct catalog_index){
	    .oid = oid++,
	    .schema = relation->schema,
	    .name = arena_text(arena, name),
	    .method = arena_text(arena, method),
	    .valid = true,
	    .ready = true,
	    .keys = own,
	    .predicate = arena_text(arena, predicate),
	};
	index->predicate_clause = predicate ? parse_clause(predicate, arena) : NULL;
	char *rest = arena_text(arena, keys);
	for (char *key; (key = strsep(&rest, ";"));) {
		char *blank = strrchr(key, ' ');
		CHECK(blank);
		struct catalog_index_key *to = &own[index->key_count++];
		to->opclass = blank + 1;
		*blank = 0;
		to->expression = key;
		const struct catalog_column *column = catalog_column(relation, key);
		to->column = column ? column->name : NULL;
		to->collation = !column ? "default" : column->collation;
		to->collation_is_c = column && column->collation_is_c;
		const struct dictionary *dictionary = known(judge);
		const struct dictionary_class *class = dictionary_class_named(dictionary, method, to->opclass);
		const struct dictionary_type *input = class ? dictionary_type(dictionary, class->input) : NULL;
		to->family = class ? class->family : 0;
		to->clause = column ? NULL : parse_clause(key, arena);
		to->collation = input && input->collation ? to->collation : NULL;
		to->collation_oid = collation_oid(dictionary, to->collation);
	}
	return index;
}

struct catalog_constraint *judge_check(struct judge *judge, struct catalog_relation *relation, const char *name,
                                       const char *not_null_column, bool valid)
{
	struct arena *arena = catalog_arena(judge->catalog);
	struct catalog_constraint *own = arena_alloc(arena, sizeof(*own));
	const char **not_null = arena_alloc(arena, sizeof(*not_null));
	*not_null = not_null_column;
	*own = (struct catalog_constraint){
	    .name = name,
	    .kind = CATALOG_CHECK,
	    .valid = valid,
	    .not_null_columns = not_null,
	    .not_null_count = not_null_column != NULL,
	};
	CHECK(relation->constraint_count == 0);
	relation->constraints = own;
	relation->constraint_count = 1;
	return own;
}

struct catalog_column *judge_column(struct catalog_relation *relation, const char *name)
{
	struct catalog_column *column = (struct catalog_column *)catalog_column(relation, name);
	CHECK(column);
	return column;
}

void judge_seal(struct judge *judge)
{
	if (!judge->sealed)
		catalog_seal(judge->catalog);
	judge->sealed = true;
}

/* -- judging -------------------------------------------------------------------------------------- */

const struct facts *judge_parse(struct judge *judge, const char *sql)
{
	struct parsed parsed;
	arena_fini(&judge->arena);
	arena_init(&judge->arena);
	if (parse_sql(sql, strlen(sql), &judge->arena, &parsed) != PARSE_OK) {
		fprintf(stderr, "does not parse: %s\n", sql);
		abort();
	}
	judge->facts = parsed.facts;
	judge->statement_count = parsed.statement_count;
	return parsed.facts;
}

const char *judge_sql(struct judge *judge, const char *sql)
{
	judge_parse(judge, sql);
	return judge_now(judge, NULL, 0);
}

const char *judge_bound(struct judge *judge, const char *sql, const char *const *values, uint16_t count)
{
	struct bound_shape bound[8] = {0};
	CHECK(count <= ARRAY_LEN(bound));
	for (uint16_t i = 0; i < count; i++) {
		if (!values[i])
			continue;
		bound[i] = shape_bound(values[i], strlen(values[i]));
		bound[i].text = values[i];
		bound[i].len = strlen(values[i]);
	}
	judge_parse(judge, sql);
	return judge_now(judge, bound, count);
}

void judge_run(struct judge *judge, const char *sql)
{
	judge_parse(judge, sql);
	judge_seal(judge);
	struct context input = {.catalog = judge->catalog, .session = &judge->session, .settings = &judge->rules};
	for (uint16_t at = 0; at < judge->statement_count; at++) {
		input.facts = &judge->facts[at];
		progress_completed(&input, &judge->session);
	}
}

bool judge_breaks(struct judge *judge, const char *sql, const char *code)
{
	return strstr(judge_sql(judge, sql), code) != NULL;
}

void judge_expect(struct judge *judge, const char *sql, const char *codes)
{
	const char *found = judge_sql(judge, sql);
	if (strcmp(found, codes) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", sql, found, codes);
	for (uint8_t i = 0; i < judge->verdict.count; i++) {
		const struct finding *finding = &judge->verdict.findings[i];
		const char *const texts[] = {finding->message, finding->hint, finding->fix_sql, finding->fix_django};
		for (size_t t = 0; t < ARRAY_LEN(texts); t++)
			assert_null(strstr(texts[t], "canary"));
	}
}

void judge_expect_where(struct judge *judge, const char *condition, const char *codes)
{
	char sql[1000];
	snprintf(sql, sizeof(sql), "SELECT * FROM product WHERE %s", condition);
	judge_expect(judge, sql, codes);
}

void judge_expect_effect(struct judge *judge, const char *sql, const char *what)
{
	struct effects *effects = calloc(1, sizeof(*effects));
	struct arena arena;
	const char *found = "";
	assert_non_null(effects);
	judge_seal(judge);
	const struct context input = {
	    .facts = judge_parse(judge, sql),
	    .catalog = judge->catalog,
	    .session = &judge->session,
	    .settings = &judge->rules,
	};
	arena_init(&arena);
	effect_of(&input, &arena, effects);
	assert_true(effects->count > 0 || effects->refused);
	if (effects->refused)
		found = strcmp(what, "refused") == 0 ? "refused" : arena_printf(&arena, "refused: %s", effects->refused);
	for (uint16_t i = 0; i < effects->count && !effects->refused; i++) {
		const struct effect *one = &effects->list[i];
		found = arena_printf(&arena, "%s%s%s %s%s%s%s", found, i ? "; " : "", one->relation,
		                     lock_name(one->lock), one->rewrite ? " rewrite" : "", one->scan ? " scan" : "",
		                     one->dangerous ? " dangerous" : "");
	}
	if (strcmp(found, what) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", sql, found, what);
	arena_fini(&arena);
	free(effects);
}

struct access *judge_access(struct judge *judge, const char *sql)
{
	struct parsed parsed;
	judge_seal(judge);
	arena_fini(&judge->arena);
	arena_init(&judge->arena);
	assert_int_equal(parse_sql_literally(sql, strlen(sql), true, &judge->arena, &parsed), PARSE_OK);
	const struct facts *facts = &parsed.facts[0];
	const struct catalog_relation **relations =
	    arena_alloc(&judge->arena, (size_t)(facts->relation_count + 1) * sizeof(relations[0]));
	for (uint16_t at = 0; at < facts->relation_count; at++)
		relations[at] = facts->relations[at].is_cte
		                    ? NULL
		                    : catalog_find(judge->catalog, NULL, facts->relations[at].name, NULL, "anna");
	struct access_input *input = arena_alloc(&judge->arena, sizeof(*input)); /* the access keeps it */
	*input = (struct access_input){
	    .facts = facts, .catalog = judge->catalog, .relations = relations, .arena = &judge->arena};
	return access_make(input);
}

static const char *judge_now(struct judge *judge, const struct bound_shape *bound, uint16_t count)
{
	struct context input = {
	    .catalog = judge->catalog,
	    .session = &judge->session,
	    .settings = &judge->rules,
	    .traffic = judge->traffic,
	    .bound = bound,
	    .bound_count = count,
	};
	judge_seal(judge);
	verdict_fini(&judge->verdict);
	verdict_init(&judge->verdict);
	rules_judge(judge->facts, judge->statement_count, &input, &judge->verdict);
	const char *codes = "";
	for (uint8_t i = 0; i < judge->verdict.count; i++) {
		const struct finding *finding = &judge->verdict.findings[i];
		codes = arena_printf(&judge->arena, "%s%s%s%s", codes, i ? " " : "", finding->rule->code,
		                     finding->action == ACTION_REJECT ? "!" : "");
	}
	return codes;
}
