/* Text columns that JSON documents are written to: counted from the first one on, told once (rule D501). One for each
 * inspector; bounded by LIMIT_DOCUMENT_COLUMNS, what comes after is not counted. */
#ifndef PGPROCTOR_INSPECT_DOCUMENTS_H
#define PGPROCTOR_INSPECT_DOCUMENTS_H

#include "inspect/rules/rules.h"
#include "inspect/usage.h"

struct documents_column {
	uint32_t relation; /* oid */
	int16_t number;
	bool told;
	bool pending; /* the last sum was enough; the next one has what had not come by then */
	uint64_t database; /* usage_database_key */
	uint64_t writes, documents;
	uint64_t fingerprint; /* of the first statement that stored one, */
	char *query;          /* and its text */
};

struct documents {
	struct documents_column columns[LIMIT_DOCUMENT_COLUMNS];
	uint32_t count;
	const struct rule *rule; /* found at the first use */
	/* Of several workers each has its own: what is counted is told to the others by `also`, and a finding is made of
	 * the sum. NULL: there are none. */
	struct usage *also;
	const struct usage *elsewhere; /* what all have counted; NULL: nothing yet */
	uint32_t owner; /* this worker, from 1 */
};

void documents_fini(struct documents *documents);

/* Does the statement store constants that are documents? Adds the parameters that it stores. */
bool documents_stored(const struct facts *facts, struct shape_wants *wants);
/* Of one that is about to run. `input` has its facts, `bound` with at least the values' kinds. */
void documents_observe(struct documents *documents, const struct context *input, uint64_t fingerprint,
                       const char *query, struct verdict *verdict);
/* What the sum says, and of which statement and database. */
struct documents_told {
	const char *database, *query;
	uint64_t fingerprint;
};
/* Some time after the last round, from *at = 0 until false: the next column of which `elsewhere` has enough for the second
 * time, and that is this worker's to tell. Columns are known by the catalogs. */
bool documents_next(struct documents *documents, struct catalog *const *catalogs, uint32_t catalog_count,
                    const struct rule_settings *settings, uint32_t *at, struct verdict *verdict,
                    struct documents_told *of);

#endif
