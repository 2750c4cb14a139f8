#include "inspect/rules/traffic.h"

#include "inspect/human.h"
#include "inspect/rules/remedy.h"

#include <string.h>

/* Views on views, partitions of partitions: deeper is not looked. */
enum { TRAFFIC_DEPTH = 16 };

struct run {
	struct usage *usage, *also;
	const struct context *input;
	const struct usage_use *use;
	uint64_t database;
	const struct catalog_relation *relations[LIMIT_FACTS_RELATIONS]; /* as the facts', NULL: of no interest */
	bool fresh;
};

struct search_seen {
	const struct context *input;
	uint64_t database;
	bool drops;
	int64_t from_ms;
	struct traffic_sight *sight;
};

static bool is_traffic(const struct facts *facts);
static void used(struct run *run, const struct catalog_relation *relation, int16_t column);
static void used_column(struct run *run, const struct catalog_relation *relation, const char *column);
static bool is_visible(const struct facts *facts, uint16_t level, uint16_t from);
static void unclear(struct run *run);
static void look(const struct search_seen *search, const struct catalog_relation *relation,
                 const struct catalog_column *column, const struct catalog_relation *through, int depth);
static void look_in(const struct search_seen *search, const struct usage *usage, uint32_t relation, int16_t column,
                    const struct catalog_relation *through);
static void watched(const struct search_seen *search, int64_t now_ms);

bool traffic_ran(struct usage *usage, struct usage *also, const struct context *input, const struct usage_use *use)
{
	const struct facts *facts = input->facts;
	struct run run = {
	    .usage = usage,
	    .also = also,
	    .input = input,
	    .use = use,
	    .database = usage_database_key(input->session->database),
	};
	if (!is_traffic(facts))
		return false;
	/* Not to be found because the path is unknown, or the catalog not there yet. */
	if (!input->catalog || facts->truncated || facts->uses_truncated || !context_search_path(input))
		unclear(&run);
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		run.relations[at] = context_named(input, (int16_t)at);
		if (run.relations[at])
			used(&run, run.relations[at], 0);
	}
	for (uint16_t at = 0; at < facts->use_count; at++) {
		const struct fact_use *named = &facts->uses[at];
		for (uint16_t i = 0; i < facts->relation_count; i++) {
			bool its = named->relation >= 0 ? named->relation == i
			                                : is_visible(facts, facts->relations[i].level, named->level);
			if (its && run.relations[i])
				used_column(&run, run.relations[i], named->column);
		}
	}
	return run.fresh;
}

struct traffic_sight traffic_seen(const struct context *input, const struct catalog_relation *relation,
                                  const struct catalog_column *column, bool drops, double window_ms)
{
	struct traffic_sight sight = {0};
	const struct traffic *traffic = input->traffic;
	if (!traffic)
		return sight;
	struct search_seen search = {
	    .input = input,
	    .database = usage_database_key(input->session->database),
	    .drops = drops,
	    .from_ms = traffic->now_ms - (int64_t)window_ms,
	    .sight = &sight,
	};
	look(&search, relation, column, NULL, 0);
	watched(&search, traffic->now_ms);
	return sight;
}

const char *traffic_words(struct arena *arena, const struct context *input, const struct traffic_sight *sight)
{
	char ago[HUMAN_BYTES];
	const int64_t ago_ms = input->traffic->now_ms - sight->use->at_ms;
	const char *through =
	    sight->through ? arena_printf(arena, " through %s", remedy_table(arena, sight->through)) : "";
	const char *route = sight->use->route[0] ? arena_printf(arena, " from %s", sight->use->route) : "";
	return arena_printf(arena, "%s %s ago, by %016llx%s", through,
	                    human_duration(ago_ms > 0 ? (uint64_t)ago_ms * 1000 : 0, ago),
	                    (unsigned long long)sight->use->fingerprint, route);
}

bool traffic_unused(const struct context *input, const struct traffic_sight *sight, double window_ms)
{
	return input->traffic && !sight->use && !sight->unclear && (double)sight->watched_ms >= window_ms;
}

