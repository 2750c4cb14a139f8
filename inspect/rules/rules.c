#include "inspect/rules/rules.h"

#include "inspect/rules/progress.h"
#include "inspect/rules/rules_advice.h"
#include "inspect/rules/rules_constraint.h"
#include "inspect/rules/rules_data.h"
#include "inspect/rules/rules_ddl.h"
#include "inspect/rules/rules_drop.h"
#include "inspect/rules/rules_filter.h"
#include "inspect/rules/rules_json.h"
#include "inspect/rules/rules_partition.h"
#include "inspect/rules/rules_plan.h"
#include "inspect/rules/rules_read.h"
#include "inspect/rules/rules_schema.h"
#include "inspect/rules/rules_search.h"
#include "inspect/rules/rules_secret.h"
#include "inspect/rules/rules_shape.h"
#include "inspect/rules/rules_sort.h"
#include "inspect/rules/rules_transaction.h"
#include "inspect/rules/rules_usage.h"
#include "inspect/access/search.h"
#include "inspect/rules/views.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One line for each file of rules, in the order in which they are printed. */
/* clang-format off */
static const struct rule_group *const groups[] = {
	&rules_read,
	&rules_json,
	&rules_filter,
	&rules_sort,
	&rules_search,
	&rules_plan,
	&rules_shape,
	&rules_ddl,
	&rules_constraint,
	&rules_schema,
	&rules_partition,
	&rules_transaction,
	&rules_drop,
	&rules_advice,
	&rules_secret,
	&rules_data,
	&rules_usage,
};
/* clang-format on */

static void judge_one(const struct context *input, struct verdict *verdict);
static bool applies(const struct rule *rule, const struct facts *facts);
/* How a finding's severity comes from the rule's. */
enum grade { GRADE_OWN, GRADE_LOWERED, GRADE_INFO, GRADE_WORST };

static void add(struct verdict *verdict, const struct rule *rule, const struct context *input,
                const struct catalog_relation *relation, const struct finding *finding, enum grade grade);
static bool there_already(const struct verdict *verdict, const struct rule *rule, const char *table,
                          const struct finding *finding, const char *message);
static bool speaks(const struct rule *rule, const struct rule_setting *setting, const struct catalog_relation *relation);
static const char *why_unknown(const struct catalog_relation *relation);
static enum severity lower(enum severity severity);
static bool set_action(enum action *action, const char *value);
static bool set_threshold(struct rule_setting *setting, const struct rule *rule, const struct settings *settings,
                          const struct settings_rule *line, char *error, size_t error_size);
static bool unknown_rule_key(const struct rule *rule, const struct settings *settings, const struct settings_rule *line,
                             char *error, size_t error_size);

/* -- settings ------------------------------------------------------------------------------------- */

size_t rules_count(void)
{
	size_t count = 0;
	for (size_t g = 0; g < ARRAY_LEN(groups); g++)
		count += groups[g]->count;
	CHECK(count <= LIMIT_RULES);
	return count;
}

const struct rule *rules_at(size_t index)
{
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		if (index < groups[g]->count)
			return &groups[g]->rules[index];
		index -= groups[g]->count;
	}
	CHECK(!"a rule's index");
	return NULL;
}

size_t rules_index(const struct rule *rule)
{
	size_t before = 0;
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		if (rule >= groups[g]->rules && rule < groups[g]->rules + groups[g]->count)
			return before + (size_t)(rule - groups[g]->rules);
		before += groups[g]->count;
	}
	CHECK(!"a rule of the table");
	return 0;
}

const struct rule *rules_find(const char *name)
{
	for (size_t i = 0; i < rules_count(); i++) {
		const struct rule *rule = rules_at(i);
		if (strcasecmp(rule->slug, name) == 0 || strcasecmp(rule->code, name) == 0)
			return rule;
	}
	return NULL;
}

const char *rules_nearest(const char *name)
{
	const char *names[2 * LIMIT_RULES];
	size_t count = rules_count();
	for (size_t i = 0; i < count; i++) {
		names[2 * i] = rules_at(i)->slug;
		names[2 * i + 1] = rules_at(i)->code;
	}
	return settings_nearest(name, names, 2 * count);
}

