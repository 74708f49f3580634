"""Tru64 UNIX: sysconfig, sysconfigdb and /etc/sysconfigtab."""

import os
import re

from ..answer import Answer, refuse
from .base import System, number

# name -> default, smallest, largest; the bounds of the first are not certain.
ATTRIBUTES = {
    "inet": {"ipport_userreserved": (5000, 5000, 65535), "ipport_userreserved_min": (1024, 1024, 65535),
             "tcp_keepalive_default": (0, 0, 1), "tcp_msl": (60, 1, 120), "tcbhashsize": (512, 16, 16384)},
    "vm": {"ubc_maxpercent": (100, 0, 100)},
}
FIXED = {"tcbhashsize"}
TABLE = "/etc/sysconfigtab"


def parse_stanzas(text):
    """name -> list of lines, in order; a stanza ends at an empty line or at the next name."""
    stanzas, lines = {}, None
    for line in text.splitlines():
        head = re.fullmatch(r"([A-Za-z]\w*):\s*", line)
        if head:
            lines = stanzas.setdefault(head[1], [])
        elif line.strip() and not line.startswith("#") and lines is not None:
            lines.append(line)
    return stanzas


def values_of(lines):
    """Attributes of one stanza. A line must begin with a TAB; one that begins with blanks is not read."""
    pairs = (re.fullmatch(r"\t\s*(\w+)\s*=\s*(.*?)\s*", line) for line in lines)
    return {pair[1]: pair[2] for pair in pairs if pair}


