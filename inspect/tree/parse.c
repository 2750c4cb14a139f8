#include "inspect/tree/parse.h"
#include "inspect/text/canonical.h"
#include "inspect/text/lexer.h"
#include "inspect/tree/clauses.h"
#include "inspect/tree/expression.h"
#include "inspect/tree/walk.h"
#include "config/limits.h"

#include <pg_query.h>
#include <pg_query_internal.h>

#include "nodes/parsenodes.h"

#include <string.h>

/* Exported by the library without a header. Its argument may be the list of a whole text. */
uint64_t pg_query_fingerprint_node(const void *node);

/* A setting of the server, and in the library one of the thread. parser.h has it without __thread, so this file
 * must not include that. */
extern __thread bool standard_conforming_strings;
/* Likewise. The fingerprint warns of each constant in a condition, and composing words that nobody reads takes a sixth of
 * its time. */
extern __thread int client_min_messages, log_min_messages;

/* From 16 on the parser takes options; 0 is its default. */
#ifdef PG_QUERY_DISABLE_BACKSLASH_QUOTE
#define RAW_PARSE(sql, conforming)                                                                                     \
	pg_query_raw_parse(sql, (conforming) ? 0 : PG_QUERY_DISABLE_STANDARD_CONFORMING_STRINGS)
#else
#define RAW_PARSE(sql, conforming) pg_query_raw_parse(sql)
#endif

/* A tree with the memory that it lives in. */
struct tree {
	MemoryContext context;
	List *statements;
	bool parsed;
};

/* An expression that stands alone. */
struct alone {
	struct tree tree;
	const Node *node;
	bool made;
};

static bool alone_make(struct alone *alone, const char *expression);
static void alone_free(struct alone *alone);
static struct tree tree_make(const char *sql, bool conforming);
static bool blot_escapes(char *sql, size_t len);
static bool is_one_of(char letter, const char *letters);
static void tree_free(struct tree *tree);
static void take_statements(const List *statements, const char *sql, bool conforming, struct arena *arena,
                            struct parsed *out);
static const char *own_text(const RawStmt *statement, const char *sql, bool conforming, struct arena *arena);
static const char *long_name(const RawStmt *statement, const char *sql, bool conforming, struct arena *arena);
static const Node *only_target(const List *statements);

enum parse_result parse_sql(const char *sql, size_t len, struct arena *arena, struct parsed *out)
{
	return parse_sql_conforming(sql, len, true, arena, out);
}

enum parse_result parse_sql_conforming(const char *sql, size_t len, bool conforming, struct arena *arena,
                                       struct parsed *out)
{
	enum parse_result result = PARSE_SYNTAX;
	enum canonical_result made;
	struct canonical canonical;
	struct tree tree;

	*out = (struct parsed){.query = ""};
	canonical_init(&canonical);
	made = canonical_make(&canonical, sql, len, conforming, CANONICAL_QUERY | CANONICAL_REDUCED);
	if (made == CANONICAL_OK || made == CANONICAL_EMPTY) {
		/* Parsing the reduced text gives the whole one's fingerprint and facts: what went is members of lists
		 * that differ from their neighbours in nothing that either looks at. */
		tree = tree_make(made == CANONICAL_OK ? canonical.reduced.bytes : "", conforming);
		if (!tree.parsed && made == CANONICAL_OK &&
		    blot_escapes(canonical.reduced.bytes, canonical.reduced.len)) {
			tree_free(&tree);
			tree = tree_make(canonical.reduced.bytes, conforming);
		}
		if (tree.parsed) {
			out->fingerprint = pg_query_fingerprint_node(tree.statements);
			if (made == CANONICAL_OK)
				out->query = arena_copy(arena, canonical.query.bytes, canonical.query.len);
			take_statements(tree.statements, canonical.reduced.bytes, conforming, arena, out);
			for (uint16_t at = 0; at < out->statement_count && at < 64; at++)
				out->facts[at].long_list |= (canonical.long_lists >> at & 1) != 0;
			result = PARSE_OK;
		}
		tree_free(&tree);
	}
	canonical_fini(&canonical);
	return result;
}

