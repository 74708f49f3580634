#!/usr/bin/env python3
"""test_usage.py EPHEMPORTS SYSTEM - usage over ssh, on one emulated host: its sockets, its range, its rule. SYSTEM may be
"hostile" (what a host may print), "several" (hosts side by side) or "reserved" (reserve show, on those that have a list).

What the host's netstat prints is the sample of its system; the numbers expected were counted there by hand. That it can fail
was shown by breaking: the default instead of the range that was read, and the command of Linux without its second choice.
"""

import json
import os
import subprocess
import sys

from hostlib import Host, Skip, ssh_command
from hostlib.answer import Answer

# Of the sample: sockets, groups of outgoing sockets as (protocol, to, in use, TIME_WAIT) with the range each host boots with;
# the rule; reasons besides the one that all have.
WEB = "203.0.113.5"
EXPECTED = {
    "aix": (4, [("tcp", WEB, 0, 1)], (32768, 65535), "host", ["sharing-uncertain"]),
    "bsdos": (2, [("tcp", WEB, 1, 0)], (49152, 65535), "host", []),
    "dragonfly": (7, [], (1024, 5000), "destination", None),
    "freebsd": (7, [("tcp", WEB, 1, 1)], (10000, 65535), "destination", []),
    "freebsd12": (7, [("tcp", WEB, 1, 1)], (10000, 65535), "host", []),
    "hpux": (4, [("tcp", WEB, 0, 1)], (49152, 65535), "host", ["sharing-uncertain"]),
    "illumos": (8, [("tcp", WEB, 1, 1), ("udp", "203.0.113.53", 1, 0)], (32768, 65535), "remote", None),
    "irix": (3, [("tcp", WEB, 1, 0)], (1024, 65535), "host", ["sharing-uncertain"]),
    "linux": (26, [("tcp", "127.0.0.1", 4, 4), ("tcp", "127.0.0.1", 1, 0), ("tcp", "127.0.0.1", 1, 0), ("tcp", "::1", 1, 1),
                   ("udp", "127.0.0.1", 1, 0)], (32768, 60999), "destination", None),
    "macos": (5, [("tcp", "127.0.0.1", 1, 0), ("tcp", "20.26.156.210", 1, 0), ("tcp", "93.184.216.34", 0, 1)], (49152, 65535), "host", []),
    "netbsd": (4, [("tcp", WEB, 0, 1)], (49152, 65535), "host", None),
    "openbsd": (4, [("tcp", WEB, 0, 1), ("udp", "162.159.200.1", 1, 0)], (1024, 49151), "address", []),
    "solaris10": (3, [("tcp", WEB, 0, 1)], (32768, 65535), "remote", None),
    "solaris11": (8, [("tcp", WEB, 1, 1), ("udp", "203.0.113.53", 1, 0)], (32768, 65535), "remote", None),
    "tru64": (3, [("tcp", WEB, 0, 1)], (1024, 5000), "host", []),
    "windows": (2, [("tcp", "93.184.216.34", 1, 0)], (49152, 65535), "host", None),
    "windowsxp": (2, [], (1025, 5000), "host", None),
}
RELEASES = {"freebsd12": ("freebsd", "12.2"), "freebsd": ("freebsd", "13.2")}
OS_NAMES = {"windowsxp": "windows-nt5", "freebsd12": "freebsd"}
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(f"{what}\n  expected {str(expected)[:600]!r}\n  got      {str(got)[:600]!r}")


def usage(path, host, *words):
    done = subprocess.run([path, "usage", "--host", host.name, "--json", *words], capture_output=True, timeout=120, check=False,
                          env={**os.environ, "EPHEMPORTS_SSH": host.ssh_command})
    try:
        return done.returncode, json.loads(done.stdout), done.stderr.decode("utf-8", "replace")
    except ValueError:
        return done.returncode, {}, done.stderr.decode("utf-8", "replace")


