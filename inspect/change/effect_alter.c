#include "inspect/change/effect_alter.h"

#include "inspect/change/effect_drop.h"
#include "inspect/change/effect_index.h"
#include "inspect/change/effect_key.h"
#include "inspect/change/effect_part.h"
#include "inspect/change/retype.h"
#include "inspect/change/rewrite.h"

#include <string.h>

/* One subcommand on one table: the named one or one that inherits from it. */
struct step {
	struct effect_list *list;
	bool below; /* not the table that the statement names */
	const struct fact_action *action;
	const struct catalog_relation *table; /* NULL: not known */
	bool rewrite, scan;
};

static enum lock_mode lock_of(const struct effect_list *list, const struct fact_action *action);
static void alter_tree(struct step *step, enum lock_mode lock, int depth);
static bool drops_nothing(const struct step *step);
static bool stays_above(const struct step *step, const struct catalog_relation *table);
static bool switches_trigger(const struct fact_action *action);
static bool inherits_parts(const struct step *step, const struct catalog_relation *table);
static bool needs_children(const struct fact_action *action, const struct catalog_relation *table);
static bool makes_not_null(const struct fact_action *action, const struct catalog_relation *table);
static void alter_one(struct step *step);
static void refuse_view(struct step *step);
static bool has_primary_key(const struct step *step);
static void loosen(struct step *step);
static void alter_other(struct step *step);
static void add_column(struct step *step);
static void refuse_column(struct step *step);
static bool is_system_column(const char *name);
static bool dropped_before(const struct step *step);
static void alter_type(struct step *step);
static void add_key(struct step *step);
static void refuse_index(struct step *step, const struct catalog_index *index);
static void validate(struct step *step);
static void drop_constraint(struct step *step);
static void drop_column(struct step *step);
static void set_property(struct step *step);
static const struct catalog_constraint *find_constraint(const struct catalog_relation *table, const char *name);

void effect_alter(struct effect_list *list, const struct fact_action *action)
{
	struct step step = {.list = list, .action = action};
	bool known = action->relation >= 0;
	enum effect_found found = known ? effect_list_find(list, action->relation, &step.table) : EFFECT_UNKNOWN;
	enum lock_mode lock = lock_of(list, action);

	if (known && found == EFFECT_UNKNOWN && action->if_exists && list->input->catalog)
		return;
	if (known && found != EFFECT_NEW) {
		struct effect *effect = effect_list_touch_fact(list, action->relation, lock);
		if (!effect)
			return;
		/* Not through the pointer: touching others may have ended at the list's ceiling, but never moves it. */
		alter_tree(&step, lock, 0);
		effect->rewrite |= step.rewrite;
		effect->scan |= step.scan;
	}
	if (action->referenced < 0 || action->referenced_lock == LOCK_NONE)
		return;
	struct effect *referenced = effect_list_touch_fact(list, action->referenced, action->referenced_lock);
	if (!referenced || !referenced->table || action->form == DDL_ALTER_TABLE_OTHER)
		return;
	if (referenced->table->kind == CATALOG_PARTITIONED_TABLE)
		effect_list_touch_children(list, referenced->table, action->referenced_lock, false, false);
	bool filled = (action->has_default && !action->default_is_null) || action->has_generated || action->has_identity;
	bool validates = action->form == DDL_ADD_FOREIGN_KEY ? !action->not_valid : action->has_references && filled;
	if (step.table && validates)
		effect_key_validate(list, step.table, action->columns, action->column_count, referenced->table,
		                    action->referenced_lock);
}

/* ALTER TABLE takes the strongest lock of all its subcommands before the first. */
static enum lock_mode lock_of(const struct effect_list *list, const struct fact_action *action)
{
	const struct facts *facts = list->input->facts;
	enum lock_mode lock = action->lock;
	for (uint16_t i = 0; i < facts->action_count; i++) {
		if (facts->actions[i].relation == action->relation)
			lock = lock_stronger(lock, facts->actions[i].lock);
	}
	return lock;
}

