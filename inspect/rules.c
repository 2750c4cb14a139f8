#include "inspect/rules.h"

#include "inspect/rules_constraint.h"
#include "inspect/rules_ddl.h"
#include "inspect/rules_read.h"

#include <string.h>
#include <strings.h>

#define READ(code_, slug_, severity_, medium_, silent_, check_, title_)                                                \
	{                                                                                                              \
		.slug = slug_, .code = code_, .title = title_, .severity = severity_, .severity_medium = medium_,      \
		.medium_silent = silent_, .needs_parameters = true, .scope = RULE_READS, .check = check_               \
	}
#define DDL(code_, slug_, medium_, silent_, check_, title_)                                                            \
	{                                                                                                              \
		.slug = slug_, .code = code_, .title = title_, .severity = SEVERITY_BLOCK, .severity_medium = medium_, \
		.medium_silent = silent_, .scope = RULE_DDL, .check = check_                                           \
	}

const struct rule rules_table[] = {
    READ("Q101", "leading-wildcard-unindexed", SEVERITY_ERROR, SEVERITY_WARN, false, rules_read_leading_wildcard,
         "a pattern with a leading wildcard, and no trigram index on that expression"),
    READ("Q102", "pattern-too-short-for-trigram", SEVERITY_WARN, SEVERITY_INFO, true, rules_read_short_pattern,
         "a pattern too short for the trigram index that is there"),
    READ("Q103", "index-expression-mismatch", SEVERITY_ERROR, SEVERITY_INFO, true, rules_read_expression_mismatch,
         "an index on the same column, but on another expression than the query's"),
    READ("Q104", "prefix-like-needs-pattern-ops", SEVERITY_WARN, SEVERITY_INFO, true, rules_read_prefix,
         "a prefix match, and no index with a pattern operator class"),
    READ("Q105", "iexact-unindexed", SEVERITY_WARN, SEVERITY_INFO, true, rules_read_iexact,
         "a case-insensitive comparison by UPPER() or LOWER(), and no index on that expression"),
    READ("Q106", "regex-unindexed", SEVERITY_WARN, SEVERITY_INFO, true, rules_read_regex,
         "a regular expression, and no trigram index on the column"),
    DDL("M202", "index-build-blocks-writes", SEVERITY_WARN, false, rules_ddl_index_build,
        "CREATE INDEX without CONCURRENTLY: writes wait until it is built"),
    DDL("M204", "reindex-blocks", SEVERITY_INFO, true, rules_ddl_reindex,
        "REINDEX without CONCURRENTLY: writes, and queries that plan with the index, wait until it is built"),
    DDL("M205", "add-column-volatile-default", SEVERITY_INFO, true, rules_ddl_volatile_default,
        "a new column with a volatile default: the whole table is rewritten"),
    DDL("M206", "add-column-rewrite-type", SEVERITY_INFO, true, rules_ddl_rewrite_type,
        "a new serial, identity, generated or constrained-domain column: the whole table is rewritten"),
    DDL("M209", "alter-type-rewrites", SEVERITY_INFO, true, rules_ddl_alter_type,
        "a column's new type: the whole table is rewritten"),
    DDL("M211", "set-not-null-scans", SEVERITY_INFO, true, rules_constraint_set_not_null,
        "SET NOT NULL without a valid CHECK that proves it: the whole table is read under lock"),
    DDL("M212", "add-check-validates", SEVERITY_INFO, true, rules_constraint_add_check,
        "a CHECK that is validated at once: the whole table is read under lock"),
    DDL("M213", "add-fk-validates", SEVERITY_INFO, true, rules_constraint_add_foreign_key,
        "a foreign key that is validated at once: the whole table is read under lock on both tables"),
    DDL("M214", "add-unique-builds-index", SEVERITY_INFO, true, rules_constraint_add_unique,
        "a unique constraint or index: it is built under lock"),
    DDL("M215", "add-pk-builds-index", SEVERITY_INFO, true, rules_constraint_add_primary_key,
        "a primary key: its index is built under lock"),
    DDL("M223", "vacuum-full-cluster", SEVERITY_INFO, true, rules_ddl_vacuum_full,
        "VACUUM FULL or CLUSTER: the whole table is rewritten, and nobody can read it"),
};
const size_t rules_count = ARRAY_LEN(rules_table);

static_assert(ARRAY_LEN(rules_table) <= ARRAY_LEN(((struct rule_settings *)0)->actions), "each rule has an action");

static void judge_one(const struct rule_input *input, struct verdict *verdict);
static bool applies(const struct rule *rule, const struct facts *facts);
static void add(struct verdict *verdict, const struct rule *rule, const struct rule_input *input,
                const struct catalog_relation *relation, const struct finding *finding, bool lowered);
static bool there_already(const struct verdict *verdict, const struct rule *rule, const char *table,
                          const struct finding *finding, const char *message);
static enum severity lower(enum severity severity);
static bool is_pattern(const struct fact_predicate *predicate);
static const char *nearest_rule(const char *name);

/* -- settings ------------------------------------------------------------------------------------- */

