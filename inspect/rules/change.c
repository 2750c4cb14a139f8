#include "inspect/rules/change.h"

#include "inspect/change/rewrite.h"
#include "inspect/rules/remedy.h"
#include "inspect/text/identifier.h"
#include "inspect/text/lexer.h"

#include <string.h>
#include <strings.h>

static const char *listed(struct arena *arena, const char *const *names, uint16_t count);
static const char *reaction(char action);
static bool is_whole(const char *text);
static bool is_word(const struct lexer_token *token, const char *word);
static const char *masked(struct arena *arena, const char *text);
static size_t after_index(const char *text);
static const char *partitioned_index(struct arena *arena, const struct change *change);
static const char *past_name(const char *text, const char *word);

bool change_next(const struct context *input, struct arena *arena, enum ddl_form form, uint16_t *at,
                 struct change *change)
{
	const struct facts *facts = input->facts;
	for (; *at < facts->action_count; (*at)++) {
		const struct fact_action *action = &facts->actions[*at];
		if (action->form != form)
			continue;
		/* The foreign keys of a new table are actions on it, too. */
		bool new = false;
		for (uint16_t i = 0; i < *at; i++)
			new |= facts->actions[i].form == DDL_CREATE_TABLE &&
			       facts->actions[i].relation == action->relation;
		const struct catalog_relation *relation = new ? NULL : context_relation(input, action->relation);
		if (!relation)
			continue;
		*change = (struct change){
		    .action = action,
		    .statement = facts,
		    .relation = relation,
		    .table = remedy_table(arena, relation),
		    .column = action->column ? identifier_quoted(arena, action->column) : NULL,
		};
		(*at)++;
		return true;
	}
	return false;
}

bool change_adds_nothing(const struct context *input, const struct change *change)
{
	return rewrite_adds_nothing(input, change->action, change->relation);
}

const char *change_constraint_name(struct arena *arena, const struct change *change, const char *suffix)
{
	const struct fact_action *action = change->action;
	if (action->object && action->form != DDL_SET_NOT_NULL)
		return identifier_quoted(arena, action->object);
	const char *column = action->column ? action->column : action->column_count > 0 ? action->columns[0] : "all";
	return identifier_quoted(arena, remedy_name(arena, change->relation, column, suffix));
}

const char *change_columns(struct arena *arena, const struct fact_action *action)
{
	return listed(arena, action->columns, action->column_count);
}

const char *change_key_end(struct arena *arena, const struct fact_action *action)
{
	const struct fact_constraint *key = action->constraint;
	const char *end = "";
	if (!key)
		return end;
	if (key->referenced_column_count > 0)
		end = arena_printf(arena, " (%s)", listed(arena, key->referenced_columns, key->referenced_column_count));
	if (key->match_full)
		end = arena_printf(arena, "%s MATCH FULL", end);
	if (reaction(key->on_delete))
		end = arena_printf(arena, "%s ON DELETE %s", end, reaction(key->on_delete));
	if (key->set_column_count > 0)
		end = arena_printf(arena, "%s (%s)", end, listed(arena, key->set_columns, key->set_column_count));
	if (reaction(key->on_update))
		end = arena_printf(arena, "%s ON UPDATE %s", end, reaction(key->on_update));
	if (key->included_count > 0)
		end = arena_printf(arena, "%s INCLUDE (%s)", end, listed(arena, key->included, key->included_count));
	return end;
}

const char *change_timing(const struct fact_action *action)
{
	const struct fact_constraint *key = action->constraint;
	if (!key || !key->deferrable)
		return "";
	return key->deferred ? " DEFERRABLE INITIALLY DEFERRED" : " DEFERRABLE";
}

const char *change_not_valid(struct arena *arena, const struct change *change)
{
	const char *text = change->statement->text;
	if (!text || !is_whole(text) || change->statement->action_count != 1)
		return NULL;
	if (!change->action->object) {
		/* VALIDATE needs its name. */
		const char *check = past_name(text, " ADD ");
		if (!check || strncasecmp(check, "CHECK", strlen("CHECK")) != 0)
			return NULL;
		text = arena_printf(arena, "%.*sCONSTRAINT %s %s", (int)(check - text), text,
		                    change_constraint_name(arena, change, "check"), check);
	}
	return arena_printf(arena, "%s NOT VALID;", masked(arena, text));
}

const char *change_check_apart(struct arena *arena, const struct change *change, const char **name)
{
	const char *text = change->statement->text, *begin = NULL, *check = NULL, *end = NULL;
	struct lexer_token token, before = {.kind = LEXER_END}, named = {.kind = LEXER_END};
	struct lexer lexer;
	int depth = 0;
	if (!text || !is_whole(text) || change->statement->action_count != 1)
		return NULL;
	/* [CONSTRAINT name] CHECK (…), and no second one. */
	lexer_init(&lexer, text, strlen(text), true);
	for (token = lexer_next(&lexer); token.kind != LEXER_END && token.kind != LEXER_UNTERMINATED; token = lexer_next(&lexer)) {
		if (depth == 0 && is_word(&token, "check")) {
			if (check)
				return NULL;
			check = token.text;
			begin = begin && named.kind != LEXER_END ? begin : check;
		} else if (depth == 0 && !check) {
			named = is_word(&before, "constraint") ? token : (struct lexer_token){.kind = LEXER_END};
			begin = named.kind != LEXER_END ? before.text : NULL;
		}
		depth += token.single == '(' ? 1 : token.single == ')' ? -1 : 0;
		if (depth == 0 && token.single == ')' && check && !end)
			end = token.text + 1;
		before = token;
	}
	if (!end || strncasecmp(end, " NO INHERIT", strlen(" NO INHERIT")) == 0)
		return NULL;
	if (named.kind != LEXER_END)
		*name = arena_printf(arena, "%.*s", (int)named.len, named.text);
	while (begin > text && begin[-1] == ' ')
		begin--;
	return masked(arena, arena_printf(arena, "%.*s%s;\nALTER TABLE %s ADD CONSTRAINT %s %.*s NOT VALID;", (int)(begin - text),
	                                  text, end, change->table, *name, (int)(end - check), check));
}

