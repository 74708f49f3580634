#!/usr/bin/env python3
"""Incident 14: UDP has one pool of ports for all destinations, and when it is empty connect() says EAGAIN, not EADDRNOTAVAIL.
TCP on the same range goes on.

That it can fail was shown by breaking: EADDRNOTAVAIL predicted for UDP.

usage: incident_14_udp.py EPHEMPORTS
"""
import subprocess

import incident
from incident import connect, listen, other_process, setting, why_bind, why_connect

incident.begin()
setting('ip_local_port_range', '40000 40000')
subprocess.run(['ip', 'address', 'add', '10.9.0.1/24', 'dev', 'lo'], check=True)
POOL = ['EAGAIN', 'one pool of ports for all destinations', 'per local address']

why_connect('127.0.0.1:53', '--udp', verdict='ok', says=['yes: '])
with other_process('dig', lambda: connect('127.0.0.1:53', udp=True)) as pid:
    who = [f'pid {pid}', 'dig']
    why_connect('127.0.0.1:53', '--udp', verdict='exhausted', error='EAGAIN', causes=['udp-pool'], says=POOL + who,
                never=['EADDRNOTAVAIL'])
    # To somebody else: the same pool. That is where it differs from TCP.
    why_connect('10.9.0.77:5353', '--udp', verdict='exhausted', error='EAGAIN', causes=['udp-pool'], says=POOL + who)
    # UDP looks for a port before it looks for a route.
    why_connect('192.0.2.1:53', '--udp', verdict='exhausted', error='EAGAIN', says=['EAGAIN', 'no route leads there'])
    why_connect('127.0.0.1:53', '--udp', '--from', '127.0.0.9', verdict='ok', says=['127.0.0.9'])
    # TCP: another port space, counted by another rule.
    listen('127.0.0.1:53')
    why_connect('127.0.0.1:53', verdict='ok', says=['yes: '])
    connect('127.0.0.1:53')
    why_connect('127.0.0.1:53', verdict='exhausted', error='EADDRNOTAVAIL', causes=['in-use'])
    # With no UDP port left the route is still known: TCP from an address that cannot go there.
    subprocess.run('ip link add v0 type veth peer name v1; ip address add 10.77.0.1/24 dev v0; ip link set v0 up', shell=True,
                   check=True)
    why_connect('10.77.0.2:80', '--from', '127.0.0.1', verdict='not-exhaustion', error='EINVAL', says=['not exhaustion'])
    why_bind('40000', '--udp', error='EADDRINUSE', holders=[{'pid': pid, 'how': 'outgoing'}], says=who)

# An unconnected socket that only sent once has the port of every address.
setting('ip_local_port_range', '41000 41000')


def send():
    one = incident.keep(incident.socket.socket(type=incident.socket.SOCK_DGRAM))
    one.sendto(b'x', ('127.0.0.1', 9))


with other_process('resolver', send) as pid:
    for more in ([], ['--from', '127.0.0.9']):
        why_connect('127.0.0.1:53', '--udp', *more, verdict='exhausted', error='EAGAIN',
                    says=['exhausted', f'pid {pid}'])

# IPv6.
setting('ip_local_port_range', '42000 42000')
with other_process('dig', lambda: connect('[::1]:53', udp=True)) as pid:
    why_connect('[::1]:5353', '--udp', verdict='exhausted', error='EAGAIN', causes=['udp-pool'], says=['EAGAIN', f'pid {pid}'])
