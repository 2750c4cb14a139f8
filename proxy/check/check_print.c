#include "proxy/check/check_print.h"

#include "inspect/human.h"
#include "inspect/rules/rules.h"
#include "proxy/logline.h"

#include <string.h>
#include <time.h>

static void finding_text(struct check_print *print, const struct check_print_place *place,
                         const struct finding *finding);
static void finding_json(struct check_print *print, const struct check_print_place *place,
                         const struct finding *finding);
static void finding_github(struct check_print *print, const struct check_print_place *place,
                           const struct finding *finding);
static void finding_gitlab(struct check_print *print, const struct check_print_place *place,
                           const struct finding *finding);
static void place_text(struct check_print *print, const struct check_print_place *place);
static void place_json(struct logline *line, const struct check_print_place *place);
static void excerpt(struct check_print *print, const struct check_print_place *place);
static void rows(struct check_print *print, const char *label, const char *text);
static void put(struct check_print *print, struct logline *line);
static void put_escaped(FILE *out, const char *text, bool property);
static void put_json(FILE *out, const char *text);
static int64_t wall_ms(void);

void check_print_begin(struct check_print *print, FILE *out, enum check_print_format format)
{
	*print = (struct check_print){.out = out, .format = format};
}

void check_print_finding(struct check_print *print, const struct check_print_place *place,
                         const struct finding *finding)
{
	print->findings[finding->severity]++;
	switch (print->format) {
	case CHECK_PRINT_TEXT:
		finding_text(print, place, finding);
		break;
	case CHECK_PRINT_JSON:
		finding_json(print, place, finding);
		break;
	case CHECK_PRINT_GITHUB:
		finding_github(print, place, finding);
		break;
	case CHECK_PRINT_GITLAB:
		finding_gitlab(print, place, finding);
		break;
	}
}

/* -- findings ------------------------------------------------------------------------------------ */

static void finding_text(struct check_print *print, const struct check_print_place *place,
                         const struct finding *finding)
{
	char count[HUMAN_BYTES];
	place_text(print, place);
	fprintf(print->out, "%s: %s [%s, %s]\n", verdict_severity_name(finding->severity), finding->message,
	        finding->rule->slug, finding->rule->code);
	/* What is said of a secret must not repeat it: reviews and the output of CI jobs are read by many. */
	if (finding->rule->code[0] != 'S')
		excerpt(print, place);
	if (finding->table[0] && finding->table_rows >= 0) {
		char what[256];
		snprintf(what, sizeof(what), "%s has %s rows", finding->table, human_count(finding->table_rows, count));
		rows(print, "table", what);
	}
	rows(print, "hint", finding->hint);
	rows(print, "fix", finding->fix_sql);
	rows(print, "django", finding->fix_django);
	fputc('\n', print->out);
}

static void finding_json(struct check_print *print, const struct check_print_place *place,
                         const struct finding *finding)
{
	struct logline line;
	enum log_level level = finding->severity == SEVERITY_INFO   ? LOG_LEVEL_INFO
	                       : finding->severity == SEVERITY_WARN ? LOG_LEVEL_WARNING
	                                                            : LOG_LEVEL_ERROR;
	logline_begin(&line, SETTINGS_FORMAT_JSON, wall_ms(), level, "finding");
	place_json(&line, place);
	logline_text(&line, "rule", finding->rule->slug);
	logline_text(&line, "code", finding->rule->code);
	logline_text(&line, "severity", verdict_severity_name(finding->severity));
	logline_text(&line, "action", verdict_action_name(finding->action));
	if (place->fingerprint)
		logline_hex(&line, "fingerprint", place->fingerprint);
	logline_text(&line, "query", place->query);
	logline_text(&line, "table", finding->table);
	logline_text(&line, "column", finding->column);
	if (finding->table[0] && finding->table_rows >= 0)
		logline_real(&line, "table_rows", finding->table_rows);
	logline_text(&line, "evidence", verdict_evidence_name(finding->evidence));
	logline_text(&line, "message", finding->message);
	logline_text(&line, "hint", finding->hint);
	logline_text(&line, "fix_sql", finding->fix_sql);
	logline_text(&line, "fix_django", finding->fix_django);
	logline_int(&line, "count", 1);
	put(print, &line);
}

static void finding_github(struct check_print *print, const struct check_print_place *place,
                           const struct finding *finding)
{
	const char *level = finding->severity == SEVERITY_INFO   ? "notice"
	                    : finding->severity == SEVERITY_WARN ? "warning"
	                                                         : "error";
	fprintf(print->out, "::%s file=", level);
	put_escaped(print->out, place->file, true);
	fprintf(print->out, ",line=%u,col=%u,title=", (unsigned)place->line, (unsigned)place->column);
	put_escaped(print->out, finding->rule->slug, true);
	fputs("::", print->out);
	put_escaped(print->out, finding->message, false);
	if (finding->hint[0]) {
		put_escaped(print->out, "\n", false);
		put_escaped(print->out, finding->hint, false);
	}
	if (finding->fix_sql[0]) {
		put_escaped(print->out, "\n", false);
		put_escaped(print->out, finding->fix_sql, false);
	}
	fputc('\n', print->out);
}