static void alter_tree(struct step *step, enum lock_mode lock, int depth)
{
	enum { DEPTH_MAX = 64 };
	const struct catalog_relation *table = step->table;
	alter_one(step);
	if (drops_nothing(step))
		return;
	if (table && step->action->only && table->partition_count > 0 && needs_children(step->action, table))
		effect_list_refuse(step->list, "what inherits from it has to be changed with it");
	/* The children's columns and constraints become their own. */
	if (table && step->action->only && inherits_parts(step, table)) {
		for (uint32_t i = 0; i < table->partition_count; i++)
			effect_list_touch(step->list, table->partitions[i], lock);
	}
	if (!table || !step->action->recurses || step->action->only || depth == DEPTH_MAX)
		return;
	bool partitioned = table->kind == CATALOG_PARTITIONED_TABLE;
	if (!partitioned && stays_above(step, table))
		return;
	if (partitioned && switches_trigger(step->action) && !effect_part_spreads(step->list, table, step->action))
		return;
	/* An index is built on each partition as CREATE INDEX does it; only a new NOT NULL asks for more. */
	bool builds = (step->action->form == DDL_ADD_UNIQUE || step->action->form == DDL_ADD_PRIMARY_KEY) &&
	              !makes_not_null(step->action, table);
	enum lock_mode child_lock = builds ? LOCK_SHARE : lock;
	for (uint32_t i = 0; i < table->partition_count; i++) {
		struct step child = {
		    .list = step->list, .action = step->action, .table = table->partitions[i], .below = true};
		struct effect *effect = effect_list_touch(step->list, table->partitions[i], child_lock);
		if (!effect)
			return;
		alter_tree(&child, lock, depth + 1);
		effect->rewrite |= child.rewrite;
		effect->scan |= child.scan;
		/* What is done to its partitions is done to it: it has nothing else. */
		step->rewrite |= partitioned && child.rewrite;
		step->scan |= partitioned && child.scan;
	}
}

/* IF EXISTS, and there is none: what inherits is left alone. */
static bool drops_nothing(const struct step *step)
{
	const struct fact_action *action = step->action;
	const struct catalog_relation *table = step->table;
	if (!table || !action->if_exists || table->assumed)
		return false;
	return (action->form == DDL_DROP_COLUMN && !catalog_column(table, action->column)) ||
	       (action->form == DDL_DROP_CONSTRAINT && !table->amended && !find_constraint(table, action->object));
}

/* Foreign keys, indexes and triggers are a partitioned table's and its partitions', but never inherited otherwise. Of a
 * primary key only NOT NULL is. */
static bool stays_above(const struct step *step, const struct catalog_relation *table)
{
	const struct fact_action *action = step->action;
	switch (action->form) {
	case DDL_ADD_FOREIGN_KEY:
	case DDL_ADD_UNIQUE:
	case DDL_ADD_EXCLUSION:
		return true;
	case DDL_ADD_PRIMARY_KEY:
		effect_list_touch_children(step->list, table, LOCK_ACCESS_EXCLUSIVE, false,
		                           makes_not_null(action, table));
		return true;
	case DDL_DROP_CONSTRAINT:
		return effect_list_untouched(step->list, table) && !inherits_parts(step, table);
	case DDL_ALTER_TABLE_OTHER:
		return switches_trigger(action);
	default:
		return false;
	}
}

/* ENABLE and DISABLE TRIGGER. */
static bool switches_trigger(const struct fact_action *action)
{
	return action->form == DDL_ALTER_TABLE_OTHER && action->lock == LOCK_SHARE_ROW_EXCLUSIVE;
}

/* Have the children a part of what is dropped? */
static bool inherits_parts(const struct step *step, const struct catalog_relation *table)
{
	const struct fact_action *action = step->action;
	for (uint32_t i = 0; action->form == DDL_DROP_CONSTRAINT && i < table->partition_count; i++) {
		const struct catalog_constraint *own = find_constraint(table->partitions[i], action->object);
		if (own && own->inherited)
			return true;
	}
	return action->form == DDL_DROP_COLUMN;
}

/* ALTER TABLE ONLY is refused where parent and child would come to differ. */
static bool needs_children(const struct fact_action *action, const struct catalog_relation *table)
{
	bool partitioned = table->kind == CATALOG_PARTITIONED_TABLE;
	switch (action->form) {
	case DDL_ADD_COLUMN:
	case DDL_ALTER_TYPE:
		return true;
	case DDL_ADD_CHECK:
		return action->recurses;
	case DDL_DROP_COLUMN:
	case DDL_SET_NOT_NULL:
		return partitioned;
	default:
		return false;
	}
}

