#!/usr/bin/env python3
"""Incident 1 with the real server: Debian's MariaDB does not start on 3306, because an outgoing connection has it. Its own
log asks "Do you already have another server running"; we say who it is. Reserved, it starts and serves, though clients go
on to exhaust the range.

That it can fail was shown by breaking: the port that is not named in the configuration told as another.

usage: incident_server_mariadb.py EPHEMPORTS
"""
import os
import subprocess

import debian
import incident
import server

root, why_not = debian.unpack('mariadb', ['mariadb-server-core', 'mariadb-server', 'mariadb-client-core', 'mariadb-common',
                                          'libmariadb3', 'libaio1', 'libnuma1', 'libpcre2-8-0', 'liburing2'])
if not root:
    incident.skip(why_not)
incident.begin()
data = os.path.join(incident.work, 'data')


def serves(self):
    done = subprocess.run([root + '/usr/bin/mariadb', '--no-defaults', '--protocol=tcp', '-h127.0.0.1', '-P3306', '-uroot', '-N',
                           '-e', 'select 6*7'], env=debian.environment(root), capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.strip() == '42'


done = subprocess.run([root + '/usr/bin/mariadb-install-db', '--no-defaults', f'--basedir={root}/usr', f'--datadir={data}',
                       f'--tmpdir={incident.work}', '--user=root', '--auth-root-authentication-method=normal', '--skip-test-db'],
                      env=debian.environment(root), capture_output=True, text=True)
incident.need(done.returncode == 0, 'mariadb-install-db', done.stdout + done.stderr)

# Debian's own configuration names no port; an administrator's file may.
host = debian.copy(root, ['/etc/mysql'], incident.tree())
mariadb = server.Server('mariadbd', 3306, root, [
    root + '/usr/sbin/mariadbd', f'--defaults-file={host}/etc/mysql/mariadb.conf.d/50-server.cnf', f'--basedir={root}/usr',
    f'--datadir={data}', f'--socket={data}/socket', f'--pid-file={data}/pid', f'--lc-messages-dir={root}/usr/share/mysql',
    f'--tmpdir={incident.work}', '--user=root', '--innodb-buffer-pool-size=8M'], serves)
incident.setting('ip_local_port_range', '1024 65535')
server.configured(mariadb, host, '3306 mysql (/etc/mysql/mariadb.conf.d/50-server.cnf', 'its default')
with open(host + '/etc/mysql/mariadb.conf.d/60-site.cnf', 'w') as file:
    file.write('[mysqld]\nport = 13306\n')
server.configured(mariadb, host, '13306 mysql (/etc/mysql/mariadb.conf.d/60-site.cnf:2)')
server.configured(mariadb, debian.copy(root, ['/etc/mysql', '/lib/systemd/system'], incident.tree()), '3306 mysql')
server.refused_then_protected(mariadb, ["Can't start server: Bind on TCP/IP port. Got error: 98: Address already in use",
                                        'Do you already have another server running on port: 3306 ?'])
