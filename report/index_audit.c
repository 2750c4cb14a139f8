#include "report/index_audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Above that share of a table for one value an index on it alone is not taken. */
static const double SHARE_PERCENT_MAX = 5;

static void add_access(struct index_audit_row *row, const struct review_access *access);
static void add_statements(struct index_audit_row *row, const struct review *review,
                           const struct review_access **accesses, uint32_t count);
static bool is_comparison(const char *operator);

/* By column, within it by what uses it, and then by statement. */
static int compare_accesses(const void *left, const void *right)
{
	const struct review_access *a = *(const struct review_access *const *)left;
	const struct review_access *b = *(const struct review_access *const *)right;
	int order = strcmp(a->database, b->database);
	if (order == 0)
		order = strcmp(a->relation, b->relation);
	if (order == 0)
		order = strcmp(a->used, "sort") == 0 ? strcmp(b->used, "sort") != 0 : -(strcmp(b->used, "sort") == 0);
	if (order == 0)
		order = strcmp(a->expression, b->expression);
	if (order == 0)
		order = strcmp(a->used, b->used);
	if (order == 0)
		order = strcmp(a->operator, b->operator);
	return order != 0 ? order : strcmp(a->fingerprint, b->fingerprint);
}

static int compare_fingerprints(const void *left, const void *right)
{
	return strcmp((*(const struct review_access *const *)left)->fingerprint,
	              (*(const struct review_access *const *)right)->fingerprint);
}

static int compare_spare(const void *left, const void *right)
{
	const struct index_audit_spare *spare = left;
	const struct review_access *access = *(const struct review_access *const *)right;
	int order = strcmp(spare->index, access->index);
	if (order == 0)
		order = strcmp(spare->relation, access->relation);
	return order != 0 ? order : strcmp(spare->database, access->database);
}

static int compare_indexes(const void *left, const void *right)
{
	const struct review_access *access = *(const struct review_access *const *)left;
	return compare_spare(&(struct index_audit_spare){access->database, access->relation, access->index}, right);
}

static int compare_rows(const void *left, const void *right)
{
	const struct index_audit_row *a = left, *b = right;
	if (a->unserved_ms != b->unserved_ms)
		return a->unserved_ms < b->unserved_ms ? 1 : -1;
	if ((a->unserved > 0) != (b->unserved > 0))
		return a->unserved > 0 ? -1 : 1;
	if (a->total_ms != b->total_ms)
		return a->total_ms < b->total_ms ? 1 : -1;
	int order = strcmp(a->relation, b->relation);
	return order != 0 ? order : strcmp(a->expression, b->expression);
}

static const struct review_access **sorted_accesses(const struct review *review,
                                                    int compare(const void *, const void *), uint32_t *count)
{
	*count = 0;
	for (const struct review_access *access = review_accesses(review); access != NULL; access = access->next)
		(*count)++;
	const struct review_access **accesses = calloc(*count + 1, sizeof(*accesses));
	CHECK(accesses != NULL);
	*count = 0;
	for (const struct review_access *access = review_accesses(review); access != NULL; access = access->next)
		accesses[(*count)++] = access;
	qsort(accesses, *count, sizeof(*accesses), compare);
	return accesses;
}

static bool is_of(const struct index_audit_row *row, const struct review_access *access)
{
	return strcmp(row->database, access->database) == 0 && strcmp(row->relation, access->relation) == 0 &&
	       strcmp(row->expression, access->expression) == 0 && row->sorts == (strcmp(access->used, "sort") == 0);
}

struct index_audit_row *index_audit_rows(const struct review *review, uint32_t *count)
{
	uint32_t access_count;
	const struct review_access **accesses = sorted_accesses(review, compare_accesses, &access_count);
	struct index_audit_row *rows = calloc(access_count + 1, sizeof(*rows));
	CHECK(rows != NULL);
	*count = 0;
	for (uint32_t first = 0, end; first < access_count; first = end) {
		struct index_audit_row *row = &rows[(*count)++];
		*row = (struct index_audit_row){
		    .database = accesses[first]->database,
		    .relation = accesses[first]->relation,
		    .expression = accesses[first]->expression,
		    .sorts = strcmp(accesses[first]->used, "sort") == 0,
		    .comparable = true,
		    .distinct = -1,
		    .share_percent = -1,
		    .rows = -1,
		};
		for (end = first; end < access_count && is_of(row, accesses[end]); end++)
			add_access(row, accesses[end]);
		add_statements(row, review, accesses + first, end - first);
	}
	free(accesses);
	qsort(rows, *count, sizeof(*rows), compare_rows);
	return rows;
}

/* A statement that both filters and joins by it has run no more often for that. Puts the accesses into another order.
 */
static void add_statements(struct index_audit_row *row, const struct review *review,
                           const struct review_access **accesses, uint32_t count)
{
	qsort(accesses, count, sizeof(*accesses), compare_fingerprints);
	for (uint32_t first = 0, end; first < count; first = end) {
		const char *fingerprint = accesses[first]->fingerprint;
		bool unserved = false;
		for (end = first; end < count && strcmp(accesses[end]->fingerprint, fingerprint) == 0; end++)
			unserved |= accesses[end]->index[0] == '\0' && !accesses[end]->few;
		row->statements++;
		row->unserved += unserved;
		const struct review_row *ran = review_row_by(review, row->database, fingerprint);
		if (ran == NULL)
			continue;
		row->calls += ran->calls;
		row->total_ms += ran->total_ms;
		row->unserved_ms += unserved ? ran->total_ms : 0;
	}
}

