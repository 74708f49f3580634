"""macOS: FreeBSD's sysctl with other defaults, and LaunchDaemons instead of sysctl.conf."""

import os
import plistlib

from ..answer import Answer, refuse
from .bsd import BLANKS, DEFAULTS, FREEBSD_ORDER, PREFIX, PortRange

DAEMONS = "/Library/LaunchDaemons"


class MacOs(PortRange):
    """release: the version of macOS; 10.9 and older read /etc/sysctl.conf at boot."""

    release = "14.1"
    sysctl_path = "/usr/sbin/sysctl"
    netstat_path = "/usr/sbin/netstat"
    netstat_sample = "macos/netstat-an-inet.txt"
    root_shell = "/bin/sh"
    user_shell = "/bin/zsh"
    shells = {"/bin/sh": "posix", "/bin/zsh": "posix", "/bin/bash": "posix"}

    def __init__(self, release=None, lang="en"):
        self.loaded = {}
        super().__init__(release, lang)
        self.needs_w = self.version < (10, 9)

    @property
    def version(self):
        return tuple(int(part) for part in self.release.split("."))

    def make_uname(self):
        major, minor = (self.version + (0,))[:2]
        kernel = f"{major + 9}.{minor}.0" if major > 10 else f"{minor + 4}.0.0"
        return {"s": "Darwin", "r": kernel, "n": "mac1", "m": "arm64", "p": "arm",
                "v": f"Darwin Kernel Version {kernel}: root:xnu/RELEASE_ARM64", "order": "snrvm"}

    def make_commands(self):
        return {**super().make_commands(), "/usr/bin/sw_vers": self.sw_vers, "/bin/launchctl": self.launchctl,
                "/usr/bin/plutil": self.plutil}

    def tree(self):
        return {DAEMONS: None, "/usr/libexec": None}

    def reset(self):
        self.running = {PREFIX + name: DEFAULTS[name] for name in FREEBSD_ORDER[4]}
        self.running[PREFIX + "first"] = 49152
        if self.version >= (10, 15):
            self.running[PREFIX + "ipport_allow_udp_port_exhaustion"] = 0
        if self.version >= (10, 6):
            self.running |= {"net.inet.tcp.randomize_ports": 0, "net.inet.udp.randomize_ports": 1}
        self.running["net.inet.tcp.msl"] = 15000
        self.loaded = {}

    def assignments(self, text):
        """launchctl of 10.9 hands each line to sysctl -w as it is, but for blanks at its start."""
        lines = (line.lstrip(BLANKS) for line in text.split("\n"))
        return [line for line in lines if line and line[0] != "#"]

    def sw_vers(self, call):
        values = {"ProductName": "macOS", "ProductVersion": self.release, "BuildVersion": "23B74"}
        for option in call.options:
            for name, value in values.items():
                if option.lower().strip("-") == name.lower():
                    return Answer(value + "\n")
        return Answer("".join(f"{name + ':':<16}{value}\n" for name, value in values.items()))

    def boot(self):
        if self.version < (10, 10):
            self.apply_conf()
        for name in self.host.chroot.listing(DAEMONS):
            if name.endswith(".plist"):
                self._load(f"{DAEMONS}/{name}")

    # launchd

    def _load(self, path):
        """Load a daemon and run it if it wants to run at load. None, or why not."""
        place = self.host.chroot.locate(path)
        if not place.is_file():
            return "No such file or directory"
        status = place.stat()
        if status.st_uid != 0 or status.st_mode & 0o022:
            return "Path had bad ownership/permissions"
        try:
            daemon = plistlib.loads(place.read_bytes())
            label, program = daemon["Label"], daemon.get("ProgramArguments") or [daemon["Program"]]
        except (plistlib.InvalidFileException, KeyError, ValueError, TypeError, AttributeError):
            return "Invalid property list"
        except Exception as error:
            if type(error).__name__ != "ExpatError":
                raise
            return "Invalid property list"
        if label in self.loaded:
            return "service already loaded"
        if daemon.get("Disabled"):
            return None
        self.loaded[label] = path
        if daemon.get("RunAtLoad") or daemon.get("KeepAlive"):
            self.host.execute(*program)
        return None

    def launchctl(self, call):
        words = [word for word in call.options if word not in ("-w", "-F")]
        verb, rest = (words[0], words[1:]) if words else ("help", [])
        if verb in ("list", "print", "help", "version"):
            return self._launchctl_show(verb, rest)
        if not call.root:
            return refuse("Boot-out failed: 1: Operation not permitted" if verb == "bootout"
                          else "Bootstrap failed: 1: Operation not permitted", 1)
        if verb in ("bootstrap", "load"):
            path = os.path.join(call.directory, rest[-1]) if rest else ""
            why = self._load(path)
            if why and verb == "load":
                return refuse(f"{path}: {why}", 0)
            return refuse(f"Bootstrap failed: 5: Input/output error ({why})", 5) if why else Answer()
        if verb in ("bootout", "unload", "remove"):
            return self._bootout(rest[-1] if rest else "")
        return refuse(f'Unrecognized subcommand: {verb}', 64)

    def _launchctl_show(self, verb, rest):
        labels = [word.removeprefix("system/") for word in rest]
        if verb in ("list", "print") and labels and labels[0] != "system":
            if labels[0] not in self.loaded:
                return refuse(f'Could not find service "{labels[0]}" in domain for system', 113)
            return Answer(f"{labels[0]} = {{\n\tstate = not running\n\tpath = {self.loaded[labels[0]]}\n}}\n")
        return Answer("PID\tStatus\tLabel\n" + "".join(f"-\t0\t{label}\n" for label in self.loaded))

    def _bootout(self, word):
        for label, path in list(self.loaded.items()):
            if word in (path, label, "system/" + label):
                del self.loaded[label]
                return Answer()
        return refuse("Boot-out failed: 3: No such process", 3)

    def plutil(self, call):
        path = call.options[-1] if call.options else ""
        text = self.host.read(os.path.join(call.directory, path))
        try:
            plistlib.loads((text or "").encode("utf-8", "surrogateescape"))
        except Exception as error:
            return Answer(f"{path}: {error}\n", status=1)
        return Answer(f"{path}: OK\n")
