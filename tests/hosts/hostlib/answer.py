"""What a command of an emulated host does: print and exit, or become a program of the chroot."""

import struct


class Answer:
    """Text in the order it is written, each piece to standard output (1) or standard error (2), then an exit status."""

    def __init__(self, out="", err="", status=0):
        self.pieces = []
        self.status = status
        self.out(out)
        self.err(err)

    def out(self, text):
        self._add(1, text)
        return self

    def err(self, text):
        self._add(2, text)
        return self

    def fail(self, text, status=1):
        self.err(text)
        self.status = status
        return self

    def _add(self, fd, text):
        if text:
            self.pieces.append((fd, text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")))

    def text(self, fd=1):
        return b"".join(data for to, data in self.pieces if to == fd).decode("utf-8", "surrogateescape")

    def encode(self):
        pieces = b"".join(struct.pack("=BI", fd, len(data)) + data for fd, data in self.pieces)
        return b"R" + struct.pack("B", self.status & 255) + pieces


class Become:
    """The command is a program that the chroot has under another name."""

    def __init__(self, path, arguments):
        self.path = path
        self.arguments = arguments

    def encode(self):
        words = [self.path, *self.arguments]
        return b"X" + b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words)


def refuse(text, status=1):
    return Answer(err=text + "\n", status=status)
