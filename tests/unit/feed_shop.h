/* A private PostgreSQL with the databases shop (feed_schema.h's) and in_c, and shop's catalog as the feed loads it. */
#ifndef PGPROCTOR_TESTS_UNIT_FEED_SHOP_H
#define PGPROCTOR_TESTS_UNIT_FEED_SHOP_H

#include "inspect/catalog/catalog.h"
#include "tests/unit/private_postgres.h"

extern struct feed_shop {
	struct private_postgres postgres;
	PGconn *connection;      /* to shop */
	struct catalog *catalog; /* of shop, as the schema makes it */
} feed_shop;

/* For cmocka's group: starts all of it, and stops it. */
int feed_shop_set_up(void **state);
int feed_shop_tear_down(void **state);
/* Loads that database's catalog, shop's being the last one known; the caller's to unref. NULL: it said why. */
struct catalog *feed_shop_load(PGconn *connection);
/* Of shop's catalog; the test fails where there is none. */
const struct catalog_index *feed_shop_index(const char *name, const struct catalog_relation **relation);
const struct catalog_constraint *feed_shop_constraint(const struct catalog_relation *relation, const char *name);
/* Monotonic. */
int64_t feed_shop_now_ms(void);

#endif
