#!/usr/bin/env bash
# Exercises range set, reset, confirm and undo on the real kernel, in a network namespace and a file tree of its own: what is
# set is what the kernel then has, files change in their line alone, undo brings every byte back, what is refused changes
# nothing, and what nobody confirms is taken back.
# usage: test_range_set.sh EPHEMPORTS
set -u
ephemports=$(realpath "$1")
if [ "${2-}" != inside ]; then
	unshare --net true 2>/dev/null && exec unshare --net "$0" "$ephemports" inside
	unshare --user --map-root-user --net true 2>/dev/null && exec unshare --user --map-root-user --net "$0" "$ephemports" inside
	echo "no network namespace can be made here"
	exit 77
fi
range=/proc/sys/net/ipv4/ip_local_port_range
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export EPHEMPORTS_ROOT=$work/root EPHEMPORTS_STATE_DIR=$work/state COLUMNS=200
file=$EPHEMPORTS_ROOT/etc/sysctl.d/99-tuning.conf
mkdir -p "${file%/*}" "$EPHEMPORTS_ROOT/usr/lib/sysctl.d"
failures=0 checks=0

fail()
{
	echo "FAILED: $*"
	failures=$((failures + 1))
}

is() # WHAT SEEN EXPECTED
{
	checks=$((checks + 1))
	[ "$2" = "$3" ] || fail "$1: '$2', expected '$3'"
}

running()
{
	tr '\t' ' ' <$range
}

run() # STATUS ARGUMENTS...
{
	local expected=$1 status=0
	shift
	# The tree belongs to this namespace: it is no image.
	"$ephemports" range "$@" -N /proc/self/ns/net >"$work/out" 2>"$work/err" || status=$?
	is "status of range $*" "$status" "$expected"
	[ "$status" = "$expected" ] || cat "$work/out" "$work/err"
}

says() # WORDS
{
	checks=$((checks + 1))
	grep -qF -- "$1" "$work/out" "$work/err" || { fail "nowhere: $1"; cat "$work/out" "$work/err"; }
}

