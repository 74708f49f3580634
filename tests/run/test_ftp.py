#!/usr/bin/env python3
"""Exercises `ephemports run` with both ends of FTP, Debian's vsftpd and lftp: files arrive with and without it, and data
connections, active and passive, have their ports from the range of --range, as NcFTPd's did of itself.

That it can fail was shown by breaking: listen() without bind() left to the kernel; processes made by clone() taken for those of vfork().

usage: test_ftp.py EPHEMPORTS
"""
import os
import re
import shutil
import sys

import frame
import incident
from frame import do, need, ok, under_run

import debian

CONTROL = 2121
HOST = range(40000, 40064)      # net.ipv4.ip_local_port_range
SERVER = range(41000, 41032)    # --range of vsftpd
CLIENT = range(42000, 42032)    # --range of lftp
PASSIVE = range(43000, 43032)   # that vsftpd is told to choose from itself

root, why_not = debian.unpack('vsftpd', ['vsftpd', 'libwrap0', 'libnsl2', 'libtirpc3'])
if not root:
    frame.skip(why_not)
if not shutil.which('lftp'):
    frame.skip('no lftp')
frame.begin(low=HOST[0], high=HOST[-1], root=True)
text = 'what the file says\n' * 20000


def configuration():
    files, empty = f'{incident.work}/files', f'{incident.work}/empty'
    os.makedirs(files)
    os.makedirs(empty)
    with open(files + '/file', 'w') as file:
        file.write(text)
    path = f'{incident.work}/vsftpd.conf'
    with open(path, 'w') as file:
        file.write('listen=YES\nbackground=NO\nanonymous_enable=YES\nlocal_enable=NO\nconnect_from_port_20=NO\n'
                   f'listen_port={CONTROL}\nanon_root={files}\nsecure_chroot_dir={empty}\nftp_username=daemon\n'
                   f'nopriv_user=nobody\npasv_min_port={PASSIVE[0]}\npasv_max_port={PASSIVE[-1]}\nport_enable=YES\n')
    os.chmod(path, 0o600)
    return path


def transfer(passive, run):
    """Gives the data connections as they were: (server's port, client's port), out of TIME_WAIT."""
    target = f'{incident.work}/received'
    lftp = ['lftp', '-d', '-c', f'set net:max-retries 1; set net:timeout 60; set ftp:passive-mode {passive}; set ssl:verify-certificate no; '
            f'set ftp:ssl-allow no; set cmd:default-protocol ftp; open 127.0.0.1:{CONTROL}; get file -o {target}']
    if os.path.exists(target):
        os.unlink(target)
    before = set(waiting())
    done = do(*(under_run('--range', f'{CLIENT[0]}-{CLIENT[-1]}', '--', *lftp) if run else lftp),
              env=dict(os.environ, HOME=incident.work, LC_ALL='C'))
    need(done.status == 0 and os.path.exists(target), 'the file arrives', done)
    with open(target) as file:
        need(file.read() == text, 'the file is whole', done)
    data = [one for one in set(waiting()) - before if CONTROL not in one]
    need(data, 'a data connection was seen', done)
    return data, done


def waiting():
    with open('/proc/net/tcp') as file:
        for line in file.readlines()[1:]:
            words = line.split()
            if words[3] == '06':
                yield tuple(int(one.rpartition(':')[2], 16) for one in words[1:3])


def within(ports, *ranges):
    return all(any(one in each for each in ranges) for one in ports)


def all_ways(run_server, run_client):
    names = f'vsftpd {"under run" if run_server else "alone"}, lftp {"under run" if run_client else "alone"}'
    client = CLIENT if run_client else HOST
    server = SERVER if run_server else HOST
    data, done = transfer('on', run_client)
    need(all(within(one, client, PASSIVE) for one in data), f'{names}, passive: {data}', done)
    data, done = transfer('off', run_client)
    need(all(within(one, client, server) for one in data), f'{names}, active: {data}', done)
    need(re.search(r'(PORT|EPRT) ', done.err + done.out), f'{names}: it was active', done)
    ok(f'{names}: passive and active')


configured = configuration()
for run_server in (False, True):
    command = [root + '/usr/sbin/vsftpd', configured]
    if run_server:
        command = under_run('--range', f'{SERVER[0]}-{SERVER[-1]}', '--', *command)
    with frame.background(*command, ready=frame.listens(CONTROL), env=debian.environment(root)):
        for run_client in (False, True):
            all_ways(run_server, run_client)
