#include "protocol/base64.h"

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_value(uint8_t character);

size_t base64_encode(char *to, size_t size, const void *data, size_t len)
{
	CHECK(size >= BASE64_CHARACTERS(len));
	const uint8_t *from = data;
	size_t written = 0;
	for (size_t at = 0; at < len; at += 3) {
		size_t left = len - at;
		uint32_t group = (uint32_t)from[at] << 16;
		if (left > 1)
			group |= (uint32_t)from[at + 1] << 8;
		if (left > 2)
			group |= from[at + 2];
		to[written++] = base64_alphabet[group >> 18];
		to[written++] = base64_alphabet[group >> 12 & 63];
		to[written++] = left > 1 ? base64_alphabet[group >> 6 & 63] : '=';
		to[written++] = left > 2 ? base64_alphabet[group & 63] : '=';
	}
	return written;
}

bool base64_decode(struct bytes text, uint8_t *to, size_t size, size_t *len)
{
	*len = 0;
	if (text.len % 4 != 0)
		return false;
	size_t padding = 0;
	while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=')
		padding++;
	size_t characters = text.len - padding;
	if (BASE64_BYTES_MAX(text.len) - padding > size)
		return false;
	uint32_t group = 0;
	for (size_t at = 0; at < characters; at++) {
		int value = base64_value(text.data[at]);
		if (value < 0)
			return false;
		group = group << 6 | (uint32_t)value;
		/* The first character of four has no whole byte yet, each of the others ends one. */
		if (at % 4 > 0)
			to[(*len)++] = (uint8_t)(group >> (6 - 2 * (at % 4)));
	}
	return true;
}

static int base64_value(uint8_t character)
{
	if (character >= 'A' && character <= 'Z')
		return character - 'A';
	if (character >= 'a' && character <= 'z')
		return character - 'a' + 26;
	if (character >= '0' && character <= '9')
		return character - '0' + 52;
	return character == '+' ? 62 : character == '/' ? 63 : -1;
}
