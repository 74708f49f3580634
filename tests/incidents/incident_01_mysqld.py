#!/usr/bin/env python3
"""Incident 1: mysqld does not start, since an outgoing connection was given 3306 as its source port: the range begins below
it. Who has the port, why no socket option helps, what would, and that a reservation ends it. Over IPv6 and UDP too.

That it can fail was shown by breaking: `outgoing` told as `bound`; no reservation advised; another port reserved.

usage: incident_01_mysqld.py EPHEMPORTS
"""
import incident
from incident import abort_all, connect, listen, other_process, setting, why_bind, why_connect

incident.begin()
setting('tcp_tw_reuse', '0')


def taken():
    """TCP over IPv4, as it happened."""
    setting('ip_local_port_range', '3306 3306')
    listen('127.0.0.1:8080')
    with other_process('curl', lambda: connect('127.0.0.1:8080')) as pid:
        holder = {'pid': pid, 'command': 'curl', 'how': 'outgoing', 'state': 'established', 'local': '127.0.0.1:3306',
                  'remote': '127.0.0.1:8080'}
        who = ['127.0.0.1:3306 -> 127.0.0.1:8080', f'curl (pid {pid}', 'source port']
        screen, document = why_bind(
            '3306', error='EADDRINUSE', holders=[holder],
            says=['bind tcp 0.0.0.0:3306 fails with EADDRINUSE', *who, 'overlaps 0.0.0.0', 'SO_REUSEADDR does not help',
                  f'end pid {pid}', 'for good', 'will not be given 3306 again', 'ephemports reserve add 3306'])
        incident.need(document['in_ephemeral_range'] and not document['reserved'], 'in the range, not reserved', screen)
        # The person tries the folk remedy.
        why_bind('3306', '--reuseaddr', error='EADDRINUSE', holders=[holder], says=who, netlink_open=True)
        why_bind('3306', '--reuseport', error='EADDRINUSE', holders=[holder], says=[*who, 'SO_REUSEPORT does not help'],
                 netlink_open=True)
        why_bind('127.0.0.1:3306', error='EADDRINUSE', holders=[holder], says=who, never=['overlaps'])
        why_bind('127.0.0.2:3306', says=['yes: '])
        why_bind('127.0.0.2:3306', '--reuseaddr', says=['yes: '])
        why_bind('3306', '-6', error='EADDRINUSE', holders=[holder], says=[*who, 'overlaps ::', 'IPV6_V6ONLY'])
        why_bind('3306', '--v6only', says=['yes: '])
        # Another protocol, another port space.
        why_bind('3306', '--udp', says=['yes: '])
        return [one for one in document['advice'] if one['id'] == 'reserve'][0]['command']


def protected(command):
    """The process ended; what was printed is pasted; the client tries again, and the server starts."""
    abort_all()
    why_bind('3306', says=['yes: ', 'inside the ephemeral range', 'may take it first', 'for good'])
    incident.follow(command)
    incident.need(command == 'ephemports reserve add 3306', command)
    incident.need(incident.get_setting('ipv4/ip_local_reserved_ports') == '3306', '3306 is reserved')
    with open(incident.empty_root + '/etc/sysctl.d/90-ephemports.conf') as file:
        incident.need('net.ipv4.ip_local_reserved_ports = 3306' in file.read(), 'after a reboot too')
    listen('127.0.0.1:8080')
    why_connect('127.0.0.1:8080', verdict='exhausted', error='EADDRNOTAVAIL', causes=['reserved'],
                says=['1 of 1 port (100 %) is reserved', 'ip_local_reserved_ports'])
    why_bind('3306', says=['yes: ', '3306 is reserved'], never=['may take it first'])
    # With other ports in the range the client avoids this one and goes on.
    setting('ip_local_port_range', '3304 3307')
    ports = sorted(connect('127.0.0.1:8080').getsockname()[1] for _ in range(3))
    incident.need(ports == [3304, 3305, 3307], f'3306 is passed over: {ports}')
    listen('0.0.0.0:3306')
    setting('ip_local_reserved_ports', '')
    abort_all()


def closed():
    """The client closed first: no process any more, and the port stays taken for a minute."""
    setting('ip_local_port_range', '3306 3306')
    server = listen('127.0.0.1:8080')
    client = connect('127.0.0.1:8080')
    accepted, _ = server.accept()
    client.close()
    incident.need(accepted.recv(1) == b'', 'the client closed')
    accepted.close()
    holder = {'pid': None, 'how': 'time-wait', 'local': '127.0.0.1:3306', 'remote': '127.0.0.1:8080'}
    screen, document = why_bind('3306', error='EADDRINUSE', holders=[holder],
                                says=['127.0.0.1:3306 -> 127.0.0.1:8080', 'closed connection', 'no process owns it',
                                      'lets go in', 'for good'], never=['end pid'])
    incident.need(50 < document['holders'][0]['seconds_left'] <= 60, 'seconds left', screen)
    abort_all()


def over_ipv6():
    """Another port, IPv6: a connection from ::1 blocks even a server of IPv4 alone (linux-ports 3.3)."""
    setting('ip_local_port_range', '5432 5432')
    listen('[::1]:8080')
    with other_process('psql', lambda: connect('[::1]:8080')) as pid:
        holder = {'pid': pid, 'how': 'outgoing', 'local': '[::1]:5432', 'remote': '[::1]:8080'}
        who = ['[::1]:5432 -> [::1]:8080', f'psql (pid {pid}', 'source port']
        why_bind('[::]:5432', error='EADDRINUSE', holders=[holder], says=[*who, 'overlaps ::', 'SO_REUSEADDR does not help'])
        why_bind('5432', error='EADDRINUSE', holders=[holder], says=[*who, 'overlaps 0.0.0.0'], netlink_open=True)
        why_bind('127.0.0.1:5432', says=['yes: '])
    abort_all()


def over_udp():
    """A resolver's query socket in the way of a DNS server."""
    setting('ip_local_port_range', '5353 5353')
    with other_process('dig', lambda: connect('127.0.0.1:53', udp=True)) as pid:
        holder = {'pid': pid, 'how': 'outgoing', 'local': '127.0.0.1:5353', 'remote': '127.0.0.1:53'}
        why_bind('5353', '--udp', error='EADDRINUSE', holders=[holder],
                 says=[f'dig (pid {pid}', 'source port', f'end pid {pid}', 'will not be given 5353 again'],
                 never=['TIME_WAIT'])
        why_bind('5353', says=['yes: '])


command = taken()
protected(command)
closed()
over_ipv6()
over_udp()
