"""What the tests of `ephemports run` share: a network namespace of its own (tests/incidents/incident.py) with a narrow range,
a service, and programs with and without `run`.
"""
import contextlib
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'incidents'))

import incident                                     # noqa: E402
from incident import need, setting, skip            # noqa: E402,F401

PATIENCE_S = 120
LOW, HIGH = 40000, 40015        # the range of the host


def begin(*, low=LOW, high=HIGH, root=False):
    if root and os.geteuid() != 0:
        skip('needs root: the program changes its user')
    incident.begin()
    setting('ip_local_port_range', f'{low} {high}')
    setting('core/somaxconn', '4096')


class Done:
    def __init__(self, words, done):
        self.words, self.status, self.out, self.err = words, done.returncode, done.stdout, done.stderr

    def __str__(self):
        return f'$ {" ".join(self.words)}\n{self.out}{self.err}(status {self.status})'


def do(*words, **options):
    """Never waits for ever, and leaves nothing running."""
    done = subprocess.run([str(one) for one in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE_S, **options)
    return Done([str(one) for one in words], done)


def under_run(*words):
    """run, with its own options before a '--'."""
    return [incident.ephemports, 'run', *(words if '--' in words else ('--', *words))]


def ok(what):
    print(f'ok: {what}', flush=True)


@contextlib.contextmanager
def background(*words, ready=None, **options):
    """A program that serves until the block ends. @ready: asked until true."""
    import time
    log = os.path.join(incident.work, os.path.basename(str(words[0])) + '.log')
    with open(log, 'a') as output:
        process = subprocess.Popen([str(one) for one in words], stdin=subprocess.PIPE, stdout=output, stderr=output, **options)
    try:
        end = time.monotonic() + PATIENCE_S
        while ready and not ready():
            with open(log, errors='replace') as file:
                need(process.poll() is None and time.monotonic() < end, f'{words[0]} serves', file.read())
            time.sleep(0.05)
        yield process
    finally:
        process.stdin.close()
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listens(port, address='127.0.0.1'):
    """Looked at, not tried: a connection would take a port."""
    wanted = '%08X:%04X' % (int.from_bytes(bytes(map(int, address.split('.'))), 'little'), port)

    def is_there():
        with open('/proc/net/tcp') as file:
            return any(line.split()[1] in (wanted, '00000000:%04X' % port) and line.split()[3] == '0A'
                       for line in file.readlines()[1:])
    return is_there