enum parse_result parse_sql_literally(const char *sql, size_t len, bool conforming, struct arena *arena,
                                      struct parsed *out)
{
	enum parse_result result = parse_sql_conforming(sql, len, conforming, arena, out);
	if (result != PARSE_OK)
		return result;
	/* Lists in full, too; whatever the ceilings are for has passed them already. */
	struct arena local;
	arena_init(&local);
	char *text = arena_copy(&local, sql, len);
	struct tree tree = tree_make(text, conforming);
	if (tree.parsed) {
		out->literally = true;
		take_statements(tree.statements, text, conforming, arena, out);
	}
	tree_free(&tree);
	arena_fini(&local);
	return result;
}

const char *parse_expression(const char *expression, struct arena *arena)
{
	struct alone alone;
	const char *text = NULL;
	if (alone_make(&alone, expression))
		text = expression_of(alone.node, arena).text;
	alone_free(&alone);
	return text;
}

const struct clause *parse_clause(const char *expression, struct arena *arena)
{
	struct alone alone;
	const struct clause *clause = NULL;
	const struct clauses_scope scope = {.literals = true, .arena = arena};
	if (alone_make(&alone, expression))
		clause = clauses_of(&scope, alone.node);
	alone_free(&alone);
	return clause;
}

const struct facts *parse_view(const char *definition, struct arena *arena)
{
	struct arena local;
	struct parsed parsed;
	size_t len = strlen(definition);
	const struct facts *facts = NULL;

	arena_init(&local);
	while (len > 0 && (definition[len - 1] == ';' || definition[len - 1] == '\n'))
		len--;
	const char *sql = arena_printf(&local, "SELECT * FROM (%.*s) AS v", (int)len, definition);
	if (parse_sql_literally(sql, strlen(sql), true, arena, &parsed) == PARSE_OK && parsed.statement_count == 1 &&
	    !parsed.facts[0].truncated && parsed.facts[0].relation_count > 0 &&
	    parsed.facts[0].relations[parsed.facts[0].relation_count - 1].query == 1)
		facts = &parsed.facts[0];
	arena_fini(&local);
	return facts;
}

static bool alone_make(struct alone *alone, const char *expression)
{
	struct canonical canonical;
	struct arena local;
	char *sql;

	*alone = (struct alone){0};
	arena_init(&local);
	sql = arena_printf(&local, "SELECT %s", expression);
	canonical_init(&canonical);
	if (canonical_make(&canonical, sql, strlen(sql), true, CANONICAL_KEY_ONLY) == CANONICAL_OK) {
		alone->tree = tree_make(sql, true);
		alone->made = true;
		if (alone->tree.parsed)
			alone->node = only_target(alone->tree.statements);
	}
	canonical_fini(&canonical);
	arena_fini(&local);
	return alone->node != NULL;
}

static void alone_free(struct alone *alone)
{
	if (alone->made)
		tree_free(&alone->tree);
}

/* E'\xe9' is a character to a server whose database is in LATIN1. The library is one in UTF8, and refuses the whole
 * text for it. What the bytes are matters to no rule, only that there are some. False when there was none. */
static bool blot_escapes(char *sql, size_t len)
{
	bool found = false;

	/* What a backslash quotes begins no escape. */
	for (size_t at = 0; at + 3 < len; at += sql[at] == '\\' ? 2 : 1) {
		const char *escape = sql + at + 1;
		bool hex = escape[0] == 'x' && is_one_of(escape[1], "89abcdefABCDEF") &&
		           is_one_of(escape[2], "0123456789abcdefABCDEF");
		/* Of three octal digits the middle bit of the first is the byte's highest. */
		bool octal = is_one_of(escape[0], "2367") && is_one_of(escape[1], "01234567") &&
		             is_one_of(escape[2], "01234567");

		if (sql[at] == '\\' && (hex || octal)) {
			memset(sql + at, '?', 4);
			found = true;
		}
	}
	return found;
}

static bool is_one_of(char letter, const char *letters)
{
	return letter != '\0' && strchr(letters, letter) != NULL;
}

static struct tree tree_make(const char *sql, bool conforming)
{
	PgQueryInternalParsetreeAndError raw;
	struct tree tree = {.context = pg_query_enter_memory_context()};

	client_min_messages = log_min_messages = ERROR;
	standard_conforming_strings = conforming;
	raw = RAW_PARSE(sql, conforming);
	standard_conforming_strings = true;
	tree.parsed = raw.error == NULL;
	tree.statements = raw.tree;
	free(raw.stderr_buffer);
	if (raw.error)
		pg_query_free_error(raw.error);
	return tree;
}

