#!/usr/bin/env python3
"""test_range_words.py EPHEMPORTS - what is said of a change of another machine: names as its system has them, the way back with
the host, what a reboot is needed for, and what is worth a word about reserved ports.
"""

import json
import os
import subprocess
import sys
import tempfile

from hostlib import Host, Skip
from hostlib.answer import refuse
from test_plans import check, failures


def runner(path, host, state):
    def run(*words):
        done = subprocess.run([path, *words, "--host", host.name], capture_output=True, text=True, timeout=200, check=False,
                              env={**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": state, "COLUMNS": "300"})
        return done.returncode, done.stdout, done.stderr
    return run


def test_names(path):
    """No name of ours in front of a setting that a command keeps, neither in JSON nor in errors."""
    with tempfile.TemporaryDirectory() as state, Host("illumos", multiplex=True) as host:
        run = runner(path, host, state)
        _, out, _ = run("range", "set", "40000-60001", "--dry-run")
        check("the way back names the host", f"ephemports range undo --host {host.name}" in out, True)
        _, out, _ = run("range", "set", "40000-60001", "--json")
        changes = json.loads(out)["changes"]
        check("settings as ipadm has them", {one["setting"].split(":")[0] for one in changes}, {one["setting"] for one in changes})
        check("now and at boot are told apart", sorted({one.get("at_boot", False) for one in changes}), [False, True])
        _, out, _ = run("range", "undo", "--json")
        check("undone, as ipadm has them", "boot:" in out, False)
        _, out, _ = run("range", "log", "--json")
        check("logged, as ipadm has them", "boot:" in out, False)
        host.before = lambda call: refuse("ipadm: set-prop: Permission denied") if call.name == "ipadm" and "set-prop" in call.options and \
            "-t" not in call.options else None
        status, _, err = run("range", "set", "41000-60001")
        host.before = None
        check(f"an error as ipadm has it: {err}", (status, "boot:tcp" in err, "at boot" in err), (3, False, True))


def test_reboot(path):
    """The registry is not what runs: it counts after a reboot, and that is a warning."""
    with tempfile.TemporaryDirectory() as state, Host("windowsxp") as host:
        run = runner(path, host, state)
        status, out, err = run("range", "set", "1025-65534")
        check(f"set {err}", (status, "after a reboot" in out), (1, True))
        status, out, _ = run("range", "set", "1025-65534")
        check("nothing to change, nothing to reboot for", "after a reboot" in out, False)
        status, out, _ = run("range", "show")
        check("show says what it read", "after a reboot" in out, True)
        check("JSON, too", any("after a reboot" in note for note in json.loads(run("range", "show", "--json")[1])["notes"]), True)


def test_reserve(path):
    for name, wide in (("linux", True), ("solaris10", True), ("windows", False)):
        with tempfile.TemporaryDirectory() as state, Host(name, multiplex=True) as host:
            run = runner(path, host, state)
            _, out, err = run("reserve", "add", "3306", "--dry-run")
            check(f"{name}: outside {out} {err}", "it lies outside the range" in out, True)
            _, out, _ = run("reserve", "add", "3306,50500", "--dry-run")
            check(f"{name}: some outside", "some of them lie outside" in out, True)
            if name == "solaris10":
                continue
            _, out, err = run("reserve", "add", "56000-60999", "--dry-run")
            check(f"{name}: a block {err}", ("one block of 5 000 ports" in out, "outside" in out), (wide, False))
            _, out, _ = run("reserve", "remove", "56000-60999", "--dry-run")
            check(f"{name}: nothing about what is taken away", "block" in out, False)


def main():
    try:
        for test in (test_names, test_reboot, test_reserve):
            test(sys.argv[1])
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
