#include "inspect/context.h"

#include <string.h>
#include <strings.h>

const struct catalog_relation *context_relation(const struct context *context, int16_t at)
{
	const struct catalog_relation *relation = context_named(context, at);
	bool has_rows = relation && (relation->kind == CATALOG_TABLE || relation->kind == CATALOG_PARTITIONED_TABLE ||
	                             relation->kind == CATALOG_MATERIALIZED_VIEW);
	return has_rows ? relation : NULL;
}

const struct catalog_relation *context_named(const struct context *context, int16_t at)
{
	if (at < 0)
		return NULL;
	CHECK(at < context->facts->relation_count);
	const struct fact_relation *fact = &context->facts->relations[at];
	if (fact->is_cte || (fact->schema && strcmp(fact->schema, "pg_temp") == 0))
		return NULL;
	if (!context->catalog) {
		*context->catalog_missing = true;
		return NULL;
	}
	const char *path = context_search_path(context);
	if (!fact->schema && !path)
		return NULL;
	if (session_state_created(context->session, fact->schema, fact->name))
		return NULL;
	for (uint16_t i = 0; i < context->earlier_count; i++) {
		if (session_state_creates(context->session, &context->earlier[i], fact->schema, fact->name))
			return NULL;
	}
	const struct catalog_relation *relation =
	    catalog_find(context->catalog, fact->schema, fact->name, path, context->session->user);
	return relation && !relation->system && !relation->temporary ? relation : NULL;
}

const struct catalog_view *context_view(const struct context *context, int16_t at)
{
	const struct catalog_relation *relation = context_named(context, at);
	return relation && relation->view && relation->view->facts ? relation->view : NULL;
}

const char *context_search_path(const struct context *context)
{
	const char *path = context->session->search_path;
	bool unknown = context->session->search_path_unknown;
	for (uint16_t i = 0; i < context->earlier_count; i++) {
		const struct facts *earlier = &context->earlier[i];
		bool sets = earlier->kind == STATEMENT_SET || earlier->kind == STATEMENT_SELECT;
		if (sets && earlier->name && strcasecmp(earlier->name, "search_path") == 0) {
			unknown = !earlier->value;
			path = earlier->value;
		}
		if (earlier->kind == STATEMENT_RESET &&
		    (!earlier->name || strcasecmp(earlier->name, "search_path") == 0)) {
			const struct session_setting_value *reset = &context->session->path.reset;
			unknown = reset->unknown;
			path = reset->text ? reset->text : "";
		}
	}
	if (unknown)
		return NULL;
	return path[0] ? path : catalog_search_path(context->catalog, context->session->user);
}

enum table_size context_size(const struct context *context, const struct catalog_relation *relation)
{
	return context_size_by(&context->settings->sizes, relation);
}

enum table_size context_size_by(const struct table_sizes *sizes, const struct catalog_relation *relation)
{
	if (relation->rows >= sizes->large_rows || relation->bytes >= sizes->large_bytes)
		return TABLE_LARGE;
	if (relation->rows < 0)
		return TABLE_UNKNOWN;
	return relation->rows >= sizes->medium_rows ? TABLE_MEDIUM : TABLE_SMALL;
}

bool context_generic(const struct context *context)
{
	const struct session_setting_value *mode = &context->session->plan_cache_mode.now;
	const char *text = mode->text;
	if (!text && !mode->unknown && context->catalog)
		text = catalog_plan_cache_mode(context->catalog, context->session->user);
	if (text && strcasecmp(text, "force_generic_plan") == 0)
		return true;
	return context->session->generic_plan && !mode->unknown && (!text || strcasecmp(text, "auto") == 0);
}
