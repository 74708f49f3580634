#!/bin/bash
# Exercises completion: each shell that is installed accepts its script, and bash offers what the command table has.
# usage: test_completion.sh EPHEMPORTS
set -eu
ephemports=$(realpath "$1")
fail() {
	echo "FAILED: $*" >&2
	exit 1
}
offers() { # offers WORD... : what completing the last word would bring
	COMP_WORDS=(ephemports "$@") COMP_CWORD=$#
	COMPREPLY=()
	_ephemports
	echo "${COMPREPLY[*]}"
}

source <("$ephemports" completion bash)
[ "$(offers ca)" = capacity ] || fail "commands: $(offers ca)"
[ "$(offers usage --b)" = --by ] || fail "options: $(offers usage --b)"
[ "$(offers usage --by s)" = source ] || fail "values: $(offers usage --by s)"
[ "$(offers --json status --pl)" = --plugin ] || fail "after an option: $(offers --json status --pl)"
[ "$(offers capacity --reuse-time-wait y)" = yes ] || fail "values of capacity"
[ "$(offers --netn)" = --netns ] || fail "common options"
case $(offers '') in *completion*) fail "offers a hidden command" ;; esac
if command -v zsh >/dev/null; then
	"$ephemports" completion zsh | zsh -n || fail "zsh"
fi
if command -v fish >/dev/null; then
	"$ephemports" completion fish | fish -n || fail "fish"
	fish -c "'$ephemports' completion fish | source; complete -C 'ephemports usage --by s'" | grep -q '^source' ||
		fail "fish: values"
fi
status=0
"$ephemports" completion tcsh 2>/dev/null || status=$?
[ "$status" = 3 ] || fail "unknown shell: status $status"
echo "all good"
