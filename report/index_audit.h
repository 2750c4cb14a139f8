/* The index audit: what a log's statements ask of each column, expression and order, added up, with the index that is
 * there for it; and the indexes that none of them needs. */
#ifndef PGPROCTOR_REPORT_INDEX_AUDIT_H
#define PGPROCTOR_REPORT_INDEX_AUDIT_H

#include "report/review.h"
#include "report/wording.h"

enum {
	INDEX_AUDIT_TOP_ROWS = 30, /* that are listed one by one */
	INDEX_AUDIT_USED_BYTES = 64,
	INDEX_AUDIT_ROWS_MIN = 10000, /* medium_table_rows, by default: on smaller tables no index is missed */
};

struct index_audit_row {
	const char *database, *relation, *expression;
	char used[INDEX_AUDIT_USED_BYTES]; /* "filter =, ~~; join =" */
	bool sorts;                        /* it is an order */
	bool comparable;                   /* nothing but = < > and the like is left without an index */
	uint32_t statements, unserved;     /* kinds; without an index, though it matters */
	uint64_t calls;
	double total_ms, unserved_ms;         /* of these statements as a whole */
	const char *index, *other_index;      /* that serve some of them; NULL: none */
	double distinct, share_percent, rows; /* as of review_access */
};

struct index_audit_spare {
	const char *database, *relation, *index;
};

/* Arrays that are the caller's to free; what they point to is the review's. Rows: most time without an index first. */
struct index_audit_row *index_audit_rows(const struct review *review, uint32_t *count);
struct index_audit_spare *index_audit_spares(const struct review *review, uint32_t *count);
/* What serves it, or what to do. */
void index_audit_advice(const struct index_audit_row *row, char to[WORDING_BYTES]);
/* "shop_order.customer_id"; of an order "shop_order: created desc, id". */
void index_audit_object(const struct index_audit_row *row, char to[WORDING_BYTES]);
/* "0.01 %", or "" where it is not known. */
void index_audit_share(const struct index_audit_row *row, char to[WORDING_BYTES]);

#endif
