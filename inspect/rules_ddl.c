#include "inspect/rules_ddl.h"

void rules_ddl_index_build(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_reindex(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_volatile_default(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_rewrite_type(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_alter_type(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_set_not_null(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_add_check(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_add_foreign_key(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_add_unique(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_add_primary_key(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_ddl_vacuum_full(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}
