"""boot_tool.c, spoken to: files in, what they bring at boot and how they are edited out. Files are path -> bytes."""

import subprocess


class Refused(Exception):
    """The program refuses to edit these files; the text is why."""


class BootTool:
    def __init__(self, path):
        self._process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # pylint: disable=consider-using-with

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def ask(self, system, release, output, files, links=()):
        """Begin a host: what its commands say, and its files."""
        say = self._process.stdin
        say.write(f"system {system} {release}\n".encode())
        if output:
            say.write(f"output {len(output)}\n".encode() + output.encode())
        for path, text in files.items():
            say.write(f"file {path} {int(path in links)} {len(text)}\n".encode() + text)

    def boot(self):
        """(low, high), None for the default, "unknown" where files do not tell."""
        words = self._line("boot").split(" ")
        if words[1] in ("default", "unknown"):
            return None if words[1] == "default" else "unknown"
        return tuple(int(word) for word in words[1].split("-"))

    def persist(self, low, high):
        """Edited files, path -> bytes or, of a link, what it leads to; and modes of new ones."""
        return self._edits(f"persist {low} {high}")

    def sysctl(self, key, value):
        return self._edits(f"sysctl {key} {value}")

    def winner(self, reader, key):
        """(path, line, value) or None."""
        words = self._line(f"winner {reader} {key}").split(" ", 3)
        return None if words[0] == "none" else (words[1], int(words[2]), words[3] if len(words) > 3 else "")

    def _line(self, request):
        self._process.stdin.write(request.encode() + b"\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().decode("utf-8", "surrogateescape").removesuffix("\n")

    def _edits(self, request):
        edits, modes, why = {}, {}, None
        line = self._line(request)
        while line != "end":
            words = line.split(" ")
            if words[0] == "edit":
                modes[words[1]] = int(words[2], 8)
                edits[words[1]] = self._process.stdout.read(int(words[3]))
            elif words[0] == "link":
                edits[words[1]] = words[2]
            elif words[0] == "error":
                why = line
            else:
                raise RuntimeError("boot_tool: " + line)
            line = self._process.stdout.readline().decode("utf-8", "surrogateescape").removesuffix("\n")
        if why:
            raise Refused(why)
        return edits, modes
