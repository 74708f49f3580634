#!/usr/bin/env bash
# The C library as it is installed: staged with `meson install --destdir`, found by pkg-config, used by programs that see
# nothing of the source tree but this directory.
#
#	test_package.sh BUILD SOURCE
set -u
build=$1 source=$2
stage=$(mktemp -d) || exit 99
trap 'rm -rf "$stage"' EXIT
failures=0

fail()
{
	echo "$*"
	failures=$((failures + 1))
}

meson install -C "$build" --no-rebuild --quiet --destdir "$stage" >"$stage/log" 2>&1 || {
	cat "$stage/log"
	exit 1
}
pc=$(find "$stage" -name libephemports.pc)
[ -n "$pc" ] || { echo "no libephemports.pc"; exit 1; }
libdir=${pc%/pkgconfig/*}
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$stage
for file in libephemports.so libephemports.so.0 libephemports.a; do
	[ -e "$libdir/$file" ] || fail "$file is not installed"
done
read -ra cflags <<<"$(pkg-config --cflags libephemports)"
read -ra libs <<<"$(pkg-config --libs libephemports)"
# What it is made of is no business of a program that links the shared one.
[[ "${libs[*]}" != *-lbpf* && "${libs[*]}" != *-lmnl* ]] || fail "pkg-config --libs: ${libs[*]}"

# Symbols: those of the header and no other.
header=$(find "$stage" -name ephemports.h)
public=$(tr '\n' ' ' <"$header" | grep -o 'EPH_API [^;]*(' | grep -o 'eph_[a-z_]*(' | tr -d '(' | sort -u)
[ "$(wc -l <<<"$public")" -ge 10 ] || fail "the header has few functions: $public"
shared=$(nm -D --defined-only "$libdir/libephemports.so.0" | grep -v ' A ' | sed 's/.* //; s/@.*//' | sort)
static=$(nm -g --defined-only "$libdir/libephemports.a" | grep -o ' [A-Z] .*' | sed 's/.* //' | sort)
diff <(echo "$public") <(echo "$shared") || fail "the shared library has other symbols than the header"
diff <(echo "$public") <(echo "$static") || fail "the static library has other symbols than the header"
nm -D --defined-only "$libdir/libephemports.so.0" | grep ' T ' | grep -qv '@@LIBEPHEMPORTS_0' &&
	fail "a symbol without version"
readelf -d "$libdir/libephemports.so.0" | grep -q 'SONAME.*\[libephemports.so.0\]' || fail "another SONAME"

warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wundef -Wstrict-prototypes -Werror)
for compiler in gcc clang; do
	command -v $compiler >/dev/null || continue
	for standard in gnu99 gnu17; do
		$compiler "${warnings[@]}" -std=$standard "${cflags[@]}" -fsyntax-only -x c "$header" ||
			fail "$compiler -std=$standard does not compile the header"
	done
	$compiler -std=gnu17 -D_GNU_SOURCE "${warnings[@]}" "${cflags[@]}" "$source/test_api.c" -o "$stage/shared-$compiler" "${libs[@]}" ||
		fail "$compiler does not link the shared library"
	LD_LIBRARY_PATH=$libdir timeout 60 "$stage/shared-$compiler"
	status=$?
	[ $status = 0 ] || [ $status = 77 ] || fail "$compiler, shared: status $status"
done
for compiler in g++ clang++; do
	command -v $compiler >/dev/null || continue
	printf '%s\n' '#include <ephemports.h>' 'int main() { return eph_pool_free(nullptr) != nullptr; }' >"$stage/main.cc"
	$compiler -Wall -Wextra -Wpedantic -Werror "${cflags[@]}" "$stage/main.cc" -o "$stage/cxx" "${libs[@]}" &&
		LD_LIBRARY_PATH=$libdir timeout 60 "$stage/cxx" || fail "$compiler does not use the header"
done

# Static: the archive, and of the system's libraries whatever form there is.
read -ra all <<<"$(pkg-config --static --libs libephemports)"
gcc -std=gnu17 -D_GNU_SOURCE "${cflags[@]}" "$source/test_api.c" -o "$stage/static" "${all[@]/#-lephemports/-l:libephemports.a}" ||
	fail "the static library does not link"
readelf -d "$stage/static" | grep -q libephemports && fail "the static program needs the shared library"
timeout 60 "$stage/static"
status=$?
[ $status = 0 ] || [ $status = 77 ] || fail "static: status $status"
[ "$failures" = 0 ] || echo "$failures failures"
[ "$failures" = 0 ]
