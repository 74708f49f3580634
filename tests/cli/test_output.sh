#!/bin/sh
# Exercises the way out: closed pipe, full disk, files replaced in one step or not at all, and metrics that promtool
# accepts.
# usage: test_output.sh EPHEMPORTS
set -eu
ephemports=$(realpath "$1")
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
replay="--replay snapshots/exhausted.snapshot"
fail() {
	echo "FAILED: $*" >&2
	exit 1
}
status_of() {
	status=0
	"$@" >"$work/out" 2>"$work/err" || status=$?
}

# A reader that went away: status 3, and not a word.
mkfifo "$work/pipe"
(exec 3<"$work/pipe") &
{ sleep 0.3; status=0; "$ephemports" usage $replay 2>"$work/err" || status=$?; echo "$status" >"$work/status"; } >"$work/pipe"
wait
[ "$(cat "$work/status")" = 3 ] || fail "closed pipe: status $(cat "$work/status")"
[ ! -s "$work/err" ] || fail "closed pipe: $(cat "$work/err")"

status=0
"$ephemports" usage $replay >/dev/full 2>"$work/err" || status=$?
[ "$status" = 3 ] || fail "full disk: status $status"
[ "$(wc -l <"$work/err")" = 1 ] && grep -q 'standard output: No space left' "$work/err" || fail "full disk: no message"

