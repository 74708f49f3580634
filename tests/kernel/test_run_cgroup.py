#!/usr/bin/env python3
"""Exercises `ephemports run --from` with programs that no library can be loaded into: source addresses by BPF programs of a
cgroup, in a network namespace and a cgroup of its own. The range has 64 ports, so a source has that many connections.

That it can fail was shown by breaking: no counting of what is held (the last connections fail); no look at the ports of others
(they are run into); the address of the program overwritten; links that COMMAND inherits; no sweep; a cgroup whose owner waits
to be reaped taken for one in use.

usage: test_run_cgroup.py EPHEMPORTS STATIC_CLIENT
"""
import atexit
import collections
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

PATIENCE_S = 60
PORTS = 64
LOW = 40000
PORT = 5000

ephemports, client = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(77)


if os.geteuid() != 0:
    skip('needs root: BPF programs are attached')
if not os.environ.get('TEST_RUN_CGROUP_INSIDE'):
    os.environ['TEST_RUN_CGROUP_INSIDE'] = '1'
    os.execvp('unshare', ['unshare', '-n', sys.executable, '-B', *sys.argv])

Done = collections.namedtuple('Done', 'status sources errno out err')


def need(true, what, done=None):
    if not true:
        print(f'FAILED: {what}')
        if done:
            print(f'status {done.status}\n{done.out}{done.err}')
        sys.exit(1)


def ok(what):
    print(f'ok: {what}', flush=True)


def setting(name, value):
    with open('/proc/sys/net/' + name, 'w') as file:
        file.write(value)


# --- a cgroup of its own -----------------------------------------------------------------------------------------------

def own_cgroup():
    """Found by other means than the program's: findmnt and cut."""
    found = subprocess.run(['findmnt', '-n', '-o', 'TARGET', '-t', 'cgroup2'], capture_output=True, text=True).stdout.split()
    with open('/proc/self/cgroup') as file:
        mine = [line.strip()[3:] for line in file if line.startswith('0::')]
    if not found or not mine:
        skip('no unified cgroup hierarchy is mounted')
    return found[0] + mine[0].rstrip('/')


def move_to(directory):
    with open(directory + '/cgroup.procs', 'w') as file:
        file.write('0')


def leave():
    move_to(before)
    for directory, _, _ in os.walk(within, topdown=False):
        os.rmdir(directory)


before = own_cgroup()
within = f'{before}/ephemports-test.{os.getpid()}'
try:
    os.mkdir(within)
except OSError as error:
    skip(f'no cgroup can be made: {error}')
owner = os.getpid()
atexit.register(lambda: os.getpid() == owner and leave())
move_to(within)


def cgroups():
    return sorted(one for one in os.listdir(within) if one.startswith('ephemports-run.'))


def populated(name):
    with open(f'{within}/{name}/cgroup.events') as file:
        return 'populated 1' in file.read()


def links_of(cgroup_ids):
    shown = subprocess.run(['bpftool', '-j', 'link', 'show'], capture_output=True, text=True, check=True).stdout
    return [one['id'] for one in json.loads(shown or '[]') if one.get('cgroup_id') in cgroup_ids]


def wait_until(true):
    end = time.monotonic() + PATIENCE_S
    while not true() and time.monotonic() < end:
        time.sleep(0.05)


# --- programs ----------------------------------------------------------------------------------------------------------

def read(status, out, err):
    sources, errno = {}, None
    for line in out.splitlines():
        name, value = line.split()
        if name == 'errno':
            errno = value
        else:
            sources[name] = int(value)
    return Done(status, sources, errno, out, err)


