#include "inspect/access/output.h"

#include "config/limits.h"

#include <string.h>

/* On the look-out for one column. */
struct seeker {
	struct typer *t;
	int16_t of;          /* the relation in FROM whose column it is */
	const char *name;    /* NULL: by its place */
	uint16_t place, at;  /* counted from 0; columns passed so far */
	bool found, lost;
	const struct term *term; /* NULL while nobody asks for it */
	bool wanted;
};

static void seek_query(struct seeker *seeker, uint16_t level);
static void seek_relation(struct seeker *seeker, int16_t at);
static void seek_operation(struct seeker *seeker, uint16_t level);
static bool takes(struct seeker *seeker, const char *name);

const struct term *output_column(struct typer *t, int16_t at, const char *name)
{
	struct seeker seeker = {.t = t, .of = at, .name = name, .wanted = true};

	seek_relation(&seeker, at);
	return seeker.found && !seeker.lost ? seeker.term : NULL;
}

bool output_unknown(const struct typing *typing, int16_t at)
{
	const struct fact_relation *relation = &typing->facts->relations[at];

	if (relation->query == 0)
		return typing->relations[at] == NULL;
	return typing->facts->levels[relation->query].arms == 0 &&
	       typing->facts->levels[relation->query].outputs == NULL;
}

/* Of a set operation the first arm names the columns. */
static uint16_t first_arm(const struct facts *facts, uint16_t level)
{
	for (uint16_t at = (uint16_t)(level + 1); at < facts->level_count && facts->levels[level].arms > 0; at++) {
		if (facts->levels[at].parent == (int16_t)level && facts->levels[at].is_arm)
			level = at;
	}
	return level;
}

static void names_of_query(struct typer *t, uint16_t level, const struct fact_relation *as,
                           void (*name)(void *context, const char *name), void *context)
{
	const struct facts *facts = t->in->facts;
	const uint16_t arm = first_arm(facts, level);
	const struct fact_level *query = &facts->levels[arm];

	t->depth++;
	for (uint16_t at = 0; at < query->output_count && t->depth < LIMIT_WALK_DEPTH; at++) {
		const struct fact_output *output = &query->outputs[at];
		if (output->name != NULL) {
			name(context, at < as->column_count ? as->columns[at] : output->name);
			continue;
		}
		for (uint16_t r = 0; r < facts->relation_count; r++) {
			if (output->relation >= 0 ? output->relation == (int16_t)r : facts->relations[r].level == arm)
				output_names(t, (int16_t)r, name, context);
		}
	}
	t->depth--;
}

void output_names(struct typer *t, int16_t at, void (*name)(void *context, const char *name), void *context)
{
	const struct fact_relation *relation = &t->in->facts->relations[at];
	const struct catalog_relation *known = t->in->relations[at];

	if (relation->query != 0)
		names_of_query(t, relation->query, relation, name, context);
	for (uint16_t i = 0; relation->query == 0 && known != NULL && i < known->column_count; i++)
		name(context, known->columns[i].name);
}

const struct term *output_only(struct typer *t, uint16_t level)
{
	const struct fact_level *query = &t->in->facts->levels[first_arm(t->in->facts, level)];
	const struct fact_output *output = query->output_count == 1 ? query->outputs : NULL;

	return output != NULL && output->name != NULL && output->clause != NULL ? typing_clause(t, output->clause) : NULL;
}

static void seek_relation(struct seeker *s, int16_t at)
{
	const struct typing *in = s->t->in;
	const struct fact_relation *relation = &in->facts->relations[at];
	const struct catalog_relation *known = in->relations[at];

	if (relation->query == 0 && known == NULL) {
		s->lost = true;
		return;
	}
	if (relation->query == 0) {
		for (uint16_t i = 0; i < known->column_count && !s->found; i++) {
			if (takes(s, known->columns[i].name) && s->wanted)
				s->term = typing_table_column(s->t, at, &known->columns[i]);
		}
		return;
	}

	/* AS alias (a, b): those names count in the place of the query's own. */
	struct seeker inner = {.t = s->t, .of = at, .name = s->name, .wanted = s->wanted};
	for (uint16_t i = 0; s->name != NULL && i < relation->column_count; i++) {
		if (strcmp(relation->columns[i], s->name) == 0) {
			inner.name = NULL;
			inner.place = i;
			break;
		}
	}
	if (s->name == NULL)
		inner.place = (uint16_t)(s->place - s->at);
	seek_query(&inner, relation->query);
	s->at = (uint16_t)(s->at + inner.at);
	s->lost |= inner.lost;
	s->found |= inner.found;
	s->term = inner.term;
}

