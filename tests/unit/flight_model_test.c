#include "protocol/flight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guard.h"

/* A random client, a server that follows the protocol's rules, and the queue between them. Client, server and network
 * take turns at random, so that pipelines grow deep and replies come late. The server notes for each request what
 * became of it; the queue has to say the same, from the replies alone. */

enum {
	RUNS = 8000,
	REQUESTS_MAX = 200,
	MESSAGES_MAX = 8192,
	PARTS_MAX = 3,
};

/* What one statement does when it is run. */
enum part { PART_ROWS, PART_COMMAND, PART_EMPTY, PART_ERROR, PART_SUSPEND, PART_COPY_OUT, PART_COPY_IN, PART_COPY_STUBBORN };

struct request {
	enum flight_kind kind;
	uint8_t target;
	uint64_t name;
	bool rejected;
	bool fails; /* other than Query and Execute, whose parts say so */
	enum part parts[PARTS_MAX];
	uint32_t part_count;

	/* What the server did with it. */
	struct flight_entry truth;
	/* What the queue said, often before the server came to it: what it will skip is known from the error. */
	bool accepted, taken;
	struct flight_entry said;
};

/* From the client: 'd', or a request's number with type 0. */
struct message {
	char type;
	uint32_t request;
	bool bad;   /* 'd': the server fails on it; FLIGHT_COPY_END: it is CopyFail */
	bool pause; /* send only when all has been answered */
	bool wait;  /* send only when all has been answered, and only if a COPY IN is then under way */
};

struct reply {
	uint8_t type;
	uint8_t body[64];
	size_t body_bytes;
	bool swallow;
};

#define NOBODY UINT32_MAX

struct model {
	uint64_t seed;
	uint64_t now_ns;
	struct flight flight;
	struct request requests[REQUESTS_MAX];
	uint32_t request_count, next_taken;

	struct message script[MESSAGES_MAX]; /* what the client has decided to send */
	size_t script_len, sent;
	size_t read; /* how far the server has read: the messages between are under way */

	struct reply replies[MESSAGES_MAX];
	size_t reply_count, delivered;
	bool begun; /* the next reply's header has been seen */

	/* The server. */
	bool skipping;
	bool working; /* in an implicit transaction, so that Sync may fail */
	uint32_t copying; /* the request in COPY IN */
	uint32_t part;    /* of it */

	/* The client sends Syncs amid COPY data, some COPYs fail before they read anything, and more requests follow at
	 * once. Which Syncs a COPY that failed has read is then known from later replies alone. */
	bool careless;

	uint64_t skipped, copies, failures, doubts, undecided; /* over all runs: that the cases do occur */
};

static uint32_t roll(struct model *model, uint32_t sides)
{
	return (uint32_t)(guard_random(&model->seed) % sides);
}

/* -- the server ------------------------------------------------------------------------------------------- */

static void emit(struct model *model, uint8_t type, uint32_t owner, const void *body, size_t body_bytes)
{
	assert_true(model->reply_count < MESSAGES_MAX);
	struct reply *reply = &model->replies[model->reply_count++];
	*reply = (struct reply){.type = type, .body_bytes = body_bytes};
	memcpy(reply->body, body, body_bytes);
	if (owner != NOBODY)
		model->requests[owner].truth.reply_bytes += 5 + body_bytes;
	/* Something unasked may come behind any message. */
	if (roll(model, 12) == 0)
		emit(model, (uint8_t) "NSA"[roll(model, 3)], NOBODY, "x", 1);
}

static void emit_error(struct model *model, uint32_t owner)
{
	struct request *request = &model->requests[owner];
	char sqlstate[6] = "";
	snprintf(sqlstate, sizeof sqlstate, "22%03u", roll(model, 1000));
	uint8_t body[64];
	int len = snprintf((char *)body, sizeof body, "SERROR%cVERROR%cC%s%cMm%c", 0, 0, sqlstate, 0, 0) + 1;
	emit(model, 'E', owner, body, (size_t)len);
	/* Found again from the end: unasked messages may follow it. */
	for (size_t index = model->reply_count; index-- > 0;) {
		if (model->replies[index].type == 'E') {
			model->replies[index].swallow = request->rejected;
			break;
		}
	}
	memcpy(request->truth.sqlstate, sqlstate, sizeof sqlstate);
	model->failures++;
}