static bool makes_not_null(const struct fact_action *action, const struct catalog_relation *table)
{
	for (uint16_t i = 0; action->form == DDL_ADD_PRIMARY_KEY && i < action->column_count; i++) {
		const struct catalog_column *column = catalog_column(table, action->columns[i]);
		if (!column || !column->not_null)
			return true;
	}
	return false;
}

static void alter_one(struct step *step)
{
	const struct fact_action *action = step->action;
	refuse_view(step);
	bool constrains = action->form >= DDL_ADD_CHECK && action->form <= DDL_ADD_EXCLUSION;
	if (constrains && step->table && !step->below && find_constraint(step->table, action->object) &&
	    !dropped_before(step))
		effect_list_refuse(step->list, "a constraint of that name is there already");
	if (action->form == DDL_ADD_PRIMARY_KEY && step->table && !step->below && has_primary_key(step))
		effect_list_refuse(step->list, "it has a primary key already");
	switch (action->form) {
	case DDL_ADD_COLUMN:
		add_column(step);
		break;
	case DDL_DROP_COLUMN:
		drop_column(step);
		break;
	case DDL_ALTER_TYPE:
		alter_type(step);
		break;
	case DDL_SET_NOT_NULL:
		step->scan = !step->table || !rewrite_proves_not_null(step->table, action->column);
		break;
	case DDL_ADD_CHECK:
		step->scan = !action->not_valid;
		if (!action->recurses && step->table && step->table->kind == CATALOG_PARTITIONED_TABLE)
			effect_list_refuse(step->list, "a partitioned table takes no NO INHERIT constraint");
		break;
	case DDL_SET_DEFAULT:
	case DDL_DROP_DEFAULT:
	case DDL_DROP_NOT_NULL:
		loosen(step);
		break;
	case DDL_ADD_FOREIGN_KEY:
		step->scan = !action->not_valid;
		if (action->not_valid && step->table && step->table->kind == CATALOG_PARTITIONED_TABLE)
			effect_list_refuse(step->list, "a partitioned table takes no NOT VALID foreign key");
		break;
	case DDL_ADD_UNIQUE:
	case DDL_ADD_PRIMARY_KEY:
	case DDL_ADD_EXCLUSION:
		add_key(step);
		break;
	case DDL_VALIDATE_CONSTRAINT:
		validate(step);
		break;
	case DDL_DROP_CONSTRAINT:
		drop_constraint(step);
		break;
	case DDL_SET_STORAGE_PROPERTY:
		set_property(step);
		break;
	case DDL_ALTER_TABLE_OTHER:
		alter_other(step);
		break;
	default:
		break;
	}
}

/* What only rows of its own make sense of. */
static void refuse_view(struct step *step)
{
	const struct catalog_relation *table = step->table;
	bool view = table && (table->kind == CATALOG_VIEW || table->kind == CATALOG_MATERIALIZED_VIEW);
	switch (step->action->form) {
	case DDL_ADD_COLUMN:
	case DDL_DROP_COLUMN:
	case DDL_ALTER_TYPE:
	case DDL_SET_NOT_NULL:
	case DDL_DROP_NOT_NULL:
	case DDL_ADD_CHECK:
	case DDL_ADD_FOREIGN_KEY:
	case DDL_ADD_UNIQUE:
	case DDL_ADD_PRIMARY_KEY:
	case DDL_ADD_EXCLUSION:
		if (view)
			effect_list_refuse(step->list, "it is no table");
		break;
	default:
		break;
	}
}

/* That no earlier subcommand or statement has dropped. */
static bool has_primary_key(const struct step *step)
{
	const struct facts *facts = step->list->input->facts;
	const struct catalog_constraint *key = NULL;
	for (uint16_t i = 0; i < step->table->constraint_count; i++) {
		if (step->table->constraints[i].kind == CATALOG_PRIMARY_KEY)
			key = &step->table->constraints[i];
	}
	for (uint16_t i = 0; key && i < facts->action_count; i++) {
		const struct fact_action *other = &facts->actions[i];
		if ((other->form == DDL_DROP_CONSTRAINT && other->object && strcmp(other->object, key->name) == 0) ||
		    other->form == DDL_DROP_COLUMN)
			return false;
	}
	return key && effect_list_untouched(step->list, step->table);
}