static bool is_word(const struct lexer_token *token, const char *word)
{
	return token->kind == LEXER_WORD && token->len == strlen(word) && strncasecmp(token->text, word, token->len) == 0;
}

/* With "…" for constants that are $n. */
static const char *masked(struct arena *arena, const char *text)
{
	char *out = arena_alloc(arena, 2 * strlen(text) + 1), *to = out;
	for (const char *at = text; *at;) {
		size_t digits = *at == '$' ? strspn(at + 1, "0123456789") : 0;
		if (digits > 0) {
			to = stpcpy(to, "…");
			at += 1 + digits;
		} else {
			*to++ = *at++;
		}
	}
	*to = '\0';
	return out;
}

const char *change_concurrent_index(struct arena *arena, const struct change *change)
{
	const char *text = change->statement->text;
	size_t name = text ? after_index(text) : 0;
	bool whole = name > 0 && is_whole(text);
	if (change->relation->kind == CATALOG_PARTITIONED_TABLE)
		return partitioned_index(arena, change);
	if (!whole)
		return NULL;
	return arena_printf(arena, "%.*s CONCURRENTLY%s;%s", (int)name, text, text + name,
	                    strchr(text, '$') ? "\n-- $1 and so on stand for the statement's own constants" : "");
}

const char *change_django_index(struct arena *arena, const struct change *change)
{
	const struct fact_action *action = change->action;
	bool fields = strcmp(action->method, "btree") == 0 && action->object && strlen(action->object) <= 30 &&
	              !action->has_predicate && !action->has_options && action->column_count > 0;
	const char *names = "";
	for (uint16_t i = 0; i < action->column_count && fields; i++) {
		fields = catalog_column(change->relation, action->columns[i]) != NULL &&
		         !(action->opclasses && action->opclasses[i]);
		names = arena_printf(arena, "%s%s\"%s\"", names, *names ? ", " : "", remedy_field(arena, action->columns[i]));
	}
	const char *index = "…";
	if (fields)
		index = arena_printf(arena, "Index(fields=[%s], name=\"%s\")", names, action->object);
	return arena_printf(arena,
	                    "AddIndexConcurrently(\"%s\", %s)  # in place of AddIndex or db_index=True, in a migration with "
	                    "atomic = False",
	                    remedy_model(arena, change->relation), index);
}

static const char *listed(struct arena *arena, const char *const *names, uint16_t count)
{
	const char *joined = "";
	for (uint16_t i = 0; i < count; i++)
		joined = arena_printf(arena, "%s%s%s", joined, i ? ", " : "", identifier_quoted(arena, names[i]));
	return joined;
}

/* NULL for NO ACTION, the default, and where there is none. */
static const char *reaction(char action)
{
	switch (action) {
	case 'r':
		return "RESTRICT";
	case 'c':
		return "CASCADE";
	case 'n':
		return "SET NULL";
	case 'd':
		return "SET DEFAULT";
	default:
		return NULL;
	}
}

/* What was cut has "…" at its end. */
static bool is_whole(const char *text)
{
	size_t len = strlen(text), cut = strlen("…");
	return len < cut || strcmp(text + len - cut, "…") != 0;
}

/* How far CREATE [UNIQUE] INDEX goes; 0 when the text does not begin so. */
static size_t after_index(const char *text)
{
	static const char *const beginnings[] = {"CREATE INDEX", "CREATE UNIQUE INDEX"};
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		if (strncasecmp(text, beginnings[i], strlen(beginnings[i])) == 0)
			return strlen(beginnings[i]);
	}
	return 0;
}

/* The way around by the partitions, in the statement's own words. */
static const char *partitioned_index(struct arena *arena, const struct change *change)
{
	const struct fact_action *action = change->action;
	const char *text = change->statement->text;
	size_t head = text ? after_index(text) : 0;
	const char *on = head > 0 && is_whole(text) ? past_name(text + head, " ON ") : NULL;
	/* The table's name ends where its columns or USING begin. */
	const char *rest = on ? past_name(on, " ") : NULL;
	if (!rest || action->column_count == 0)
		return NULL;
	const char *column = catalog_column(change->relation, action->columns[0]) ? action->columns[0] : "expr";
	const char *name = identifier_quoted(
	    arena, action->object ? action->object : remedy_name(arena, change->relation, column, "idx"));
	return arena_printf(arena,
	                    "%.*s %s ON ONLY %s %s;\n"
	                    "-- for each partition p of it:\n"
	                    "-- %.*s CONCURRENTLY p_idx ON p %s; ALTER INDEX %s ATTACH PARTITION p_idx;%s",
	                    (int)head, text, name, change->table, rest, (int)head, text, rest, name,
	                    strchr(text, '$') ? "\n-- $1 and so on stand for the statement's own constants" : "");
}

/* Behind the first `word` that stands in no quoted name; a bracket at once ends what is looked through, too. NULL when
 * there is none. */
static const char *past_name(const char *text, const char *word)
{
	bool quoted = false;
	for (const char *at = text; *at; at++) {
		quoted ^= *at == '"';
		if (quoted)
			continue;
		if (strncasecmp(at, word, strlen(word)) == 0)
			return at + strlen(word);
		if (*at == '(')
			return at;
	}
	return NULL;
}
