/* Every ceiling in one place: its unit is the end of its name, the comment says why that much and what
 * happens there. Full means slow the sender down, or drop and count; never grow, never lose silently. */
#ifndef PGPROCTOR_CONFIG_LIMITS_H
#define PGPROCTOR_CONFIG_LIMITS_H

#include <assert.h>

enum {
	/* -- the wire ------------------------------------------------------------------------- */

	/* PostgreSQL's MAX_STARTUP_PACKET_LENGTH (libpq/pqcomm.h); beyond it the server closes without
	 * a message and so do we. */
	LIMIT_STARTUP_PACKET_BYTES = 10000,

	/* One read per wake-up and direction lands here; one scratch per worker, none per session. */
	LIMIT_READ_BYTES = 64 * 1024,

	/* The same through an io_uring; what it is decrypted to, together with a record begun before, is at most one read. */
	LIMIT_RECEIVE_BYTES = 47 * 1024,

	/* Above the high water mark the peer is no longer read; below the low one it is again. */
	LIMIT_QUEUE_HIGH_BYTES = 256 * 1024,
	LIMIT_QUEUE_LOW_BYTES = 64 * 1024,

	/* A Query or Parse is held whole until it is judged. Longer ones follow `oversize`:
	 * streamed uninspected and counted, or refused. */
	LIMIT_INSPECT_BYTES = 1024 * 1024,

	/* A Bind is held whole only when a parameter can change the verdict; longer ones are streamed
	 * and judged without their values. */
	LIMIT_BIND_BYTES = 64 * 1024,

	/* The prefix of a server message that is looked at: the fields of an ErrorResponse up to its
	 * SQLSTATE, a CommandComplete tag, one ParameterStatus. Longer ones are read in part. */
	LIMIT_REPLY_PREFIX_BYTES = 1024,

	/* Requests a client may have outstanding before it is no longer read. Pipelines have no limit
	 * in the protocol, so this slows the sender down and refuses nothing. */
	LIMIT_FLIGHT_REQUESTS = 65536,

	/* Requests that are kept until it is known which of two courses the server has taken (see flight.h). More, and the
	 * session is no longer followed: before rejections, which are kept as well, would stop the client. */
	LIMIT_FLIGHT_DOUBTFUL = 250,

	/* How often a course may part in two, so that up to 8 are followed. One that would have to part once more goes on as
	 * if the COPY had read all Syncs. */
	LIMIT_FLIGHT_FORKS = 3,

	/* Rejected requests whose answer has not come: our words for each wait until then. More slow the client down.
	 */
	LIMIT_REJECTIONS = 256,

	/* Each of the three texts of a rejection; what is longer is cut. */
	LIMIT_REJECTION_TEXT_BYTES = 1024,

	/* Names PostgreSQL keeps: NAMEDATALEN (pg_config_manual.h), the terminator included. */
	LIMIT_NAME_BYTES = 64,

	/* Named prepared statements and portals remembered per session; a session with more goes on,
	 * its further names are not attributed, and that is counted. */
	LIMIT_NAMES_PER_SESSION = 16384,

	/* Prepared statements of a session whose plans are followed (plans.h); those beyond are taken for planned anew each
	 * time. */
	LIMIT_PLANS_PER_SESSION = 64,

	/* FROM items and queries that are looked into for what a stored column holds (origin.h); names of names may multiply. */
	LIMIT_ORIGIN_STEPS = 1000,

	/* -- recognition ---------------------------------------------------------------------- */

	/* libpg_query recurses: 10,000 nested operators overflow an 8 MiB stack. The parsing thread has
	 * LIMIT_PARSE_STACK_BYTES; texts past these ceilings are opaque. Members of a list that collapses
	 * don't count, so a bulk INSERT has few tokens. At the ceilings the slowest text known costs 50 ms
	 * (a list of constants), most cost a quarter of that. */
	LIMIT_PARSE_TOKENS = 80000,
	LIMIT_PARSE_DEPTH = 500,
	LIMIT_PARSE_OPERATORS = 5000,
	LIMIT_PARSE_STACK_BYTES = 256 * 1024 * 1024,

	/* Texts not known that are this long are parsed on a thread of its own, while their session waits: 1 KB costs
	 * about 0.1 ms, and nobody else shall wait for more than 1 or 2. */
	LIMIT_PARSE_BYTES_AT_ONCE = 8 * 1024,

	/* walk.c recurses over the tree; what lies deeper is not looked at, and the facts say so. */
	LIMIT_WALK_DEPTH = 1000,

	/* Facts kept of one statement; what is beyond is not judged, and the facts say so. */
	LIMIT_FACTS_RELATIONS = 64,
	LIMIT_FACTS_PREDICATES = 128,
	LIMIT_FACTS_CONDITIONS = 128,
	LIMIT_FACTS_LEVELS = 64,
	LIMIT_FACTS_SORTS = 64,
	LIMIT_FACTS_ASSIGNMENTS = 256,
	LIMIT_FACTS_ACTIONS = 256,
	LIMIT_FACTS_SECRETS = 16,
	LIMIT_FACTS_USES = 1024, /* columns named; what has more may use any, for M220 */
	/* Columns, and indexes, that `check` assumes of one table without a catalog; the rest is not known. PostgreSQL's
	 * tables have 1,600 columns at most. */
	LIMIT_ASSUMED_MEMBERS = 1600,
	LIMIT_FACTS_NEW_COLUMNS = 1600, /* of a new table: MaxHeapAttributeNumber (htup_details.h) */
	LIMIT_FACTS_COLUMNS = 32, /* of one action: INDEX_MAX_KEYS (pg_config_manual.h) */
	LIMIT_FACTS_BOUNDS = 256, /* values of a list partition; with more nothing is known of them */
	LIMIT_FACTS_CALLS = 16,   /* in one default */
	LIMIT_FACTS_STATEMENTS = 256,

