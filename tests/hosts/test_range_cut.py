#!/usr/bin/env python3
"""test_range_cut.py EPHEMPORTS SSH_TOOL PART EVERY [SEED] - range set --host while the connection is cut (cut-SYSTEM), nobody
answers (hang-SYSTEM), or commands over there fail (fail-SYSTEM): at each EVERYth step, from one on that SEED chooses. Old or new
afterwards, running and in files, and the next run says which.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from hostlib import Host, Skip
from hostlib.answer import refuse
from test_plans import CASES, check, failures, prepare

WISH = (40000, 60001)
# By a path without blanks: EPHEMPORTS_SSH is split on them.
CUT = os.path.relpath(pathlib.Path(__file__).resolve().parent / "cut_ssh.py")


class Change:
    """One host, its state before, and a directory for each attempt."""

    def __init__(self, path, tool, name, host):
        self.path, self.tool, self.name, self.host, self.case = path, tool, name, host, CASES[name]
        self.before, self.files = self.case.keys(host.running()), host.files()

    def env(self, directory, how=None, first=0, **more):
        cut = f"{sys.executable} {CUT} {directory}/count {how} {first} " if how else ""
        return {**os.environ, "EPHEMPORTS_SSH": cut + self.host.ssh_command, "EPHEMPORTS_STATE_DIR": f"{directory}/state", **more}

    def run(self, words, env):
        return subprocess.run(words, check=False, capture_output=True, text=True, errors="replace", timeout=200, env=env)

    def stand(self):
        now = self.case.keys(self.host.running())
        changed = {p for p, f in self.host.files().items() if self.files.get(p) != f} | (self.files.keys() - self.host.files().keys())
        if now == self.before and not changed:
            return "old"
        return "new" if set(now) == {WISH} and changed else f"mixed: {now}, {changed}"

    def settle(self, what, directory, status, said):
        """The next run, with a connection that holds."""
        at_once = self.stand()
        done = self.run([self.tool, self.host.name, "recover"], self.env(directory))
        now, text = self.stand(), f"{what}: {said!r}, then {done.stdout} {done.stderr}"
        check(f"{text}, settled", (done.returncode, now in ("old", "new")), (0, True))
        if status in (0, 1):
            check(f"{text}, it was told to be new", now, "new")
        if done.stdout.strip():
            check(f"{text}, says which", "so it is done" in done.stdout, now == "new")
        else:
            check(f"{text}, nothing to settle", at_once, now)
        if status == 3:
            check(f"{text}, one line", (said.startswith("ephemports: "), said.count("\n"), self.host.name in said), (True, 1, True))
        if now == "new":
            undone = self.run([self.tool, self.host.name, "undo"], self.env(directory))
            check(f"{text}, undo {undone.stderr}", self.stand(), "old")
        return now


def attempt(change, words, what, env, directory):
    done = change.run(words, env)
    return done, change.settle(what, directory, done.returncode, done.stderr)


def test_cut(change, begin, every):
    seen = set()
    for how in ("before", "after", "input", "output", "before+", "after+"):
        first, cut = begin() - every, True
        while cut and first < 60:
            first += every
            with tempfile.TemporaryDirectory() as directory:
                done, now = attempt(change, [change.path, "range", "set", "40000-60001", "--host", change.host.name],
                                    f"{change.name} {how} {first}", change.env(directory, how, first), directory)
                seen.add(now)
                cut = int(pathlib.Path(f"{directory}/count").read_text(encoding="ascii")) >= first
                if cut and how.startswith("before"):
                    # Once all is done, services that listen there are looked for, which may fail.
                    check(f"{change.name} {how} {first}: {done.stdout} {done.stderr}", done.returncode == 3 or now == "new", True)
        check(f"{change.name} {how}: {first} calls", first > 6, True)
    check(f"{change.name}: both ends", seen, {"old", "new"})


def test_hang(change, begin, every):
    for how in ("hang", "hung"):
        first, hung = begin() - every, True
        while hung and first < 60:
            first += every
            with tempfile.TemporaryDirectory() as directory:
                env = change.env(directory, how, first, EPH_TEST_TIMEOUT_MS="1000")
                done = change.run([change.tool, change.host.name, "set", *map(str, WISH)], env)
                change.settle(f"{change.name} {how} {first}", directory, 0 if done.returncode == 0 else 99, done.stderr)
                hung = int(pathlib.Path(f"{directory}/count").read_text(encoding="ascii")) >= first


def check_left_out(change, what, directory):
    """What could not be read when all began is no part of the change, which is said; the rest comes back with undo."""
    now = change.case.keys(change.host.running())
    check(f"{what}: as before, or set", set(now) <= {WISH, *change.before} and WISH in now, True)
    undone = change.run([change.tool, change.host.name, "undo"], change.env(directory))
    check(f"{what}: undo {undone.stderr}", change.stand(), "old")


def test_fail(change, begin, every):
    """Every command that changes something fails, once, or from there on as on a full or read-only disk."""
    words = [change.path, "range", "set", "40000-60001", "--host", change.host.name]
    names = ("cp", "cat", "mv", "ln", "rm", "mkdir", "chmod", "cksum", "sync", "sysctl", "ndd")
    for lasting in (False, True) if change.name.startswith("freebsd") else (False,):
        first, failed = begin() - every, True
        while failed and first < 200:
            first += every
            count, what = [0], []

            def before(call, first=first, lasting=lasting, count=count, what=what):
                if call.name not in names:
                    return None
                count[0] += 1
                if count[0] == first or (lasting and count[0] > first and call.name not in ("cat", "cksum", "rm", "sysctl", "ndd")):
                    what.append(call.name)
                    return refuse(f"{call.name}: No space left on device")
                return None

            with tempfile.TemporaryDirectory() as directory:
                change.host.before = before
                done = change.run(words, change.env(directory))
                change.host.before = None
                failed = bool(what)
                if what == ["ndd"] and "is left out" in done.stdout:
                    check_left_out(change, f"{change.name}, {done.stdout}", directory)
                    continue
                change.settle(f"{change.name} {what} fails", directory, done.returncode, done.stderr)
                left = [p for p in change.host.files() if "ephemports-new" in p]
                check(f"{change.name} {what} fails: nothing is left", left, [])
                if what and what[0] in ("cp", "mkdir", "mv") and done.returncode == 3:
                    check(f"{change.name} {what} says why: {done.stderr}", "No space left" in done.stderr, True)
        check(f"{change.name}: {first} commands", 5 < first < 200, True)


def main():
    path, tool, part, every, *rest = sys.argv[1:]
    every, seed = int(every), int(rest[0]) if rest else random.SystemRandom().randrange(1 << 32)
    rnd = random.Random(seed)
    kind, name = part.split("-", 1)
    print(f"seed {seed}", flush=True)
    try:
        with Host(CASES[name].system, CASES[name].release, multiplex=True, **CASES[name].options) as host:
            prepare(host, CASES[name])
            test = {"cut": test_cut, "hang": test_hang, "fail": test_fail}[kind]
            test(Change(path, tool, name, host), lambda: rnd.randint(1, every), every)
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
