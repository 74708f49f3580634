#!/usr/bin/env python3
"""Incident 1 with another real server: Debian's Redis on 6379, with its own redis.conf.

That it can fail was shown by breaking: `port` of redis.conf not read; `outgoing` told as `bound`; another port reserved.

usage: incident_server_redis.py EPHEMPORTS
"""
import os

import debian
import incident
import server

root, why_not = debian.unpack('redis', ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'])
if not root:
    incident.skip(why_not)
incident.begin()


def serves(self):
    try:
        one = incident.really_connect('127.0.0.1:6379')
        one.sendall(b'PING\r\n')
        pong = one.recv(7)
        incident.abort(one)     # no TIME_WAIT: of ten ports, nobody could ask ten times
        return pong == b'+PONG\r\n'
    except OSError:
        return False


# Its own configuration, moved to a directory of the test.
host = debian.copy(root, ['/etc/redis'], incident.tree())
with open(host + '/etc/redis/redis.conf') as file:
    text = file.read()
for place in ('/var/lib/redis', '/var/log/redis', '/run/redis'):
    os.makedirs(host + place)
    text = text.replace(f' {place}', f' {host}{place}')
with open(host + '/etc/redis/moved.conf', 'w') as file:
    file.write(text)
redis = server.Server('redis-server', 6379, root, [
    root + '/usr/bin/redis-server', host + '/etc/redis/moved.conf', '--daemonize', 'no', '--logfile', ''], serves)
incident.setting('ip_local_port_range', '1024 65535')
server.configured(redis, debian.copy(root, ['/etc/redis'], incident.tree()), '6379 redis (/etc/redis/redis.conf:')
server.refused_then_protected(redis, ['bind: Address already in use', 'Failed listening on port 6379'])
