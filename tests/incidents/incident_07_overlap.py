#!/usr/bin/env python3
"""Incident 7: bind(0.0.0.0:P) fails, and nothing is on 0.0.0.0:P: a connection has 127.0.0.1:P, and the two overlap. The
reader must be told that, and that another address would do: wildcard against specific, both ways, IPv4 against IPv6.

That it can fail was shown by breaking: the reason left out; V6ONLY of :: ignored; 0.0.0.0 overlapping nothing.

usage: incident_07_overlap.py EPHEMPORTS
"""
import subprocess

import incident
from incident import abort_all, connect, keep, listen, other_process, really_bind, setting, why_bind

incident.begin()
setting('tcp_tw_reuse', '0')
subprocess.run(['ip', 'address', 'add', '10.9.0.1/32', 'dev', 'lo'], check=True)
P = 15441

# As it happened.
setting('ip_local_port_range', f'{P} {P}')
listen('127.0.0.1:8080')
with other_process('zeronet', lambda: connect('127.0.0.1:8080')) as pid:
    holder = {'pid': pid, 'how': 'outgoing', 'local': f'127.0.0.1:{P}', 'remote': '127.0.0.1:8080'}
    why_bind(str(P), error='EADDRINUSE', holders=[holder],
             says=['overlaps 0.0.0.0, which is every local address, 127.0.0.1 too', f'bound to 10.9.0.1:{P} it succeeds'])
    why_bind(f'10.9.0.1:{P}', says=['yes: '])
    why_bind(f'[::ffff:127.0.0.1]:{P}', error='EADDRINUSE', holders=[holder], never=['overlaps'])
    why_bind(f'[::]:{P}', error='EADDRINUSE', holders=[holder],
             says=['overlaps ::, which without IPV6_V6ONLY is every IPv4 address too', 'with IPV6_V6ONLY it succeeds'])
    why_bind(f'[::]:{P}', '--v6only', says=['yes: '])
abort_all()
setting('ip_local_port_range', '32768 60999')

# What holds, what is wanted, the errno, and the reason.
EVERY = 'is every local address'
CASES = (
    ('0.0.0.0', {}, '127.0.0.1', 'EADDRINUSE', f'it overlaps 127.0.0.1: 0.0.0.0 {EVERY}'),
    ('0.0.0.0', {}, '[::1]', None, None),
    ('10.9.0.1', {}, '0.0.0.0', 'EADDRINUSE', f'it overlaps 0.0.0.0, which {EVERY}, 10.9.0.1 too'),
    ('10.9.0.1', {}, '127.0.0.1', None, None),
    ('[::]', {}, '0.0.0.0', 'EADDRINUSE', 'without IPV6_V6ONLY, :: is every IPv4 address too'),
    ('[::]', {}, '10.9.0.1', 'EADDRINUSE', 'without IPV6_V6ONLY, :: is every IPv4 address too'),
    ('[::]', {'v6only': True}, '0.0.0.0', None, None),
    ('[::]', {'v6only': True}, '[::ffff:10.9.0.1]', None, None),
    ('[::]', {}, '[::1]', 'EADDRINUSE', f'it overlaps ::1: :: {EVERY}'),
    ('[::1]', {}, '[::]', 'EADDRINUSE', f'it overlaps ::, which {EVERY}, ::1 too'),
)
for held, options, wanted, error, reason in CASES:
    for protocol in ([], ['--udp']):
        with other_process('holder', lambda: keep(really_bind(f'{held}:{P}', udp=bool(protocol), listens=True, **options))) as pid:
            why_bind(f'{wanted}:{P}', *protocol, error=error, holders=[{'pid': pid, 'automatic': False}] if error else [],
                     says=[reason] if reason else ['yes: '])

# An outgoing IPv6 connection keeps a server of IPv4 alone off the port: nobody expects that (linux-ports 3.3).
setting('ip_local_port_range', f'{P} {P}')
listen('[::1]:8080')
with other_process('curl', lambda: connect('[::1]:8080')) as pid:
    why_bind(str(P), error='EADDRINUSE', holders=[{'pid': pid, 'how': 'outgoing', 'local': f'[::1]:{P}'}], netlink_open=True,
             says=['an IPv6 socket without IPV6_V6ONLY keeps the IPv4 wildcard off its port', f'bound to 127.0.0.1:{P} it succeeds'])
    why_bind(f'127.0.0.1:{P}', says=['yes: '])

# In another namespace the port is another port.
with other_process('container', lambda: listen(f'0.0.0.0:{P + 1}'), own_netns=True):
    why_bind(str(P + 1), says=['yes: '])