/* What ALTER COLUMN does to defaults and to NOT NULL. */
static void loosen(struct step *step)
{
	const struct fact_action *action = step->action;
	const struct catalog_column *column =
	    step->table && action->column ? catalog_column(step->table, action->column) : NULL;
	bool nulls = action->form == DDL_DROP_NOT_NULL;
	if (action->default_has_query || action->default_has_column)
		effect_list_refuse(step->list, "a default takes no sub-select and no column");
	if (!column)
		return;
	const struct catalog_relation *whole = step->table->is_partition ? step->table->parent : NULL;
	const struct catalog_column *above = whole ? catalog_column(whole, column->name) : NULL;
	if (nulls && !step->below && above && above->not_null)
		effect_list_refuse(step->list, "the partitioned table's column is NOT NULL");
	if (!nulls && column->generated)
		effect_list_refuse(step->list, "a generated column has no default");
	if (column->identity)
		effect_list_refuse(step->list, "it is an identity column");
	for (uint16_t i = 0; nulls && i < step->table->constraint_count; i++) {
		const struct catalog_constraint *key = &step->table->constraints[i];
		if (key->kind == CATALOG_PRIMARY_KEY && effect_list_names(key->columns, key->column_count, column->name))
			effect_list_refuse(step->list, "the column is of the primary key");
	}
}

static void alter_other(struct step *step)
{
	const struct fact_action *action = step->action;
	const struct catalog_relation *table = step->table;
	const char *what = action->method ? action->method : "";
	const struct catalog_column *column = table && action->column ? catalog_column(table, action->column) : NULL;
	bool sure = table && effect_list_untouched(step->list, table);
	if (column && sure && action->has_identity && !column->not_null)
		effect_list_refuse(step->list, "an identity column has to be NOT NULL first");
	if (column && sure && action->has_identity && column->identity)
		effect_list_refuse(step->list, "it is an identity column already");
	if (column && sure && action->has_identity && column->has_default)
		effect_list_refuse(step->list, "its default has to be dropped first");
	if (column && sure && strcmp(what, "drop expression") == 0 && !column->generated && !action->if_exists)
		effect_list_refuse(step->list, "it is no generated column");
	if (column && sure && !column->identity &&
	    (strcmp(what, "set identity") == 0 || (strcmp(what, "drop identity") == 0 && !action->if_exists)))
		effect_list_refuse(step->list, "it is no identity column");
	if (table && (strcmp(what, "owner") == 0 || strcmp(what, "set schema") == 0))
		effect_part_sequences(step->list, table, NULL, LOCK_ACCESS_EXCLUSIVE);
	if (column && column->identity && strcmp(what, "drop identity") == 0)
		effect_part_sequences(step->list, table, column, LOCK_ACCESS_EXCLUSIVE);
	if (column && column->identity && strcmp(what, "set identity") == 0)
		effect_part_sequences(step->list, table, column, LOCK_SHARE_ROW_EXCLUSIVE);
	if (column && column->fixed_size && strcmp(what, "set storage") == 0)
		effect_list_refuse(step->list, "values of that type are always stored in place");
	for (uint16_t i = 0; table && strcmp(what, "cluster on") == 0 && i < table->index_count; i++) {
		if (strcmp(table->indexes[i].name, action->object) == 0 && table->indexes[i].predicate)
			effect_list_refuse(step->list, "a partial index gives no order");
	}
	bool inherits = strcmp(what, "inherit") == 0 || strcmp(what, "no inherit") == 0;
	if (table && inherits && table->is_partition)
		effect_list_refuse(step->list, "a partition inherits by ATTACH PARTITION alone");
	if (table && strcmp(what, "set options") == 0 && table->kind == CATALOG_PARTITIONED_TABLE)
		effect_list_refuse(step->list, "a partitioned table has no storage to set options of");
	const struct catalog_constraint *constraint =
	    table && strcmp(what, "alter constraint") == 0 ? find_constraint(table, action->object) : NULL;
	if (constraint && constraint->kind != CATALOG_FOREIGN_KEY)
		effect_list_refuse(step->list, "only a foreign key can be altered");
	if (table && strcmp(what, "replica identity") == 0)
		effect_index_identify(step->list, table, action->object);
	const struct catalog_relation *parent;
	if (table && strcmp(what, "inherit") == 0 && action->referenced >= 0 &&
	    effect_list_find(step->list, action->referenced, &parent) == EFFECT_KNOWN) {
		for (uint32_t i = 0; i < parent->partition_count; i++) {
			if (parent->partitions[i] == table)
				effect_list_refuse(step->list, "it inherits from it already");
		}
		if (parent->kind == CATALOG_PARTITIONED_TABLE || parent->is_partition)
			effect_list_refuse(step->list, "a partitioned table takes no child but a partition");
		for (uint16_t i = 0; i < parent->column_count; i++) {
			if (!catalog_column(table, parent->columns[i].name))
				effect_list_refuse(step->list, "it lacks a column of its parent's");
		}
	}
}

