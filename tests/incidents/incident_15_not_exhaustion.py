#!/usr/bin/env python3
"""Incident 15: "Cannot assign requested address" that is no exhaustion: [::1] is absent, IPv6 is switched off, the address
is not configured yet at boot. Nothing is to be tuned, and that must be said.

That it can fail was shown by breaking: disable_ipv6 not told.

usage: incident_15_not_exhaustion.py EPHEMPORTS
"""
import subprocess

import incident
from incident import listen, need, setting, why_bind, why_connect

incident.begin()
NOT = ['not exhaustion']

# The address of a database that comes with an interface that is not up yet.
listen('127.0.0.1:5432')
why_connect('127.0.0.1:5432', '--from', '10.9.0.1', verdict='not-exhaustion', error='EADDRNOTAVAIL', causes=['source-not-local'],
            says=[*NOT, 'bind() to 10.9.0.1', '10.9.0.1 is not an address of this network namespace', '127.0.0.1'],
            never=['tcp_tw_reuse', 'ip_local_port_range', 'keep-alive'])
screen, document = why_bind('10.9.0.1:5432', error='EADDRNOTAVAIL', says=['EADDRNOTAVAIL', 'not one of this network namespace'],
                            never=['end pid', 'for good', 'reserve'])
need(document['verdict'] == 'forbidden', 'no socket is in the way', screen)
subprocess.run(['ip', 'address', 'add', '10.9.0.1/32', 'dev', 'lo'], check=True)
why_connect('127.0.0.1:5432', '--from', '10.9.0.1', verdict='ok')
why_bind('10.9.0.1:5432', says=['yes: '])

why_connect('192.0.2.1:80', verdict='not-exhaustion', error='ENETUNREACH', causes=['no-route'], says=[*NOT, 'no route leads there'])
why_connect('[2001:db8::1]:80', verdict='not-exhaustion', error='ENETUNREACH', says=NOT)

# pgbouncer: localhost is [::1] first, and there is none.
why_connect('[::1]:6432', verdict='ok', says=['yes: '])
setting('ipv6/conf/lo/disable_ipv6', '1')
ABSENT = [*NOT, 'net.ipv6.conf.lo.disable_ipv6 = 1', '::1 is absent']
why_connect('[::1]:6432', verdict='not-exhaustion', error='EADDRNOTAVAIL', causes=['ipv6-disabled'], says=ABSENT)
# With an address elsewhere the errno is another, and the cause the same.
subprocess.run('ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; ip address add fd00:9::1/64 dev v0 nodad',
               shell=True, check=True)
why_connect('[::1]:6432', verdict='not-exhaustion', error='ENETUNREACH', causes=['ipv6-disabled'], says=ABSENT)
why_bind('[::1]:6432', error='EADDRNOTAVAIL', says=['not one of this network namespace'])
setting('ipv6/conf/all/disable_ipv6', '1')
OFF = [*NOT, 'EADDRNOTAVAIL', 'IPv6 is switched off', 'net.ipv6.conf.all.disable_ipv6 = 1', 'connect over IPv4']
why_connect('[::1]:6432', verdict='not-exhaustion', error='EADDRNOTAVAIL', causes=['ipv6-disabled'], says=OFF,
            never=['tcp_tw_reuse', 'ip_local_port_range'])
why_connect('[::1]:6432', '--udp', verdict='not-exhaustion', error='EADDRNOTAVAIL', causes=['ipv6-disabled'], says=NOT)
why_connect('[::1]:6432', '--from', '::1', verdict='not-exhaustion', error='EADDRNOTAVAIL', says=[*NOT, 'bind() to ::1'])
why_connect('[fd00:1::77]:6432', verdict='not-exhaustion', error='EADDRNOTAVAIL', says=OFF[:3])
# IPv4 is not touched by that.
why_connect('127.0.0.1:5432', verdict='ok')

# The other way round: it is exhaustion, and is not explained away.
setting('ip_local_port_range', '40000 40000')
incident.connect('127.0.0.1:5432')
why_connect('127.0.0.1:5432', verdict='exhausted', error='EADDRNOTAVAIL', causes=['in-use'], never=NOT)