static void finding_gitlab(struct check_print *print, const struct check_print_place *place,
                           const struct finding *finding)
{
	static const char *const severities[] = {
	    [SEVERITY_INFO] = "info",
	    [SEVERITY_WARN] = "minor",
	    [SEVERITY_ERROR] = "critical",
	    [SEVERITY_BLOCK] = "blocker",
	};
	fputs(print->any ? ",\n {" : "[\n {", print->out);
	print->any = true;
	fputs("\"description\":", print->out);
	put_json(print->out, finding->message);
	fputs(",\"check_name\":", print->out);
	put_json(print->out, finding->rule->slug);
	/* The same finding of the same statement keeps its name when lines are added above it. */
	fprintf(print->out, ",\"fingerprint\":\"%s-%016llx-%s-%s\"", finding->rule->code,
	        (unsigned long long)place->fingerprint, finding->table, finding->column);
	fprintf(print->out, ",\"severity\":\"%s\",\"location\":{\"path\":", severities[finding->severity]);
	put_json(print->out, place->file);
	fprintf(print->out, ",\"lines\":{\"begin\":%u}}}", (unsigned)place->line);
}

/* -- the other events ---------------------------------------------------------------------------- */

void check_print_lock(struct check_print *print, const struct check_print_place *place, const struct effect *effect,
                      const char *refused)
{
	if (print->format == CHECK_PRINT_JSON) {
		struct logline line;
		const char *waiting[16];
		size_t count = 0;
		logline_begin(&line, SETTINGS_FORMAT_JSON, wall_ms(), LOG_LEVEL_INFO, "lock");
		place_json(&line, place);
		logline_text(&line, "relation", effect->relation[0] ? effect->relation : "(none)");
		logline_text(&line, "lock", lock_name(effect->lock));
		logline_bool(&line, "rewrite", effect->rewrite);
		logline_bool(&line, "scan", effect->scan);
		logline_bool(&line, "dangerous", effect->dangerous);
		while (count < ARRAY_LEN(waiting) && (waiting[count] = lock_waiting(effect->lock, count)) != NULL)
			count++;
		logline_list(&line, "waits_for", waiting, count);
		if (effect->table && effect->table->rows >= 0)
			logline_real(&line, "table_rows", effect->table->rows);
		logline_text(&line, "refused", refused);
		put(print, &line);
		return;
	}
	if (print->format != CHECK_PRINT_TEXT)
		return;
	char count[HUMAN_BYTES];
	const char *waiting;
	place_text(print, place);
	if (refused) {
		fprintf(print->out, "lock: none: the server refuses it: %s\n", refused);
		return;
	}
	fprintf(print->out, "lock: %s%s%s", lock_name(effect->lock), effect->relation[0] ? " on " : "",
	        effect->relation);
	if (effect->table && effect->table->rows >= 0)
		fprintf(print->out, " (%s rows)", human_count(effect->table->rows, count));
	if (effect->rewrite)
		fputs(", rewrites it", print->out);
	else if (effect->scan)
		fputs(", reads all of it", print->out);
	if (effect->dangerous)
		fputs(", DANGEROUS", print->out);
	for (size_t at = 0; (waiting = lock_waiting(effect->lock, at)) != NULL; at++)
		fprintf(print->out, "%s%s", at == 0 ? "; waits for and holds up " : ", ", waiting);
	fputc('\n', print->out);
}

void check_print_access(struct check_print *print, const struct check_print_place *place,
                        const struct access_event *event)
{
	if (print->format == CHECK_PRINT_JSON) {
		struct logline line;
		logline_begin(&line, SETTINGS_FORMAT_JSON, wall_ms(), LOG_LEVEL_INFO, "access");
		place_json(&line, place);
		logline_text(&line, "relation", event->relation);
		logline_text(&line, "predicate", event->predicate);
		logline_bool(&line, "served", event->served);
		logline_text(&line, "index", event->index);
		logline_text(&line, "reason", event->reason);
		put(print, &line);
		return;
	}
	if (print->format != CHECK_PRINT_TEXT)
		return;
	place_text(print, place);
	fprintf(print->out, "access: %s: %s: %s%s: %s\n", event->relation, event->predicate,
	        event->served ? "served by " : "not served", event->served ? event->index : "", event->reason);
}

void check_print_unparsed(struct check_print *print, const struct check_print_place *place, const char *reason)
{
	print->unparsed++;
	if (print->format == CHECK_PRINT_JSON) {
		struct logline line;
		logline_begin(&line, SETTINGS_FORMAT_JSON, wall_ms(), LOG_LEVEL_WARNING, "unparsed");
		place_json(&line, place);
		logline_text(&line, "reason", reason);
		put(print, &line);
	} else if (print->format == CHECK_PRINT_TEXT) {
		place_text(print, place);
		fprintf(print->out, "unparsed: this statement was not judged: %s\n", reason);
		excerpt(print, place);
	} else if (print->format == CHECK_PRINT_GITHUB) {
		fputs("::warning file=", print->out);
		put_escaped(print->out, place->file, true);
		fprintf(print->out, ",line=%u,title=unparsed::this statement was not judged: ", (unsigned)place->line);
		put_escaped(print->out, reason, false);
		fputc('\n', print->out);
	}
}

