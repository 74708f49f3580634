#!/usr/bin/env python3
"""Beside incident 16: "but nginx is running, it has port 80!" - in a container. A holder in another network namespace is in
nobody's way, and why bind says so: named namespaces, those of processes, and the one the program was started in.

That it can fail was shown by breaking: only named namespaces looked at; the asked namespace counted among the others;
connections counted as holders; the list without an end; no end of the time.

usage: incident_16_elsewhere.py EPHEMPORTS
"""
import contextlib
import ctypes
import json
import os
import subprocess

import incident
from incident import ask, connect, keep, listen, need, need_words, other_process, really_bind, run

CLONE_NEWNS = 0x20000
MS_BIND = 4096
NAMED = '/run/netns'
MANY = 400

libc = ctypes.CDLL(None, use_errno=True)


def own_run():
    """Named namespaces of nobody else, and none left behind."""
    if libc.unshare(CLONE_NEWNS):
        incident.skip('no mount namespace can be made here')
    subprocess.run(['mount', '--make-rprivate', '/'], check=True)
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/run'], check=True)
    os.mkdir(NAMED)


def bind_mount(source, target):
    need(libc.mount(source.encode(), target.encode(), None, MS_BIND, None) == 0, f'{target} is mounted')


@contextlib.contextmanager
def named(name, pid):
    path = f'{NAMED}/{name}'
    open(path, 'w').close()
    bind_mount(f'/proc/{pid}/ns/net', path)
    yield
    subprocess.run(['umount', path], check=True)
    os.unlink(path)


def up(do):
    def inside():
        subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
        do()
    return inside


def web():
    listen('0.0.0.0:8000')
    connect('127.0.0.1:8000')           # connections are no holders
    keep(really_bind('[::1]:8003', udp=True))


def is_elsewhere(document, *wanted):
    seen = [(one['netns'], one['state'], incident.endpoint_of(one['local']), one['pid'], one['command'])
            for one in document['elsewhere']]
    need(seen == list(wanted), f'{list(wanted)} elsewhere, not {seen}')
    need(document['more_elsewhere'] == 0 and document['elsewhere_whole'], 'all of it')


incident.begin()
own_run()
free = ['yes: ']
with other_process('nginx', up(web), own_netns=True) as pid, named('web', pid):
    screen, document = ask('why', 'bind', '8000')
    need(screen.status == 0, 'free', screen)
    need_words(screen, free + [f'not in the way: nginx (pid {pid}) listens on 0.0.0.0:8000 in namespace web'])
    is_elsewhere(document, ('web', 'listening', '0.0.0.0:8000', pid, 'nginx'))
    screen, document = ask('why', 'bind', '127.0.0.1:8003', '--udp')
    need_words(screen, free + [f'nginx (pid {pid}) is bound to [::1]:8003 in namespace web'])
    screen, document = ask('why', 'bind', '8003')
    need_words(screen, free, never=['not in the way'])
    is_elsewhere(document)
    # In the way here, and not in the way there.
    with other_process('apache', lambda: listen('127.0.0.1:8000')) as here:
        screen, document = ask('why', 'bind', '8000')
        need(screen.status == 2, 'in use', screen)
        need_words(screen, ['no: ', f'apache (pid {here}', f'not in the way: nginx (pid {pid})'])
        need([one['pid'] for one in document['holders']] == [here], 'one holder', screen)
        is_elsewhere(document, ('web', 'listening', '0.0.0.0:8000', pid, 'nginx'))
        # Asked the other way round, the two change places.
        screen, document = ask('why', 'bind', '8000', '-N', 'web')
        need_words(screen, [f'nginx (pid {pid}', f'not in the way: apache (pid {here}) listens on 127.0.0.1:8000 in the '
                            'namespace of this command'])
        is_elsewhere(document, ('', 'listening', '127.0.0.1:8000', here, 'apache'))
    # From within a container nothing of the others can be seen, and nothing is said.
    contained = ['unshare', '-n', '-m', '-p', '-f', '--mount-proc', 'sh', '-c',
                 'mount -t tmpfs tmpfs /run && exec "$@"', 'sh']
    done = subprocess.run([*contained, incident.ephemports, 'why', 'bind', '8000'], capture_output=True, text=True)
    need(done.returncode == 0 and 'in the way' not in done.stdout and 'namespace' not in done.stdout,
         f'nothing is said in a container: {done.stdout}{done.stderr}')
print('ok: a named namespace', flush=True)

with other_process('redis', up(lambda: listen('127.0.0.1:8000')), own_netns=True) as pid:
    screen, document = ask('why', 'bind', '8000')
    need_words(screen, free + [f'not in the way: redis (pid {pid}) listens on 127.0.0.1:8000 in the namespace of pid {pid} '
                               '(redis)'])
    is_elsewhere(document, (f'pid {pid} (redis)', 'listening', '127.0.0.1:8000', pid, 'redis'))
print('ok: the namespace of a process', flush=True)


def ten():
    for i in range(1, 11):
        listen(f'127.0.0.{i}:8000')


with other_process('redis', up(ten), own_netns=True):
    screen, document = ask('why', 'bind', '8000')
    need_words(screen, ['nor are 7 more in other namespaces'])
    need(len(document['elsewhere']) == 8 and document['more_elsewhere'] == 2, 'the list has an end', screen)
print('ok: the list has an end', flush=True)


# More namespaces than there is time for: the answer comes all the same.
for i in range(MANY):
    open(f'{NAMED}/many{i}', 'w').close()
    child = os.fork()
    if child == 0:
        os._exit(libc.unshare(incident.CLONE_NEWNET) or libc.mount(b'/proc/self/ns/net', f'{NAMED}/many{i}'.encode(), None,
                                                                   MS_BIND, None))
    need(os.waitpid(child, 0)[1] == 0, 'a namespace is made')
document = json.loads(run('why', 'bind', '8000', '--json').text)
screen = run('why', 'bind', '8000')
need(document['verdict'] == 'free' and not document['elsewhere_whole'], 'not all were looked at', screen)
need_words(screen, free + ['there was no time to look at all other namespaces'])
subprocess.run(f'umount {NAMED}/many*', shell=True, check=True)
print('ok: the time has an end', flush=True)