static void add_access(struct index_audit_row *row, const struct review_access *access)
{
	size_t len = strlen(row->used);
	char word[32], *used = row->used;
	const char *last = strrchr(used, ';') != NULL ? strrchr(used, ';') + 2 : used;
	size_t kind = strlen(access->used);
	if (strncmp(last, access->used, kind) != 0 || (last[kind] != ' ' && last[kind] != '\0')) {
		snprintf(used + len, sizeof(row->used) - len, "%s%s%s%s", len > 0 ? "; " : "", access->used,
		         access->operator[0] != '\0' ? " " : "", access->operator);
	} else if (access->operator[0] != '\0') {
		/* Ordered by operator: the one before is the same, or it is new. */
		const char *before = strrchr(last, ' ');
		snprintf(word, sizeof(word), "%s", before != NULL ? before + 1 : "");
		if (strcmp(word, access->operator) != 0)
			snprintf(used + len, sizeof(row->used) - len, "%s%s", word[0] != '\0' ? ", " : " ",
			         access->operator);
	}
	if (access->index[0] == '\0') {
		row->comparable = row->comparable && (access->few || is_comparison(access->operator));
	} else if (row->index == NULL) {
		row->index = access->index;
	} else if (row->other_index == NULL && strcmp(row->index, access->index) != 0) {
		row->other_index = access->index;
	}
	if (access->distinct >= 0)
		row->distinct = access->distinct;
	if (access->share_percent > row->share_percent)
		row->share_percent = access->share_percent;
	if (access->rows >= 0)
		row->rows = access->rows;
}

static bool is_comparison(const char *operator)
{
	static const char *const names[] = {"", "=", "<", "<=", ">", ">="};
	for (size_t at = 0; at < ARRAY_LEN(names); at++) {
		if (strcmp(operator, names[at]) == 0)
			return true;
	}
	return false;
}

struct index_audit_spare *index_audit_spares(const struct review *review, uint32_t *count)
{
	uint32_t room = 0;
	for (const struct review_indexes *at = review_indexes(review); at != NULL; at = at->next)
		room += at->count;
	struct index_audit_spare *spares = calloc(room + 1, sizeof(*spares));
	CHECK(spares != NULL);
	uint32_t access_count;
	const struct review_access **accesses = sorted_accesses(review, compare_indexes, &access_count);
	*count = 0;
	for (const struct review_indexes *at = review_indexes(review); at != NULL; at = at->next) {
		for (uint32_t i = 0; i < at->count; i++) {
			const struct index_audit_spare spare = {at->database, at->relation, at->names[i]};
			if (bsearch(&spare, accesses, access_count, sizeof(*accesses), compare_spare) == NULL)
				spares[(*count)++] = spare;
		}
	}
	free(accesses);
	return spares;
}

void index_audit_advice(const struct index_audit_row *row, char to[WORDING_BYTES])
{
	char index[2 * LIMIT_NAME_BYTES + 2];
	snprintf(index, sizeof(index), "%.63s%s%.63s", row->index != NULL ? row->index : "",
	         row->other_index != NULL ? ", " : "", row->other_index != NULL ? row->other_index : "");
	if (row->unserved == 0 && row->index == NULL)
		snprintf(to, WORDING_BYTES, "no index, and none is missed: other conditions leave few rows");
	else if (row->unserved == 0)
		snprintf(to, WORDING_BYTES, "%s", index);
	else if (row->rows >= 0 && row->rows < INDEX_AUDIT_ROWS_MIN)
		snprintf(to, WORDING_BYTES, "%s%sno index is missed: a small table", index, index[0] != '\0' ? "; else " : "");
	else if (row->index != NULL)
		snprintf(to, WORDING_BYTES, "%s; not for %u of %u kinds of statement", index, row->unserved,
		         row->statements);
	else if (row->sorts)
		snprintf(to, WORDING_BYTES, "no index has this order: one would begin with what is compared by =");
	else if (!row->comparable)
		snprintf(to, WORDING_BYTES, "no index serves this operator: see what was found");
	else if (row->share_percent > SHARE_PERCENT_MAX)
		snprintf(to, WORDING_BYTES,
		         "no index, and one on it alone is of little use: too few values; combine it, or make it "
		         "partial");
	else
		snprintf(to, WORDING_BYTES, "no index: it needs one");
}

void index_audit_object(const struct index_audit_row *row, char to[WORDING_BYTES])
{
	snprintf(to, WORDING_BYTES, "%s%s%s", row->relation, row->sorts ? ": " : ".", row->expression);
}

void index_audit_share(const struct index_audit_row *row, char to[WORDING_BYTES])
{
	to[0] = '\0';
	if (row->share_percent >= 0 && row->share_percent < 0.01)
		snprintf(to, WORDING_BYTES, "< 0.01 %%");
	else if (row->share_percent >= 0)
		snprintf(to, WORDING_BYTES, "%.*f %%", row->share_percent >= 1 ? 0 : 2, row->share_percent);
}
