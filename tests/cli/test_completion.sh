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
# Names of namespaces, and nothing in a name is run.
if unshare -rm sh -c 'mount -t tmpfs none /run' 2>/dev/null; then
	export ephemports
	seen=$(unshare -rm bash -c 'mount -t tmpfs none /run && mkdir /run/netns && touch /run/netns/web1 /run/netns/web2 \
		"/run/netns/web\$(touch run)" && cd /run && source <("$ephemports" completion bash) && compopt() { :; } &&
		COMP_WORDS=(ephemports -N we) COMP_CWORD=2 && _ephemports && echo "${COMPREPLY[*]} $(ls)"')
	[ "$seen" = 'web$(touch run) web1 web2 netns' ] || fail "namespaces: $seen"
fi
case $(offers '') in *completion*) ;; *) fail "completion itself is not offered" ;; esac
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
