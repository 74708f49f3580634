"""What all systems share: uname, netstat, the usual utilities, and where they live."""

import pathlib

from ..answer import Answer, refuse

SAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "samples"

# What any Unix of the time has. None: not our business which options; a string: the options there are, as for getopt.
UTILITIES = {
    "cat": "beunstv", "cp": "fipRr", "mv": "fi", "rm": "firR", "ln": "fs", "ls": None, "mkdir": "pm:", "rmdir": "p",
    "chmod": "fR", "chown": "fhR", "chgrp": "fhR", "grep": "EFce:f:hilnqsvxw", "egrep": "ce:f:hilnsv", "fgrep": "ce:f:hilnsvx",
    "sed": "ne:f:", "awk": "F:f:v:", "sort": None, "uniq": "cdu", "head": "n:", "tail": "fn:c:r", "tr": None, "cut": None,
    "wc": "clw", "od": None, "dd": None, "date": None, "sleep": "", "ps": None, "id": "ugnr", "expr": None,
    "tee": "ai", "touch": None, "find": None, "env": None, "nohup": None, "cmp": "ls", "diff": None, "basename": None,
    "dirname": None, "true": None, "false": None, "sync": None, "xargs": None, "cksum": None, "who": None, "mktemp": "dqp:t:u",
    "hostname": None, "kill": None, "printf": None, "echo": None, "[": None, "test": None, "pwd": None, "comm": None,
    "paste": None, "tty": None, "which": None,
}


def sample(path):
    """Output part of a sample transcript: without the lines that show a prompt."""
    lines = (SAMPLES / path).read_bytes().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("$ ", "# ", "#ndd", "C:\\>", "PS ")))


class System:
    release = ""
    path = "/usr/bin:/bin"
    root_shell = "/bin/sh"
    user_shell = "/bin/sh"
    shells = {"/bin/sh": "posix"}
    bin = "/usr/bin"
    utilities = UTILITIES
    netstat_path = "/usr/bin/netstat"
    netstat_sample = None
    panic = None
    host = None

    def __init__(self, release=None, lang="en"):
        self.release = release or self.release
        self.lang = lang
        self.running = {}
        self.commands = dict(self.make_commands())
        if self.netstat_sample:
            self.commands[self.netstat_path] = self.netstat
        self.uname_words = self.make_uname()
        self.reset()

    # What a system says of itself

    def make_uname(self):
        """Words by option letter: s, r, v, m, n and perhaps p, o, i."""
        raise NotImplementedError

    def make_commands(self):
        return {}

    def tree(self):
        """path -> text, (mode, text), ("link", target), or None for a directory."""
        return {}

    def reset(self):
        """Values of a kernel that has just started."""

    def boot(self):
        """What the system's boot does with its files, by the same commands where the real one runs commands."""

    # What the host asks

    def paths(self):
        places = ["/usr/bin/uname", "/bin/uname", *self.commands, *self.shells]
        for name in self.utilities:
            places += [f"{self.bin}/{name}", f"/bin/{name}"]
        return places

    def programs(self):
        if "csh" in self.shells.values():
            from .. import programs
            return [(programs.tcsh(), "/.host/tcsh")]
        return []

    def mounts(self, root):
        return ""

    def handler(self, call):
        if call.name == "uname":
            return self.uname
        if call.name == "who" and "-b" in call.options:
            return lambda call: Answer(f"   .       system boot  Nov {self.host.boots} 10:03\n")
        return self.commands.get(call.path)

    def running_values(self):
        return dict(self.running)

    # Commands everywhere

    def uname(self, call):
        words = self.uname_words
        letters = "".join(word.removeprefix("-") for word in call.options) or "s"
        if "a" in letters:
            letters = words.get("order", "snrvm")
        unknown = [letter for letter in letters if letter not in words]
        if unknown:
            return refuse(f"uname: illegal option -- {unknown[0]}")
        letters = [letter for letter in words.get("order", "snrvmpo") if letter in letters] or letters
        return Answer(" ".join(words[letter] for letter in letters) + "\n")

    def netstat(self, call):
        return Answer(sample(self.netstat_sample))


def number(text):
    """A plain decimal number, or None."""
    return int(text) if text.isascii() and text.lstrip("-").isdigit() else None


def clamp(value, low, high):
    return max(low, min(high, value))
