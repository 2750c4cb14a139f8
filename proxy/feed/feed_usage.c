#include "proxy/feed/feed_usage.h"

#include "proxy/feed/feed_sql.h"

#include <time.h>

static void take(const struct feed_tables *tables, const struct feed_result *result);
static struct catalog_column *column_of(const struct feed_table *table, int64_t number);
static void know_indexes(const struct feed_table *table, const struct catalog *before, double now);
static void know_sequences(const struct feed_table *table, const struct catalog *before, double now);

bool feed_usage_read(struct feed_tables *tables, struct feed_result *result, const struct catalog *before)
{
	const double now = (double)time(NULL);
	for (uint32_t at = 0; at < tables->count; at++)
		know_indexes(&tables->list[at], before, now);
	/* Sequences by themselves: reading one takes a lock on it, and may fail for that. */
	const char *const parts[] = {feed_sql_usage, feed_sql_sequences};
	for (size_t part = 0; part < ARRAY_LEN(parts); part++) {
		if (!feed_result_run(result, parts[part], 4)) {
			if (PQstatus(result->connection) != CONNECTION_OK)
				return false;
			continue;
		}
		while (feed_result_next(result))
			take(tables, result);
	}
	for (uint32_t at = 0; at < tables->count; at++)
		know_sequences(&tables->list[at], before, now);
	return true;
}

static void take(const struct feed_tables *tables, const struct feed_result *result)
{
	struct feed_table *table = feed_tables_find(tables, feed_result_oid(result, 0));
	if (table == NULL)
		return;
	const int64_t number = feed_result_integer(result, 2);
	const double value = feed_result_real(result, 3, 0);
	struct catalog_column *column = column_of(table, number);
	switch (feed_result_char(result, 1)) {
	case 'm':
		table->relation->modified = value;
		break;
	case 'v':
		if (column != NULL)
			column->common_share = value;
		break;
	case 't':
		if (column != NULL)
			column->typical_share = value;
		break;
	case 'b':
		if (column != NULL) {
			column->has_true_share = true;
			column->true_share = value;
		}
		break;
	case 'n':
		if (column != NULL)
			column->never_negative = true;
		break;
	case 'l':
		if (column != NULL)
			column->list_share = value;
		break;
	case 'q':
		if (column != NULL)
			column->sequence_used = value;
		break;
	case 'u':
		for (uint16_t at = 0; at < table->relation->index_count; at++) {
			if (table->indexes[at].oid == number)
				table->indexes[at].unused_days = value;
		}
		break;
	}
}

/* The list is constant to the catalog's readers only. */
static struct catalog_column *column_of(const struct feed_table *table, int64_t number)
{
	struct catalog_column *columns = (struct catalog_column *)table->relation->columns;
	for (uint16_t at = 0; at < table->relation->column_count; at++) {
		if (columns[at].number == number)
			return &columns[at];
	}
	return NULL;
}

/* PostgreSQL does not tell when an index was made; that it was there at an earlier reading is known here. */
static void know_indexes(const struct feed_table *table, const struct catalog *before, double now)
{
	const struct catalog_relation *old = before != NULL ? catalog_find_oid(before, table->relation->oid) : NULL;
	for (uint16_t at = 0; at < table->relation->index_count; at++) {
		struct catalog_index *index = &table->indexes[at];
		index->known_since = now;
		for (uint16_t i = 0; old != NULL && i < old->index_count; i++) {
			if (old->indexes[i].oid == index->oid)
				index->known_since = old->indexes[i].known_since;
		}
	}
}

/* How fast its numbers go is seen from two readings. One that has been set back begins anew; one that could not be read
 * this time keeps what was known. */
static void know_sequences(const struct feed_table *table, const struct catalog *before, double now)
{
	const struct catalog_relation *old = before != NULL ? catalog_find_oid(before, table->relation->oid) : NULL;
	struct catalog_column *columns = (struct catalog_column *)table->relation->columns;
	for (uint16_t at = 0; at < table->relation->column_count; at++) {
		struct catalog_column *column = &columns[at];
		for (uint16_t i = 0; old != NULL && i < old->column_count; i++) {
			const struct catalog_column *known = &old->columns[i];
			bool behind = column->sequence_used > 0 && column->sequence_used < known->sequence_first;
			if (known->number != column->number || known->type_oid != column->type_oid || behind)
				continue;
			column->sequence_first = known->sequence_first;
			column->sequence_since = known->sequence_since;
		}
		if (column->sequence_since > 0 || column->sequence_used <= 0)
			continue;
		column->sequence_first = column->sequence_used;
		column->sequence_since = now;
	}
}
