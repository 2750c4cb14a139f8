#include "inspect/sqlkey.h"
#include "inspect/canonical.h"

/* Inlined, because libpg_query exports its own, older copy of the same names. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdlib.h>
#include <string.h>

/* Keys of whole texts live apart from keys of tokens. */
static const uint64_t whole_text_seed = UINT64_C(0x9E3779B97F4A7C15);
/* The same text may mean, or even be, something else where a backslash escapes. */
static const uint64_t backslash_seed = UINT64_C(0xC2B2AE3D27D4EB4F);

struct sqlkey_scratch {
	struct canonical canonical;
};

struct sqlkey_scratch *sqlkey_scratch_new(void)
{
	struct sqlkey_scratch *scratch = calloc(1, sizeof(*scratch));

	CHECK(scratch);
	canonical_init(&scratch->canonical);
	return scratch;
}

void sqlkey_scratch_free(struct sqlkey_scratch *scratch)
{
	if (!scratch)
		return;
	canonical_fini(&scratch->canonical);
	free(scratch);
}

enum sqlkey_result sqlkey_of(struct sqlkey_scratch *scratch, const char *sql, size_t len,
                             const struct sqlkey_options *options, struct sqlkey *key)
{
	static const enum sqlkey_result results[] = {
	    [CANONICAL_OK] = SQLKEY_OK,
	    [CANONICAL_EMPTY] = SQLKEY_EMPTY,
	    [CANONICAL_UNTERMINATED] = SQLKEY_UNTERMINATED,
	    [CANONICAL_TOO_DEEP] = SQLKEY_TOO_DEEP,
	    [CANONICAL_TOO_LONG] = SQLKEY_TOO_LONG,
	};
	enum canonical_result result =
	    canonical_make(&scratch->canonical, sql, len, options->standard_conforming_strings, CANONICAL_KEY_ONLY);
	const struct canonical_text *text = &scratch->canonical.key;
	uint64_t seed = options->scope ^ (options->standard_conforming_strings ? 0 : backslash_seed);
	XXH128_hash_t hash;

	if (result == CANONICAL_OK)
		hash = XXH3_128bits_withSeed(text->bytes, text->len, seed);
	else
		hash = XXH3_128bits_withSeed(sql, len, seed ^ whole_text_seed ^ (uint64_t)result);
	*key = (struct sqlkey){.low = hash.low64, .high = hash.high64};
	return results[result];
}
