#!/usr/bin/env python3
"""test_range.py EPHEMPORTS [CASE...] - range over ssh, on every emulated host: show, set, read back, boot, still there, undo,
boot, as before. The cases are those of test_plans.py.

What the program does not take together with --host is listed as missing; without set and undo only show is tested.
"""

import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile

from hostlib import Host, Skip
from test_plans import AT_ONCE, CASES, check, failures, prepare

VERBS = ("show", "set", "undo")
FIXED = ("irix", "bsdos")


class Command:
    def __init__(self, path, state):
        self.path, self.state = path, state

    def __call__(self, host, *words):
        done = subprocess.run([self.path, "range", *words, "--host", host.name, "--json"], capture_output=True, timeout=300, check=False,
                              env={**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": self.state})
        try:
            return done.returncode, json.loads(done.stdout), done.stderr.decode("utf-8", "replace")
        except ValueError:
            return done.returncode, {}, done.stderr.decode("utf-8", "replace")

    def missing(self):
        """Verbs that the program does not take together with --host."""
        found = []
        for verb in VERBS:
            done = subprocess.run([self.path, "range", verb, "--host", "-x"], capture_output=True, text=True, check=False)
            if "is none of" in done.stderr or "no option of" in done.stderr or "no such option" in done.stderr:
                found.append("range " + verb + " --host")
        return found


def regular(shown):
    return sorted((one["low"], one["high"]) for one in shown.get("ranges", []) if one["name"] == "regular")


def settings(host):
    """What the host runs, without what differs from one look to the next."""
    return {name: value for name, value in host.running().items() if name != "excluded"}


def run_show(command, name, case):
    keys = case.keys or (lambda running: [(running["first"], running["last"])])
    with Host(case.system, case.release, multiplex=True, **case.options) as host:
        prepare(host, case)
        status, shown, err = command(host, "show")
        expected = sorted((min(pair), max(pair)) for pair in keys(host.running()))
        check(f"{name}: show {err}", (status in (0, 1), regular(shown)), (True, expected))
        # The host has just booted: what the next boot brings is what runs.
        for one in shown.get("ranges", []):
            if one["name"] == "regular" and one["persisted"]:
                check(f"{name}: persisted", [one["persisted"][end] for end in ("low", "high")], [one["low"], one["high"]])


def run(command, name, case):
    keys = case.keys or (lambda running: [(running["first"], running["last"])])
    with Host(case.system, case.release, multiplex=True, **case.options) as host:
        prepare(host, case)
        running, files, wanted = settings(host), host.files(), [(case.low, case.high)]
        status, shown, err = command(host, "show")
        check(f"{name}: show {err}", (status in (0, 1), regular(shown)), (True, sorted(keys(host.running()))))
        status, plan, err = command(host, "set", f"{case.low}-{case.high}", "--dry-run")
        check(f"{name}: a dry run changes nothing {err}", (status in (0, 1), settings(host), host.files()), (True, running, files))
        status, done, err = command(host, "set", f"{case.low}-{case.high}")
        check(f"{name}: set {err}", (status in (0, 1), bool(done.get("undo_id"))), (True, True))
        check(f"{name}: as the dry run said", [step.get("after") for step in done.get("changes", [])],
              [step.get("after") for step in plan.get("changes", [])])
        if case.system != "windowsxp":
            check(f"{name}: running", set(keys(host.running())), set(wanted))
        host.reboot()
        check(f"{name}: after the boot", set(keys(host.running())), set(wanted))
        check(f"{name}: show agrees", set(regular(command(host, "show")[1])), set(wanted))
        check(f"{name}: the same again changes nothing", command(host, "set", f"{case.low}-{case.high}")[1].get("changes"), [])
        status, _, err = command(host, "undo")
        check(f"{name}: undo {err}", status in (0, 1), True)
        if case.system != "windowsxp":
            check(f"{name}: running as before", settings(host), running)
        host.reboot()
        check(f"{name}: as before after the boot", settings(host), running)
        # Whether sysconfigdb -r leaves an empty entry is not known; here it does.
        after = {path: (mode, owner, text.removesuffix("inet:\n\n")) for path, (mode, owner, text) in host.files().items()}
        files = {path: (mode, owner, case.undone.get(path, text)) for path, (mode, owner, text) in files.items()}
        check(f"{name}: files as before", {path: file for path, file in after.items() if files.get(path) != file}, {})
        check(f"{name}: alive", host.panic, None)


def run_fixed(command, name):
    with Host(name) as host:
        status, shown, err = command(host, "show")
        check(f"{name}: show {err}", (status, len(regular(shown))), (2, 1))
        if "range set --host" in command.missing():
            return
        status, _, err = command(host, "set", "40000-60001")
        check(f"{name}: says why it cannot", (status, name in err.lower().replace("/", "")), (2, True))


def run_one(name):
    with tempfile.TemporaryDirectory() as state:
        command = Command(sys.argv[1], state)
        missing = command.missing()
        if missing:
            print(f"{name}: expected missing: " + ", ".join(missing))
        if name in FIXED:
            run_fixed(command, name)
        else:
            (run_show if missing else run)(command, name, CASES[name])


def main():
    """A host mostly waits for its own ssh: several at once, each with a journal of its own."""
    try:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(run_one, sys.argv[2:] or [*CASES, *FIXED]))
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
