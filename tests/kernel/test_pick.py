#!/usr/bin/env python3
"""Exercises pick against the kernel, in a network namespace of its own: what is picked can really be bound, no connection ever
takes it, and with --hold the COMMAND really has the socket. Random hosts are made from a seed.

usage: test_pick.py EPHEMPORTS [--seed N] [--hosts N]
"""
import argparse
import errno
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument('ephemports')
parser.add_argument('--seed', type=int, default=1)
parser.add_argument('--hosts', type=int, default=25)
options = parser.parse_args()
ephemports = os.path.realpath(options.ephemports)
if not os.environ.get('TEST_PICK_INSIDE'):
    unshare = ['unshare', '-n'] if os.geteuid() == 0 else ['unshare', '-r', '-n']
    if shutil.which('unshare') is None or subprocess.run([*unshare, 'true'], capture_output=True).returncode:
        print('SKIP: no network namespace can be made here')
        sys.exit(77)
    os.environ['TEST_PICK_INSIDE'] = '1'
    os.execvp('unshare', [*unshare, sys.executable, *sys.argv])

work = tempfile.mkdtemp(prefix='ephemports-pick-')
ROOT = work + '/root'           # files of a host that has none
environment = dict(os.environ, EPHEMPORTS_ROOT=ROOT)
TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM


def setting(name, value):
    with open('/proc/sys/net/ipv4/' + name, 'w') as file:
        file.write(value + '\n')


def run(*arguments, root=ROOT, **more):
    return subprocess.run([ephemports, 'pick', *map(str, arguments)], env=dict(environment, EPHEMPORTS_ROOT=root), text=True,
                          capture_output=True, timeout=60, **more)


def pick(*arguments, root=ROOT):
    done = run(*arguments, root=root)
    assert done.returncode == 0 and not done.stderr, done
    return [int(line) for line in done.stdout.splitlines()]


def pick_json(*arguments, root=ROOT):
    done = run('--json', *arguments, root=root)
    assert done.returncode in (0, 3), done
    document = json.loads(done.stdout)
    if 'error' not in document:
        width = document['looked_at']['high'] - document['looked_at']['low'] + 1
        assert document['safe'] + sum(document['excluded'].values()) == width, document
    return document


def bind(port, kind=TCP, address='0.0.0.0', v6only=False, reuse=(), listens=True):
    v6 = ':' in address
    one = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind)
    try:
        if v6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        for option in reuse:
            one.setsockopt(socket.SOL_SOCKET, option, 1)
        one.bind((address, port))
        if kind == TCP and listens:
            one.listen(4096)
    except OSError:
        one.close()
        raise
    return one


def connect(to, kind=TCP):
    one = socket.socket(socket.AF_INET6 if ':' in to[0] else socket.AF_INET, kind)
    try:
        one.settimeout(5)
        one.connect(to)
    except OSError:
        one.close()
        raise
    return one


def abort(one):
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    one.close()


def live_ports():
    """Of every socket that /proc/net shows, TIME_WAIT too."""
    found = set()
    for name in ('tcp', 'tcp6', 'udp', 'udp6'):
        with open('/proc/net/' + name) as file:
            found |= {int(line.split()[1].rpartition(':')[2], 16) for line in file.readlines()[1:]}
    return found - {0}


def try_as_servers_do(port):
    """Wildcard, v4, v6, both side by side, TCP and UDP: never refused."""
    for kind in (TCP, UDP):
        bind(port, kind).close()
        bind(port, kind, '::').close()
        sockets = [bind(port, kind), bind(port, kind, '::', v6only=True)]
        for one in sockets:
            one.close()


