#!/usr/bin/env bash
# The house stays as it is drawn: who may include whom (docs/architecture.md), every source is built, no call that has
# no safe use, no file that nobody wants to open, and pure rooms stay pure.
#
#	tests/unit/test_rooms.sh [ROOT]		the tree to judge, this one if not given
# Every file is read once by few processes: a process per line would make this the slowest of the unit tests.
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
connect connect public bpf core base
watch watch public collect bpf rules core base
render render rules:result os:result watch:result core base
cli cli render os watch collect connect public rules core base'

declare -A allowed rooms_of meson
while read -r room may; do
	allowed[$room]=" $may "
done <<<"$table"

# The rooms that have a header of this name.
while IFS= read -r file; do
	room=${file#src/}
	rooms_of[${file##*/}]+="${room%%/*} "
done < <(find src -name '*.h' -o -name '*.def')

check_include() # FILE INCLUDED
{
	local file=$1 name=$2 room=${1#src/} from owners
	room=${room%%/*}
	case $name in
	*/*)
		fail "$file: \"$name\": headers of the house are included by bare name"
		return
		;;
	*.skel.h) owners=bpf ;;
	ephemports.h) owners=public ;;
	*) owners=${rooms_of[$name]-} ;;
	esac
	[ -n "$owners" ] || { fail "$file: \"$name\" is in no room"; return; }
	for from in $owners; do
		[[ $name == *_result.h && ${allowed[$room]-} == *" $from:result "* ]] && return
		[[ ${allowed[$room]-} == *" $from "* ]] && return
	done
	fail "$file: $room may not include \"$name\" of $owners"
}

# FILE NAME of every include in quotes
includes=$(find src tests bench -name '*.[ch]' -exec grep -H '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' {} + |
	sed 's/^\([^:]*\):[^"]*"\([^"]*\)".*/\1 \2/')
# FILE:LINE:TEXT of everything, without comments and strings
code=$(find src tests bench -name '*.[ch]' -exec grep -Hn '' {} + |
	sed -e 's/"\([^"\\]\|\\.\)*"/""/g' -e 's://.*::' -e 's:/\*.*\*/::' \
		-e '/^[^:]*:[0-9]*:[[:space:]]*\/\*/,/\*\//s/.*//')

forbid() # FILES REGEX REASON, both regular expressions; FILES is of the whole path
{
	local file line rest
	while IFS=: read -r file line rest; do
		fail "$file:$line: $3: $(sed -n "${line}{s/^[[:space:]]*//;p}" "$file")"
	done < <(grep -E "^($1):[0-9]+:(.*[^[:alnum:]_])?($2)" <<<"$code")
}

while read -r file name; do
	[[ $file != src/* ]] || check_include "$file" "$name"
	[[ $name != *../* ]] || fail "$file: \"$name\" climbs"
done <<<"$includes"

system_headers='#[[:space:]]*include[[:space:]]*<(time|unistd|fcntl|signal|pthread|sys/.*)\.h>'
forbid 'src/(core|rules)/[^:]*' "$system_headers" 'core and rules are pure'
forbid 'src/(core|rules)/[^:]*' '(FILE|stdin|stdout|stderr)\>|(fopen|getenv|secure_getenv|rand|random)[[:space:]]*\(' \
	'core and rules are pure'
# What one system is like, and how its files are edited: text in, text out.
systems=$(grep -lE '"(systems|os_text|edit_text|ipadm|ndd|rc_local|firewall_rules)\.h"' src/os/*.[ch] | paste -sd '|')
[ -z "$systems" ] ||
	forbid "$systems" "$system_headers|(fopen|getenv|secure_getenv)[[:space:]]*\\(" 'systems are pure'
forbid "src/($(sed 's/ .*//; /^cli$/d' <<<"$table" | paste -sd '|'))/[^:]*" \
	'(printf|fprintf|puts|fputs|putchar|perror|exit)[[:space:]]*\(' 'only cli prints and exits'
forbid '[^:]*' '(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|system)[[:space:]]*\(' \
	'a call that has no safe use here'
# A test may ask a shell; the program never does.
forbid 'src/[^:]*' 'popen[[:space:]]*\(' 'a call that has no safe use here'

while IFS= read -r file; do
	directory=${file%/*} name=${file##*/} room=${file#src/}
	room=${room%%/*} stem=${name%.c} stem=${stem%.bpf}
	[[ $file != src/* || -n ${allowed[$room]-} ]] || fail "$file: no room $room in the table"
	[[ $file == *.c ]] || continue
	[[ -v meson[$directory] ]] || meson[$directory]=$(cat "$directory/meson.build" 2>/dev/null)
	[[ ${meson[$directory]} =~ \'($name|$stem|${stem#test_}|${stem#fuzz_}|${stem#bench_})\' ]] ||
		grep -Fq "'$file'" meson.build ||
		fail "$file: $directory/meson.build does not name it"
done < <(find src tests bench -name '*.[ch]')

while read -r lines file; do
	[ "$lines" -le 600 ] || fail "$file: $lines lines, 600 are enough"
done < <(find src tests bench scripts \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -path 'scripts/*' -type f \) \
	-exec wc -l {} + | grep -v ' total$')

[ "$failures" = 0 ] || echo "$failures broken rules"
[ "$failures" = 0 ]
