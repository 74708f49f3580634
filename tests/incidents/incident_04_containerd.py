#!/usr/bin/env python3
"""Incident 4: no client took the port. A server (containerd's streaming server) listens on port 0, is given the port of an
add-on that is not up yet, and keeps it. The holder must be told from a listener that asked for the port, over IPv6 too.

That it can fail was shown by breaking: SOCKET_EXPLICIT of the holder not read.

usage: incident_04_containerd.py EPHEMPORTS
"""
import socket

import incident
from incident import keep, listen, other_process, setting, why_bind

incident.begin()


def listen_anywhere(address, bind=True):
    one = keep(socket.socket(incident.family_of(address)))
    if bind:
        one.bind((address, 0))
    one.listen(5)
    incident.need(one.getsockname()[1] == port, 'the only port of the range')


for port, address, asked, bind in ((10254, '127.0.0.1', '10254', True), (9443, '::', '9443', True), (9443, '::1', '[::1]:9443', True),
                                   (2379, '0.0.0.0', '127.0.0.1:2379', False)):
    setting('ip_local_port_range', f'{port} {port}')
    with other_process('containerd', lambda: listen_anywhere(address, bind)) as pid:
        holder = {'pid': pid, 'command': 'containerd', 'how': 'listening', 'automatic': True, 'state': 'listening',
                  'local': incident.endpoint_of({'address': address, 'port': port}), 'remote': None}
        screen, document = why_bind(
            asked, error='EADDRINUSE', holders=[holder],
            says=[f'containerd (pid {pid}', 'listens on an automatically assigned port', 'asked for port 0',
                  'SO_REUSEADDR does not help', 'restart it once the port is reserved', 'for good',
                  f'whoever asks for any port will not be given {port} again'])
    # Reserved and restarted, it is given another; here there is none, and that is told by its own errno.
    incident.follow([one for one in document['advice'] if one['id'] == 'reserve'][0]['command'])
    with socket.socket() as one:
        try:
            one.bind(('127.0.0.1', 0))
            incident.need(False, 'a reserved port is not assigned')
        except OSError as error:
            incident.need(error.errno == 98, 'EADDRINUSE', error)
    why_bind(asked, says=['yes: ', f'{port} is reserved'])
    setting('ip_local_reserved_ports', '')

# One that asked for the port by its number is no such case, though it lies in the range.
port = 10254
setting('ip_local_port_range', '10254 10254')
with other_process('other-addon', lambda: listen('0.0.0.0:10254')) as pid:
    why_bind('10254', error='EADDRINUSE', holders=[{'pid': pid, 'how': 'listening', 'automatic': False}],
             says=['listens there', f'end pid {pid}'], never=['automatically', 'port 0', 'restart it'])
