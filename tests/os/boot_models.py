"""What each system's boot makes of its files: written from the systems' manuals and scripts, not from our C.

A model takes files (path -> bytes; links follow `links`) and gives the settings that the boot leaves, name -> number or text, in
the order they were set. Scripts are run by a real shell with stand-ins for ndd and no.
"""

import plistlib
import re
import subprocess

BLANKS = b" \t"


def assign(settings, name, value):
    """There is no name with blanks, and a kernel takes whole decimal numbers only; else it keeps what it has."""
    if re.fullmatch(rb"[0-9]+", value) and not re.search(rb"[ \t]", name):
        settings.pop(name.decode(), None)
        settings[name.decode()] = int(value)


def freebsd(files):
    """sysctl -f, since FreeBSD 10.1: a # begins a comment, blanks around name and value (a carriage return is one) do not count;
    name=value or name: value, perhaps in quotes. Two files."""
    settings = {}
    for path in ("/etc/sysctl.conf", "/etc/sysctl.conf.local"):
        for line in files.get(path, b"").split(b"\n"):
            parts = re.split(rb"[=:]", line.split(b"#")[0], maxsplit=1)
            if len(parts) == 2:
                value = parts[1].strip()
                if len(value) >= 2 and value[:1] in b"'\"" and value[-1:] == value[:1]:
                    value = value[1:-1]
                assign(settings, parts[0].strip(), value)
    return settings


def complete_lines(text):
    """What `while read line` sees: not a last line without an end. Blanks at both ends are gone, carriage returns are not."""
    return [line.strip(BLANKS) for line in text.split(b"\n")[:-1]]


def freebsd4(files):
    """while read var comments; do case $var in \\#*|'') ;; *) sysctl $var; esac; done. DragonFly too."""
    settings = {}
    for line in complete_lines(files.get("/etc/sysctl.conf", b"")):
        word = re.split(rb"[ \t]", line)[0]
        if word and not word.startswith(b"#"):
            name, equals, value = word.partition(b"=")
            if equals:
                assign(settings, name, value)
    return settings


def openbsd(files):
    """stripcom: while read line; do line=${line%%#*}; done; then sysctl "$line", which wants no blanks."""
    settings = {}
    for line in complete_lines(files.get("/etc/sysctl.conf", b"")):
        name, equals, value = line.split(b"#")[0].partition(b"=")
        if equals:
            assign(settings, name, value.rstrip(BLANKS))
    return settings


def netbsd(files):
    """sysctl -f: a # begins a comment; name=value or name?=value. Blanks are taken off the value only, in a name they belong to it."""
    settings = {}
    for line in files.get("/etc/sysctl.conf", b"").split(b"\n"):
        name, equals, value = line.split(b"#")[0].partition(b"=")
        if equals:
            assign(settings, name.removesuffix(b"?"), value.strip())
    return settings


def macos(files):
    """launchd: a daemon that is well-formed, not disabled and runs at load."""
    settings = {}
    for path in sorted(path for path in files if path.startswith("/Library/LaunchDaemons/")):
        try:
            daemon = plistlib.loads(files[path])
        except Exception:  # pylint: disable=broad-exception-caught
            continue
        program = daemon.get("ProgramArguments") or []
        if daemon.get("Disabled") or not daemon.get("RunAtLoad") or not program or program[0] != "/usr/sbin/sysctl":
            continue
        for word in program[1:]:
            name, equals, value = word.partition("=")
            if equals:
                assign(settings, name.encode(), value.encode())
    return settings


def run(script):
    """Lines that a real shell prints; nothing of this machine can be reached by it but its builtins."""
    done = subprocess.run(["/bin/bash", "--norc", "--noprofile", "-c", script], env={"PATH": "/nowhere"}, capture_output=True, timeout=20, check=False)
    return done.stdout.decode("utf-8", "replace").splitlines()


def told(lines):
    settings = {}
    for line in lines:
        words = line.split()
        if len(words) == 3 and words[0] == "SET":
            assign(settings, words[1].encode(), words[2].encode())
    return settings


def quoted(text):
    return "'" + text.decode("utf-8", "surrogateescape").replace("'", "'\\''") + "'"


NDD = """
tell() { test "$1" = -set && echo "SET $3 $4"; }
ndd() { tell "$@"; }
function /usr/sbin/ndd { tell "$@"; }
function /usr/bin/ndd { tell "$@"; }
"""


def script_order(files, directories):
    return [path for directory in directories for path in sorted(path for path in files if path.startswith(directory + "/S"))]


def run_scripts(files, directories):
    """rc: each script in order, asked to start."""
    whole = NDD
    for path in script_order(files, directories):
        whole += f"( set -- start; eval {quoted(files[path])} )\n"
    return run(whole)


def solaris10(files):
    return told(run_scripts(files, ("/etc/rcS.d", "/etc/rc2.d", "/etc/rc3.d")))


def hpux(files):
    """ndd -c sources nddconf and goes from 0 up to the first number without a name; scripts of rc2.d and rc3.d come after it."""
    script = quoted(files.get("/etc/rc.config.d/nddconf", b""))
    lines = run(f'eval {script}\ni=0\nwhile test -n "${{TRANSPORT_NAME[$i]}}" && test -n "${{NDD_NAME[$i]}}" && test -n "${{NDD_VALUE[$i]}}"; do\n'
                'echo "SET ${NDD_NAME[$i]} ${NDD_VALUE[$i]}"; i=$((i + 1)); done')
    return told(lines + run_scripts(files, ("/sbin/rc2.d", "/sbin/rc3.d")))


def aix51(files):
    """rc.tcpip, run to its end or its exit."""
    no = ('tell() { while test $# -gt 1; do case $1 in -o) echo "SET ${2%%=*} ${2#*=}";; esac; shift; done; }\n'
          'no() { tell "$@"; }\nfunction /usr/sbin/no { tell "$@"; }\nstart() { :; }\n')
    return told(run(no + "( eval " + quoted(files.get("/etc/rc.tcpip", b"")) + " )"))


MODELS = {"freebsd": freebsd, "freebsd4": freebsd4, "dragonfly": freebsd4, "openbsd": openbsd, "netbsd": netbsd, "macos": macos,
          "solaris10": solaris10, "hpux": hpux, "aix51": aix51}
