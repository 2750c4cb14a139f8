/* What a statement does to tables, collected: each relation once, with the strongest lock on it. The statement's own
 * target comes first. Knows no forms of statements. */
#ifndef PGPROCTOR_INSPECT_EFFECT_LIST_H
#define PGPROCTOR_INSPECT_EFFECT_LIST_H

#include "inspect/context.h"
#include "inspect/tree/lock.h"

struct effect {
	const char *relation; /* "schema.name", or "name" in public; "" when the statement touches none */
	const struct catalog_relation *table; /* NULL for an index, a sequence, and what the catalog doesn't know */
	bool index;                           /* the name of an index */
	enum lock_mode lock;
	bool rewrite;   /* its rows are written anew, all of them */
	bool scan;      /* its rows are read, all of them */
	bool all_rows;  /* each of them is written or deleted */
	bool dangerous; /* either under a lock that conflicts with writes, and the table is large */
};

struct effects {
	struct effect list[LIMIT_EFFECTS];
	uint16_t count;
	bool truncated;      /* there are more */
	const char *refused; /* why the server will refuse it, whatever the rows hold; NULL: it won't */
};

/* The state of one statement's collecting. */
struct effect_list {
	const struct context *input;
	struct arena *arena; /* of the texts */
	struct effects *effects;
};

/* How the relation of a fact is to be taken. */
enum effect_found {
	EFFECT_KNOWN,
	EFFECT_UNKNOWN, /* the catalog doesn't have it, or there is none */
	EFFECT_NEW,     /* made in this transaction, or temporary: nobody waits for it */
};

enum effect_found effect_list_find(const struct effect_list *list, int16_t at, const struct catalog_relation **table);
/* Another relation of that name in that schema, a table's or an index's, which nothing in this transaction has locked
 * and so perhaps dropped or renamed. */
bool effect_list_taken(const struct effect_list *list, const char *schema, const char *name);
/* Nothing in this transaction, or the script so far, has changed it: what the catalog says of it holds. */
bool effect_list_untouched(const struct effect_list *list, const struct catalog_relation *table);
/* A relation is added or, if it is there already, the stronger lock counts. NULL when the list is full. */
struct effect *effect_list_touch(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock);
/* The relation of a fact; NULL when it is new as well. */
struct effect *effect_list_touch_fact(struct effect_list *list, int16_t at, enum lock_mode lock);
struct effect *effect_list_touch_index(struct effect_list *list, const char *schema, const char *name,
                                       enum lock_mode lock);
/* Of a table that the catalog knows. */
void effect_list_touch_own_index(struct effect_list *list, const struct catalog_index *index, enum lock_mode lock);
/* All that inherit from it, partitions and theirs, but not itself. */
void effect_list_touch_children(struct effect_list *list, const struct catalog_relation *table, enum lock_mode lock,
                                bool rewrite, bool scan);
/* Is it among these columns? */
bool effect_list_names(const char *const *columns, uint16_t count, const char *column);
/* The statement will fail: nothing of what was collected happens. The first reason stays. */
void effect_list_refuse(struct effect_list *list, const char *reason);
void effect_list_refuse_in_transaction(struct effect_list *list);
/* Fills in what is dangerous; an empty list gets one entry without a relation. */
void effect_list_finish(struct effect_list *list);

#endif
