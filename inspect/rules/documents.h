/* Text columns that JSON documents are written to: counted from the first one on, told once (rule D501). One for each
 * inspector; bounded by LIMIT_DOCUMENT_COLUMNS, what comes after is not counted. */
#ifndef PGPROCTOR_INSPECT_DOCUMENTS_H
#define PGPROCTOR_INSPECT_DOCUMENTS_H

#include "inspect/rules/rules.h"

struct documents_column {
	uint32_t relation; /* oid */
	int16_t number;
	bool told;
	uint64_t database; /* a hash */
	uint64_t writes, documents;
};

struct documents {
	struct documents_column columns[LIMIT_DOCUMENT_COLUMNS];
	uint32_t count;
	const struct rule *rule; /* found at the first use */
};

/* Does the statement store texts that may be documents: constants among them that are, any parameters? */
bool documents_stored(const struct facts *facts, bool *parameters);
/* Of one that is about to run. `input` has its facts, `bound` with at least the values' kinds. */
void documents_observe(struct documents *documents, const struct context *input, struct verdict *verdict);

#endif
