#!/bin/sh
# Exercises every command and format on saved snapshots, byte for byte. A case in golden/ is one file: the arguments, the
# exit status, then standard output and standard error as they must be. With --update the files are written anew: read
# the difference before it is committed.
# usage: run.sh EPHEMPORTS [--update]
set -eu
ephemports=$(realpath "$1")
update=${2-}
cd "$(dirname "$0")"
unset NO_COLOR
export COLUMNS=80 LINES=24 TERM=dumb LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 count=0

for case in golden/*.txt; do
	sed -n '1s/^\$ ephemports //p' "$case" >"$work/arguments"
	width=$(sed -n '1s/.*# width \([0-9]*\)$/\1/p' "$case")
	sed -i 's/ *# width [0-9]*$//' "$work/arguments"
	eval "set -- $(cat "$work/arguments")"
	status=0
	COLUMNS=${width:-80} "$ephemports" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
	{
		head -n 1 "$case"
		echo "status $status"
		cat "$work/out"
		[ ! -s "$work/err" ] || sed 's/^/stderr: /' "$work/err"
	} >"$work/seen"
	count=$((count + 1))
	if [ "$update" = --update ]; then
		cp "$work/seen" "$case"
	elif ! diff -u "$case" "$work/seen"; then
		failed=$((failed + 1))
	fi
done
echo "$count cases, $failed failed"
[ "$count" -ge 30 ] && [ "$failed" -eq 0 ]
