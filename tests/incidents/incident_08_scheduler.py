#!/usr/bin/env python3
"""Incident 8: a scheduler looks which ports have a listener, gives a service 38151, and the service cannot start: an agent's
connection to consul has 38151 as its source port. Who has it; and `pick` gives ports that are safe from live connections and
from those to come. Random hosts for pick are in tests/kernel/test_pick.py.

That it can fail was shown by breaking: the holder told as bound; pick not looking at sockets.

usage: incident_08_scheduler.py EPHEMPORTS
"""
import json

import incident
from incident import abort_all, bind_errno, connect, listen, need, other_process, run, setting, why_bind, ways

incident.begin()
setting('tcp_tw_reuse', '0')


def picked(*options, seen=True):
    answer = run('pick', '--json', *options)
    document = json.loads(answer.text)
    need(answer.status == 0, 'pick finds one', answer)
    # It tries bind() too; that would hide from us what it had not seen.
    need(not seen or document['excluded']['in_use'] >= 1, 'the connection is seen', answer)
    return document['ports']


for to, address, protocol in (('127.0.0.1:8500', '127.0.0.1', []), ('[::1]:8500', '[::1]', []),
                              ('127.0.0.1:8600', '127.0.0.1', ['--udp'])):
    setting('ip_local_port_range', '38151 38151')
    if not protocol:
        listen(to)
    with other_process('consul-agent', lambda: connect(to, udp=bool(protocol))) as pid:
        # Nothing listens on 38151: that is all the scheduler had looked at.
        why_bind('38151', *protocol, *(['-6'] if '[' in to else []), error='EADDRINUSE',
                 holders=[{'pid': pid, 'command': 'consul-agent', 'how': 'outgoing', 'local': f'{address}:38151', 'remote': to}],
                 says=[f'{address}:38151 -> {to}', f'consul-agent (pid {pid}', 'source port'])
        # The connection stays; the range is now another, and does not contain it any more.
        setting('ip_local_port_range', '40000 40009')
        for way in ways():
            ports = picked('--count', '20', '--range', '38140-38170', *way)
            need(len(set(ports)) == 20 and 38151 not in ports, f'20 ports, not 38151: {ports}')
            for port in ports:
                need(bind_errno(str(port), protocol) is None, f'{port} can be bound')
        # In a place where everything is taken, none is given.
        answer = run('pick', '--json', '--range', '38151-38151')
        need(answer.status == 3 and 'error' in json.loads(answer.text), 'none is safe', answer)
        # And tomorrow: no client is ever given one.
        port = picked('--range', '39990-40019', seen=False)[0]
        need(not 40000 <= port <= 40009, f'{port} is outside the range')
        reached = 0
        try:
            while reached < 11:
                connect(to, udp=bool(protocol))
                reached += 1
        except OSError:
            pass
        need(reached == 10 and bind_errno(str(port), protocol) is None, f'{port} is free when the range is exhausted')
    abort_all()
    print(f'ok: pick beside {to}', flush=True)
