#include "tests/unit/effect_text.h"

#include "inspect/change/effect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

void effect_text_expect(struct judge *judge, const char *sql, const char *what)
{
	static struct effects effects;
	char out[2048] = "";
	size_t len = 0;
	struct arena arena;
	judge_seal(judge);
	const struct context input = {
	    .facts = judge_parse(judge, sql),
	    .catalog = judge->catalog,
	    .session = &judge->session,
	    .settings = &judge->rules,
	};
	arena_init(&arena);
	effect_of(&input, &arena, &effects);
	for (uint16_t i = 0; i < effects.count; i++) {
		const struct effect *one = &effects.list[i];
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%s %s%s%s", i ? "; " : "", one->relation,
		                        lock_name(one->lock), one->rewrite ? " rewrite" : "", one->scan ? " scan" : "");
	}
	if (effects.refused)
		snprintf(out, sizeof(out), "refused: %s", effects.refused);
	arena_fini(&arena);
	if (strcmp(out, what) != 0)
		fail_msg("%s: \"%s\" where \"%s\" was expected", sql, out, what);
}
