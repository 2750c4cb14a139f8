#include "proxy/options.h"
#include "proxy/check/check_run.h"
#include "proxy/serve.h"
#include "report/log_traffic.h"
#include "report/report.h"
#include "report/rule_page.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct options *options = calloc(1, sizeof *options);
	CHECK(options != NULL);
	int status = options_parse(options, argc, argv);
	if (status != 0) {
		fprintf(stderr, "pgproctor: %s\n", options->error);
	} else {
		switch (options->command) {
		case OPTIONS_PRINT:
			status = fputs(options->text, stdout) < 0 ? 1 : 0;
			break;
		case OPTIONS_SERVE:
			status = serve_run(&options->settings);
			break;
		case OPTIONS_REPORT:
			status = report_run(options->logs, options->log_count,
			                    options->report_format == OPTIONS_FORMAT_MARKDOWN);
			break;
		case OPTIONS_CHECK:
			options->check.read_log = log_traffic_read;
			status = check_run(&options->settings, &options->check);
			break;
		case OPTIONS_RULES:
			rule_page_table(stdout, options->report_format == OPTIONS_FORMAT_MARKDOWN);
			break;
		case OPTIONS_EXPLAIN:
			status = rule_page_explain(stdout, stderr, options->rule);
			break;
		}
	}
	free(options);
	return status;
}