start()
{
	echo '32768 60999' >$range
	rm -rf "$EPHEMPORTS_STATE_DIR" "$EPHEMPORTS_ROOT"/etc/sysctl.d/*
	printf '# tuned\r\nkernel.x=1\n\n  net.ipv4.ip_local_port_range\t=  32768\t60999\nvm.y = 2' >"$file"
	cp "$file" "$work/before"
}

# Now and at boot, in its own line, and back to the byte.
start
run 0 set 20000-65535 --dry-run
is 'dry run' "$(running)" '32768 60999'
cmp -s "$file" "$work/before" || fail 'a dry run wrote'
run 0 set 20000-65535
is running "$(running)" '20000 65535'
is 'lines that changed' "$(diff "$work/before" "$file" | grep -c '^[<>]')" 2
run 0 show
says '20000-65535'
says 'kept at boot by /etc/sysctl.d/99-tuning.conf line 4'
run 0 set 20000-65535
says 'nothing to change'
run 0 undo
is 'after undo' "$(running)" '32768 60999'
cmp -s "$file" "$work/before" || fail 'undo left other bytes'

# So many ports.
run 0 set --ports 16384
is '16384 ports' "$(running)" '49152 65535'
run 0 set --ports 40001
is '40001 ports' "$(running)" '25534 65535'
says '40 002'
run 3 set --ports 64513
is 'too many' "$(running)" '25534 65535'

# An odd number of ports is set, and warned of.
run 1 set 32768-60998
is odd "$(running)" '32768 60998'
says '32768-60999'

run 1 set 65535-65535
says '65534-65535 has not that fault'

# The kernel looks at two numbers and no further; both programs find a path with a dot too many.
start
echo 'net.ipv4.ip_local_port_range = 20000 65535 # wide' >"$file"
run 1 show
says 'the next boot brings 20000-65535 back'
start
echo '.net.ipv4.ip_local_port_range = 20000 65535' >"$file"
run 0 set 30000-65535
is 'a dot too many' "$(cat "$EPHEMPORTS_ROOT"/etc/sysctl.d/*)" '.net.ipv4.ip_local_port_range = 30000 65535'

# What the kernel or we refuse changes nothing.
start
run 3 set 1000-65535
says ip_unprivileged_port_start
run 3 set 60999-32768
run 3 set 0-10
is refused "$(running)" '32768 60999'
cmp -s "$file" "$work/before" || fail 'a refused set wrote'

# A set that does not last, and one where no file says anything yet.
run 0 set 30000-65535 --no-persist
is 'not kept' "$(running)" '30000 65535'
cmp -s "$file" "$work/before" || fail '--no-persist wrote'
run 1 show
says 'the next boot brings 32768-60999 back, from /etc/sysctl.d/99-tuning.conf line 4'
start
rm "$file"
run 0 set 30000-65535
is 'a file of ours' "$(cat "$EPHEMPORTS_ROOT"/etc/sysctl.d/* | grep -v '^#')" 'net.ipv4.ip_local_port_range = 30000 65535'
run 0 reset
is reset "$(running)" '32768 60999'
run 0 show
says 'default, at boot too'
run 0 undo
is 'reset undone' "$(running)" '30000 65535'

# /etc/rc.local comes last of all.
start
echo 'echo "40000 50001" >/proc/sys/net/ipv4/ip_local_port_range' >"$EPHEMPORTS_ROOT/etc/rc.local"
run 1 show
says 'the next boot brings 40000-50001 back, from /etc/rc.local line 1'
says 'older advice'
run 3 set 30000-65535
says '/etc/rc.local line 1'
is 'rc.local would win' "$(running)" '32768 60999'
cmp -s "$file" "$work/before" || fail 'written although rc.local wins'
run 1 set 30000-65535 --no-persist
rm "$EPHEMPORTS_ROOT/etc/rc.local"

# Rules that the real parser takes, where there is one.
if command -v nft >/dev/null; then
	run 0 firewall --for nft --tcp --udp
	nft -c -f "$work/out" || fail 'nft refuses the rules'
	says 'dport 30000-65535 accept'
fi

# A service inside of the range.
start
python3 -c '
import socket, time
s = socket.socket(); s.bind(("0.0.0.0", 40112)); s.listen()
print(flush=True); time.sleep(60)' >"$work/listening" &
listener=$!
for _ in $(seq 50); do [ -s "$work/listening" ] && break; sleep 0.1; done
run 1 set 30000-65535
says '1 service listens inside'
kill "$listener"
wait "$listener" 2>/dev/null

# Confirmed in time, too late, not at all; and only one at a time.
start
run 0 set 30000-65535 --confirm-within 2
is 'before it is confirmed' "$(running)" '30000 65535'
cmp -s "$file" "$work/before" || fail 'written before it was confirmed'
run 3 set 31000-65535 --confirm-within 2
for _ in $(seq 60); do [ "$(running)" = '32768 60999' ] && break; sleep 0.1; done
is 'nobody confirmed' "$(running)" '32768 60999'
run 3 confirm
run 0 set 30000-65535 --confirm-within 2
run 0 confirm
sleep 3
is confirmed "$(running)" '30000 65535'
run 0 show
says 'kept at boot by /etc/sysctl.d/99-tuning.conf line 4'
start
run 3 set 1000-65535 --confirm-within 1
run 0 set 30000-65535 --confirm-within 1
sleep 2
is 'after one that was refused' "$(running)" '32768 60999'

# Whoever sets it is killed somewhere on the way: taken back all the same, and what was set before stays.
start
echo '32768 60999' >$range
run 0 set 31000-65535 --no-persist
sleep 1
for hundredths in 2 4 6 8 10 12 14 16; do
	"$ephemports" range set 30000-65535 --confirm-within 1 -N /proc/self/ns/net >/dev/null 2>&1 &
	setter=$!
	sleep "0.$(printf %02d "$hundredths")"
	kill -KILL "$setter" 2>/dev/null
	wait "$setter" 2>/dev/null
	for _ in $(seq 40); do
		[ ! -e "$EPHEMPORTS_STATE_DIR/pending" ] && [ "$(running)" = '31000 65535' ] && break
		sleep 0.1
	done
	is "killed after 0.$hundredths s" "$(running)" '31000 65535'
	[ ! -e "$EPHEMPORTS_STATE_DIR/pending" ] || fail 'it still waits'
	run 0 log
done

# The guard is killed: what it left does not block the next, which takes it back first.
start
run 0 set 30000-65535 --confirm-within 20
guard=
for process in /proc/[0-9]*; do
	[ "$(readlink "$process/exe")" = "$ephemports" ] && [ "$(readlink "$process/fd/4")" = "$EPHEMPORTS_STATE_DIR/pending" ] && guard=${process#/proc/}
done 2>/dev/null
if [ -n "$guard" ]; then kill -KILL "$guard"; else fail 'no guard holds its lock'; fi
for _ in $(seq 50); do [ -e "/proc/$guard/fd/4" ] || break; sleep 0.1; done
run 1 show
says '30000-65535 waits for ephemports range confirm -N /proc/self/ns/net, but its guard is gone'
run 0 log
says '30000-65535 waits for ephemports range confirm -N /proc/self/ns/net, but its guard is gone'
run 0 set 31000-65535 --confirm-within 1
says '32768 60999 -> 31000 65535'
sleep 2
is 'after a guard that was killed' "$(running)" '32768 60999'
[ ! -e "$EPHEMPORTS_STATE_DIR/pending" ] || fail 'it still waits'

echo "$checks checks, $failures failed"
[ "$failures" = 0 ]