static void emit_ready(struct model *model, uint32_t owner)
{
	struct flight_entry *truth = &model->requests[owner].truth;
	emit(model, 'Z', owner, &"ITE"[roll(model, 3)], 1);
	truth->outcome = truth->sqlstate[0] != '\0' ? FLIGHT_FAILED : FLIGHT_COMPLETED;
}

static void emit_complete(struct model *model, uint32_t owner, const char *words, uint32_t rows)
{
	char tag[32];
	int len = snprintf(tag, sizeof tag, "%s %u", words, rows) + 1;
	struct flight_entry *truth = &model->requests[owner].truth;
	truth->rows = model->requests[owner].kind == FLIGHT_EXECUTE ? rows : truth->rows + rows;
	truth->commands++;
	emit(model, 'C', owner, tag, (size_t)len);
}

static void emit_rows(struct model *model, uint32_t owner, uint8_t type, uint32_t rows)
{
	for (uint32_t row = 0; row < rows; row++)
		emit(model, type, owner, "row", 3);
}

/* An error in the extended protocol: everything to the next Sync is discarded. */
static void fail_extended(struct model *model, uint32_t number)
{
	emit_error(model, number);
	model->requests[number].truth.outcome = FLIGHT_FAILED;
	model->skipping = true;
	model->working = false;
}

/* Runs a Query's or Execute's parts from model->part on, until the end, an error, or a COPY IN, which goes on when
 * the client's data has ended. */
static void run_parts(struct model *model, uint32_t number)
{
	struct request *request = &model->requests[number];
	bool simple = request->kind == FLIGHT_QUERY;
	struct flight_entry *truth = &request->truth;
	for (; model->part < request->part_count; model->part++) {
		uint32_t rows = roll(model, 4);
		switch (request->parts[model->part]) {
		case PART_ROWS:
			if (simple)
				emit(model, 'T', number, "columns", 7);
			emit_rows(model, number, 'D', rows);
			emit_complete(model, number, "SELECT", rows);
			break;
		case PART_COMMAND:
			emit_complete(model, number, "INSERT 0", rows);
			break;
		case PART_EMPTY:
			truth->commands++;
			emit(model, 'I', number, "", 0);
			break;
		case PART_SUSPEND:
			emit_rows(model, number, 'D', rows);
			emit(model, 's', number, "", 0);
			truth->rows = rows;
			truth->outcome = FLIGHT_SUSPENDED;
			return;
		case PART_COPY_OUT:
			emit(model, 'H', number, "\0\0\1\0\0", 5);
			emit_rows(model, number, 'd', rows);
			emit(model, 'c', number, "", 0);
			emit_complete(model, number, "COPY", rows);
			break;
		case PART_COPY_IN:
			emit(model, 'G', number, "\0\0\1\0\0", 5);
			model->copying = number;
			model->copies++;
			return;
		case PART_COPY_STUBBORN:
			emit(model, 'G', number, "\0\0\1\0\0", 5);
			model->copies++;
			/* fallthrough */
		case PART_ERROR:
			if (!request->rejected && request->parts[model->part] == PART_ERROR) {
				emit_rows(model, number, 'D', rows);
				if (!simple)
					truth->rows = rows;
			}
			if (!simple) {
				fail_extended(model, number);
				return;
			}
			emit_error(model, number);
			emit_ready(model, number);
			return;
		}
	}
	if (simple)
		emit_ready(model, number);
	else
		truth->outcome = FLIGHT_COMPLETED;
}

static void read_in_copy(struct model *model, const struct message *message)
{
	uint32_t owner = model->copying;
	bool is_data = message->type == 'd';
	struct request *request = is_data ? NULL : &model->requests[message->request];
	if (request != NULL && request->kind == FLIGHT_SYNC) {
		request->truth.outcome = FLIGHT_SKIPPED;
		model->skipped++;
		return;
	}
	if (request != NULL)
		assert_int_equal(request->kind, FLIGHT_COPY_END);
	if (is_data && !message->bad)
		return;
	model->copying = NOBODY;
	if (!message->bad) {
		emit_complete(model, owner, "COPY", roll(model, 100));
		model->part++;
		run_parts(model, owner);
	} else if (model->requests[owner].kind == FLIGHT_QUERY) {
		emit_error(model, owner);
		emit_ready(model, owner);
	} else {
		fail_extended(model, owner);
	}
}