def test_system(path, name):
    sockets, groups, (low, high), rule, reasons = EXPECTED[name]
    system, release = RELEASES.get(name, (name, None))
    with Host(system, release) as host:
        before = host.running()
        status, got, err = usage(path, host)
        check("status", (status, err), (0, ""))
        check("system", got.get("os"), OS_NAMES.get(name, name))
        check("sockets", got.get("sockets"), sockets)
        shown = sorted((g["protocol"], g["to"]["address"], g["in_use"], g["time_wait"]) for g in got.get("groups", []))
        check("groups", shown, sorted(groups))
        check("range", (got["range"]["low"], got["range"]["high"], got["range"]["from"]), (low, high, "read"))
        check("rule", got["rule"]["tcp"], rule)
        check("collector", got["collector"], "netstat")
        check("never exact", {g["exact"] for g in got["groups"]} | {False}, {False})
        check("not measured", "kernel-not-verified" in got["inexact_because"], True)
        if reasons is not None:
            check("reasons", sorted(got["inexact_because"]), sorted(["kernel-not-verified", *reasons]))
        for group in got["groups"]:
            check("numbers", 0 <= group["left"] <= group["left_max"] <= group["capacity"] <= high - low + 1, True)
        check("nothing was changed", host.running(), before)
        status, got, err = usage(path, host, "--range", "20000-20009")
        check("a range that was told", (got["range"], got["groups"]), ({"low": 20000, "high": 20009, "ports": 10, "from": "told"}, []))
        check("the host is alive", host.panic, None)


def hostile(path):
    """A host may print what it likes."""
    with Host("freebsd", "13.2") as host:
        texts = {
            "nothing": ("", "netstat printed nothing"),
            "half a row": ("tcp4 0 0 192.0.2.1.80\n", "line 1"),
            "names": ("tcp4 0 0 a.ssh *.* LISTEN\n", "names where numbers belong"),
            "no table": ("$(touch /tmp/x)\n", "no output of netstat"),
            "escapes": ("tcp4 0 0 \x1b]0;x\x07 1 LISTEN\n", "line 1"),
        }
        for what, (text, message) in texts.items():
            host.before = lambda call, text=text: Answer(text) if call.name == "netstat" else None
            status, got, err = usage(path, host)
            check(what, (status, message in err, "\x1b" in err, got.get("error", {}).get("why", "") != ""), (3, True, False, True))
        # An old release knows no -W: asked again without.
        host.before = lambda call: (Answer(err="netstat: illegal option -- W\n", status=1)
                                    if call.name == "netstat" and any("W" in one for one in call.arguments) else None)
        status, got, err = usage(path, host)
        check("without -W", (status, got.get("sockets"), err), (0, 7, ""))
        host.before = None
        check("nothing else ran", [call.name for call in host.log() if call.name == "touch"], [])
        status, got, err = usage(path, host, "--netns", "x")
        check("one or the other", (status, "exclude each other" in err), (3, True))


def reserved(path):
    """reserve show --host: the lists that a system never chooses from; nothing is changed by it."""
    lists = {
        "openbsd": [("net.inet.tcp.baddynamic", 18, "sysctl net.inet.tcp.baddynamic=+PORT"),
                    ("net.inet.udp.baddynamic", 9, "sysctl net.inet.udp.baddynamic=+PORT")],
        "solaris10": [("tcp_extra_priv_ports", 2, "ndd -set /dev/tcp tcp_extra_priv_ports_add PORT"),
                      ("udp_extra_priv_ports", 2, "ndd -set /dev/udp udp_extra_priv_ports_add PORT")],
        "illumos": [("tcp/extra_priv_ports", 2, "ipadm set-prop -p extra_priv_ports+=PORT tcp"),
                    ("udp/extra_priv_ports", 2, "ipadm set-prop -p extra_priv_ports+=PORT udp")],
        "dragonfly": [("net.inet.tcp.baddynamic", 2, "sysctl net.inet.tcp.baddynamic=+PORT"),
                      ("net.inet.udp.baddynamic", 1, "sysctl net.inet.udp.baddynamic=+PORT")],
        # Of each family and protocol what drivers hold, and what was excluded by hand.
        "windows": [("ipv4/tcp/excludedportrange", 201, None), ("ipv6/tcp/excludedportrange", 201, None)] +
                   [(f"{family}/{protocol}/excludedportrange", count,
                     f"netsh int {family} add excludedportrange protocol={protocol} startport=PORT numberofports=1")
                    for family in ("ipv4", "ipv6") for protocol, count in (("tcp", 60), ("udp", 0))],
        "freebsd": [],
    }
    for name, expected in lists.items():
        with Host(name) as host:
            environment = {**os.environ, "EPHEMPORTS_SSH": host.ssh_command}
            before = host.running()
            words = [path, "reserve", "show", "--host", host.name]
            done = subprocess.run([*words, "--json"], capture_output=True, timeout=60, check=False, env=environment)
            got = [(one["setting"], one["count"], one["add_command"]) for one in json.loads(done.stdout)["reserved"]]
            check(f"{name}: lists", (done.returncode, sorted(got, key=str)), (0, sorted(expected, key=str)))
            screen = subprocess.run(words, capture_output=True, timeout=60, check=False, env=environment).stdout.decode()
            # One more is added with us: the system's own command changes what runs there and not what comes back at boot.
            check(f"{name}: screen", f"ephemports reserve add PORT --host {host.name}" in screen, bool(expected))
            check(f"{name}: nothing was changed", host.running(), before)


