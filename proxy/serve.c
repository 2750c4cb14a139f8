#include "proxy/serve.h"

#include "inspect/rules/rules.h"
#include "proxy/feed/feed.h"
#include "proxy/feed/feed_connect.h"
#include "proxy/listener.h"
#include "proxy/login/login.h"
#include "proxy/login/probe.h"
#include "proxy/reporter.h"
#include "proxy/upstream.h"
#include "proxy/workers.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SERVE_PROBE_MS = 2000 };

static const char SERVE_EXPOSED[] = "auth_file can be read or written by others than its owner and group: whoever has "
                                    "a verifier can try passwords on it; "
                                    "chmod 600, or 640";

static int serve_fail(const char *message, int status);
static bool serve_dsns_valid(const struct settings *settings, char *error, size_t error_size);
static void serve_raise_file_limit(void);
static void serve_block_signals(sigset_t *signals);
static void serve_say_started(const struct settings *settings, struct reporter *reporter, struct workers *workers);
static void serve_wait(const sigset_t *signals, const struct settings *settings, struct reporter *reporter,
                       struct workers *workers);
static void serve_reload(const struct settings *settings, struct reporter *reporter, struct workers *workers);
static void serve_reload_certificates(const struct settings *settings, struct reporter *reporter,
                                      struct workers *workers);
static void serve_reload_users(struct reporter *reporter, struct workers *workers);
static void serve_say(struct reporter *reporter, enum log_level level, const char *event, const char *name,
                      const char *value);

int serve_run(const struct settings *settings)
{
	char error[2048];
	static struct rule_settings rules;
	if (!rules_configure(&rules, settings, error, sizeof error))
		return serve_fail(error, 1);
	if (!serve_dsns_valid(settings, error, sizeof error))
		return serve_fail(error, 1);
	sigset_t signals;
	serve_block_signals(&signals);
	serve_raise_file_limit();
	struct reporter *reporter = reporter_start(settings, error, sizeof error);
	if (!reporter)
		return serve_fail(error, 1);
	struct workers *workers = workers_new(settings, &rules, reporter, error, sizeof error);
	if (!workers) {
		reporter_stop(reporter);
		return serve_fail(error, 1);
	}
	/* One worker has seen it all itself. */
	if (settings->workers > 1)
		reporter_publish_to(reporter, workers_publish_usage, workers);
	serve_say_started(settings, reporter, workers);
	struct feed *feed = feed_start(settings, reporter, workers_publish, workers);
	int status = workers_start(workers, feed);
	if (status != 0) {
		serve_fail("cannot start a thread", 1);
		workers_stop(workers, true);
	} else {
		serve_wait(&signals, settings, reporter, workers);
	}

	/* The workers ask the feed for catalogs until their threads end, the feed publishes to them until it stops. */
	workers_join(workers);
	feed_stop(feed);
	reporter_publish_to(reporter, NULL, NULL);
	workers_free(workers);
	serve_say(reporter, LOG_LEVEL_INFO, "stopped", NULL, NULL);
	reporter_stop(reporter);
	return status == 0 ? 0 : 1;
}

static int serve_fail(const char *message, int status)
{
	fprintf(stderr, "pgproctor: %s\n", message);
	return status;
}

static bool serve_dsns_valid(const struct settings *settings, char *error, size_t error_size)
{
	char reason[256];
	if (!feed_connect_dsn_valid(settings->catalog, reason, sizeof reason)) {
		snprintf(error, error_size, "catalog: %s", reason);
		return false;
	}
	for (uint32_t at = 0; at < settings->database_count; at++) {
		const struct settings_database *database = &settings->databases[at];
		if (!feed_connect_dsn_valid(database->dsn, reason, sizeof reason)) {
			snprintf(error, error_size, "%s:%d: database \"%s\": %s", settings->file, database->line,
			         database->name, reason);
			return false;
		}
	}
	return true;
}

/* Each session needs two descriptors; the hard limit is what the operator grants. */
static void serve_raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Blocked in every thread, taken one by one in serve_wait. */
static void serve_block_signals(sigset_t *signals)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(signals);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, signals, NULL);
}

