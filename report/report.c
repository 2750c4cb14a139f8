#include "report/report.h"

#include "config/limits.h"
#include "report/markdown.h"
#include "report/page.h"
#include "report/review.h"
#include "report/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 120, WIDTH_MIN = 80, WIDTH_MAX = 240 };

static bool read_log(struct review *review, const char *path);
static struct page standard_output(bool markdown);

int report_run(char *const *paths, int count, bool markdown)
{
	CHECK(paths != NULL && count > 0);
	struct review *review = review_new();
	int status = 1;
	for (int at = 0; at < count; at++)
		if (!read_log(review, paths[at]))
			goto end;
	struct review_totals totals = review_totals(review);
	if (totals.first_ts[0] == '\0') {
		fprintf(stderr,
		        "pgproctor: report: no line of a pgproctor log in %s%s; a report is made from "
		        "log_format = json\n",
		        strcmp(paths[0], "-") == 0 ? "standard input" : paths[0], count > 1 ? " and the others" : "");
		goto end;
	}
	struct page page = standard_output(markdown);
	if (markdown)
		markdown_print(&page, review);
	else
		terminal_print(&page, review);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "pgproctor: report: cannot write it: %s\n", strerror(errno));
		goto end;
	}
	status = 0;
end:
	review_free(review);
	return status;
}

static bool read_log(struct review *review, const char *path)
{
	bool standard_input = strcmp(path, "-") == 0;
	FILE *file = standard_input ? stdin : fopen(path, "re");
	struct stat status;
	if (file != NULL && fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
		fclose(file);
		file = NULL;
		errno = EISDIR;
	}
	if (file == NULL) {
		fprintf(stderr, "pgproctor: report: %s: cannot read it: %s\n", path, strerror(errno));
		return false;
	}
	/* Twice a line of ours: longer ones are somebody else's, and are skipped to their end. */
	static char line[2 * LIMIT_LOG_LINE_BYTES];
	bool skipping = false;
	while (fgets(line, sizeof(line), file) != NULL) {
		size_t len = strlen(line);
		bool whole = (len > 0 && line[len - 1] == '\n') || len + 1 < sizeof(line);
		if (!skipping && whole)
			(void)review_add(review, line, len);
		else if (!skipping)
			review_skip(review);
		skipping = !whole;
	}
	bool good = !ferror(file);
	if (!good)
		fprintf(stderr, "pgproctor: report: %s: cannot read it: %s\n", path, strerror(errno));
	if (!standard_input)
		fclose(file);
	return good;
}

static struct page standard_output(bool markdown)
{
	struct page page = {.file = stdout, .unicode = true, .width = WIDTH_DEFAULT};
	if (markdown)
		return page; /* a document, in UTF-8 */
	setlocale(LC_CTYPE, "");
	page.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	struct winsize size;
	if (isatty(STDOUT_FILENO)) {
		/* no-color.org: any value that is not empty. */
		const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
		page.colour =
		    (no_colour == NULL || no_colour[0] == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
			page.width = size.ws_col;
	}
	if (page.width < WIDTH_MIN)
		page.width = WIDTH_MIN;
	if (page.width > WIDTH_MAX)
		page.width = WIDTH_MAX;
	return page;
}
