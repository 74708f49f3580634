"""AIX: no(1), /etc/tunables/nextboot, rc.tcpip, and rc.net before 5.2 or with pre520tune."""

import re

from ..answer import Answer, refuse
from .base import System, number

# name -> default, smallest, largest. The first four are what this project is about.
TUNABLES = {
    "arpqsize": (1024, 1, 32767),
    "ipqmaxlen": (512, 100, 2147483647),
    "tcp_ephemeral_high": (65535, 1025, 65535),
    "tcp_ephemeral_low": (32768, 1024, 65534),
    "tcp_timewait": (1, 1, 5),
    "thewall": (8388608, 0, 67108864),
    "udp_ephemeral_high": (65535, 1025, 65535),
    "udp_ephemeral_low": (32768, 1024, 65534),
}
READ_ONLY = {"thewall"}
USAGE = ("usage: no -h [tunable] | {[-F] -L [tunable]} | {[-F] -x [tunable]}\n"
         "       no [-p|-r] (-a [-F] | {-o tunable[=newvalue]})\n       no [-p|-r] (-D | ({-d tunable} {-o tunable=newvalue}))\n")

RC_TCPIP = """\
#!/bin/ksh
# rc.tcpip: start the TCP/IP daemons
start()
{
	cmd=$1
	echo "Starting $cmd"
}
src_running=""

# Start up syslog daemon (for error and event logging)
start /usr/sbin/syslogd "$src_running"

# Start up Portmapper
start /usr/sbin/portmap "${src_running}"

start /usr/sbin/inetd "$src_running"
exit 0
"""

RC_NET = """\
#!/bin/ksh
# rc.net: configure network interfaces and options
if [ -f /usr/sbin/no ] ; then
	/usr/sbin/no -o arpqsize=1024
fi
exit 0
"""