static void add_column(struct step *step)
{
	const struct fact_action *action = step->action;
	const struct context *input = step->list->input;
	if (action->if_exists && step->table && action->column && catalog_column(step->table, action->column))
		return;
	refuse_column(step);
	/* Even by DEFAULT NULL. */
	bool filled = action->has_default || action->has_generated || action->has_identity;
	step->rewrite = rewrite_column_type(input, action, step->list->arena) != NULL ||
	                (action->has_default && !action->has_generated && rewrite_volatile_call(input, action));
	for (uint16_t i = 0; i < action->call_count && step->table; i++) {
		if (action->calls[i].sequence)
			effect_part_count(step->list, action->calls[i].sequence);
	}
	step->scan = action->has_check || action->has_unique || action->has_primary ||
	             (action->has_references && (filled || step->rewrite));
}

/* A column that can't be added to that table. */
static void refuse_column(struct step *step)
{
	const struct fact_action *action = step->action;
	const struct catalog_relation *table = step->table;
	bool unique = action->has_unique || action->has_primary;
	if (action->default_has_query || action->default_has_column)
		effect_list_refuse(step->list, "a default takes no sub-select and no column");
	if (action->column && is_system_column(action->column))
		effect_list_refuse(step->list, "each table has a column of that name");
	if (!table)
		return;
	if (action->column && catalog_column(table, action->column) && !step->below && !dropped_before(step))
		effect_list_refuse(step->list, "a column of that name is there already");
	if (action->has_identity && table->partition_count > 0 && !action->only && !step->below)
		effect_list_refuse(step->list, "what inherits from it takes no identity column");
	if (table->is_partition && !step->below)
		effect_list_refuse(step->list, "a partition has the columns of its parent and no others");
	if (unique && table->kind == CATALOG_PARTITIONED_TABLE)
		effect_list_refuse(step->list, "a unique constraint needs the partition key among its columns");
}

static bool is_system_column(const char *name)
{
	static const char *const columns[] = {"tableoid", "ctid", "xmin", "cmin", "xmax", "cmax"};
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		if (strcmp(columns[i], name) == 0)
			return true;
	}
	return false;
}

/* By an earlier subcommand, or in this transaction. */
static bool dropped_before(const struct step *step)
{
	const struct context *input = step->list->input;
	for (uint16_t i = 0; i < input->facts->action_count && &input->facts->actions[i] < step->action; i++) {
		const struct fact_action *earlier = &input->facts->actions[i];
		const char *column = step->action->column, *name = step->action->object;
		if ((earlier->form == DDL_DROP_COLUMN && column && strcmp(earlier->column, column) == 0) ||
		    (earlier->form == DDL_DROP_CONSTRAINT && name && strcmp(earlier->object, name) == 0))
			return true;
	}
	return input->earlier_count > 0 ||
	       session_past_find(input->session->past, SESSION_PAST_LOCK, step->table->oid, NULL);
}

