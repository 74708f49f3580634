#!/usr/bin/env python3
"""test_range_trips.py EPHEMPORTS [CASE...] - how often a change logs in: on a slow line each connection takes its time, so every
setting costs one, which sets it and reads all back, and every file five.
"""

import os
import subprocess
import sys
import tempfile

from hostlib import Host, Skip
from test_plans import CASES, check, failures, prepare

FIXED = 8  # what is there, since when, its ranges, its files, its listeners; one look before the first step, one at what is kept
FILE = 5  # planned, checked, checked again, written, read back
SETTINGS = {"linux": (1, 1), "freebsd": (2, 1), "solaris10": (6, 2), "illumos": (12, 0), "aix": (8, 0), "windows": (8, 0)}


def run(path, name, state, counter):
    case, (settings, files) = CASES[name], SETTINGS[name]
    with Host(case.system, case.release, multiplex=True, **case.options) as host:
        prepare(host, case)
        running = host.running()
        for words, most in ((("show",), 4), (("set", f"{case.low}-{case.high}"), FIXED + settings + FILE * files),
                            (("undo",), FIXED + settings + FILE * files)):
            with open(f"{state}/count", "w", encoding="ascii"):
                pass
            done = subprocess.run([path, "range", *words, "--host", host.name], capture_output=True, text=True, timeout=200, check=False,
                                  env={**os.environ, "EPHEMPORTS_SSH": f"{counter} {host.ssh_command}", "EPHEMPORTS_STATE_DIR": state})
            with open(f"{state}/count", encoding="ascii") as file:
                times = len(file.readlines())
            print(f"{name} {words[0]}: {times} of at most {most}")
            check(f"{name} {words[0]}: {done.stderr}", (done.returncode in (0, 1), 0 < times <= most), (True, True))
            changed = case.keys(host.running()) == case.keys(running)
            check(f"{name} {words[0]}: it was done", changed, words[0] != "set")


def main():
    try:
        for name in sys.argv[2:] or SETTINGS:
            with tempfile.TemporaryDirectory() as state:
                counter = f"{state}/ssh"
                with open(counter, "w", encoding="ascii") as file:
                    file.write(f'#!/bin/sh\necho x >>{state}/count\nexec "$@"\n')
                os.chmod(counter, 0o755)
                run(sys.argv[1], name, state, counter)
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
