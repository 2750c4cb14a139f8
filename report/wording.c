#include "report/wording.h"

#include "inspect/human.h"

#include <stdio.h>
#include <string.h>

/* The date and the time of "2026-11-22T19:21:32.123Z", seconds included; what looks different stays as it is. */
static void split_time(const char *ts, char date[16], char time[16])
{
	if (strlen(ts) >= 19 && ts[10] == 'T') {
		snprintf(date, 16, "%.10s", ts);
		snprintf(time, 16, "%.8s", ts + 11);
	} else {
		snprintf(date, 16, "%.15s", ts);
		time[0] = '\0';
	}
}

void wording_span(const struct review_totals *totals, char to[WORDING_BYTES])
{
	char first_date[16], first_time[16], last_date[16], last_time[16];
	split_time(totals->first_ts, first_date, first_time);
	split_time(totals->last_ts, last_date, last_time);
	bool same_day = last_time[0] != '\0' && strcmp(first_date, last_date) == 0;
	snprintf(to, WORDING_BYTES, "%s%s%s to %s%s%s UTC", first_date, first_time[0] != '\0' ? " " : "", first_time,
	         same_day ? "" : last_date, same_day || last_time[0] == '\0' ? "" : " ", last_time);
}

void wording_counts(const struct review_totals *totals, char to[WORDING_BYTES])
{
	char statements[HUMAN_BYTES], errors[HUMAN_BYTES], rejected[HUMAN_BYTES];
	snprintf(to, WORDING_BYTES, "%s statement%s, %s error%s, %s rejected",
	         human_count((double)totals->statements, statements), totals->statements == 1 ? "" : "s",
	         human_count((double)totals->errors, errors), totals->errors == 1 ? "" : "s",
	         human_count((double)totals->rejected, rejected));
}

void wording_kinds(const struct review_totals *totals, char to[WORDING_BYTES])
{
	snprintf(to, WORDING_BYTES, "%u kind%s of statement, %u finding%s", totals->rows, totals->rows == 1 ? "" : "s",
	         totals->findings, totals->findings == 1 ? "" : "s");
}

void wording_object(const struct review_finding *finding, char to[WORDING_BYTES])
{
	const char *column = finding->texts[REVIEW_COLUMN];
	bool both = finding->table[0] != '\0' && column[0] != '\0';
	snprintf(to, WORDING_BYTES, "%s%s%s", finding->table, both ? "." : "", column);
}

void wording_calls(const struct review *review, const struct review_finding *finding, char to[WORDING_BYTES])
{
	const struct review_row *row = review_row_of(review, finding);
	uint64_t calls = row != NULL && row->calls > 0 ? row->calls : review_count(finding);
	char human[HUMAN_BYTES];
	snprintf(to, WORDING_BYTES, "%s call%s", human_count((double)calls, human), calls == 1 ? "" : "s");
}

void wording_origin(const struct review_finding *finding, char to[WORDING_BYTES])
{
	const char *application = finding->texts[REVIEW_APPLICATION];
	const char *user = finding->texts[REVIEW_USER];
	to[0] = '\0';
	if (finding->texts[REVIEW_ROUTE][0] != '\0')
		snprintf(to, WORDING_BYTES, "%s", finding->texts[REVIEW_ROUTE]);
	else if (finding->texts[REVIEW_CONTROLLER][0] != '\0')
		snprintf(to, WORDING_BYTES, "%s", finding->texts[REVIEW_CONTROLLER]);
	else if (application[0] != '\0')
		snprintf(to, WORDING_BYTES, "%s%s%s", application, user[0] != '\0' ? ", user " : "", user);
	else if (user[0] != '\0')
		snprintf(to, WORDING_BYTES, "user %s", user);
}

void wording_reason(const struct review_reason *reason, char to[WORDING_BYTES])
{
	const char *why = reason->reason[0] != '\0' ? reason->reason : "no reason given";
	char human[HUMAN_BYTES];
	human_count((double)reason->count, human);
	const char *plural = reason->count == 1 ? "" : "s";
	if (strcmp(reason->event, "unparsed") == 0)
		snprintf(to, WORDING_BYTES, "%s kind%s of statement passed on unjudged: %s", human, plural, why);
	else if (strcmp(reason->event, "blind") == 0)
		snprintf(to, WORDING_BYTES, "%s session%s could not be followed: %s", human, plural, why);
	else
		snprintf(to, WORDING_BYTES, "%s (%s time%s): %s", reason->event, human, plural, why);
}

uint64_t wording_us(double ms)
{
	return ms > 0 && ms < 1e15 ? (uint64_t)(ms * 1000 + 0.5) : 0;
}
