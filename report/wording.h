/* What both forms of the review say in the same words. */
#ifndef PGPROCTOR_REPORT_WORDING_H
#define PGPROCTOR_REPORT_WORDING_H

#include "report/review.h"

#include <stddef.h>

enum {
	WORDING_TOP_ROWS = 15, /* statements that are listed one by one */
	WORDING_BYTES = 256,
};

/* "2026-11-22 19:21:32 to 19:25:11 UTC". */
void wording_span(const struct review_totals *totals, char to[WORDING_BYTES]);
/* "1.2M statements, 12 errors, 3 rejected". */
void wording_counts(const struct review_totals *totals, char to[WORDING_BYTES]);
/* "2 kinds of statement, 1 finding". */
void wording_kinds(const struct review_totals *totals, char to[WORDING_BYTES]);
/* "shop_product.name", "shop_product", or "". */
void wording_object(const struct review_finding *finding, char to[WORDING_BYTES]);
/* "412 calls", "1 call": of the statement where it ran, else how often the finding was seen. */
void wording_calls(const struct review *review, const struct review_finding *finding, char to[WORDING_BYTES]);
/* Who sent it, as far as is known: route, else controller, else application and user. */
void wording_origin(const struct review_finding *finding, char to[WORDING_BYTES]);
/* Why something could not be judged, in a sentence. */
void wording_reason(const struct review_reason *reason, char to[WORDING_BYTES]);
/* Milliseconds as microseconds, for human_duration. */
uint64_t wording_us(double ms);

#endif
