# The front door. Meson and ninja do the work; every target installs what it needs first (scripts/setup).
prefix ?= /usr/local
DESTDIR ?=
ARGS ?=

.PHONY: build run check check-long ci bench bench-long lint format docs install clean help
.NOTPARALLEL:

build:
	@scripts/build build

run: build
	@build/ephemports $(ARGS); status=$$?; test $$status -le 2 || exit $$status

check: export EPHEMPORTS_SETUP = check
check: build
	@scripts/check build --no-suite long --no-suite bench

check-long: export EPHEMPORTS_SETUP = check long
check-long: build
	@scripts/check build --suite long

ci:
	@scripts/ci

bench: export EPHEMPORTS_SETUP = bench
bench: build
	@bench/run
	@bench/flat

bench-long: export EPHEMPORTS_SETUP = bench
bench-long: build
	@bench/run --long
	@bench/million

lint: export EPHEMPORTS_SETUP = lint
lint: build
	@scripts/lint build

format: export EPHEMPORTS_SETUP = lint
format:
	@scripts/setup $$EPHEMPORTS_SETUP
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

docs: build
	@ls build/docs/man/*.[1-8]

install: build
	@DESTDIR='$(DESTDIR)' scripts/install build '$(prefix)'

clean:
	rm -rf build build-ci-*

help:
	@echo 'make build      build/ephemports; installs what is missing when run as root'
	@echo 'make run        build, then what this host has left (ARGS="usage --json" for another command)'
	@echo 'make check      all tests, at most 15 minutes'
	@echo 'make check-long 100 000 seeds, and Debian 12'"'"'s own kernel in qemu'
	@echo 'make ci         sanitizers, gcc and clang with -Werror, lint, short fuzzing; at most an hour'
	@echo 'make bench      speed and memory against ss, as ratios;  make bench-long: 1 000 000 sockets, 1 000 000 connections'
	@echo 'make lint       clang-tidy, cppcheck, clang-format;  make format: lay out the sources'
	@echo 'make docs       man pages;  make install prefix=/usr/local DESTDIR=;  make clean'
