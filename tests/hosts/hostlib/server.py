"""Answers the stand-ins of one emulated host (../standin.c has the protocol)."""

import contextlib
import os
import posixpath
import socket
import struct
import threading
import traceback

from .answer import Answer


class Call:
    """One command that ran on the host: where, by what path, with which arguments, as which user."""

    def __init__(self, directory, path, arguments, uid):
        self.directory = directory
        self.path = posixpath.normpath(posixpath.join(directory, path))
        self.arguments = arguments
        self.uid = uid

    @property
    def name(self):
        return posixpath.basename(self.path)

    @property
    def options(self):
        return self.arguments[1:]

    @property
    def root(self):
        return self.uid == 0

    def __repr__(self):
        return " ".join([self.path, *self.options])


def _receive(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


class Server:
    """Listens on a socket inside the chroot; answer(call) decides, one call at a time."""

    def __init__(self, path, answer):
        self._answer = answer
        self._lock = threading.Lock()
        self._owner = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        os.chmod(path, 0o666)
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
                uid = struct.unpack("=iII", credentials)[1]
                size = struct.unpack("=I", _receive(connection, 4))[0]
                words = _receive(connection, size).decode("utf-8", "surrogateescape").split("\0")[:-1]
                reply = self._decide(Call(words[0], words[1], words[2:], uid)).encode()
                connection.sendall(struct.pack("=I", len(reply)) + reply)
            except (EOFError, OSError):
                return

    def _decide(self, call):
        try:
            with self._lock:
                self._owner = threading.get_ident()
                try:
                    return self._answer(call)
                finally:
                    self._owner = None
        except Exception:
            return Answer(err="standin: " + traceback.format_exc(), status=125)

    @contextlib.contextmanager
    def others(self):
        """While an answer waits for commands that it runs itself, these are answered."""
        owned = self._owner == threading.get_ident()
        if owned:
            self._owner = None
            self._lock.release()
        try:
            yield
        finally:
            if owned:
                self._lock.acquire()
                self._owner = threading.get_ident()

    def close(self):
        """Wakes accept() first: a thread left in it would go on with the next host's socket of the same number."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
