#!/usr/bin/env python3
"""test_reserve.py EPHEMPORTS CASE... - reserve over ssh: show, add, read back, boot, still there, remove, boot, undo, boot, as
before. CASE may also be "refusals" (what cannot be had, and where), "several" (hosts at once) or "crash-CASE" (killed at every
step).

The hosts were written from the facts of each system, not from the program.
"""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile

from hostlib import Host, Skip, ssh_command
from hostlib.answer import Answer

PORTS, NEW = "8080,8090-8091", {8080, 8090, 8091}
STOPPED = 98
failures = []


def listed(text):
    return {int(port) for port in text.split(",") if port}


def ranges(text):
    found = set()
    for part in text.replace("\t", ",").split(","):
        low, _, high = part.partition("-")
        found |= set(range(int(low), int(high or low) + 1)) if part else set()
    return found


def bsd(running):
    return [listed(running[f"net.inet.{protocol}.baddynamic"]) for protocol in ("tcp", "udp")]


def ndd(running):
    return [set(running[f"{protocol}_extra_priv_ports"]) for protocol in ("tcp", "udp")]


def ipadm(running):
    return [listed(running[f"{protocol}.extra_priv_ports"]) for protocol in ("tcp", "udp")]


def windows(running):
    return [{port for each, low, high in running["excluded"] if each == protocol for port in range(low, high + 1)} for protocol in ("tcp", "udp")]


class Case:
    def __init__(self, system, keys, release=None, files=None, run=None, survives=None, after_remove=None, **options):
        self.system, self.keys, self.release, self.files, self.options = system, keys, release, files or {}, options
        self.run, self.survives, self.after_remove = run, survives or {}, after_remove


def linux(running):
    return [ranges(running["ip_local_reserved_ports"])]


def xp(running):
    return [ranges(",".join(running["reserved"]))]


TCP, UDP = "net.inet.tcp.baddynamic", "net.inet.udp.baddynamic"
SITE = "#!/sbin/sh\n/usr/sbin/ndd -set /dev/tcp tcp_extra_priv_ports_add 9000\n"
CASES = {
    "openbsd": Case("openbsd", bsd),
    "openbsd-old": Case("openbsd", bsd, "3.9"),
    # A line of the site, duplicates, a comment behind it, one that the system passes over, no newline at the end.
    "openbsd-messy": Case("openbsd", bsd, files={"/etc/sysctl.conf": f"{TCP}=+9000,-2049\n{TCP} = +7\n {TCP}=+9001 # why\n#{UDP}=1\nkern.x=1"},
                          survives={"/etc/sysctl.conf": f"{TCP}=+9000,-2049\n{TCP} = +7\n"}),
    "openbsd-whole": Case("openbsd", bsd, files={"/etc/sysctl.conf": f"{TCP}=2049,6000\n{UDP}=2049\r\n# end\r\n# end\r\n"}),
    "dragonfly": Case("dragonfly", bsd, survives={"/etc/sysctl.conf": "kern.maxfiles=65536"}),
    "solaris10": Case("solaris10", ndd),
    "solaris10-site": Case("solaris10", ndd, files={"/etc/rc2.d/S99site": SITE}, survives={"/etc/rc2.d/S99site": "9000"}),
    "solaris11": Case("solaris11", ipadm),
    "illumos": Case("illumos", ipadm),
    "linux": Case("linux", linux),
    "linux-messy": Case("linux", linux, files={"/etc/sysctl.d/10-site.conf": "net.ipv4.ip_local_reserved_ports=3306\n\nnet/ipv4/ip_local_reserved_ports = 3306,5432\n# end"},
                        survives={"/etc/sysctl.d/10-site.conf": "# end"}),
    "rhel5": Case("rhel5", linux),
    "alpine": Case("alpine", linux, files={"/etc/sysctl.conf": "net.ipv4.ip_local_reserved_ports = 3306"}),
    "windows": Case("windows", windows),
    "windows-fr": Case("windows", windows, lang="fr"),
    "windows-zh": Case("windows", windows, lang="zh", code_page="gbk"),
    "windowsxp": Case("windowsxp", xp),
}
NO_LIST = ("aix", "freebsd", "netbsd", "macos", "hpux", "tru64", "irix", "bsdos")


def check(what, got, expected):
    if got != expected:
        failures.append(f"{what}\n  expected {str(expected)[:400]!r}\n  got      {str(got)[:400]!r}")


