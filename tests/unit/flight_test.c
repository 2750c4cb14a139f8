#include "protocol/flight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

/* An exchange is written as words, in the order in which the proxy sees them:
 *
 *   >Q       the client sends; the letter is the message's type, or
 *            U for the StartupMessage, Ds Dp Cs Cp for Describe and Close of a statement or portal,
 *            c for CopyDone or CopyFail. A '*' behind it: the request was rejected. A '-': the server will discard it.
 *   <C5      the server replies; behind the type
 *            C: the rows of its tag; D: how many of them come together; E: its SQLSTATE, with '!' when it is FATAL; Z: the status.
 *            A '~' behind all: it is swallowed. A '?': it answers nothing.
 *   =Qok3    the oldest finished entry is taken: kind, then ok, part (suspended), skip or its SQLSTATE (failed), then
 *            the rows where there are any
 *   =.       nothing is finished
 *   =|       nothing is outstanding
 *   =&       something is
 *   =_       what the server has reported of its settings is what holds; =^ may not be
 *
 * At the end nothing may be left, unless the last word is "...". */

static const struct {
	const char *word;
	enum flight_kind kind;
	uint8_t target;
} requests[] = {
    {"U", FLIGHT_STARTUP, 0},  {"Q", FLIGHT_QUERY, 0},         {"P", FLIGHT_PARSE, 0},
    {"B", FLIGHT_BIND, 0},     {"Ds", FLIGHT_DESCRIBE, 'S'},   {"Dp", FLIGHT_DESCRIBE, 'P'},
    {"Cs", FLIGHT_CLOSE, 'S'}, {"Cp", FLIGHT_CLOSE, 'P'},      {"E", FLIGHT_EXECUTE, 0},
    {"S", FLIGHT_SYNC, 0},     {"F", FLIGHT_FUNCTION_CALL, 0}, {"c", FLIGHT_COPY_END, 0},
};

struct exchange {
	struct flight flight;
	uint64_t now_ns;
	size_t pushed, taken; /* accepted and given back: their order is checked by `statement` */
	const char *script;   /* for messages */
	const char *word;
};

#define FAIL_AT(exchange, what) fail_msg("%s at '%s' in: %s", what, (exchange)->word, (exchange)->script)

static void send_request(struct exchange *exchange, const char *word, size_t len)
{
	bool rejected = len > 0 && word[len - 1] == '*';
	bool discarded = len > 0 && word[len - 1] == '-';
	len -= rejected || discarded;
	for (size_t index = 0; index < ARRAY_LEN(requests); index++) {
		if (strlen(requests[index].word) != len || memcmp(requests[index].word, word, len) != 0)
			continue;
		struct flight_entry entry = {
		    .kind = requests[index].kind,
		    .target = requests[index].target,
		    .rejected = rejected,
		    .statement = (void *)(uintptr_t)(exchange->pushed + 1),
		    .sent_ns = exchange->now_ns,
		};
		if (flight_push(&exchange->flight, &entry) == discarded)
			FAIL_AT(exchange, discarded ? "was accepted" : "was not accepted");
		exchange->pushed += !discarded;
		return;
	}
	FAIL_AT(exchange, "unknown request");
}

/* Writes the body that `argument` stands for. */
static struct bytes reply_body(uint8_t type, const char *argument, uint8_t *body)
{
	int len = 0;
	bool fatal = argument[0] != '\0' && argument[strlen(argument) - 1] == '!';
	const char *severity = fatal ? "FATAL" : "ERROR";
	if (type == 'C')
		len = snprintf((char *)body, 64, "%s", argument[0] != '\0' ? "SELECT " : "CREATE TABLE") +
		      snprintf((char *)body + (argument[0] != '\0' ? 7 : 12), 32, "%s", argument) + 1;
	else if (type == 'E')
		len = snprintf((char *)body, 64, "S%s%cV%s%cC%.5s%cMm%c", severity, 0, severity, 0, argument, 0, 0) + 1;
	else if (type == 'Z')
		len = snprintf((char *)body, 64, "%.1s", argument);
	return guard_copy(body, (size_t)len);
}