def do(*words):
    done = subprocess.run([str(one) for one in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)
    return read(done.returncode, done.stdout, done.stderr)


def run(*words, prefix='127.0.0.0/28', options=()):
    return do(ephemports, 'run', '--from', prefix, *options, '--', *words)


def total(done):
    return sum(done.sources.values())


@contextlib.contextmanager
def background(*words, **options):
    """Until the block ends. Waits until something was printed."""
    process = subprocess.Popen([str(one) for one in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
    try:
        process.first = process.stdout.readline()
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def serve():
    """Nobody accepts: the kernel answers for us, and no descriptor is needed."""
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    subprocess.run(['ip', '-6', 'route', 'add', 'local', '2001:db8::/64', 'dev', 'lo'], check=True)
    setting('ipv6/ip_nonlocal_bind', '1')
    setting('ipv4/ip_local_port_range', f'{LOW} {LOW + PORTS - 1}')
    setting('ipv4/tcp_tw_reuse', '0')
    setting('core/somaxconn', '1000000')
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(('::', PORT))
    listener.listen(1000000)
    return listener


# --- what must be so ---------------------------------------------------------------------------------------------------

def spreads():
    done = run(client, 'connect', '127.0.0.1', PORT, 1000)
    need(done.status == 0 and total(done) == 1000 and len(done.sources) == 16, '1000 connections from 16 sources', done)
    need(max(done.sources.values()) - min(done.sources.values()) <= 4, 'evenly', done)
    done = run(client, 'connect', '127.0.0.1', PORT, 2000)
    need(done.errno == 'EADDRNOTAVAIL' and total(done) == 16 * PORTS, 'all ports of all sources, then EADDRNOTAVAIL', done)
    ok('connections go evenly over the sources, up to the last port of all')


def others_fill():
    """What somebody else has of three sources is not run into."""
    with contextlib.ExitStack() as stack:
        for address in ('127.0.0.4', '127.0.0.5', '127.0.0.6'):
            others = [ephemports, 'run', '--from', address, '--', client, 'connect', '127.0.0.1', PORT, PORTS, 'wait']
            need(stack.enter_context(background(*others)).first == f'{address} {PORTS}\n', f'{address} is filled')
        for _ in range(20):
            done = run(client, 'connect', '127.0.0.1', PORT, PORTS // 2, prefix='127.0.0.4/30')
            need(done.sources == {'127.0.0.7': PORTS // 2}, 'only the source with free ports is used', done)
    ok('sources that others fill are avoided')


def other_protocols():
    done = run(client, 'udp', '127.0.0.1', PORT, 200)
    need(done.status == 0 and total(done) == 200 and len(done.sources) == 16, 'UDP: more than one address has ports', done)
    done = run(client, 'connect', '::ffff:127.0.0.1', PORT, 200)
    need(total(done) == 200 and len(done.sources) == 16 and all(one.startswith('::ffff:127.0.0.') for one in done.sources),
         'v4-mapped', done)
    done = run(client, 'connect', '2001:db8::99', PORT, 200, prefix='2001:db8::10/124')
    need(total(done) == 200 and len(done.sources) == 16, 'IPv6', done)
    done = run(client, 'connect', '2001:db8::99', PORT, 20)
    need(total(done) == 20 and len(done.sources) == 1, 'no source of that family: as the route says', done)
    done = run(client, 'connect', '0.0.0.0', PORT, 3)
    need(done.sources == {'127.0.0.1': 3}, '0.0.0.0 means this host as it did before', done)
    ok('UDP, IPv6 and v4-mapped addresses')


def own_choice():
    for local in (('127.0.0.99',), ('127.0.0.98', 0), ('127.0.0.97', LOW + 7)):
        done = run(client, 'bound', '127.0.0.1', PORT, *local)
        need(done.sources == {local[0]: 1}, f'bound to {local} stays', done)
    done = run(client, 'bound', '127.0.0.1', PORT, '0.0.0.0', LOW + 9, options=['--report', '--json'])
    counts = json.loads(done.err)['cgroup']
    need(done.sources == {'127.0.0.1': 1} and counts == {'bound': 0, 'refused': 0, 'failed': 0, 'kept': 1}, 'a port alone stays', done)
    ok("the program's own address or port stays")


def again():
    done = run(client, 'again', '127.0.0.1', PORT, 200, options=['--report', '--json'])
    counts = json.loads(done.err)['cgroup']
    need(total(done) == 201 and len(done.sources) > 8, 'a socket that was refused by the other side connects again', done)
    need(counts == {'bound': 201, 'refused': 0, 'failed': 0, 'kept': 0}, 'counted once each time', done)
    done = run(client, 'undo', '127.0.0.1', PORT, 200)
    need(total(done) == 200 and len(done.sources) > 8, 'a UDP socket that was disconnected', done)
    done = run(client, 'cycle', '127.0.0.1', PORT, 20000)
    need(done.status == 0 and total(done) == 20000 and len(done.sources) == 16, 'what is closed is free again', done)
    ok('sockets that connect again, ports that are given back')


def report():
    done = run(client, 'connect', '127.0.0.1', PORT, 2000, options=['--report', '--json'])
    counts = json.loads(done.err)['cgroup']
    need(counts == {'bound': 16 * PORTS + 1, 'refused': 1, 'failed': 0, 'kept': 0}, 'the report counts', done)
    done = run(client, 'connect', '127.0.0.1', PORT, 100, options=['--report'])
    need('100 connections made, none refused' in done.err, 'in words', done)
    ok('the report')


def descendants():
    done = run(client, 'fork', '127.0.0.1', PORT, 100)
    need(total(done) == 100 and len(done.sources) == 16, 'grandchildren inherit', done)
    done = run('sh', '-c', '"$0" "$@"; :', client, 'connect', '127.0.0.1', PORT, 100)
    need(total(done) == 100 and len(done.sources) == 16, 'a static program of a script', done)
    inner = [ephemports, 'run', '--from', '127.0.1.0/28', '--', client, 'connect', '127.0.0.1', PORT, 100]
    done = run(*inner)
    need(total(done) == 100 and all(one.startswith('127.0.1.') for one in done.sources), 'the inner of two wins', done)
    need(not cgroups(), 'and nothing stays')
    ok('children, scripts, run within run')


def at_once():
    one = [ephemports, 'run', '--from', '127.0.2.0/28', '--', client, 'connect', '127.0.0.1', PORT, 200, 'wait']
    with background(*one) as first:
        need(first.first.startswith('127.0.2.') and len(cgroups()) == 1, 'the first runs')
        done = run(client, 'connect', '127.0.0.1', PORT, 200, prefix='127.0.3.0/28')
        need(total(done) == 200 and all(one.startswith('127.0.3.') for one in done.sources), 'the second has its own', done)
        need(len(cgroups()) == 1, 'and leaves the first alone')
    need(not cgroups(), 'nothing stays')
    ok('two at once')


def killed():
    words = [ephemports, 'run', '--from', '127.0.0.0/28', '--', ephemports, 'run', '--from', '127.0.4.0/28', '--', client,
             'connect', '127.0.0.1', PORT, 10, 'wait']
    with background(*words, start_new_session=True) as process:
        need(process.first.startswith('127.0.4.'), 'runs')
        inside = [path for path, _, _ in os.walk(within) if 'ephemports-run.' in path]
        ids = {os.stat(path).st_ino for path in inside}
        need(len(ids) == 2 and len(links_of(ids)) == 8, f'attached twice: {links_of(ids)}')
        os.killpg(process.pid, signal.SIGKILL)
    wait_until(lambda: not links_of(ids))
    need(not links_of(ids), 'nothing stays attached')
    need(len(cgroups()) == 1, 'the empty cgroup stays')
    with open('/proc/self/stat') as file:
        start = file.read().rpartition(')')[2].split()[19]
    namespace = os.stat('/proc/self/ns/pid').st_ino
    alive = [f'ephemports-run.{namespace}.{os.getpid()}.{start}', f'ephemports-run.{namespace + 1}.4194305.1',
             'ephemports-run.1.2', 'ephemports-run.old', f'ephemports-run.{namespace}.4194305.1.']
    for name in alive:
        os.mkdir(f'{within}/{name}')
    done = run(client, 'connect', '127.0.0.1', PORT, 10)
    need(done.status == 0 and cgroups() == sorted(alive), f'the next run removes what is stale, and nothing else: {cgroups()}', done)
    for name in alive:
        os.rmdir(f'{within}/{name}')
    ok('SIGKILL of the whole group; the next run cleans up')


def outlived():
    """A daemon that COMMAND started stays where it is, and keeps nothing attached."""
    words = [ephemports, 'run', '--from', '127.0.0.0/28', '--', 'sh', '-c', 'setsid sleep 60 >/dev/null 2>&1 & echo $!; exec "$0" "$@"',
             client, 'connect', '127.0.0.1', PORT, 10, 'wait']
    with background(*words, start_new_session=True) as process:
        daemon = int(process.first)
        ids = {os.stat(f'{within}/{one}').st_ino for one in cgroups()}
        need(len(links_of(ids)) == 4, 'attached')
        wait_until(lambda: os.getsid(daemon) == daemon)
        os.killpg(process.pid, signal.SIGKILL)
    try:
        wait_until(lambda: not links_of(ids))
        need(os.path.exists(f'/proc/{daemon}') and not links_of(ids), f'nothing stays attached: {links_of(ids)}')
        need(run('true').status == 0 and len(cgroups()) == 1, f'a cgroup that is in use stays: {cgroups()}')
    finally:
        os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: not populated(cgroups()[0]))
    need(run('true').status == 0 and not cgroups(), 'and goes when nobody is in it')
    ok('what outlives run')


def refused():
    without = ['setpriv', '--bounding-set', '-all', '--inh-caps', '-all', '--']
    words = [*without, ephemports, 'run', '--report', '--from', '127.0.0.0/28', '--']
    done = do(*words, client, 'connect', '127.0.0.1', PORT, 1)
    need(done.status == 125 and done.err.count('\n') == 1 and 'linked statically' in done.err and 'CAP_BPF' in done.err,
         'without privilege a static program is refused in one line', done)
    done = do(*words, 'true')
    need(done.status == 0 and 'CAP_BPF' in done.err, 'a dynamic one runs, and the report says so', done)
    done = do(ephemports, 'run', client, 'connect', '127.0.0.1', PORT, 1)
    need(done.status == 125 and done.err.count('\n') == 1 and '--from' in done.err, 'refused without --from', done)
    done = run(client, 'connect', '127.0.0.1', PORT, 1, options=['--range', f'{LOW}-{LOW + 31}'])
    need(done.status == 125 and done.err.count('\n') == 1 and '--range' in done.err, 'refused with --range', done)
    done = run('/nonexistent')
    need(done.status == 127 and not cgroups(), 'nothing stays behind', done)
    ok('refusals')


listener = serve()
first = run(client, 'connect', '127.0.0.1', PORT, 1)
if first.status == 125 and 'cannot attach' in first.err:
    skip(first.err.strip())
need(first.status == 0, 'the first connection', first)
for case in (spreads, others_fill, other_protocols, own_choice, again, report, descendants, at_once, killed, outlived, refused):
    case()
need(not cgroups(), 'no cgroup is left')