static void read_message(struct model *model)
{
	const struct message *message = &model->script[model->read++];
	if (model->copying != NOBODY) {
		read_in_copy(model, message);
		return;
	}
	if (message->type == 'd')
		return;
	uint32_t number = message->request;
	struct request *request = &model->requests[number];
	if (model->skipping && request->kind != FLIGHT_SYNC) {
		request->truth.outcome = FLIGHT_SKIPPED;
		model->skipped++;
		return;
	}
	switch (request->kind) {
	case FLIGHT_QUERY:
	case FLIGHT_EXECUTE:
		model->working = request->kind == FLIGHT_EXECUTE;
		model->part = 0;
		run_parts(model, number);
		return;
	case FLIGHT_SYNC:
		if (request->fails && model->working)
			emit_error(model, number);
		model->skipping = model->working = false;
		emit_ready(model, number);
		return;
	case FLIGHT_FUNCTION_CALL:
		model->working = false;
		if (request->fails)
			emit_error(model, number);
		else
			emit(model, 'V', number, "result", 6);
		emit_ready(model, number);
		return;
	case FLIGHT_COPY_END:
		request->truth.outcome = FLIGHT_COMPLETED;
		return;
	default:
		break;
	}
	model->working = true;
	if (request->kind == FLIGHT_DESCRIBE && request->target == 'S' && (!request->fails || roll(model, 2) == 0))
		emit(model, 't', number, "types", 5);
	if (request->fails) {
		fail_extended(model, number);
		return;
	}
	request->truth.outcome = FLIGHT_COMPLETED;
	if (request->kind == FLIGHT_DESCRIBE)
		emit(model, (uint8_t) "Tn"[roll(model, 2)], number, "columns", 7);
	else
		emit(model,
		     request->kind == FLIGHT_PARSE  ? '1'
		     : request->kind == FLIGHT_BIND ? '2'
		                                    : '3',
		     number, "", 0);
}

/* -- the client ------------------------------------------------------------------------------------------- */

static struct message *plan(struct model *model, struct message message)
{
	assert_true(model->script_len < MESSAGES_MAX);
	model->script[model->script_len] = message;
	return &model->script[model->script_len++];
}

static struct request *plan_request(struct model *model, enum flight_kind kind)
{
	uint32_t number = model->request_count++;
	assert_true(number < REQUESTS_MAX);
	model->requests[number] = (struct request){.kind = kind, .name = roll(model, 12)};
	plan(model, (struct message){.request = number});
	return &model->requests[number];
}

/* One COPY's Syncs, data and end. Unless the client is careless, Syncs come before the data: what stands there is sure
 * to be read by the COPY whether it fails or not. */
static void plan_copy(struct model *model, bool wait)
{
	size_t first = model->script_len;
	while (roll(model, 4) == 0)
		plan_request(model, FLIGHT_SYNC);
	while (roll(model, 3) > 0) {
		plan(model, (struct message){.type = 'd', .bad = roll(model, 6) == 0});
		if (model->careless && roll(model, 2) == 0)
			plan_request(model, FLIGHT_SYNC);
	}
	plan_request(model, FLIGHT_COPY_END);
	model->script[model->script_len - 1].bad = roll(model, 6) == 0;
	model->script[first].wait = wait;
}

static void plan_parts(struct model *model, struct request *request)
{
	bool simple = request->kind == FLIGHT_QUERY;
	request->part_count = simple ? 1 + roll(model, PARTS_MAX) : 1;
	for (uint32_t index = 0; index < request->part_count; index++) {
		enum part part = (enum part)roll(model, PART_COPY_IN + 1 + model->careless);
		request->parts[index] = simple && part == PART_SUSPEND ? PART_ROWS : part;
	}
	if (simple && roll(model, 6) == 0) {
		request->rejected = true;
		request->parts[0] = PART_ERROR;
	}
	bool wait = roll(model, 2) == 0;
	for (uint32_t index = 0; index < request->part_count; index++)
		if (request->parts[index] == PART_COPY_IN || (request->parts[index] == PART_COPY_STUBBORN && roll(model, 2) == 0))
			plan_copy(model, wait);
}

