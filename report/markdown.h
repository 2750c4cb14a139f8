/* The review as markdown (CommonMark with GitHub's tables), to paste into an issue. Nothing from the log can become
 * markup: it stands in code spans and fences that are longer than any backticks in it, or is escaped. */
#ifndef PGPROCTOR_REPORT_MARKDOWN_H
#define PGPROCTOR_REPORT_MARKDOWN_H

#include "report/page.h"
#include "report/review.h"

void markdown_print(struct page *page, const struct review *review);

#endif
