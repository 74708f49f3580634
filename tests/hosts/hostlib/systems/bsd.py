"""FreeBSD, DragonFly, NetBSD and OpenBSD: sysctl(8) in its dialects, and what each reads at boot."""

import re

from ..answer import Answer
from .base import System, clamp, number, sample

FREEBSD_ORDER = {
    # As FreeBSD's own listings show them: the order differs between releases, so readers must go by name.
    4: ["lowfirst", "lowlast", "first", "last", "hifirst", "hilast"],
    6: ["randomtime", "randomcps", "randomized", "reservedlow", "reservedhigh", "lowfirst", "lowlast", "first", "last",
        "hifirst", "hilast"],
    13: ["randomtime", "randomcps", "randomized", "reservedlow", "reservedhigh", "hilast", "hifirst", "last", "first",
         "lowlast", "lowfirst"],
    14: ["randomized", "reservedlow", "reservedhigh", "hilast", "hifirst", "last", "first", "lowlast", "lowfirst"],
}
DEFAULTS = {"lowfirst": 1023, "lowlast": 600, "first": 10000, "last": 65535, "hifirst": 49152, "hilast": 65535,
            "randomized": 1, "randomtime": 45, "randomcps": 10, "reservedlow": 0, "reservedhigh": 1023}
HIGH = ("first", "last", "hifirst", "hilast")
PREFIX = "net.inet.ip.portrange."
BLANKS = " \t"
EPERM, EINVAL = "Operation not permitted", "Invalid argument"


class Refused(Exception):
    """The kernel does not take a value; the text is strerror's."""


LISTS = ("net.inet.tcp.baddynamic", "net.inet.udp.baddynamic", "net.inet.tcp.rootonly", "net.inet.udp.rootonly")


def change_list(ports, text):
    """What sysctl(8) of OpenBSD makes of a list of ports: +PORT and -PORT change it, PORT,... replaces it, both at once is refused."""
    ports = {int(port) for port in ports.split(",") if port}
    changes = [word for word in text.split(",") if word]
    if any(number(word.lstrip("+-")) is None for word in changes) or len({word[0] in "+-" for word in changes}) > 1:
        raise Refused(EINVAL)
    if not changes or changes[0][0] not in "+-":
        ports = set()
    for word in changes:
        port = int(word.lstrip("+-"))
        if not 0 < port <= 65535:
            raise Refused(EINVAL)
        ports = ports - {port} if word[0] == "-" else ports | {port}
    return ",".join(str(port) for port in sorted(ports))


class Bsd(System):
    """sysctl with names in self.running, in the order of listing; dialects differ in a few attributes."""

    separator = ": "
    needs_w = False
    failure_status = 1
    sysctl_path = "/sbin/sysctl"
    bin = "/usr/bin"
    read_only = ()

    def make_commands(self):
        return {self.sysctl_path: self.sysctl}

    def sysctl(self, call):
        answer, flags, names = Answer(), set(), []
        words = list(call.options)
        while words:
            word = words.pop(0)
            if word == "-f" and words:
                return self.sysctl_file(call, words.pop(0))
            if word.startswith("-") and len(word) > 1:
                flags |= set(word[1:])
                if "f" in word:
                    return self.sysctl_file(call, words.pop(0) if words else "")
            else:
                names.append(word)
        if flags & {"a", "A"} and not names:
            names = ["*"]
        if not names:
            return Answer(err="usage: sysctl [-bdehiNnoqTtWx] name[=value] ...\n       sysctl [-bdehNnoqTtWx] -a\n", status=1)
        for word in names:
            self.sysctl_one(answer, call, word, flags)
        if answer.status:
            answer.status = self.failure_status
        return answer

    def sysctl_one(self, answer, call, word, flags):
        name, equals, text = word.partition("=")
        if not equals:
            return self._show(answer, name, flags)
        if name not in self.running:
            return self.unknown(answer, name, flags)
        if self.needs_w and "w" not in flags:
            return answer.fail("sysctl: Must specify -w to set variables\n")
        before = self.running[name]
        try:
            if name in self.read_only:
                raise Refused(EPERM)
            if not call.root:
                raise Refused(EPERM)
            self.running[name] = self.accept(name, text)
        except Refused as refused:
            return self.refused(answer, name, text, str(refused), before)
        if "n" in flags:
            answer.out(f"{before} -> {self.running[name]}\n")
        elif "q" not in flags:
            answer.out(f"{name}: {before} -> {self.running[name]}\n")
        return answer

    def _show(self, answer, name, flags):
        found = [each for each in self.running
                 if name == "*" or each == name or each.startswith(name.rstrip(".") + ".")]
        if not found:
            return self.unknown(answer, name, flags)
        for each in found:
            separator = "=" if "e" in flags else self.separator
            answer.out(f"{self.running[each]}\n" if "n" in flags else f"{each}{separator}{self.running[each]}\n")
        return answer

    def unknown(self, answer, name, flags):
        if "i" in flags:
            return answer
        return answer.fail(f"sysctl: unknown oid '{name}'\n")

    def refused(self, answer, name, text, why, before):
        return answer.fail(f"sysctl: {name}: {why}\n")

    def accept(self, name, text):
        """The value that the kernel keeps of what was asked, or Refused."""
        value = number(text)
        if value is None:
            raise Refused(EINVAL)
        return value

    def sysctl_file(self, call, path):
        answer = Answer()
        text = self.host.read(path if path.startswith("/") else call.directory + "/" + path)
        if text is None:
            return answer.fail(f"sysctl: {path}: No such file or directory\n")
        for word in self.assignments(text):
            self.sysctl_one(answer, call, word, {"w"})
        return answer

    def assignments(self, text):
        """name=value words that this system's boot finds in a sysctl.conf."""
        raise NotImplementedError

    def apply_conf(self, path="/etc/sysctl.conf"):
        for word in self.assignments(self.host.read(path) or ""):
            self.host.execute(self.sysctl_path, *(["-w"] if self.needs_w else []), word)


