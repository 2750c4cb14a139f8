/* Statements with other literals, white space, comments, case and list lengths: what a driver would send for the same
 * line of code, and a good deal that none would. For property tests. */
#ifndef PGPROCTOR_TESTS_VARY_H
#define PGPROCTOR_TESTS_VARY_H

#include <stddef.h>
#include <stdint.h>

struct vary {
	uint64_t random;
	/* Not NULL: every literal becomes this one, strings with it inside and numbers of its digits. */
	const char *string, *digits;
};

uint64_t vary_random(struct vary *vary);
/* A variant of `sql`, the caller's to free. With `string` set only the literals change. */
char *vary_statement(struct vary *vary, const char *sql, size_t len);
/* A statement with a few tokens left out, doubled, swapped or put in: seldom one that parses. */
char *vary_structure(struct vary *vary, const char *sql);

/* The statements of tests/unit/corpus.sql, `count` of them; each and the array are the caller's to free. */
char **vary_corpus(size_t *count);
void vary_corpus_free(char **corpus, size_t count);

/* Runs `run` on a thread with the stack that parsing asks for. */
void vary_on_parse_stack(void *(*run)(void *), void *context);

#endif
