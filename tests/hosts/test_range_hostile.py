#!/usr/bin/env python3
"""test_range_hostile.py EPHEMPORTS - range --host without any host: names that no host has, lists of hosts as editors leave
them, answers that no honest machine gives, and the line that shows the progress.

EPHEMPORTS_SSH is this file, called with "answer": it plays the other machine, by its name.
"""

import json
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import time

# By a path without blanks: EPHEMPORTS_SSH is split on them.
ME = os.path.relpath(pathlib.Path(__file__).resolve())
RANGE = "net.ipv4.ip_local_port_range = 32768\t60999\nnet.ipv4.ip_local_reserved_ports = \nnet.ipv4.ip_unprivileged_port_start = 1024\n"
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(f"{what}\n  expected {str(expected)[:300]!r}\n  got      {str(got)[:600]!r}")


# --- the other machine

FILE = "ephemports-file "
ANSWERS = {
    # name: (uname, ranges, boot files), each (text, complaint, status)
    "honest": (("Linux 6.1.0 x", "", 0), (RANGE, "", 0), ("", "", 0)),
    "silent": (("", "", 0), None, None),
    "unknown": (("Plan9 4th \x1b[2J\x07edition", "", 0), None, None),
    "noshell": (None, None, None),
    "noranges": (("Linux 6.1.0 x", "", 0), ("nothing\x1b[1m of the kind", "cat: not \x1b[31mhere", 1), None),
    "denied": (("Linux 6.1.0 x", "", 0), (RANGE, "", 0), ("", "/etc/sysctl.d/\x1b[31msecret.conf", 44)),
    "broken": (("Linux 6.1.0 x", "", 0), (RANGE, "", 0), ("junk", "sh: wc: \x1b]0;not found", 3)),
    "short": (("Linux 6.1.0 x", "", 0), (RANGE, "", 0), (FILE + "500 /etc/sysctl.conf\nabc", "", 0)),
    "endless": (("Linux 6.1.0 x", "", 0), (RANGE, "", 0), (FILE + "99999999999999999999 /x\n", "", 0)),
    "nul": (("Linux 6.1.0 x", "", 0), ("net.ipv4.ip_local_port_range = 32768\0 1\n", "", 0), ("", "", 0)),
    "reversed": (("Linux 6.1.0 x", "", 0), ("net.ipv4.ip_local_port_range = 60999 32768\n", "", 0), ("", "", 0)),
    "cut": ("CUT",),
    "flood": ("FLOOD",),
    "slow": (("Linux 6.1.0 x", "", 0), (RANGE, "", 0), ("", "", 0)),
}


def answer(words):
    name, line = words[-2], words[-1]
    kinds = ANSWERS.get(name.split("-")[0], ANSWERS["honest"])
    if kinds[0] == "CUT":
        print("Connection \x1b[31mclosed\nby \x1b]0;x\x07remote host", file=sys.stderr)
        return 255
    if kinds[0] == "FLOOD":
        block = b"y" * (1 << 20)
        try:
            while True:
                os.write(1, block)
        except BrokenPipeError:
            return 1
    if name.startswith("slow"):
        time.sleep(0.3)
    kind = 0 if "uname" in line or line == "ver" else 1 if "ephemports-part" in line else 2 if "ephemports-file" in line else 3
    told = kinds[kind] if kind < 3 else ("", "", 1)
    if told is None:
        print("% Invalid \x1b[5minput")
        return 0
    print("motd of the day\x1b[31m\nephemports-begin")
    sys.stdout.write(("ephemports-part 0\n" if kind == 1 else "") + told[0])
    sys.stderr.write(told[1])
    return told[2]


# --- the tests


def run(path, *words, ssh=f"{sys.executable} {ME} answer", stdin=None, state=None):
    env = {**os.environ, "EPHEMPORTS_SSH": ssh, "EPHEMPORTS_STATE_DIR": state or "/nonexistent/state"}
    if ssh is None:
        del env["EPHEMPORTS_SSH"]
    done = subprocess.run([path, "range", *words], capture_output=True, timeout=60, check=False, input=stdin, env=env)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def harmless(text):
    return all(c in "\n\t" or (c >= " " and c != "\x7f") for c in text)


def one_line(what, result, *parts):
    status, out, err = result
    check(f"{what}: {err}", (status, out, err.startswith("ephemports: "), err.count("\n"), harmless(err)), (3, "", True, 1, True))
    for part in parts:
        check(f"{what} says {part!r}: {err}", part in err, True)


def test_answers(path):
    for name, parts in {
            "silent": ["silent", "not known"], "unknown": ["Plan9 4th", "--os NAME"], "noshell": ["noshell"],
            "noranges": ["noranges"], "denied": ["secret.conf", "read"], "broken": ["boot files", "status 3", "not found"],
            "short": ["boot files", "whole"], "endless": ["boot files", "whole"], "nul": ["nul"], "reversed": ["reversed"],
            "cut": ["cut", "remote host"], "flood": ["32 MiB"]}.items():
        one_line(f"answer {name}", run(path, "show", "--host", name), *parts)
        with tempfile.TemporaryDirectory() as state:
            one_line(f"set, answer {name}", run(path, "set", "40000-60001", "--host", name, state=state), *parts)
            check(f"set, answer {name}: no entry", [file for file in os.listdir(state) if file.endswith(".json")], [])
    status, out, err = run(path, "show", "--host", "honest")
    check(f"honest: {out} {err}", (status in (0, 1), "32768-60999" in out, harmless(out), err), (True, True, True, ""))
    status, out, err = run(path, "show", "--json", "--host", "cut")
    check(f"as JSON {err}", (status, json.loads(out)["error"]["code"]), (3, "EHOSTUNREACH"))


