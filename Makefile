# Two commands: `make demo` and `make test`; and `make bench`. Each does all of its own set-up on a Debian 12 with nothing but make.
.DEFAULT_GOAL := build
.NOTPARALLEL:

# Debian's tools, whatever stands first on the caller's PATH, and nothing of the caller's Python or PostgreSQL settings.
export PATH := /usr/bin:/bin:/usr/sbin:/sbin:$(PATH)
unexport $(filter PG% PYTHON% PYTEST% DJANGO% SHOP_% CTEST_% CMAKE_% NINJA_% MALLOC_%,$(.VARIABLES))
export PYTHONNOUSERSITE := 1
# Whatever the caller's locale, what is read and printed is UTF-8.
export PYTHONUTF8 := 1
export PYTHONDONTWRITEBYTECODE := 1
export PYTEST_DISABLE_PLUGIN_AUTOLOAD := 1
PYTHON := /usr/bin/python3
PYTEST := $(PYTHON) -m pytest -q -p no:cacheprovider

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: ## Install what is missing (Debian packages, PostgreSQL's headers)
	@scripts/setup

build: setup ## Build build/release/pgproctor
	@scripts/build release pgproctor

demo: build-release ## A shop, 1.2 million products and a dangerous migration, through pgproctor
	@$(PYTHON) scripts/demo

demo-quick: build-release ## The same with few rows, in a few seconds
	@$(PYTHON) scripts/demo --quick

test: build-release build-dev ## All tests
	@$(PYTHON) scripts/test test-layers test-unit test-system test-wire test-truth

test-unit: build-dev ## The unit tests, under AddressSanitizer and UndefinedBehaviorSanitizer
	@ctest --test-dir build/dev --output-on-failure --no-tests=error --timeout 120 -j 2

test-layers: build-release ## Includes, banned calls, names, clashes with libpg_query
	@$(PYTHON) tests/check_layers.py
	@$(PYTHON) tests/check_docs.py
	@if [ -e tests/check_symbols.sh ]; then sh tests/check_symbols.sh; fi

test-system: build-release ## The system tests: psql, pgbench, psycopg and Django through pgproctor
	@$(PYTEST) tests/system

test-wire: build-release ## The same bytes as from PostgreSQL directly, however they are cut
	@$(PYTEST) -rs tests/wire

# proxy/ is the only folder with threads.
THREADED := $(patsubst %.h,%_test,$(notdir $(wildcard proxy/*.h proxy/*/*.h)))
test-tsan: setup ## Under ThreadSanitizer: the unit tests of proxy/, and two workers under load
	@scripts/build tsan
	@ctest --test-dir build/tsan --output-on-failure --no-tests=error --timeout 120 -j 2 -R '^($(shell echo $(THREADED) | tr " " "|"))$$'
	@PROCTOR_BINARY=build/tsan/pgproctor PROCTOR_WORKERS=2 $(PYTEST) $(addprefix tests/system/test_,workers.py tls.py tls_connection.py terminate.py gone.py)

test-majors: build-release ## The wire scripts against PostgreSQL 14 to 18, fetched by npm (MAJORS="17 18": some)
	@$(PYTHON) scripts/majors $(MAJORS)

test-clients: build-release ## Drivers of today, fetched by pip, go, npm and maven (CLIENTS="pgx django": some; SERVER=18)
	@CLIENTS="$(CLIENTS)" SERVER="$(SERVER)" $(PYTHON) tests/clients/run.py

test-truth: build-release ## Verdicts against what PostgreSQL really does
	@$(PYTEST) tests/truth

bench: build-bench ## Beside HAProxy, PgBouncer and a bare relay; writes bench/results.md, a quarter of an hour
	@$(PYTHON) bench/run.py

bench-quick: build-bench ## The same with few and short runs, under three minutes; writes nothing
	@$(PYTHON) bench/run.py --quick

build-bench:
	@scripts/setup bench
	@scripts/build release pgproctor bench_relay bench_micro

build-release: setup
	@scripts/build release pgproctor

build-dev: setup
	@scripts/build dev

docs: build-release ## README's table of rules, from the program's own
	@$(PYTHON) tests/check_docs.py --write

clean: ## Remove what was built
	rm -rf build

.PHONY: help setup build demo demo-quick test test-unit test-layers test-system test-wire test-tsan test-majors test-clients test-truth
.PHONY: bench bench-quick build-bench build-release build-dev docs clean
