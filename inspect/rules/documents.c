#include "inspect/rules/documents.h"

#include "inspect/rules/remedy.h"
#include "inspect/text/identifier.h"

#include <string.h>
#include <strings.h>
#include <xxhash.h>

static uint32_t kinds_of(const struct context *input, const struct fact_assignment *assignment);
static bool is_watched(const struct documents *documents, const struct catalog_relation *relation);
static struct documents_column *column_of(struct documents *documents, const struct context *input,
                                          const struct catalog_relation *relation, const struct catalog_column *column,
                                          bool add);
static void tell(const struct rule *rule, const struct context *input, const struct catalog_relation *relation,
                 const struct catalog_column *column, const struct documents_column *counts, struct verdict *verdict);
static bool is_log(const char *name);

bool documents_stored(const struct facts *facts, bool *parameters)
{
	bool stored = false;
	for (uint16_t i = 0; i < facts->assignment_count; i++) {
		stored |= (facts->assignments[i].values & value_bit(VALUE_JSON)) != 0;
		*parameters |= facts->assignments[i].operand == OPERAND_PARAMETER;
	}
	return stored;
}

void documents_observe(struct documents *documents, const struct context *input, struct verdict *verdict)
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
		if ((!document && (documents->count == 0 || !other)) || assignment->relation < 0)
			continue;
		if (assignment->relation != resolved) {
			resolved = assignment->relation;
			relation = context_relation(input, resolved);
			watched = relation && is_watched(documents, relation);
		}
		if (!relation || (!document && !watched))
			continue;
		const struct catalog_column *column = rules_assigned(assignment, relation);
		if (!column || (strcmp(column->type, "text") != 0 && strcmp(column->type, "varchar") != 0) ||
		    strncmp(relation->name, "django_", 7) == 0)
			continue;
		struct documents_column *counts = column_of(documents, input, relation, column, document);
		watched = true;
		if (!counts || counts->told)
			continue;
		counts->writes += (unsigned)document + other;
		counts->documents += document;
		if ((double)counts->documents < rules_threshold(rule, input, "writes") ||
		    (double)counts->documents * 100 < (double)counts->writes * rules_threshold(rule, input, "share"))
			continue;
		counts->told = true;
		tell(rule, input, relation, column, counts, verdict);
	}
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
	const char *name = catalog_database(input->catalog);
	uint64_t database = XXH3_64bits(name, strlen(name));
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
	        arena, "%s = JSONField(null=True), a RunPython in batches with atomic = False, then %s", doc_name,
	        remedy_add_index(arena, input->catalog, relation, false,
	                         arena_printf(arena, "GinIndex(fields=[\"%s\"], name=\"%s\")", doc_name, index.name))),
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
