#!/usr/bin/env python3
"""Incident 6: a health check calls its own host while the service is down, is given the service's port as its source port,
and so connects to itself: for days, and the service cannot start. It happens on ports of the parity that connect() tries
first (with the default range: even ones).

That it can fail was shown by breaking: the holder told as outgoing.

usage: incident_06_self_connect.py EPHEMPORTS
"""
import errno
import socket

import incident
from incident import abort_all, keep, other_process, setting, why_bind

TRIES = 2000            # in a range of 64 ports one in 32 hits

incident.begin()
setting('tcp_tw_reuse', '0')


def retry(endpoint):
    """Until it connects."""
    address, port = incident.split_endpoint(endpoint)
    for _ in range(TRIES):
        one = socket.socket(incident.family_of(address))
        try:
            one.connect((address, port))
        except ConnectionRefusedError:
            one.close()
            continue
        incident.need(one.getsockname()[:2] == (address, port), 'connected to itself')
        one.send(b'PING')
        incident.need(one.recv(4) == b'PING', 'its own words come back')
        return keep(one)
    return None


def invited():
    """Told before it happens, and only of the parity that is tried first."""
    root = incident.tree({'/etc/haproxy/haproxy.cfg': 'listen a\n  bind :50052\nlisten b\n  bind :50053\n'})
    screen, risks = incident.check(root=root)
    risk = risks['self-connect-possible']
    incident.need('50052' in incident.risk_words(risk) and '50053' not in incident.risk_words(risk), 'the even one', screen)
    incident.need(retry('127.0.0.1:50053') is None, 'an odd port is not hit')


def happened(endpoint):
    address, port = incident.split_endpoint(endpoint)
    wildcard = ['-6', str(port)] if ':' in address else [str(port)]
    with other_process('healthcheck', lambda: retry(endpoint), resets=False) as pid:
        holder = {'pid': pid, 'command': 'healthcheck', 'how': 'self-connected', 'state': 'established', 'local': endpoint,
                  'remote': endpoint}
        says = [f'{endpoint} -> {endpoint}', f'healthcheck (pid {pid}', 'self-connect', 'while nothing listen', f'end pid {pid}',
                'for good', f'will not be given {port} again']
        why_bind(*reversed(wildcard), error='EADDRINUSE', holders=[holder], says=says)
        screen, document = why_bind(endpoint, '--reuseaddr', error='EADDRINUSE', holders=[holder], says=says, netlink_open=True)
        if incident.bpf:
            incident.need_words(screen, ['was given the same port as its source port'])
        screen, risks = incident.check()
        incident.need_words(screen, ['self-connected', 'connected to itself', 'healthcheck', str(port), 'reserve'])
        advice = [one for one in document['advice'] if one['id'] == 'reserve'][0]
    abort_all()
    # Its end closes both sides at once: TIME_WAIT, a minute more.
    why_bind(endpoint, error='EADDRINUSE', holders=[{'how': 'time-wait', 'pid': None, 'local': endpoint}],
             says=['no process owns it', 'lets go in'])
    # Reserved, the client is never given the port again.
    incident.follow(advice['command'])
    incident.need(retry(endpoint) is None, f'{endpoint} is not hit any more')
    setting('ip_local_reserved_ports', '')


setting('ip_local_port_range', '50000 50063')
invited()
happened('127.0.0.1:50052')
happened('[::1]:50008')