def incident_8():
    """A scheduler gave a service port 38151, which a client had as its source port towards consul."""
    consul = bind(8500, address='127.0.0.1')
    setting('ip_local_port_range', '38151 38151')
    client = connect(('127.0.0.1', 8500))
    assert client.getsockname()[1] == 38151
    setting('ip_local_port_range', '32768 60999')
    for collector in collectors:
        for _ in range(2):
            picked = pick('--count', 5000, '--collector', collector)
            assert len(set(picked)) == 5000 and not set(picked) & {38151, 8500}, set(picked) & {38151, 8500}
            assert not [port for port in picked if 32768 <= port <= 60999 or port < 1024 or 30000 <= port <= 32767]
        # The range of the scheduler lies inside the ephemeral range: nothing in it is safe, and that is said.
        done = run('--range', '38100-38200', '--collector', collector)
        assert done.returncode == 3 and done.stdout == '', done
        assert done.stderr == ('ephemports: pick: 1 port wanted, 0 can be had: none of the ports 38100-38200 is safe; left out: '
                               '101 in the ephemeral range 32768-60999\n'), done
    # Reserved, all of it can be had but the one port that is in use.
    setting('ip_local_reserved_ports', '38100-38200')
    for collector in collectors:
        done = run('--range', '38100-38200', '--count', 101, '--collector', collector)
        assert done.returncode == 3 and done.stdout == '' and '; left out: 1 in use\n' in done.stderr, done
        picked = pick('--range', '38100-38200', '--count', 100, '--collector', collector)
        assert sorted([*picked, 38151]) == list(range(38100, 38201)), picked
    picked = {pick('--range', '38100-38200')[0] for _ in range(40)}
    assert 38151 not in picked and len(picked) > 20, picked
    # In TIME_WAIT nobody has it, and still it cannot be had.
    served = consul.accept()[0]
    client.close()
    served.close()
    deadline = time.monotonic() + 5
    while b'0100007F:9507 0100007F:2134 06' not in open('/proc/net/tcp', 'rb').read():
        assert time.monotonic() < deadline, open('/proc/net/tcp').read()
        time.sleep(0.01)
    for collector in collectors:
        assert pick_json('--range', '38151-38151', '--collector', collector)['error'], collector
    consul.close()
    setting('ip_local_reserved_ports', '')


def random_socket(choose, low, high, servers):
    """One more socket, of any kind; None when it could not be made."""
    port = choose.choice([choose.randint(low, high), choose.randint(1024, 65535), choose.randint(high, min(high + 20, 65535))])
    address = choose.choice(['0.0.0.0', '127.0.0.1', '127.0.0.2', '::', '::1'])
    kind = choose.choice([TCP, TCP, UDP])
    reuse = choose.choice([(), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)])
    try:
        what = choose.randrange(5)
        if what < 2:
            return [bind(port, kind, address, choose.random() < 0.5, reuse, listens=what == 0)]
        if what == 2:
            one = bind(choose.choice([0, port]), TCP, choose.choice(['127.0.0.1', '127.0.0.2']), reuse=reuse, listens=False)
            one.settimeout(5)
            one.connect(choose.choice(servers[:2]).getsockname())
            return [one]
        one = connect(choose.choice(servers).getsockname()[:2], kind)
        if what == 4 and kind == TCP:
            one.close()         # TIME_WAIT
            return []
        return [one]
    except OSError as error:
        assert error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EAGAIN), error
        return []


def exhaust(servers):
    """Outgoing connections until there is no port left, in every way in which the kernel chooses one. Return: ports taken."""
    taken, made = set(), []
    ways = [lambda: connect(servers[0].getsockname()), lambda: connect(servers[1].getsockname()),
            lambda: connect(servers[2].getsockname()[:2]), lambda: connect(('127.0.0.1', 9), UDP),
            lambda: connect(('::1', 9), UDP), lambda: bind(0, TCP, '127.0.0.3', listens=False),
            lambda: bind(0, UDP, '127.0.0.3'), lambda: bind(0, TCP, '::1')]
    for way in ways:
        while True:
            try:
                one = way()
            except OSError as error:
                assert error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EAGAIN), error
                break
            made.append(one)
            taken.add(one.getsockname()[1])
            assert len(made) < 10000
    for one in made:
        abort(one) if one.type == TCP else one.close()
    return taken


