"""What the tests with real servers share: a server that is refused its port by an outgoing connection, who that was, a
reservation, and the server serving while clients go on to exhaust the range around its port.
"""
import errno
import os
import subprocess
import sys
import threading
import time

import debian
import incident
from incident import abort, connect, listen, need, other_process, really_connect, setting, why_bind

PATIENCE_S = 30


class Server:
    """A program of a Debian package. @command starts it in the foreground; @log is where it complains (it may be None when
    it does on its standard streams)."""

    def __init__(self, name, port, root, command, serves, log=None):
        self.name, self.port, self.root, self.command, self.serves, self.log = name, port, root, command, serves, log
        self.output = os.path.join(incident.work, f'{name}.output')

    def start(self):
        environment = debian.environment(self.root)
        environment.pop('MALLOC_PERTURB_', None)
        with open(self.output, 'w') as output:
            return subprocess.Popen(self.command, env=environment, cwd=incident.work, stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=output)

    def said(self):
        text = ''
        for path in (self.output, self.log):
            if path and os.path.exists(path):
                with open(path, errors='replace') as file:
                    text += file.read()
        return text

    def is_refused(self, words):
        """It ends by itself, and says why."""
        process = self.start()
        try:
            status = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            need(False, f'{self.name} ends', self.said())
        need(status != 0, f'{self.name} fails', self.said())
        for one in words:
            need(one in self.said(), f'{self.name} says "{one}"', self.said())
        print(f'ok: {self.name} does not start: {words[0]}', flush=True)

    def does_serve(self):
        process = self.start()
        try:
            end = time.monotonic() + PATIENCE_S
            while not self.serves(self):
                need(process.poll() is None and time.monotonic() < end, f'{self.name} serves', self.said())
                time.sleep(0.05)
            # In so small a range our own connection may meet the TIME_WAIT that the server keeps of an earlier one: asked twice.
            for _ in range(10):
                need(self.serves(self) or self.serves(self), f'{self.name} goes on serving', self.said())
            print(f'ok: {self.name} serves', flush=True)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def exhaust(port):
    """Connections until none is left, again and again, from a thread; never from the reserved port."""
    full = threading.Event()

    def work():
        end = time.monotonic() + 4 * PATIENCE_S
        while time.monotonic() < end:
            clients = []
            try:
                while True:
                    clients.append(really_connect('127.0.0.1:8080'))
                    if clients[-1].getsockname()[1] == port:
                        print(f'{port} was given to a client', file=sys.stderr, flush=True)
                        os._exit(1)
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    full.set()
            for one in clients:
                abort(one)
            time.sleep(0.002)

    threading.Thread(target=work, daemon=True).start()
    need(full.wait(PATIENCE_S), 'the range is exhausted')


def configured(server, root, *words):
    """Told from the configuration files, without a connection and without the server."""
    screen, risks = incident.check(root=root)
    need('configured-service-in-range' in risks, 'the configured port is told', screen)
    said = incident.risk_words(risks['configured-service-in-range'])
    for one in words:
        need(one in said, f'check says "{one}"', screen)
    print(f'ok: check names {words[0]}', flush=True)


def refused_then_protected(server, refusal):
    port = server.port
    setting('tcp_tw_reuse', '0')
    setting('ip_local_port_range', f'{port} {port}')
    listen('127.0.0.1:8080')
    with other_process('health-check', lambda: connect('127.0.0.1:8080')) as pid:
        server.is_refused(refusal)
        # These servers set SO_REUSEADDR, and it does not help.
        for options in ((), ('--reuseaddr',)):
            screen, document = why_bind(
                str(port), *options, error='EADDRINUSE', netlink_open=bool(options),
                holders=[{'pid': pid, 'command': 'health-check', 'how': 'outgoing', 'local': f'127.0.0.1:{port}',
                          'remote': '127.0.0.1:8080'}],
                says=[f'health-check (pid {pid}', f'127.0.0.1:{port} -> 127.0.0.1:8080', 'source port', 'for good'])
    incident.abort_all()
    incident.follow([one for one in document['advice'] if one['id'] == 'reserve'][0]['command'])
    need(str(port) in incident.get_setting('ipv4/ip_local_reserved_ports').split(','), f'{port} is reserved')
    setting('ip_local_port_range', f'{port - port % 2 - 4} {port - port % 2 + 5}')
    listen('127.0.0.1:8080')
    with other_process('clients', lambda: exhaust(port)):
        server.does_serve()