static void serve_say_started(const struct settings *settings, struct reporter *reporter, struct workers *workers)
{
	const struct worker *first = workers->each[0]; /* what it has read is what all have */
	struct logline line;
	logline_begin(&line, reporter_format(reporter), worker_wall_ms(), LOG_LEVEL_INFO, "started");
	logline_text(&line, "version", PGPROCTOR_VERSION);
	logline_text(&line, "listen", listener_description(workers->listener));
	char upstream[300];
	snprintf(upstream, sizeof upstream, "%s:%u", settings->upstream.host, settings->upstream.port);
	logline_text(&line, "upstream", upstream);
	logline_text(&line, "mode", settings->mode == SETTINGS_ENFORCE ? "enforce" : "observe");
	logline_int(&line, "workers", workers->count);
	logline_text(&line, "io_uring",
	             first->scratch.ring ? "on" : first->no_ring[0] ? first->no_ring : "off");
	logline_text(&line, "config", settings->file);
	logline_int(&line, "pid", getpid());
	logline_end(&line);
	reporter_line(reporter, &line);

	if (first->secrets.exposed)
		serve_say(reporter, LOG_LEVEL_WARNING, "warning", "message", SERVE_EXPOSED);
	char reason[256], message[640];
	int fd = upstream_probe_open(&settings->upstream, SERVE_PROBE_MS, reason, sizeof reason);
	if (fd < 0) {
		snprintf(message, sizeof message,
		         "the server at %s does not answer: %s; clients are refused until it does", upstream, reason);
		serve_say(reporter, LOG_LEVEL_WARNING, "warning", "message", message);
		return;
	}
	/* With allow it is the server that decides whether TLS is needed at all. */
	if (!first->tls.server || settings->upstream.host[0] == '/' || settings->server_tls.mode == SETTINGS_TLS_ALLOW) {
		close(fd);
		return;
	}
	switch (probe_tls(fd, settings, &first->tls, SERVE_PROBE_MS, reason, sizeof reason)) {
	case PROBE_FINE:
		break;
	case PROBE_REFUSED:
		snprintf(message, sizeof message, "no TLS with the server at %s: %s; clients are refused", upstream,
		         reason);
		serve_say(reporter, LOG_LEVEL_WARNING, "warning", "message", message);
		break;
	case PROBE_DIFFERS:
		if (settings->auth == SETTINGS_AUTH_TERMINATE)
			break;
		serve_say(reporter, LOG_LEVEL_WARNING, "warning", "message", login_binding_advice);
		workers->binding_told = true;
		break;
	}
}

static void serve_wait(const sigset_t *signals, const struct settings *settings, struct reporter *reporter,
                       struct workers *workers)
{
	const struct timespec patience = {.tv_nsec = 50 * 1000000};
	unsigned asked = 0;
	while (!workers_done(workers)) {
		/* While stopping, the workers' end is waited for as well as a second, less patient, signal. */
		int number = asked > 0 ? sigtimedwait(signals, NULL, &patience) : sigwaitinfo(signals, NULL);
		if (number == SIGHUP) {
			reporter_reopen(reporter);
			serve_reload(settings, reporter, workers);
		} else if (number == SIGINT || number == SIGTERM) {
			asked++;
			serve_say(reporter, LOG_LEVEL_INFO, "stopping", "signal",
			          number == SIGINT ? "SIGINT" : "SIGTERM");
			workers_stop(workers, asked > 1);
		}
	}
}

static void serve_reload(const struct settings *settings, struct reporter *reporter, struct workers *workers)
{
	serve_reload_certificates(settings, reporter, workers);
	if (settings->auth == SETTINGS_AUTH_TERMINATE && settings->auth_file[0])
		serve_reload_users(reporter, workers);
}

static void serve_reload_users(struct reporter *reporter, struct workers *workers)
{
	char error[1024], message[1200];
	bool exposed;
	if (workers_reload_users(workers, &exposed, error, sizeof error)) {
		serve_say(reporter, LOG_LEVEL_INFO, "reloaded", "what", "auth_file, for new connections");
		if (exposed)
			serve_say(reporter, LOG_LEVEL_WARNING, "warning", "message", SERVE_EXPOSED);
		return;
	}
	snprintf(message, sizeof message, "auth_file stays as it was: %s", error);
	serve_say(reporter, LOG_LEVEL_WARNING, "warning", "message", message);
}

static void serve_reload_certificates(const struct settings *settings, struct reporter *reporter, struct workers *workers)
{
	if (settings->client_tls.mode == SETTINGS_TLS_DISABLE && settings->server_tls.mode == SETTINGS_TLS_DISABLE)
		return;
	char error[1024], message[1200];
	if (workers_reload(workers, error, sizeof error)) {
		serve_say(reporter, LOG_LEVEL_INFO, "reloaded", "what", "certificates and keys, for new connections");
		return;
	}
	snprintf(message, sizeof message, "certificates and keys stay as they were: %s", error);
	serve_say(reporter, LOG_LEVEL_WARNING, "warning", "message", message);
}

static void serve_say(struct reporter *reporter, enum log_level level, const char *event, const char *name,
                      const char *value)
{
	struct logline line;
	logline_begin(&line, reporter_format(reporter), worker_wall_ms(), level, event);
	if (name)
		logline_text(&line, name, value);
	logline_end(&line);
	reporter_line(reporter, &line);
}