def one_host(seed):
    choose = random.Random(seed)
    low = choose.randint(1024, 65000)
    high = low + choose.choice([0, 1, 7, 31, 62, 127])
    setting('ip_local_port_range', '32768 60999')
    setting('ip_local_reserved_ports', '')
    servers = [bind(0, address='127.0.0.1'), bind(0, address='127.0.0.1'), bind(0, address='::1')]
    setting('ip_local_port_range', f'{low} {high}')
    reserved = {choose.randint(low, high) for _ in range(choose.randrange(20))} | {choose.randint(1024, 65535) for _ in range(5)}
    setting('ip_local_reserved_ports', ','.join(map(str, reserved)))
    made = [one for _ in range(choose.randint(0, 60)) for one in random_socket(choose, low, high, servers)]
    collector = choose.choice(collectors)
    here = ['--collector', collector]
    if choose.random() < 0.5:   # what surrounds the range is where mistakes would be made
        here += ['--range', f'{max(low - 30, 1024)}-{min(high + 30, 65535)}']
    document = pick_json(*here, '--count', 1)
    # What one collector calls in use the other does; procfs does not see bound sockets.
    if 'error' not in document and collector != 'procfs':
        for other in collectors[:-1]:
            answer = pick_json(*here, '--count', 1, '--collector', other)
            assert (answer['safe'], answer['excluded']) == (document['safe'], document['excluded']), (document, answer)
    if 'error' in document:
        picked = []
    else:
        picked = []
        count = min(document['safe'], 40) or 1
        while count and not picked:     # procfs counts as safe what bind() then refuses
            done = run(*here, '--count', count)
            assert done.returncode == 0 or collector == 'procfs', done
            picked = [int(line) for line in done.stdout.splitlines()]
            count -= 1
    live = live_ports() | {one.getsockname()[1] for one in made}
    for port in picked:
        assert port not in live, (port, live)
        assert port >= 1024 and (not low <= port <= high or port in reserved), port
        try_as_servers_do(port)
    taken = exhaust(servers)
    assert not taken & set(picked), (taken, picked)
    assert taken <= set(range(low, high + 1)), taken
    for port in picked[:5]:
        try_as_servers_do(port)
        # Nobody serves it: a client that retries is refused, and never meets itself.
        for _ in range(20):
            try:
                connect(('127.0.0.1', port)).close()
                raise AssertionError(f'{port} was connected to, with nobody there')
            except ConnectionRefusedError:
                pass
            except OSError as error:
                assert error.errno == errno.EADDRNOTAVAIL, error
    for one in [*made, *servers]:
        abort(one) if one.type == TCP and one.getsockname()[1] and not one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) \
            else one.close()
    return len(picked), len(taken)


def random_hosts():
    ports = connections = 0
    for seed in range(options.seed, options.seed + options.hosts):
        try:
            one, other = one_host(seed)
        except BaseException:
            print(f'with --seed {seed} --hosts 1, kernel {os.uname().release}:')
            raise
        ports += one
        connections += other
    print(f'  {options.hosts} hosts from seed {options.seed}: {ports} ports picked, bound and listened on in every way; '
          f'{connections} ports taken by connections, none of them')
    assert ports > 10 * options.hosts, ports
    setting('ip_local_reserved_ports', '')
    setting('ip_local_port_range', '32768 60999')


def services():
    """Ports that files know belong to somebody."""
    root = work + '/services'
    os.makedirs(root + '/etc/haproxy')
    with open(root + '/etc/services', 'w') as file:
        file.write('one 20000/tcp\ntwo 20001/udp alias # 20004/tcp\nthree 20005/sctp\n')
    with open(root + '/etc/haproxy/haproxy.cfg', 'w') as file:
        file.write('frontend x\n  bind :20002\n')
    picked = pick('--range', '20000-20005', '--count', 3, root=root)
    assert sorted(picked) == [20003, 20004, 20005], picked
    assert pick_json('--range', '20000-20005', root=root)['excluded'] == {
        'privileged': 0, 'ephemeral': 0, 'in_use': 0, 'configured': 1, 'named': 2, 'nodeport': 0}
    # NodePorts come last, and not in silence.
    done = run('--range', '29999-30000', '--count', 2)
    assert done.returncode == 0 and sorted(done.stdout.split()) == ['29999', '30000'], done
    assert done.stderr == ('ephemports: pick: warning: 1 of the 2 ports lies in 30000-32767, which Kubernetes gives to NodePort '
                           'services: no other safe one was left\n'), done
    assert {pick('--range', '29999-30010')[0] for _ in range(10)} == {29999}
    # Saved and replayed: the same count, with sockets that are gone since.
    held = bind(21000)
    saved = work + '/saved'
    live = pick_json('--save', saved, '--range', '20900-21100')
    held.close()
    replayed = pick_json('--replay', saved, '--range', '20900-21100')
    assert live['excluded'] == replayed['excluded'] and live['excluded']['in_use'] == 1, (live, replayed)
    assert pick_json('--replay', saved, '--range', '21000-21000')['error']['code'] == 'EADDRINUSE'


