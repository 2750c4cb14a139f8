#include "inspect/catalog/dictionary_core.h"

#include "config/check.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 13 };

static void add_line(struct dictionary *dictionary, char *const *fields);
static void add_function(struct dictionary *dictionary, char *const *fields);

struct dictionary *dictionary_core(void)
{
	/* Made by scripts/dictionary. */
	static const char *const lines[] = {
#include "inspect/catalog/dictionary_core.inc"
	};
	struct dictionary *dictionary = dictionary_new("core");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char line[1024], *fields[FIELDS_MAX] = {0}, *rest = line;
		CHECK(strlen(lines[i]) < sizeof(line));
		memcpy(line, lines[i], strlen(lines[i]) + 1);
		for (int at = 0; at < FIELDS_MAX && rest != NULL; at++)
			fields[at] = strsep(&rest, "\t");
		add_line(dictionary, fields);
	}
	dictionary_seal(dictionary);
	return dictionary;
}

static uint32_t oid(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

static bool truth(const char *text)
{
	return text[0] == 't';
}

static void add_line(struct dictionary *dictionary, char *const *f)
{
	struct arena *arena = dictionary_arena(dictionary);
	switch (f[0][0]) {
	case 'T':
		dictionary_add_type(dictionary, &(struct dictionary_type){
		                                    .oid = oid(f[1]),
		                                    .schema = arena_text(arena, f[2]),
		                                    .name = arena_text(arena, f[3]),
		                                    .kind = f[4][0],
		                                    .category = f[5][0],
		                                    .preferred = truth(f[6]),
		                                    .element = oid(f[7]),
		                                    .array = oid(f[8]),
		                                    .base = oid(f[9]),
		                                    .subtype = oid(f[10]),
		                                    .collation = oid(f[11]),
		                                    .modifier = (int32_t)strtol(f[12], NULL, 10),
		                                });
		break;
	case 'C':
		dictionary_add_cast(dictionary,
		                    &(struct dictionary_cast){oid(f[1]), oid(f[2]), oid(f[3]), f[4][0], f[5][0]});
		break;
	case 'O':
		dictionary_add_operator(dictionary, &(struct dictionary_operator){
		                                        .oid = oid(f[1]),
		                                        .name = arena_text(arena, f[2]),
		                                        .left = oid(f[3]),
		                                        .right = oid(f[4]),
		                                        .result = oid(f[5]),
		                                        .commutator = oid(f[6]),
		                                        .negator = oid(f[7]),
		                                        .function = oid(f[8]),
		                                        .builtin = truth(f[9]),
		                                    });
		break;
	case 'F':
		add_function(dictionary, f);
		break;
	case 'M':
		dictionary_add_member(dictionary, &(struct dictionary_member){
		                                      .family = oid(f[1]),
		                                      .operator= oid(f[2]),
		                                      .left = oid(f[3]),
		                                      .right = oid(f[4]),
		                                      .sort_family = oid(f[5]),
		                                      .strategy = (int16_t)strtol(f[6], NULL, 10),
		                                      .purpose = f[7][0],
		                                      .btree = truth(f[8]),
		                                  });
		break;
	case 'K':
		dictionary_add_class(dictionary, &(struct dictionary_class){
		                                     .oid = oid(f[1]),
		                                     .name = arena_text(arena, f[2]),
		                                     .method = arena_text(arena, f[3]),
		                                     .family = oid(f[4]),
		                                     .input = oid(f[5]),
		                                     .standard = truth(f[6]),
		                                 });
		break;
	case 'L':
		dictionary_add_collation(dictionary, &(struct dictionary_collation){
		                                         .oid = oid(f[1]),
		                                         .name = arena_text(arena, f[2]),
		                                         .is_c = truth(f[3]),
		                                         .nondeterministic = truth(f[4]),
		                                         .builtin = truth(f[5]),
		                                     });
		break;
	default:
		CHECK(!"a line of a known kind");
	}
}

static void add_function(struct dictionary *dictionary, char *const *f)
{
	struct arena *arena = dictionary_arena(dictionary);
	uint32_t *arguments = arena_alloc(arena, (strlen(f[3]) + 1) * sizeof(*arguments));
	uint16_t count = 0;
	for (char *rest = f[3], *one; rest != NULL && *rest != '\0' && (one = strsep(&rest, " "));)
		arguments[count++] = oid(one);
	dictionary_add_function(dictionary, &(struct dictionary_function){
	                                        .oid = oid(f[1]),
	                                        .name = arena_text(arena, f[2]),
	                                        .arguments = arguments,
	                                        .argument_count = count,
	                                        .default_count = (uint16_t)oid(f[4]),
	                                        .variadic = oid(f[5]),
	                                        .result = oid(f[6]),
	                                        .volatility = f[7][0],
	                                        .kind = f[8][0],
	                                        .strict = truth(f[9]),
	                                        .set = truth(f[10]),
	                                        .builtin = truth(f[11]),
	                                    });
}
