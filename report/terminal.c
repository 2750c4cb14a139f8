#include "report/terminal.h"

#include "inspect/human.h"
#include "report/index_audit.h"
#include "report/spark.h"
#include "report/wording.h"

#include <stdlib.h>
#include <string.h>

enum { INDENT = 6, LABEL = 8 };

static void print_head(struct page *page, const struct review *review);
static void print_statements(struct page *page, const struct review *review);
static void print_statement(struct page *page, const struct review_row *row, uint32_t place, double total_ms);
static void print_findings(struct page *page, const struct review *review);
static void print_finding(struct page *page, const struct review *review, const struct review_finding *finding);
static void print_rejected(struct page *page, const struct review *review);
static void print_audit(struct page *page, const struct review *review);
static void print_spares(struct page *page, const struct review *review);
static void print_unjudged(struct page *page, const struct review *review);
static void print_heading(struct page *page, const char *heading);
static void print_labelled(struct page *page, const char *label, const char *text, bool wrap);
static void print_query(struct page *page, const char *query, size_t columns);
static void print_column(struct page *page, const char *text);

void terminal_print(struct page *page, const struct review *review)
{
	CHECK(page != NULL && review != NULL && page->width >= 40);
	print_head(page, review);
	print_statements(page, review);
	print_findings(page, review);
	print_rejected(page, review);
	print_audit(page, review);
	print_unjudged(page, review);
}

static void print_head(struct page *page, const struct review *review)
{
	struct review_totals totals = review_totals(review);
	char words[WORDING_BYTES], human[HUMAN_BYTES];
	page_style(page, PAGE_BOLD);
	page_text(page, "pgproctor review");
	page_style(page, PAGE_PLAIN);
	wording_span(&totals, words);
	page_printf(page, "   %s\n", words);
	wording_counts(&totals, words);
	page_printf(page, "%s   %s in the database", words, human_duration(wording_us(totals.total_ms), human));
	wording_kinds(&totals, words);
	page_printf(page, "   %s\n", words);
}

static void print_statements(struct page *page, const struct review *review)
{
	uint32_t count;
	const struct review_row **rows = review_rows(review, &count);
	double total_ms = review_totals(review).total_ms, rest_ms = 0;
	print_heading(page, "Where the time goes");
	if (count == 0)
		page_text(page, "  no statement ran to its end\n");
	else {
		page_style(page, PAGE_DIM);
		page_text(
		    page,
		    "   #     total  share   calls      mean       p95       max  64 µs         4 s  fingerprint\n");
		page_style(page, PAGE_PLAIN);
	}
	for (uint32_t at = 0; at < count; at++) {
		if (at < WORDING_TOP_ROWS)
			print_statement(page, rows[at], at + 1, total_ms);
		else
			rest_ms += rows[at]->total_ms;
	}
	if (count > WORDING_TOP_ROWS)
		page_printf(page, "      and %u more kinds of statement, together %.1f %% of the time\n",
		            count - WORDING_TOP_ROWS, total_ms > 0 ? 100 * rest_ms / total_ms : 0);
	free(rows);
}

static void print_statement(struct page *page, const struct review_row *row, uint32_t place, double total_ms)
{
	char human[HUMAN_BYTES], bar[SPARK_TEXT_BYTES];
	uint64_t p95_us = histogram_quantile_us(&row->latency, 0.95);
	double mean_ms = row->calls > 0 ? row->total_ms / (double)row->calls : 0;
	page_printf(page, "%4u", place);
	page_right(page, human_duration(wording_us(row->total_ms), human), 10);
	page_printf(page, "  %3.0f %%", total_ms > 0 ? 100 * row->total_ms / total_ms : 0);
	page_right(page, human_count((double)row->calls, human), 8);
	page_right(page, human_duration(wording_us(mean_ms), human), 10);
	page_right(page, human_duration(p95_us, human), 10);
	page_right(page, human_duration(row->latency.max_us, human), 10);
	spark_write(&row->latency, page->unicode, bar);
	page_text(page, "  ");
	page_style(page, PAGE_GREEN);
	page_text(page, bar);
	page_style(page, PAGE_PLAIN);
	page_printf(page, "  %s", row->fingerprint);
	if (row->errors > 0)
		page_printf(page, "  %s error%s", human_count((double)row->errors, human), row->errors == 1 ? "" : "s");
	page_text(page, "\n      ");
	print_query(page, row->query, page->width - INDENT);
	page_text(page, "\n");
}

