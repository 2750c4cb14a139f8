#include "protocol/flight.h"

#include "config/limits.h"
#include "protocol/message.h"
#include "protocol/reply.h"

#include <string.h>

/* Parse, Bind, Describe, Execute and Sync fit. */
#define CAPACITY_MIN 8
/* An empty ring up to this capacity is kept: an idle session then costs less than 4 KiB in all. */
#define CAPACITY_KEPT 8
#define CAPACITY_MAX (2 * LIMIT_FLIGHT_REQUESTS)

static_assert((CAPACITY_MAX & (CAPACITY_MAX - 1)) == 0, "the ring's capacity is a power of two");
static_assert(LIMIT_QUEUE_HIGH_BYTES / MESSAGE_HEADER_BYTES < LIMIT_FLIGHT_REQUESTS,
              "what was read before flight_full was asked must fit");

static_assert(LIMIT_FLIGHT_DOUBTFUL < LIMIT_REJECTIONS, "a client that is no longer read decides nothing");

static inline bool push(struct flight *flight, const struct flight_entry *entry, bool keep);
static inline enum flight_reply begin(struct flight *flight, uint8_t type, uint64_t now_ns);
static inline void end(struct flight *flight, uint8_t type, struct bytes body, uint64_t bytes, uint64_t now_ns);
static struct flight *fork_course(struct flight *flight);
static bool drop(struct flight *flight, struct flight *course);
static struct flight_entry *at(const struct flight *flight, uint32_t index);
static uint32_t index_of(const struct flight *flight, const struct flight_entry *entry);
static const struct flight_entry *search(const struct flight *flight, uint32_t number, uint32_t before,
                                         enum flight_kind kind, uint64_t name);
static struct flight_entry *front(const struct flight *flight);
static bool fits(const struct flight_entry *entry, uint8_t type);
static void fail(struct flight *flight, struct flight_entry *entry, struct bytes body, uint64_t now_ns);
static void fail_extended(struct flight *flight, uint64_t now_ns);
static bool skips_any(const struct flight *flight);
static void skip_to_sync(struct flight *flight, uint64_t now_ns);
static void begin_copy_in(struct flight *flight, uint64_t now_ns);
static void finish(struct flight *flight, struct flight_entry *entry, enum flight_outcome outcome, uint64_t now_ns);
static void decide(struct flight *flight, struct flight_entry *entry, enum flight_outcome outcome, uint64_t now_ns);
static void settle(struct flight *flight, uint64_t now_ns);
static void grow(struct flight *flight);
static void remove_head(struct flight *flight, struct flight_entry *entry);

void flight_init(struct flight *flight)
{
	*flight = (struct flight){0};
}

void flight_fini(struct flight *flight)
{
	while (flight->rival)
		drop(flight, flight->rival);
	free(flight->ring);
	*flight = (struct flight){0};
}

bool flight_push(struct flight *flight, const struct flight_entry *entry)
{
	CHECK(entry->kind <= FLIGHT_COPY_END);
	CHECK(entry->outcome == FLIGHT_PENDING);
	CHECK(flight->count < CAPACITY_MAX);

	if (!flight->rival && !flight->skipping)
		return push(flight, entry, false);
	for (struct flight *course = flight; course; course = course->rival) {
		/* The first request behind Syncs that a failed COPY IN may have read, or not. */
		if (course->skipping && course->doubtful_syncs > 0 && entry->kind != FLIGHT_SYNC &&
		    entry->kind != FLIGHT_COPY_END) {
			struct flight *swallowed = fork_course(course);
			if (!swallowed)
				continue;
			course->skipping = false;
			swallowed->doubtful_syncs = 0;
			course = swallowed;
		}
	}
	bool accepted = push(flight, entry, flight->rival != NULL);
	for (struct flight *course = flight->rival; course; course = course->rival)
		(void)push(course, entry, true);
	return accepted;
}