static void alter_type(struct step *step)
{
	const struct fact_action *action = step->action;
	const struct context *input = step->list->input;
	const struct catalog_relation *table = step->table;
	const struct catalog_column *column = table ? catalog_column(table, action->column) : NULL;
	if (!column) {
		step->rewrite = true;
		return;
	}
	for (uint32_t i = 0; i < table->dependent_count; i++) {
		if (table->dependents[i].column == column->number && !table->dependents[i].relation->gone)
			effect_list_refuse(step->list,
			                   "a view, policy, trigger or generated column depends on the column");
	}
	if (table->partition_column && strcmp(table->partition_column, column->name) == 0)
		effect_list_refuse(step->list, "the column is the partition key");
	if (column->inherited && !step->below)
		effect_list_refuse(step->list, "the column is inherited: its parent's has to be changed");
	if (action->using_kind != USING_EXPRESSION &&
	    retype_has_no_cast(input->catalog, column, &action->type, action->using_kind == USING_BARE_CAST))
		effect_list_refuse(step->list, action->using_kind == USING_NONE
		                                   ? "no cast leads to that type by itself: it needs USING"
		                                   : "no cast leads to that type");
	if (column->identity)
		effect_part_sequences(step->list, table, column, LOCK_SHARE_ROW_EXCLUSIVE);
	step->rewrite =
	    retype_rewrites(input->catalog, column, &action->type, action->using_kind, rewrite_time_zone_utc(input));
	for (uint16_t i = 0; i < table->index_count; i++) {
		const struct catalog_index *index = &table->indexes[i];
		if (!rewrite_index_names(index, column->name))
			continue;
		effect_list_touch_own_index(step->list, index, LOCK_ACCESS_EXCLUSIVE);
		/* Of a partitioned table's index it is not seen that it could stay. */
		step->scan |= index->inherited;
		step->scan |= rewrite_rebuilds_index(input->catalog, index, column, action);
	}
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		const struct catalog_constraint *constraint = &table->constraints[i];
		if (!effect_list_names(constraint->columns, constraint->column_count, column->name))
			continue;
		if (constraint->kind == CATALOG_CHECK)
			step->scan |= constraint->valid;
		if (constraint->kind == CATALOG_FOREIGN_KEY && constraint->referenced) {
			struct effect *effect =
			    effect_list_touch(step->list, constraint->referenced, LOCK_ACCESS_EXCLUSIVE);
			/* It is validated anew, by a join of the two; partition by partition, and so by an index. */
			bool joined = table->kind == CATALOG_TABLE && !(table->is_partition && constraint->inherited);
			if (effect)
				effect->scan |= joined && step->rewrite && constraint->valid;
		}
	}
	for (struct effect_referring other = {0}; effect_key_referring(input->catalog, table, &other);) {
		bool named = effect_list_names(other.key->referenced_columns, other.key->column_count, column->name);
		struct effect *effect = named ? effect_list_touch(step->list, other.table, LOCK_ACCESS_EXCLUSIVE) : NULL;
		if (effect)
			effect->scan |= step->rewrite && other.key->valid;
	}
}

static void add_key(struct step *step)
{
	const struct fact_action *action = step->action;
	if (!action->using_index) {
		const char *key = step->table ? step->table->partition_column : NULL;
		if (key && !effect_list_names(action->columns, action->column_count, key))
			effect_list_refuse(step->list, "a unique constraint needs the partition key among its columns");
		/* Alone it is a mark in the catalog, not valid before each partition's index is attached. */
		step->scan = !(action->only && step->table && step->table->kind == CATALOG_PARTITIONED_TABLE);
		return;
	}
	if (step->table && step->table->kind == CATALOG_PARTITIONED_TABLE)
		effect_list_refuse(step->list, "a partitioned table takes no constraint out of an index");
	for (uint16_t i = 0; step->table && i < step->table->index_count; i++) {
		const struct catalog_index *index = &step->table->indexes[i];
		if (!action->index || strcmp(index->name, action->index) != 0)
			continue;
		refuse_index(step, index);
		/* It gets the constraint's name. */
		if (action->object && strcmp(action->object, index->name) != 0)
			effect_list_touch_own_index(step->list, index, LOCK_SHARE_UPDATE_EXCLUSIVE);
		/* A primary key makes its columns NOT NULL, with all that this takes. */
		for (uint16_t key = 0; action->form == DDL_ADD_PRIMARY_KEY && key < index->key_count; key++)
			step->scan |=
			    index->keys[key].column && !rewrite_proves_not_null(step->table, index->keys[key].column);
		return;
	}
	step->scan = action->form == DDL_ADD_PRIMARY_KEY;
}

/* An index that can't be a constraint's. */
static void refuse_index(struct step *step, const struct catalog_index *index)
{
	bool usual = index->unique && index->valid && !index->predicate;
	for (uint16_t key = 0; key < index->key_count; key++)
		usual &= index->keys[key].column && !index->keys[key].descending && !index->keys[key].nulls_first;
	if (!usual)
		effect_list_refuse(step->list, "a constraint's index is unique, whole, and in the usual order");
}

static void validate(struct step *step)
{
	const struct catalog_constraint *constraint =
	    step->table ? find_constraint(step->table, step->action->object) : NULL;
	if (constraint && constraint->kind != CATALOG_FOREIGN_KEY && constraint->kind != CATALOG_CHECK)
		effect_list_refuse(step->list, "an index needs no validation");
	step->scan = !constraint || !constraint->valid;
	if (constraint && !constraint->valid && constraint->kind == CATALOG_FOREIGN_KEY && constraint->referenced) {
		effect_list_touch(step->list, constraint->referenced, LOCK_ROW_SHARE);
		effect_key_validate(step->list, step->table, constraint->columns, constraint->column_count,
		                    constraint->referenced, LOCK_ROW_SHARE);
	}
}

