"""Linux: this machine's own kernel, in a network namespace of the host's own; only the boot is emulated."""

import os
import re
import shutil

from ..answer import Become, refuse
from .base import UTILITIES, System

KEYS = ("ip_local_port_range", "ip_local_reserved_ports", "ip_unprivileged_port_start")
DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")


class Linux(System):
    """/proc/sys is read-only but for /proc/sys/net, which is this namespace's: nothing of the machine can be changed."""

    utilities = {**dict.fromkeys(UTILITIES), **dict.fromkeys(["stat", "readlink", "base64", "setsid", "sha256sum", "flock"])}
    root_shell = "/bin/bash"
    user_shell = "/bin/bash"
    shells = {"/bin/sh": "posix", "/bin/bash": "posix"}
    netstat_sample = "linux/netstat-antu.txt"

    def make_uname(self):
        return {"s": "Linux", "r": self.release, "n": "linux1", "m": "x86_64", "o": "GNU/Linux", "v": "#1 SMP PREEMPT_DYNAMIC",
                "order": "snrvmo"}

    def mounts(self, root):
        return (f"mkdir -p {root}/proc\nmount -t proc proc {root}/proc\nmount --bind {root}/proc/sys/net {root}/mnt\n"
                f"mount --bind {root}/proc/sys {root}/proc/sys\nmount -o remount,bind,ro {root}/proc/sys\n"
                f"mount --move {root}/mnt {root}/proc/sys/net")

    def tree(self):
        return {"/mnt": None, "/proc": None, "/run": None, "/etc/sysctl.d": None}

    def running_values(self):
        if not self.host._process:
            return {}
        return {name: " ".join(self.host.execute("/.host/busybox", "cat", f"/proc/sys/net/ipv4/{name}").stdout.split())
                for name in KEYS}

    def apply(self, text):
        """Assignments of one file, in order: name=value, name/with/slashes, -name (failure ignored), # and ; comments."""
        for line in text.splitlines():
            pair = re.match(r"\s*-?\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$", line)
            name = pair and pair[1].replace("/", ".").removeprefix("net.ipv4.")
            if name in KEYS:
                self.host.execute("/.host/busybox", "sh", "-c", 'echo "$1" >/proc/sys/net/ipv4/"$2"', "sh", pair[2], name)

    def conf_files(self, directories):
        """Files *.conf by base name; the same name in an earlier directory hides the later one, also with /dev/null."""
        found = {}
        for directory in directories:
            for name in self.host.chroot.listing(directory):
                if name.endswith(".conf"):
                    found.setdefault(name, f"{directory}/{name}")
        return [found[name] for name in sorted(found)]


class Debian(Linux):
    """release: of the kernel. conf_link: /etc/sysctl.d/99-sysctl.conf leads to /etc/sysctl.conf (Debian 12 and older)."""

    release = "6.1.0-13-amd64"

    def __init__(self, release=None, lang="en", conf_link=True):
        self.conf_link = conf_link
        super().__init__(release, lang)

    def programs(self):
        """sysctl of procps itself, where this machine has it."""
        sysctl = shutil.which("sysctl", path="/usr/sbin:/sbin")
        return [(sysctl, "/.host/sysctl")] if sysctl and "busybox" not in os.path.realpath(sysctl) else []

    def make_commands(self):
        return {"/usr/sbin/sysctl": self.sysctl, "/sbin/sysctl": self.sysctl}

    def sysctl(self, call):
        if self.programs():
            return Become("/.host/sysctl", call.arguments)
        return Become("/.host/busybox", ["sysctl", *call.options])

    def tree(self):
        tree = {**super().tree(), "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
                "/usr/lib/sysctl.d/50-pid-max.conf": "kernel.pid_max = 4194304\n", "/run/systemd/system": None}
        if self.conf_link:
            tree |= {"/etc/sysctl.conf": "#\n# /etc/sysctl.conf - Configuration file for setting system variables\n#\n",
                     "/etc/sysctl.d/99-sysctl.conf": ("link", "../sysctl.conf")}
        return tree

    def boot(self):
        """systemd-sysctl: by base name over all directories. /etc/sysctl.conf counts only through its link."""
        for path in self.conf_files(DIRECTORIES):
            self.apply(self.host.read(path) or "")


class Alpine(Linux):
    release = "6.6.7-0-lts"
    root_shell = "/bin/ash"
    user_shell = "/bin/ash"
    shells = {"/bin/sh": "posix", "/bin/ash": "posix"}

    def make_commands(self):
        return {"/sbin/sysctl": lambda call: Become("/.host/busybox", ["sysctl", *call.options])}

    def tree(self):
        return {**super().tree(), "/etc/os-release": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.19.0\n',
                "/etc/alpine-release": "3.19.0\n", "/etc/sysctl.conf": "# content of this file will override /etc/sysctl.d/*\n",
                "/etc/init.d/sysctl": (0o755, "#!/sbin/openrc-run\n"), "/sbin/openrc": (0o755, "")}

    def boot(self):
        """OpenRC's service sysctl, where sysctl has no --system: one directory after another, none of which hides a file of the
        next, then /etc/sysctl.conf, which therefore wins."""
        for directory in ("/run/sysctl.d", *(name for name in DIRECTORIES if name != "/run/sysctl.d")):
            for path in self.conf_files([directory]):
                self.apply(self.host.read(path) or "")
        self.apply(self.host.read("/etc/sysctl.conf") or "")


class Rhel5(Linux):
    """procps 3.2: sysctl knows no --system, and rc.sysinit runs sysctl -p. There is no sysctl.d anywhere. The kernel is this
    machine's, and so is the range that it begins with."""

    release = "6.1.0"

    def make_commands(self):
        return {"/sbin/sysctl": self.sysctl}

    def sysctl(self, call):
        if "--system" in call.options:
            return refuse("error: Unknown parameter \"--system\"\n", 255)
        return Become("/.host/busybox", ["sysctl", *call.options])

    def tree(self):
        tree = {**super().tree(), "/etc/redhat-release": "Red Hat Enterprise Linux Server release 5.11 (Tikanga)\n",
                "/etc/sysctl.conf": "# Kernel sysctl configuration file for Red Hat Linux\nnet.ipv4.ip_forward = 0\n"}
        del tree["/etc/sysctl.d"]
        return tree

    def boot(self):
        self.apply(self.host.read("/etc/sysctl.conf") or "")