/* `keep`: queue it even when it will be discarded, as another course has it in its queue too. */
static inline bool push(struct flight *flight, const struct flight_entry *entry, bool keep)
{
	flight->settled = false;
	bool discarded = flight->skipping && entry->kind != FLIGHT_SYNC;
	if (entry->kind == FLIGHT_SYNC)
		flight->skipping = false;
	if (flight->copy == FLIGHT_COPY_OPEN && entry->kind == FLIGHT_SYNC) {
		flight->doubtful_syncs++;
		discarded = true;
	}
	if (discarded && !keep)
		return false;

	if (flight->count == flight->capacity)
		grow(flight);
	struct flight_entry *pushed = at(flight, flight->count);
	*pushed = *entry;
	uint32_t *newest = &flight->newest[entry->kind][entry->name % FLIGHT_BUCKETS];
	pushed->older = *newest;
	*newest = flight->head + flight->count;
	flight->count++;
	if (discarded) {
		decide(flight, pushed, FLIGHT_SKIPPED, entry->sent_ns);
	} else if (flight->copy == FLIGHT_COPY_OPEN) {
		flight->copy = FLIGHT_COPY_SHUT;
		if (entry->kind == FLIGHT_COPY_END)
			decide(flight, pushed, FLIGHT_COMPLETED, entry->sent_ns);
	}
	/* Behind one that waits for its reply nothing is settled by what is sent. */
	if (flight->done + 1 == flight->count)
		settle(flight, entry->sent_ns);
	return true;
}

bool flight_full(const struct flight *flight)
{
	return flight->count >= LIMIT_FLIGHT_REQUESTS;
}

bool flight_discards(const struct flight *flight)
{
	return flight->skipping && flight->doubtful_syncs == 0 && !flight->rival;
}

bool flight_empty(const struct flight *flight)
{
	return flight->count == flight->done;
}

const struct flight_entry *flight_pending(const struct flight *flight, enum flight_kind kind, uint64_t name)
{
	return search(flight, flight->newest[kind][name % FLIGHT_BUCKETS], flight->count, kind, name);
}

const struct flight_entry *flight_pending_before(const struct flight *flight, const struct flight_entry *entry)
{
	return search(flight, entry->older, index_of(flight, entry), entry->kind, entry->name);
}

bool flight_synced_since(const struct flight *flight, const struct flight_entry *entry)
{
	uint32_t sync = flight->newest[FLIGHT_SYNC][0] - flight->head;
	return sync < flight->count && at(flight, sync)->kind == FLIGHT_SYNC && sync > index_of(flight, entry);
}

/* A long pipeline asks this for each of its Binds and Executes, so the whole queue can't be searched. What the chain
 * leads to may have left the queue, or be another's after four billion entries; each step must lead to an older
 * one. */
static const struct flight_entry *search(const struct flight *flight, uint32_t number, uint32_t before,
                                         enum flight_kind kind, uint64_t name)
{
	for (;;) {
		uint32_t index = number - flight->head;
		if (index >= before)
			return NULL;
		const struct flight_entry *entry = at(flight, index);
		if (entry->kind == kind && entry->name == name && entry->outcome == FLIGHT_PENDING)
			return entry;
		before = index;
		number = entry->older;
	}
}

enum flight_reply flight_reply_begin(struct flight *flight, uint8_t type, uint64_t now_ns)
{
	if (!flight->rival)
		return begin(flight, type, now_ns);
	if (flight->count > LIMIT_FLIGHT_DOUBTFUL)
		return FLIGHT_LOST;
	enum flight_reply fate = FLIGHT_LOST;
	for (struct flight *course = flight, *next; course; course = next) {
		next = course->rival;
		enum flight_reply own = begin(course, type, now_ns);
		if (own != FLIGHT_LOST)
			fate = own;
		else if (drop(flight, course))
			next = course;
	}
	return flight->rival && fate == FLIGHT_SWALLOW ? FLIGHT_FORWARD : fate;
}

