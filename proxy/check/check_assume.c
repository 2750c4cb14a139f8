#include "proxy/check/check_assume.h"

#include "config/limits.h"

#include <string.h>

struct assumed {
	char schema[LIMIT_NAME_BYTES], name[LIMIT_NAME_BYTES];
	bool made; /* by the script: not assumed */
};

struct check_assume {
	double rows;
	struct assumed *list;
	size_t count, room;
};

static struct assumed *find(struct check_assume *assume, const struct fact_relation *relation, bool *added);

/* Tables of a script; a script with more is not written by people. */
enum { ASSUMED_MAX = 65536 };

struct check_assume *check_assume_new(double rows)
{
	struct check_assume *assume = calloc(1, sizeof(*assume));
	CHECK(assume != NULL);
	assume->rows = rows;
	return assume;
}

void check_assume_free(struct check_assume *assume)
{
	if (assume == NULL)
		return;
	free(assume->list);
	free(assume);
}

bool check_assume_add(struct check_assume *assume, const struct facts *facts, uint16_t statement_count)
{
	bool changed = false;
	for (uint16_t at = 0; at < statement_count; at++) {
		for (uint16_t i = 0; i < facts[at].relation_count; i++) {
			const struct fact_relation *relation = &facts[at].relations[i];
			if (relation->is_cte || strlen(relation->name) >= LIMIT_NAME_BYTES)
				continue;
			bool added = false;
			struct assumed *assumed = find(assume, relation, &added);
			for (uint16_t a = 0; assumed && added && a < facts[at].action_count; a++) {
				const struct fact_action *action = &facts[at].actions[a];
				bool makes = action->form == DDL_CREATE_TABLE || action->form == DDL_CREATE_TABLE_AS ||
				             action->form == DDL_CREATE_VIEW || action->form == DDL_SEQUENCE;
				if (makes && action->relation == (int16_t)i && !action->if_exists)
					assumed->made = true;
			}
			changed |= added && assumed && !assumed->made;
		}
	}
	return changed;
}

static struct assumed *find(struct check_assume *assume, const struct fact_relation *relation, bool *added)
{
	const char *schema = relation->schema != NULL ? relation->schema : "public";
	for (size_t at = 0; at < assume->count; at++) {
		if (strcmp(assume->list[at].name, relation->name) == 0 && strcmp(assume->list[at].schema, schema) == 0)
			return &assume->list[at];
	}
	if (assume->count == ASSUMED_MAX || strlen(schema) >= LIMIT_NAME_BYTES)
		return NULL;
	if (assume->count == assume->room) {
		assume->room = assume->room ? assume->room * 2 : 64;
		assume->list = realloc(assume->list, assume->room * sizeof(*assume->list));
		CHECK(assume->list != NULL);
	}
	struct assumed *assumed = &assume->list[assume->count++];
	memset(assumed, 0, sizeof(*assumed));
	memcpy(assumed->schema, schema, strlen(schema));
	memcpy(assumed->name, relation->name, strlen(relation->name));
	*added = true;
	return assumed;
}

struct catalog *check_assume_catalog(const struct check_assume *assume, const char *database)
{
	/* provolatile 'v' of pg_proc, as far as a default may call them; uuid-ossp's and pgcrypto's with them. */
	static const char *const volatiles[] = {
	    "random",           "nextval",          "currval",
	    "lastval",          "setval",           "gen_random_uuid",
	    "uuid_generate_v1", "uuid_generate_v4", "uuid_generate_v1mc",
	    "clock_timestamp",  "timeofday",        "gen_random_bytes",
	    "gen_salt",         "txid_current",     "pg_sleep",
	};
	struct catalog *catalog = catalog_new(database);
	struct arena *arena = catalog_arena(catalog);
	for (size_t at = 0; at < assume->count; at++) {
		const struct assumed *assumed = &assume->list[at];
		if (assumed->made)
			continue;
		const struct catalog_relation relation = {
		    .oid = (uint32_t)at + 1,
		    .schema = arena_text(arena, assumed->schema),
		    .name = arena_text(arena, assumed->name),
		    .kind = CATALOG_TABLE,
		    .system = strcmp(assumed->schema, "pg_catalog") == 0 ||
		              strcmp(assumed->schema, "information_schema") == 0,
		    .analyzed = assume->rows >= 0,
		    .rows = assume->rows,
		    .bytes = -1,
		};
		catalog_add_relation(catalog, &relation);
	}
	for (size_t at = 0; at < ARRAY_LEN(volatiles); at++)
		catalog_add_function(catalog, "pg_catalog", volatiles[at], 0, UINT16_MAX, CATALOG_VOLATILE, false);
	catalog_seal(catalog);
	return catalog;
}