bool rules_configure(struct rule_settings *out, const struct settings *settings, char *error, size_t error_size)
{
	enum severity from = settings->enforce_from == SETTINGS_ENFORCE_ERROR ? SEVERITY_ERROR : SEVERITY_BLOCK;
	memset(out, 0, sizeof(*out));
	out->sizes = (struct table_sizes){
	    .large_rows = settings->large_table_rows,
	    .large_bytes = settings->large_table_bytes,
	    .medium_rows = settings->medium_table_rows,
	};
	for (size_t i = 0; i < rules_count(); i++) {
		const struct rule *rule = rules_at(i);
		bool enforce = settings->mode == SETTINGS_ENFORCE;
		bool reject = enforce && rule->severity >= from;
		out->rules[i] = (struct rule_setting){
		    .action = reject ? ACTION_REJECT : ACTION_LOG,
		    .action_worst = reject || (enforce && rule->severity_worst >= from) ? ACTION_REJECT : ACTION_LOG,
		    .sizes = out->sizes,
		};
		for (size_t t = 0; t < RULE_THRESHOLDS; t++)
			out->rules[i].thresholds[t] = rule->thresholds[t].value;
	}
	for (uint32_t i = 0; i < settings->rule_count; i++) {
		const struct settings_rule *line = &settings->rules[i];
		const struct rule *rule = rules_find(line->rule);
		const char *near = rule ? NULL : rules_nearest(line->rule);
		if (!rule) {
			snprintf(error, error_size, "%s:%d: there is no rule \"%s\"%s%s%s", settings->file, line->line,
			         line->rule, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
			return false;
		}
		for (uint32_t before = 0; before < i; before++) {
			const struct settings_rule *other = &settings->rules[before];
			if (rules_find(other->rule) == rule && strcmp(other->key, line->key) == 0) {
				snprintf(error, error_size, "%s:%d: %s of rule \"%s\" is set twice, first in line %d",
				         settings->file, line->line, line->key, rule->slug, other->line);
				return false;
			}
		}
		struct rule_setting *setting = &out->rules[rules_index(rule)];
		if (strcmp(line->key, "action") != 0) {
			if (!set_threshold(setting, rule, settings, line, error, error_size))
				return false;
		} else if (!set_action(&setting->action, line->value)) {
			snprintf(error, error_size,
			         "%s:%d: the action of rule \"%s\" is off, log or reject, not \"%s\"", settings->file,
			         line->line, rule->slug, line->value);
			return false;
		} else {
			setting->action_worst = setting->action;
		}
	}
	return true;
}

bool rules_may_reject(const struct rule_settings *settings)
{
	for (size_t i = 0; i < rules_count(); i++) {
		if (settings->rules[i].action == ACTION_REJECT || settings->rules[i].action_worst == ACTION_REJECT)
			return true;
	}
	return false;
}

static bool set_action(enum action *action, const char *value)
{
	if (strcasecmp(value, "off") == 0)
		*action = ACTION_OFF;
	else if (strcasecmp(value, "log") == 0)
		*action = ACTION_LOG;
	else if (strcasecmp(value, "reject") == 0)
		*action = ACTION_REJECT;
	else
		return false;
	return true;
}

/* The three that every rule has are read as [pgproctor] reads them. */
static bool set_threshold(struct rule_setting *setting, const struct rule *rule, const struct settings *settings,
                          const struct settings_rule *line, char *error, size_t error_size)
{
	for (size_t t = 0; t < RULE_THRESHOLDS && rule->thresholds[t].key; t++) {
		if (strcmp(line->key, rule->thresholds[t].key) != 0)
			continue;
		char *end;
		double value = strtod(line->value, &end);
		if (end == line->value || *end || !(value >= 0) || isinf(value)) {
			snprintf(error, error_size, "%s:%d: %s of rule \"%s\" is a number, 0 or more", settings->file,
			         line->line, line->key, rule->slug);
			return false;
		}
		setting->thresholds[t] = value;
		return true;
	}
	bool general = !rule->any_size && rule->scope != RULE_BEYOND &&
	               (strcmp(line->key, "large_table_rows") == 0 || strcmp(line->key, "large_table_size") == 0 ||
	                strcmp(line->key, "medium_table_rows") == 0);
	if (!general)
		return unknown_rule_key(rule, settings, line, error, error_size);
	struct settings *read = malloc(sizeof(*read));
	CHECK(read);
	read->large_table_rows = setting->sizes.large_rows;
	read->large_table_bytes = setting->sizes.large_bytes;
	read->medium_table_rows = setting->sizes.medium_rows;
	char origin[LIMIT_SETTING_BYTES + 16];
	snprintf(origin, sizeof(origin), "%s:%d", settings->file, line->line);
	bool well = settings_set(read, line->key, line->value, origin, error, error_size);
	setting->sizes.large_rows = read->large_table_rows;
	setting->sizes.large_bytes = read->large_table_bytes;
	setting->sizes.medium_rows = read->medium_table_rows;
	free(read);
	return well;
}

static bool unknown_rule_key(const struct rule *rule, const struct settings *settings, const struct settings_rule *line,
                             char *error, size_t error_size)
{
	const char *keys[4 + RULE_THRESHOLDS] = {"action", "large_table_rows", "large_table_size", "medium_table_rows"};
	size_t count = rule->any_size || rule->scope == RULE_BEYOND ? 1 : 4;
	for (size_t t = 0; t < RULE_THRESHOLDS && rule->thresholds[t].key; t++)
		keys[count++] = rule->thresholds[t].key;
	const char *near = settings_nearest(line->key, keys, count);
	snprintf(error, error_size, "%s:%d: unknown key \"%s\" of rule \"%s\"%s%s%s", settings->file, line->line,
	         line->key, rule->slug, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return false;
}

/* -- judging -------------------------------------------------------------------------------------- */

void rules_judge(const struct facts *facts, uint16_t statement_count, const struct context *input,
                 struct verdict *verdict)
{
	/* A schema change is judged by what the statements before it in the text will have done. */
	struct session_state fork;
	bool forked = false;
	for (uint16_t i = 0; i < statement_count && statement_count > 1; i++)
		forked |= progress_matters(&facts[i], input->session);
	if (forked)
		session_state_fork(&fork, input->session);
	for (uint16_t i = 0; i < statement_count; i++) {
		struct context one = *input;
		one.facts = &facts[i];
		one.earlier = facts;
		one.earlier_count = i;
		struct searches *searches = NULL;
		struct arena opened;
		one.catalog_missing = &verdict->catalog_missing;
		one.session = forked ? &fork : input->session;
		one.searches = &searches;
		one.first_finding = verdict->count;
		/* What the statement does to the session is read from the facts as they are. */
		arena_init(&opened);
		one.facts = views_open(&one, &opened);
		judge_one(&one, verdict);
		one.facts = &facts[i];
		if (forked)
			progress_completed(&one, &fork);
		search_free(searches);
		arena_fini(&opened);
	}
	if (forked)
		session_state_fini(&fork);
}

void rules_audit(const struct context *input, const struct catalog_relation *relation, struct verdict *verdict)
{
	bool has_rows = relation->kind == CATALOG_TABLE || relation->kind == CATALOG_PARTITIONED_TABLE ||
	                relation->kind == CATALOG_MATERIALIZED_VIEW;
	if (!has_rows || relation->system || relation->temporary || relation->is_partition || relation->rows < 0 ||
	    relation->vague)
		return;
	const struct rule_setting *setting = input->settings->rules;
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		for (size_t i = 0; i < groups[g]->count; i++, setting++) {
			const struct rule *rule = &groups[g]->rules[i];
			/* Thousands of tables are gone through in one go, and nearly all of them are small. */
			if (rule->audit && setting->action != ACTION_OFF && speaks(rule, setting, relation))
				rule->audit(rule, input, relation, verdict);
		}
	}
}

/* Of a table of that size? add() says the same, after all the work. */
static bool speaks(const struct rule *rule, const struct rule_setting *setting, const struct catalog_relation *relation)
{
	const enum table_size size = context_size_by(&setting->sizes, relation);
	return rule->any_size || rule->severity_worst > rule->severity || (size == TABLE_MEDIUM ? rule->on_medium : size != TABLE_SMALL);
}

static void judge_one(const struct context *input, struct verdict *verdict)
{
	const struct rule_setting *setting = input->settings->rules;
	for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
		for (size_t i = 0; i < groups[g]->count; i++, setting++) {
			const struct rule *rule = &groups[g]->rules[i];
			CHECK(setting->action != ACTION_DEFAULT);
			if (setting->action != ACTION_OFF && rule->check && applies(rule, input->facts))
				rule->check(rule, input, verdict);
		}
	}
}

