#include "inspect/rules/documents.h"

#include "inspect/rules/remedy.h"
#include "inspect/text/identifier.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static uint32_t kinds_of(const struct context *input, const struct fact_assignment *assignment);
static bool is_watched(const struct documents *documents, const struct catalog_relation *relation);
static struct documents_column *column_of(struct documents *documents, const struct context *input,
                                          const struct catalog_relation *relation, const struct catalog_column *column,
                                          bool add);
static void tell(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                 const struct catalog_column *column, const struct documents_column *counts, struct verdict *verdict);
static bool is_log(const char *name);
static void tell_sum(struct documents *documents, const struct context *input, uint32_t at, struct verdict *verdict);
static bool counted_elsewhere(const struct documents *documents, const struct context *input,
                              const struct catalog_relation *relation, const struct catalog_column *column);
static bool is_enough(const struct rule *rule, const struct context *input, const struct documents_column *counts);

bool documents_stored(const struct facts *facts, struct shape_wants *wants)
{
	bool stored = false;
	for (uint16_t i = 0; i < facts->assignment_count; i++) {
		stored |= (facts->assignments[i].values & value_bit(VALUE_JSON)) != 0;
		if (facts->assignments[i].operand == OPERAND_PARAMETER)
			shape_wants_add(wants, facts->assignments[i].parameter, SHAPE_WANT_DOCUMENT);
	}
	return stored;
}

void documents_observe(struct documents *documents, const struct context *input, uint64_t fingerprint,
                       const char *query, struct verdict *verdict)
{
	if (!documents->rule)
		documents->rule = rules_find("D501");
	const struct rule *rule = documents->rule;
	bool runs = input->facts->kind != STATEMENT_PREPARE &&
	            (input->facts->kind != STATEMENT_EXPLAIN || input->facts->analyze);
	if (rules_setting(rule, input)->action == ACTION_OFF || !input->catalog || !runs)
		return;
	const struct catalog_relation *relation = NULL;
	int16_t resolved = -1;
	bool watched = false;
	for (uint16_t i = 0; i < input->facts->assignment_count; i++) {
		const struct fact_assignment *assignment = &input->facts->assignments[i];
		uint32_t kinds = kinds_of(input, assignment);
		bool document = kinds & value_bit(VALUE_JSON);
		/* Rows of one INSERT that are alike count once, as the statement's key does not tell how many there are. */
		const uint32_t neither = value_bit(VALUE_UNKNOWN) | value_bit(VALUE_JSON) |
		                         value_bit(VALUE_JSON_EMPTY) | value_bit(VALUE_EMPTY);
		bool other = kinds & ~neither;
		const bool known = documents->count > 0 || (documents->also && documents->elsewhere);
		if ((!document && (!known || !other)) || assignment->relation < 0)
			continue;
		if (assignment->relation != resolved) {
			resolved = assignment->relation;
			relation = context_relation(input, resolved);
			watched = relation && (documents->elsewhere || is_watched(documents, relation));
		}
		if (!relation || (!document && !watched))
			continue;
		const struct catalog_column *column = rules_assigned(assignment, relation);
		if (!column || (strcmp(column->type, "text") != 0 && strcmp(column->type, "varchar") != 0) ||
		    strncmp(relation->name, "django_", 7) == 0)
			continue;
		struct documents_column *counts = column_of(documents, input, relation, column,
		                                            document || counted_elsewhere(documents, input, relation, column));
		if (counts && !counts->query) {
			counts->fingerprint = fingerprint;
			counts->query = strdup(query);
		}
		watched = true;
		if (!counts || counts->told)
			continue;
		counts->writes += (unsigned)document + other;
		counts->documents += document;
		if (documents->also) {
			usage_add_texts(documents->also, counts->database, counts->relation, counts->number,
			                (uint32_t)document + other, document, documents->owner);
			continue;
		}
		if (!is_enough(rule, input, counts))
			continue;
		counts->told = true;
		tell(rule, input, relation, column, counts, verdict);
	}
}

bool documents_next(struct documents *documents, struct catalog *const *catalogs, uint32_t catalog_count,
                    const struct rule_settings *settings, uint32_t *at, struct verdict *verdict,
                    struct documents_told *of)
{
	for (; documents->elsewhere && *at < documents->count * catalog_count; (*at)++) {
		const struct documents_column *column = &documents->columns[*at / catalog_count];
		const struct context input = {.catalog = catalogs[*at % catalog_count], .settings = settings};
		tell_sum(documents, &input, *at / catalog_count, verdict);
		if (verdict->count == 0)
			continue;
		(*at)++;
		*of = (struct documents_told){
		    .database = catalog_database(input.catalog),
		    .fingerprint = column->fingerprint,
		    .query = column->query,
		};
		return true;
	}
	return false;
}