def several(path):
    """Each has a section, or an entry of one document, whose fields are those it has alone; the worst status counts."""
    with Host("freebsd", "13.2") as one, Host("openbsd") as two:
        environment = {**os.environ, "EPHEMPORTS_SSH": ssh_command(one, two), "COLUMNS": "100"}

        def run(*words, text=None):
            done = subprocess.run([path, "usage", *words], capture_output=True, timeout=120, check=False, env=environment, input=text)
            return done.returncode, done.stdout.decode(), done.stderr.decode()

        both = ("--host", two.name, "--host", one.name)
        status, out, err = run("--json", *both)
        hosts = json.loads(out)["hosts"]
        check("status", (status, err), (0, ""))
        check("order", [(host["host"], host["status"], host["error"]) for host in hosts], [(two.name, 0, None), (one.name, 0, None)])
        for host, name in zip(hosts, (two.name, one.name)):
            alone = json.loads(run("--json", "--host", name)[1])
            check(f"{name}: the fields it has alone", {k: v for k, v in host.items() if k not in ("host", "status", "error", "elapsed_us")},
                  {k: v for k, v in alone.items() if k not in ("schema", "elapsed_us")})
        status, out, err = run(*both)
        check("sections", [line for line in out.splitlines() if line in (f"{two.name}  ok", f"{one.name}  ok")], [f"{two.name}  ok", f"{one.name}  ok"])
        check("all that one prints", [title in out for title in ("OpenBSD: ", "FreeBSD: ")], [True, True])
        status, out, err = run("--hosts-file", "-", "--parallel", "1", "--range", "49152-49152", text=f"{one.name}  # theirs\n".encode())
        check("a file of one has a section too", (status, out.startswith(f"{one.name}  ")), (0, True))
        status, out, err = run("--json", *both, "--host", "nowhere.invalid")
        hosts = json.loads(out)["hosts"]
        check("the worst", (status, [host["status"] for host in hosts]), (3, [0, 0, 3]))
        check("why", (hosts[2]["error"]["code"] != "", "groups" in hosts[2], "groups" in hosts[1]), (True, False, True))
        status, out, err = run(*both, "--host", "nowhere.invalid")
        check("the others are told all the same", (status, out.count("sockets read"), "nowhere.invalid  failed" in out), (3, 2, True))
        one.clear_log()
        status, out, err = run("--hosts-file", "-", text=f"{one.name}\n-oProxyCommand=x\n".encode())
        check("a line that is no host", (status, "line 2" in err, out, one.log()), (3, True, "", []))
        check("alone", [run("--parallel", "2")[0], run("--hosts-file", "-", "--netstat", "x")[0]], [3, 3])


def main():
    path, name = os.path.abspath(sys.argv[1]), sys.argv[2]
    try:
        {"hostile": hostile, "reserved": reserved, "several": several}.get(name, lambda path: test_system(path, name))(path)
    except Skip as skip:
        print(f"skipped: {skip}")
        return 77
    for failure in failures:
        print(failure)
    print(f"{name}: {len(failures)} failures")
    return 1 if failures else 0


sys.exit(main())
