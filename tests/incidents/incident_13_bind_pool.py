#!/usr/bin/env python3
"""Incident 13: a proxy binds its source address before it connects. Ten endpoints then share one pool of ports, which is
full though each destination has few connections. Named with its process; with IP_BIND_ADDRESS_NO_PORT the same load fits.

That it can fail was shown by breaking: sockets bound first counted as listeners; SOCKET_EXPLICIT of the holder not read.

usage: incident_13_bind_pool.py EPHEMPORTS
"""
import errno

import incident
from incident import abort_all, check, connect, listen, need, other_process, risk_words, setting, why_bind, why_connect

DESTINATIONS = 4

incident.begin()
setting('tcp_tw_reuse', '0')


def load(source, targets, count, late):
    """Round robin. Return: how many connected, and what the next one got."""
    for number in range(count):
        try:
            connect(targets[number % len(targets)], source=(source, 0), late=late)
        except OSError as error:
            return number, error.errno
    return count, None


def pool(source, targets, low, ports):
    setting('ip_local_port_range', f'{low} {low + ports - 1}')
    for target in targets:
        listen(target)
    full = {}
    with other_process('envoy', lambda: full.update(done=need(load(source, targets, 2 * ports, late=False) ==
                                                              (ports, errno.EADDRINUSE), 'one pool, full'))) as pid:
        says = [f'{ports} of {ports} ports (100 %) are blocked by sockets that were bound before', 'envoy', f'pid {pid}',
                'pool is per source address because of bind()', f'{ports} connections from {source} to {len(targets)} destinations',
                'IP_BIND_ADDRESS_NO_PORT', f'the same load uses {ports // len(targets)} ports']
        why_connect(targets[0], verdict='exhausted', error='EADDRNOTAVAIL', causes=['bind-before-connect'], says=says,
                    netlink_open=True)
        # A server that wants one of these ports is told how the holder came to it.
        screen, document = why_bind(f'[{source}]:{low}' if ':' in source else f'{source}:{low}', error='EADDRINUSE',
                                    holders=[{'pid': pid}], says=['given'])
        if incident.bpf:
            need(document['holders'][0]['how'] == 'bound' and document['holders'][0]['automatic'], 'bound, to port 0', screen)
            incident.need_words(screen, ['bound its address and port 0 before it connected'])
            screen, risks = check(way=('--collector', 'bpf'))
            one = risks['bind-before-connect']
            need('per source address, not per destination' in one['title'], 'the title', screen)
            need(f'(pid {pid}): {ports} from {source}' in risk_words(one), 'who, and how many', screen)
            need('IP_BIND_ADDRESS_NO_PORT' in one['advice'][0]['text'], 'the cure', screen)
    # The cure: the same connections, late bound, take a share of each destination.
    need(load(source, targets, ports, late=True) == (ports, None), 'late bound, all fit')
    why_connect(targets[0], verdict='ok', says=[f'{ports - ports // len(targets)} of {ports} ports left'], netlink_open=True)
    if incident.bpf:
        screen, risks = check(way=('--collector', 'bpf'))
        need('bind-before-connect' not in risks, 'no risk any more', screen)
    abort_all()


pool('127.0.0.1', [f'127.0.0.{host}:8080' for host in range(2, 2 + DESTINATIONS)], 40000, 32)
pool('::1', [f'[::1]:{8080 + port}' for port in range(DESTINATIONS)], 41000, 16)