static void print_findings(struct page *page, const struct review *review)
{
	uint32_t count;
	const struct review_finding **findings = review_findings(review, &count);
	print_heading(page, "What was found");
	if (count == 0)
		page_text(page, "  nothing\n");
	for (uint32_t at = 0; at < count; at++) {
		if (at > 0)
			page_text(page, "\n");
		print_finding(page, review, findings[at]);
	}
	free(findings);
}

static void print_finding(struct page *page, const struct review *review, const struct review_finding *finding)
{
	char words[WORDING_BYTES], human[HUMAN_BYTES];
	const struct review_row *row = review_row_of(review, finding);
	page_style(page, finding->severity >= REVIEW_ERROR     ? PAGE_RED
	                 : finding->severity == REVIEW_WARNING ? PAGE_YELLOW
	                                                       : PAGE_BOLD);
	page_left(page, review_severity_name(finding->severity), INDENT);
	page_text(page, finding->rule);
	page_style(page, PAGE_PLAIN);
	if (finding->rejected)
		page_text(page, "  rejected");
	wording_object(finding, words);
	print_column(page, words);
	if (finding->table[0] != '\0' && finding->table_rows >= 0)
		page_printf(page, "  %s rows", human_count(finding->table_rows, human));
	wording_calls(review, finding, words);
	print_column(page, words);
	if (row != NULL && row->latency.total > 0)
		page_printf(page, "  p95 %s", human_duration(histogram_quantile_us(&row->latency, 0.95), human));
	wording_origin(finding, words);
	print_column(page, words);
	print_column(page, finding->fingerprint);
	page_text(page, "\n");
	if (finding->texts[REVIEW_QUERY][0] != '\0') {
		page_text(page, "      ");
		print_query(page, finding->texts[REVIEW_QUERY], page->width - INDENT);
		page_text(page, "\n");
	}
	print_labelled(page, "why", finding->texts[REVIEW_MESSAGE], true);
	print_labelled(page, "hint", finding->texts[REVIEW_HINT], true);
	/* Not wrapped: these are to be pasted. */
	print_labelled(page, "fix", finding->texts[REVIEW_FIX_SQL], false);
	print_labelled(page, "django", finding->texts[REVIEW_FIX_DJANGO], false);
}

static void print_rejected(struct page *page, const struct review *review)
{
	uint32_t count, rejected = 0;
	const struct review_finding **findings = review_findings(review, &count);
	for (uint32_t at = 0; at < count; at++) {
		char words[WORDING_BYTES], human[HUMAN_BYTES];
		const struct review_finding *finding = findings[at];
		if (!finding->rejected)
			continue;
		if (rejected++ == 0)
			print_heading(page, "What was rejected");
		page_printf(page, "%5s  ", human_count((double)review_count(finding), human));
		page_text(page, finding->rule);
		wording_object(finding, words);
		print_column(page, words);
		wording_origin(finding, words);
		print_column(page, words);
		print_column(page, finding->fingerprint);
		page_text(page, "\n       ");
		print_query(page, finding->texts[REVIEW_QUERY], page->width - 7);
		page_text(page, "\n");
	}
	free(findings);
}

