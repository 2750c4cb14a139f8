#include "inspect/served.h"

#include "inspect/indexes.h"

static const char *reason_of(enum indexes_answer answer);

uint16_t served_of(const struct rule_input *input, struct served *list, uint16_t max)
{
	const struct facts *facts = input->facts;
	uint16_t count = 0;
	for (uint16_t i = 0; i < facts->predicate_count && count < max; i++) {
		const struct fact_predicate *predicate = &facts->predicates[i];
		const struct catalog_relation *relation = rules_relation(input, predicate->relation);
		if (!relation)
			continue;
		struct indexes_match match = indexes_for(relation, facts, predicate, &predicate->shape);
		list[count++] = (struct served){
		    .relation = relation,
		    .predicate = predicate,
		    .served = match.answer == INDEXES_SERVED,
		    .index = match.index ? match.index->name : NULL,
		    .reason = reason_of(match.answer),
		};
	}
	return count;
}

static const char *reason_of(enum indexes_answer answer)
{
	switch (answer) {
	case INDEXES_SERVED:
		return NULL;
	case INDEXES_NO_TRIGRAM:
		return "the pattern yields no trigram";
	case INDEXES_OTHER_EXPRESSION:
		return "the index is on another expression";
	case INDEXES_NOT_SERVED:
		return "no index serves it";
	}
	return NULL;
}
