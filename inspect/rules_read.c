#include "inspect/rules_read.h"

void rules_read_leading_wildcard(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_read_short_pattern(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_read_expression_mismatch(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_read_prefix(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_read_iexact(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}

void rules_read_regex(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	(void)rule;
	(void)input;
	(void)verdict;
}
