#include "report/markdown.h"

#include "inspect/human.h"
#include "report/index_audit.h"
#include "report/spark.h"
#include "report/wording.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_COLUMNS = 120, QUERY_COLUMNS = 400 };

static void print_statements(struct page *page, const struct review *review);
static void print_findings(struct page *page, const struct review *review);
static void print_finding(struct page *page, const struct review *review, const struct review_finding *finding);
static void print_rejected(struct page *page, const struct review *review);
static void print_audit(struct page *page, const struct review *review);
static void print_spares(struct page *page, const struct review *review);
static void print_unjudged(struct page *page, const struct review *review);
static void print_prose(struct page *page, const char *text);
static void print_code(struct page *page, const char *text, size_t columns, bool in_table);
static void print_fence(struct page *page, const char *language, const char *text);
static size_t longest_backticks(const char *text);

void markdown_print(struct page *page, const struct review *review)
{
	CHECK(page != NULL && review != NULL);
	struct review_totals totals = review_totals(review);
	char words[WORDING_BYTES], human[HUMAN_BYTES];
	page_text(page, "# pgproctor review\n\n");
	wording_span(&totals, words);
	print_prose(page, words);
	page_text(page, ". ");
	wording_counts(&totals, words);
	page_printf(page, "%s, %s in the database; ", words, human_duration(wording_us(totals.total_ms), human));
	wording_kinds(&totals, words);
	page_printf(page, "%s.\n", words);
	print_statements(page, review);
	print_findings(page, review);
	print_rejected(page, review);
	print_audit(page, review);
	print_unjudged(page, review);
}

static void print_statements(struct page *page, const struct review *review)
{
	uint32_t count;
	const struct review_row **rows = review_rows(review, &count);
	double total_ms = review_totals(review).total_ms;
	page_text(page, "\n## Where the time goes\n\n");
	if (count == 0)
		page_text(page, "No statement ran to its end.\n");
	else
		page_text(
		    page,
		    "| # | total | share | calls | errors | mean | p95 | max | 64 µs to 4 s | statement | fingerprint "
		    "|\n|--:|--:|--:|--:|--:|--:|--:|--:|---|---|---|\n");
	for (uint32_t at = 0; at < count && at < WORDING_TOP_ROWS; at++) {
		const struct review_row *row = rows[at];
		char total[HUMAN_BYTES], calls[HUMAN_BYTES], errors[HUMAN_BYTES], mean[HUMAN_BYTES], p95[HUMAN_BYTES];
		char max[HUMAN_BYTES], bar[SPARK_TEXT_BYTES];
		double mean_ms = row->calls > 0 ? row->total_ms / (double)row->calls : 0;
		spark_write(&row->latency, page->unicode, bar);
		page_printf(page, "| %u | %s | %.0f %% | %s | %s | %s | %s | %s | `[%s]` | ", at + 1,
		            human_duration(wording_us(row->total_ms), total),
		            total_ms > 0 ? 100 * row->total_ms / total_ms : 0, human_count((double)row->calls, calls),
		            human_count((double)row->errors, errors), human_duration(wording_us(mean_ms), mean),
		            human_duration(histogram_quantile_us(&row->latency, 0.95), p95),
		            human_duration(row->latency.max_us, max), bar);
		print_code(page, row->query, CELL_COLUMNS, true);
		page_text(page, " | ");
		print_code(page, row->fingerprint, CELL_COLUMNS, true);
		page_text(page, " |\n");
	}
	if (count > WORDING_TOP_ROWS)
		page_printf(page, "\nAnd %u more kinds of statement.\n", count - WORDING_TOP_ROWS);
	free(rows);
}

static void print_findings(struct page *page, const struct review *review)
{
	uint32_t count;
	const struct review_finding **findings = review_findings(review, &count);
	page_text(page, "\n## What was found\n");
	if (count == 0)
		page_text(page, "\nNothing.\n");
	for (uint32_t at = 0; at < count; at++)
		print_finding(page, review, findings[at]);
	free(findings);
}