# A change stands even when nothing can be said of it: not status 3, which promises that nothing changed. A descriptor that
# was closed does not become that of a file we write.
if unshare -n true 2>/dev/null; then
	mkdir -p "$work/root/etc/sysctl.d"
	for closed in '>/dev/full' '>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		port=$((${port:-40000} + 2))
		status=0
		EPHEMPORTS_ROOT=$work/root EPHEMPORTS_STATE_DIR=$work/state unshare -n sh -c \
			"'$ephemports' reserve add $port -N /proc/self/ns/net $closed" 2>"$work/err" || status=$?
		[ "$status" = 1 ] || fail "reserve $closed: status $status, $(cat "$work/err")"
		case $closed in *'2>&-'*) continue ;; esac
		grep -q 'the change is made' "$work/err" || fail "reserve $closed: $(cat "$work/err")"
	done
	for file in "$work"/root/etc/sysctl.d/* "$work"/state/*; do
		! grep -q 'standard output' "$file" || fail "$file has a message in it"
	done
	grep -q "40002,40004,40006,40008" "$work"/root/etc/sysctl.d/* || fail "not kept: $(cat "$work"/root/etc/sysctl.d/*)"
	status_of sh -c "EPHEMPORTS_ROOT=$work/root unshare -n '$ephemports' reserve add 40000 -N /proc/self/ns/net --dry-run >/dev/full"
	[ "$status" = 3 ] || fail "dry run: status $status"
fi

# A limit on the size of files is an error like any other, and leaves nothing behind.
mkdir "$work/limited"
(
	status=0
	(ulimit -f 0; exec "$ephemports" usage --collector netlink --save "$work/limited/file") 2>&1 >/dev/null || status=$?
	echo "status $status"
) | cat >"$work/out"
grep -q 'File too large' "$work/out" && grep -qx 'status 3' "$work/out" || fail "file size limit: $(cat "$work/out")"
[ -z "$(ls -A "$work/limited")" ] || fail "file size limit: left $(ls -A "$work/limited")"

# Where descriptors run out while BPF is used, netlink answers; and namespaces that cannot be entered are told.
if [ -r /sys/kernel/btf/vmlinux ] && [ "$(id -u)" = 0 ]; then
	for files in 12 14 16 18; do
		status_of sh -c "ulimit -n $files; exec '$ephemports' capacity 127.0.0.1:80"
		[ "$status" = 0 ] || fail "capacity with $files files: status $status, $(cat "$work/err")"
	done
fi
# One other can still be read with six descriptors; those of other tests come and go, so three are made.
namespaces=
trap 'kill $namespaces 2>/dev/null || :; rm -rf "$work"' EXIT
here=$(readlink /proc/self/ns/net)
for _ in 1 2 3; do
	unshare --net sleep 60 2>/dev/null &
	namespaces="$namespaces $!"
done
entered=0
for process in $namespaces; do
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		there=$(readlink "/proc/$process/ns/net" || :)
		[ "$there" = "$here" ] || break
		sleep 0.2
	done
	[ -z "$there" ] || [ "$there" = "$here" ] || entered=$((entered + 1))
done
status_of sh -c "ulimit -n 6; exec '$ephemports' usage --all-netns --collector netlink --json"
if [ "$status" = 0 ] && [ "$entered" = 3 ]; then
	grep -q '"netns_skipped":[1-9]' "$work/out" || fail "no word of namespaces that were not read: $(cat "$work/out")"
fi
kill $namespaces 2>/dev/null || :
trap 'rm -rf "$work"' EXIT

# What is not a snapshot is refused before all of it is in memory.
status_of timeout 5 "$ephemports" status --replay /dev/zero
[ "$status" = 3 ] && grep -q 'not a snapshot' "$work/err" || fail "--replay /dev/zero: status $status, $(cat "$work/err")"

# --output: made with mode 0644 whatever the umask, replaced whole, nothing left beside it.
metrics=$work/metrics
mkdir "$metrics"
(umask 077; "$ephemports" status --openmetrics --output "$metrics/e.prom" $replay) || fail "--output: status $?"
[ "$(stat -c %a "$metrics/e.prom")" = 644 ] || fail "--output: mode $(stat -c %a "$metrics/e.prom")"
[ "$(ls -A "$metrics")" = e.prom ] || fail "--output: left $(ls -A "$metrics")"
grep -q '^ephemports_range_ports' "$metrics/e.prom" || fail "--output: wrote no metrics"
inode=$(stat -c %i "$metrics/e.prom")
"$ephemports" status --openmetrics --output "$metrics/e.prom" $replay
[ "$(stat -c %i "$metrics/e.prom")" != "$inode" ] || fail "--output: overwrote in place"
mkdir "$metrics/directory"
status_of "$ephemports" status --openmetrics --output "$metrics/directory" $replay
[ "$status" = 3 ] && [ "$(wc -l <"$work/err")" = 1 ] || fail "--output to a directory: status $status"
[ "$(ls -A "$metrics" | sort | tr '\n' ' ')" = "directory e.prom " ] || fail "error left $(ls -A "$metrics")"
# What is not a plain file is refused and stays what it is.
mkfifo "$work/fifo"
ln -s "$metrics/e.prom" "$work/link"
for target in "$work/fifo" "$work/link"; do
	before=$(stat -c '%F %i' "$target")
	status_of "$ephemports" status --openmetrics --output "$target" $replay
	[ "$status" = 3 ] && [ "$(wc -l <"$work/err")" = 1 ] || fail "--output $target: status $status"
	[ "$(stat -c '%F %i' "$target")" = "$before" ] || fail "--output replaced $before"
done
cp "$metrics/e.prom" "$work/before"
status_of "$ephemports" status --openmetrics --output "$metrics/e.prom" --replay /nonexistent
[ "$status" = 3 ] && cmp -s "$metrics/e.prom" "$work/before" || fail "an error touched the old file"
status_of "$ephemports" status --openmetrics --output "$work/no/such/directory.prom" $replay
[ "$status" = 3 ] || fail "--output below nothing: status $status"

if command -v promtool >/dev/null; then
	for snapshot in snapshots/*.snapshot; do
		"$ephemports" status --openmetrics --replay "$snapshot" | promtool check metrics || fail "promtool: $snapshot"
	done
fi

# Hostile names: no control character reaches a terminal in any format.
for format in status 'status --json' 'status --plugin' 'status --openmetrics' usage 'usage --json' 'usage --by process' \
	'usage --by process --json'; do
	"$ephemports" $format --replay snapshots/hostile.snapshot >"$work/out" || [ $? -lt 3 ] || fail "$format"
	! LC_ALL=C grep -q '[[:cntrl:]]' "$work/out" || fail "$format: control characters"
	iconv -f UTF-8 -t UTF-8 "$work/out" >/dev/null || fail "$format: invalid UTF-8"
	! grep -q "$(printf '\342\200\256')" "$work/out" || fail "$format: turns the reading direction"
done
status_of "$ephemports" "$(printf 'a\033[31m\nb')" --json
[ "$(wc -l <"$work/err")" = 1 ] && ! LC_ALL=C grep -q '[[:cntrl:]]' "$work/err" || fail "error: control characters"

# No line is wider than the screen it was made for, and everything fits 24 lines.
for width in 80 100 132 200; do
	for snapshot in healthy warning exhausted hostile; do
		COLUMNS=$width LINES=24 "$ephemports" --replay "snapshots/$snapshot.snapshot" >"$work/out" || [ $? -lt 3 ]
		awk -v width="$width" 'length($0) > width { print; bad = 1 } END { exit bad || NR > 23 }' "$work/out" ||
			fail "status $snapshot at $width columns"
	done
done
echo "all good"