static void drop_constraint(struct step *step)
{
	const struct catalog_relation *table = step->table;
	const struct catalog_constraint *constraint = table ? find_constraint(table, step->action->object) : NULL;
	if (!constraint)
		return;
	if (constraint->inherited && !step->below)
		effect_list_refuse(step->list, "the constraint is inherited: its parent's has to be dropped");
	if (constraint->kind == CATALOG_FOREIGN_KEY && constraint->referenced) {
		effect_list_touch(step->list, constraint->referenced, LOCK_ACCESS_EXCLUSIVE);
		if (constraint->referenced->kind == CATALOG_PARTITIONED_TABLE)
			effect_list_touch_children(step->list, constraint->referenced, LOCK_ACCESS_EXCLUSIVE, false, false);
	}
	if (constraint->kind != CATALOG_PRIMARY_KEY && constraint->kind != CATALOG_UNIQUE &&
	    constraint->kind != CATALOG_EXCLUSION)
		return;
	for (uint16_t i = 0; i < table->index_count; i++) {
		if (strcmp(table->indexes[i].name, constraint->name) == 0)
			effect_list_touch_own_index(step->list, &table->indexes[i], LOCK_ACCESS_EXCLUSIVE);
	}
	for (struct effect_referring other = {0}; effect_key_referring(step->list->input->catalog, table, &other);) {
		bool refers = other.key->column_count == constraint->column_count;
		for (uint16_t c = 0; refers && c < constraint->column_count; c++)
			refers = effect_list_names(constraint->columns, constraint->column_count,
			                           other.key->referenced_columns[c]);
		if (refers && step->action->cascade)
			effect_list_touch(step->list, other.table, LOCK_ACCESS_EXCLUSIVE);
		else if (refers)
			effect_list_refuse(step->list, "a foreign key depends on the constraint");
	}
}

static void drop_column(struct step *step)
{
	const struct catalog_column *column = step->table ? catalog_column(step->table, step->action->column) : NULL;
	if (column && column->inherited && !step->below)
		effect_list_refuse(step->list, "the column is inherited: its parent's has to be dropped");
	if (column && step->table->partition_column && strcmp(step->table->partition_column, column->name) == 0)
		effect_list_refuse(step->list, "the column is the partition key");
	if (column)
		effect_drop(step->list, step->table, step->action->column, step->action->cascade);
}

static void set_property(struct step *step)
{
	const struct catalog_relation *table = step->table;
	const char *what = step->action->method, *name = step->action->object;
	if (table && table->kind == CATALOG_PARTITIONED_TABLE) {
		enum { VERSION_WITH_METHODS = 170000 };
		const int version = catalog_version(step->list->input->catalog);
		if (strcmp(what, "access method") == 0 && version > 0 && version < VERSION_WITH_METHODS)
			effect_list_refuse(step->list, "a partitioned table has no access method");
		if (strcmp(what, "unlogged") == 0)
			effect_key_refuse_unlogged(step->list, table, false);
		return;
	}
	bool already = false;
	if (table && table->persistence && strcmp(what, "logged") == 0)
		already = table->persistence == 'p';
	else if (table && table->persistence && strcmp(what, "unlogged") == 0)
		already = table->persistence == 'u';
	else if (table && strcmp(what, "access method") == 0)
		already = name && table->access_method && strcmp(table->access_method, name) == 0;
	else if (table && strcmp(what, "tablespace") == 0)
		already = name && strcmp(table->tablespace ? table->tablespace : "pg_default", name) == 0;
	step->rewrite = !already;
	if (table && !already && (strcmp(what, "logged") == 0 || strcmp(what, "unlogged") == 0)) {
		effect_key_refuse_unlogged(step->list, table, strcmp(what, "logged") == 0);
		effect_part_sequences(step->list, table, NULL, LOCK_ACCESS_EXCLUSIVE);
	}
}

static const struct catalog_constraint *find_constraint(const struct catalog_relation *table, const char *name)
{
	for (uint16_t i = 0; name && i < table->constraint_count; i++) {
		if (strcmp(table->constraints[i].name, name) == 0)
			return &table->constraints[i];
	}
	return NULL;
}