static void plan_next(struct model *model)
{
	static const enum flight_kind kinds[] = {
	    FLIGHT_QUERY,   FLIGHT_PARSE,   FLIGHT_BIND, FLIGHT_BIND, FLIGHT_DESCRIBE,      FLIGHT_CLOSE,
	    FLIGHT_EXECUTE, FLIGHT_EXECUTE, FLIGHT_SYNC, FLIGHT_SYNC, FLIGHT_FUNCTION_CALL, FLIGHT_COPY_END,
	};
	struct request *request = plan_request(model, kinds[roll(model, ARRAY_LEN(kinds))]);
	if (request->kind == FLIGHT_QUERY || request->kind == FLIGHT_EXECUTE) {
		plan_parts(model, request);
		return;
	}
	request->fails = roll(model, 8) == 0;
	request->rejected =
	    request->fails && (request->kind == FLIGHT_PARSE || request->kind == FLIGHT_BIND) && roll(model, 2) == 0;
	if (request->kind == FLIGHT_DESCRIBE || request->kind == FLIGHT_CLOSE)
		request->target = (uint8_t) "SP"[roll(model, 2)];
}

static bool quiet(const struct model *model)
{
	return model->read == model->sent && model->delivered == model->reply_count;
}

/* Sends the next planned message; false when it has to wait for the server. */
static bool send_message(struct model *model)
{
	struct message *message = &model->script[model->sent];
	if (message->pause && !quiet(model))
		return false;
	if (message->wait) {
		if (!quiet(model))
			return false;
		/* No COPY IN came of it: its part is withdrawn, up to its end. */
		while (model->copying == NOBODY && model->sent < model->script_len) {
			struct message *dropped = &model->script[model->sent];
			bool end = dropped->type == 0 && model->requests[dropped->request].kind == FLIGHT_COPY_END;
			*dropped = (struct message){.type = 'd'};
			model->sent++;
			model->read++;
			if (end)
				return true;
		}
		message->wait = false;
	}
	model->sent++;
	if (message->type == 'd')
		return true;
	struct request *request = &model->requests[message->request];
	struct flight_entry entry = {
	    .kind = request->kind,
	    .target = request->target,
	    .name = request->name,
	    .rejected = request->rejected,
	    .statement = request,
	    .sent_ns = ++model->now_ns,
	};
	request->accepted = flight_push(&model->flight, &entry);
	return true;
}

/* The chains lead to what a search of the whole queue finds. */
static void assert_pending(struct model *model)
{
	const struct flight *flight = &model->flight;
	enum flight_kind kind = (enum flight_kind)roll(model, FLIGHT_COPY_END + 1);
	uint64_t name = roll(model, 12);
	const struct flight_entry *newest = NULL;
	for (uint32_t index = flight->done; index < flight->count; index++) {
		const struct flight_entry *entry = &flight->ring[(flight->head + index) & (flight->capacity - 1)];
		if (entry->kind == kind && entry->name == name && entry->outcome == FLIGHT_PENDING)
			newest = entry;
	}
	assert_ptr_equal(flight_pending(flight, kind, name), newest);
}

/* -- the network and the queue ------------------------------------------------------------------------------ */

static void take_finished(struct model *model)
{
	struct flight_entry entry;
	while (flight_take(&model->flight, &entry)) {
		struct request *request = entry.statement;
		while (!model->requests[model->next_taken].accepted)
			model->next_taken++;
		assert_ptr_equal(request, &model->requests[model->next_taken]);
		model->next_taken++;
		request->taken = true;
		request->said = entry;
	}
}

static void deliver_half(struct model *model)
{
	struct reply *reply = &model->replies[model->delivered];
	model->now_ns++;
	if (!model->begun) {
		enum flight_reply said = flight_reply_begin(&model->flight, reply->type, model->now_ns);
		model->doubts += model->flight.rival != NULL;
		assert_int_equal(said, reply->swallow && !model->flight.rival ? FLIGHT_SWALLOW : FLIGHT_FORWARD);
		model->begun = true;
		return;
	}
	struct bytes body = guard_copy(reply->body, reply->body_bytes);
	flight_reply_end(&model->flight, reply->type, body, 5 + body.len, model->now_ns);
	if (reply->type == 'Z')
		assert_int_equal(model->flight.status, reply->body[0]);
	model->begun = false;
	model->delivered++;
	take_finished(model);
}

