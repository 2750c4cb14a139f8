/* `pgproctor report`: from logs to the review of a person. Reads review.h's figures out of JSON lines, and prints them
 * for a terminal (terminal.h) or as markdown (markdown.h). */
#ifndef PGPROCTOR_REPORT_REPORT_H
#define PGPROCTOR_REPORT_REPORT_H

#include <stdbool.h>

/* Prints the review to standard output, complaints to standard error; a path "-" is standard input. Returns the exit
 * status: 0, or 1 when a log cannot be read or holds no line of pgproctor's. */
int report_run(char *const *paths, int count, bool markdown);

#endif