void check_print_note(struct check_print *print, const struct check_print_place *place, const char *text)
{
	if (print->format == CHECK_PRINT_JSON) {
		struct logline line;
		logline_begin(&line, SETTINGS_FORMAT_JSON, wall_ms(), LOG_LEVEL_INFO, "note");
		if (place)
			place_json(&line, place);
		logline_text(&line, "message", text);
		put(print, &line);
	} else if (print->format == CHECK_PRINT_TEXT) {
		if (place)
			place_text(print, place);
		else
			fputs("pgproctor: ", print->out);
		fprintf(print->out, "note: %s\n", text);
	}
}

void check_print_end(struct check_print *print)
{
	if (print->format == CHECK_PRINT_GITLAB)
		fputs(print->any ? "\n]\n" : "[]\n", print->out);
	if (print->format != CHECK_PRINT_TEXT)
		return;
	uint32_t total = 0;
	for (size_t at = 0; at < ARRAY_LEN(print->findings); at++)
		total += print->findings[at];
	fprintf(print->out, "%u statement%s, %u finding%s", (unsigned)print->statements,
	        print->statements == 1 ? "" : "s", (unsigned)total, total == 1 ? "" : "s");
	const char *sign = ": ";
	for (size_t at = ARRAY_LEN(print->findings); at-- > 0;) {
		if (print->findings[at] == 0)
			continue;
		fprintf(print->out, "%s%u %s", sign, (unsigned)print->findings[at],
		        verdict_severity_name((enum severity)at));
		sign = ", ";
	}
	if (print->unparsed > 0)
		fprintf(print->out, "; %u not judged", (unsigned)print->unparsed);
	fputc('\n', print->out);
}

/* -- parts --------------------------------------------------------------------------------------- */

static void place_text(struct check_print *print, const struct check_print_place *place)
{
	fputs(place->file, print->out);
	if (place->line)
		fprintf(print->out, ":%u:%u", (unsigned)place->line, (unsigned)place->column);
	fputs(": ", print->out);
}

/* `column` is the table's in all events; the place in the line is `position`. */
static void place_json(struct logline *line, const struct check_print_place *place)
{
	logline_text(line, "file", place->file);
	if (!place->line)
		return;
	logline_int(line, "line", place->line);
	logline_int(line, "position", place->column);
}

/* The line with a mark below the word that is meant. Tabs stay, so that the mark stands where the word does. */
static void excerpt(struct check_print *print, const struct check_print_place *place)
{
	enum { SHOWN_BYTES_MAX = 160 };
	if (!place->source)
		return;
	size_t len = place->source_len < SHOWN_BYTES_MAX ? place->source_len : SHOWN_BYTES_MAX;
	fprintf(print->out, "%5u | ", (unsigned)place->line);
	for (size_t at = 0; at < len; at++) {
		unsigned char byte = (unsigned char)place->source[at];
		fputc(byte < ' ' && byte != '\t' ? ' ' : byte == 0x7F ? '?' : byte, print->out);
	}
	fputs(place->source_len > len ? "…\n" : "\n", print->out);
	if (place->column == 0 || place->column > len)
		return;
	fputs("      | ", print->out);
	for (size_t at = 0; at + 1 < place->column; at++) {
		unsigned char byte = (unsigned char)place->source[at];
		/* One for each character, of however many bytes. */
		if ((byte & 0xC0) != 0x80)
			fputc(byte == '\t' ? '\t' : ' ', print->out);
	}
	fputc('^', print->out);
	for (size_t at = 1; at < place->marked && place->column - 1 + at < len; at++) {
		if (((unsigned char)place->source[place->column - 1 + at] & 0xC0) != 0x80)
			fputc('~', print->out);
	}
	fputc('\n', print->out);
}

static void rows(struct check_print *print, const char *label, const char *text)
{
	for (bool first = true; text && *text; first = false) {
		size_t len = strcspn(text, "\n");
		fprintf(print->out, "      %c %-7s %.*s\n", first ? '=' : ' ', first ? label : "", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void put(struct check_print *print, struct logline *line)
{
	logline_end(line);
	fwrite(line->text, 1, line->len, print->out);
}

/* As GitHub's workflow commands want it: a property ends at a comma or colon. */
static void put_escaped(FILE *out, const char *text, bool property)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '%' || byte == '\n' || byte == '\r' || (property && (byte == ':' || byte == ',')))
			fprintf(out, "%%%02X", byte);
		else
			fputc(byte < ' ' ? ' ' : byte, out);
	}
}

static void put_json(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < ' ')
			fprintf(out, "\\u%04x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

static int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
