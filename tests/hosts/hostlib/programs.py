"""Programs of this machine that emulated hosts are made of; what is not installed is unpacked into a cache."""

import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile


class Skip(Exception):
    """Something that the test needs is not to be had here."""


CACHE = pathlib.Path(os.environ.get("EPHEMPORTS_HOSTS_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ephemports/hosts")


@functools.cache
def _unpacked(package):
    """The tree of a Debian package, downloaded once. Nothing is installed, so no daemon of it is started."""
    tree = CACHE / package
    if not tree.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            fetched = subprocess.run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package],
                                     cwd=work, capture_output=True, text=True, check=False)
            archives = list(pathlib.Path(work).glob("*.deb"))
            if fetched.returncode or not archives:
                raise Skip(f"cannot download the Debian package {package} (apt-get update?)")
            new = pathlib.Path(work) / "tree"
            subprocess.run(["dpkg-deb", "-x", archives[0], new], check=True)
            os.chmod(new, 0o755)
            try:
                os.rename(new, tree)
            except OSError:
                if not tree.is_dir():
                    raise
    return tree


def _libraries(path, extra=None):
    """Libraries that a program needs: a list of paths, and the names of those that are missing."""
    environment = dict(os.environ, LD_LIBRARY_PATH=str(extra)) if extra else None
    text = subprocess.run(["ldd", path], capture_output=True, text=True, env=environment, check=False).stdout
    return re.findall(r"(/\S+) \(0x", text), re.findall(r"(\S+) => not found", text)


@functools.cache
def sshd():
    """The server, and the directory of libraries it needs beyond the system's (or None)."""
    if os.access("/usr/sbin/sshd", os.X_OK):
        return "/usr/sbin/sshd", None
    path = _unpacked("openssh-server") / "usr/sbin/sshd"
    libraries = _unpacked("libwrap0") / "usr/lib" / os.uname().machine.join(("", "-linux-gnu"))
    missing = _libraries(path, libraries)[1]
    if missing:
        raise Skip(f"openssh-server lacks {', '.join(missing)}: install the package")
    return str(path), str(libraries)


@functools.cache
def tcsh():
    return shutil.which("tcsh") or str(_unpacked("tcsh") / "bin/tcsh")


@functools.cache
def busybox():
    for path in ("/bin/busybox", "/usr/bin/busybox"):
        if os.access(path, os.X_OK) and not _libraries(path)[0]:
            return path
    return str(_unpacked("busybox-static") / "bin/busybox")


@functools.cache
def standin():
    """The compiled stand-in: meson gives its path; by hand it is compiled here."""
    given = os.environ.get("EPHEMPORTS_STANDIN")
    if given:
        return given
    source = pathlib.Path(__file__).resolve().parent.parent / "standin.c"
    CACHE.mkdir(parents=True, exist_ok=True)
    target = CACHE / "standin"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-static", "-O2", "-D_GNU_SOURCE", "-o", target, source], check=True)
    return str(target)


@functools.cache
def libraries(path):
    return tuple(_libraries(path)[0])


def check():
    """Raise Skip where hosts cannot be emulated at all."""
    if os.geteuid() != 0:
        raise Skip("needs root: sshd changes its user and its root directory")
    for command in ("ssh", "ssh-keygen", "unshare", "nsenter", "ip", "ldd"):
        if not shutil.which(command):
            raise Skip(f"needs the command {command}")
    sshd()
    busybox()
    standin()