static const struct term *sealed(struct typer *t, const struct term *term)
{
	struct term *made = arena_alloc(t->arena, sizeof(*made));

	*made = *term;
	made->sealed = true;
	return made;
}

static void seek_query(struct seeker *s, uint16_t level)
{
	const struct facts *facts = s->t->in->facts;
	const struct fact_level *query = &facts->levels[level];

	if (s->t->depth > LIMIT_WALK_DEPTH || (query->outputs == NULL && query->arms == 0)) {
		s->lost = true;
		return;
	}
	s->t->depth++;
	if (query->arms > 0)
		seek_operation(s, level);
	for (uint16_t at = 0; at < query->output_count && !s->found && !s->lost; at++) {
		const struct fact_output *output = &query->outputs[at];
		if (output->name != NULL) {
			if (!takes(s, output->name) || !s->wanted)
				continue;
			s->term = output->clause != NULL ? typing_clause(s->t, output->clause) : NULL;
			if (output->closed || s->term == NULL)
				s->term = typing_opaque_column(s->t, s->of, s->term);
			else if (query->is_barrier && s->term->kind != TERM_COLUMN)
				s->term = sealed(s->t, s->term);
			continue;
		}
		for (uint16_t r = 0; r < facts->relation_count && !s->found && !s->lost; r++) {
			if (output->relation >= 0 ? output->relation == (int16_t)r
			                          : facts->relations[r].level == level)
				seek_relation(s, (int16_t)r);
		}
		/* A column that PostgreSQL closes to conditions is so by its name. */
		if (s->found && output->closed && s->wanted)
			s->term = typing_opaque_column(s->t, s->of, s->term);
	}
	s->t->depth--;
}

/* The first arm names the columns; each has them at the same place. Arms of different types are no simple matter
 * (tlist_same_datatypes). */
static void seek_operation(struct seeker *s, uint16_t level)
{
	const struct typing *in = s->t->in;
	const struct fact_level *levels = in->facts->levels;
	struct seeker first = {.t = s->t, .of = s->of, .name = s->name, .place = (uint16_t)(s->place - s->at)};
	uint16_t arm = 0;
	uint32_t type = TYPE_NONE;

	if (in->arms != NULL && levels[level].arms > *in->arms)
		*in->arms = levels[level].arms;
	for (uint16_t at = 0; at < in->facts->level_count && !s->lost; at++) {
		if (levels[at].parent != (int16_t)level || !levels[at].is_arm)
			continue;
		if (arm == 0) {
			seek_query(&first, at);
			s->lost |= first.lost;
			s->at = (uint16_t)(s->at + first.at);
			if (!first.found || s->lost)
				return;
		}
		struct seeker each = {.t = s->t, .of = s->of, .place = (uint16_t)(first.at - 1), .wanted = true};
		seek_query(&each, at);
		if (!each.found || each.lost || (arm > 0 && each.term->type != type)) {
			s->lost = true;
			return;
		}
		type = each.term->type;
		if (arm++ == in->arm)
			s->term = each.term;
	}
	s->found = true;
	if (s->term == NULL)
		s->term = typing_opaque_column(s->t, s->of, NULL);
}

static bool takes(struct seeker *s, const char *name)
{
	const bool it_is = s->name != NULL ? strcmp(s->name, name) == 0 : s->at == s->place;

	s->at++;
	s->found |= it_is;
	return it_is;
}
