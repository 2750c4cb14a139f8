#include "config/utf8.h"

#include "config/check.h"

uint32_t utf8_next(const char *text, size_t len, size_t *taken)
{
	CHECK(text != NULL && len > 0 && taken != NULL);
	const unsigned char *bytes = (const unsigned char *)text;
	*taken = 1;
	if (bytes[0] < 0x80)
		return bytes[0];
	/* The least code point of each length: what is below it is overlong. */
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = bytes[0] >= 0xC2 && bytes[0] <= 0xDF   ? 2
	              : bytes[0] >= 0xE0 && bytes[0] <= 0xEF ? 3
	              : bytes[0] >= 0xF0 && bytes[0] <= 0xF4 ? 4
	                                                     : 0;
	if (size == 0 || size > len)
		return UTF8_INVALID;
	uint32_t point = bytes[0] & (0x7FU >> size);
	for (size_t at = 1; at < size; at++) {
		if ((bytes[at] & 0xC0) != 0x80)
			return UTF8_INVALID;
		point = point << 6 | (bytes[at] & 0x3F);
	}
	if (point < least[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
		return UTF8_INVALID;
	*taken = size;
	return point;
}

bool utf8_is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0x200E || point == 0x200F ||
	       (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
}

size_t utf8_width(const char *text, size_t len)
{
	size_t width = 0, taken;
	for (size_t at = 0; at < len; at += taken, width++)
		(void)utf8_next(text + at, len - at, &taken);
	return width;
}
