#include "inspect/session/time_zone.h"

#include "config/check.h"

#include <string.h>
#include <strings.h>

/* The zones whose offset is 0 and always was: only between them and UTC does PostgreSQL take timestamp and
 * timestamptz for the same bits (TimestampTimestampTzRequiresRewrite in timestamp.c). */
bool time_zone_is_utc(const char *zone, size_t len)
{
	static const char *const zones[] = {
	    "UTC",   "UCT",   "GMT",  "Zulu",  "Universal", "Greenwich", "GMT0",
	    "GMT+0", "GMT-0", "UTC0", "UTC+0", "UTC-0",     "<+00>+00",  "<+00>-00",
	    "0",
	};
	if (len > 4 && strncasecmp(zone, "Etc/", 4) == 0) {
		zone += 4;
		len -= 4;
	}
	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		if (len == strlen(zones[i]) && strncasecmp(zone, zones[i], len) == 0)
			return true;
	}
	return false;
}