static void tree_free(struct tree *tree)
{
	pg_query_exit_memory_context(tree->context);
	*tree = (struct tree){0};
}

static void take_statements(const List *statements, const char *sql, bool conforming, struct arena *arena,
                            struct parsed *out)
{
	int count = list_length(statements);

	if (count > LIMIT_FACTS_STATEMENTS) {
		count = LIMIT_FACTS_STATEMENTS;
		out->truncated = true;
	}
	out->statement_count = (uint16_t)count;
	if (count == 0)
		return;
	out->facts = arena_alloc(arena, (size_t)count * sizeof(*out->facts));
	for (int at = 0; at < count; at++) {
		const RawStmt *statement = list_nth(statements, at);

		if (out->literally)
			walk_statement_literally(statement, arena, &out->facts[at]);
		else
			walk_statement(statement, arena, &out->facts[at]);
		if (IsA(statement->stmt, IndexStmt) || IsA(statement->stmt, AlterTableStmt))
			out->facts[at].text = own_text(statement, sql, conforming, arena);
		if (out->facts[at].kind == STATEMENT_DDL)
			out->facts[at].long_name = long_name(statement, sql, conforming, arena);
	}
	if (out->truncated)
		out->facts[count - 1].truncated = true;
}

/* One statement of a text that may hold several. */
static const char *place_of(const RawStmt *statement, const char *sql, size_t *len)
{
	const char *own = sql + (statement->stmt_location > 0 ? statement->stmt_location : 0);

	*len = statement->stmt_len > 0 ? (size_t)statement->stmt_len : strlen(own);
	return own;
}

/* The tree has names as they are cut (truncate_identifier, scansup.c); only the text shows what they were. */
static const char *long_name(const RawStmt *statement, const char *sql, bool conforming, struct arena *arena)
{
	size_t len;
	const char *own = place_of(statement, sql, &len);
	struct lexer lexer;
	struct lexer_token token;

	lexer_init(&lexer, own, len, conforming);
	for (lexer_read(&lexer, &token); token.kind != LEXER_END && token.kind != LEXER_UNTERMINATED; lexer_read(&lexer, &token)) {
		const bool quoted = token.kind == LEXER_QUOTED;
		const char *name = quoted ? token.body : token.text;
		size_t bytes = quoted ? token.body_len : token.len, cut = LIMIT_NAME_BYTES - 1;
		for (size_t at = 0; quoted && at < token.body_len; at++)
			bytes -= name[at] == '"' && name[++at] == '"';
		if ((!quoted && token.kind != LEXER_WORD) || bytes < LIMIT_NAME_BYTES)
			continue;
		while (cut > 0 && ((unsigned char)name[cut] & 0xc0) == 0x80)
			cut--;
		return arena_copy(arena, name, cut);
	}
	return NULL;
}

/* NULL when it does not end where the parser says. */
static const char *own_text(const RawStmt *statement, const char *sql, bool conforming, struct arena *arena)
{
	size_t len;
	const char *own = place_of(statement, sql, &len);
	const char *text = NULL;
	struct canonical canonical;

	canonical_init(&canonical);
	if (canonical_make(&canonical, own, len, conforming, CANONICAL_QUERY) == CANONICAL_OK)
		text = arena_copy(arena, canonical.query.bytes, canonical.query.len);
	canonical_fini(&canonical);
	return text;
}

/* The expression of a SELECT of one expression and nothing else; NULL for any other. */
static const Node *only_target(const List *statements)
{
	const SelectStmt *select;
	const ResTarget *target;

	if (list_length(statements) != 1)
		return NULL;
	select = (const SelectStmt *)linitial_node(RawStmt, statements)->stmt;
	if (!IsA(select, SelectStmt) || select->op != SETOP_NONE || list_length(select->targetList) != 1 ||
	    select->fromClause || select->whereClause || select->groupClause || select->sortClause ||
	    select->limitCount || select->limitOffset || select->intoClause || select->withClause ||
	    select->lockingClause || select->havingClause || select->windowClause || select->distinctClause)
		return NULL;
	target = linitial(select->targetList);
	return IsA(target, ResTarget) && !target->name ? target->val : NULL;
}