def protocols():
    """Only what is asked for counts, and an address that is not here cannot be promised."""
    tcp, udp = bind(22000), bind(22001, UDP)
    for collector in collectors:
        here = ['--range', '22000-22001', '--collector', collector]
        assert pick(*here, '--tcp') == [22001] and pick(*here, '--udp') == [22000]
        assert pick_json(*here)['error'] and pick_json(*here, '--tcp', '--udp')['error']
    tcp.close()
    udp.close()
    done = run('--address', '192.0.2.1')
    assert done.returncode == 3 and 'is no address of this host' in done.stderr, done
    for arguments in (['--address', '127.0.0.1'], ['--address', '::1'], ['-4'], ['-6']):
        assert len(pick(*arguments, '--count', 3)) == 3
    assert pick('--privileged', '--range', '80-80') == [80]
    assert len({pick()[0] for _ in range(10)}) >= 9, 'two calls in a row gave the same port'


CHILD = '''
import os, signal, socket, sys
assert int(os.environ['LISTEN_PID']) == os.getpid()
assert sys.stdin.readline() == 'stdin is mine\\n'
names, ports = os.environ['LISTEN_FDNAMES'].split(':'), os.environ['EPHEMPORTS_PORTS'].split()
assert ports[0] == os.environ['EPHEMPORTS_PORT']
assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN       # python's own doing
status = [line.split()[1] for line in open('/proc/self/status') if line.startswith('SigIgn')]
open_fds = sorted(int(fd) for fd in os.listdir('/proc/self/fd'))
for i in range(int(os.environ['LISTEN_FDS'])):
    one = socket.socket(fileno=3 + i)
    kind = {socket.SOCK_STREAM: 'tcp', socket.SOCK_DGRAM: 'udp'}[one.type]
    assert names[i] == f'{kind}-{one.getsockname()[1]}' and str(one.getsockname()[1]) in ports, (names, one)
    assert kind == 'udp' or one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    print(kind, one.getsockname()[0], one.getsockname()[1], flush=True)
    if kind == 'tcp':
        peer = one.accept()[0]
        peer.sendall(b'hello ' + peer.recv(9))
        peer.close()
    else:
        data, peer = one.recvfrom(9)
        one.sendto(b'hello ' + data, peer)
sys.exit(7)
'''


