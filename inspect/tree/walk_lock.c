#include "inspect/tree/walk_lock.h"

#include "config/check.h"

#include <string.h>
#include <strings.h>

static enum lock_mode of_constraint(const Constraint *constraint);
static enum lock_mode of_options(const List *options);

enum lock_mode walk_lock_alter(const AlterTableCmd *command)
{
	switch (command->subtype) {
	case AT_SetStatistics:
	case AT_SetOptions:
	case AT_ResetOptions:
	case AT_ClusterOn:
	case AT_DropCluster:
	case AT_ValidateConstraint:
	case AT_AttachPartition:
	case AT_DetachPartitionFinalize:
		return LOCK_SHARE_UPDATE_EXCLUSIVE;
	case AT_DetachPartition:
		return command->def != NULL && ((const PartitionCmd *)command->def)->concurrent
		           ? LOCK_SHARE_UPDATE_EXCLUSIVE
		           : LOCK_ACCESS_EXCLUSIVE;
	case AT_EnableTrig:
	case AT_EnableAlwaysTrig:
	case AT_EnableReplicaTrig:
	case AT_EnableTrigAll:
	case AT_EnableTrigUser:
	case AT_DisableTrig:
	case AT_DisableTrigAll:
	case AT_DisableTrigUser:
		return LOCK_SHARE_ROW_EXCLUSIVE;
	case AT_SetRelOptions:
	case AT_ResetRelOptions:
	case AT_ReplaceRelOptions:
		return of_options((const List *)command->def);
	case AT_AddConstraint:
		return of_constraint((const Constraint *)command->def);
	default:
		return LOCK_ACCESS_EXCLUSIVE;
	}
}

enum lock_mode walk_lock_mode(int mode)
{
	CHECK(mode >= LOCK_NONE && mode <= LOCK_ACCESS_EXCLUSIVE);
	return (enum lock_mode)mode;
}

static enum lock_mode of_constraint(const Constraint *constraint)
{
	return constraint != NULL && constraint->contype == CONSTR_FOREIGN ? LOCK_SHARE_ROW_EXCLUSIVE
	                                                                   : LOCK_ACCESS_EXCLUSIVE;
}

/* The lockmode of each option in the tables of access/common/reloptions.c; what is not there is refused by the
 * server. */
static enum lock_mode of_options(const List *options)
{
	static const char *const weak[] = {
	    "fillfactor",
	    "parallel_workers",
	    "toast_tuple_target",
	    "deduplicate_items",
	    "vacuum_index_cleanup",
	    "vacuum_truncate",
	    "log_autovacuum_min_duration",
	    "n_distinct",
	    "n_distinct_inherited",
	    "vacuum_max_eager_freeze_failure_rate",
	};
	ListCell *cell;

	foreach (cell, options) {
		const DefElem *option = lfirst(cell);
		bool is_weak = strncasecmp(option->defname, "autovacuum_", strlen("autovacuum_")) == 0;
		for (size_t at = 0; at < ARRAY_LEN(weak) && !is_weak; at++)
			is_weak = strcasecmp(option->defname, weak[at]) == 0;
		if (!is_weak)
			return LOCK_ACCESS_EXCLUSIVE;
	}
	return LOCK_SHARE_UPDATE_EXCLUSIVE;
}
