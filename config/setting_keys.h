/* The keys of [pgproctor]: their names, what values they take, and where in struct settings they land. Who sets
 * one goes through config/settings.h. */
#ifndef PGPROCTOR_CONFIG_SETTING_KEYS_H
#define PGPROCTOR_CONFIG_SETTING_KEYS_H

#include "config/settings.h"

enum { SETTING_KEYS_ECHO_BYTES = 64, SETTING_KEYS_COUNT = 50 };

/* The names, in the order of the documentation. */
extern const char *const setting_keys_names[SETTING_KEYS_COUNT];

/* The key's place among the names, -1 when there is none. */
int setting_keys_find(const char *name);
/* False and one line in `error`, which begins with `origin`, when the value is not one for that key; the setting then
 * is as it was. */
MUST_USE bool setting_keys_set(struct settings *settings, int key, const char *value, const char *origin, char *error,
                               size_t error_size);
/* What is repeated of foreign text in a message: short, of one line and UTF-8, whatever it holds. */
void setting_keys_echo(const char *text, char to[SETTING_KEYS_ECHO_BYTES]);

#endif
