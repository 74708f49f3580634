#!/usr/bin/env python3
"""test_range_hosts.py EPHEMPORTS SSH_TOOL [PART...] - what only other machines have: a guard over there (confirm), several hosts
at once (several), a system that does half of what it is asked for (half), and a change that is cut at every step (crash SYSTEM).
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from hostlib import Host, Skip, ssh_command
from hostlib.answer import Answer
from test_plans import CASES, check, failures, prepare

STOPPED = 98
WISH = (40000, 60001)


def command(path, state, ssh, *words, stdin=None):
    done = subprocess.run([path, "range", *words], capture_output=True, text=True, timeout=200, check=False, input=stdin,
                          env={**os.environ, "EPHEMPORTS_SSH": ssh, "EPHEMPORTS_STATE_DIR": state})
    return done.returncode, done.stdout, done.stderr


def test_confirm(path, _):
    for name in ("freebsd", "solaris10", "linux", "tru64"):
        case = CASES[name]
        with tempfile.TemporaryDirectory() as state, Host(case.system, case.release, multiplex=True) as host:
            prepare(host, case)
            before, files = case.keys(host.running()), host.files()

            def run(*words, name=host.name, ssh=host.ssh_command, state=state):
                return command(path, state, ssh, *words, "--host", name)

            status, out, err = run("set", "40000-60001", "--confirm-within", "3")
            check(f"{name}: set for a while {out} {err}", status in (0, 1), True)
            check(f"{name}: it runs", set(case.keys(host.running())), {WISH})
            check(f"{name}: no file changes", {path for path, file in host.files().items() if files.get(path) != file}, set())
            time.sleep(4)
            check(f"{name}: undone by itself", case.keys(host.running()), before)
            status, _, err = run("confirm")
            check(f"{name}: too late {err}", status, 3)
            status, _, err = run("set", "40000-60001", "--confirm-within", "4")
            check(f"{name}: set again {err}", status in (0, 1), True)
            status, _, err = run("confirm")
            check(f"{name}: confirmed {err}", status in (0, 1), True)
            time.sleep(5)
            check(f"{name}: nobody takes it back", set(case.keys(host.running())), {WISH})
            host.reboot()
            check(f"{name}: kept", set(case.keys(host.running())), {WISH})
            status, _, _ = run("confirm")
            check(f"{name}: once only", status, 3)
    # A machine so slow that the guard acts while the last steps are taken: the whole is taken back, not left without a guard.
    case = CASES["solaris10"]
    with tempfile.TemporaryDirectory() as state, Host(case.system, case.release, multiplex=True) as host:
        prepare(host, case)
        before = host.running()
        host.before = lambda call: time.sleep(0.5 if call.name == "ndd" and "-set" in call.options else 0)
        status, _, err = command(path, state, host.ssh_command, "set", "40000-60001", "--confirm-within", "1", "--host", host.name)
        host.before = None
        check(f"slow: refused {err}", status, 3)
        time.sleep(2)
        check(f"slow: as before {err}", host.running(), before)
        status, _, err = command(path, state, host.ssh_command, "set", "40000-60001", "--confirm-within", "60", "--host", host.name)
        check(f"slow: nothing waits any more {err}", status in (0, 1), True)
    for name, wish in (("windows", "40000-60001"), ("windowsxp", "1025-60001")):
        with tempfile.TemporaryDirectory() as state, Host(name) as host:
            before = host.running()
            status, _, err = command(path, state, host.ssh_command, "set", wish, "--confirm-within", "3", "--host", host.name)
            check(f"{name}: no guard there {err}", (status, "confirm-within" in err), (3, True))
            check(f"{name}: nothing was set", host.running(), before)


def guard_of(state):
    """Number of the guard's process over there, from the file that keeps it."""
    pending = [name for name in os.listdir(state) if name.startswith("pending-")]
    with open(f"{state}/{pending[0]}", encoding="ascii") as file:
        return file.read().split()[5]


def leftovers(host):
    return [path for place in ("/var/run", "/var/adm", "/etc") for path in host.chroot.listing(place) if path.startswith(".ephemports")]


def states(path, state, ssh):
    return [entry["state"] for entry in json.loads(command(path, state, ssh, "log", "--json")[1])["log"]]