def held_child(*arguments, to, family=socket.AF_INET):
    """A child that is handed sockets serves every one. Return: what it said of them."""
    child = subprocess.Popen([ephemports, 'pick', '--hold', *arguments, '--', sys.executable, '-c', CHILD], env=environment,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdin.write('stdin is mine\n')
    child.stdin.flush()
    said = []
    while line := child.stdout.readline():
        kind, address, port = line.split()
        said.append((kind, address, int(port)))
        one = socket.socket(family, TCP if kind == 'tcp' else UDP)
        one.settimeout(10)
        one.connect((to, int(port)))
        one.sendall(b'you')
        assert one.recv(20) == b'hello you'
        if kind == 'tcp':
            assert one.recv(20) == b''      # it closes first: TIME_WAIT has its port
        one.close()
    assert child.wait(10) == 7, child.returncode
    child.stdin.close()
    child.stdout.close()
    return said


def hold():
    """COMMAND really has the socket, and what else it needs."""
    assert [one[:2] for one in held_child(to='127.0.0.1')] == [('tcp', '::')]
    assert [one[:2] for one in held_child(to='::1', family=socket.AF_INET6)] == [('tcp', '::')]
    assert [one[:2] for one in held_child('--udp', to='127.0.0.1')] == [('udp', '::')]
    assert [one[:2] for one in held_child('-4', to='127.0.0.2')] == [('tcp', '0.0.0.0')]
    assert [one[:2] for one in held_child('--address', '127.0.0.5', to='127.0.0.5')] == [('tcp', '127.0.0.5')]
    said = held_child('--tcp', '--udp', '--count', '3', to='127.0.0.1')
    assert [one[0] for one in said] == ['tcp', 'udp'] * 3 and len({one[2] for one in said}) == 3, said
    assert [one[2] for one in said[::2]] == [one[2] for one in said[1::2]], said
    # After it has ended, what it closed holds the port, and a new server starts there all the same.
    port = said[0][2]
    try:
        bind(port, address='::')
        raise AssertionError('no TIME_WAIT')
    except OSError as error:
        assert error.errno == errno.EADDRINUSE, error
    bind(port, address='::', reuse=(socket.SO_REUSEADDR,)).close()
    # What env(1) exits with; nothing on standard output; what COMMAND is given stays as it is.
    for command, status in ((['false'], 1), (['/nonexistent'], 127), (['/'], 126), (['sh', '-c', 'exit 42'], 42),
                            (['sh', '-c', 'kill -TERM $$'], -signal.SIGTERM)):
        done = run('--hold', '--', *command)
        assert done.returncode == status and done.stdout == '', done
    assert run('--hold', '--', 'printf', '%s ', '{}', '--json', '-v').stdout == '{} --json -v ', 'arguments were changed'
    done = run('--hold', '--range', '40000-40000', '--', 'true')
    assert done.returncode == 125 and done.stderr.count('\n') == 1 and done.stdout == '', done
    # No descriptor but the sockets, and signals as they were.
    done = run('--hold', '--', 'ls', '/proc/self/fd')
    assert done.stdout.split() == ['0', '1', '2', '3', '4'], done     # 4: the directory
    for ignored in (False, True):
        done = run('--hold', '--', 'grep', 'SigIgn', '/proc/self/status', restore_signals=not ignored,
                   preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignored else signal.SIG_DFL))
        assert bool(int(done.stdout.split()[1], 16) & 1 << (signal.SIGPIPE - 1)) == ignored, (ignored, done)


def races():
    """Somebody else has the port before bind() does: another one is drawn."""
    # procfs shows no socket that is only bound: to pick it is as if it came between looking and binding.
    thief = bind(23000, TCP, listens=False)
    for _ in range(6):
        assert pick('--range', '23000-23001', '--collector', 'procfs') == [23001]
    done = run('--range', '23000-23000', '--collector', 'procfs')
    assert done.returncode == 3 and 'bind() refused 1 more: Address already in use' in done.stderr, done
    thief.close()
    # Eight ports for eight at once, each held until all have one: whoever loses a race draws again.
    for _ in range(3):
        children = [subprocess.Popen([ephemports, 'pick', '--hold', '--range', '24000-24007', '--', 'sh', '-c',
                                      'echo $EPHEMPORTS_PORT; read x'], env=environment, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True) for _ in range(8)]
        ports = [child.stdout.readline().strip() for child in children]
        for child in children:
            child.communicate('\n')
        assert sorted(ports) == [str(port) for port in range(24000, 24008)], ports


def other_namespace():
    """With --netns the port is judged and bound there; here it may be in use."""
    here = bind(25000)
    child = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'ip link set lo up; echo up; read x'], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == 'up\n'
    assert pick('-N', child.pid, '--range', '25000-25000') == [25000]
    assert pick_json('--range', '25000-25000')['error']
    done = run('-N', child.pid, '--range', '25000-25000', '--hold', '--', 'nsenter', '-n', '-t', child.pid, 'cat', '/proc/net/tcp6')
    assert ':61A8 ' in done.stdout and ' 0A ' in done.stdout, done
    child.communicate('\n')
    here.close()


os.mkdir(ROOT)
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
setting('tcp_tw_reuse', '0')
bpf = subprocess.run([ephemports, '--collector', 'bpf'], capture_output=True).returncode < 3
collectors = [*(['bpf'] if bpf else []), 'netlink', 'procfs']
try:
    for test in (incident_8, services, protocols, hold, races, other_namespace, random_hosts):
        started = time.monotonic()
        test()
        print(f'{test.__name__}: {time.monotonic() - started:.1f} s', flush=True)
finally:
    shutil.rmtree(work)
print('all good' if bpf else 'all good; without BPF')