class Program:
    def __init__(self, path, state):
        self.path, self.state = path, state

    def __call__(self, host, *words, command="reserve", env=None):
        done = subprocess.run([self.path, command, *words, "--host", host.name, "--json"], capture_output=True, timeout=300, check=False,
                              env={**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": self.state, **(env or {})})
        err = done.stderr.decode("utf-8", "replace")
        try:
            return done.returncode, json.loads(done.stdout), err
        except ValueError:
            return done.returncode, {}, err


def running_of(host):
    return copy.deepcopy(host.running())


def files_of(host):
    """The order of the lines in ipmgmtd's own store is its own affair."""
    return {path: (mode, owner, sorted(text.splitlines()) if path.endswith("ipadm.conf") else text)
            for path, (mode, owner, text) in host.files().items()}


def prepare(host, case):
    for path, text in case.files.items():
        host.write(path, text, 0o644)
    host.reboot()


def undo_all(program, host, times):
    for _ in range(times):
        status, _, err = program(host, "undo", command="range")
        check(f"{host.name}: undo {err}", status, 0)


def commands(host):
    """Every command that ran there, in words."""
    ran = [[call.name, *call.options] for call in host.log()]
    return ran + [part.split() for call in host.log() for word in call.options for part in word.split(" && ")]


def has(what, case, host, running, wanted):
    """Every list has the new ports, or none has; whatever else was on it is still there."""
    for before, now in zip(case.keys(running), case.keys(host.running()), strict=True):
        check(what, now, before | NEW if wanted else before)


def run(path, name):
    case = CASES[name]
    later = case.system == "windowsxp"  # a change shows after the boot
    with tempfile.TemporaryDirectory() as state, Host(case.system, case.release, multiplex=True, **case.options) as host:
        program = Program(path, state)
        prepare(host, case)
        running, files = running_of(host), files_of(host)
        status, shown, err = program(host, "show")
        ports = [ranges(one["ports"]) for one in shown.get("reserved", [])]
        check(f"{name}: show {err}", (status, [keys for keys in case.keys(running) if keys and not keys <= set().union(*ports)]), (0, []))
        status, plan, err = program(host, "add", PORTS, "--dry-run")
        check(f"{name}: a dry run changes nothing {err}", (status, host.running(), files_of(host), plan.get("undo_id")), (0, running, files, None))
        host.clear_log()
        status, done, err = program(host, "add", PORTS)
        ran = commands(host)
        for change in plan.get("changes", []):
            for command in (change["command"] or "").split(" && "):
                words = command.split("; ")[-1].replace("$S ", "sysctl ").split()
                words[:1] = [os.path.basename(word) for word in words[:1]]
                check(f"{name}: ran {command}", not words or words[0] == "echo" or words in ran or "ipv6" in words, True)
        check(f"{name}: add {err}", (status, bool(done.get("undo_id"))), (0, True))
        check(f"{name}: as the dry run said", done.get("changes"), plan.get("changes"))
        has(f"{name}: running", case, host, running, not later)
        host.reboot()
        has(f"{name}: after the boot", case, host, running, True)
        status, again, err = program(host, "add", "8090,8080")
        check(f"{name}: the same again {err}", (status, again.get("changes"), again.get("undo_id")), (0, [], None))
        for file, text in case.survives.items():
            check(f"{name}: {file} keeps {text!r}", text in (host.read(file) or ""), True)
        kept = files_of(host)
        status, done, err = program(host, "remove", PORTS)
        check(f"{name}: remove {err}", (status, bool(done.get("undo_id"))), (0, True))
        has(f"{name}: removed", case, host, running, later)
        host.reboot()
        has(f"{name}: removed after the boot", case, host, running, False)
        undo_all(program, host, 1)
        check(f"{name}: files as before the removal", {p for p, f in files_of(host).items() if kept.get(p) != f}, set())
        undo_all(program, host, 1)
        check(f"{name}: running as before", host.running(), running)
        host.reboot()
        check(f"{name}: as before after the boot", host.running(), running)
        check(f"{name}: files as before", {p: f for p, f in files_of(host).items() if files.get(p) != f}, {})
        own(program, name, case, host, running)


def own(program, name, case, host, running):
    """A port that the system, or somebody, had on the list before: taken off for good, and undone."""
    first = sorted(case.keys(running)[0] & {2049, 3306, 9001})
    if not first:
        return
    status, _, err = program(host, "remove", str(first[0]))
    check(f"{name}: remove {first[0]} {err}", (status, [first[0] in one for one in case.keys(host.running())]), (0, [False] * len(case.keys(running))))
    host.reboot()
    check(f"{name}: {first[0]} stays away", [first[0] in one for one in case.keys(host.running())], [False] * len(case.keys(running)))
    undo_all(program, host, 1)
    host.reboot()
    check(f"{name}: {first[0]} is back", host.running(), running)


def refusals(path, _):
    with tempfile.TemporaryDirectory() as state:
        program = Program(path, state)
        for name in NO_LIST:
            with Host(name) as host:
                before = running_of(host)
                status, _, err = program(host, "add", "8080")
                check(f"{name}: {err}", (status, len(err.splitlines()), "range" in err or "reserve" in err), (3, 1, True))
                check(f"{name}: show", program(host, "show")[0], 0)
                check(f"{name}: nothing was changed", host.running(), before)
        with Host("windows", busy=(8085,), multiplex=True) as host:
            before = running_of(host)
            for words, text in ((["add", "50150"], "driver"), (["remove", "50001"], "50000-50059"), (["remove", "50110"], "driver"),
                                (["add", "8080", "--no-persist"], "no-persist"), (["add", "8080-8090"], "used by another process"),
                                (["add", "7000,8085"], "used by another process"), (["add", "0"], "8000-8010"), (["add"], "which ports"),
                                (["add", "8080", "--listeners"], "exclude"), (["show", "8080"], "no ports"), (["take", "8080"], "none of")):
                status, _, err = program(host, *words)
                check(f"windows {words}: {err}", (status, text in err, len(err.splitlines())), (3, True, 1))
                check(f"windows {words}: nothing was changed", host.running(), before)
            # A row goes as it came, and only of the protocol that is named.
            status, done, err = program(host, "remove", "50000-50059", "--tcp")
            check(f"windows: a whole row {err}", (status, windows(host.running())[0] & set(range(50000, 50060))), (0, set()))
            undo_all(program, host, 1)
            check("windows: the row as before", host.running(), before)
            status, done, err = program(host, "add", "8080,8081", "--udp")
            check(f"windows: UDP only {err}", [one[0] for one in set(host.running()["excluded"]) - set(before["excluded"])], ["udp"])
        with Host("openbsd", multiplex=True) as host:
            host.write("/etc/sysctl.conf", f"{TCP}=2049,+1\n", 0o644)
            host.reboot()
            before = running_of(host)
            status, _, err = program(host, "add", "8080")
            check(f"a line that mixes: {err}", (status, "line 1" in err, host.running()), (3, True, before))
            host.write("/etc/sysctl.conf", "", 0o644)
            status, _, err = program(host, "add", "8080", "--no-persist", "--tcp")
            check(f"only now {err}", (status, host.read("/etc/sysctl.conf"), [8080 in one for one in bsd(host.running())]), (0, "", [True, False]))
            # The system does not do what it is told, and says that all is well.
            host.before = lambda call: Answer("") if call.name == "sysctl" and any("+9090" in word for word in call.arguments) else None
            before = running_of(host)
            status, _, err = program(host, "add", "9090")
            check(f"not taken: {err}", (status, host.running(), "+9090" in (host.read("/etc/sysctl.conf") or "")), (3, before, False))
            host.before = None
        with Host("solaris10", multiplex=True) as host:
            # The second of two ports is refused: the first one is taken back.
            before, files = running_of(host), files_of(host)
            host.before = lambda call: Answer(err="operation failed: Invalid argument\n", status=1) if call.arguments[-1:] == ["8091"] else None
            status, _, err = program(host, "add", "8090-8091")
            check(f"half refused: {err}", (status, host.running(), {p for p, f in files_of(host).items() if files.get(p) != f}), (3, before, set()))
            # A range that is kept and a list that is kept live in one script.
            host.before = None
            check("a range", program(host, "set", "40000-60001", command="range")[0] in (0, 1), True)
            check("and a list", program(host, "add", "8080")[0], 0)
            check("and another range", program(host, "set", "40000-60003", command="range")[0] in (0, 1), True)
            host.reboot()
            now = host.running()
            check("both after the boot", (now["tcp_largest_anon_port"], 8080 in now["tcp_extra_priv_ports"]), (60003, True))


def several(path, _):
    with tempfile.TemporaryDirectory() as state, Host("openbsd") as one, Host("solaris10") as two, Host("aix") as three:
        def call(*words, stdin=None):
            done = subprocess.run([path, "reserve", *words], capture_output=True, text=True, timeout=200, check=False, input=stdin,
                                  env={**os.environ, "EPHEMPORTS_SSH": ssh_command(one, two, three), "EPHEMPORTS_STATE_DIR": state})
            return done.returncode, done.stdout, done.stderr

        names = [word for host in (two, one, three) for word in ("--host", host.name)]
        status, out, err = call("add", "8080", "--json", *names)
        hosts = json.loads(out)["hosts"]
        check(f"the worst status {err}", (status, [each["host"] for each in hosts], [each["status"] for each in hosts]),
              (3, [two.name, one.name, three.name], [0, 0, 3]))
        check("each its own answer", [bool(each.get("changes")) for each in hosts], [True, True, False])
        check("on both", (8080 in bsd(one.running())[0], 8080 in ndd(two.running())[1]), (True, True))
        status, out, err = call("remove", "8080", "--hosts-file", "-", stdin=f"# ours\n{one.name}\n{two.name}\n")
        check(f"by a file {out} {err}", (status, len(out.splitlines())), (0, 2))
        check("gone", (8080 in bsd(one.running())[0], 8080 in ndd(two.running())[1]), (False, False))
        status, out, err = call("show", *names)
        check(f"show {err}", (status, re.findall(r"(?m)^(\S+)  .*\(over ssh\)$", out)), (0, [two.name, one.name, three.name]))


def crash(path, tool, name):
    """Cut at every point: afterwards all or nothing, and the next run says which."""
    case = CASES[name]
    seen, point, status = set(), 0, STOPPED
    with tempfile.TemporaryDirectory() as top, Host(case.system, case.release, multiplex=True, **case.options) as host:
        prepare(host, case)
        running, files = running_of(host), files_of(host)
        while status == STOPPED and point < 100:
            point += 1
            env = {**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": f"{top}/{point}"}
            status = subprocess.run([tool, host.name, "reserve", PORTS], check=False, capture_output=True, timeout=100,
                                    env={**env, "EPH_TEST_STOP_AT": str(point)}).returncode
            done = subprocess.run([tool, host.name, "recover"], check=False, capture_output=True, text=True, timeout=100, env=env)
            now = ["new" if one == before | NEW else "old" if one == before else "mixed"
                   for before, one in zip(case.keys(running), case.keys(host.running()), strict=True)]
            check(f"{name}: point {point}, {now}, {done.stdout} {done.stderr}", (done.returncode, len(set(now)), "mixed" in now), (0, 1, False))
            seen |= set(now)
            if now[0] == "new":
                undone = subprocess.run([tool, host.name, "undo"], check=False, capture_output=True, text=True, timeout=100, env=env)
                check(f"{name}: point {point}, undo {undone.stderr}", undone.returncode, 0)
            check(f"{name}: point {point}, as before", (host.running(), {p for p, f in files_of(host).items() if files.get(p) != f}), (running, set()))
    check(f"{name}: both ends were seen", seen, {"old", "new"})
    check(f"{name}: {point} points", (point > 4, status), (True, 0))


def half(path, tool, name):
    """Cut when one command of a list came off and the next did not: the part is taken back by the next run."""
    case, seen = CASES[name], False
    options = {"busy": (8091,)} if name == "windows" else {}
    with tempfile.TemporaryDirectory() as top, Host(case.system, case.release, multiplex=True, **options) as host:
        prepare(host, case)
        running, files = running_of(host), files_of(host)
        for point in range(2, 12):
            env = {**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": f"{top}/{point}"}
            host.before = lambda call: Answer(status=1) if call.name == "ndd" and call.arguments[-1:] == ["8091"] else None
            subprocess.run([tool, host.name, "reserve", PORTS], check=False, capture_output=True, timeout=100,
                           env={**env, "EPH_TEST_STOP_AT": str(point)})
            host.before = None
            seen |= any(before < now < before | NEW for before, now in zip(case.keys(running), case.keys(host.running()), strict=True))
            done = subprocess.run([tool, host.name, "recover"], check=False, capture_output=True, text=True, timeout=100, env=env)
            check(f"{name}: point {point} {done.stdout} {done.stderr}",
                  (done.returncode, host.running(), {p for p, f in files_of(host).items() if files.get(p) != f}), (0, running, set()))
        check(f"{name}: half a list was seen", seen, True)


def main():
    path, tool, *names = sys.argv[1:]
    try:
        for name in names or CASES:
            if name.startswith("crash-"):
                crash(path, tool, name.removeprefix("crash-"))
            elif name.startswith("half-"):
                half(path, tool, name.removeprefix("half-"))
            else:
                {"refusals": refusals, "several": several}.get(name, run)(path, name)
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