def test_late_guard(path):
    """An ssh that comes back only when the guard has ended, as where the guard holds its descriptors."""
    with tempfile.TemporaryDirectory() as state, Host("freebsd", multiplex=True) as host:
        before, files = host.running(), host.files()
        slow = f"{state}/slow-ssh"
        with open(slow, "w", encoding="ascii") as file:
            file.write('#!/bin/sh\ncase "$*" in *ephemports-guard*) "$@"; s=$?; sleep 4; exit $s;; esac\nexec "$@"\n')
        os.chmod(slow, 0o755)
        status, _, err = command(path, state, f"{slow} {host.ssh_command}", "set", "40000-60001", "--confirm-within", "3", "--host", host.name)
        check(f"a guard that was heard of too late {err}", (status, "were over before" in err), (3, True))
        check("nothing was set without a guard", (host.running(), host.files()), (before, files))


def test_guard(path, _):
    """A guard that was killed, that somebody overtakes, that lived through a reboot only in our file."""
    test_late_guard(path)
    for name in ("freebsd", "solaris10", "linux"):
        case = CASES[name]
        other = (40000, 50001)
        with tempfile.TemporaryDirectory() as state, Host(case.system, case.release, multiplex=True) as host:
            prepare(host, case)
            before, files = case.keys(host.running()), host.files()

            def run(*words, host=host, state=state):
                return command(path, state, host.ssh_command, *words, "--host", host.name)

            def runs(case=case, host=host):
                return sorted(set(case.keys(host.running())))

            check(f"{name}: set", run("set", "40000-60001", "--confirm-within", "60")[0] in (0, 1), True)
            status, _, err = run("set", "40000-50001", "--confirm-within", "60")
            check(f"{name}: one waits already {err}", (status, "40000-60001 waits there" in err, runs()), (3, True, [WISH]))
            for verb in ("show", "log"):
                check(f"{name}: {verb} tells", "40000-60001 is taken back at " in run(verb)[1], True)
            host.execute("/.host/busybox", "kill", "-9", guard_of(state))
            status, _, err = run("set", "40000-50001", "--confirm-within", "3")
            check(f"{name}: after a guard that was killed {err}", (status in (0, 1), "which is gone" in err, runs()), (True, True, [other]))
            check(f"{name}: what it guarded was taken back", states(path, state, host.ssh_command), ["done", "undone"])
            time.sleep(4)
            check(f"{name}: the next takes back", case.keys(host.running()), before)
            status, _, err = run("set", "40000-60001", "--confirm-within", "3")
            check(f"{name}: told {err}", "was taken back" in err, True)
            check(f"{name}: log knows", states(path, state, host.ssh_command)[1:], ["undone", "undone"])
            check(f"{name}: undo before the guard", (run("undo")[0], case.keys(host.running())), (0, before))
            status, out, err = run("set", "40000-50001", "--confirm-within", "3")
            check(f"{name}: again {err}", status in (0, 1), True)
            status, out, err = run("set", "40000-60001")
            check(f"{name}: set for good while another waits {out} {err}", (status in (0, 1), "waits no more" in out), (True, True))
            time.sleep(4)
            check(f"{name}: no guard takes that back", runs(), [WISH])
            check(f"{name}: undo", (run("undo")[0], run("undo")[0], case.keys(host.running())), (0, 0, before))
            check(f"{name}: files as before", {p for p, file in host.files().items() if files.get(p) != file}, set())
            check(f"{name}: set before a reboot", run("set", "40000-60001", "--confirm-within", "60")[0] in (0, 1), True)
            host.reboot()
            check(f"{name}: the reboot took it back", case.keys(host.running()), before)
            status, _, err = run("confirm")
            check(f"{name}: nothing to confirm {err}", (status, runs() == [WISH]), (3, False))
            status, _, err = run("set", "40000-60001")
            check(f"{name}: and it goes on {err}", (status in (0, 1), runs()), (True, [WISH]))
            time.sleep(1)
            check(f"{name}: nothing is left there", leftovers(host), [])


