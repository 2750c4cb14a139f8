/* What the name of a time zone says. */
#ifndef PGPROCTOR_INSPECT_TIME_ZONE_H
#define PGPROCTOR_INSPECT_TIME_ZONE_H

#include <stdbool.h>
#include <stddef.h>

/* Is that the name of a time zone that is UTC and always was? */
bool time_zone_is_utc(const char *zone, size_t len);

#endif
