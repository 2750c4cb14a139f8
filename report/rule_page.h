/* The rules for people: the table of all of them (`pgproctor check --rules`, README) and the page of one
 * (`pgproctor explain RULE`). What they say stands in the rules' own rows. */
#ifndef PGPROCTOR_REPORT_RULE_PAGE_H
#define PGPROCTOR_REPORT_RULE_PAGE_H

#include <stdbool.h>
#include <stdio.h>

/* All rules, a line each, by code: aligned for a terminal, or as README has them. */
void rule_page_table(FILE *out, bool markdown);
/* The page of the rule of that slug or code. Returns the exit status: 0, or 2 when there is none such; `complaints`
 * then gets a line with the one that comes nearest. */
int rule_page_explain(FILE *out, FILE *complaints, const char *name);

#endif
