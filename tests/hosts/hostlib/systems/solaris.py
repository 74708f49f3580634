"""Solaris 10 (ndd, rc2.d, an old shell), Solaris 11 and illumos (ipadm)."""

from ..answer import Answer, refuse
from .base import UTILITIES, System, number, sample
from .ndd import Ndd, anon_ports

OUT_OF_RANGE = "Value is outside the allowed range"
STORE = "/etc/ipadm/ipadm.conf"
COLUMNS = {"PROTO": 6, "PROPERTY": 22, "PERM": 5, "CURRENT": 13, "PERSISTENT": 13, "DEFAULT": 13, "POSSIBLE": 15}

INETINIT = """\
#!/sbin/sh
# inetinit: second phase of TCP/IP configuration
case "$1" in
'start')
	/usr/sbin/ndd -set /dev/tcp tcp_time_wait_interval 60000
	;;
esac
exit 0
"""


class Solaris10(Ndd, System):
    """release: SunOS's, 5.10 or older."""

    release = "5.10"
    root_shell = "/sbin/sh"
    shells = {"/bin/sh": "bourne", "/sbin/sh": "bourne", "/usr/bin/sh": "bourne", "/bin/ksh": "posix",
              "/usr/xpg4/bin/sh": "posix", "/bin/csh": "csh"}
    netstat_sample = "solaris10/netstat-an-inet.txt"
    devices = ("tcp", "udp", "sctp")
    utilities = {**UTILITIES, "grep": "bchilnsvw", "egrep": "bce:f:hilnsv", "fgrep": "bce:f:hilnsvx", "sed": "ne:f:", "id": "a",
                 "tail": "flbcr", "awk": "F:f:"}
    lists = ("tcp_extra_priv_ports", "udp_extra_priv_ports")
    parameters = {**anon_ports(("tcp", "udp", "sctp"), 32768, 65535), "tcp_time_wait_interval": (60000, 1000, 600000)}

    def make_uname(self):
        return {"s": "SunOS", "r": self.release, "v": "Generic_147147-26", "n": "sol10", "m": "sun4v", "p": "sparc",
                "i": "SUNW,T5140", "order": "snrvmpi"}

    def make_commands(self):
        return {"/usr/sbin/ndd": self.ndd, "/usr/bin/zonename": lambda call: Answer("global\n")}

    def tree(self):
        return {"/etc/init.d/inetinit": (0o744, INETINIT), "/etc/rc2.d/S69inet": ("link", "/etc/init.d/inetinit"),
                "/etc/release": "                       Oracle Solaris 10 1/13 s10s_u11wos_24a SPARC\n"}

    def reset(self):
        self.running = {name: default for name, (default, _, _) in self.parameters.items()}
        self.running |= {name: [2049, 4045] for name in self.lists}

    def boot(self):
        """/sbin/rcS, rc2 and rc3: `/sbin/sh FILE start` for each S file that is not empty, executable or not."""
        for directory in ("/etc/rcS.d", "/etc/rc2.d", "/etc/rc3.d"):
            for name in self.host.chroot.listing(directory):
                path = f"{directory}/{name}"
                if name.startswith("S") and self.host.chroot.locate(path).is_file() and not name.endswith(".sh"):
                    self.host.execute("/sbin/sh", path, "start")


class OpenSolaris(Solaris10):
    """2009.06: SunOS 5.11, and no ipadm yet. Its /bin/sh is ksh93."""

    release = "5.11"
    root_shell = "/bin/bash"
    shells = {"/bin/sh": "posix", "/bin/bash": "posix", "/bin/ksh": "posix", "/sbin/sh": "posix"}

    def make_uname(self):
        return {**super().make_uname(), "r": "5.11", "v": "snv_111b", "m": "i86pc", "p": "i386", "i": "i86pc"}

    def tree(self):
        return {**super().tree(), "/etc/release": "                         OpenSolaris 2009.06 snv_111b X86\n"}


