#!/usr/bin/env python3
"""test_sysctl_files.py BOOT_TOOL SEED COUNT - messy files of sysctl.d before the programs that read them: systemd-sysctl and
sysctl --system of this machine, in a network and mount namespace of the test's own.

For random files our reading must be what each program then sets, and after our edit each must set the wanted range, every
other setting as before and every other line still there.
"""

import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

from boottool import BootTool, Refused

RANGE = "net.ipv4.ip_local_port_range"
DEFAULT = (32768, 60999)
WANTED = (40000, 60001)
READERS = {"systemd": ["/lib/systemd/systemd-sysctl"], "procps": ["/usr/sbin/sysctl", "--system"]}
DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
OUTPUT = f"{RANGE} = 32768\t60999\n"
# How a host tells that systemd is there.
SYSTEMD = {"/run/systemd/system": b""}
OTHERS = {"ip_local_reserved_ports": "", "tcp_fin_timeout": "60", "tcp_retries2": "15"}

NAMES = [RANGE] * 5 + ["net/ipv4/ip_local_port_range"] * 2 + [
    "net.ipv4.ip_local_port_range.", "net/ipv4/ip_local_port_range/", "net//ipv4/ip_local_port_range", "net..ipv4.ip_local_port_range",
    "/net/ipv4/ip_local_port_range", ".net.ipv4.ip_local_port_range", "net/./ipv4/ip_local_port_range",
    "net/ipv4/../ipv4/ip_local_port_range", "net/ipv4/conf/../ip_local_port_range", "net.ipv4/ip_local_port_range", "net.ipv4.ip_local_port_ranges",
    "net.ipv4.ip_local_port_range[", "net/ipv4/ip_local_port_range/.", "../sys/net/ipv4/ip_local_port_range"]
PATTERNS = ["net.ipv4.ip_local_port_rang?", "net.ipv4.ip_local_*_range", "net/ipv4/ip_local_p*", "net.ipv4.ip_local_[n-q]ort_range",
            "net.ipv4.ip_local_[!p]ort_range", "net//ipv4/ip_local_port_*", "net.ipv4.ip_local_port_*.", "net/ipv4/../ipv4/ip_local_port_*",
            "net.ip*.ip_local_port_range", "net/./ipv4/ip_local_port_*"]
NOISE = ["", "# a comment", "\t; another", "# net.ipv4.ip_local_port_range = 1 2", "junk", "net.ipv4.tcp_fin_timeout = 31", "net.ipv4.tcp_fin_timeout=33",
         "-net.ipv4.tcp_retries2 = 9", "net.ipv4.tcp_retries[2] = 10", "net.ipv4.ip_local_reserved_ports = 8080,9090", "-net.ipv4.no_such_thing = 1",
         "-net.ipv4.tcp_retries2", "net.ipv4.ip_local_reserved_ports=7000-7010"]
failures = []


def value_of(rng):
    low = rng.randrange(1024, 30000)
    value = f"{low}{rng.choice([' ', ' ', chr(9), '  '])}{low + rng.randrange(1, 30000)}"
    return rng.choice([value] * 8 + [value + " # why", value + "\t;x", "5 x", "", "70000 1"])


def line_of(rng):
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(NOISE)
    name = rng.choice(PATTERNS if kind < 0.5 else NAMES)
    minus = rng.choice(["", "", "", "", "-", "- ", "-\t", "--", "---"])
    if minus and rng.random() < 0.4:
        return rng.choice(["", " "]) + minus + name + rng.choice(["", " "])
    blank = rng.choice(["", " ", "\t"])
    return rng.choice(["", "", " ", "\t"]) + minus + name + blank + "=" + blank + value_of(rng)


def files_of(rng):
    files = {}
    for _ in range(rng.randrange(1, 5)):
        directory = rng.choice(DIRECTORIES[:1] * 3 + DIRECTORIES)
        name = rng.choice(["10-site", "50-default", "90-ephemports", "95-late", "99-sysctl", "zz-last", "a_b"])
        end = rng.choice(["\n", "\n", "\n", "\r\n"])
        text = end.join(line_of(rng) for _ in range(rng.randrange(1, 6))) + rng.choice([end, end, ""])
        files[f"{directory}/{name}.conf"] = text.encode()
    if rng.random() < 0.5:
        files["/etc/sysctl.conf"] = ("\n".join(line_of(rng) for _ in range(rng.randrange(0, 4))) + "\n").encode()
    return files


def enter():
    """Into a mount and a network namespace, where the directories are empty and the settings our own."""
    if "EPH_TEST_INSIDE" not in os.environ:
        missing = [command[0] for command in READERS.values() if not shutil.which(command[0])]
        if os.geteuid() != 0 or missing:
            print("needs root, and " + " ".join(command[0] for command in READERS.values()))
            sys.exit(77)
        os.environ["EPH_TEST_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--net", sys.executable, *sys.argv])
    # /etc as it is, but where it can be written to without anybody else seeing it.
    for command in (["mount", "-t", "tmpfs", "tmpfs", "/mnt"], ["cp", "-a", "/etc/.", "/mnt"], ["mount", "--move", "/mnt", "/etc"]):
        subprocess.run(command, check=True)
    conf = pathlib.Path("/etc/sysctl.conf")
    conf.unlink(missing_ok=True)
    conf.write_bytes(b"")
    for directory in DIRECTORIES:
        pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)


