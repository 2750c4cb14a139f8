/* dictionary_core.h, made once: for tests without a server. */
#ifndef PGPROCTOR_TESTS_DICTIONARY_FILE_H
#define PGPROCTOR_TESTS_DICTIONARY_FILE_H

#include "inspect/catalog/dictionary.h"

/* A reference to the one that all cases of a test share. */
struct dictionary *dictionary_file(void);

#endif