static void deliver(struct exchange *exchange, const char *word, size_t len)
{
	if (len == 0)
		FAIL_AT(exchange, "empty reply");
	enum flight_reply expected = FLIGHT_FORWARD;
	if (word[len - 1] == '~')
		expected = FLIGHT_SWALLOW;
	if (word[len - 1] == '?')
		expected = FLIGHT_LOST;
	len -= expected != FLIGHT_FORWARD;

	uint8_t type = (uint8_t)word[0];
	char argument[32] = "";
	memcpy(argument, word + 1, len - 1);
	enum flight_reply reply = flight_reply_begin(&exchange->flight, type, exchange->now_ns);
	if (reply != expected)
		FAIL_AT(exchange, reply == FLIGHT_FORWARD ? "forwarded" : reply == FLIGHT_LOST ? "lost" : "swallowed");
	if (reply == FLIGHT_LOST)
		return;
	if (type == 'D' && argument[0] != '\0')
		flight_reply_more(&exchange->flight, type, (uint32_t)strtoul(argument, NULL, 10) - 1);
	uint8_t area[64];
	struct bytes body = reply_body(type, argument, area);
	flight_reply_end(&exchange->flight, type, body, body.len + 5, exchange->now_ns + 1);
	if (type == 'Z' && exchange->flight.status != (uint8_t)argument[0])
		FAIL_AT(exchange, "wrong status");
}

static void take(struct exchange *exchange, const char *word, size_t len)
{
	if (len == 1 && (word[0] == '|' || word[0] == '&')) {
		if (flight_empty(&exchange->flight) != (word[0] == '|'))
			FAIL_AT(exchange, "wrong emptiness");
		return;
	}
	if (len == 1 && (word[0] == '_' || word[0] == '^')) {
		if (exchange->flight.settled != (word[0] == '_'))
			FAIL_AT(exchange, word[0] == '_' ? "not settled" : "settled");
		return;
	}
	struct flight_entry entry;
	bool taken = flight_take(&exchange->flight, &entry);
	if (len == 1 && word[0] == '.') {
		if (taken)
			FAIL_AT(exchange, "something was finished");
		return;
	}
	if (!taken)
		FAIL_AT(exchange, "nothing was finished");
	exchange->taken++;
	if ((uintptr_t)entry.statement != exchange->taken)
		FAIL_AT(exchange, "out of order");

	char actual[32] = "";
	for (size_t index = 0; index < ARRAY_LEN(requests); index++)
		if (requests[index].kind == entry.kind && requests[index].target == entry.target)
			snprintf(actual, sizeof actual, "%s", requests[index].word);
	const char *outcomes[] = {"pending", "ok", "part", entry.sqlstate, "skip"};
	size_t used = strlen(actual);
	snprintf(actual + used, sizeof actual - used, "%s", outcomes[entry.outcome]);
	if (entry.rows > 0) {
		used = strlen(actual);
		snprintf(actual + used, sizeof actual - used, "+%u", (unsigned)entry.rows);
	}
	if (strlen(actual) != len || memcmp(actual, word, len) != 0)
		fail_msg("took %s, not '%.*s' in: %s", actual, (int)len, word, exchange->script);
	if (entry.outcome != FLIGHT_FAILED && entry.sqlstate[0] != '\0')
		FAIL_AT(exchange, "has an SQLSTATE");
	assert_true(entry.done_ns >= entry.sent_ns);
}

static void play(const char *script)
{
	struct exchange exchange = {.script = script};
	flight_init(&exchange.flight);
	bool open_end = false;
	for (const char *word = script; *word != '\0';) {
		size_t len = strcspn(word, " ");
		exchange.word = word;
		exchange.now_ns += 10;
		if (word[0] == '>')
			send_request(&exchange, word + 1, len - 1);
		else if (word[0] == '<')
			deliver(&exchange, word + 1, len - 1);
		else if (word[0] == '=')
			take(&exchange, word + 1, len - 1);
		else if (len == 3 && memcmp(word, "...", 3) == 0)
			open_end = true;
		else
			FAIL_AT(&exchange, "unknown word");
		word += len + strspn(word + len, " ");
	}
	if (!open_end && (exchange.flight.count > 0 || !flight_empty(&exchange.flight)))
		fail_msg("entries are left after: %s", script);
	flight_fini(&exchange.flight);
}

static void play_all(const char *const *scripts, size_t count)
{
	for (size_t index = 0; index < count; index++)
		play(scripts[index]);
}

