#!/usr/bin/env python3
"""Incident 16: the host's range was widened to 15000-65000, and the container still has 32768-60999. Both must be shown, and
that reserved ports are the namespace's own too: a reservation on the host protects nothing in the container.

That it can fail was shown by breaking: reserved ports not compared.

usage: incident_16_container.py EPHEMPORTS
"""
import json

import incident
from incident import check, connect, listen, need, other_process, risk_words, run, setting, why_bind

incident.begin()
setting('tcp_tw_reuse', '0')


def container(port):
    """Its only port is one that the host has reserved, and a connection gets it."""
    incident.subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    if port:
        need(incident.get_setting('ipv4/ip_local_reserved_ports') == '', 'nothing is reserved in a new namespace')
        setting('ip_local_port_range', f'{port} {port}')
        listen('127.0.0.1:8080')
        need(connect('127.0.0.1:8080').getsockname()[1] == port, 'the port is given')


setting('ip_local_port_range', '15000 65000')
setting('ip_local_reserved_ports', '20000-20010')
with other_process('container', lambda: container(None), own_netns=True) as pid:
    screen, risks = check('--all-netns')
    one = risks['netns-range-differs']
    for word in ('15000-65000, 20000-20010 reserved: this one', '32768-60999, none reserved: ', 'its own reserved ports'):
        need(word in risk_words(one), f'check says "{word}"', screen)
    # Each namespace answers for itself.
    for netns, expected in (((), (15000, 65000, 11)), (('-N', str(pid)), (32768, 60999, 0))):
        document = json.loads(run('capacity', '127.0.0.1:8080', '--json', *netns).text)
        seen = (document['range']['low'], document['range']['high'], document['reserved'])
        need(seen == expected, f'{expected} in {netns or "the host"}, not {seen}')
print('ok: check tells both ranges', flush=True)

with other_process('nginx', lambda: container(20000), own_netns=True) as pid:
    inside = ('-N', str(pid))
    screen = run('why', 'bind', '20000', *inside)
    need(screen.status == 2, 'taken in the container', screen)
    incident.need_words(screen, ['127.0.0.1:20000 -> 127.0.0.1:8080', f'nginx (pid {pid}', 'source port', 'for good',
                                 # What is advised must act there, not on the host.
                                 f'nsenter -t {pid} -n '])
    # The host's own port is free, and reserved: who holds it in the container is no holder here.
    why_bind('20000', says=['yes: ', '20000 is reserved'])
    command = [one for one in json.loads(run('why', 'bind', '20000', '--json', *inside).text)['advice'] if one['id'] == 'reserve']
    done = incident.subprocess.run(command[0]['command'].replace('ephemports', incident.ephemports, 1) + ' >/dev/null', shell=True)
    need(done.returncode == 0, f'the advice works: {command}')
    screen = run('why', 'connect', '127.0.0.1:9', *inside)
    incident.need_words(screen, ['1 of 1 port (100 %) is reserved'])
    need(incident.get_setting('ipv4/ip_local_reserved_ports') == '20000-20010', 'the host is as it was')
print('ok: reserved ports are per namespace', flush=True)

# The same range, and a reservation that only the host has.
setting('ip_local_reserved_ports', '3306')
setting('ip_local_port_range', '32768 60999')
with other_process('container', lambda: container(None), own_netns=True):
    screen, risks = check('--all-netns')
    need('netns-range-differs' in risks, 'reserved ports are compared', screen)

# The same settings on both sides: nothing to tell.
setting('ip_local_reserved_ports', '')
setting('ip_local_port_range', '32768 60999')
with other_process('container', lambda: container(None), own_netns=True):
    screen, risks = check('--all-netns')
    need('netns-range-differs' not in risks, 'no difference, no risk', screen)