static inline enum flight_reply begin(struct flight *flight, uint8_t type, uint64_t now_ns)
{
	flight->owned = false;
	if (type == MESSAGE_NOTICE_RESPONSE || type == MESSAGE_PARAMETER_STATUS ||
	    type == MESSAGE_NOTIFICATION_RESPONSE)
		return FLIGHT_FORWARD;

	struct flight_entry *entry = front(flight);
	/* A server that is shutting down, or that lost patience with an idle client, says so unasked. */
	if (type == MESSAGE_ERROR_RESPONSE && entry == NULL)
		return FLIGHT_FORWARD;
	if (type == MESSAGE_READY_FOR_QUERY && flight->doubtful_syncs > 0) {
		/* A COPY IN failed, and a Sync we thought discarded in it had not been reached yet. */
		bool expected =
		    entry != NULL && fits(entry, type) && (entry->kind == FLIGHT_SYNC || entry->first_ns != 0);
		if (!expected)
			return FLIGHT_FORWARD;
	}
	if (entry == NULL || !fits(entry, type))
		return FLIGHT_LOST;

	/* Only a COPY's failure leaves doubt, and the replies to what was asked later come after those Syncs' own. */
	if (type != MESSAGE_READY_FOR_QUERY && (type != MESSAGE_ERROR_RESPONSE || flight->copy == FLIGHT_COPY_NONE))
		flight->doubtful_syncs = 0;
	flight->owned = true;
	if (entry->first_ns == 0)
		entry->first_ns = now_ns;
	if (type == MESSAGE_DATA_ROW && entry->kind == FLIGHT_EXECUTE)
		entry->rows++;
	bool first_error = type == MESSAGE_ERROR_RESPONSE && entry->sqlstate[0] == '\0';
	return first_error && entry->rejected ? FLIGHT_SWALLOW : FLIGHT_FORWARD;
}

void flight_reply_more(struct flight *flight, uint8_t type, uint32_t count)
{
	for (struct flight *course = flight; course; course = course->rival) {
		struct flight_entry *entry = course->owned ? front(course) : NULL;
		if (entry && type == MESSAGE_DATA_ROW && entry->kind == FLIGHT_EXECUTE)
			entry->rows += count;
	}
}

void flight_reply_end(struct flight *flight, uint8_t type, struct bytes body, uint64_t bytes, uint64_t now_ns)
{
	if (!flight->rival) {
		end(flight, type, body, bytes, now_ns);
		flight->settled &= !flight->rival;
		return;
	}
	for (struct flight *course = flight, *next; course; course = next) {
		next = course->rival; /* one that begins with this reply has seen it */
		/* Unasked, only the end of the session is said. */
		bool unasked = type == MESSAGE_ERROR_RESPONSE && !course->owned && flight->rival;
		if (!unasked || reply_is_fatal(body))
			end(course, type, body, bytes, now_ns);
		else if (drop(flight, course))
			next = course;
	}
	if (flight->rival)
		flight->settled = false;
}

static inline void end(struct flight *flight, uint8_t type, struct bytes body, uint64_t bytes, uint64_t now_ns)
{
	struct flight_entry *entry = flight->owned ? front(flight) : NULL;
	flight->owned = false;
	if (type == MESSAGE_READY_FOR_QUERY) {
		uint8_t status = reply_decode_ready(body);
		if (status != 0)
			flight->status = status;
		if (entry == NULL && flight->doubtful_syncs > 0) {
			flight->doubtful_syncs--;
			flight->skipping = false;
			flight->settled = flight_empty(flight) && flight->doubtful_syncs == 0;
		}
	}
	if (entry == NULL)
		return;

	entry->reply_bytes += bytes;
	bool is_execute = entry->kind == FLIGHT_EXECUTE;
	struct reply_complete complete;
	switch (type) {
	case MESSAGE_PARSE_COMPLETE:
	case MESSAGE_BIND_COMPLETE:
	case MESSAGE_CLOSE_COMPLETE:
	case MESSAGE_NO_DATA:
		finish(flight, entry, FLIGHT_COMPLETED, now_ns);
		break;
	case MESSAGE_ROW_DESCRIPTION:
		if (entry->kind == FLIGHT_DESCRIBE)
			finish(flight, entry, FLIGHT_COMPLETED, now_ns);
		break;
	case MESSAGE_COMMAND_COMPLETE:
		flight->copy = FLIGHT_COPY_NONE;
		entry->commands++;
		if (is_execute)
			entry->rows = 0;
		if (reply_decode_complete(body, &complete))
			entry->rows += complete.rows;
		if (is_execute)
			finish(flight, entry, FLIGHT_COMPLETED, now_ns);
		break;
	case MESSAGE_EMPTY_QUERY_RESPONSE:
		entry->commands++;
		if (is_execute)
			finish(flight, entry, FLIGHT_COMPLETED, now_ns);
		break;
	case MESSAGE_PORTAL_SUSPENDED:
		finish(flight, entry, FLIGHT_SUSPENDED, now_ns);
		break;
	case MESSAGE_COPY_IN_RESPONSE:
		begin_copy_in(flight, now_ns);
		break;
	case MESSAGE_ERROR_RESPONSE:
		fail(flight, entry, body, now_ns);
		break;
	case MESSAGE_READY_FOR_QUERY:
		flight->copy = FLIGHT_COPY_NONE;
		finish(flight, entry, entry->sqlstate[0] != '\0' ? FLIGHT_FAILED : FLIGHT_COMPLETED, now_ns);
		flight->settled = flight_empty(flight) && flight->doubtful_syncs == 0;
		break;
	default:
		break;
	}
}