def test_names(path):
    marker = "/tmp/ephemports-never"
    for name in ("-oProxyCommand=touch " + marker, "-x", "", " ", "a b", "$(id)", "`id`", "a;b", "a\nb", "a|b", "user@-x", "@a", "a@", "-l@a",
                 "a:0", "a:99999", "a:-1", "a:", "a:22x", "[::1", "[::1]:0", "[a]", "a" * 300, "\x1b[31m", "a\tb", "ä", "a/b", "a'b", 'a"b'):
        one_line(f"name {name!r}", run(path, "show", "--host", name), "[user@]name[:port]")
        one_line(f"name {name!r}", run(path, "log", "--host", name), "[user@]name[:port]")
    check("nothing ran", os.path.exists(marker), False)
    one_line("no ssh", run(path, "show", "--host", "honest", ssh="/nonexistent/ssh"), "cannot run /nonexistent/ssh")
    one_line("too many words", run(path, "show", "--host", "honest", ssh="ssh " + "x " * 20), "more than 16 words")
    with tempfile.TemporaryDirectory() as directory:
        ssh = pathlib.Path(directory) / "ssh"
        ssh.write_text(f"#!/bin/sh\nexec {sys.executable} {ME} answer \"$@\"\n", encoding="ascii")
        ssh.chmod(0o755)
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{directory}:{before}"
        for empty in (None, "", "  \t"):
            check(f"EPHEMPORTS_SSH {empty!r} is ssh", run(path, "show", "--host", "honest", ssh=empty)[0] in (0, 1), True)
        os.environ["PATH"] = before


def test_lists(path):
    text = b"# ours\r\nhonest-1\r\n\r\n  honest-2 # the other\r\nhonest-1\r\n\thonest-3"
    status, out, err = run(path, "show", "--hosts-file", "-", stdin=text)
    check(f"CRLF, comments, duplicates {err}", (status in (0, 1), [line.split()[0] for line in out.splitlines()]),
          (True, ["honest-1", "honest-2", "honest-3"]))
    one_line("an empty list", run(path, "show", "--hosts-file", "-", stdin=b"# nobody\n\n"), "no host")
    one_line("a NUL", run(path, "show", "--hosts-file", "-", stdin=b"honest-1\nhonest\0-2\n"), "line 2")
    one_line("a NUL at the beginning", run(path, "show", "--hosts-file", "-", stdin=b"honest-1\n\0honest-2\n"), "line 2")
    one_line("a long line", run(path, "show", "--hosts-file", "-", stdin=b"honest-1\n" + b"h" * 600 + b"\n"), "line 2")
    one_line("two words", run(path, "show", "--hosts-file", "-", stdin=b"a b\n"), "line 1")
    status, out, err = run(path, "show", "--hosts-file", "-", stdin=b"honest-1\n" + b" " * 600 + b"honest-2\n")
    check(f"many blanks {out} {err}", (status in (0, 1), len(out.splitlines())), (True, 2))
    status, out, err = run(path, "show", "--hosts-file", "-", stdin=b"#" + b"x" * 5000 + b"\nhonest-1\n")
    check(f"a long comment {err}", status in (0, 1), True)
    one_line("10 000 hosts", run(path, "show", "--hosts-file", "-", stdin=b"".join(b"honest-%d\n" % i for i in range(10000))), "more than 4096")
    one_line("no file", run(path, "show", "--hosts-file", "/nonexistent"), "/nonexistent", "No such file")
    one_line("a directory", run(path, "show", "--hosts-file", "/"), "/")


def test_progress(path):
    """On a terminal: how many are done, wiped away in the end; elsewhere nothing."""
    names = ["--host", "slow-1", "--host", "cut", "--host", "slow-2"]
    status, out, err = run(path, "show", *names)
    check("no terminal, no progress", err, "")
    check(f"a row each, the worst status {out}", (status, [line.split()[:2] for line in out.splitlines()][1], len(out.splitlines())),
          (3, ["cut", "failed"], 3))
    ours, theirs = pty.openpty()
    with subprocess.Popen([path, "range", "show", *names, "--parallel", "1"], stdout=subprocess.PIPE, stderr=theirs,
                          env={**os.environ, "EPHEMPORTS_SSH": f"{sys.executable} {ME} answer"}) as process:
        rows = process.stdout.read().decode().splitlines()
        status = process.wait()
    os.close(theirs)
    shown = b""
    try:
        while block := os.read(ours, 4096):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    shown = shown.decode()
    check(f"counts {shown!r}", [f"{done} of 3 hosts" in shown for done in (0, 1, 2)], [True, True, True])
    check(f"and goes {shown!r}", (shown.endswith("\r\x1b[K"), "\n" in shown), (True, False))
    check(f"rows {rows}", (status, [row.split()[0] for row in rows]), (3, ["slow-1", "cut", "slow-2"]))


def main():
    for test in (test_answers, test_names, test_lists, test_progress):
        test(sys.argv[1])
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    if sys.argv[1] == "answer":
        sys.exit(answer(sys.argv[2:]))
    sys.exit(main())
