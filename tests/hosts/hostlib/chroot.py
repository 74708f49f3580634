"""The directory tree of an emulated host, and its files as the host itself sees them."""

import os
import pathlib
import shutil
import stat

from . import programs

OWN = ("/.host", "/lib", "/lib64", "/usr/lib/x86_64-linux-gnu", "/proc", "/dev", "/mnt")


class Chroot:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.root.mkdir(mode=0o755)
        for name in (".host", "etc", "tmp", "dev", "var", "root", "home"):
            (self.root / name).mkdir()
        os.chmod(self.root / "tmp", 0o1777)
        shutil.copy(programs.standin(), self.root / ".host/standin")
        self.program(programs.busybox(), "/.host/busybox")
        self.program("/bin/dash", "/.host/dash")
        self.program("/usr/bin/cksum", "/.host/cksum")  # busybox has none
        for name, minor in (("null", 3), ("zero", 5), ("urandom", 9)):
            os.mknod(self.root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            os.chmod(self.root / "dev" / name, 0o666)

    def program(self, source, target):
        """Copy a program of this machine, with its libraries where it looks for them."""
        for library in programs.libraries(source):
            place = self.root / library.lstrip("/")
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, place)
        place = self.root / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, place)

    def command(self, path):
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.is_symlink():
            place.symlink_to("/.host/standin")

    def locate(self, path):
        """Where a path of the host is here: links are followed as the host would, never out of its root."""
        todo, done, links = [part for part in path.split("/") if part], [], 0
        while todo:
            part = todo.pop(0)
            if part in (".", ".."):
                done = done[:-1] if part == ".." else done
                continue
            place = self.root.joinpath(*done, part)
            if place.is_symlink() and links < 40:
                links += 1
                target = os.readlink(place)
                done = [] if target.startswith("/") else done
                todo = [piece for piece in target.split("/") if piece] + todo
                continue
            done.append(part)
        return self.root.joinpath(*done)

    def read(self, path):
        """Text of a file, None if there is none. Bytes that are no UTF-8 survive."""
        try:
            return self.locate(path).read_bytes().decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def write(self, path, text, mode=None):
        place = self.locate(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        place.write_bytes(data)
        if mode is not None:
            os.chmod(place, mode)

    def listing(self, directory):
        """Names in a directory, sorted as a shell in the C locale sorts them."""
        try:
            return sorted(os.listdir(self.locate(directory)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def files(self):
        """Everything that is neither ours nor a command: path -> (kind and mode, owner, contents or link target)."""
        found = {}
        for where, directories, names in os.walk(self.root):
            base = "/" + os.path.relpath(where, self.root).removeprefix(".")
            directories[:] = [d for d in directories if os.path.join(base, d) not in OWN]
            for name in names:
                place, path = pathlib.Path(where, name), os.path.join(base, name)
                status = place.lstat()
                if stat.S_ISLNK(status.st_mode):
                    target = os.readlink(place)
                    if not target.startswith("/.host/"):
                        found[path] = ("link", status.st_uid, target)
                elif stat.S_ISREG(status.st_mode):
                    found[path] = (oct(stat.S_IMODE(status.st_mode)), status.st_uid,
                                   place.read_bytes().decode("utf-8", "surrogateescape"))
        return found