static void print_audit(struct page *page, const struct review *review)
{
	uint32_t count;
	struct index_audit_row *rows = index_audit_rows(review, &count);
	if (count > 0) {
		print_heading(page, "Index audit");
		page_style(page, PAGE_DIM);
		page_text(page, "   calls      time    rows  values   one has  what is asked for\n");
		page_style(page, PAGE_PLAIN);
	}
	for (uint32_t at = 0; at < count && at < INDEX_AUDIT_TOP_ROWS; at++) {
		const struct index_audit_row *row = &rows[at];
		char words[WORDING_BYTES], human[HUMAN_BYTES];
		page_right(page, human_count((double)row->calls, human), 8);
		page_right(page, human_duration(wording_us(row->total_ms), human), 10);
		page_right(page, row->rows >= 0 ? human_count(row->rows, human) : "", 8);
		page_right(page, row->distinct >= 0 ? human_count(row->distinct, human) : "", 8);
		index_audit_share(row, words);
		page_right(page, words, 10);
		index_audit_object(row, words);
		print_column(page, words);
		print_column(page, row->used);
		page_text(page, "\n      ");
		index_audit_advice(row, words);
		page_style(page, row->unserved > 0 ? PAGE_YELLOW : PAGE_GREEN);
		page_wrap(page, words, INDENT);
		page_style(page, PAGE_PLAIN);
		page_text(page, "\n");
	}
	if (count > INDEX_AUDIT_TOP_ROWS)
		page_printf(page, "      and %u more\n", count - INDEX_AUDIT_TOP_ROWS);
	free(rows);
	print_spares(page, review);
}

static void print_spares(struct page *page, const struct review *review)
{
	uint32_t count;
	struct index_audit_spare *spares = index_audit_spares(review, &count);
	if (count > 0)
		page_text(page, "  indexes of these tables that no constraint and nothing in this log needs:\n");
	for (uint32_t at = 0; at < count && at < INDEX_AUDIT_TOP_ROWS; at++) {
		page_text(page, "      ");
		page_text(page, spares[at].index);
		page_text(page, " on ");
		page_text(page, spares[at].relation);
		page_text(page, "\n");
	}
	if (count > INDEX_AUDIT_TOP_ROWS)
		page_printf(page, "      and %u more\n", count - INDEX_AUDIT_TOP_ROWS);
	free(spares);
}

static void print_unjudged(struct page *page, const struct review *review)
{
	struct review_totals totals = review_totals(review);
	uint32_t count;
	const struct review_reason **reasons = review_reasons(review, &count);
	char words[WORDING_BYTES], human[HUMAN_BYTES];
	if (count > 0 || totals.lost_lines > 0 || totals.dropped > 0 || totals.skipped > 0 || totals.opaque > 0)
		print_heading(page, "What could not be judged");
	if (totals.opaque > 0)
		page_printf(page, "  %s calls of statements that could not be parsed\n",
		            human_count((double)totals.opaque, human));
	for (uint32_t at = 0; at < count; at++) {
		wording_reason(reasons[at], words);
		page_text(page, "  ");
		page_wrap(page, words, 2);
		page_text(page, "\n");
	}
	if (totals.lost_lines > 0)
		page_printf(page, "  %s lines were lost before they reached the log\n",
		            human_count((double)totals.lost_lines, human));
	if (totals.skipped > 0)
		page_printf(page, "  %s of %llu lines read are not pgproctor's JSON and were skipped\n",
		            human_count((double)totals.skipped, human), (unsigned long long)totals.lines);
	if (totals.dropped > 0)
		page_printf(page, "  %s lines did not fit the review's limits\n",
		            human_count((double)totals.dropped, human));
	free(reasons);
}

static void print_heading(struct page *page, const char *heading)
{
	page_text(page, "\n");
	page_style(page, PAGE_BOLD);
	page_text(page, heading);
	page_style(page, PAGE_PLAIN);
	page_text(page, "\n");
}

static void print_labelled(struct page *page, const char *label, const char *text, bool wrap)
{
	bool first = true;
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		page_text(page, "      ");
		page_style(page, PAGE_DIM);
		page_left(page, first ? label : "", LABEL);
		page_style(page, PAGE_PLAIN);
		if (wrap)
			page_wrap(page, text, INDENT + LABEL);
		else
			page_text_n(page, text, len);
		page_text(page, "\n");
		if (wrap)
			return;
		text += len + (text[len] == '\n' ? 1 : 0);
		first = false;
	}
}

static void print_column(struct page *page, const char *text)
{
	if (text[0] == '\0')
		return;
	page_text(page, "  ");
	page_cut(page, text, 60);
}

static void print_query(struct page *page, const char *query, size_t columns)
{
	char shown[HUMAN_QUERY_BYTES];
	page_cut(page, human_query(query, columns, shown), columns);
}
