#!/usr/bin/env bash
# Exercises the ids of risks: each in risk_ids.def has a page in docs/risks, a line in the man page, a finder in src/rules
# and a unit test that looks for it, and no page or finder has an id that is not there.
#
#	tests/unit/test_risk_pages.sh [ROOT]
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 99
failures=0

fail()
{
	echo "$*"
	failures=$((failures + 1))
}

ids=$(sed -n 's/^RISK("\([a-z0-9-]*\)", .*/\1/p' src/rules/risk_ids.def)
[ "$(wc -w <<<"$ids")" -ge 20 ] || fail "only these ids: $ids"
[ "$(sort <<<"$ids")" = "$ids" ] || fail "risk_ids.def is not in the order of the alphabet"

for id in $ids; do
	page=docs/risks/$id.md
	if [ "$(head -n 1 "$page")" = "# $id" ]; then
		for part in '^Severity: ' '^## What it means' '^## What to do' '^## How it is found'; do
			grep -q "$part" "$page" || fail "$page: no '$part'"
		done
	else
		fail "$page: no page for $id"
	fi
	grep -qx "\*$id\*" docs/man/ephemports-check.rst || fail "ephemports-check.rst does not name $id"
	grep -q "\"$id\"" src/rules/risks.c src/rules/host_risks*.c || fail "nothing in src/rules finds $id"
	grep -q "\"$id\"" tests/unit/test_risks.c tests/unit/test_host_risks*.c || fail "no unit test looks for $id"
done

for page in docs/risks/*.md; do
	id=${page##*/} id=${id%.md}
	grep -qx "$id" <<<"$ids" || fail "$page: risk_ids.def has no such id"
done

# A finder names its id as the argument before the severity.
found=$(cat src/rules/risks.c src/rules/host_risks*.c | tr '\n\t' '  ' |
	grep -o '"[a-z0-9-]*", *[^"]\{0,40\}RISK_\(INFO\|WARNING\|CRITICAL\)' | sed 's/^"\([^"]*\)".*/\1/' | sort -u)
[ "$(wc -w <<<"$found")" -ge 20 ] || fail "only these are found: $found"
for id in $found; do
	grep -qx "$id" <<<"$ids" || fail "src/rules finds $id, which is not in risk_ids.def"
done

[ "$failures" = 0 ] && echo 'all good'
[ "$failures" = 0 ]
