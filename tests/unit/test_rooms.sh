#!/usr/bin/env bash
# The house stays as it is drawn: who may include whom (docs/architecture.md), every source is built, no call that has
# no safe use, no file that nobody wants to open, and pure rooms stay pure.
#
#	tests/unit/test_rooms.sh [ROOT]		the tree to judge, this one if not given
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 99
failures=0

fail()
{
	echo "$*"
	failures=$((failures + 1))
}

# Room, then the rooms it may include. `rules:result` is the *_result.h headers of rules.
table='base base
core core base
rules rules core base
bpf bpf
collect collect bpf core base
os os core base
watch watch collect bpf rules core base
render render rules:result os:result watch:result core base
cli cli render os watch collect rules core base'

# The rooms that have a header of this name.
declare -A rooms_of
while IFS= read -r file; do
	room=${file#src/}
	rooms_of[${file##*/}]+="${room%%/*} "
done < <(find src -name '*.h' -o -name '*.def')

check_include() # FILE ROOM INCLUDED
{
	local file=$1 room=$2 name=$3 from owners allowed
	case $name in
	*/*)
		fail "$file: \"$name\": headers of the house are included by bare name"
		return
		;;
	*.skel.h) owners=bpf ;;
	*) owners=${rooms_of[$name]-} ;;
	esac
	[ -n "$owners" ] || { fail "$file: \"$name\" is in no room"; return; }
	allowed=" $(sed -n "s/^$room //p" <<<"$table") "
	for from in $owners; do
		[[ $name == *_result.h && $allowed == *" $from:result "* ]] && return
		[[ $allowed == *" $from "* ]] && return
	done
	fail "$file: $room may not include \"$name\" of $owners"
}

includes() # FILE -> names in quotes
{
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$1"
}

code() # FILE -> its lines without comments and strings, numbered
{
	sed -e 's/"\([^"\\]\|\\.\)*"/""/g' -e 's://.*::' -e 's:/\*.*\*/::' -e '/^[[:space:]]*\/\*/,/\*\//s/.*//' "$1" | grep -n ''
}

forbid() # FILE REGEX REASON
{
	local hit
	while IFS= read -r hit; do
		fail "$1:${hit%%:*}: $3: $(sed -n "${hit%%:*}{s/^[[:space:]]*//;p}" "$1")"
	done < <(code "$1" | grep -E "$2")
}

while IFS= read -r file; do
	room=${file#src/} room=${room%%/*}
	grep -q "^$room " <<<"$table" || fail "$file: no room $room in the table"
	while IFS= read -r name; do check_include "$file" "$room" "$name"; done < <(includes "$file")
	case $room in
	core | rules)
		forbid "$file" '#[[:space:]]*include[[:space:]]*<(time|unistd|fcntl|signal|pthread|sys/.*)\.h>' \
			"$room is pure"
		forbid "$file" '\<(FILE|stdin|stdout|stderr)\>|\<(fopen|getenv|secure_getenv|rand|random)[[:space:]]*\(' \
			"$room is pure"
		;;
	os)
		# What one system is like, and how its files are edited: text in, text out.
		grep -Eq '"(systems|os_text|edit_text|ipadm|ndd|rc_local|firewall_rules)\.h"' "$file" &&
			forbid "$file" '#[[:space:]]*include[[:space:]]*<(time|unistd|fcntl|signal|pthread|sys/.*)\.h>|\<(fopen|getenv|secure_getenv)[[:space:]]*\(' \
				"systems are pure"
		;;
	esac
	[ "$room" = cli ] ||
		forbid "$file" '\<(printf|fprintf|puts|fputs|putchar|perror|exit)[[:space:]]*\(' "only cli prints and exits"
done < <(find src -name '*.[ch]')

while IFS= read -r file; do
	while IFS= read -r name; do
		[[ $name != *../* ]] || fail "$file: \"$name\" climbs"
	done < <(includes "$file")
	forbid "$file" '\<(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|system)[[:space:]]*\(' \
		"a call that has no safe use here"
	# A test may ask a shell; the program never does.
	[[ $file != src/* ]] || forbid "$file" '\<popen[[:space:]]*\(' "a call that has no safe use here"
	case $file in
	*.c)
		name=${file##*/} stem=${name%.c} stem=${stem%.bpf}
		build=${file%/*}/meson.build
		grep -Eq "'($name|$stem|${stem#test_}|${stem#fuzz_}|${stem#bench_})'" "$build" 2>/dev/null ||
			grep -Fq "'$file'" meson.build ||
			fail "$file: $build does not name it"
		;;
	esac
done < <(find src tests bench -name '*.[ch]')

while IFS= read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 600 ] || fail "$file: $lines lines, 600 are enough"
done < <(find src tests bench scripts -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -path 'scripts/*' -type f)

[ "$failures" = 0 ] || echo "$failures broken rules"
[ "$failures" = 0 ]
