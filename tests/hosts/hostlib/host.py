"""An emulated host: a chroot full of stand-ins behind a real sshd, in namespaces of its own."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from . import bourne, programs, systems
from .answer import Answer, Become, refuse
from .chroot import Chroot
from .programs import Skip
from .server import Server

__all__ = ["Host", "Skip", "ssh_command"]

ROOT_MOUNT = "/mnt"
START_TIMEOUT_S = 20

SSHD_CONFIG = """\
ListenAddress 127.0.0.1:22
ListenAddress 127.0.0.1:2222
HostKey {tmp}/host_key
AuthorizedKeysFile {tmp}/authorized_keys
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PidFile none
AllowTcpForwarding no
MaxStartups 200
ChrootDirectory {root}
SetEnv PATH={path}
"""

SSH_CONFIG = """\
Host {name}
	HostName {name}
	HostKeyAlias {name}
	User root
	IdentityFile {tmp}/user_key
	IdentitiesOnly yes
	UserKnownHostsFile {tmp}/known_hosts
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
	ControlMaster {master}
	ControlPath {tmp}/master
	ControlPersist yes
	KexAlgorithms curve25519-sha256
	LogLevel ERROR
	ProxyCommand nsenter --net=/proc/{pid}/ns/net {busybox} nc 127.0.0.1 %p
"""

# Runs as process 1 of the host: when the test ends it, everything on the host ends with it.
INIT = """\
set -e
ip link set lo up
mount --make-rprivate /
mount --bind {chroot} {root}
{mounts}
mount --bind {tmp}/passwd /etc/passwd
mount --bind {tmp}/group /etc/group
mount --bind {tmp}/shadow /etc/shadow
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 755 /run/sshd
exec {sshd} -D -e -f {tmp}/sshd_config
"""


def _unless_gone(_function, _path, error):
    """An ssh that ends removes its socket by itself."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


