#include "inspect/human.h"

#include "config/check.h"

#include <math.h>
#include <stdio.h>

/* One decimal below 10, none from there on; what rounds up to 10 is 10, not 10.0. */
static const char *write_number(double number, const char *unit, char to[HUMAN_BYTES])
{
	snprintf(to, HUMAN_BYTES, "%.*f%s", number < 9.95 ? 1 : 0, number, unit);
	return to;
}

const char *human_count(double count, char to[HUMAN_BYTES])
{
	static const char *const units[] = {"", "k", "M", "G", "T"};
	CHECK(to != NULL);
	if (!(count >= 0)) {
		snprintf(to, HUMAN_BYTES, "?");
		return to;
	}
	size_t unit = 0;
	if (count < 999.5) {
		snprintf(to, HUMAN_BYTES, "%.0f", count);
		return to;
	}
	while (count >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
		count /= 1000;
		unit++;
	}
	return write_number(fmin(count, 1e9), units[unit], to);
}

const char *human_duration(uint64_t us, char to[HUMAN_BYTES])
{
	CHECK(to != NULL);
	double number = (double)us;
	if (us < 100) {
		snprintf(to, HUMAN_BYTES, "%u µs", (unsigned)us);
		return to;
	}
	if (number < 999.5e3)
		return write_number(number / 1e3, " ms", to);
	if (number < 119.5e6)
		return write_number(number / 1e6, " s", to);
	if (number < 119.5 * 60e6)
		return write_number(number / 60e6, " min", to);
	return write_number(fmin(number / 3600e6, 1e9), " h", to);
}

const char *human_bytes(double bytes, char to[HUMAN_BYTES])
{
	static const char *const units[] = {" B", " kB", " MB", " GB", " TB"};
	CHECK(to != NULL);
	size_t unit = 0;
	if (!(bytes >= 0))
		bytes = 0;
	if (bytes < 1023.5) {
		snprintf(to, HUMAN_BYTES, "%.0f B", bytes);
		return to;
	}
	while (bytes >= 1023.5 && unit + 1 < ARRAY_LEN(units)) {
		bytes /= 1024;
		unit++;
	}
	return write_number(fmin(bytes, 1e9), units[unit], to);
}