/* A schema change says nothing about who needs the table. */
static bool is_traffic(const struct facts *facts)
{
	switch (facts->kind) {
	case STATEMENT_SELECT:
	case STATEMENT_INSERT:
	case STATEMENT_UPDATE:
	case STATEMENT_DELETE:
	case STATEMENT_MERGE:
	case STATEMENT_COPY:
	case STATEMENT_PREPARE:
	case STATEMENT_DECLARE:
	case STATEMENT_LOCK:
	case STATEMENT_TRUNCATE:
		return true;
	case STATEMENT_EXPLAIN:
		return facts->analyze;
	default:
		return false;
	}
}

static void used(struct run *run, const struct catalog_relation *relation, int16_t column)
{
	run->fresh |= usage_add(run->usage, run->database, relation->oid, column, run->use);
	if (run->also)
		usage_add(run->also, run->database, relation->oid, column, run->use);
}

static void used_column(struct run *run, const struct catalog_relation *relation, const char *column)
{
	for (uint16_t at = 0; at < relation->column_count; at++) {
		if (!column || strcmp(relation->columns[at].name, column) == 0)
			used(run, relation, relation->columns[at].number);
	}
}

/* Does a name that stands in level `from` reach relations of `level`? */
static bool is_visible(const struct facts *facts, uint16_t level, uint16_t from)
{
	for (int16_t at = (int16_t)from; at >= 0 && at < facts->level_count; at = facts->levels[at].parent) {
		if (at == level)
			return true;
	}
	return false;
}

static void unclear(struct run *run)
{
	usage_unclear(run->usage, run->database, run->use->at_ms);
	if (run->also)
		usage_unclear(run->also, run->database, run->use->at_ms);
}

static void look(const struct search_seen *search, const struct catalog_relation *relation,
                 const struct catalog_column *column, const struct catalog_relation *through, int depth)
{
	const struct traffic *traffic = search->input->traffic;
	int16_t number = column ? column->number : 0;
	look_in(search, traffic->usage, relation->oid, number, through);
	if (traffic->elsewhere)
		look_in(search, traffic->elsewhere, relation->oid, number, through);
	if (depth == TRAFFIC_DEPTH)
		return;
	for (uint32_t at = 0; search->drops && at < relation->dependent_count; at++) {
		const struct catalog_dependent *dependent = &relation->dependents[at];
		if (dependent->kind == CATALOG_DEPENDENT_VIEW && dependent->relation != relation &&
		    (!column || dependent->column == number))
			look(search, dependent->relation, NULL, dependent->relation, depth + 1);
	}
	for (uint32_t at = 0; at < relation->partition_count; at++) {
		const struct catalog_relation *partition = relation->partitions[at];
		const struct catalog_column *its = column ? catalog_column(partition, column->name) : NULL;
		/* A partition keeps its name when the parent gets another. */
		if (column ? its != NULL : search->drops)
			look(search, partition, its, partition, depth + 1);
	}
}

static void look_in(const struct search_seen *search, const struct usage *usage, uint32_t relation, int16_t column,
                    const struct catalog_relation *through)
{
	struct traffic_sight *sight = search->sight;
	const struct usage_use *use =
	    usage_find(usage, search->database, relation, column, search->input->traffic->session);
	if (!use || use->at_ms < search->from_ms || (sight->use && sight->use->at_ms >= use->at_ms))
		return;
	sight->use = use;
	sight->through = through;
}

static void watched(const struct search_seen *search, int64_t now_ms)
{
	const struct traffic *traffic = search->input->traffic;
	const struct usage *const tables[] = {traffic->usage, traffic->elsewhere};
	int64_t since_ms = 0;
	for (size_t at = 0; at < ARRAY_LEN(tables); at++) {
		const struct usage_database *database =
		    tables[at] ? usage_database(tables[at], search->database) : NULL;
		if (!database)
			continue;
		search->sight->unclear |= database->unclear_ms > 0 && database->unclear_ms >= search->from_ms;
		since_ms = since_ms > database->since_ms ? since_ms : database->since_ms;
	}
	search->sight->watched_ms = since_ms > 0 ? now_ms - since_ms : 0;
}
