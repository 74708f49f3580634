#!/usr/bin/env python3
"""Exercises why bind and why connect at the edges, against the kernel, in a network namespace of its own: a privilege that the
uid does not tell, addresses that are listed and cannot be bound, and a connection to "any address".

usage: test_bind_edges.py EPHEMPORTS
"""
import errno
import json
import os
import shutil
import socket
import subprocess
import sys

ephemports = os.path.realpath(sys.argv[1])
if not os.environ.get('TEST_BIND_EDGES_INSIDE'):
    unshare = ['unshare', '-n'] if os.geteuid() == 0 else ['unshare', '-r', '-n']
    if shutil.which('unshare') is None or subprocess.run([*unshare, 'true'], capture_output=True).returncode:
        print('SKIP: no network namespace can be made here')
        sys.exit(77)
    os.environ['TEST_BIND_EDGES_INSIDE'] = '1'
    os.execvp('unshare', [*unshare, sys.executable, *sys.argv])

BIND = '''import socket, sys
s = socket.socket()
try: s.bind(('127.0.0.1', 81))
except PermissionError: sys.exit(2)
'''


def why(*arguments, prefix=()):
    done = subprocess.run([*prefix, ephemports, 'why', *arguments, '--json'], capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


def ip(*arguments):
    return subprocess.run(['ip', *arguments], capture_output=True).returncode == 0


def bound(family, address, port, device=None):
    s = socket.socket(family)
    if device:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    try:
        s.bind((address, port))
    except OSError as error:
        s.close()
        return errno.errorcode[error.errno]
    return s


def check_privilege():
    prefixes = [['setpriv', '--no-new-privs'],
                ['setpriv', '--bounding-set=-net_bind_service', '--inh-caps=-net_bind_service'],
                ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
                ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=+net_bind_service',
                 '--ambient-caps=+net_bind_service'],
                ['unshare', '-r']]
    seen = set()
    for prefix in prefixes:
        real = subprocess.run([*prefix, '/usr/bin/python3', '-c', BIND], capture_output=True)
        if real.returncode not in (0, 2):
            print('# cannot be tried here:', *prefix)
            continue
        expected = None if real.returncode == 0 else 'EACCES'
        answer = why('bind', '127.0.0.1:81', prefix=prefix)
        assert answer['errno'] == expected and answer['exact'], (prefix, expected, answer)
        seen.add(expected)
    assert seen, 'nothing could be tried'
    # Of somebody else only the uid is known.
    assert why('bind', '127.0.0.1:81', '--uid', '65533')['errno'] == 'EACCES'
    print('privilege: as the kernel says,', len(prefixes), 'callers')


def check_advised_addresses():
    if not ip('link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1'):
        print('# no veth here: addresses are not tried')
        return
    ip('addr', 'add', '10.9.0.1/24', 'dev', 'v0')
    ip('-6', 'addr', 'add', 'fd00::1/64', 'dev', 'v0', 'nodad')
    ip('link', 'set', 'v0', 'up')
    ip('link', 'set', 'v1', 'up')
    tried = 0
    for state in ((), ('link', 'set', 'v0', 'down')):
        ip(*state)
        ip('-6', 'addr', 'add', 'fd00::1/64', 'dev', 'v0', 'nodad')
        for family, wildcard, holder in ((socket.AF_INET, '0.0.0.0', '127.0.0.1'), (socket.AF_INET6, '[::]', '::1')):
            for device in (None, 'lo', 'v0'):
                held = bound(family, holder, 45000)
                more = ['--device', device] if device else []
                answer = why('bind', wildcard + ':45000', *more)
                assert answer['verdict'] == 'in-use', answer
                for advice in answer['advice']:
                    if advice['id'] != 'address':
                        continue
                    address = advice['text'].split()[2].rsplit(':', 1)[0].strip('[]')
                    taken = bound(family, address, 45000, device)
                    assert isinstance(taken, socket.socket), (state, device, advice, taken)
                    taken.close()
                    tried += 1
                held.close()
    assert tried, 'no address was advised'
    print('advice:', tried, 'addresses could be bound')
    ip('link', 'set', 'v0', 'up')


def check_any_destination():
    target = why('connect', '0.0.0.0:80', '--from', '127.0.0.9')['to']
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('127.0.0.9', 0))
    s.connect(('0.0.0.0', 80))
    assert target == {'address': s.getpeername()[0], 'port': 80}, (target, s.getpeername())
    print('any destination: connects to the source')


def check_mapped_destination():
    with open('/proc/sys/net/ipv4/ip_local_port_range', 'w') as file:
        file.write('40000 40000')
    holder = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    holder.bind(('::1', 40000))
    for family, address in ((socket.AF_INET6, '::ffff:127.0.0.1'), (socket.AF_INET, '127.0.0.1')):
        s = socket.socket(family, socket.SOCK_DGRAM)
        try:
            s.connect((address, 7000))
            expected = None
        except OSError as error:
            expected = errno.errorcode[error.errno]
        s.close()
        answer = why('connect', '--udp', f'[{address}]:7000' if ':' in address else address + ':7000')
        assert answer['errno'] == expected and answer['exact'], (address, expected, answer)
    print('mapped destination: a socket of its own family')


ip('link', 'set', 'lo', 'up')
check_privilege()
check_advised_addresses()
check_any_destination()
check_mapped_destination()