static void print_finding(struct page *page, const struct review *review, const struct review_finding *finding)
{
	char words[WORDING_BYTES], human[HUMAN_BYTES];
	const struct review_row *row = review_row_of(review, finding);
	page_printf(page, "\n### %s: ", review_severity_name(finding->severity));
	print_prose(page, finding->rule);
	wording_object(finding, words);
	if (words[0] != '\0') {
		page_text(page, " on ");
		print_code(page, words, CELL_COLUMNS, false);
	}
	page_text(page, "\n\n");
	wording_calls(review, finding, words);
	page_printf(page, "%s%s", finding->rejected ? "Rejected. " : "", words);
	if (row != NULL && row->latency.total > 0)
		page_printf(page, ", p95 %s", human_duration(histogram_quantile_us(&row->latency, 0.95), human));
	if (finding->table[0] != '\0' && finding->table_rows >= 0)
		page_printf(page, ", the table has %s rows", human_count(finding->table_rows, human));
	wording_origin(finding, words);
	if (words[0] != '\0') {
		page_text(page, ", from ");
		print_code(page, words, CELL_COLUMNS, false);
	}
	page_text(page, ", fingerprint ");
	print_code(page, finding->fingerprint, CELL_COLUMNS, false);
	page_text(page, ".\n");
	if (finding->texts[REVIEW_QUERY][0] != '\0') {
		page_text(page, "\n");
		print_code(page, finding->texts[REVIEW_QUERY], QUERY_COLUMNS, false);
		page_text(page, "\n");
	}
	static const enum review_text sentences[] = {REVIEW_MESSAGE, REVIEW_HINT};
	for (size_t at = 0; at < ARRAY_LEN(sentences); at++) {
		if (finding->texts[sentences[at]][0] == '\0')
			continue;
		page_text(page, "\n");
		print_prose(page, finding->texts[sentences[at]]);
		page_text(page, "\n");
	}
	print_fence(page, "sql", finding->texts[REVIEW_FIX_SQL]);
	print_fence(page, "python", finding->texts[REVIEW_FIX_DJANGO]);
}

static void print_rejected(struct page *page, const struct review *review)
{
	uint32_t count, rejected = 0;
	const struct review_finding **findings = review_findings(review, &count);
	for (uint32_t at = 0; at < count; at++) {
		const struct review_finding *finding = findings[at];
		char words[WORDING_BYTES], human[HUMAN_BYTES];
		if (!finding->rejected)
			continue;
		if (rejected++ == 0)
			page_text(page, "\n## What was rejected\n\n| times | rule | object | from | statement "
			                "|\n|--:|---|---|---|---|\n");
		page_printf(page, "| %s | ", human_count((double)review_count(finding), human));
		print_code(page, finding->rule, CELL_COLUMNS, true);
		page_text(page, " | ");
		wording_object(finding, words);
		print_code(page, words, CELL_COLUMNS, true);
		page_text(page, " | ");
		wording_origin(finding, words);
		print_code(page, words, CELL_COLUMNS, true);
		page_text(page, " | ");
		print_code(page, finding->texts[REVIEW_QUERY], CELL_COLUMNS, true);
		page_text(page, " |\n");
	}
	free(findings);
}

static void print_audit(struct page *page, const struct review *review)
{
	uint32_t count;
	struct index_audit_row *rows = index_audit_rows(review, &count);
	if (count > 0)
		page_text(page, "\n## Index audit\n\n"
		                "| calls | time | rows | values | one has | what is asked for | by | index |\n"
		                "|--:|--:|--:|--:|--:|---|---|---|\n");
	for (uint32_t at = 0; at < count && at < INDEX_AUDIT_TOP_ROWS; at++) {
		const struct index_audit_row *row = &rows[at];
		char calls[HUMAN_BYTES], time[HUMAN_BYTES], size[HUMAN_BYTES], values[HUMAN_BYTES];
		char share[WORDING_BYTES], words[WORDING_BYTES];
		index_audit_share(row, share);
		page_printf(page, "| %s | %s | %s | %s | ", human_count((double)row->calls, calls),
		            human_duration(wording_us(row->total_ms), time),
		            row->rows >= 0 ? human_count(row->rows, size) : "",
		            row->distinct >= 0 ? human_count(row->distinct, values) : "");
		print_prose(page, share);
		page_text(page, " | ");
		index_audit_object(row, words);
		print_code(page, words, CELL_COLUMNS, true);
		page_text(page, " | ");
		print_code(page, row->used, CELL_COLUMNS, true);
		page_text(page, " | ");
		index_audit_advice(row, words);
		print_prose(page, words);
		page_text(page, " |\n");
	}
	if (count > INDEX_AUDIT_TOP_ROWS)
		page_printf(page, "\nAnd %u more.\n", count - INDEX_AUDIT_TOP_ROWS);
	free(rows);
	print_spares(page, review);
}

