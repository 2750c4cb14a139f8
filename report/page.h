/* Where the review is written: a stream that knows whether it may use colour and Unicode, and how wide it is. Whatever
 * comes from the log passes through here, so that nothing in it can move a cursor. */
#ifndef PGPROCTOR_REPORT_PAGE_H
#define PGPROCTOR_REPORT_PAGE_H

#include "config/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct page {
	FILE *file;
	bool unicode; /* else … becomes ..., µ becomes u, and what is left over becomes ? */
	bool colour;
	unsigned width; /* columns */
};

enum page_style { PAGE_PLAIN, PAGE_BOLD, PAGE_DIM, PAGE_RED, PAGE_YELLOW, PAGE_GREEN };

void page_style(struct page *page, enum page_style style);
/* A text of our own or from the log: control characters are made visible. */
void page_text(struct page *page, const char *text);
void page_text_n(struct page *page, const char *text, size_t len);
void page_printf(struct page *page, const char *format, ...) PRINTF_LIKE(2, 3);
/* Filled up with blanks to `columns`, on the left (numbers) or on the right (names). */
void page_right(struct page *page, const char *text, size_t columns);
void page_left(struct page *page, const char *text, size_t columns);
/* On one line, white space folded, at most `columns` wide and then ended by "…". */
void page_cut(struct page *page, const char *text, size_t columns);
/* Broken between words at the page's width; `indent` is where the text starts now, and each line after this one. */
void page_wrap(struct page *page, const char *text, size_t indent);

#endif
