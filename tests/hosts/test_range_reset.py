#!/usr/bin/env python3
"""test_range_reset.py EPHEMPORTS [SYSTEM...] - range reset --host and range log --host: the default runs, now and after a boot, no
line of ours is left where files are lists of settings, and undo brings all of it back.
"""

import json
import os
import subprocess
import sys
import tempfile

from hostlib import Host, Skip
from test_plans import CASES, check, failures, prepare

# Files that hold nothing but what was there before the first set, once it is reset.
CLEAN = {"freebsd": ["/etc/sysctl.conf"], "openbsd": ["/etc/sysctl.conf"], "netbsd": ["/etc/sysctl.conf"], "dragonfly": ["/etc/sysctl.conf"],
         "linux": ["/etc/sysctl.d/90-ephemports.conf", "/etc/sysctl.conf"]}
SITE = "# of the site\nkern.maxfiles=100000\n"


def run_one(path, name):
    case = CASES[name]
    with tempfile.TemporaryDirectory() as state, Host(case.system, case.release, multiplex=True, **case.options) as host:
        prepare(host, case)
        if name in CLEAN:
            host.write("/etc/sysctl.conf", SITE, 0o640)
            host.reboot()

        def run(*words):
            done = subprocess.run([path, "range", *words], capture_output=True, text=True, timeout=200, check=False,
                                  env={**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": state})
            return done.returncode, done.stdout, done.stderr

        default, keys = case.keys(host.running()), lambda: case.keys(host.running())
        to = ["--host", host.name]
        check(f"{name}: set", run("set", f"{case.low}-{case.high}", *to)[0] in (0, 1), True)
        wanted, files = keys(), host.files()
        status, out, err = run("reset", *to, "--dry-run")
        check(f"{name}: a dry run {err}", (status in (0, 1), keys(), host.files() == files), (True, wanted, True))
        status, out, err = run("reset", *to)
        check(f"{name}: reset {out} {err}", (status in (0, 1), keys()), (True, default))
        for file in CLEAN.get(name, []):
            lines = [line for line in (host.read(file) or "").splitlines() if not line.startswith("#")]
            check(f"{name}: {file} has no line of ours", [line for line in lines if "port" in line], [])
        if name in CLEAN:
            check(f"{name}: the site's lines stay", host.files()["/etc/sysctl.conf"], ("0o640", 0, SITE))
            check(f"{name}: it says so", "no file sets the range any more" in out, True)
        host.reboot()
        check(f"{name}: after the boot", keys(), default)
        status, out, err = run("reset", *to, "--json")
        check(f"{name}: again {out} {err}", (status in (0, 1), json.loads(out)["changes"], json.loads(out)["undo_id"]), (True, [], None))
        status, out, err = run("log", *to, "--json")
        entries = json.loads(out)["log"]
        check(f"{name}: log {err}", (status, [(entry["id"], entry["state"], entry["host"]) for entry in entries]),
              (0, [("2", "done", host.name), ("1", "done", host.name)]))
        check(f"{name}: log of another", (run("log", "--host", "elsewhere")[:2], json.loads(run("log", "--host", "elsewhere", "--json")[1])["log"]),
              ((0, "nothing was changed yet\n"), []))
        status, out, err = run("log", *to)
        check(f"{name}: log as text {out} {err}", (status, out.count("--host " + host.name)), (0, 2))
        check(f"{name}: undo the reset {err}", (run("undo", *to)[0], keys()), (0, wanted))
        host.reboot()
        check(f"{name}: also after a boot", keys(), wanted)


def main():
    path, *names = sys.argv[1:]
    try:
        for name in names:
            run_one(path, name)
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