class Aix(System):
    release = "7.3"
    root_shell = "/usr/bin/ksh"
    user_shell = "/usr/bin/ksh"
    shells = {"/bin/sh": "posix", "/usr/bin/sh": "posix", "/usr/bin/ksh": "posix", "/bin/ksh": "posix"}
    netstat_sample = "aix/netstat-an.txt"

    def __init__(self, release=None, lang="en", pre520tune="disable", high_first=False):
        self.pre520tune = pre520tune
        self.high_first = high_first
        super().__init__(release, lang)

    @property
    def old(self):
        return tuple(int(part) for part in self.release.split(".")) < (5, 2)

    def make_uname(self):
        version, _, release = self.release.partition(".")
        return {"s": "AIX", "r": release or "0", "v": version, "n": "aix1", "m": "00F9A1234C00", "p": "powerpc", "order": "snrvm"}

    def make_commands(self):
        return {"/usr/sbin/no": self.no, "/usr/bin/oslevel": lambda call: Answer(self.release + ".0.0\n"),
                "/usr/sbin/lsattr": self.lsattr}

    def tree(self):
        tree = {"/etc/rc.tcpip": (0o774, RC_TCPIP), "/etc/rc.net": (0o774, RC_NET)}
        if not self.old:
            tree["/etc/tunables/nextboot"] = "# IBM_PROLOG_BEGIN_TAG\n# nextboot\n\nvmo:\n\tminperm% = \"3\"\n\nno:\n\ttcp_timewait = \"1\"\n"
        return tree

    def reset(self):
        self.running = {name: default for name, (default, _, _) in TUNABLES.items()}

    def lsattr(self, call):
        if "pre520tune" not in call.options:
            return refuse("lsattr: 0514-528 The attribute does not exist.", 255)
        return Answer(f"pre520tune {self.pre520tune} Pre-520 tuning compatibility mode True\n")

    def boot(self):
        if not self.old and self.pre520tune != "enable":
            for name, value in self._nextboot().items():
                if self._refusal(name, number(value)) is None:
                    self.running[name] = number(value)
        if self.old or self.pre520tune == "enable":
            self.host.execute("/etc/rc.net")
        self.host.execute("/etc/rc.tcpip")

    # nextboot

    def _nextboot(self):
        """The no: stanza. A later line of the same name wins."""
        values, stanza = {}, None
        for line in (self.host.read("/etc/tunables/nextboot") or "").splitlines():
            if re.match(r"\s*#", line):
                continue
            if re.fullmatch(r"(\w+):\s*", line):
                stanza = line.strip().rstrip(":")
            pair = re.fullmatch(r'\s+([\w%]+)\s*=\s*"([^"]*)"\s*', line)
            if pair and stanza == "no":
                values[pair[1]] = pair[2]
        return values

    def _write_nextboot(self, name, value):
        """Replace, add or (value None) remove one line of the stanza; everything else stays."""
        lines = (self.host.read("/etc/tunables/nextboot") or "").splitlines()
        stanza, at, found = None, None, False
        kept = []
        for line in lines:
            if re.fullmatch(r"\w+:\s*", line):
                stanza = line.strip()
            pair = re.fullmatch(r'\s+([\w%]+)\s*=.*', line)
            if stanza == "no:" and pair and pair[1] == name:
                if value is not None and not found:
                    kept.append(f'\t{name} = "{value}"')
                found = True
                continue
            kept.append(line)
            if stanza == "no:" and line.strip():
                at = len(kept)
        if value is not None and not found:
            if at is None:
                kept += ["", "no:"] if kept else ["no:"]
                at = len(kept)
            kept.insert(at, f'\t{name} = "{value}"')
        self.host.write("/etc/tunables/nextboot", "\n".join(kept) + "\n")

    # no

    def no(self, call):
        words, actions, show, scope = list(call.options), [], None, ""
        while words:
            word = words.pop(0)
            letters = word[1:2] if word.startswith("-") else ""
            if letters and letters in "odLxh":
                value = word[2:] or (words.pop(0) if words and not (letters in "Lx" and words[0].startswith("-")) else "")
                actions.append((letters, value))
            elif word in ("-p", "-r") and not self.old:
                scope = word
            elif word == "-a":
                show = "a"
            elif word == "-D":
                actions += [("d", name) for name in TUNABLES if name not in READ_ONLY]
            elif word != "-F":
                return refuse(USAGE.rstrip())
        if show:
            return self._show_all(scope)
        if not actions:
            return refuse(USAGE.rstrip())
        return self._run(call, scope, actions)

    def _show_all(self, scope):
        answer, values = Answer(), self._nextboot() if scope == "-r" else self.running
        for name in sorted(self.running, key=lambda n: self._order(n)):
            answer.out(f"{name:>25} = {values.get(name, self.running[name])}\n")
        return answer

    def _order(self, name):
        """Sorted, but some releases show low before high: both orders are seen."""
        stem, _, end = name.rpartition("_")
        if end in ("low", "high"):
            return (stem, (end == "low") == self.high_first)
        return (name, False)

    def _run(self, call, scope, actions):
        answer = Answer()
        if all(letter == "L" for letter, _ in actions):
            actions.sort()
        for letter, word in actions:
            name, equals, text = word.partition("=")
            if letter in "Lx" and not name:
                for each in sorted(self.running):
                    self._describe(answer, letter, each)
            elif name not in self.running:
                answer.fail(f"no: 0042-001 {name} is not a valid tunable name\n")
                break
            elif letter in "Lx":
                self._describe(answer, letter, name)
            elif letter == "h":
                answer.out(f"{name}: see the documentation of no.\n")
            elif letter == "d":
                self._set(answer, call, scope, name, str(TUNABLES[name][0]), reset=True)
            elif equals:
                self._set(answer, call, scope, name, text)
            else:
                values = self._nextboot() if scope == "-r" else {}
                answer.out(f"{name} = {values.get(name, self.running[name])}\n")
            if answer.status:
                break
        return answer

    def _set(self, answer, call, scope, name, text, reset=False):
        if not call.root:
            return answer.fail("no: 0042-006 Operation not permitted: root authority is needed\n")
        value = number(text)
        refusal = self._refusal(name, value)
        if refusal:
            return answer.fail(refusal + "\n")
        if scope != "-r":
            self.running[name] = value
            answer.out(f"Setting {name} to {value}\n")
        if scope:
            # Whether -r -d takes the line out or writes the default is not known.
            self._write_nextboot(name, None if reset else value)
            answer.out(f"Setting {name} to {value} in nextboot file\n")
        return answer

    def _refusal(self, name, value):
        """Why a value is not accepted now, or None. Releases before 5.2 check nothing. (Wording is not known.)"""
        if name not in TUNABLES or value is None:
            return f"no: 0042-002 Invalid value for tunable {name}"
        if name in READ_ONLY:
            return f"no: 0042-003 {name} is a reserved or read-only tunable"
        if self.old:
            return None
        _, low, high = TUNABLES[name]
        if not low <= value <= high:
            return f"no: 0042-004 {name} should be between {low} and {high}"
        stem, _, end = name.rpartition("_")
        if end == "low" and stem.endswith("_ephemeral") and value >= self.running[stem + "_high"]:
            return f"no: 0042-005 {name} must be less than {stem}_high"
        if end == "high" and stem.endswith("_ephemeral") and value <= self.running[stem + "_low"]:
            return f"no: 0042-005 {name} must be greater than {stem}_low"
        return None

    def _describe(self, answer, letter, name):
        default, low, high = TUNABLES[name]
        stem, _, end = name.rpartition("_")
        other = f"{stem}_{'low' if end == 'high' else 'high'}" if stem.endswith("_ephemeral") else ""
        if other and end == "high":
            low = self.running[other] + 1
        values = [self.running[name], default, int(self._nextboot().get(name, default)), low, high]
        if letter == "x":
            answer.out(",".join([name, *map(str, values), "numeric", "D", other]) + ",\n")
            return
        if not answer.pieces:
            answer.out("-" * 80 + "\nNAME                      CUR    DEF    BOOT   MIN    MAX    UNIT           TYPE\n"
                       "     DEPENDENCIES\n" + "-" * 80 + "\n")
        short = [_abbreviate(value) for value in values]
        answer.out(f"{name:<25} " + "".join(f"{word:<6} " for word in short) + "numeric           D\n")
        answer.out((f"     {other}\n" if other else "") + "-" * 80 + "\n")


def _abbreviate(value):
    """32768 is 32K, 65535 is 64K-1, 32769 is 32K+1: what no -L does to numbers. (And 65534 is seen as 65535-1.)"""
    if value == 65534:
        return "65535-1"
    near, rest = divmod(value + 1, 1024)
    if near and rest <= 2:
        return f"{near}K" + ("-1", "", "+1")[rest]
    return str(value)
