#!/bin/sh
# Exercises `range facts`: docs/os has one page for each system, and each is what the program generates today; every default
# and every fact has a source. With --update the pages are written anew.
# usage: test_os_pages.sh EPHEMPORTS DOCS_OS_DIRECTORY [--update]
set -eu
ephemports=$1 pages=$2 update=${3-}
failed=0 count=0
export COLUMNS=80 LC_ALL=C

for name in $("$ephemports" range facts --json | python3 -c '
import json, sys
for system in json.load(sys.stdin)["systems"]:
	assert system["defaults"], system["os"]
	for entry in system["defaults"] + system["facts"]:
		assert entry["source"], (system["os"], entry)
	print(system["os"])'); do
	count=$((count + 1))
	page=$pages/$name.md
	if [ "$update" = --update ]; then
		"$ephemports" range facts "$name" --markdown >"$page"
	elif ! "$ephemports" range facts "$name" --markdown | diff -u "$page" -; then
		failed=$((failed + 1))
	fi
done
for page in "$pages"/*.md; do
	name=${page##*/}
	"$ephemports" range facts "${name%.md}" >/dev/null || failed=$((failed + 1))
done
echo "$count systems, $failed failed"
[ "$count" -eq 16 ] && [ "$failed" -eq 0 ]