bool flight_take(struct flight *flight, struct flight_entry *entry)
{
	if (flight->done == 0 || flight->rival)
		return false;
	remove_head(flight, entry);
	return true;
}

bool flight_take_any(struct flight *flight, struct flight_entry *entry)
{
	if (flight->count == 0)
		return false;
	remove_head(flight, entry);
	return true;
}

static struct flight_entry *at(const struct flight *flight, uint32_t index)
{
	return &flight->ring[(flight->head + index) & (flight->capacity - 1)];
}

static uint32_t index_of(const struct flight *flight, const struct flight_entry *entry)
{
	return ((uint32_t)(entry - flight->ring) - flight->head) & (flight->capacity - 1);
}

/* The entry that owns the next reply. */
static struct flight_entry *front(const struct flight *flight)
{
	return flight->done < flight->count ? at(flight, flight->done) : NULL;
}

/* Whether this reply can answer this request (manual, "Message Flow"). */
static bool fits(const struct flight_entry *entry, uint8_t type)
{
	if (type == MESSAGE_ERROR_RESPONSE)
		return true;
	/* Having failed, a request that is ended by ReadyForQuery gets nothing else any more. */
	if (entry->sqlstate[0] != '\0' && type != MESSAGE_READY_FOR_QUERY)
		return false;

	enum flight_kind kind = entry->kind;
	switch (type) {
	case MESSAGE_PARSE_COMPLETE:
		return kind == FLIGHT_PARSE;
	case MESSAGE_BIND_COMPLETE:
		return kind == FLIGHT_BIND;
	case MESSAGE_CLOSE_COMPLETE:
		return kind == FLIGHT_CLOSE;
	case MESSAGE_PARAMETER_DESCRIPTION:
		return kind == FLIGHT_DESCRIBE && entry->target != 'P';
	case MESSAGE_NO_DATA:
		return kind == FLIGHT_DESCRIBE;
	case MESSAGE_ROW_DESCRIPTION:
		return kind == FLIGHT_DESCRIBE || kind == FLIGHT_QUERY;
	case MESSAGE_DATA_ROW:
	case MESSAGE_COMMAND_COMPLETE:
	case MESSAGE_EMPTY_QUERY_RESPONSE:
	case MESSAGE_COPY_IN_RESPONSE:
	case MESSAGE_COPY_OUT_RESPONSE:
	case MESSAGE_COPY_BOTH_RESPONSE:
	case MESSAGE_COPY_DATA:
	case MESSAGE_COPY_DONE:
		return kind == FLIGHT_QUERY || kind == FLIGHT_EXECUTE;
	case MESSAGE_PORTAL_SUSPENDED:
		return kind == FLIGHT_EXECUTE;
	case MESSAGE_FUNCTION_CALL_RESPONSE:
		return kind == FLIGHT_FUNCTION_CALL;
	case MESSAGE_READY_FOR_QUERY:
		return kind == FLIGHT_STARTUP || kind == FLIGHT_QUERY || kind == FLIGHT_SYNC ||
		       kind == FLIGHT_FUNCTION_CALL;
	case MESSAGE_AUTHENTICATION:
	case MESSAGE_BACKEND_KEY_DATA:
	case MESSAGE_NEGOTIATE_PROTOCOL_VERSION:
		return kind == FLIGHT_STARTUP;
	default:
		return false;
	}
}