def words_without_blanks(text):
    """`while read var comments; do sysctl ${var}`: only the first word of a line counts, lines with # at first not.

    A carriage return is no blank to read: it stays, and makes the value invalid. What follows the last newline read gives
    no line at all.
    """
    found = []
    for line in text.split("\n")[:-1]:
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            found.append(words[0])
    return [word for word in found if "=" in word]


def lines_with_blanks(text):
    """FreeBSD's sysctl -f: "name: value", too, blanks around, quotes, a comment; strsep(&cp, "=:") in sysctl.c."""
    found = []
    for line in text.split("\n"):
        match = re.fullmatch(r"\s*([^=:]*?)\s*[=:]\s*(.*?)\s*", line.split("#", 1)[0])
        if match:
            value = match[2]
            if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]:
                value = value[1:-1]
            found.append(f"{match[1]}={value}")
    return found


class PortRange(Bsd):
    """net.inet.ip.portrange as FreeBSD, DragonFly and macOS have it: never an error, silently clamped."""

    panics_on_equal = False

    def accept(self, name, text):
        value = number(text)
        if value is None:
            raise Refused("invalid integer")
        leaf = name.removeprefix(PREFIX)
        if leaf in HIGH:
            value = clamp(value, 1024, 65535)
        elif leaf in ("lowfirst", "lowlast"):
            value = clamp(value, 1, 1023)
        elif leaf in ("reservedlow", "reservedhigh") and not 0 <= value <= 65535:
            raise Refused(EINVAL)
        self._watch(name, leaf, value)
        return value

    def _watch(self, name, leaf, value):
        """FreeBSD 14 divides by zero at the next connect() when both ends are equal, however shortly."""
        pairs = {"first": "last", "last": "first", "hifirst": "hilast", "hilast": "hifirst", "lowfirst": "lowlast",
                 "lowlast": "lowfirst"}
        if self.panics_on_equal and leaf in pairs and self.running.get(PREFIX + "randomized"):
            if self.running[PREFIX + pairs[leaf]] == value:
                self.panic = f"integer divide fault: {name} = {PREFIX}{pairs[leaf]} = {value}"

    def refused(self, answer, name, text, why, before):
        if why == "invalid integer":
            return answer.fail(f"sysctl: invalid integer '{text}'\n")
        return answer.out(f"{name}: {before}").out("\n").fail(f"sysctl: {name}={text}: {why}\n")


