#include "inspect/text/sqlkey.h"
#include "inspect/text/canonical.h"
#include "inspect/text/template.h"
#include "config/limits.h"

/* Inlined, because libpg_query exports its own, older copy of the same names. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdlib.h>
#include <string.h>

/* Keys of whole texts live apart from keys of tokens. */
static const uint64_t whole_text_seed = UINT64_C(0x9E3779B97F4A7C15);
/* The same text may mean, or even be, something else where a backslash escapes. */
static const uint64_t backslash_seed = UINT64_C(0xC2B2AE3D27D4EB4F);
static const uint64_t types_seed = UINT64_C(0x165667B19E3779F9);

struct sqlkey_scratch {
	struct canonical canonical;
	struct trace trace;
	struct template_store *templates;
	XXH128_hash_t last; /* of the key of the last text that took a whole pass, before the scope came in */
	bool fresh;         /* `last` and `trace` are the last text's */
};

static struct sqlkey key_in_scope(XXH128_hash_t hash, const struct sqlkey_options *options);

struct sqlkey_scratch *sqlkey_scratch_new(void)
{
	struct sqlkey_scratch *scratch = calloc(1, sizeof(*scratch));

	CHECK(scratch);
	canonical_init(&scratch->canonical);
	scratch->canonical.trace = &scratch->trace;
	scratch->templates = template_store_new();
	return scratch;
}

void sqlkey_scratch_free(struct sqlkey_scratch *scratch)
{
	if (!scratch)
		return;
	canonical_fini(&scratch->canonical);
	template_store_free(scratch->templates);
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
	enum canonical_result result;
	const void *known;
	XXH128_hash_t hash;

	scratch->fresh = false;
	if (options->standard_conforming_strings && len <= LIMIT_INSPECT_BYTES && !memchr(sql, '\0', len)) {
		known = template_find(scratch->templates, sql, len);
		if (known) {
			memcpy(&hash, known, sizeof(hash));
			*key = key_in_scope(hash, options);
			return SQLKEY_OK;
		}
	}
	result =
	    canonical_make(&scratch->canonical, sql, len, options->standard_conforming_strings, CANONICAL_KEY_ONLY);
	if (result == CANONICAL_OK) {
		hash = XXH3_128bits(scratch->canonical.key.bytes, scratch->canonical.key.len);
		scratch->last = hash;
		scratch->fresh = options->standard_conforming_strings;
	} else {
		hash = XXH3_128bits_withSeed(sql, len, whole_text_seed ^ (uint64_t)result);
	}
	*key = key_in_scope(hash, options);
	return results[result];
}

void sqlkey_learn(struct sqlkey_scratch *scratch, const char *sql)
{
	if (scratch->fresh)
		template_keep(scratch->templates, sql, &scratch->trace, &scratch->last);
	scratch->fresh = false;
}

uint64_t sqlkey_types(const uint32_t *oids, uint16_t count)
{
	while (count > 0 && oids[count - 1] == 0)
		count--;
	return count > 0 ? XXH3_64bits_withSeed(oids, count * sizeof(*oids), types_seed) | 1 : 0;
}

static struct sqlkey key_in_scope(XXH128_hash_t hash, const struct sqlkey_options *options)
{
	uint64_t seed = options->scope ^ options->types ^ (options->standard_conforming_strings ? 0 : backslash_seed);

	hash = XXH3_128bits_withSeed(&hash, sizeof(hash), seed);
	return (struct sqlkey){.low = hash.low64, .high = hash.high64};
}