static void tell_sum(struct documents *documents, const struct context *input, uint32_t at, struct verdict *verdict)
{
	struct documents_column *known = &documents->columns[at];
	const struct usage_entry *entry = usage_texts(documents->elsewhere, known->database, known->relation, known->number);
	if (known->told || !entry || usage_database_key(catalog_database(input->catalog)) != known->database)
		return;
	struct documents_column counts = *known;
	counts.writes = entry->texts;
	counts.documents = entry->documents;
	const bool again = known->pending;
	known->pending = is_enough(documents->rule, input, &counts);
	if (!again || !known->pending)
		return;
	known->told = true;
	const struct catalog_relation *relation = catalog_find_oid(input->catalog, known->relation);
	for (uint16_t i = 0; relation && entry->owner == documents->owner && i < relation->column_count; i++) {
		if (relation->columns[i].number == known->number)
			tell(documents->rule, input, relation, &relation->columns[i], &counts, verdict);
	}
}

void documents_fini(struct documents *documents)
{
	for (uint32_t at = 0; at < documents->count; at++)
		free(documents->columns[at].query);
}

static bool is_enough(const struct rule *rule, const struct context *input, const struct documents_column *counts)
{
	return (double)counts->documents >= rules_threshold(rule, input, "writes") &&
	       (double)counts->documents * 100 >= (double)counts->writes * rules_threshold(rule, input, "share");
}

/* Another worker has seen a document in it. */
static bool counted_elsewhere(const struct documents *documents, const struct context *input,
                              const struct catalog_relation *relation, const struct catalog_column *column)
{
	return documents->also && documents->elsewhere &&
	       usage_texts(documents->elsewhere, usage_database_key(catalog_database(input->catalog)), relation->oid,
	                   column->number);
}

static uint32_t kinds_of(const struct context *input, const struct fact_assignment *assignment)
{
	uint32_t kinds = assignment->values;
	if (assignment->operand == OPERAND_PARAMETER && assignment->parameter > 0 &&
	    assignment->parameter <= input->bound_count)
		kinds |= value_bit(input->bound[assignment->parameter - 1].value);
	return kinds;
}

/* Of whichever database: a column that is not the one meant is told apart later. */
static bool is_watched(const struct documents *documents, const struct catalog_relation *relation)
{
	for (uint32_t i = 0; i < documents->count; i++) {
		if (documents->columns[i].relation == relation->oid)
			return true;
	}
	return false;
}

static struct documents_column *column_of(struct documents *documents, const struct context *input,
                                          const struct catalog_relation *relation, const struct catalog_column *column,
                                          bool add)
{
	uint64_t database = usage_database_key(catalog_database(input->catalog));
	for (uint32_t i = 0; i < documents->count; i++) {
		struct documents_column *known = &documents->columns[i];
		if (known->relation == relation->oid && known->number == column->number && known->database == database)
			return known;
	}
	if (!add || documents->count == LIMIT_DOCUMENT_COLUMNS)
		return NULL;
	struct documents_column *new = &documents->columns[documents->count++];
	*new = (struct documents_column){.relation = relation->oid, .number = column->number, .database = database};
	return new;
}

static void tell(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                 const struct catalog_column *column, const struct documents_column *counts, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const char *table = remedy_table(arena, relation), *text = identifier_quoted(arena, column->name);
	const char *doc_name = arena_printf(arena, "%s_doc", column->name);
	const char *doc = identifier_quoted(arena, doc_name);
	const struct remedy_index index = {
	    .name = remedy_name(arena, relation, doc_name, "gin"), .method = "gin", .expression = doc};
	struct finding finding = {
	    .evidence = EVIDENCE_TRAFFIC,
	    .column = column->name,
	    .message =
	        arena_printf(arena,
	                     "%s is %s, but %.0f of the last %.0f texts written to it are JSON documents: nothing can "
	                     "be asked of them but by reading every row",
	                     column->name, column->type, (double)counts->documents, (double)counts->writes),
	    .hint = "Keep them in a jsonb column: add it beside, write to both, fill it in batches, then index it with "
	            "GIN.",
	    .fix_sql = arena_printf(arena,
	                            "ALTER TABLE %s ADD COLUMN %s jsonb;\n"
	                            "UPDATE %s SET %s = %s::jsonb WHERE id BETWEEN … AND …;   -- and COMMIT, and so on\n"
	                            "%s",
	                            table, doc, table, doc, text,
	                            remedy_create_index(arena, input->catalog, relation, &index)),
	    .fix_django = arena_printf(
	        arena, "%s = JSONField(null=True)  # then a RunPython in batches with atomic = False, then %s",
	        remedy_field(arena, doc_name),
	        remedy_add_index(arena, input->catalog, relation, false,
	                         arena_printf(arena, "GinIndex(fields=[\"%s\"], name=\"%s\")", remedy_field(arena, doc_name),
	                                      index.name))),
	};
	if (is_log(column->name) || is_log(relation->name))
		rules_add_lowered(verdict, rule, input, relation, &finding);
	else
		rules_add(verdict, rule, input, relation, &finding);
}

/* What is written down and seldom searched. */
static bool is_log(const char *name)
{
	static const char *const words[] = {"log",     "audit",   "history",  "event",    "payload", "raw",
	                                    "archive", "request", "response", "snapshot", "trace",   "body"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasestr(name, words[i]))
			return true;
	}
	return false;
}