static void fail(struct flight *flight, struct flight_entry *entry, struct bytes body, uint64_t now_ns)
{
	if (entry->sqlstate[0] == '\0' && !reply_decode_sqlstate(body, entry->sqlstate)) {
		/* An error without a readable code is an error all the same: internal_error. */
		memcpy(entry->sqlstate, "XX000", 6);
	}
	if (entry->kind == FLIGHT_STARTUP) {
		finish(flight, entry, FLIGHT_FAILED, now_ns);
		return;
	}
	/* The server closes the connection: neither ReadyForQuery nor a skip to Sync follows. */
	if (reply_is_fatal(body))
		return;

	/* Query, FunctionCall and Sync (whose commit may fail) go on to their ReadyForQuery;
	 * doing_extended_query_message in SocketBackend (tcop/postgres.c) makes the difference. */
	if (entry->kind != FLIGHT_QUERY && entry->kind != FLIGHT_FUNCTION_CALL && entry->kind != FLIGHT_SYNC)
		fail_extended(flight, now_ns);
	flight->copy = FLIGHT_COPY_NONE;
}

/* The server discards up to the next Sync. Which one that is, a COPY IN doesn't tell: where it makes a difference to
 * what has been sent already, the queue goes on with the Syncs it may have read as real ones, of which the replies say
 * how many are, and its rival with all of them as read. */
static void fail_extended(struct flight *flight, uint64_t now_ns)
{
	struct flight *swallowed = NULL;
	if (flight->copy != FLIGHT_COPY_NONE && flight->doubtful_syncs > 0 && skips_any(flight))
		swallowed = fork_course(flight);
	if (!swallowed)
		skip_to_sync(flight, now_ns);
	finish(flight, front(flight), FLIGHT_FAILED, now_ns);
	if (swallowed) {
		swallowed->copy = FLIGHT_COPY_NONE;
		swallowed->doubtful_syncs = 0;
		skip_to_sync(swallowed, now_ns);
		finish(swallowed, front(swallowed), FLIGHT_FAILED, now_ns);
	}
}

/* Does a request stand between the one that is under way and the next Sync? */
static bool skips_any(const struct flight *flight)
{
	for (uint32_t index = flight->done + 1; index < flight->count; index++) {
		const struct flight_entry *entry = at(flight, index);
		if (entry->outcome == FLIGHT_PENDING && entry->kind != FLIGHT_COPY_END)
			return entry->kind != FLIGHT_SYNC;
	}
	return false;
}

static void skip_to_sync(struct flight *flight, uint64_t now_ns)
{
	for (uint32_t index = flight->done + 1; index < flight->count; index++) {
		struct flight_entry *entry = at(flight, index);
		if (entry->outcome != FLIGHT_PENDING)
			continue;
		if (entry->kind == FLIGHT_SYNC)
			return;
		decide(flight, entry, FLIGHT_SKIPPED, now_ns);
	}
	flight->skipping = true;
}

/* CopyGetData (commands/copyfromparse.c) reads the client's messages itself and ignores Sync until CopyDone or
 * CopyFail, which clients that don't wait for CopyInResponse have sent already. Any other request ends the session, if
 * the COPY comes so far. */
static void begin_copy_in(struct flight *flight, uint64_t now_ns)
{
	flight->doubtful_syncs = 0;
	flight->copy = FLIGHT_COPY_OPEN;
	for (uint32_t index = flight->done + 1; index < flight->count; index++) {
		struct flight_entry *entry = at(flight, index);
		if (entry->outcome != FLIGHT_PENDING)
			continue;
		if (entry->kind != FLIGHT_SYNC) {
			flight->copy = FLIGHT_COPY_SHUT;
			if (entry->kind == FLIGHT_COPY_END)
				decide(flight, entry, FLIGHT_COMPLETED, now_ns);
			return;
		}
		flight->doubtful_syncs++;
		decide(flight, entry, FLIGHT_SKIPPED, now_ns);
	}
}