class Ipadm(System):
    """self.running and self.store: (protocol, property) -> text. The store is the file that ipmgmtd keeps."""

    root_shell = "/bin/bash"
    shells = {"/bin/sh": "posix", "/bin/bash": "posix", "/bin/ksh": "posix", "/sbin/sh": "posix"}
    utilities = {**UTILITIES, "grep": "EFbce:f:hilnqsvwx", "id": "agnru"}
    protocols = ("tcp", "udp", "sctp")
    netstat_sample = "illumos/netstat-an-inet.txt"

    def make_commands(self):
        return {"/usr/sbin/ipadm": self.ipadm, "/sbin/ipadm": self.ipadm, "/usr/sbin/ndd": self.ndd,
                "/usr/bin/zonename": lambda call: Answer("global\n")}

    def properties(self):
        return {"extra_priv_ports": "2049,4045", "largest_anon_port": "65535", "smallest_anon_port": "32768",
                "smallest_nonpriv_port": "1024"}

    def reset(self):
        self.running = {(protocol, name): text for protocol in self.protocols for name, text in self.properties().items()}

    def running_values(self):
        return {f"{protocol}.{name}": text for (protocol, name), text in self.running.items()}

    def tree(self):
        return {STORE: "_ifname=lo0;_family=2,26;\n"}

    def boot(self):
        """Each line of the store as ipmgmtd hands it to the kernel; twice, as the order of the lines is not ours."""
        for _ in range(2):
            for key, text in self._store().items():
                if self._refusal(*key, text) is None:
                    self.running[key] = text

    # The store: protocol=tcp;smallest_anon_port=49152;

    def _store(self):
        found = {}
        for line in (self.host.read(STORE) or "").splitlines():
            pairs = dict(part.split("=", 1) for part in line.strip(";").split(";") if "=" in part)
            protocol = pairs.pop("protocol", None)
            found |= {(protocol, name): text for name, text in pairs.items() if protocol in self.protocols}
        return found

    def _write_store(self, key, text):
        store = self._store()
        store.pop(key, None)
        if text is not None:
            store[key] = text
        kept = [line for line in (self.host.read(STORE) or "").splitlines() if not line.startswith("protocol=")]
        lines = kept + [f"protocol={protocol};{name}={value};" for (protocol, name), value in store.items()]
        self.host.write(STORE, "".join(line + "\n" for line in lines))

    # ipadm

    def ipadm(self, call):
        words = list(call.options)
        if not words:
            return refuse("usage: ipadm <subcommand> <args> ...")
        verb = words.pop(0)
        flags, fields, names = set(), None, None
        while words and words[0].startswith("-"):
            word = words.pop(0)
            for at, letter in enumerate(word[1:], 1):
                if letter in "op":
                    text = word[at + 1:] or (words.pop(0) if words else "")
                    fields, names = (text, names) if letter == "o" else (fields, text)
                    break
                flags.add(letter)
        protocol = words[0] if words else None
        if protocol is not None and protocol not in (*self.protocols, "ip", "ipv4", "ipv6", "icmp"):
            return refuse(f"ipadm: invalid protocol '{protocol}' specified")
        if verb == "show-prop":
            return self._show(flags, fields, names, protocol)
        if verb not in ("set-prop", "reset-prop") or names is None or protocol is None:
            return refuse(f"ipadm: {verb}: invalid or missing operands" if verb.endswith("-prop")
                          else f"ipadm: unrecognized subcommand: '{verb}'")
        return self._change(call, verb, flags, names, protocol)

    def _change(self, call, verb, flags, words, protocol):
        """One property at a time: a second one after a comma is refused."""
        name, equals, text = words.partition("=")
        sign = name[-1:] if name[-1:] in "+-" else ""
        name = name.rstrip("+-")
        key = (protocol, name)
        if key not in self.running:
            return refuse(f"ipadm: {verb}: {name}: Unknown property")
        if not call.root:
            return refuse(f"ipadm: {verb}: {name}: Permission denied")
        if verb == "reset-prop":
            text = self.properties()[name]
        elif not equals:
            return refuse(f"ipadm: {verb}: {name}: Invalid value")
        elif sign:
            ports = self.running[key].split(",")
            text = ",".join(ports + [text] if sign == "+" else [port for port in ports if port != text])
        refusal = self._refusal(protocol, name, text)
        if refusal:
            return refuse(f"ipadm: {verb}: {name}: {refusal}")
        self.running[key] = text
        if "t" not in flags:
            self._write_store(key, None if verb == "reset-prop" else text)
        return Answer()

    def _refusal(self, protocol, name, text):
        if (protocol, name) not in self.running:
            return "Unknown property"
        values = [number(part) for part in text.split(",")]
        if None in values or (len(values) > 1 and name != "extra_priv_ports"):
            return "Invalid value"
        low, high = (1024, 65535) if name != "smallest_nonpriv_port" else (1024, 32768)
        if name == "smallest_anon_port":
            high = int(self.running[protocol, "largest_anon_port"])
        if name == "largest_anon_port":
            low = int(self.running[protocol, "smallest_anon_port"])
        return None if all(low <= value <= high for value in values) else OUT_OF_RANGE

    def possible(self, protocol, name):
        return {"smallest_nonpriv_port": "1024-32768"}.get(name, "1024-65535")

    def _show(self, flags, fields, names, protocol):
        columns = fields.upper().split(",") if fields and fields != "all" else list(COLUMNS)
        unknown = [column for column in columns if column not in COLUMNS]
        if unknown:
            return refuse(f"ipadm: unknown output field `{unknown[0].lower()}'")
        if "c" in flags and not fields:
            return refuse("ipadm: -c requires -o")
        answer, rows = Answer(), []
        for name in names.split(",") if names else self.properties():
            for each in [protocol] if protocol else self.protocols:
                if (each, name) not in self.running:
                    answer.fail(f"ipadm: warning: cannot get property '{name}': Unknown property\n")
                    continue
                rows.append(self._row(each, name))
        if "c" in flags:
            for row in rows:
                answer.out(":".join(row[column].replace("\\", "\\\\").replace(":", "\\:") for column in columns) + "\n")
            return answer
        return answer.out(self.table(columns, rows) if rows else "")

    def _row(self, protocol, name):
        return {"PROTO": protocol, "PROPERTY": name, "PERM": "rw", "CURRENT": self.running[protocol, name],
                "PERSISTENT": self._store().get((protocol, name), ""), "DEFAULT": self.properties()[name],
                "POSSIBLE": self.possible(protocol, name)}

    def table(self, columns, rows):
        lines = [{column: column for column in columns}, *rows]
        return "".join("".join(f"{row[column] or '--':<{COLUMNS[column]}}" for column in columns).rstrip() + "\n" for row in lines)

    # ndd, on top

    def ndd(self, call):
        words = list(call.options)
        setting = words[:1] == ["-set"]
        words = words[1:] if words[:1] in (["-set"], ["-get"]) else words
        protocol = words[0].removeprefix("/dev/") if words else ""
        names = [word.removeprefix(protocol + "_") for word in words[1:]]
        if not names or (setting and len(names) < 2):
            return refuse("usage: ndd -set device_name name value\n       ndd [-get] device_name name [name ...]")
        if (protocol, names[0]) not in self.running:
            return refuse("operation failed: Unknown property")
        if not setting:
            return Answer("\n".join(self.running.get((protocol, name), "") + "\n" for name in names))
        if not call.root:
            return refuse("operation failed: Permission denied")
        refusal = self._refusal(protocol, names[0], names[1])
        if refusal:
            return refuse("operation failed: " + refusal)
        self.running[protocol, names[0]] = names[1]
        return Answer()


class Illumos(Ipadm):
    release = "omnios-r151046"

    def make_uname(self):
        return {"s": "SunOS", "r": "5.11", "v": self.release, "n": "illumos1", "m": "i86pc", "p": "i386", "i": "i86pc",
                "o": "illumos", "order": "snrvmpi"}

    def netstat(self, call):
        if "inet6" in call.options:
            return Answer(sample("illumos/netstat-an-tcp-ipv6.txt"))
        return super().netstat(call)


class Solaris11(Ipadm):
    """Its listing differs: an empty line first, and POSSIBLE follows the other end. (extra_priv_ports only for tcp.)"""

    release = "11.4"

    def make_uname(self):
        return {"s": "SunOS", "r": "5.11", "v": self.release + ".0.15.0", "n": "sol11", "m": "sun4v", "p": "sparc",
                "i": "sun4v", "order": "snrvmpi"}

    def tree(self):
        return {**super().tree(), "/etc/release": f"                             Oracle Solaris {self.release} SPARC\n"}

    def possible(self, protocol, name):
        if name == "largest_anon_port":
            return self.running[protocol, "smallest_anon_port"] + "-65535"
        return super().possible(protocol, name)

    def table(self, columns, rows):
        return "\n" + super().table(columns, rows)