static bool applies(const struct rule *rule, const struct facts *facts)
{
	/* A plain EXPLAIN runs nothing. */
	if (facts->kind == STATEMENT_EXPLAIN && !facts->analyze)
		return false;
	switch (rule->scope) {
	case RULE_READS:
		return facts->level_count > 0;
	case RULE_WRITES:
		return facts->assignment_count > 0;
	case RULE_DDL:
		return facts->action_count > 0;
	case RULE_ANY:
		return true;
	case RULE_BEYOND:
		return false;
	}
	CHECK(!"a scope");
	return false;
}

bool rules_want_parameters(const struct facts *facts, uint16_t statement_count, struct shape_wants *wants)
{
	bool matter = false;
	for (uint16_t i = 0; i < statement_count; i++) {
		for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
			for (size_t r = 0; r < groups[g]->count; r++) {
				const struct rule *rule = &groups[g]->rules[r];
				if (rule->wants && applies(rule, &facts[i]))
					matter |= rule->wants(&facts[i], wants);
			}
		}
	}
	return matter;
}

/* -- for the rules -------------------------------------------------------------------------------- */

enum table_size rules_size(const struct rule *rule, const struct context *input,
                           const struct catalog_relation *relation)
{
	return context_size_by(&rules_setting(rule, input)->sizes, relation);
}

