/* The review for a person at a terminal. */
#ifndef PGPROCTOR_REPORT_TERMINAL_H
#define PGPROCTOR_REPORT_TERMINAL_H

#include "report/page.h"
#include "report/review.h"

void terminal_print(struct page *page, const struct review *review);

#endif
