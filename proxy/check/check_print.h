/* What `pgproctor check` says, in the format asked for: like a compiler for people, one JSON object a line, or the
 * annotations that GitHub and GitLab show beside the changed line. */
#ifndef PGPROCTOR_PROXY_CHECK_PRINT_H
#define PGPROCTOR_PROXY_CHECK_PRINT_H

#include "inspect/change/effect.h"
#include "inspect/access/access.h"
#include "inspect/verdict.h"

#include <stdio.h>

enum check_print_format {
	CHECK_PRINT_TEXT,
	CHECK_PRINT_JSON,
	CHECK_PRINT_GITHUB, /* workflow commands: ::error file=…::… */
	CHECK_PRINT_GITLAB, /* a Code Quality report: one JSON array */
};

/* Where something is said of: a statement of a file, or a word in it. */
struct check_print_place {
	const char *file;
	uint32_t line, column; /* 0: of the file as a whole */
	const char *source;    /* that line, for the excerpt; NULL: none */
	size_t source_len;
	size_t marked; /* bytes of it from `column` on that are meant; 0: one */
	uint64_t fingerprint;
	const char *query; /* normalised; NULL when there is none */
};

struct check_print {
	FILE *out;
	enum check_print_format format;
	uint32_t findings[SEVERITY_BLOCK + 1]; /* by severity */
	uint32_t statements, unparsed;
	bool any; /* something of a report was written already */
};

void check_print_begin(struct check_print *print, FILE *out, enum check_print_format format);
void check_print_finding(struct check_print *print, const struct check_print_place *place,
                         const struct finding *finding);
void check_print_lock(struct check_print *print, const struct check_print_place *place, const struct effect *effect,
                      const char *refused);
void check_print_access(struct check_print *print, const struct check_print_place *place,
                        const struct access_event *event);
/* A statement that can't be judged; `reason` without a literal of it. */
void check_print_unparsed(struct check_print *print, const struct check_print_place *place, const char *reason);
/* What the reader has to know of how it was judged; `place` NULL: of the run. */
void check_print_note(struct check_print *print, const struct check_print_place *place, const char *text);
void check_print_end(struct check_print *print);

#endif
