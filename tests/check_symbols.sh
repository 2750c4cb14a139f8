#!/bin/sh
# No external name of ours may also be one of libpg_query's: it exports everything it has, PostgreSQL's own functions
# included, and of two functions of one name the linker takes one for both without a word.
#
#   tests/check_symbols.sh [BUILD_DIRECTORY]     build/release by default
set -eu

build=${1:-$(dirname "$0")/../build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
	echo "symbols: $*" >&2
	exit 1
}

library=$(sed -n 's/^PG_QUERY_LIBRARY:[A-Z]*=//p' "$build/CMakeCache.txt") || fail "$build is no build directory"
[ -e "$library" ] || fail "libpg_query is not where $build/CMakeCache.txt says: $library"

# A shared library shows what it exports, a static one all that is external.
case $library in
*.a) nm --extern-only --defined-only "$library" ;;
*) nm --dynamic --defined-only "$library" ;;
esac | awk 'NF == 3 { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/theirs"
grep -qx pg_query_raw_parse "$work/theirs" || fail "$library does not export pg_query_raw_parse"

for name in config protocol inspect proxy report; do
	[ -e "$build/lib$name.a" ] || fail "$build/lib$name.a is not built"
	nm --extern-only --defined-only "$build/lib$name.a" 2>/dev/null
done | awk 'NF == 3 && $3 !~ /^__/ { print $3 }' | sort -u >"$work/ours"
grep -qx sqlkey_of "$work/ours" || fail "no names found in $build/libinspect.a"

comm -12 "$work/theirs" "$work/ours" >"$work/both"
if [ -s "$work/both" ]; then
	sed 's/^/symbols: libpg_query has it too: /' "$work/both" >&2
	exit 1
fi
echo "symbols: $(wc -l <"$work/ours") names of ours, none in $(basename "$library")"
