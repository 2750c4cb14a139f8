#include "report/page.h"

#include "config/utf8.h"

#include <stdarg.h>
#include <string.h>

static bool is_blank(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static void put_point(struct page *page, uint32_t point, const char *bytes, size_t len)
{
	if (utf8_is_control(point)) {
		fprintf(page->file, "\\u%04x", (unsigned)point);
	} else if (point < 0x80 || page->unicode) {
		/* Not the bytes themselves when they are no UTF-8. */
		if (point == UTF8_INVALID)
			fputs("\xef\xbf\xbd", page->file);
		else
			fwrite(bytes, 1, len, page->file);
	} else if (point == 0x2026) {
		fputs("...", page->file);
	} else if (point == 0xB5 || point == 0x3BC) {
		fputc('u', page->file);
	} else if (point == 0x2013 || point == 0x2014) {
		fputc('-', page->file);
	} else if (point == 0xB7) {
		fputc('|', page->file);
	} else {
		fputc('?', page->file);
	}
}

void page_style(struct page *page, enum page_style style)
{
	static const char *const codes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[1;31m", "\033[33m", "\033[32m"};
	CHECK((unsigned)style < ARRAY_LEN(codes));
	if (page->colour)
		fputs(codes[style], page->file);
}

void page_text(struct page *page, const char *text)
{
	page_text_n(page, text, strlen(text));
}

void page_text_n(struct page *page, const char *text, size_t len)
{
	size_t taken;
	for (size_t at = 0; at < len; at += taken) {
		uint32_t point = utf8_next(text + at, len - at, &taken);
		if (point == '\n')
			fputc('\n', page->file);
		else
			put_point(page, point, text + at, taken);
	}
}

void page_printf(struct page *page, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	page_text(page, text);
}

static void put_blanks(struct page *page, size_t count)
{
	while (count-- > 0)
		fputc(' ', page->file);
}

void page_right(struct page *page, const char *text, size_t columns)
{
	size_t width = utf8_width(text, strlen(text));
	put_blanks(page, width < columns ? columns - width : 0);
	page_text(page, text);
}

void page_left(struct page *page, const char *text, size_t columns)
{
	size_t width = utf8_width(text, strlen(text));
	page_text(page, text);
	put_blanks(page, width < columns ? columns - width : 0);
}

/* The next character of a text with its white space folded; false at the end. */
static bool next_folded(const char **text, uint32_t *point, const char **bytes, size_t *len)
{
	if (**text == '\0')
		return false;
	*bytes = *text;
	if (is_blank(**text)) {
		while (is_blank(**text))
			(*text)++;
		*point = ' ';
		*bytes = " ";
		*len = 1;
		return **text != '\0'; /* white space at the end is nothing */
	}
	*point = utf8_next(*text, strnlen(*text, UTF8_BYTES_MAX), len);
	*text += *len;
	return true;
}

void page_cut(struct page *page, const char *text, size_t columns)
{
	uint32_t point;
	const char *bytes;
	size_t len, width = 0;
	while (is_blank(*text))
		text++;
	const char *at = text;
	while (width <= columns && next_folded(&at, &point, &bytes, &len))
		width++;
	bool cut = width > columns;
	size_t ellipsis = page->unicode ? 1 : 3;
	size_t keep = !cut ? width : columns > ellipsis ? columns - ellipsis : 0;
	for (at = text; keep > 0 && next_folded(&at, &point, &bytes, &len); keep--)
		put_point(page, point, bytes, len);
	if (cut)
		page_text(page, "…");
}

void page_wrap(struct page *page, const char *text, size_t indent)
{
	size_t column = indent;
	for (const char *at = text; *at != '\0';) {
		while (is_blank(*at))
			at++;
		size_t len = 0;
		while (at[len] != '\0' && !is_blank(at[len]))
			len++;
		if (len == 0)
			return;
		size_t width = utf8_width(at, len);
		if (column > indent && column + 1 + width > page->width) {
			fputc('\n', page->file);
			put_blanks(page, indent);
			column = indent;
		} else if (column > indent) {
			fputc(' ', page->file);
			column++;
		}
		page_text_n(page, at, len);
		column += width;
		at += len;
	}
}