const struct rule_setting *rules_setting(const struct rule *rule, const struct context *input)
{
	return &input->settings->rules[rules_index(rule)];
}

double rules_threshold(const struct rule *rule, const struct context *input, const char *key)
{
	for (size_t t = 0; t < RULE_THRESHOLDS; t++) {
		if (rule->thresholds[t].key && strcmp(rule->thresholds[t].key, key) == 0)
			return rules_setting(rule, input)->thresholds[t];
	}
	CHECK(!"a threshold of the rule's row");
	return 0;
}

bool rules_stale(const struct context *input, const struct catalog_relation *relation)
{
	const struct rule *rule = rules_find("Q129");
	if (rules_setting(rule, input)->action == ACTION_OFF)
		return false;
	return !relation->analyzed ||
	       (relation->rows > 0 &&
	        relation->modified * 100 > relation->rows * rules_threshold(rule, input, "share"));
}

const struct catalog_column *rules_assigned(const struct fact_assignment *assignment,
                                            const struct catalog_relation *relation)
{
	if (!relation)
		return NULL;
	return assignment->column ? catalog_column(relation, assignment->column)
	                          : catalog_column_at(relation, assignment->place);
}

const char *rules_table_name(struct arena *arena, const struct catalog_relation *relation)
{
	if (strcmp(relation->schema, "public") == 0)
		return arena_text(arena, relation->name);
	return arena_printf(arena, "%s.%s", relation->schema, relation->name);
}

void rules_add(struct verdict *verdict, const struct rule *rule, const struct context *input,
               const struct catalog_relation *relation, const struct finding *finding)
{
	add(verdict, rule, input, relation, finding, GRADE_OWN);
}

void rules_add_lowered(struct verdict *verdict, const struct rule *rule, const struct context *input,
                       const struct catalog_relation *relation, const struct finding *finding)
{
	add(verdict, rule, input, relation, finding, GRADE_LOWERED);
}

void rules_add_worst(struct verdict *verdict, const struct rule *rule, const struct context *input,
                     const struct catalog_relation *relation, const struct finding *finding)
{
	CHECK(rule->severity_worst > rule->severity);
	add(verdict, rule, input, relation, finding, GRADE_WORST);
}