static void finish(struct flight *flight, struct flight_entry *entry, enum flight_outcome outcome, uint64_t now_ns)
{
	decide(flight, entry, outcome, now_ns);
	/* The server holds back the replies to Parse, Bind, Describe and Close until it is asked to flush, so that they
	 * arrive together with the Execute's. Counting them would leave no time for the Execute, which took it. */
	if (entry->kind == FLIGHT_STARTUP || entry->kind == FLIGHT_QUERY || entry->kind == FLIGHT_EXECUTE ||
	    entry->kind == FLIGHT_FUNCTION_CALL || entry->kind == FLIGHT_SYNC)
		flight->free_ns = now_ns;
	settle(flight, now_ns);
}

static void decide(struct flight *flight, struct flight_entry *entry, enum flight_outcome outcome, uint64_t now_ns)
{
	CHECK(entry->outcome == FLIGHT_PENDING && outcome != FLIGHT_PENDING);
	entry->outcome = outcome;
	entry->belated = flight->forks > 0;
	entry->done_ns = now_ns;
}

/* Moves on to the entry that owns the next reply. */
static void settle(struct flight *flight, uint64_t now_ns)
{
	struct flight_entry *entry;
	while ((entry = front(flight)) != NULL) {
		/* With no COPY under way the server drops CopyDone and CopyFail in silence, as it does after a COPY
		 * that failed. */
		if (entry->outcome == FLIGHT_PENDING && entry->kind == FLIGHT_COPY_END)
			decide(flight, entry, FLIGHT_COMPLETED, now_ns);
		if (entry->outcome == FLIGHT_PENDING)
			break;
		flight->done++;
	}
	/* The server could not begin with it earlier. */
	if (entry != NULL && entry->sent_ns < flight->free_ns)
		entry->sent_ns = flight->free_ns;
}

/* Another course, which goes its own way from here on; NULL when there are too many, and the one must do. */
static struct flight *fork_course(struct flight *flight)
{
	if (flight->forks == LIMIT_FLIGHT_FORKS)
		return NULL;
	flight->forks++;
	struct flight *rival = malloc(sizeof *rival);
	CHECK(rival != NULL);
	*rival = *flight;
	if (flight->ring) {
		rival->ring = malloc(flight->capacity * sizeof rival->ring[0]);
		CHECK(rival->ring != NULL);
		memcpy(rival->ring, flight->ring, flight->capacity * sizeof rival->ring[0]);
	}
	flight->rival = rival;
	return rival;
}

/* The server has not taken that course. True when it was the first and another stands in its place now. */
static bool drop(struct flight *flight, struct flight *course)
{
	struct flight *rival = flight->rival, *before = flight;
	bool first = course == flight;
	if (first && !rival)
		return false;
	while (!first && before->rival != course)
		before = before->rival;
	free(course->ring);
	if (first)
		*flight = *rival;
	else
		before->rival = course->rival;
	free(first ? rival : course);
	if (!flight->rival)
		flight->forks = 0;
	return first;
}

static void grow(struct flight *flight)
{
	uint32_t capacity = flight->capacity > 0 ? flight->capacity * 2 : CAPACITY_MIN;
	struct flight_entry *ring = malloc(capacity * sizeof ring[0]);
	CHECK(ring != NULL);
	for (uint32_t index = 0; index < flight->count; index++)
		ring[(flight->head + index) & (capacity - 1)] = *at(flight, index);
	free(flight->ring);
	flight->ring = ring;
	flight->capacity = capacity;
}

static void remove_head(struct flight *flight, struct flight_entry *entry)
{
	*entry = *at(flight, 0);
	if (flight->done > 0)
		flight->done--;
	flight->head++;
	flight->count--;
	if (flight->count == 0 && flight->capacity > CAPACITY_KEPT) {
		free(flight->ring);
		flight->ring = NULL;
		flight->capacity = 0;
	}
}