class FreeBsd(PortRange):
    release = "13.2"
    netstat_sample = "freebsd/netstat-an-inet.txt"
    shells = {"/bin/sh": "posix", "/bin/csh": "csh", "/bin/tcsh": "csh"}
    root_shell = "/bin/csh"

    def __init__(self, release=None, lang="en", securelevel=-1):
        self.securelevel = securelevel
        self.major, minor = ([int(part) for part in (release or self.release).split(".")] + [0])[:2]
        self.ancient = (self.major, minor) < (4, 6)
        self.needs_w = (self.major, minor) < (4, 4)
        self.reads_by_shell = (self.major, minor) < (10, 1)  # rc.d/sysctl of 9.3 has a read loop, that of 10.4 sysctl -f
        self.panics_on_equal = self.major >= 14
        if self.major >= 14:
            self.root_shell = "/bin/sh"
        super().__init__(release, lang)

    def make_uname(self):
        return {"s": "FreeBSD", "r": self.release + "-RELEASE", "n": "freebsd1", "m": "amd64" if self.major > 4 else "i386",
                "p": "amd64", "i": "GENERIC", "v": f"FreeBSD {self.release}-RELEASE GENERIC", "o": "FreeBSD", "order": "snrvm"}

    def make_commands(self):
        commands = {**super().make_commands(), "/usr/bin/sockstat": lambda call: Answer(sample("freebsd/sockstat-4.txt"))}
        if self.major > 4:
            commands["/usr/sbin/service"] = self.service
        return commands

    def tree(self):
        return {"/etc/sysctl.conf": "# $FreeBSD$\n#\n#  This file is read when going to multi-user and its contents piped thru\n"
                                    "#  ``sysctl'' to adjust kernel values.  ``man 5 sysctl.conf'' for details.\n#\n",
                "/etc/rc.conf": 'hostname="freebsd1"\nsshd_enable="YES"\n'}

    def reset(self):
        order = FREEBSD_ORDER[max(release for release in FREEBSD_ORDER if release <= self.major)]
        self.running = {PREFIX + name: DEFAULTS[name] for name in order}
        if self.ancient:
            self.running |= {PREFIX + "first": 1024, PREFIX + "last": 5000}
        elif self.major < 8:
            self.running[PREFIX + "first"] = 49152
        self.running["net.inet.tcp.msl"] = 30000
        self.running["kern.securelevel"] = self.securelevel
        self.panic = None

    @property
    def read_only(self):
        return [PREFIX + "reservedlow", PREFIX + "reservedhigh"] if self.securelevel > 0 else []

    def assignments(self, text):
        return words_without_blanks(text) if self.reads_by_shell else lines_with_blanks(text)

    def boot(self):
        self.apply_conf()
        if self.major > 4:
            self.apply_conf("/etc/sysctl.conf.local")

    def service(self, call):
        if call.options[:1] != ["sysctl"]:
            return Answer(err=f"{' '.join(call.options[:1])} does not exist in /etc/rc.d or the local startup\n", status=1)
        self.boot()
        return Answer()


class DragonFly(PortRange):
    release = "6.4"
    netstat_sample = "freebsd/netstat-an-inet.txt"
    shells = {"/bin/sh": "posix", "/bin/csh": "csh", "/bin/tcsh": "csh"}
    root_shell = "/bin/tcsh"

    def make_uname(self):
        return {"s": "DragonFly", "r": self.release + "-RELEASE", "n": "dragonfly1", "m": "x86_64", "p": "x86_64",
                "v": f"DragonFly v{self.release}.0-RELEASE", "order": "snrvm"}

    def tree(self):
        return {"/etc/sysctl.conf": "# sysctl.conf: kernel state defaults\nkern.maxfiles=65536\n"}

    def reset(self):
        self.running = {PREFIX + name: DEFAULTS[name] for name in FREEBSD_ORDER[4]}
        self.running |= {PREFIX + "first": 1024, PREFIX + "last": 5000, "kern.maxfiles": 32768}
        self.running |= {"net.inet.tcp.baddynamic": "2049,6000", "net.inet.udp.baddynamic": "2049"}

    def accept(self, name, text):
        return change_list(self.running[name], text) if name in LISTS else super().accept(name, text)

    def assignments(self, text):
        return words_without_blanks(text)

    def boot(self):
        self.apply_conf()