const struct rule *rules_find(const char *name)
{
	for (size_t i = 0; i < rules_count; i++) {
		if (strcasecmp(rules_table[i].slug, name) == 0 || strcasecmp(rules_table[i].code, name) == 0)
			return &rules_table[i];
	}
	return NULL;
}

bool rules_configure(struct rule_settings *out, const struct settings *settings, char *error, size_t error_size)
{
	memset(out, 0, sizeof(*out));
	out->large_rows = settings->large_table_rows;
	out->large_bytes = settings->large_table_bytes;
	out->medium_rows = settings->medium_table_rows;
	for (size_t i = 0; i < rules_count; i++) {
		bool reject = settings->mode == SETTINGS_ENFORCE && rules_table[i].severity == SEVERITY_BLOCK;
		out->actions[i] = reject ? ACTION_REJECT : ACTION_LOG;
	}
	for (uint32_t i = 0; i < settings->rule_count; i++) {
		const struct settings_rule *line = &settings->rules[i];
		const struct rule *rule = rules_find(line->rule);
		const char *near = rule ? NULL : nearest_rule(line->rule);
		if (!rule) {
			snprintf(error, error_size, "%s:%d: there is no rule \"%s\"%s%s%s", settings->file, line->line,
			         line->rule, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
			return false;
		}
		if (strcmp(line->key, "action") != 0) {
			snprintf(error, error_size,
			         "%s:%d: unknown key \"%s\" of rule \"%s\"; did you mean \"action\"?", settings->file,
			         line->line, line->key, rule->slug);
			return false;
		}
		enum action *action = &out->actions[rule - rules_table];
		if (strcasecmp(line->value, "off") == 0) {
			*action = ACTION_OFF;
		} else if (strcasecmp(line->value, "log") == 0) {
			*action = ACTION_LOG;
		} else if (strcasecmp(line->value, "reject") == 0) {
			*action = ACTION_REJECT;
		} else {
			snprintf(error, error_size,
			         "%s:%d: the action of rule \"%s\" is off, log or reject, not \"%s\"", settings->file,
			         line->line, rule->slug, line->value);
			return false;
		}
	}
	return true;
}

static const char *nearest_rule(const char *name)
{
	const char *names[2 * ARRAY_LEN(rules_table)];
	for (size_t i = 0; i < rules_count; i++) {
		names[2 * i] = rules_table[i].slug;
		names[2 * i + 1] = rules_table[i].code;
	}
	return settings_nearest(name, names, ARRAY_LEN(names));
}

/* -- judging -------------------------------------------------------------------------------------- */

void rules_judge(const struct facts *facts, uint16_t statement_count, const struct rule_input *input,
                 struct verdict *verdict)
{
	for (uint16_t i = 0; i < statement_count; i++) {
		struct rule_input one = *input;
		one.facts = &facts[i];
		one.earlier = facts;
		one.earlier_count = i;
		one.catalog_missing = &verdict->catalog_missing;
		judge_one(&one, verdict);
	}
}

static void judge_one(const struct rule_input *input, struct verdict *verdict)
{
	for (size_t i = 0; i < rules_count; i++) {
		const struct rule *rule = &rules_table[i];
		CHECK(input->settings->actions[i] != ACTION_DEFAULT);
		if (input->settings->actions[i] != ACTION_OFF && applies(rule, input->facts))
			rule->check(rule, input, verdict);
	}
}

static bool applies(const struct rule *rule, const struct facts *facts)
{
	/* A plain EXPLAIN runs nothing. */
	if (facts->kind == STATEMENT_EXPLAIN && !facts->analyze)
		return false;
	return rule->scope == RULE_READS ? facts->predicate_count > 0 : facts->action_count > 0;
}

bool rules_want_parameters(const struct facts *facts, uint16_t statement_count)
{
	for (uint16_t i = 0; i < statement_count; i++) {
		for (uint16_t p = 0; p < facts[i].predicate_count; p++) {
			const struct fact_predicate *predicate = &facts[i].predicates[p];
			if (predicate->operand == OPERAND_PARAMETER && predicate->relation >= 0 &&
			    is_pattern(predicate))
				return true;
		}
	}
	return false;
}

static bool is_pattern(const struct fact_predicate *predicate)
{
	switch (predicate->operator) {
	case PREDICATE_LIKE:
	case PREDICATE_ILIKE:
	case PREDICATE_REGEX:
	case PREDICATE_IREGEX:
	case PREDICATE_SIMILAR:
		return true;
	default:
		return false;
	}
}

/* -- for the rules -------------------------------------------------------------------------------- */

enum rule_size rules_size(const struct rule_input *input, const struct catalog_relation *relation)
{
	const struct rule_settings *settings = input->settings;
	if (relation->rows >= settings->large_rows || relation->bytes >= settings->large_bytes)
		return RULE_LARGE;
	if (relation->rows < 0)
		return RULE_UNKNOWN;
	return relation->rows >= settings->medium_rows ? RULE_MEDIUM : RULE_SMALL;
}

const char *rules_search_path(const struct rule_input *input)
{
	const char *path = input->session->search_path;
	bool unknown = input->session->search_path_unknown;
	for (uint16_t i = 0; i < input->earlier_count; i++) {
		const struct facts *earlier = &input->earlier[i];
		bool sets = earlier->kind == STATEMENT_SET || earlier->kind == STATEMENT_SELECT;
		if (sets && earlier->name && strcasecmp(earlier->name, "search_path") == 0) {
			unknown = !earlier->value;
			path = earlier->value;
		}
	}
	if (unknown)
		return NULL;
	return path[0] ? path : catalog_search_path(input->catalog, input->session->user);
}

const struct catalog_relation *rules_relation(const struct rule_input *input, int16_t at)
{
	if (at < 0)
		return NULL;
	CHECK(at < input->facts->relation_count);
	const struct fact_relation *fact = &input->facts->relations[at];
	if (fact->is_cte || (fact->schema && strcmp(fact->schema, "pg_temp") == 0))
		return NULL;
	if (!input->catalog) {
		*input->catalog_missing = true;
		return NULL;
	}
	const char *path = rules_search_path(input);
	if (!fact->schema && !path)
		return NULL;
	if (session_state_created(input->session, fact->schema, fact->name))
		return NULL;
	for (uint16_t i = 0; i < input->earlier_count; i++) {
		if (session_state_creates(input->session, &input->earlier[i], fact->schema, fact->name))
			return NULL;
	}
	const struct catalog_relation *relation =
	    catalog_find(input->catalog, fact->schema, fact->name, path, input->session->user);
	if (!relation || relation->system || relation->temporary)
		return NULL;
	bool has_rows = relation->kind == CATALOG_TABLE || relation->kind == CATALOG_PARTITIONED_TABLE ||
	                relation->kind == CATALOG_MATERIALIZED_VIEW;
	return has_rows ? relation : NULL;
}

void rules_add(struct verdict *verdict, const struct rule *rule, const struct rule_input *input,
               const struct catalog_relation *relation, const struct finding *finding)
{
	add(verdict, rule, input, relation, finding, false);
}

void rules_add_lowered(struct verdict *verdict, const struct rule *rule, const struct rule_input *input,
                       const struct catalog_relation *relation, const struct finding *finding)
{
	add(verdict, rule, input, relation, finding, true);
}

static void add(struct verdict *verdict, const struct rule *rule, const struct rule_input *input,
                const struct catalog_relation *relation, const struct finding *finding, bool lowered)
{
	CHECK(relation);
	CHECK(finding->message);
	enum rule_size size = rules_size(input, relation);
	enum action action = input->settings->actions[rule - rules_table];
	if (action == ACTION_OFF || size == RULE_SMALL || (size == RULE_MEDIUM && rule->medium_silent))
		return;
	enum severity severity = size == RULE_MEDIUM ? rule->severity_medium : rule->severity;
	if (size == RULE_UNKNOWN)
		severity = lower(severity);
	if (lowered)
		severity = lower(severity);
	if (severity != rule->severity)
		action = ACTION_LOG;

	struct arena *arena = &verdict->arena;
	bool in_public = strcmp(relation->schema, "public") == 0;
	const char *table = in_public ? arena_text(arena, relation->name)
	                              : arena_printf(arena, "%s.%s", relation->schema, relation->name);
	const char *message = arena_printf(arena, "%s%s", finding->message,
	                                   size == RULE_UNKNOWN ? "; its size is unknown: never analysed" : "");
	if (there_already(verdict, rule, table, finding, message))
		return;
	uint8_t at = verdict->count;
	if (at == LIMIT_VERDICT_FINDINGS) {
		verdict->dropped++;
		/* What rejects must not be lost among what is only logged. */
		if (action != ACTION_REJECT || verdict->rejected_by >= 0)
			return;
		at--;
	} else {
		verdict->count++;
	}
	if (action == ACTION_REJECT && verdict->rejected_by < 0)
		verdict->rejected_by = (int8_t)at;
	verdict->findings[at] = (struct finding){
	    .rule = rule,
	    .severity = severity,
	    .action = action,
	    .evidence = finding->evidence,
	    .table = table,
	    .column = arena_text(arena, finding->column ? finding->column : ""),
	    .table_rows = relation->rows,
	    .message = message,
	    .hint = arena_text(arena, finding->hint ? finding->hint : ""),
	    .fix_sql = arena_text(arena, finding->fix_sql ? finding->fix_sql : ""),
	    .fix_django = arena_text(arena, finding->fix_django ? finding->fix_django : ""),
	};
}

static bool there_already(const struct verdict *verdict, const struct rule *rule, const char *table,
                          const struct finding *finding, const char *message)
{
	for (uint8_t i = 0; i < verdict->count; i++) {
		const struct finding *other = &verdict->findings[i];
		if (other->rule == rule && strcmp(other->table, table) == 0 &&
		    strcmp(other->column, finding->column ? finding->column : "") == 0 &&
		    strcmp(other->message, message) == 0)
			return true;
	}
	return false;
}

static enum severity lower(enum severity severity)
{
	return severity == SEVERITY_INFO ? SEVERITY_INFO : severity - 1;
}
