#!/usr/bin/env bash
# Make a static library of what the public functions need, with all other names local to it.
#
#	merge.sh LIBRARY DIRECTORY MAP ARCHIVE...
set -eu
library=$1 directory=$2 map=$3
shift 3
names=$(sed -n 's/^\t\(eph_[a-z0-9_]*\);$/\1/p' "$map")
mkdir -p "$directory"
# shellcheck disable=SC2046,SC2086
ld -r -o "$directory/ephemports.o" $(printf -- '-u %s ' $names) --start-group "$@" --end-group
# shellcheck disable=SC2046,SC2086
objcopy $(printf -- '--keep-global-symbol=%s ' $names) "$directory/ephemports.o"
rm -f "$library"
ar rcs "$library" "$directory/ephemports.o"
