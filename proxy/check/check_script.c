#include "proxy/check/check_script.h"

#include "inspect/text/lexer.h"

#include <string.h>
#include <strings.h>

/* What psql keeps of a statement to know whether a semicolon ends it. */
struct progress {
	unsigned depth;  /* open brackets */
	unsigned bodies; /* open BEGIN … END of a function body, CASE … END in it included */
	unsigned words;  /* so far, at no depth */
	bool creates;    /* CREATE [OR REPLACE] FUNCTION or PROCEDURE */
	bool copy, from; /* COPY begins it; the word before was FROM */
	bool from_stdin; /* rows follow */
	char first[8];   /* what the first four words begin with: c(reate) o(r) r(eplace) f(unction) or p(rocedure) */
};

static void follow(struct progress *progress, const struct lexer_token *token);
static void advance(struct check_script *script, const char *to);
static const char *line_end(const struct check_script *script, const char *at);
static void skip_rows(struct check_script *script);
static bool is_word(const struct lexer_token *token, const char *word);

void check_script_init(struct check_script *script, const char *text, size_t len)
{
	*script = (struct check_script){.at = text, .end = text + len, .line = 1, .line_start = text};
	/* A byte order mark, which editors elsewhere leave. */
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		script->at += 3;
		script->line_start += 3;
	}
}

void check_script_next(struct check_script *script, bool standard_conforming_strings, struct check_script_piece *piece)
{
	struct progress progress = {0};
	struct lexer lexer;
	const char *start = NULL, *end = script->at;

	*piece = (struct check_script_piece){.kind = CHECK_SCRIPT_END};
	lexer_init(&lexer, script->at, (size_t)(script->end - script->at), standard_conforming_strings);
	for (;;) {
		struct lexer_token token = lexer_next(&lexer);
		bool stop = token.kind == LEXER_END || token.kind == LEXER_UNTERMINATED;
		bool command = token.kind == LEXER_JUNK && token.text[0] == '\\';
		bool semicolon = token.single == ';' && progress.depth == 0 && progress.bodies == 0;
		if (start == NULL && semicolon)
			continue;
		if (start == NULL && (token.kind == LEXER_END || command)) {
			advance(script, command ? token.text : script->end);
			if (!command)
				return;
			*piece = (struct check_script_piece){
			    .kind = CHECK_SCRIPT_COMMAND,
			    .text = token.text,
			    .line = script->line,
			    .column = (uint32_t)(token.text - script->line_start) + 1,
			};
			advance(script, line_end(script, token.text));
			piece->len = (size_t)(script->at - piece->text);
			return;
		}
		if (start == NULL)
			start = token.text;
		if (!stop && !semicolon && !command) {
			follow(&progress, &token);
			end = token.text + token.len;
			continue;
		}
		if (token.kind == LEXER_UNTERMINATED)
			end = script->end;
		advance(script, start);
		*piece = (struct check_script_piece){
		    .kind = CHECK_SCRIPT_STATEMENT,
		    .text = start,
		    .len = (size_t)(end - start),
		    .line = script->line,
		    .column = (uint32_t)(start - script->line_start) + 1,
		};
		advance(script, stop ? script->end : token.text + (semicolon ? 1 : 0));
		if (progress.from_stdin)
			skip_rows(script);
		return;
	}
}

static void follow(struct progress *progress, const struct lexer_token *token)
{
	if (token->single == '(')
		progress->depth++;
	else if (token->single == ')' && progress->depth > 0)
		progress->depth--;
	bool was_from = progress->from;
	progress->from = false;
	if (token->kind != LEXER_WORD || progress->depth > 0)
		return;
	if (progress->words < sizeof(progress->first))
		progress->first[progress->words] = (char)(token->text[0] | 0x20);
	progress->words++;
	if (progress->words == 1)
		progress->copy = is_word(token, "copy");
	progress->from = is_word(token, "from");
	progress->from_stdin |= progress->copy && was_from && (is_word(token, "stdin") || is_word(token, "pstdin"));
	bool routine = is_word(token, "function") || is_word(token, "procedure");
	if (routine && progress->first[0] == 'c' &&
	    (progress->words == 2 || (progress->words == 4 && progress->first[1] == 'o' && progress->first[2] == 'r')))
		progress->creates = true;
	if (progress->creates && is_word(token, "begin"))
		progress->bodies++;
	else if (progress->bodies > 0 && is_word(token, "case"))
		progress->bodies++;
	else if (progress->bodies > 0 && is_word(token, "end"))
		progress->bodies--;
}

static void advance(struct check_script *script, const char *to)
{
	for (const char *at = script->at; at < to; at++) {
		if (*at == '\n') {
			script->line++;
			script->line_start = at + 1;
		}
	}
	script->at = to;
}

static const char *line_end(const struct check_script *script, const char *at)
{
	const char *end = memchr(at, '\n', (size_t)(script->end - at));
	return end != NULL ? end : script->end;
}

/* From the line behind COPY … FROM STDIN; up to the one that holds \. alone. */
static void skip_rows(struct check_script *script)
{
	advance(script, line_end(script, script->at));
	while (script->at < script->end) {
		const char *line = script->at + 1;
		const char *end = line_end(script, line < script->end ? line : script->end);
		size_t len = line < end ? (size_t)(end - line) : 0;
		advance(script, end);
		if (len >= 2 && memcmp(line, "\\.", 2) == 0 && (len == 2 || line[2] == '\r'))
			return;
	}
}

static bool is_word(const struct lexer_token *token, const char *word)
{
	return token->len == strlen(word) && strncasecmp(token->text, word, token->len) == 0;
}