class Tru64(System):
    release = "V5.1"
    bin = "/usr/bin"
    netstat_path = "/usr/sbin/netstat"
    netstat_sample = "tru64/netstat-an-inet.txt"
    root_shell = "/bin/sh"
    shells = {"/bin/sh": "posix", "/sbin/sh": "posix", "/bin/csh": "csh", "/bin/ksh": "posix"}

    def make_uname(self):
        return {"s": "OSF1", "r": self.release, "n": "tru64a", "m": "alpha", "v": "2650", "p": "alpha", "order": "snrvm"}

    def make_commands(self):
        return {"/sbin/sysconfig": self.sysconfig, "/sbin/sysconfigdb": self.sysconfigdb}

    def tree(self):
        return {TABLE: (0o755, "#\n# *****************************************************************\n"
                               "vm:\n\tubc_maxpercent = 70\n\n"),
                "/sbin/rc3.d": None, "/sbin/init.d": None}

    @property
    def attributes(self):
        inet = dict(ATTRIBUTES["inet"])
        if self.release.startswith("V4"):
            del inet["ipport_userreserved_min"]
        return {**ATTRIBUTES, "inet": inet}

    def reset(self):
        self.running = {f"{subsystem}.{name}": limits[0] for subsystem, names in self.attributes.items()
                        for name, limits in names.items()}

    def boot(self):
        for subsystem, lines in parse_stanzas(self.host.read(TABLE) or "").items():
            for name, text in values_of(lines).items():
                limits = self.attributes.get(subsystem, {}).get(name)
                value = number(text)
                if limits and value is not None and limits[1] <= value <= limits[2]:
                    self.running[f"{subsystem}.{name}"] = value
        for name in self.host.chroot.listing("/sbin/rc3.d"):
            if name.startswith("S"):
                self.host.execute("/sbin/sh", f"/sbin/rc3.d/{name}", "start")

    # sysconfig

    def sysconfig(self, call):
        words = list(call.options)
        if len(words) < 2 or words[0] not in ("-q", "-Q", "-r", "-s"):
            return refuse("usage: sysconfig [-h hostname] [-i index [-v]] -c|-d|-m|-o|-q|-Q|-r|-s|-u subsystem [attribute...]", 255)
        subsystem = words[1]
        if subsystem not in self.attributes:
            return refuse(f"framework error: subsystem '{subsystem}' not found", 255)
        if words[0] == "-s":
            return Answer(f"{subsystem}: loaded and configured\n")
        if words[0] == "-r":
            return self._reconfigure(call, subsystem, words[2:])
        answer = Answer(f"{subsystem}:\n")
        names = words[2:] or sorted(self.attributes[subsystem])
        for name in names:
            limits = self.attributes[subsystem].get(name)
            if limits is None:
                answer.out(f"{name} = unknown attribute\n")
            elif words[0] == "-Q":
                operations = "CQ" if name in FIXED else "CRQ"
                answer.out(f"{name} -\ttype=INT op={operations} min_val={limits[1]} max_val={limits[2]}\n")
            else:
                answer.out(f"{name} = {self.running[f'{subsystem}.{name}']}\n")
        return answer

    def _reconfigure(self, call, subsystem, words):
        if not call.root:
            return refuse(f"sysconfig: reconfigure of subsystem '{subsystem}': Permission denied", 255)
        answer = Answer()
        for word in words:
            name, equals, text = word.partition("=")
            limits, value = self.attributes[subsystem].get(name), number(text)
            if limits is None or not equals:
                return answer.out(f"{name}: unknown attribute\n").fail("", 255)
            if name in FIXED:
                return answer.out(f"{name}: operation not supported\n").fail("", 255)
            if value is None or not limits[1] <= value <= limits[2]:
                return answer.out(f"{name}: attribute value out of range\n").fail("", 255)
            if not self._ordered(name, value):
                return answer.out(f"{name}: invalid value\n").fail("", 255)
            self.running[f"{subsystem}.{name}"] = value
            answer.out(f"{name}: reconfigured\n")
        return answer

    def _ordered(self, name, value):
        low = self.running.get("inet.ipport_userreserved_min", 1024)
        if name == "ipport_userreserved":
            return value >= low
        return name != "ipport_userreserved_min" or value <= self.running["inet.ipport_userreserved"]

    # sysconfigdb

    def sysconfigdb(self, call):
        options, words, path = "", list(call.options), None
        while words and words[0].startswith("-"):
            word = words.pop(0)
            options += word[1:]
            if word.endswith("f") and words:
                path = words.pop(0)
        subsystem = words[0] if words else None
        table = self.host.read(TABLE) or ""
        present = parse_stanzas(table)
        if "l" in options:
            chosen = [subsystem] if subsystem else list(present)
            if subsystem and subsystem not in present:
                return refuse(f"sysconfigdb: {subsystem} is not in the database")
            return Answer("".join(f"{name}:\n" + "".join(line + "\n" for line in present[name]) + "\n" for name in chosen))
        if not call.root:
            return refuse("sysconfigdb: must be superuser to modify the database")
        if "d" in options:
            return self._delete(table, present, subsystem)
        text = self.host.read(os.path.join(call.directory, path)) if path else None
        if text is None:
            return refuse(f"sysconfigdb: cannot open {path}")
        given = parse_stanzas(text)
        if not subsystem or subsystem not in given or text.split("\n")[0].rstrip() != subsystem + ":":
            return refuse(f"sysconfigdb: no entry for {subsystem} in {path}")
        if any(not line.startswith("\t") for line in given[subsystem]):
            return refuse(f"sysconfigdb: {path}: bad attribute line in entry {subsystem}")
        if "a" in options and subsystem in present:
            return refuse(f"sysconfigdb: {subsystem} is already in the database")
        if "a" not in options and subsystem not in present:
            return refuse(f"sysconfigdb: {subsystem} is not in the database")
        return self._store(table, present, subsystem, options, given[subsystem])

    def _delete(self, table, present, subsystem):
        if subsystem not in present:
            return refuse(f"sysconfigdb: {subsystem} is not in the database")
        self._write(table, subsystem, None)
        return Answer()

    def _store(self, table, present, subsystem, options, lines):
        given = values_of(lines)
        kept = present.get(subsystem, [])
        if "a" in options or "u" in options:
            kept = lines
        elif "m" in options:
            kept = [line for line in kept if not set(values_of([line])) & set(given)] + lines
        elif "r" in options:
            kept = [line for line in kept if not any(values_of([line]).get(name) == value for name, value in given.items())]
        else:
            return refuse("usage: sysconfigdb -a|-u|-m|-r -f file subsystem", 1)
        self._write(table, subsystem, kept)
        return Answer()

    def _write(self, table, subsystem, lines):
        """Replace one stanza, or add it at the end; others keep their bytes."""
        new = "" if lines is None else f"{subsystem}:\n" + "".join(line + "\n" for line in lines) + "\n"
        pattern = re.compile(rf"^{re.escape(subsystem)}:[ \t]*\n(?:[ \t#].*\n)*\n?", re.M)
        table = table if table.endswith("\n") or not table else table + "\n"
        if pattern.search(table):
            table = pattern.sub(lambda _: new, table, count=1)
        else:
            table = (table if not table or table.endswith("\n\n") else table + "\n") + new
        self.host.write(TABLE, table)