	/* A canonical expression; a longer one has no text, so that no index can match it. */
	LIMIT_EXPRESSION_BYTES = 2048,

	/* A normalised text in a log line; longer ones end in "…". */
	LIMIT_QUERY_TEXT_BYTES = 2048,

	/* Of a list of constants nothing is told apart but whether it has more of them (rule Q121). */
	LIMIT_LIST_MEMBERS = 1000,

	/* Recognised statements per worker; those that came once go first, the least recently used of them. */
	LIMIT_CACHE_STATEMENTS = 16384,
	LIMIT_CACHE_BYTES = 64 * 1024 * 1024,

	/* Verdicts that are kept for one statement, each for another class of bound values; the oldest gives way. */
	LIMIT_VERDICTS = 8,

	/* Rules of the program; rules.c checks it. */
	LIMIT_RULES = 192,

	/* Text columns with JSON in them that are counted; further ones are not. */
	LIMIT_DOCUMENT_COLUMNS = 256,

	/* Tables and columns of which the last use is remembered, 200 bytes each: 6 MB at worst for each worker, and twice
	 * that for them all together where there are several. What comes after is not, and then nothing is said to be
	 * unused (M220). */
	LIMIT_USAGE_COLUMNS = 32768,

	/* Texts remembered with holes for their literals, per worker, and the bytes of one without them: at worst 24 MB
	 * in all, usually one or two. What is longer, or one too many, costs a whole pass over its tokens. */
	LIMIT_TEMPLATES = 1024,
	LIMIT_TEMPLATE_BYTES = 8 * 1024,

	/* What one statement asks of columns, for the index audit; what is more is not told. */
	LIMIT_USAGES = 64,

	/* Findings of one verdict. */
	LIMIT_VERDICT_FINDINGS = 16,

	/* Relations that one statement locks, told one by one; further ones are left out, and it says so. */
	LIMIT_EFFECTS = 256,

	/* Relations remembered as created in the open transaction; further ones count as pre-existing. */
	LIMIT_CREATED_RELATIONS = 256,

	/* What is remembered of the open transaction, beside that: locks, added columns and constraints. */
	LIMIT_SESSION_PAST = 512,

	/* Savepoints followed in the open transaction; a ROLLBACK TO a further one forgets what the transaction
	 * created, so that it counts as pre-existing. */
	LIMIT_SAVEPOINTS = 1024,

	/* Parameters of one statement whose values are looked at; what comes after them is judged as unknown. */
	LIMIT_BOUND_PARAMETERS = 100,

	/* Names that one script has prepared; what EXECUTE runs of later ones is not looked into. */
	LIMIT_CHECK_PREPARED = 1000,

	/* search_paths that a pipeline may set before any of it is answered; of more the newest count. */
	LIMIT_FORESEEN_PATHS = 16,

	/* -- figures and log ------------------------------------------------------------------ */

	/* Fingerprints with a row of their own per interval; the rest share the row `other`. */
	LIMIT_STATS_FINGERPRINTS = 4096,
	LIMIT_STATS_FINDINGS = 4096,

	/* Lines of the index audit, per worker and day; then it says so, and goes on the next day. 250 bytes each. */
	LIMIT_AUDIT_LINES = 4000,

	/* A log line; what would make it longer is cut and the line says so. */
	LIMIT_LOG_LINE_BYTES = 8 * 1024,

	/* Finished lines waiting in one parcel; what no longer fits is dropped and counted. */
	LIMIT_PARCEL_BYTES = 1024 * 1024,

	/* Among them, lines that are told once: as many as there are kinds of findings. More is dropped and counted. */
	LIMIT_PARCEL_FIRSTS = LIMIT_STATS_FINDINGS,

	/* What one review keeps apart, beyond any log of a real application: 2 kB a row, so 128 MB at worst. More is
	 * dropped and counted, and the review says so. */
	LIMIT_REVIEW_ROWS = 65536,
	LIMIT_REVIEW_FINDINGS = 65536,
	LIMIT_REVIEW_REASONS = 1024,

	/* How long the first clients of a database wait for its catalog where a rule may reject; then they go on
	 * unjudged by it. */
	LIMIT_FIRST_CATALOG_MS = 3000,

	/* -- settings ------------------------------------------------------------------------- */

	/* Workers: each is a thread with a cache of its own, and one that takes long parses. `workers = auto` stops
	 * here on larger machines. */
	LIMIT_WORKERS = 64,

	LIMIT_SETTING_BYTES = 1024,
	LIMIT_DATABASES = 256,
	LIMIT_RULE_SETTINGS = 512,

	/* auth_file: some 100,000 users. A longer one is refused. */
	LIMIT_AUTH_FILE_BYTES = 16 * 1024 * 1024,
};

static_assert(LIMIT_QUEUE_LOW_BYTES < LIMIT_QUEUE_HIGH_BYTES, "reading must stop before it resumes");
static_assert(LIMIT_READ_BYTES <= LIMIT_QUEUE_HIGH_BYTES, "one read must fit below the high water mark");
static_assert(LIMIT_STARTUP_PACKET_BYTES < LIMIT_READ_BYTES, "a start-up packet must fit one read");
static_assert(LIMIT_AUDIT_LINES < LIMIT_STATS_FINDINGS, "what was told in a day must be remembered for a day");
static_assert(LIMIT_QUERY_TEXT_BYTES * 2 < LIMIT_LOG_LINE_BYTES, "an escaped query must fit a line");

#endif
