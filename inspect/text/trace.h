/* Where in a text the literals were that its key does not hold in full: what canonical.c notes on its way for
 * template.c. All else of the text, white space and comments included, stood there as it stands. */
#ifndef PGPROCTOR_INSPECT_TRACE_H
#define PGPROCTOR_INSPECT_TRACE_H

#include "inspect/text/constants.h"

#include <stdbool.h>
#include <stdint.h>

enum { TRACE_EVENTS_MAX = 200, TRACE_ROWS_MAX = 2 };

enum trace_kind {
	TRACE_STRING,  /* '…', the quotes included, not the E before it */
	TRACE_INTEGER, /* digits */
	TRACE_DECIMAL,
	TRACE_ROWS,    /* further rows of VALUES, the commas before them included */
	TRACE_MEMBERS, /* further members of an IN list, likewise */
};

struct trace_event {
	uint32_t begin, end; /* offsets in the text */
	uint8_t kind;        /* enum trace_kind */
	bool escapes;        /* TRACE_STRING: a backslash escapes */
	bool classed;        /* TRACE_STRING: `class` is in the key */
	bool valued;         /* TRACE_STRING: and `value` is, the kind of a value; all kinds when `secret` */
	bool secret;
	bool after_offset; /* TRACE_INTEGER: behind OFFSET */
	uint32_t class;    /* of the string, by shape_class; of the integer, by literal_integer_class */
	uint32_t value;
	uint32_t rows; /* TRACE_ROWS: index into trace.rows */
	bool many;     /* TRACE_MEMBERS: with the one before them more than LIMIT_LIST_MEMBERS */
	struct constants_member member;
};

struct trace {
	bool usable; /* all that the key left out is an event */
	uint32_t count;
	uint32_t begin, end; /* of the first and behind the last token */
	struct trace_event events[TRACE_EVENTS_MAX];
	struct constants_rows rows[TRACE_ROWS_MAX];
};

#endif
