#!/usr/bin/env python3
"""Incident 1 with a web server: Debian's nginx with its own configuration, only moved to a directory of the test. The range
reaches down to its port, 80, as where ip_unprivileged_port_start was lowered for containers.

That it can fail was shown by breaking: `listen` of nginx not read.

usage: incident_server_nginx.py EPHEMPORTS
"""
import os
import socket

import debian
import incident
import server

root, why_not = debian.unpack('nginx', ['nginx', 'nginx-common', 'libpcre2-8-0'])
if not root:
    incident.skip(why_not)
incident.begin()
host = debian.copy(root, ['/etc/nginx'], incident.tree())
for place in ('sites-enabled', 'modules-enabled', 'conf.d'):
    os.makedirs(f'{host}/etc/nginx/{place}', exist_ok=True)
os.symlink('/etc/nginx/sites-available/default', host + '/etc/nginx/sites-enabled/default')     # as its postinst does


def moved():
    """The same configuration with paths below the test's directory, and no user to change to: in a user namespace there is
    none."""
    to = debian.copy(host, ['/etc/nginx'], incident.tree())
    os.unlink(to + '/etc/nginx/sites-enabled/default')
    os.symlink('../sites-available/default', to + '/etc/nginx/sites-enabled/default')
    for place in ('/run', '/var/log/nginx'):
        os.makedirs(to + place)
    for path in [to + '/etc/nginx/nginx.conf', to + '/etc/nginx/sites-available/default']:
        with open(path) as file:
            text = file.read()
        for prefix in ('/etc/nginx/', '/run/', '/var/log/nginx/'):
            text = text.replace(' ' + prefix, f' {to}{prefix}')
        with open(path, 'w') as file:
            file.write(text.replace('user www-data;', ''))
    with open(to + '/etc/nginx/conf.d/places.conf', 'w') as file:
        file.writelines(f'{one}_temp_path {to}/{one};\n' for one in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    return to


def serves(self):
    try:
        with socket.create_connection(('127.0.0.1', 80), timeout=5) as one:
            one.sendall(b'HEAD / HTTP/1.0\r\n\r\n')
            return b'Server: nginx' in one.recv(4096)
    except OSError:
        return False


to = moved()
nginx = server.Server('nginx', 80, root, [
    root + '/usr/sbin/nginx', '-p', to, '-c', to + '/etc/nginx/nginx.conf', '-e', to + '/error.log', '-g',
    'daemon off; master_process off; user root;'], serves,
    log=to + '/var/log/nginx/error.log')
incident.setting('ip_unprivileged_port_start', '70')
incident.setting('ip_local_port_range', '80 65535')
server.configured(nginx, host, '80 nginx (/etc/nginx/sites-enabled/default:')
server.refused_then_protected(nginx, ['bind() to 0.0.0.0:80 failed (98: Address already in use)'])