class Host:
    """with Host("aix", "7.3") as host: run the program with EPHEMPORTS_SSH=host.ssh_command and --host host.name

    Users of the host: root, and operator, who has no privilege. lang is the language of Windows; options are those of
    the system's class.
    """

    def __init__(self, system, release=None, lang="en", name=None, multiplex=False, **options):
        """multiplex: ssh logs in once and keeps the connection (ControlMaster), as many administrators have it."""
        programs.check()
        self.master = "auto" if multiplex else "no"
        self.system = systems.make(system, release, lang, options)
        self.system.host = self
        self.name = name or system.replace("/", "")
        self._commands = []
        self._process = None
        self.boots = 0
        self.before = None
        """Called with each Call before it runs; an Answer that it returns is used instead (to inject faults)."""

    def __enter__(self):
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="ephemports-host-"))
        try:
            os.chmod(self.tmp, 0o755)
            self.chroot = Chroot(self.tmp / "root")
            self._furnish()
            self._keys()
            self.server = Server(self.chroot.root / ".host/socket", self._decide)
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._halt()
        if hasattr(self, "server"):
            self.server.close()
        shutil.rmtree(self.tmp, onerror=_unless_gone)

    # What tests use

    @property
    def ssh_command(self):
        return ssh_command(self)

    def ssh(self, command, user="root", port=22, **options):
        """Run a command line as any ssh client would; a CompletedProcess with text, line ends as they came."""
        done = subprocess.run(["ssh", "-F", self.tmp / "ssh_config", "-p", str(port), "-l", user, self.name, command],
                              capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL, **options)
        done.stdout, done.stderr = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
        return done

    def running(self):
        """Values that the host's kernel has now."""
        return self.system.running_values()

    def reboot(self):
        """Lose everything that is not kept, then do what this system does when it boots."""
        self._halt()
        self.system.reset()
        self._boot()

    def files(self):
        return self.chroot.files()

    def read(self, path):
        return self.chroot.read(path)

    def write(self, path, text, mode=None):
        self.chroot.write(path, text, mode)

    def log(self):
        """Every command that ran since the last clear_log()."""
        return list(self._commands)

    def clear_log(self):
        self._commands.clear()

    @property
    def panic(self):
        """Why the host's kernel would have crashed by now, or None."""
        return self.system.panic

    # What systems use

    def execute(self, *arguments, user="root"):
        """Run a command on the host as its boot does; a CompletedProcess, standard error within the text."""
        become = ["--userspec=1000:1000"] if user == "operator" else []
        command = ["nsenter", "-t", str(self._init), "-n", "-p", "-m", "chroot", *become, ROOT_MOUNT, *arguments]
        with self.server.others():
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
                                  stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/sbin:/usr/bin:/bin", "HOME": "/"})
        done.stdout = done.stdout.decode("utf-8", "surrogateescape")
        return done

    # Inside

    def _furnish(self):
        for path, contents in self.system.tree().items():
            mode = None
            if isinstance(contents, tuple):
                mode, contents = contents
            if mode == "link":
                place = self.chroot.root / path.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(contents)
            elif contents is None:
                (self.chroot.root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
            else:
                self.chroot.write(path, contents, mode or 0o644)
        for path in self.system.paths():
            self.chroot.command(path)
        for source, target in self.system.programs():
            self.chroot.program(source, target)

    def _keys(self):
        for name in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.tmp / name], check=True)
        public = (self.tmp / "user_key.pub").read_text(encoding="ascii")
        (self.tmp / "authorized_keys").write_text(public, encoding="ascii")
        key = (self.tmp / "host_key.pub").read_text(encoding="ascii")
        (self.tmp / "known_hosts").write_text(f"{self.name} {key}", encoding="ascii")
        passwd = (f"root:x:0:0:root:/root:{self.system.root_shell}\n"
                  f"operator:x:1000:1000:operator:/tmp:{self.system.user_shell}\n"
                  "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n")
        (self.tmp / "passwd").write_text(passwd, encoding="ascii")
        (self.tmp / "group").write_text("root:x:0:\noperator:x:1000:\nnogroup:x:65534:\n", encoding="ascii")
        (self.tmp / "shadow").write_text("root:*:1::::::\noperator:*:1::::::\nsshd:*:1::::::\n", encoding="ascii")
        self.chroot.write("/etc/passwd", passwd, 0o644)
        self.chroot.write("/etc/group", "root:x:0:\noperator:x:1000:\n", 0o644)

    def _start(self):
        sshd, libraries = programs.sshd()
        config = SSHD_CONFIG.format(tmp=self.tmp, root=ROOT_MOUNT, path=self.system.path)
        (self.tmp / "sshd_config").write_text(config, encoding="ascii")
        init = INIT.format(tmp=self.tmp, chroot=self.chroot.root, root=ROOT_MOUNT, sshd=sshd,
                           mounts=self.system.mounts(ROOT_MOUNT))
        environment = {"PATH": "/usr/sbin:/sbin:/usr/bin:/bin"}
        if libraries:
            environment["LD_LIBRARY_PATH"] = libraries
        with open(self.tmp / "sshd.log", "wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", init],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self._wait_for_sshd()
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self._init = int(children.read_text(encoding="ascii").split()[0])
        config = SSH_CONFIG.format(name=self.name, tmp=self.tmp, master=self.master, pid=self._process.pid, busybox=programs.busybox())
        (self.tmp / "ssh_config").write_text(config, encoding="ascii")

    def _wait_for_sshd(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            log = (self.tmp / "sshd.log").read_text(encoding="utf-8", errors="replace")
            if "port 2222" in log and "port 22." in log:
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("sshd did not start: " + log)
            time.sleep(0.005)

    def _boot(self):
        self._start()
        self.boots += 1
        self.system.boot()

    def _halt(self):
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _decide(self, call):
        self._commands.append(call)
        if self.before:
            answer = self.before(call)
            if answer is not None:
                return answer
        shell = self.system.shells.get(call.path)
        if shell:
            return self._shell(shell, call)
        handler = self.system.handler(call)
        if handler:
            return handler(call)
        return self._utility(call)

    def _shell(self, kind, call):
        if kind == "cmd":
            return self.system.cmd(call)
        if kind == "csh":
            return Become("/.host/tcsh", [call.arguments[0], *call.options])
        if kind == "bourne":
            complaint = bourne.judge(self._shell_text(call))
            if complaint:
                return refuse(f"{call.arguments[0]}: {complaint}", 2)
        return Become("/.host/dash", [call.arguments[0], *call.options])

    def _shell_text(self, call):
        for at, word in enumerate(call.options):
            if word.startswith("-") and "c" in word:
                return call.options[at + 1] if at + 1 < len(call.options) else ""
            if not word.startswith("-"):
                return self.read(os.path.join(call.directory, word)) or ""
        return ""

    def _utility(self, call):
        allowed = self.system.utilities.get(call.name)
        if allowed is not None:
            for word in call.options:
                if word == "--" or not word.startswith("-") or word == "-":
                    break
                for letter in word[1:]:
                    if letter in allowed.replace(":", ""):
                        if letter + ":" in allowed:
                            break
                        continue
                    if call.name == "head" or call.name == "tail":
                        if letter.isdigit():
                            continue
                    return refuse(f"{call.name}: illegal option -- {letter}", 2)
        if call.name == "cksum":
            return Become("/.host/cksum", call.arguments)
        return Become("/.host/busybox", [call.name, *call.options])


def ssh_command(*hosts):
    """EPHEMPORTS_SSH for one host or several. Call it again after a reboot: their processes have changed."""
    config = hosts[0].tmp / "ssh_config_all"
    config.write_text("".join((host.tmp / "ssh_config").read_text(encoding="ascii") for host in hosts), encoding="ascii")
    return f"ssh -F {config}"