def test_several(path, _):
    with tempfile.TemporaryDirectory() as state, Host("freebsd") as one, Host("aix") as two, Host("irix") as three:
        ssh = ssh_command(one, two, three)
        names = ["--host", two.name, "--host", one.name]
        status, out, err = command(path, state, ssh, "show", "--json", *names, "--host", "nowhere.invalid", "--host", three.name)
        hosts = json.loads(out)["hosts"]
        check(f"the worst status {err}", status, 3)
        check("in the order given", [host["host"] for host in hosts], [two.name, one.name, "nowhere.invalid", three.name])
        check("a status each", [host["status"] for host in hosts][2:], [3, 2])
        check("errors", [host["error"] is None for host in hosts], [True, True, False, True])
        check("fields of one host", [host.get("os") for host in hosts], ["aix", "freebsd", None, "irix"])
        alone = json.loads(command(path, state, ssh, "show", "--json", "--host", one.name)[1])
        check("the same as alone", {**hosts[1], "schema": 1}, {**alone, "host": one.name, "status": hosts[1]["status"], "error": None})
        status, out, err = command(path, state, ssh, "set", "40000-60001", *names)
        check(f"set on both {out} {err}", (status in (0, 1), len(out.splitlines())), (True, 2))
        for host, case in ((one, CASES["freebsd"]), (two, CASES["aix"])):
            check(f"{host.name}: set", set(case.keys(host.running())), {WISH})
        for expected, word, fine in (("40000-60001", "exactly", True), ("30000-65000", "narrower", True), ("45000-50000", "wider", False)):
            status, out, err = command(path, state, ssh, "show", "--expect", expected, *names)
            check(f"expect {expected} {err}", [word in line for line in out.splitlines()], [True, True])
            if not fine:
                check(f"expect {expected}", status, 1)
        listed = f"# all of ours\n{one.name}\n\n  {two.name}   # the other\n"
        status, out, err = command(path, state, ssh, "undo", "--hosts-file", "-", "--parallel", "1", stdin=listed)
        check(f"undo by a file {err}", (status, len(out.splitlines())), (0, 2))
        check("undone", CASES["freebsd"].keys(one.running()) != [WISH] and CASES["aix"].keys(two.running())[0] != WISH, True)
        for line in ("-oProxyCommand=touch /tmp/never", "a;b", "$(id)", "a b", "x" * 600):
            one.clear_log()
            status, out, err = command(path, state, ssh, "set", "40000-60001", "--hosts-file", "-", stdin=f"{one.name}\n{line}\n")
            check(f"hostile line {line!r} {err}", (status, "line 2" in err, out, one.log()), (3, True, "", []))


def test_listeners(path, _):
    """Services that listen inside of the range over there are warned of, by show and by set."""
    head = "Active Internet connections (including servers)\nProto Recv-Q Send-Q Local Address          Foreign Address        (state)\n"
    row = "tcp4       0      0 *.{0:<20} *.*                    LISTEN\n"
    with tempfile.TemporaryDirectory() as state, Host("freebsd", multiplex=True) as host:
        for text, words in ((head + row.format(50000) + row.format(22), "listens"), (head + row.format(22), "")):
            host.before = lambda call, text=text: Answer(text) if call.name == "netstat" else None
            for verb in (["show"], ["set", "40000-60001"]):
                status, out, err = command(path, state, host.ssh_command, *verb, "--host", host.name)
                check(f"{verb} with {words!r}: {out} {err}", (status, "listen" in out), (1, True) if words else (0, False))
        host.before = lambda call: Answer("", "netstat: cannot", 1) if call.name == "netstat" else None
        status, out, err = command(path, state, host.ssh_command, "show", "--host", host.name)
        check(f"not known {out} {err}", (status, "could not be read" in out), (0, True))


def test_half(path, _):
    """A dry run as it is pasted; and netsh says Ok and takes fewer ports: everything is as before at once."""
    with tempfile.TemporaryDirectory() as state, Host("solaris10") as host:
        status, out, err = command(path, state, host.ssh_command, "set", "40000-60001", "--dry-run", "--host", host.name)
        check(f"a script can be copied from a dry run {err}", "\n    + \t${NDD} -set /dev/tcp tcp_smallest_anon_port 40000\n" in out, True)
    with tempfile.TemporaryDirectory() as state, Host("windows", most=20000) as host:
        before = host.running()
        status, out, err = command(path, state, host.ssh_command, "set", "40000-50000", "--dry-run", "--host", host.name)
        check(f"what runs and what is kept is one setting {err}", out.splitlines()[:4],
              ["ipv4/tcp/dynamicport", "  now      49152 65535 -> 40000 50000", "  at boot  49152 65535 -> 40000 50000", "ipv4/udp/dynamicport"])
        status, _, err = command(path, state, host.ssh_command, "set", "40000-60001", "--host", host.name)
        check(f"half of it {err}", (status, "took '40000 59999'" in err), (3, True))
        check("taken back", host.running(), before)
        status, _, err = command(path, state, host.ssh_command, "undo", "--host", host.name)
        check(f"nothing is left to undo {err}", status, 3)


def stand(case, host, before):
    now = case.keys(host.running())
    return "old" if now == before else "new" if set(now) == {WISH} else f"mixed {now}"