/* After a conversation: what the queue said of a request is what the server did. */
static void assert_truth(const struct request *request)
{
	const struct flight_entry *said = &request->said, *truth = &request->truth;
	assert_int_equal(request->taken, request->accepted);
	if (!request->accepted) {
		/* PENDING: it was withdrawn without being sent. */
		if (request->kind != FLIGHT_COPY_END)
			assert_true(truth->outcome == FLIGHT_SKIPPED || truth->outcome == FLIGHT_PENDING);
		assert_int_equal(truth->reply_bytes, 0);
		return;
	}
	assert_int_equal(said->kind, request->kind);
	/* Whether a CopyDone was read by a COPY, skipped or dropped leaves no trace in the replies. */
	if (said->kind == FLIGHT_COPY_END)
		assert_int_not_equal(said->outcome, FLIGHT_PENDING);
	else
		assert_int_equal(said->outcome, truth->outcome);
	assert_string_equal(said->sqlstate, truth->sqlstate);
	assert_true(said->rows == truth->rows);
	assert_true(said->reply_bytes == truth->reply_bytes);
	assert_int_equal(said->commands, truth->commands);
	assert_true(said->sent_ns <= said->done_ns);
}

/* What tells two courses apart, if anything does: requests that are each answered before the next. */
static void plan_end(struct model *model)
{
	static const enum flight_kind kinds[] = {FLIGHT_SYNC, FLIGHT_FUNCTION_CALL, FLIGHT_QUERY, FLIGHT_CLOSE, FLIGHT_SYNC};
	for (size_t index = 0; index < ARRAY_LEN(kinds); index++) {
		plan(model, (struct message){.type = 'd', .pause = true});
		struct request *request = plan_request(model, kinds[index]);
		if (request->kind == FLIGHT_QUERY)
			request->parts[request->part_count++] = PART_EMPTY;
	}
}

static void run(struct model *model)
{
	flight_init(&model->flight);
	/* Entries are numbered modulo 2^32; the numbers wrap within the first hundred requests. */
	model->flight.head = UINT32_MAX - roll(model, 100);
	model->request_count = model->next_taken = 0;
	model->script_len = model->sent = model->read = 0;
	model->reply_count = model->delivered = 0;
	model->begun = model->skipping = model->working = false;
	model->copying = NOBODY;

	uint32_t requests = 1 + roll(model, REQUESTS_MAX - 60);
	/* Who is fast and who is slow differs from run to run. */
	uint32_t client = 1 + roll(model, 8), server = 1 + roll(model, 8), network = 1 + roll(model, 8);
	bool ended = false;
	for (;;) {
		if (model->sent == model->script_len && !ended) {
			ended = model->request_count >= requests;
			if (ended)
				plan_end(model);
			else
				plan_next(model);
		}
		assert_pending(model);
		bool can_send = model->sent < model->script_len;
		bool can_read = model->read < model->sent;
		bool can_deliver = model->delivered < model->reply_count;
		if (!can_send && !can_read && !can_deliver)
			break;
		uint32_t turn = roll(model, client + server + network);
		if (turn < client && can_send)
			(void)send_message(model);
		else if (turn < client + server && can_read)
			read_message(model);
		else if (can_deliver)
			deliver_half(model);
	}
	if (model->flight.rival) {
		model->undecided++;
		const struct flight *course = &model->flight;
		while (course && !flight_empty(course))
			course = course->rival;
		assert_non_null(course);
		flight_fini(&model->flight);
		return;
	}
	take_finished(model);
	assert_true(flight_empty(&model->flight));
	assert_int_equal(model->flight.count, 0);
	assert_false(model->flight.skipping);
	assert_int_equal(model->flight.copy, FLIGHT_COPY_NONE);
	for (uint32_t number = 0; number < model->request_count; number++)
		if (!model->careless || model->requests[number].kind != FLIGHT_SYNC)
			assert_truth(&model->requests[number]);
	flight_fini(&model->flight);
}

/* In each of many random conversations the queue gives every reply to the request the server meant, and ends empty. */
static void test_random_conversations(void **state)
{
	(void)state;
	static struct model model;
	model.seed = 0x666c69676874;
	for (int round = 0; round < RUNS; round++)
		run(&model);
	/* The cases that matter did occur, often. */
	assert_true(model.skipped > 10000);
	assert_true(model.copies > 10000);
	assert_true(model.failures > 10000);
}

/* With Syncs amid COPY data, of which a COPY that fails has read no one knows how many, and requests behind them that
 * were skipped or ran: what was in doubt is what the server did when it is decided. */
static void test_careless_conversations(void **state)
{
	(void)state;
	static struct model model;
	model.seed = 0x73796e63;
	model.careless = true;
	for (int round = 0; round < RUNS; round++)
		run(&model);
	assert_true(model.copies > 10000);
	assert_true(model.doubts > 1000);
	/* Where all that follows looks alike nothing tells. */
	assert_true(model.undecided < 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_conversations),
	    cmocka_unit_test(test_careless_conversations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
