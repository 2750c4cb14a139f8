#include "report/rule_page.h"

#include "config/setting_keys.h"
#include "inspect/rules/rules.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_COLUMNS = 88, PAGE_INDENT = 4, STATUS_UNKNOWN = 2 };

static const struct rule **by_code(size_t *count);
static int compare(const void *a, const void *b);
static const char *shown(const char *severity, bool markdown);
static const char *severity_of(const struct rule *rule, enum table_size size, bool markdown);
static void print_prose(FILE *out, const char *text);
static void print_line(FILE *out, const char *line, size_t len);
static size_t columns_of(const char *text, size_t len);
static void print_code(FILE *out, const char *text);
static void print_sizes(FILE *out, const struct rule *rule);
static void print_silence(FILE *out, const struct rule *rule);

/* -- the table ------------------------------------------------------------------------------------ */

void rule_page_table(FILE *out, bool markdown)
{
	size_t count;
	const struct rule **rules = by_code(&count);
	if (markdown)
		fputs("| rule | code | large | medium | small | what it finds |\n|---|---|---|---|---|---|\n", out);
	else
		fprintf(out, "%-4s  %-32s  %-7s  %-7s  %-7s  %s\n", "CODE", "RULE", "LARGE", "MEDIUM", "SMALL",
		        "WHAT IT FINDS");
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = rules[i];
		const char *large = severity_of(rule, TABLE_LARGE, markdown);
		const char *medium = severity_of(rule, TABLE_MEDIUM, markdown);
		const char *small = severity_of(rule, TABLE_SMALL, markdown);
		if (markdown)
			fprintf(out, "| `%s` | %s | %s | %s | %s | %s |\n", rule->slug, rule->code, large, medium,
			        small, rule->title);
		else
			fprintf(out, "%-4s  %-32s  %-7s  %-7s  %-7s  %s\n", rule->code, rule->slug, large, medium,
			        small, rule->title);
	}
	free(rules);
}

static const struct rule **by_code(size_t *count)
{
	*count = rules_count();
	const struct rule **rules = calloc(*count, sizeof(*rules));
	CHECK(rules);
	for (size_t i = 0; i < *count; i++)
		rules[i] = rules_at(i);
	qsort(rules, *count, sizeof(*rules), compare);
	return rules;
}

/* Queries first, then migrations, concurrency, secrets, data, transactions, workload. */
static int compare(const void *a, const void *b)
{
	static const char letters[] = "QMCSDTW";
	const char *code = (*(const struct rule *const *)a)->code, *other = (*(const struct rule *const *)b)->code;
	if (code[0] != other[0])
		return strchr(letters, code[0]) < strchr(letters, other[0]) ? -1 : 1;
	return strcmp(code, other);
}

static const char *severity_of(const struct rule *rule, enum table_size size, bool markdown)
{
	bool speaks = rule->any_size || size == TABLE_LARGE || (size == TABLE_MEDIUM && rule->on_medium);
	if (!speaks)
		return markdown ? "—" : "-";
	enum severity severity = size == TABLE_LARGE || rule->any_size ? rule->severity : rule->severity_medium;
	return shown(verdict_severity_name(severity), markdown);
}

static const char *shown(const char *severity, bool markdown)
{
	return markdown && strcmp(severity, "block") == 0 ? "**block**" : severity;
}

/* -- one page ------------------------------------------------------------------------------------- */

int rule_page_explain(FILE *out, FILE *complaints, const char *name)
{
	const struct rule *rule = rules_find(name);
	if (!rule) {
		char echo[SETTING_KEYS_ECHO_BYTES];
		setting_keys_echo(name, echo);
		const char *near = rules_nearest(name);
		fprintf(complaints, "pgproctor: explain: there is no rule \"%s\"%s%s%s\n", echo,
		        near ? "; did you mean \"" : "; pgproctor check --rules has them all", near ? near : "",
		        near ? "\"?" : "");
		return STATUS_UNKNOWN;
	}
	fprintf(out, "%s  %s\n%s\n\n", rule->code, rule->slug, rule->title);
	print_sizes(out, rule);
	fputs("\nWHY\n", out);
	print_prose(out, rule->why);
	fputs("\nEXAMPLE\n", out);
	print_code(out, rule->example);
	fputs("\nSAFE\n", out);
	print_code(out, rule->safe);
	fputs("\nHOW IT DECIDES\n", out);
	print_prose(out, rule->decides);
	fputs("\nHOW TO SILENCE IT\n", out);
	print_silence(out, rule);
	return 0;
}

static void print_sizes(FILE *out, const struct rule *rule)
{
	const char *own = verdict_severity_name(rule->severity);
	if (rule->any_size)
		fprintf(out, "severity  %s, whatever the table's size\n", own);
	else if (rule->on_medium)
		fprintf(out, "severity  %s on a large table, %s on a medium one, silent on a small one\n", own,
		        verdict_severity_name(rule->severity_medium));
	else
		fprintf(out, "severity  %s on a large table, silent on others\n", own);
	if (rule->severity_worst > rule->severity)
		fprintf(out, "          at worst %s, whatever the table's size: see below\n",
		        verdict_severity_name(rule->severity_worst));
	fprintf(out, "action    %s\n",
	        rule->severity_worst == SEVERITY_BLOCK
	            ? "logged; rejected with mode = enforce where it is block"
	        : rule->severity == SEVERITY_BLOCK ? "logged; rejected with mode = enforce"
	        : rule->severity == SEVERITY_ERROR ? "logged; rejected with mode = enforce and enforce_from = error"
	                                           : "logged");
}

/* Paragraphs, each on one line of the text, broken where they meet the margin. */
static void print_prose(FILE *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		print_line(out, text, len);
		text += len + (text[len] == '\n');
	}
}

static void print_line(FILE *out, const char *line, size_t len)
{
	size_t column = 0;
	while (len > 0) {
		const char *blank = memchr(line, ' ', len);
		size_t word = blank ? (size_t)(blank - line) : len, columns = columns_of(line, word);
		if (column > 0 && column + 1 + columns > PAGE_COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		fprintf(out, "%*s%.*s", column > 0 ? 1 : PAGE_INDENT, "", (int)word, line);
		column += (column > 0 ? 1 : PAGE_INDENT) + columns;
		word += blank != NULL;
		line += word;
		len -= word;
	}
	fputc('\n', out);
}

/* Of UTF-8: bytes that continue a character take no place. */
static size_t columns_of(const char *text, size_t len)
{
	size_t columns = 0;
	for (size_t at = 0; at < len; at++)
		columns += ((unsigned char)text[at] & 0xC0) != 0x80;
	return columns;
}

static void print_code(FILE *out, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		fprintf(out, "%*s%.*s\n", len > 0 ? PAGE_INDENT : 0, "", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void print_silence(FILE *out, const struct rule *rule)
{
	fprintf(out, "    [rules]\n    %s = off\n", rule->slug);
	bool sized = !rule->any_size && rule->scope != RULE_BEYOND;
	if (!sized && !rule->thresholds[0].key)
		return;
	fprintf(out, "\n    or, for it alone, by other thresholds:\n\n    [rule:%s]\n", rule->slug);
	if (sized)
		fputs("    large_table_rows = 1000000\n    large_table_size = 1GB\n", out);
	if (sized && rule->on_medium)
		fputs("    medium_table_rows = 10000\n", out);
	for (size_t t = 0; t < RULE_THRESHOLDS && rule->thresholds[t].key; t++)
		fprintf(out, "    %s = %g\n", rule->thresholds[t].key, rule->thresholds[t].value);
}
