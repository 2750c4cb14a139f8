#include "proxy/feed/feed_estimate.h"

#include <math.h>
#include <string.h>

static void estimate_unsized(const struct feed_estimate_input *input, struct catalog_relation *relation);

/* As estimate_rel_size does (optimizer/util/plancat.c, access/table/tableam.c): the density that VACUUM or ANALYZE saw,
 * or one guessed from the columns' widths, times the pages that there are now. Only that an empty table is taken for
 * empty, and not for the ten pages that it may grow to. */
void feed_estimate_rows(const struct feed_estimate_input *input, struct catalog_relation *relation)
{
	/* PageHeaderData; HeapTupleHeader and ItemId. */
	enum { PAGE_HEADER_BYTES = 24, TUPLE_OVERHEAD_BYTES = 24 + 4 };
	if (relation->kind == CATALOG_FOREIGN_TABLE) {
		relation->analyzed = input->reltuples > 0;
		relation->rows = relation->analyzed ? input->reltuples : -1;
		return;
	}
	if (relation->kind != CATALOG_TABLE && relation->kind != CATALOG_MATERIALIZED_VIEW)
		return;
	bool density_known = input->reltuples >= 0 && input->relpages > 0;
	relation->analyzed = density_known || (input->reltuples >= 0 && input->zero_is_counted);
	if (input->bytes < 0) {
		estimate_unsized(input, relation);
		return;
	}
	relation->bytes = input->bytes;
	double pages = (double)input->bytes / (double)input->block_bytes;
	if (pages == 0) {
		relation->rows = 0;
	} else if (density_known) {
		relation->rows = rint(input->reltuples / (double)input->relpages * pages);
	} else {
		/* The division rounds down there as well. */
		int64_t tuple_bytes = (int64_t)input->width + TUPLE_OVERHEAD_BYTES;
		relation->rows = rint((double)((input->block_bytes - PAGE_HEADER_BYTES) / tuple_bytes) * pages);
		relation->analyzed = false;
	}
}

/* What the last VACUUM saw, what the statistics have counted since, and what the table had when it was last looked at,
 * whichever is more. None of them: unknown. */
static void estimate_unsized(const struct feed_estimate_input *input, struct catalog_relation *relation)
{
	bool live_known = relation->analyzed || input->last_rows >= 0 || input->live_is_all || input->live > 0;
	relation->rows = live_known ? fmax(input->live, input->last_rows) : -1;
	relation->bytes = input->last_bytes;
	if (!relation->analyzed)
		return;
	relation->rows = fmax(input->reltuples, relation->rows);
	if (relation->bytes < input->relpages * input->block_bytes)
		relation->bytes = input->relpages * input->block_bytes;
}

/* get_typavgwidth and type_maximum_size (utils/cache/lsyscache.c, utils/adt/format_type.c): fixed widths are known; a
 * declared maximum is taken whole while short, and half of what is beyond; all else is 32 bytes. A modifier of
 * varchar, bpchar and numeric counts 4 bytes of header. */
double feed_estimate_width(const char *type, int32_t modifier, int length, int character_bytes_max)
{
	enum { HEADER_BYTES = 4, SHORT_BYTES = 32, LONG_BYTES = 1000, NUMERIC_HEADER_BYTES = 8 };
	if (length > 0)
		return length;
	double most = -1;
	if (modifier >= HEADER_BYTES && (strcmp(type, "varchar") == 0 || strcmp(type, "bpchar") == 0))
		most = (double)(modifier - HEADER_BYTES) * character_bytes_max + HEADER_BYTES;
	else if (modifier >= HEADER_BYTES && strcmp(type, "numeric") == 0)
		/* Four decimal digits in two bytes, and up to six digits of padding. */
		most = NUMERIC_HEADER_BYTES + 2.0 * ((((modifier - HEADER_BYTES) >> 16 & 0xffff) + 6) / 4);
	else if (modifier >= 0 && (strcmp(type, "bit") == 0 || strcmp(type, "varbit") == 0))
		most = (modifier + 7) / 8 + 2.0 * HEADER_BYTES;
	if (most < 0)
		return SHORT_BYTES;
	if (most <= SHORT_BYTES || strcmp(type, "bpchar") == 0)
		return most;
	return floor(SHORT_BYTES + ((most < LONG_BYTES ? most : LONG_BYTES) - SHORT_BYTES) / 2);
}
