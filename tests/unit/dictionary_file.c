#include "tests/unit/dictionary_file.h"

#include "inspect/catalog/dictionary_core.h"

#include <stdlib.h>

static struct dictionary *shared;

static void release(void)
{
	dictionary_unref(shared);
}

struct dictionary *dictionary_file(void)
{
	if (shared == NULL) {
		shared = dictionary_core();
		atexit(release);
	}
	return dictionary_ref(shared);
}