def install(files):
    for directory in DIRECTORIES:
        for path in pathlib.Path(directory).glob("*.conf"):
            path.unlink()
    pathlib.Path("/etc/sysctl.conf").write_bytes(b"")
    for path, text in files.items():
        pathlib.Path(path).write_bytes(text)


def setting(name):
    return pathlib.Path("/proc/sys/net/ipv4") / name


def boot(reader):
    """What the program makes of the files: the range, and all other settings."""
    setting("ip_local_port_range").write_text(f"{DEFAULT[0]} {DEFAULT[1]}\n", encoding="ascii")
    for name, value in OTHERS.items():
        setting(name).write_text(value + "\n", encoding="ascii")
    subprocess.run(READERS[reader], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
    low, high = setting("ip_local_port_range").read_text(encoding="ascii").split()
    return (int(low), int(high)), {name: setting(name).read_text(encoding="ascii").strip() for name in OTHERS}


def kernel_takes(value):
    """The range that the kernel makes of a value of two numbers; None when it refuses, or there is one number only."""
    words = re.match(r"([1-9][0-9]*)[ \t]+([1-9][0-9]*)(?:[ \t]|$)", value)
    if not words or not 1024 <= int(words[1]) <= int(words[2]) <= 65535:
        return None
    return int(words[1]), int(words[2])


def check_reading(tool, what):
    for reader in READERS:
        got, _ = boot(reader)
        winner = tool.winner(reader, RANGE)
        expected = kernel_takes(winner[2]) if winner else DEFAULT
        if expected and got != expected:
            failures.append(f"{what}: {reader} sets {got}, we say {winner}")


def about_range(line):
    """Does the line assign the range, in whatever spelling?"""
    name, equals, _ = line.partition(b"=")
    return bool(equals) and b"ip_local_port_range" in name and not line.lstrip().startswith((b"#", b";")) and not re.search(rb"ranges|\[", name)


def kept_lines(text):
    return [line.rstrip(b"\r") for line in text.split(b"\n") if not about_range(line)]


def check_lines(what, path, before, after):
    """Other lines are all there, in order; what is new is at most one line at the end, or comments of values."""
    rest = iter(kept_lines(after))
    for line in kept_lines(before.rstrip(b"\r\n")):
        if line not in rest:
            failures.append(f"{what}: {path} lost {line!r}:\n{before!r}\n{after!r}")
            return
    for comment in re.findall(rb"(?<=[ \t])# why", before):
        if comment not in after:
            failures.append(f"{what}: {path} lost a comment:\n{before!r}\n{after!r}")
    ends = {line[-1:] == b"\r" for line in before.split(b"\n")[:-1]}
    if len(ends) == 1 and {line[-1:] == b"\r" for line in after.split(b"\n")[:-1]} not in (ends, set()):
        failures.append(f"{what}: {path} has other line ends:\n{before!r}\n{after!r}")


def check_edit(tool, what, files):
    others = {reader: boot(reader)[1] for reader in READERS}
    try:
        edits, _ = tool.persist(*WANTED)
    except Refused as why:
        # Only the file that is read last of all can have the last word.
        late = files.get("/etc/sysctl.conf", b"")
        if not re.search(rb"[*?\[].*=", late):
            failures.append(f"{what}: {why}")
        return False
    for path, text in edits.items():
        if path in files:
            check_lines(what, path, files[path], text)
        elif not re.fullmatch(r"/etc/sysctl\.d/(90|zz|zzzz)-ephemports\.conf", path):
            failures.append(f"{what}: wrote {path}")
        if path in files and not path.startswith("/etc/"):
            failures.append(f"{what}: edited {path}")
    install({**files, **edits})
    for reader in READERS:
        got, rest = boot(reader)
        if got != WANTED:
            failures.append(f"{what}: {reader} sets {got} after {edits}")
        if rest != others[reader]:
            failures.append(f"{what}: {reader} sets {rest} instead of {others[reader]}")
    return True


def main():
    path, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    enter()
    print(f"seed {seed}, {count} cases")
    edited = 0
    with BootTool(path) as tool:
        for case in range(count):
            files = files_of(random.Random(seed * 1000003 + case))
            what = f"case {case}: " + "; ".join(f"{path} {text!r}" for path, text in files.items())
            install(files)
            tool.ask("linux", "6.1", OUTPUT, {**files, **SYSTEMD})
            before = len(failures)
            check_reading(tool, what)
            edited += check_edit(tool, what, files)
            if len(failures) > before + 8 or len(failures) > 20:
                break
    if edited < count * 9 // 10 and not failures:
        failures.append(f"only {edited} of {count} cases could be edited")
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