static void print_spares(struct page *page, const struct review *review)
{
	uint32_t count;
	struct index_audit_spare *spares = index_audit_spares(review, &count);
	if (count > 0)
		page_text(page, "\nIndexes of these tables that no constraint and nothing in this log needs:\n\n");
	for (uint32_t at = 0; at < count && at < INDEX_AUDIT_TOP_ROWS; at++) {
		page_text(page, "- ");
		print_code(page, spares[at].index, CELL_COLUMNS, false);
		page_text(page, " on ");
		print_code(page, spares[at].relation, CELL_COLUMNS, false);
		page_text(page, "\n");
	}
	if (count > INDEX_AUDIT_TOP_ROWS)
		page_printf(page, "\nAnd %u more.\n", count - INDEX_AUDIT_TOP_ROWS);
	free(spares);
}

static void print_unjudged(struct page *page, const struct review *review)
{
	struct review_totals totals = review_totals(review);
	uint32_t count;
	const struct review_reason **reasons = review_reasons(review, &count);
	char words[WORDING_BYTES], human[HUMAN_BYTES];
	if (count > 0 || totals.lost_lines > 0 || totals.dropped > 0 || totals.skipped > 0 || totals.opaque > 0)
		page_text(page, "\n## What could not be judged\n\n");
	if (totals.opaque > 0)
		page_printf(page, "- %s calls of statements that could not be parsed\n",
		            human_count((double)totals.opaque, human));
	for (uint32_t at = 0; at < count; at++) {
		wording_reason(reasons[at], words);
		page_text(page, "- ");
		print_prose(page, words);
		page_text(page, "\n");
	}
	if (totals.lost_lines > 0)
		page_printf(page, "- %s lines were lost before they reached the log\n",
		            human_count((double)totals.lost_lines, human));
	if (totals.skipped > 0)
		page_printf(page, "- %s of %llu lines read are not pgproctor's JSON and were skipped\n",
		            human_count((double)totals.skipped, human), (unsigned long long)totals.lines);
	if (totals.dropped > 0)
		page_printf(page, "- %s lines did not fit the review's limits\n",
		            human_count((double)totals.dropped, human));
	free(reasons);
}

/* A sentence: on one line, and what could be markup is escaped. */
static void print_prose(struct page *page, const char *text)
{
	for (; *text != '\0';) {
		size_t plain = strcspn(text, "\\`*[]<>|&#~!\n\r");
		page_text_n(page, text, plain);
		text += plain;
		if (*text == '\0')
			return;
		if (*text == '\n' || *text == '\r')
			page_text(page, " ");
		else
			page_printf(page, "\\%c", *text);
		text++;
	}
}

/* A code span on one line. In a table a bar would end the cell, even in code, unless it is escaped (GFM, 4.10). */
static void print_code(struct page *page, const char *text, size_t columns, bool in_table)
{
	if (text[strspn(text, " \t\r\n")] == '\0')
		return;
	char *folded = NULL;
	size_t size = 0;
	struct page memory = *page;
	memory.colour = false;
	memory.file = open_memstream(&folded, &size);
	CHECK(memory.file != NULL);
	char shown[HUMAN_QUERY_BYTES];
	page_cut(&memory, in_table ? human_query(text, columns, shown) : text, columns);
	CHECK(fclose(memory.file) == 0);
	size_t fence = longest_backticks(folded) + 1;
	/* A backtick at either end would join the fence; blanks there are stripped by the reader. */
	const char *gap = folded[0] == '`' || folded[size - 1] == '`' ? " " : "";
	for (size_t at = 0; at < fence; at++)
		page_text(page, "`");
	page_text(page, gap);
	for (const char *at = folded; *at != '\0';) {
		size_t plain = in_table ? strcspn(at, "|") : strlen(at);
		page_text_n(page, at, plain);
		at += plain;
		if (*at == '|') {
			page_text(page, "\\|");
			at++;
		}
	}
	page_text(page, gap);
	for (size_t at = 0; at < fence; at++)
		page_text(page, "`");
	free(folded);
}

static void print_fence(struct page *page, const char *language, const char *text)
{
	if (text[0] == '\0')
		return;
	size_t fence = longest_backticks(text) + 1;
	if (fence < 3)
		fence = 3;
	page_text(page, "\n");
	for (size_t at = 0; at < fence; at++)
		page_text(page, "`");
	page_printf(page, "%s\n", language);
	page_text(page, text);
	page_text(page, "\n");
	for (size_t at = 0; at < fence; at++)
		page_text(page, "`");
	page_text(page, "\n");
}

static size_t longest_backticks(const char *text)
{
	size_t longest = 0;
	for (; *text != '\0'; text++) {
		size_t run = strspn(text, "`");
		if (run > longest)
			longest = run;
		text += run;
		if (*text == '\0')
			break;
	}
	return longest;
}