def test_crash(path, tool, name):
    """Killed at every point: afterwards old or new, running and after a boot, and the next run says which."""
    case = CASES[name]
    seen, point = set(), 0
    with tempfile.TemporaryDirectory() as top, Host(case.system, case.release, multiplex=True, **case.options) as host:
        prepare(host, case)
        before, files = case.keys(host.running()), host.files()
        status = STOPPED
        while status == STOPPED and point < 100:
            point += 1
            env = {**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": f"{top}/{point}"}
            status = subprocess.run([tool, host.name, "set", *map(str, WISH)], check=False, capture_output=True, timeout=100,
                                    env={**env, "EPH_TEST_STOP_AT": str(point)}).returncode
            done = subprocess.run([tool, host.name, "recover"], check=False, capture_output=True, text=True, timeout=100, env=env)
            now = stand(case, host, before)
            seen.add(now)
            check(f"{name}: point {point}, recovered {done.stdout} {done.stderr}", (done.returncode, now in ("old", "new")), (0, True))
            if done.stdout.strip():
                check(f"{name}: point {point} says {done.stdout}", "so it is done" in done.stdout, now == "new")
            changed = {path for path, file in host.files().items() if files.get(path) != file} | (files.keys() - host.files().keys())
            if now == "old":
                check(f"{name}: point {point}, files as before", changed, set())
            else:
                undone = subprocess.run([tool, host.name, "undo"], check=False, capture_output=True, text=True, timeout=100, env=env)
                check(f"{name}: point {point} undo {undone.stderr}", (undone.returncode, stand(case, host, before)), (0, "old"))
    check(f"{name}: both ends were seen", seen, {"old", "new"})
    check(f"{name}: {point} points", (point > 4, status), (True, 0))


def test_clamped(_, tool):
    """The system takes another value than was asked for, and we are killed before that is read back."""
    for name, options in (("freebsd", {}), ("windows", {"most": 20000})):
        case, status, point, half = CASES[name], STOPPED, 0, 0
        with tempfile.TemporaryDirectory() as top, Host(name, multiplex=True, **options) as host:
            prepare(host, case)
            before, files = case.keys(host.running()), host.files()
            if name == "freebsd":
                accept = host.system.accept
                host.system.accept = lambda key, text: accept(key, "50000" if key.endswith(".last") and text == "60001" else text)
            while status == STOPPED and point < 100:
                point += 1
                for reboots in (False, True):
                    env = {**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": f"{top}/{point}{reboots}"}
                    done = subprocess.run([tool, host.name, "set", *map(str, WISH)], check=False, capture_output=True, text=True, timeout=100,
                                          env={**env, "EPH_TEST_STOP_AT": str(point)})
                    status = done.returncode
                    half += stand(case, host, before).startswith("mixed")
                    if reboots:
                        host.reboot()
                        env["EPHEMPORTS_SSH"] = host.ssh_command
                    settled = subprocess.run([tool, host.name, "recover"], check=False, capture_output=True, text=True, timeout=100, env=env)
                    now = stand(case, host, before)
                    host.reboot()
                    text = f"{name}: point {point} {reboots}: {done.stderr} {settled.stdout} {settled.stderr}"
                    check(text, (settled.returncode, stand(case, host, before)), (0, "old"))
                    # A boot with our file, half taken, is not told from somebody else's doing.
                    if not reboots:
                        check(f"{text}: at once, and says which", (now, "somebody else" in settled.stdout, "is done" in settled.stdout),
                              ("old", False, False))
                    check(f"{text}: files", {p for p, f in host.files().items() if files.get(p) != f}, set())
            check(f"{name}: refused, after {half} halves", (status, half > 1), (99, True))


def test_killed(path, _):
    """The program itself, by SIGKILL, at moments that differ from run to run."""
    case = CASES["solaris10"]
    with tempfile.TemporaryDirectory() as state, Host(case.system, case.release, multiplex=True) as host:
        prepare(host, case)
        before, files = case.keys(host.running()), host.files()
        env = {**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": state}
        words = [path, "range", "set", "40000-60001", "--host", host.name]
        for delay in (0.2, 0.4, 0.6, 0.8, 1.0, 1.4):
            with subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(delay)
                process.send_signal(signal.SIGKILL)
            time.sleep(0.5)  # a command that was under way over there ends
            command(path, state, host.ssh_command, "undo", "--host", host.name)
            check(f"killed after {delay} s: as before", (stand(case, host, before), {p for p, f in host.files().items() if files.get(p) != f}),
                  ("old", set()))


def main():
    path, tool, *parts = sys.argv[1:]
    try:
        for part in parts:
            if part.startswith("crash-"):
                test_crash(path, tool, part.removeprefix("crash-"))
            else:
                {"confirm": test_confirm, "guard": test_guard, "several": test_several, "half": test_half, "clamped": test_clamped, "listeners": test_listeners, "killed": test_killed}[part](path, tool)
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