void rules_add_info(struct verdict *verdict, const struct rule *rule, const struct context *input,
                    const struct catalog_relation *relation, const struct finding *finding)
{
	add(verdict, rule, input, relation, finding, GRADE_INFO);
}

static void add(struct verdict *verdict, const struct rule *rule, const struct context *input,
                const struct catalog_relation *relation, const struct finding *finding, enum grade grade)
{
	bool worst = grade == GRADE_WORST, any_size = rule->any_size || worst;
	CHECK(relation || any_size);
	CHECK(finding->message);
	enum table_size size = any_size ? TABLE_LARGE : rules_size(rule, input, relation);
	const struct rule_setting *setting = rules_setting(rule, input);
	enum action action = worst ? setting->action_worst : setting->action;
	const bool reads = relation && rule->code[0] == 'Q' && rule->scope == RULE_READS;
	const bool assumed = reads && relation->assumed;
	if ((assumed && rule->wants_catalog) || (reads && relation->vague))
		return;
	if (action == ACTION_OFF || size == TABLE_SMALL || (size == TABLE_MEDIUM && !rule->on_medium))
		return;
	const enum severity own = worst ? rule->severity_worst : rule->severity;
	enum severity severity = size == TABLE_MEDIUM ? rule->severity_medium : own;
	bool is_stale = !rule->audit && relation && size != TABLE_UNKNOWN && rule->code[0] == 'Q' && !rule->any_size &&
	                rules_stale(input, relation);
	if (size == TABLE_UNKNOWN || is_stale)
		severity = lower(severity);
	if (grade == GRADE_LOWERED)
		severity = lower(severity);
	if (grade == GRADE_INFO)
		severity = SEVERITY_INFO;
	if (severity != own)
		action = ACTION_LOG;

	struct arena *arena = &verdict->arena;
	const char *table = arena_text(arena, finding->table ? finding->table : "");
	if (relation)
		table = rules_table_name(arena, relation);
	const char *message = arena_printf(arena, "%s%s", finding->message,
	                                   size == TABLE_UNKNOWN && assumed
	                                       ? ", as far as is known without a catalog; its size is unknown"
	                                   : assumed               ? ", as far as is known without a catalog"
	                                   : size == TABLE_UNKNOWN ? why_unknown(relation)
	                                   : is_stale              ? "; by statistics that are missing or stale"
	                                                           : "");
	if (there_already(verdict, rule, table, finding, message))
		return;
	if (verdict->count == LIMIT_VERDICT_FINDINGS) {
		verdict->dropped++;
		/* What rejects must not be lost among what is only logged. */
		if (action != ACTION_REJECT || verdict->rejected_by >= 0)
			return;
		verdict->count--;
	}
	if (action == ACTION_REJECT && verdict->rejected_by < 0)
		verdict->rejected_by = (int8_t)verdict->count;
	*verdict_next(verdict) = (struct finding){
	    .rule = rule,
	    .severity = severity,
	    .action = action,
	    .evidence = assumed ? EVIDENCE_SYNTAX : finding->evidence,
	    .table = table,
	    .column = arena_text(arena, finding->column ? finding->column : ""),
	    .table_rows = relation ? relation->rows : -1,
	    .message = message,
	    .hint = arena_text(arena, finding->hint ? finding->hint : ""),
	    .fix_sql = arena_text(arena, finding->fix_sql ? finding->fix_sql : ""),
	    .fix_django = arena_text(arena, finding->fix_django ? finding->fix_django : ""),
	};
}

/* Of a table of the server's own the file tells the size, if nobody has the table to himself just then. */
static const char *why_unknown(const struct catalog_relation *relation)
{
	switch (relation->kind) {
	case CATALOG_FOREIGN_TABLE:
		return "; its size is unknown: never analysed";
	case CATALOG_TABLE:
	case CATALOG_MATERIALIZED_VIEW:
		return "; its size is unknown: it was locked whenever it was looked at";
	default:
		return "; its size is unknown";
	}
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
