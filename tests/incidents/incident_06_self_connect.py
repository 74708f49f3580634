#!/usr/bin/env python3
"""Incident 6: a health check calls its own host while the service is down, is given the service's port as its source port,
and so connects to itself: for days, and the service cannot start. It happens on ports of the parity that connect() tries
first (with the default range: even ones).

That it can fail was shown by breaking: the holder told as outgoing; another port reserved.

usage: incident_06_self_connect.py EPHEMPORTS
"""
import socket

import incident
from incident import abort_all, keep, need, other_process, setting, why_bind

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
        need(one.getsockname()[:2] == (address, port), 'connected to itself')
        one.send(b'PING')
        need(one.recv(4) == b'PING', 'its own words come back')
        return keep(one)
    return None


def invited():
    """Told before it happens, and only of the parity that is tried first."""
    root = incident.tree({'/etc/haproxy/haproxy.cfg': 'listen a\n  bind :50052\nlisten b\n  bind :50053\n'})
    screen, risks = incident.check(root=root)
    risk = risks['self-connect-possible']
    need('50052' in incident.risk_words(risk) and '50053' not in incident.risk_words(risk), 'the even one', screen)
    need(retry('127.0.0.1:50053') is None, 'an odd port is not hit')


def happened(endpoint):
    address, port = incident.split_endpoint(endpoint)
    wildcard = ['-6', str(port)] if ':' in address else [str(port)]
    with other_process('healthcheck', lambda: retry(endpoint), resets=False) as pid:
        holder = {'pid': pid, 'command': 'healthcheck', 'how': 'self-connected', 'state': 'established', 'local': endpoint,
                  'remote': endpoint}
        says = [f'{endpoint} -> {endpoint}', f'healthcheck (pid {pid}', 'self-connect', 'while nothing listen', f'end pid {pid}',
                'for good', f'will not be given {port} again']
        why_bind(*reversed(wildcard), error='EADDRINUSE', holders=[holder], says=says)
        screen, _ = why_bind(endpoint, '--reuseaddr', error='EADDRINUSE', holders=[holder], says=says, netlink_open=True)
        if incident.bpf:
            incident.need_words(screen, ['was given the same port as its source port'])
        screen, risks = incident.check()
        incident.need_words(screen, ['self-connected', 'connected to itself', 'healthcheck', str(port), 'reserve'])
    abort_all()
    # Its end closes both sides at once: TIME_WAIT, a minute more.
    why_bind(endpoint, error='EADDRINUSE', holders=[{'how': 'time-wait', 'pid': None, 'local': endpoint}],
             says=['no process owns it', 'lets go in'])


def protected(endpoint):
    """Reserved, the client is never given the port again; without, it is, as often as it tries."""
    port = incident.split_endpoint(endpoint)[1]
    for _ in range(2):
        one = retry(endpoint)
        need(one is not None, f'{endpoint} is hit')
        document = incident.ask('why', 'bind', endpoint)[1]
        abort_all()         # a reset leaves no TIME_WAIT, which would protect the port too
        incident.follow([one for one in document['advice'] if one['id'] == 'reserve'][0]['command'])
        need(retry(endpoint) is None, f'{endpoint} is not hit any more')
        why_bind(str(port), says=['yes: ', f'{port} is reserved'])
        setting('ip_local_reserved_ports', '')
    print(f'ok: {endpoint} reserved', flush=True)


setting('ip_local_port_range', '50000 50063')
invited()
happened('127.0.0.1:50052')
happened('[::1]:50008')
protected('127.0.0.1:50020')
protected('[::1]:50040')
