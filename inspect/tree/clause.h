/* An expression of a statement as a tree that outlives the parser's: what clause.c takes over of a raw parse node
 * so that typing.h can work out, against a catalog, what PostgreSQL's analyzer makes of it. Knows no catalog; of a
 * literal it holds the kind and, only where the caller may see literals, the text. */
#ifndef PGPROCTOR_INSPECT_CLAUSE_H
#define PGPROCTOR_INSPECT_CLAUSE_H

#include "inspect/arena.h"
#include "inspect/tree/facts.h"

enum clause_kind {
	CLAUSE_OPAQUE, /* not followed: equals nothing; items: the columns in it; name: count(*), rank() … */
	CLAUSE_COLUMN,
	CLAUSE_CONSTANT,
	CLAUSE_PARAMETER,
	CLAUSE_CAST,
	CLAUSE_COLLATE,
	CLAUSE_CALL,
	CLAUSE_OPERATOR,       /* one item: prefix */
	CLAUSE_ARRAY_OPERATOR, /* items: value, array; flag: ALL, not ANY */
	CLAUSE_IN,             /* items: value, then the list's; flag: NOT IN */
	CLAUSE_AND,
	CLAUSE_OR,
	CLAUSE_NOT,
	CLAUSE_NULL_TEST,    /* flag: IS NOT NULL */
	CLAUSE_BOOLEAN_TEST, /* variant: BoolTestType (primnodes.h), in the order of `enum clause_test` */
	CLAUSE_COALESCE,
	CLAUSE_EXTREME,  /* GREATEST; flag: LEAST */
	CLAUSE_NULLIF,
	CLAUSE_DISTINCT, /* IS DISTINCT FROM; flag: IS NOT */
	CLAUSE_CASE,     /* items: test (NULL when none), then when and then in turn, last else (NULL when none) */
	CLAUSE_ARRAY,
	CLAUSE_ROW,
	CLAUSE_SUBSCRIPT, /* items: the array, then subscripts; flag: a slice */
	CLAUSE_SUBLINK,   /* items: what is compared (NULL when nothing), then the columns in it; variant: its kind */
	CLAUSE_NATURAL,   /* left = right of each column that both sides have; items: one COLUMN without a name a side */
	CLAUSE_KEYWORD,   /* CURRENT_DATE …; variant: SVFOP_…, name: its type */
};

enum clause_literal { LITERAL_NULL, LITERAL_BOOLEAN, LITERAL_INTEGER, LITERAL_DECIMAL, LITERAL_STRING, LITERAL_BITS };
enum clause_test { TEST_TRUE, TEST_NOT_TRUE, TEST_FALSE, TEST_NOT_FALSE, TEST_UNKNOWN, TEST_NOT_UNKNOWN };
enum clause_sublink { SUBLINK_EXISTS, SUBLINK_ANY, SUBLINK_VALUE, SUBLINK_OTHER };

/* How a pattern is read. */
enum clause_reading { READING_NONE, READING_LIKE, READING_REGEX, READING_SIMILAR };

/* What is known of the right side of LIKE, ~ and their like. */
struct clause_pattern {
	enum clause_reading reading;
	enum operand_kind operand;
	struct pattern_shape shape;
	uint16_t parameter;
	bool prefixed, suffixed; /* a parameter with something constant before or behind it */
	bool other_escape;       /* LIKE … ESCAPE something */
};

struct clause {
	enum clause_kind kind;
	uint8_t variant;
	bool flag;
	int16_t relation;      /* COLUMN: index into the facts' relations, -1: see level */
	uint16_t level;        /* COLUMN */
	int16_t from, to;      /* COLUMN without a relation: one of these that has it; -1: of the level's or an outer's */
	uint16_t query;        /* SUBLINK: the level that it is; 0: not known */
	uint16_t number;       /* PARAMETER; INTEGER literals: 8 when it is no int4 */
	const char *schema;    /* COLUMN: its qualifier as written, CALL, CAST (the type's); NULL when not qualified */
	const char *name;      /* COLUMN, CALL, OPERATOR, CAST, COLLATE, KEYWORD */
	const char *text;      /* CONSTANT: NULL where literals are not to be seen; BOOLEAN: "t" or "f" always */
	const struct fact_type *type;         /* CAST */
	const struct clause_pattern *pattern; /* OPERATOR: NULL for what matches no pattern */
	uint16_t count;
	const struct clause *const *items;
};

#endif
