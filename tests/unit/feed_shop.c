#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/feed_shop.h"

#include "proxy/feed/feed.h"
#include "tests/unit/feed_schema.h"

#include <string.h>
#include <time.h>

struct feed_shop feed_shop;

struct catalog *feed_shop_load(PGconn *connection)
{
	char error[512];
	struct catalog *loaded = feed_load(connection, PQdb(connection), feed_shop.catalog, error, sizeof(error));
	if (loaded == NULL)
		print_message("feed_load: %s\n", error);
	return loaded;
}

int feed_shop_set_up(void **state)
{
	(void)state;
	private_postgres_start(&feed_shop.postgres);
	PGconn *other = private_postgres_connect(&feed_shop.postgres, "postgres");
	private_postgres_run(other, "CREATE DATABASE shop");
	private_postgres_run(other, "CREATE DATABASE in_c TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
	PQfinish(other);
	feed_shop.connection = private_postgres_connect(&feed_shop.postgres, "shop");
	private_postgres_run(feed_shop.connection, feed_schema);
	private_postgres_run(feed_shop.connection, "VACUUM counted_empty");
	private_postgres_run(feed_shop.connection,
	                     "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'product_broken'::regclass");
	feed_shop.catalog = feed_shop_load(feed_shop.connection);
	return feed_shop.catalog != NULL ? 0 : -1;
}

int feed_shop_tear_down(void **state)
{
	(void)state;
	catalog_unref(feed_shop.catalog);
	PQfinish(feed_shop.connection);
	private_postgres_stop(&feed_shop.postgres);
	return 0;
}

const struct catalog_index *feed_shop_index(const char *name, const struct catalog_relation **relation)
{
	const struct catalog_index *index =
	    catalog_find_index(feed_shop.catalog, NULL, name, "public, archive", NULL, relation);
	if (index == NULL)
		fail_msg("index %s is not there", name);
	return index;
}

const struct catalog_constraint *feed_shop_constraint(const struct catalog_relation *relation, const char *name)
{
	for (uint16_t at = 0; at < relation->constraint_count; at++) {
		if (strcmp(relation->constraints[at].name, name) == 0)
			return &relation->constraints[at];
	}
	fail_msg("constraint %s is not there", name);
	return NULL;
}

int64_t feed_shop_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