class NetBsd(Bsd):
    release = "9.3"
    separator = " = "
    needs_w = True
    netstat_sample = "netbsd/netstat-an-inet.txt"
    root_shell = "/bin/csh"
    shells = {"/bin/sh": "posix", "/bin/csh": "csh", "/bin/ksh": "posix"}
    read_only = ("net.inet.ip.anonportalgo.available",)
    ALGORITHMS = "bsd random_start random_pick hash doublehash randinc"

    def make_uname(self):
        return {"s": "NetBSD", "r": self.release, "n": "netbsd1", "m": "amd64", "p": "x86_64",
                "v": f"NetBSD {self.release} (GENERIC) #0", "order": "snrvm"}

    def tree(self):
        return {"/etc/sysctl.conf": "#!/sbin/sysctl -f\n#\n#\t$NetBSD$\n#\n# sysctl(8) variables to set at boot time.\n\nddb.onpanic?=0\n"}

    def reset(self):
        self.running = {}
        for base in ("net.inet.ip", "net.inet6.ip6"):
            self.running |= {f"{base}.anonportmin": 49152, f"{base}.anonportmax": 65535, f"{base}.lowportmin": 600,
                             f"{base}.lowportmax": 1023, f"{base}.anonportalgo.available": self.ALGORITHMS,
                             f"{base}.anonportalgo.selected": "bsd"}

    def accept(self, name, text):
        base, leaf = name.rsplit(".", 1)
        if leaf == "selected":
            if text not in self.ALGORITHMS.split():
                raise Refused(EINVAL)
            return text
        value = number(text)
        if value is None or not 0 <= value <= 65535:
            raise Refused(EINVAL)
        low, high = (0 if leaf.endswith(end) else self.running[f"{base}.{leaf[:-3]}{end}"] for end in ("min", "max"))
        low, high = (value, high) if leaf.endswith("min") else (low, value)
        floor, ceiling = (1024, 65535) if leaf.startswith("anon") else (600, 1023)
        if not low < high or low < floor or high > ceiling:
            raise Refused(EINVAL)
        return value

    def refused(self, answer, name, text, why, before):
        return answer.fail(f"sysctl: {name}: sysctl() failed with {why}\n")

    def unknown(self, answer, name, flags):
        leaf = name.rsplit(".", 1)[-1]
        return answer.fail(f"sysctl: {len(name.split('.'))}th level name '{leaf}' in '{name}' is invalid\n")

    def assignments(self, text):
        found = []
        for line in text.split("\n"):
            name, equals, value = line.split("#", 1)[0].replace("?=", "=").partition("=")
            if equals and not any(c in name for c in BLANKS):  # the name is taken as it is, blanks and all
                found.append(f"{name}={value.strip()}")
        return found

    def boot(self):
        self.apply_conf()


class OpenBsd(Bsd):
    """Every failure exits 0: only reading back tells."""

    release = "7.4"
    separator = "="
    failure_status = 0
    netstat_sample = "openbsd/netstat-an-inet.txt"
    root_shell = "/bin/ksh"
    user_shell = "/bin/ksh"
    shells = {"/bin/sh": "posix", "/bin/ksh": "posix", "/bin/csh": "csh"}

    def __init__(self, release=None, lang="en"):
        self.old = float(release or self.release) < 4
        if self.old:
            self.needs_w = True
            self.separator = " = "
            self.sysctl_path = "/usr/sbin/sysctl"
            self.root_shell = "/bin/csh"
        super().__init__(release, lang)

    def make_commands(self):
        # /usr/sbin/sysctl in old releases; newer ones have moved it to /sbin and keep no link.
        return {self.sysctl_path: self.sysctl}

    def make_uname(self):
        return {"s": "OpenBSD", "r": self.release, "n": "openbsd1", "m": "amd64", "p": "amd64",
                "v": "GENERIC.MP#1397", "order": "snrvm"}

    def tree(self):
        return {} if not self.old else {"/etc/sysctl.conf": "#\t$OpenBSD$\n#net.inet.ip.forwarding=1\t# 1=Permit forwarding\n"}

    def reset(self):
        self.running = {"net.inet.ip.portfirst": 1024, "net.inet.ip.portlast": 49151, "net.inet.ip.porthifirst": 49152,
                        "net.inet.ip.porthilast": 65535}
        text = sample("openbsd/sysctl-baddynamic.txt") + "net.inet.udp.rootonly=2049\n"
        self.running |= dict(line.split("=") for line in text.splitlines())

    def accept(self, name, text):
        if name in LISTS:
            return change_list(self.running[name], text)
        value = number(text)
        if value is None or not 0 <= value <= 65535:
            raise Refused(EINVAL)
        return value

    def unknown(self, answer, name, flags):
        levels = ["top", "second", "third", "fourth", "fifth", "sixth"]
        parts = name.split(".")
        return answer.fail(f"sysctl: {levels[min(len(parts), 6) - 1]} level name {parts[-1]} in {name} is invalid\n")

    def assignments(self, text):
        """stripcom() drops comments; the rest of the line is one word for sysctl, blanks and all. It is a read loop, too."""
        lines = (line.split("#", 1)[0].strip(BLANKS) for line in text.split("\n")[:-1])
        return [line for line in lines if line]

    def boot(self):
        self.apply_conf()
