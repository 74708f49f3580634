#!/usr/bin/env python3
"""Incident 3: HAProxy's health port, 50936 (and 50000), lies inside the default range. Told from the file alone, without a
connection: IPv6, ranges, UDP and other servers too. And what it warns of does happen.

That it can fail was shown by breaking: `bind` lines of HAProxy not read.

usage: incident_03_haproxy.py EPHEMPORTS
"""
import incident
from incident import abort_all, check, connect, follow, listen, need, other_process, risk_words, setting, tree, why_bind

incident.begin()
setting('tcp_tw_reuse', '0')
HAPROXY = 'frontend x\n  bind :::50936 v4v6\n  bind 127.0.0.1:50000\n'
OTHERS = {
    '/etc/nginx/sites-enabled/a': 'server {\n  listen 40080;\n  listen [::]:40081 ssl;\n  listen 40443 quic;\n}\n',
    '/etc/redis/redis.conf': 'port 46379\n',
    '/etc/postgresql/15/main/postgresql.conf': "port = 45432\t# (change requires restart)\n",
    '/etc/mysql/my.cnf': '[mysqld]\nport = 43306\n',
    '/etc/systemd/system/web.socket': '[Socket]\nListenStream=[::]:48080\nListenDatagram=48081\n',
    '/etc/default/prometheus-node-exporter': 'ARGS="--web.listen-address=:49100"\n',
    '/etc/default/etcd': 'ETCD_LISTEN_CLIENT_URLS="http://127.0.0.1:42379"\n',
}


def told(root, *words):
    screen, risks = check(root=root)
    need(screen.status == 1, 'a warning', screen)
    one = risks['configured-service-in-range']
    for word in words:
        need(word in risk_words(one), f'check says {word}', screen)
    return one


root = tree({'/etc/haproxy/haproxy.cfg': HAPROXY})
one = told(root, '50936 haproxy (/etc/haproxy/haproxy.cfg:2)', '50000 haproxy (/etc/haproxy/haproxy.cfg:3)', '32768-60999')
told(tree(OTHERS), '40080 nginx', '40081 nginx', '46379 redis', '45432 postgresql', '43306 mysql', '48080 web', '48081/udp web',
     '49100 node-exporter', '42379 etcd')

# While it runs it is a listener, no longer a configured service that is down.
listen('[::]:50936')
listen('127.0.0.1:50000')
screen, risks = check(root=root)
need('configured-service-in-range' not in risks, 'not down', screen)
need('50000,50936' in risk_words(risks['listener-in-range']), 'listening', screen)
abort_all()

# It is down, and what it was warned of comes about.
setting('ip_local_port_range', '50936 50936')
listen('[::1]:8080')
with other_process('wget', lambda: connect('[::1]:8080')) as pid:
    why_bind('[::]:50936', error='EADDRINUSE', holders=[{'pid': pid, 'how': 'outgoing', 'local': '[::1]:50936'}],
             says=[f'wget (pid {pid}', 'will not be given 50936 again'])
abort_all()
setting('ip_local_port_range', '32768 60999')

# One after the other: the second advice must not undo the first.
with open(root + '/etc/haproxy/haproxy.cfg', 'a') as file:
    file.write('  bind :50002\n')
listen('[::]:50936')
screen, risks = check(root=root)
follow(risks['listener-in-range']['advice'][0]['command'])
follow(risks['configured-service-in-range']['advice'][0]['command'])
screen, risks = check(root=root)
need(not {'listener-in-range', 'configured-service-in-range', 'self-connect-possible'} & set(risks), 'nothing is left', screen)
need(incident.get_setting('ipv4/ip_local_reserved_ports') == '50000,50002,50936', 'all are reserved')
