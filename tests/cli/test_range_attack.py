#!/usr/bin/env python3
"""test_range_attack.py EPHEMPORTS [SEED [KILLS]] - range and reserve on the real kernel, in a network namespace and a file tree of
its own, as a stranger with bad luck or bad intent meets them: bad input, journal entries by somebody else, no permission, full and
read-only disks, two at once, kill -9 at any moment. What is refused takes one line and status 3 and changes nothing.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
RESERVED = pathlib.Path("/proc/sys/net/ipv4/ip_local_reserved_ports")
HERE = ["-N", "/proc/self/ns/net"]  # the tree belongs to this namespace: it is no image
LINE = "# tuned\nnet.ipv4.ip_local_port_range = 32768 60999\nvm.x = 1"
failures = []


def check(what, got, expected=True):
    if got != expected:
        failures.append(f"{what}\n  expected {str(expected)[:400]!r}\n  got      {str(got)[:900]!r}")


class Host:
    def __init__(self, path, work):
        self.path, self.work = path, pathlib.Path(work)
        self.root, self.state = self.work / "root", self.work / "state"
        self.file = self.root / "etc/sysctl.d/99-tuning.conf"

    def fresh(self):
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)
        self.file.parent.mkdir(parents=True)
        self.file.write_text(LINE, encoding="ascii")
        RANGE.write_text("32768 60999", encoding="ascii")
        RESERVED.write_text("\n", encoding="ascii")

    def env(self, **more):
        return {**os.environ, "EPHEMPORTS_ROOT": str(self.root), "EPHEMPORTS_STATE_DIR": str(self.state), **more}

    def words(self, words):
        return [self.path, *words[:1], *([] if "log" in words else HERE), *words[1:]]

    def run(self, *words, wrap=(), cwd=None, **env):
        done = subprocess.run([*wrap, *self.words(list(words))], check=False, capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
                              env=self.env(**env), cwd=cwd)
        return done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape")

    def stand(self):
        """What this test is about: both settings, and every file of the tree, to the byte."""
        files = {str(p): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}
        return RANGE.read_text().split(), RESERVED.read_text().strip(), files


def parsed(text):
    """One document; none is as wrong as another one."""
    try:
        return json.loads(text)
    except ValueError:
        return {"schema": None, "error": {}, "log": [], "text": text}


def plain(text):
    """UTF-8, and nothing that a terminal obeys."""
    return all(c in "\n\t" or " " <= c < "\x7f" or "\xa0" <= c < "\ud800" or c > "\udfff" for c in text)


def refused(what, result, as_json=False):
    status, out, err = result
    lines = [line for line in err.splitlines() if not line.startswith("ephemports: journal: change ")]
    check(f"{what}: {err}", (status, len(lines), err.startswith("ephemports: "), plain(err), plain(out)), (3, 1, True, True, True))
    if as_json:
        document = parsed(out)
        check(f"{what}: {out}", (document["schema"], sorted(document["error"])), (1, ["code", "what", "why"]))
    else:
        check(f"{what}: nothing on standard output", out, "")


# --- bad input

BAD = ("", " ", "-1", "a-b", "1-", "-", "0-1", "60999-32768", "1-65536", "1-99999999999999999999", "32768-60999x", "32768 60999", "32768–60999",
       "+1-2", "0x10-0x20", "1e3-2e3", "32768--60999", "1-2-3", " 32768-60999", "32768-60999\n", "\x1b[31m1-2", "ä-b", "\udcff-\udcfe", "x" * 70000)
BAD_WORDS = [
    ["range"], ["range", "set"], ["range", "set", "1", "2", "3"], ["range", "set", "40000-60001", "--ports", "5"], ["range", "confirm", "x"],
    ["range", "reset", "40000-50001"], ["range", "log", "x"], ["range", "set", "40000-60001", "-4"], ["range", "set", "40000-60001", "--hosts-file"],
    ["range", "set", "40000-60001", "--parallel", "2"], ["range", "confirm", "--dry-run"], ["range", "undo", "--dry-run"],
    ["range", "show", "--for", "nft"], ["range", "set", "40000-60001", "--expect", "1-2"], ["range", "undo", "1", "2"], ["range", "show", "--os", "aix"],
    ["range", "firewall", "--for", "netsh", "-4"], ["range", "firewall"], ["range", "set", "1000-65535"], ["range", "set", "40000-60001", "--name", "high"],
    ["reserve", "show", "1"], ["reserve", "add"], ["reserve", "remove"], ["reserve", "add", "1", "--os", "aix"],
]


def test_input(host):
    host.fresh()
    before = host.stand()
    cases = list(BAD_WORDS)
    for bad in BAD:
        cases += [["range", "set", bad], ["range", "firewall", bad, "--for", "nft"], ["range", "show", "--expect", bad], ["range", "set", "--ports", bad],
                  ["range", "set", "40000-60001", "--confirm-within", bad], ["range", "set", "40000-60001", "--name", bad],
                  ["range", "firewall", "--for", bad], ["range", bad], ["range", "undo", bad], ["range", "show", "--host", "a", "--os", bad]]
        if bad not in ("32768-60999\n", " 32768-60999"):  # a list may have blanks around it
            cases += [["reserve", "add", bad], ["reserve", "remove", bad]]
    for words in cases:
        for more in ([], ["--json"]):
            refused(f"{words[0]} {more} {words[1:]}"[:300], host.run(words[0], *more, *words[1:]), bool(more))
        if host.stand() != before or host.state.exists() and any(host.state.glob("*.json")):
            check(f"{words} changed something", host.stand(), before)
            host.fresh()
    saved = host.work / "saved"
    for words in (["range", "set", "40000-60001"], ["range", "reset"], ["range", "confirm"], ["reserve", "add", "5000", "--listeners"]):
        refused(f"{words} --save", host.run(*words, "--save", str(saved)))
        check(f"{words} --save writes nothing", saved.exists(), False)


def test_dry_run(host):
    host.fresh()
    before, times = host.stand(), {p: p.stat().st_mtime_ns for p in [host.work, *host.root.rglob("*")]}
    for words in (["range", "set", "40000-60001"], ["range", "reset"], ["range", "set", "40000-60001", "--confirm-within", "1"], ["reserve", "add", "5000"]):
        for more in ([], ["--json"]):
            status, out, err = host.run(*words, "--dry-run", *more)
            check(f"{words}: {out} {err}", (status, plain(out)), (0, True))
    check("a dry run changes nothing", host.stand(), before)
    check("nor touches anything", {p: p.stat().st_mtime_ns for p in [host.work, *host.root.rglob("*")]}, times)


# --- hostile texts

def test_texts(host):
    host.fresh()
    os.mkdir(host.root / "etc/odd")
    directory = os.fsencode(host.file.parent)
    for name, text in ((b"50-\x1b[31mred\xff.conf", b"net.ipv4.ip_local_port_range = 20000 60999 # \x1b[31m\x1b]0;x\x07 \xff\xfe\n# \x1b[2J\n"),
                       (b"51-\xc2\x9b2J.conf", b"net.ipv4.ip_local_port_range = 20000\x1b[1m 60999\n")):
        with open(directory + b"/" + name, "wb") as file:
            file.write(text)
    for words in (["range", "show"], ["range", "set", "40000-60001", "--dry-run"], ["range", "set", "40000-60001"], ["range", "log"], ["reserve", "show"],
                  ["reserve", "add", "5000"], ["range", "undo"], ["range", "undo"]):
        status, out, err = host.run(*words)
        check(f"{words}: {out!r} {err!r}", (status in (0, 1, 3), plain(out), plain(err)), (True, True, True))
        status, out, err = host.run(*words, "--json")
        check(f"{words} --json: {out!r}", (plain(out), plain(err), parsed(out)["schema"]), (True, True, 1))


# --- hostile journals

def entry(host, **changes):
    """An entry that ephemports itself wrote, with other words in it."""
    path = host.state / "1.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        if key in document:
            document[key] = value
        else:
            document["steps"][-1][key] = value
    path.write_text(json.dumps(document), encoding="utf-8")
    path.chmod(0o600)


def replaced_by(make):
    def change(host):
        path = host.state / "1.json"
        path.rename(host.work / "away")
        make(path, host.work / "away")
    return change


def test_journal(host):
    """What cannot be understood is counted, and nothing is done by it."""
    kinds = {
        "link": replaced_by(lambda path, away: path.symlink_to(away)), "pipe": replaced_by(lambda path, away: os.mkfifo(path)),
        "directory": replaced_by(lambda path, away: path.mkdir()), "huge": replaced_by(lambda path, away: path.write_bytes(b"[" * 5_000_000)),
        "deep": replaced_by(lambda path, away: path.write_bytes(b'{"a":' * 100_000)), "empty": replaced_by(lambda path, away: path.touch()),
        "binary": replaced_by(lambda path, away: path.write_bytes(bytes(range(256)) * 20)), "version": lambda host: entry(host, schema=2),
        "number": lambda host: entry(host, id="2"), "type": lambda host: entry(host, steps=None), "escape": lambda host: entry(host, before="\x1b[2J"),
    }
    if os.geteuid() == 0 and os.stat("/proc/self").st_uid == 0:
        kinds["owner"] = lambda host: os.chown(host.state / "1.json", 65534, 65534)
    for kind, change in kinds.items():
        host.fresh()
        host.run("range", "set", "40000-60001")
        before = host.stand()
        try:
            change(host)
        except OSError as error:  # a user namespace with one user
            print(f"{kind}: {error}")
            continue
        status, out, err = host.run("range", "log")
        check(f"{kind}: {out} {err}", (status, "1 not readable, 1.json among them" in out, "nothing was changed" in out), (1, True, False))
        status, out, err = host.run("range", "log", "--json")
        check(f"{kind}: {out} {err}", (status, parsed(out)), (1, {"schema": 1, "log": [], "unreadable": 1}))
        for words in (["range", "undo"], ["range", "undo", "1"]):
            result = host.run(*words)
            refused(f"{kind}: {words}", result)
            check(f"{kind}: {words} says why: {result[2]}", "1.json" in result[2])
        check(f"{kind}: nothing was done", host.stand(), before)
        away = host.work / "away"
        if away.exists():
            away.unlink()


def test_foreign_entries(host):
    """Entries in good order that are about what is not ours to change."""
    victim = pathlib.Path("/proc/sys/net/ipv4/ip_default_ttl")
    was = victim.read_text(encoding="ascii").strip()
    for state in ("begun", "done"):
        host.fresh()
        host.run("range", "set", "40000-60001", "--no-persist")
        entry(host, state=state, setting="net.ipv4.ip_default_ttl", before="33", after=was)
        # Another step that did not happen, so that all of it is taken back.
        refused(f"{state}: another setting", host.run("range", "undo", "1"))
        check(f"{state}: another setting stays", victim.read_text(encoding="ascii").strip(), was)
    host.fresh()
    host.run("range", "set", "40000-60001")
    other = host.root / "etc/cron.d/job"
    other.parent.mkdir()
    other.write_bytes(host.file.read_bytes())
    document = json.loads((host.state / "1.json").read_text(encoding="utf-8"))
    document["steps"][0]["path"] = "/etc/cron.d/job"
    (host.state / "1.json").write_text(json.dumps(document), encoding="utf-8")
    refused("another file", host.run("range", "undo", "1"))
    check("another file stays", other.read_bytes(), host.file.read_bytes())


# --- no permission, no room

def in_mounts(host, script, *words, **env):
    """Behind mounts of its own, made by @script."""
    return host.run(*words, wrap=["unshare", "--mount", "bash", "-c", f'{script} || exit 99; exec "$@"', "bash"], **env)


def test_disks(host):
    """Old or refused, whatever cannot be written."""
    host.fresh()
    before = host.stand()
    scripts = {
        "/proc/sys": "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys",
        "/etc": f"mount --bind {host.root} {host.root} && mount -o remount,ro,bind {host.root}",
        "journal": f"mkdir -pm 700 {host.state} && mount --bind {host.state} {host.state} && mount -o remount,ro,bind {host.state}",
        "full": f"mkdir -pm 700 {host.state} && mount -t tmpfs -o size=16k,mode=700 none {host.state} && "
                f"! head -c 99999 /dev/zero 2>/dev/null >{host.state}/fill",
    }
    for name, script in scripts.items():
        for words in (["range", "set", "40000-60001"], ["range", "set", "40000-60001", "--json"], ["range", "set", "40000-60001", "--confirm-within", "1"],
                      ["reserve", "add", "5000"]):
            if name == "/etc" and "--confirm-within" in words:
                continue  # writes no file there
            result = in_mounts(host, script, *words)
            refused(f"{name}: {words}", result, "--json" in words)
            wanted = "No space left" if name == "full" else "Read-only"
            check(f"{name}: {words} says why: {result[2]}", wanted in result[2])
            check(f"{name}: {words}", host.stand(), before)
            check(f"{name}: {words} waits for nothing", (host.state / "pending").exists(), False)
    result = in_mounts(host, scripts["full"] + f" && ({' '.join(host.words(['range', 'set', '40000-60001', '--confirm-within', '1']))} 2>/dev/null;"
                       f" test ! -e {host.state}/pending && rm {host.state}/fill)", "range", "set", "40000-60001", "--no-persist")
    check(f"full, then not: {result}", result[0], 0)


def test_users(host):
    host.fresh()
    before = host.stand()
    os.chmod(host.work, 0o755)
    for state in (host.state, host.work / "theirs"):
        if state != host.state:
            state.mkdir(mode=0o700)
            os.chown(state, 65534, 65534)
        for words in (["range", "set", "40000-60001"], ["range", "reset"], ["range", "undo"], ["range", "confirm"], ["reserve", "add", "5000"]):
            done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", self_path(host), *words], check=False,
                                  capture_output=True, text=True, timeout=60, env={**os.environ, "EPHEMPORTS_STATE_DIR": str(state)})
            if words[1] == "reset" and done.returncode == 0:
                check(f"nothing to do {done.stdout}", "nothing to change" in done.stdout)
                continue
            refused(f"as nobody: {words}", (done.returncode, done.stdout, done.stderr))
    check("as nobody", host.stand(), before)


def self_path(host):
    """Where nobody may run it."""
    copy = host.work / "ephemports"
    if not copy.exists():
        shutil.copy(host.path, copy)
        copy.chmod(0o755)
    return str(copy)


# --- at any moment

def test_guard(host):
    """A guard finds its journal by the path that was given, and takes back what is told to nobody."""
    host.fresh()
    relative = {"EPHEMPORTS_STATE_DIR": "state", "EPHEMPORTS_ROOT": "root"}
    status, out, err = host.run("range", "set", "40000-60001", "--confirm-within", "1", cwd=host.work, **relative)
    check(f"relative paths {out} {err}", (status, RANGE.read_text().split()), (0, ["40000", "60001"]))
    for _ in range(40):
        if RANGE.read_text().split() == ["32768", "60999"]:
            break
        time.sleep(0.1)
    check("relative paths: taken back", (RANGE.read_text().split(), (host.state / "pending").exists()), (["32768", "60999"], False))


def killed(host, words, delay):
    with subprocess.Popen(host.words(words), env=host.env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(delay)
        process.kill()


def test_kill(host, seed, kills):
    """Old or new after the next run, which says which."""
    rnd = random.Random(seed)
    for number in range(kills):
        words = rnd.choice((["range", "set", "40000-60001"], ["range", "undo"], ["range", "reset"], ["reserve", "add", "5000-5002"]))
        prepared = [] if words[1] == "set" or words[0] == "reserve" else ["range", "set", "30000-50001"]
        stands = []
        for _ in range(2):
            host.fresh()
            if prepared:
                host.run(*prepared)
            stands.append(host.stand())
            if len(stands) == 1:
                host.run(*words)
                stands.append(host.stand())
        delay = rnd.random() * 0.03
        what = f"seed {seed}, kill {number}: {words} after {delay:.4f} s"
        killed(host, words, delay)
        between = host.stand()
        err = host.run("range", "confirm")[2]
        now = host.stand()
        said = [line for line in err.splitlines() if "was interrupted" in line]
        check(f"{what}: {err}", now in stands[:2])
        check(f"{what}: {err}, says so", bool(said) or now == between)
        if said and words[1] != "undo":
            check(f"{what}: {err}, says which", "so it is done" in said[0], now == stands[1])
        log = parsed(host.run("range", "log", "--json")[1])
        check(f"{what}: {log}", {change["state"] for change in log["log"]} <= {"done", "undone"})


def test_together(host):
    """Six at once: each does all or nothing, and the way back leads to the beginning."""
    for _ in range(4):
        host.fresh()
        beginning = host.stand()
        all_words = (["range", "set", "40000-60001"], ["range", "set", "30000-50001"], ["reserve", "add", "7000"], ["range", "undo"],
                     ["range", "set", "20000-50001", "--confirm-within", "60"], ["range", "confirm"])
        running = [subprocess.Popen(host.words(words), env=host.env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for words in all_words]
        for words, process in zip(all_words, running):
            err = process.communicate()[1]
            check(f"{words}: {err}", process.returncode in (0, 3) and err.count("\n") == (process.returncode == 3))
        pending = host.state / "pending"
        if pending.exists():
            pending.unlink()  # decided: the guard finds nothing, and goes
        log = parsed(host.run("range", "log", "--json")[1])
        for _ in range(len(log["log"])):
            host.run("range", "undo")
        check(f"undone one by one: {log}", host.stand(), beginning)


# --- what a firewall makes of the rules

def loaded(words, text):
    return subprocess.run(words, check=False, input=text, capture_output=True, text=True, timeout=30)


def test_firewall(host):
    host.fresh()
    for options in ([], ["-4"], ["-6"], ["--tcp", "--udp"], ["--udp", "-4"]):
        for ports in ("40000-40100", "65535-65535", "1-65535"):
            status, out, err = host.run("range", "firewall", ports, "--for", "nft", *options)
            check(f"nft {options} {err}", (status, out.count("accept")), (0, 2 if "--tcp" in options else 1))
            if shutil.which("nft"):
                done = loaded(["nft", "-c", "-f", "-"], out)
                check(f"nft {options} {out}: {done.stderr}", done.returncode, 0)
            status, out, err = host.run("range", "firewall", ports, "--for", "iptables", *options)
            check(f"iptables {options} {err}", status, 0)
            for tool, given in (("iptables", "-6"), ("ip6tables", "-4")):
                rules = [line[len(tool) + 1:] for line in out.splitlines() if line.startswith(tool + " ")]
                check(f"{tool} {options} {out}", len(rules), 0 if given in options else 2 if "--tcp" in options else 1)
                if rules and shutil.which(f"{tool}-restore"):
                    done = loaded([f"{tool}-restore", "--test"], "\n".join(["*filter", *rules, "COMMIT", ""]))
                    check(f"{tool} {options} {rules}: {done.stderr}", done.returncode, 0)
    status, out, err = host.run("range", "firewall", "40000-40100", "--for", "pf", "-6", "--json")
    check(f"JSON {err}", (status, parsed(out)), (0, {"schema": 1, "language": "pf", "range": {"low": 40000, "high": 40100, "ports": 101},
                                                         "rules": ["pass in inet6 proto tcp to port 40000:40100 keep state"]}))


def main():
    path, *rest = sys.argv[1:]
    if rest[:1] != ["inside"]:
        for how in (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"]):
            if subprocess.run([*how, "true"], check=False, capture_output=True).returncode == 0:
                os.execvp("unshare", [*how, sys.executable, __file__, os.path.realpath(path), "inside", *rest])
        print("no network namespace can be made here")
        return 77
    seed, kills = (int(rest[1]) if rest[1:] else random.SystemRandom().randrange(1 << 32)), int(rest[2]) if rest[2:] else 30
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as work:
        host = Host(path, work)
        for test in (test_input, test_dry_run, test_texts, test_journal, test_foreign_entries, test_disks, test_guard, test_together, test_firewall):
            test(host)
        test_kill(host, seed, kills)
        if pathlib.Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] != "1":
            test_users(host)
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