/* The start-up is one entry until the first ReadyForQuery, whatever the authentication needs. */
static void test_startup(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">U <R <S <S <K =. =& <ZI =Uok =|",
	    ">U <v <R <R <R <R <N <S <K <N <ZI =Uok",
	    /* The client may send its first query at once. */
	    ">U >Q <R <K <ZI =Uok =. <T <D <C1 <ZI =Qok+1",
	    ">U >P >B >E >S <R <K <ZI <1 <2 <C1 <ZI =Uok =Pok =Bok =Eok+1 =Sok",
	    /* Refused: wrong password, too many connections, unknown database. */
	    ">U <E28000! =U28000 =|",
	    ">U <R <R <E28P01! =U28P01 =|",
	    ">U <R <S <N <E3D000! =U3D000 =|",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* A simple Query ends at its ReadyForQuery; statements within it add up. */
static void test_simple_query(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">Q <T <D <D <C2 =. <ZI =Qok+2",
	    ">Q <C <ZI =Qok",
	    ">Q <I <ZI =Qok",
	    ">Q <T <D <C1 <C3 <C <T <C0 <ZT =Qok+4",
	    ">Q <E42601 =. =& <ZI =Q42601 =|",
	    ">Q <T <D <D <E22012 <ZE =Q22012",
	    /* The first statement's rows stay counted although the second failed. */
	    ">Q <C3 <E42P01 <ZI =Q42P01+3",
	    /* Asked all at once; answered one after the other. */
	    ">Q >Q >Q <C1 <ZI =Qok+1 =. <E42601 <ZI =Q42601 <C2 <ZI =Qok+2",
	    ">Q >Q <C1 <ZI <C2 <ZI =Qok+1 =Qok+2",
	    /* EXPLAIN, SHOW, and a statement that was replaced by rules. */
	    ">Q <T <C <ZI =Qok",
	    ">Q <ZI =Qok",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* Each extended message has its one answer, in the order asked. */
static void test_extended_query(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">P >B >Dp >E >S <1 =Pok =. <2 =Bok <T =Dpok <D <D <C2 =Eok+2 <ZI =Sok =|",
	    ">P >B >Dp >E >S <1 <2 <n <C <ZI =Pok =Bok =Dpok =Eok =Sok",
	    /* Describe of a statement: the parameters first, which do not end it. */
	    ">P >Ds >S <1 <t =Pok =. <T =Dsok <ZI =Sok",
	    ">P >Ds >S <1 <t <n <ZI =Pok =Dsok =Sok",
	    /* With Flush, which has no answer and no entry, and without Sync so far. */
	    ">P >Ds <1 <t <T =Pok =Dsok =|",
	    ">B >E >S <2 <I <ZI =Bok =Eok =Sok",
	    ">Cs >Cp >S <3 <3 <ZI =Csok =Cpok =Sok",
	    /* A row limit, and the portal continued. */
	    ">B >E >S <2 <D <D <s <ZT =Bok =Epart+2 =Sok >E >S <D <C1 <ZT =Eok+1 =Sok",
	    ">B >E >E >S <2 <D <s <C0 <ZI =Bok =Epart+1 =Eok =Sok",
	    /* DataRows and the tag are not added up. */
	    ">B >E >S <2 <D <D <D <C3 <ZI =Bok =Eok+3 =Sok",
	    ">B >E >S <2 <D3 <s <ZT =Bok =Epart+3 =Sok >E >S <D2 <E57014 <ZE =E57014+2 =Sok",
	    ">Q <T <D3 <C3 <ZI =Qok+3",
	    /* Sync alone, several Syncs. */
	    ">S <ZI =Sok",
	    ">S >S >S <ZI <ZI =Sok =Sok =. <ZI =Sok",
	    /* A batch before one Sync; batches with Syncs between. */
	    ">P >B >E >B >E >B >E >S <1 <2 <C1 <2 <C1 <2 <C1 <ZI =Pok =Bok =Eok+1 =Bok =Eok+1 =Bok =Eok+1 =Sok",
	    ">B >E >S >B >E >S <2 <C1 <ZI =Bok =Eok+1 =Sok <2 <C1 <ZI =Bok =Eok+1 =Sok",
	    /* Mixed with simple queries. */
	    ">P >S >Q >B >E >S <1 <ZI <C1 <ZI <2 <C2 <ZI =Pok =Sok =Qok+1 =Bok =Eok+2 =Sok",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* After an error the server discards all up to the next Sync, Query and FunctionCall included. */
static void test_skip_to_sync(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">P >B >Dp >E >S <E42601 =P42601 =Bskip =Dpskip =Eskip =. <ZI =Sok",
	    ">P >B >E >S <1 <E22P02 <ZE =Pok =B22P02 =Eskip =Sok",
	    ">P >B >E >S <1 <2 <D <E22012 <ZI =Pok =Bok =E22012+1 =Sok",
	    ">B >Cs >Ds >c >Q >F >S <E26000 <ZI =B26000 =Csskip =Dsskip =cskip =Qskip =Fskip =Sok",
	    /* Only to the next one: what follows it is alive. */
	    ">P >E >S >Q >P >S <E42601 <ZI <C1 <ZI <1 <ZI =P42601 =Eskip =Sok =Qok+1 =Pok =Sok",
	    ">P >E >S >P >E >S <E42601 <ZI <E42P01 <ZI =P42601 =Eskip =Sok =P42P01 =Eskip =Sok",
	    /* No Sync has been sent yet: what comes before it is not even queued. */
	    ">P <E42601 =P42601 =| >B- >E- >Q- >F- >c- >Cs- >Ds- >P- =| >S <ZI =Sok >P >S <1 <ZI =Pok =Sok",
	    ">P >B <E42601 =P42601 =Bskip >E- >S >S <ZI <ZI =Sok =Sok",
	    /* An error at the Sync itself, a deferred constraint's, skips nothing. */
	    ">B >E >S >Q <2 <C1 <E23503 =Bok =Eok+1 =. <ZI =S23503 <C1 <ZI =Qok+1",
	    ">S <E23503 =. >Q <ZI =S23503 <C1 <ZI =Qok+1",
	    /* A simple query's error skips nothing either. */
	    ">Q >P >S <E42601 <ZI <1 <ZI =Q42601 =Pok =Sok",
	    /* Describe and Close fail like the others. */
	    ">Ds >S <E26000 <ZI =Ds26000 =Sok",
	    ">Ds >B >S <t <E42P01 <ZI =Ds42P01 =Bskip =Sok",
	    ">Cs >E >S <E25P02 <ZE =Cs25P02 =Eskip =Sok",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* COPY in a simple Query, waited for or sent ahead, once and twice, ended or failed. */
static void test_copy_in_simple(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">Q <G >c <C5 <ZI =Qok+5 =cok =|",
	    ">Q <G =. >c =. <E57014 <ZI =Q57014 =cok",
	    /* The server fails at a row; the client, not knowing, ends the COPY before or after it has heard. */
	    ">Q <G >c <E22P04 <ZI =Q22P04 =cok",
	    ">Q <G <E22P04 >c <ZI =Q22P04 =cok",
	    ">Q <G <E22P04 <ZI =Q22P04 =| >c =cok =|",
	    /* Sent ahead, before CopyInResponse. */
	    ">Q >c <G <C5 <ZI =Qok+5 =cok",
	    ">Q >c >Q <G <C5 <ZI =Qok+5 =cok <C1 <ZI =Qok+1",
	    /* Sent ahead, but there is no such table. */
	    ">Q >c >Q <E42P01 <ZI =Q42P01 =cok <C1 <ZI =Qok+1",
	    /* Two COPYs in one Query, and other statements around them. */
	    ">Q <C1 <G >c <C2 <T <D <C1 <G >c <C3 <C <ZI =Qok+7 =cok =cok",
	    ">Q >c >c <G <C2 <G <C3 <ZI =Qok+5 =cok =cok",
	    ">Q >c <G <C2 <G >c <C3 <ZI =Qok+5 =cok =cok",
	    ">Q >c >c <G <E22P04 <ZI =Q22P04 =cok =cok",
	    /* With no COPY under way the server drops it in silence. */
	    ">c =cok =|",
	    ">Q >c >c >S <C1 <ZI <ZI =Qok+1 =cok =cok =Sok",
	    ">c >Q >c <C1 <ZI =cok =Qok+1 =cok",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* COPY by Execute. During COPY IN the server ignores Sync, so it has no ReadyForQuery. */
static void test_copy_in_extended(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    /* libpq's PQexecParams: the first Sync is eaten by the COPY, the one behind CopyDone is not. */
	    ">P >B >Dp >E >S <1 <2 <n <G =Pok =Bok =Dpok =. >c >S <C5 =Eok+5 =Sskip =cok <ZI =Sok",
	    ">B >E >S <2 <G >c >S <E22P04 <ZI =Bok =E22P04 =Sskip =cok =Sok",
	    ">B >E >S <2 <G <E22P04 =Bok =E22P04 =Sskip =| >c- >S <ZI =Sok",
	    /* Syncs sent while the COPY is known to be under way. */
	    ">E <G >S- >S- >c >S <C5 =Eok+5 =cok <ZI =Sok",
	    /* All of it sent ahead. */
	    ">E >S >S >c >S <G <C5 <ZI =Eok+5 =Sskip =Sskip =cok =Sok",
	    ">E >c >S >Q <G <C5 <ZI <C1 <ZI =Eok+5 =cok =Sok =Qok+1",
	    /* It fails before it begins: then the Syncs count. */
	    ">B >E >S >c >S <2 <E42501 <ZI =Bok =E42501 =Sok =cok <ZI =Sok",
	    ">B >E >S >c >S <E26000 =B26000 =Eskip <ZI =Sok =cok <ZI =Sok",
	    /* Only the first end is this COPY's: the Sync between the two is real. */
	    ">E >c >S >E >S >c >S <G <C1 <ZI <G <C2 <ZI =Eok+1 =cok =Sok =Eok+2 =Sskip =cok =Sok",
	    /* After the COPY Syncs are Syncs again. */
	    ">E <G >c <C1 >S >S <ZI <ZI =Eok+1 =cok =Sok =Sok",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* A COPY IN that failed before it came to a Sync leaves that Sync to be answered after all. */
static void test_copy_in_doubtful_sync(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">E <G >S- <E57014 =E57014 <ZI =| >Q <C1 <ZI =Qok+1",
	    ">E >S <G <E57014 =E57014 =Sskip <ZI =| >B >S <2 <ZI =Bok =Sok",
	    ">Q <G >S- <E57014 <ZI =Q57014 =| <ZI =| >Q <C1 <ZI =Qok+1",
	    /* That ReadyForQuery comes when the next query has been sent already: it is not that query's. */
	    ">Q <G >S- <E57014 >c >Q <ZI =Q57014 =cok =. <ZI =. <C1 <ZI =Qok+1",
	    ">Q <G >S- <E57014 >c >P >S <ZI <ZI =Q57014 =cok =. <1 <ZI =Pok =Sok",
	    /* Where the next Sync took its place, that one's is the one too many. */
	    ">E <G >S- <E57014 >c- >S <ZI <ZI =E57014 =Sok",
	    /* Each is answered once. */
	    ">Q <G >S- <E57014 <ZI =Q57014 <ZI <ZI? ...",
	    /* A COPY that succeeded has read them all, and any other reply is later than they. */
	    ">E <G >S- >c <C1 =Eok+1 =cok <ZI? ...",
	    ">Q <G >S- <E57014 <ZI =Q57014 >Q <C1 <ZI =Qok+1 <ZI? ...",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* What stands behind Syncs that a failed COPY IN may have read was skipped or runs; nothing is taken before it is known
 * which. */
static void test_copy_in_two_courses(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    /* No Sync would be left to answer, had the COPY read this one. */
	    ">E >S >Q <G <E57014 =. =& <ZI =E57014 =Sskip =. <C1 <ZI =Qok+1",
	    ">E <G >S- <E57014 =E57014 >Q <ZI =. <C1 <ZI =Qok+1",
	    /* It had read it; the next reply that fits but one says so. */
	    ">E >S >c >Q >S <G <E22P02 <ZI =. =^ >P >S <1 =E22P02 =Sskip =cok =Qskip =Sok <ZI =Pok =Sok",
	    /* It had not: one more than could be. */
	    ">E >S >c >B >S >B >S <G <E57014 <ZI <2 <ZI =. <2 =E57014 =Sskip =cok =Bok =Sok <ZI =Bok =Sok",
	    /* Of two it had read one. */
	    ">E >S >S >c >Q >S <G <E22P02 <ZI =. <C1 =E22P02 =Sskip =Sskip =cok <ZI <ZI =Qok+1 =Sok",
	    /* An error that would be nobody's decides as well; whether it is the rejected one's is not known at its header. */
	    ">E >S >c >Q* >S <G <E57014 <ZI <E42703 =E57014 =Sskip =cok <ZI <ZI =Q42703 =Sok",
	    /* As alike as they are, one reply too many decides for the one, what is asked otherwise for the other. */
	    ">E >S >c >B >S >B >S <G <E22P02 <ZI <2 <ZI =. >B >S <2 <ZI =. >Q <C0 =E22P02 =Sskip =cok =Bskip =Sok =Bok "
	    "=Sok =Bok =Sok <ZI =Qok",
	    /* Rows that come as one reply count on both. */
	    ">E >S >c >E >S >E >S <G <E22P02 <ZI <D3 <s <ZI =. >P >S <1 =E22P02 =Sskip =cok =Eskip =Sok =Epart+3 =Sok <ZI =Pok =Sok",
	    /* A session that ends in between is at its end either way. */
	    ">E >S >c >Q >S <G <E22P02 <ZI <E57P01! =. ...",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* COPY OUT and CopyBoth: data in any number, an end or an error. */
static void test_copy_out_and_both(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">Q <H <d <d <c <C2 <ZI =Qok+2",
	    ">Q <H <d <E57014 <ZI =Q57014",
	    ">Q <H <c <C0 <T <D <C1 <H <d <c <C1 <ZI =Qok+2",
	    ">P >B >E >S <1 <2 <H <d <c <C1 <ZI =Pok =Bok =Eok+1 =Sok",
	    ">E >B >S <H <d <E22021 <ZI =E22021 =Bskip =Sok",
	    ">Q <W <d <d >c <d <c <C <C <ZI =Qok =cok",
	    ">Q <W <d <c >c <C <ZI =Qok =cok",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* FunctionCall is answered by its response or an error, and ReadyForQuery. */
static void test_function_call(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">F <V =. <ZI =Fok",
	    ">F >F <E42883 <ZI <V <ZI =F42883 =Fok",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* Notices, parameters and notifications come at any boundary and answer nothing. */
static void test_asynchronous(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    "<N <S <A =|",
	    ">Q <N <T <N <D <A <D <S <C2 <A <N <ZI =Qok+2 <A <S",
	    ">P >B >E >S <N <1 <S <2 <N <C1 <A <ZI <N =Pok =Bok =Eok+1 =Sok",
	    ">Q <H <d <N <d <S <c <C2 <ZI =Qok+2",
	    ">Q <G <N >c <A <C1 <ZI =Qok+1 =cok",
	    ">P <E42601 <N >B- >S <S <ZI =P42601 =Sok",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* A FATAL error while idle is forwarded; during a request the entries stay, with its SQLSTATE, for flight_take_any. */
static void test_fatal(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    "<E57P01! =|",
	    ">Q <C1 <ZI =Qok+1 <E57P05! =|",
	    ">Q <T <D <E57P01! =. =& ...",
	    ">P >B >E >S <1 <E57P01! =Pok =. =& ...",
	    /* A message that has no place in COPY IN: its ERROR, then FATAL since the stream is out of step. */
	    ">Q <G >Q <E08P01 <E08P01! =. ...",
	    ">E <G >P <E08P01 =E08P01 =Pskip <E08P01! =|",
	};
	play_all(scripts, ARRAY_LEN(scripts));

	struct flight flight;
	struct flight_entry entry;
	flight_init(&flight);
	for (enum flight_kind kind = FLIGHT_BIND; kind <= FLIGHT_SYNC; kind++) {
		entry = (struct flight_entry){.kind = kind, .sent_ns = 1};
		assert_true(flight_push(&flight, &entry));
	}
	assert_int_equal(flight_reply_begin(&flight, 'E', 2), FLIGHT_FORWARD);
	flight_reply_end(&flight, 'E', LITERAL("SFATAL\0VFATAL\0C57P01\0\0"), 28, 3);
	assert_false(flight_take(&flight, &entry));
	for (enum flight_kind kind = FLIGHT_BIND; kind <= FLIGHT_SYNC; kind++) {
		assert_true(flight_take_any(&flight, &entry));
		assert_int_equal(entry.kind, kind);
		assert_int_equal(entry.outcome, FLIGHT_PENDING);
		assert_string_equal(entry.sqlstate, kind == FLIGHT_BIND ? "57P01" : "");
	}
	assert_false(flight_take_any(&flight, &entry));
	flight_fini(&flight);
}

/* The error to a rejected request is swallowed, once; ReadyForQuery and all other errors pass. */
static void test_rejected(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    ">Q* <E42601~ <ZI =Q42601",
	    ">Q* >Q <N <E42601~ <ZE <E25P02 <ZE =Q42601 =Q25P02",
	    ">Q* <E42601~ <E57P01! ...",
	    ">P* >B >E >S <E42601~ <ZI =P42601 =Bskip =Eskip =Sok",
	    ">P >B* >E >S <1 <E26000~ <ZI =Pok =B26000 =Eskip =Sok",
	    ">P* <E42601~ >B- >S <ZI =P42601 =Sok",
	    /* Skipped because of an earlier error: there is nothing of it to swallow. */
	    ">P >P* >S <E42601 <ZI =P42601 =Pskip =Sok",
	    /* The one in front of it failed, that error is not ours. */
	    ">Q >Q* <E42601 <ZI <E42601~ <ZI =Q42601 =Q42601",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

/* A reply that fits nothing asked for is lost, whatever the state: no request takes another's reply. */
static void test_lost(void **state)
{
	(void)state;
	static const char *const types = "123CDdcGHIKnRsTtvVWZ";
	static const struct {
		const char *before;
		const char *fitting; /* besides E, N, S and A */
	} cases[] = {
	    {"", ""},
	    {">U", "RKvZ"},
	    {">Q", "TDCIGHWdcZ"},
	    {">Q <C1", "TDCIGHWdcZ"},
	    {">Q <E42601", "Z"},
	    {">P", "1"},
	    {">B", "2"},
	    {">Ds", "tTn"},
	    {">Dp", "Tn"},
	    {">Cs", "3"},
	    {">E", "DCIGHWdcs"},
	    {">S", "Z"},
	    {">F", "VZ"},
	    {">F <E42883", "Z"},
	    {">P <E42601", ""},
	    {">P >B <E42601 >S", "Z"},
	    {">c", ""},
	    {">Q <C1 <ZI", ""},
	};
	for (size_t index = 0; index < ARRAY_LEN(cases); index++) {
		for (const char *type = types; *type != '\0'; type++) {
			char script[64];
			bool fits = strchr(cases[index].fitting, *type) != NULL;
			snprintf(script, sizeof script, "%s%s<%c%s%s ...", cases[index].before,
			         cases[index].before[0] != '\0' ? " " : "", *type, fits && *type == 'Z' ? "I" : "",
			         fits ? "" : "?");
			play(script);
		}
		/* Bytes that are no message type at all. */
		for (const char *type = "xq!0"; *type != '\0'; type++) {
			char script[64];
			snprintf(script, sizeof script, "%s%s<%c? ...", cases[index].before,
			         cases[index].before[0] != '\0' ? " " : "", *type);
			play(script);
		}
	}
}
/* Settings are known between the last ReadyForQuery and the next request; a message that is discarded is one too, since
 * nobody knows yet that it will be. */
static void test_settled(void **state)
{
	(void)state;
	static const char *const scripts[] = {
	    "=^ >U <R <S <K =^ <ZI =_ =Uok",
	    ">Q =^ <C1 =^ <S <ZI =_ =Qok+1 <S =_",
	    ">Q >Q <C1 <ZI =^ =Qok+1 <C1 <ZT =_ =Qok+1",
	    /* Answered, but not yet reported. */
	    ">P >B >E <1 <2 <C0 =Pok =Bok =Eok =| =^ >S =^ <ZI =_ =Sok",
	    ">P >S >P <1 <ZI =Pok =Sok =^ <1 =Pok =^ ...",
	    ">P <E42601 =P42601 =^ >B- =^ >S <ZI =_ =Sok",
	    ">F <V <ZI =_ =Fok",
	    /* The Sync that was taken as discarded may be answered yet. */
	    ">Q <G >S- <E57014 <ZI =Q57014 =^ <ZI =_",
	    ">E <G >S- >c >S <C1 <ZI =Eok+1 =cok =Sok =_",
	};
	play_all(scripts, ARRAY_LEN(scripts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_startup),
	    cmocka_unit_test(test_simple_query),
	    cmocka_unit_test(test_extended_query),
	    cmocka_unit_test(test_skip_to_sync),
	    cmocka_unit_test(test_copy_in_simple),
	    cmocka_unit_test(test_copy_in_extended),
	    cmocka_unit_test(test_copy_in_doubtful_sync),
	    cmocka_unit_test(test_copy_in_two_courses),
	    cmocka_unit_test(test_copy_out_and_both),
	    cmocka_unit_test(test_function_call),
	    cmocka_unit_test(test_asynchronous),
	    cmocka_unit_test(test_fatal),
	    cmocka_unit_test(test_rejected),
	    cmocka_unit_test(test_lost),
	    cmocka_unit_test(test_settled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
