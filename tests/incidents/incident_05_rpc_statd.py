#!/usr/bin/env python3
"""Incident 5: rpc.statd is given 33333, the port of a health endpoint, at boot: an automatic port inside the default range,
for TCP and for UDP. The endpoint finds it taken, whichever of the two it wants.

That it can fail was shown by breaking: SOCKET_EXPLICIT of the holder not read.

usage: incident_05_rpc_statd.py EPHEMPORTS
"""
import socket

import incident
from incident import keep, other_process, setting, why_bind

incident.begin()
setting('ip_local_port_range', '33333 33333')


def statd():
    """As statd does: one socket for TCP, one for UDP, both wherever there is room."""
    tcp, udp = keep(socket.socket()), keep(socket.socket(type=socket.SOCK_DGRAM))
    tcp.bind(('', 0))
    tcp.listen(5)
    udp.bind(('', 0))
    incident.need(tcp.getsockname()[1] == udp.getsockname()[1] == 33333, 'both were given 33333')


with other_process('rpc.statd', statd) as pid:
    for protocol, how in (((), 'listening'), (('--udp',), 'bound')):
        why_bind('33333', *protocol, error='EADDRINUSE',
                 holders=[{'pid': pid, 'command': 'rpc.statd', 'how': how, 'automatic': True, 'local': '0.0.0.0:33333'}],
                 says=[f'rpc.statd (pid {pid}', 'automatically assigned port', 'asked for port 0',
                       'will not be given 33333 again'])
    # In the range, and a fixed port as far as anybody can tell: worth a warning before the next boot.
    screen, risks = incident.check()
    incident.need('33333' in incident.risk_words(risks['listener-in-range']), 'check tells the port', screen)


def first_send():
    """A UDP client that never binds: the first sendto() gives it a port, and it has no peer."""
    one = keep(socket.socket(type=socket.SOCK_DGRAM))
    one.sendto(b'x', ('127.0.0.1', 9))


with other_process('statsd-client', first_send) as pid:
    why_bind('33333', '--udp', error='EADDRINUSE',
             holders=[{'pid': pid, 'how': 'bound', 'automatic': True, 'remote': None}],
             says=['automatically assigned port', 'for good'])

# Asked for by number: another story.
with other_process('exporter', lambda: keep(incident.really_bind('127.0.0.1:33333', udp=True))) as pid:
    why_bind('33333', '--udp', error='EADDRINUSE', holders=[{'pid': pid, 'how': 'bound', 'automatic': False}],
             says=['is bound there'], never=['automatically'])
