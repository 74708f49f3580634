#!/usr/bin/env python3
"""Exercises reserve, range log and range undo on the real kernel, in a network namespace of its own with a tree of files of its
own: entries of others survive, connect() then avoids the port, a foreign namespace, refusals, and a kill at every system call.

usage: test_reserve.py EPHEMPORTS KILL_AT [CRASH_STRIDE]
"""
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback

ephemports, kill_at = (os.path.realpath(path) for path in sys.argv[1:3])
stride = int(sys.argv[3]) if len(sys.argv) > 3 else 1
if not os.environ.get('TEST_RESERVE_INSIDE'):
    unshare = ['unshare', '-n'] if os.geteuid() == 0 else ['unshare', '-r', '-n']
    if shutil.which('unshare') is None or subprocess.run([*unshare, 'true'], capture_output=True).returncode:
        print('SKIP: no network namespace can be made here')
        sys.exit(77)
    os.environ['TEST_RESERVE_INSIDE'] = '1'
    os.execvp('unshare', [*unshare, sys.executable, __file__, ephemports, kill_at, str(stride)])

SYSCTL = '/proc/sys/net/ipv4/'
KEY = 'net.ipv4.ip_local_reserved_ports'
COMMENT = ("# Written by ephemports; 'ephemports range log' tells when, "
           "'ephemports range undo' takes it back.\n")
OWN = '/etc/sysctl.d/90-ephemports.conf'
work = tempfile.mkdtemp()
failures = 0
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)


def setting(name, value=None):
    if value is not None:
        with open(SYSCTL + name, 'w') as file:
            file.write(value or '\n')
    # In one read(): a second one of a sysctl returns nothing.
    descriptor = os.open(SYSCTL + name, os.O_RDONLY)
    try:
        return os.read(descriptor, 1 << 20).decode().strip()
    finally:
        os.close(descriptor)


class Host:
    """A tree and a journal; the namespace is shared, its list begins with @reserved."""

    def __init__(self, files=None, reserved='', links=None):
        self.root = tempfile.mkdtemp(dir=work)
        self.state = self.root + '.state'
        os.makedirs(self.root + '/etc/sysctl.d')
        for path, text in (files or {}).items():
            os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
            with open(self.root + path, 'wb') as file:
                file.write(text.encode())
        for path, target in (links or {}).items():
            os.symlink(target, self.root + path)
        setting('ip_local_reserved_ports', reserved)
        self.environment = dict(os.environ, EPHEMPORTS_ROOT=self.root, EPHEMPORTS_STATE_DIR=self.state,
                                LC_ALL='C', COLUMNS='200')

    def run(self, *arguments, expect=0, tool=()):
        # The tree belongs to this namespace: it is no image.
        here = [] if '-N' in arguments or 'log' in arguments else ['-N', '/proc/self/ns/net']
        done = subprocess.run([*tool, ephemports, *arguments, *here], env=self.environment, capture_output=True, text=True,
                              timeout=60)
        if not tool:
            assert done.returncode == expect, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *arguments, expect=0):
        return json.loads(self.run(*arguments, '--json', expect=expect).stdout)

    def files(self):
        """Every file and link of the tree, with its bytes."""
        found = {}
        for directory, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(directory, name)
                short = path[len(self.root):]
                if os.path.islink(path):
                    found[short] = '->' + os.readlink(path)
                else:
                    with open(path, 'rb') as file:
                        found[short] = file.read().decode()
        return found


def running():
    return setting('ip_local_reserved_ports')


def boot(host):
    """What systemd-sysctl and sysctl --system would both leave: files by name, the last one wins."""
    files = host.files()
    value = ''
    for path in sorted((p for p in files if '/sysctl.d/' in p), key=os.path.basename):
        text = files[path]
        if text.startswith('->'):
            text = files[os.path.normpath(os.path.join(os.path.dirname(path), text[2:]))]
        for line in text.splitlines():
            name, equals, rest = line.partition('=')
            if equals and name.strip().lstrip('-').strip().replace('/', '.') == KEY:
                value = rest.strip()
    return value


def test_incident_1():
    """A service cannot bind its port: an outgoing connection has it. After reserve that does not happen again."""
    host = Host()
    setting('tcp_tw_reuse', '0')
    setting('ip_local_port_range', '3306 3307')
    server = socket.create_server(('127.0.0.1', 8080))
    clients = []
    while not any(c.getsockname()[1] == 3306 for c in clients):
        client = socket.socket()
        client.connect(('127.0.0.1', 8080))
        clients.append(client)
    service = socket.socket()
    service.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        service.bind(('', 3306))
        raise AssertionError('the port was free')
    except OSError as error:
        assert error.errno == errno.EADDRINUSE
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        client.close()
    text = host.run('reserve', 'add', '3306').stdout
    assert 'none -> 3306' in text and 'ephemports range undo 1' in text and OWN in text, text
    held = []
    while len(held) < 2:
        client = socket.socket()
        try:
            client.connect(('127.0.0.1', 8080))
        except OSError as error:
            assert error.errno == errno.EADDRNOTAVAIL
            break
        assert client.getsockname()[1] == 3307
        held.append(client)
    service.bind(('', 3306))
    for s in [*held, service, server]:
        s.close()
    setting('ip_local_port_range', '32768 60999')


def test_merges_and_undoes():
    host = Host({'/etc/sysctl.d/50-site.conf': '# site\n' + KEY + ' = 9000\nvm.swappiness = 10\n'}, '8080')
    before = host.files()
    answer = host.json('reserve', 'add', '3306,40000-40002')
    change = answer['changes'][0]
    assert running() == '3306,8080,40000-40002'
    assert change == {'setting': KEY, 'before': '8080', 'after': '3306,8080,40000-40002',
                      'command': 'sysctl -w ' + KEY + '=3306,8080,40000-40002',
                      'file': '/etc/sysctl.d/50-site.conf', 'file_before': '9000'}, change
    assert answer['persisted'] is True and answer['undo_id'] == '1'
    # The next boot loses nothing that is reserved now, nor what the file had.
    assert host.files() == {'/etc/sysctl.d/50-site.conf': '# site\n' + KEY + ' = 3306,8080,9000,40000-40002\n'
                                                          'vm.swappiness = 10\n'}
    show = host.json('reserve', 'show')['reserved']
    assert show['running'][2] == {'low': 40000, 'high': 40002} and show['persisted']['line'] == 2, show
    assert show['only_persisted'] == [{'low': 9000, 'high': 9000}] and show['only_running'] == []
    assert host.json('reserve', 'add', '3306') == {'schema': 1, 'changes': [], 'persisted': True, 'undo_id': None,
                                                   'dry_run': False, 'warnings': []}
    host.run('reserve', 'remove', '8080')
    assert running() == '3306,40000-40002' and boot(host) == '3306,9000,40000-40002'
    refused = host.run('range', 'undo', '1', expect=3).stderr
    assert 'undo 2' in refused, refused
    host.run('range', 'undo')
    host.run('range', 'undo', '1')
    assert running() == '8080' and host.files() == before
    assert [entry['state'] for entry in host.json('range', 'log')['log']] == ['undone', 'undone']
    host.run('range', 'undo', expect=3)


def test_dry_run_and_no_persist():
    host = Host({}, '8080')
    answer = host.json('reserve', 'add', '3306', '--dry-run')
    assert answer['dry_run'] and answer['undo_id'] is None and answer['changes'][0]['file'] == OWN
    assert running() == '8080' and host.files() == {} and not os.path.exists(host.state)
    assert host.json('reserve', 'add', '3306', '--no-persist')['persisted'] is False
    assert running() == '3306,8080' and host.files() == {}
    host.run('range', 'undo')
    assert running() == '8080'


# Name, files, links, then the files after `reserve add 5` with nothing reserved before.
MESSY = [
    ('no final newline', {'/etc/sysctl.d/a.conf': '# mine\n' + KEY + '=7'}, {},
     {'/etc/sysctl.d/a.conf': '# mine\n' + KEY + '=5,7'}),
    ('duplicates', {'/etc/sysctl.d/a.conf': KEY + ' = 7\n; x\n\n' + KEY + ' = 8\nx.y = 1\n'}, {},
     {'/etc/sysctl.d/a.conf': '; x\n\n' + KEY + ' = 5,8\nx.y = 1\n'}),
    ('odd spacing', {'/etc/sysctl.d/a.conf': '\t-  net/ipv4/ip_local_reserved_ports   =\t7  \n#\n'}, {},
     {'/etc/sysctl.d/a.conf': '\t-net/ipv4/ip_local_reserved_ports   =\t5,7  \n#\n'}),
    ('CRLF', {'/etc/sysctl.d/a.conf': '# a\r\n' + KEY + ' = 7\r\nx.y = 1\r\n'}, {},
     {'/etc/sysctl.d/a.conf': '# a\r\n' + KEY + ' = 5,7\r\nx.y = 1\r\n'}),
    ('a link out of sysctl.d', {'/etc/site/ports': KEY + ' = 7\n'}, {'/etc/sysctl.d/a.conf': '../site/ports'},
     {'/etc/site/ports': KEY + ' = 5,7\n', '/etc/sysctl.d/a.conf': '->../site/ports'}),
    ("Debian 12's link", {'/etc/sysctl.conf': '#x\n' + KEY + ' = 7\n'},
     {'/etc/sysctl.d/99-sysctl.conf': '../sysctl.conf'},
     {'/etc/sysctl.conf': '#x\n' + KEY + ' = 5,7\n', '/etc/sysctl.d/99-sysctl.conf': '->../sysctl.conf'}),
    ("another tool's drop-in, which wins", {'/etc/sysctl.d/10-a.conf': KEY + ' = 1\n',
                                            '/etc/sysctl.d/99-tool.conf': '# tool\n' + KEY + ' = 7\n'}, {},
     {'/etc/sysctl.d/10-a.conf': KEY + ' = 1\n', '/etc/sysctl.d/99-tool.conf': '# tool\n' + KEY + ' = 5,7\n'}),
    ("a package's file", {'/usr/lib/sysctl.d/50-p.conf': KEY + ' = 7\n'}, {},
     {'/usr/lib/sysctl.d/50-p.conf': KEY + ' = 7\n', OWN: COMMENT + KEY + ' = 5,7\n'}),
    ("a package's file that comes late", {'/usr/lib/sysctl.d/99-p.conf': KEY + ' = 7\n'}, {},
     {'/usr/lib/sysctl.d/99-p.conf': KEY + ' = 7\n',
      '/etc/sysctl.d/zz-ephemports.conf': COMMENT + KEY + ' = 5,7\n'}),
    ("a package's file through a link in /etc", {'/usr/lib/p.conf': KEY + ' = 7\n'},
     {'/etc/sysctl.d/50-p.conf': '/usr/lib/p.conf'},
     {'/usr/lib/p.conf': KEY + ' = 7\n', '/etc/sysctl.d/50-p.conf': '->/usr/lib/p.conf',
      OWN: COMMENT + KEY + ' = 5,7\n'}),
    ('commented out', {'/etc/sysctl.d/a.conf': '#' + KEY + ' = 7\n'}, {},
     {'/etc/sysctl.d/a.conf': '#' + KEY + ' = 7\n', OWN: COMMENT + KEY + ' = 5\n'}),
]


def test_messy_files():
    for name, files, links, after in MESSY:
        host = Host(files, '', links)
        before = host.files()
        host.run('reserve', 'add', '5')
        assert host.files() == after, (name, host.files())
        if '/usr/lib/p.conf' not in files:
            assert '5' in boot(host).split(','), name
        host.run('range', 'undo')
        assert host.files() == before and running() == '', name


def test_refusals():
    cases = []
    for words, files in [('several hard links', {'/etc/sysctl.d/a.conf': KEY + ' = 7\n'}),
                         ('would still set', {'/usr/lib/sysctl.d/zzzzz.conf': KEY + ' = 7\n'}),
                         ('sets no list of ports', {'/etc/sysctl.d/a.conf': KEY + ' = many\n'}),
                         ('leads to nothing', {})]:
        host = Host(files, '8080')
        if words == 'several hard links':
            os.link(host.root + '/etc/sysctl.d/a.conf', host.root + '/second')
        if words == 'leads to nothing':
            os.symlink('/dev/null', host.root + OWN)
        cases.append((host, words))
    for host, words in cases:
        before = host.files()
        setting('ip_local_reserved_ports', '8080')
        done = host.run('reserve', 'add', '5', expect=3)
        assert words in done.stderr and done.stderr.count('\n') == 1, done.stderr
        assert running() == '8080' and host.files() == before, words
    host = Host({}, '8080')
    os.symlink(host.root, host.state)
    assert 'symbolic link' in host.run('reserve', 'add', '5', expect=3).stderr
    for wrong in ['70000', '0', '5-3', 'x', '', '5 6', '-1-3']:
        done = host.run('reserve', 'add', '--', wrong, expect=3)
        assert done.stderr.count('\n') == 1 and running() == '8080', (wrong, done.stderr)
    for wrong in [['add'], ['remove'], ['show', '5'], ['keep', '5'], ['add', '5', '--all-netns'],
                  ['add', '5', '--replay', '/dev/null']]:
        assert host.run('reserve', *wrong, expect=3).stderr.count('\n') == 1 and running() == '8080'


def test_warnings():
    host = Host()
    assert any('one block' in w and '50001' in w for w in host.json('reserve', 'add', '40000-50000')['warnings'])
    assert any('are left' in w for w in host.json('reserve', 'add', '32768-60900')['warnings'])
    assert any('will fail' in w for w in host.json('reserve', 'add', '32768-60999')['warnings'])
    assert any('outside' in w for w in host.json('reserve', 'add', '80')['warnings'])


def test_long_list():
    """Longer than one write: nobody reserves every second port, but nothing of it may be lost."""
    host = Host({}, '1')
    ports = ','.join(str(port) for port in range(20001, 60001, 2))
    host.run('reserve', 'add', ports)
    assert running() == '1,' + ports and boot(host) == '1,' + ports
    shown = host.run('reserve', 'show').stdout
    assert len(shown) < 1500 and '... and 19 9' in shown, shown[:2000]
    assert sum(1 for _ in host.json('reserve', 'show')['reserved']['running']) == 20001
    host.run('range', 'undo')
    assert running() == '1' and host.files() == {}


def test_listeners_and_services():
    host = Host({'/etc/haproxy/haproxy.cfg': 'listen x\n bind :45000\n bind :80\n'})
    listener = socket.create_server(('127.0.0.1', 44000))
    low = socket.create_server(('127.0.0.1', 8080))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(('127.0.0.1', 44001))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(('127.0.0.1', 0))
    answer = host.json('reserve', '--listeners')
    hidden = any('UDP ports are left out' in w for w in answer['warnings'])
    assert running() == ('44000' if hidden else '44000-44001'), (running(), answer)
    host.run('reserve', 'add', '--services')
    assert '45000' in running().split(',') and '80' not in running().split(',')
    for s in [listener, low, udp, client]:
        s.close()


def test_foreign_namespace():
    host = Host({}, '8080')
    del host.environment['EPHEMPORTS_ROOT']     # which would say that its files are about that namespace
    other = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec sleep 60'], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        pid = str(other.pid)
        answer = host.json('reserve', 'add', '3306', '-N', pid)
        assert answer['persisted'] is False and any('only the running value' in w for w in answer['warnings']), answer
        assert running() == '8080' and host.files() == {}
        there = subprocess.run(['nsenter', '-t', pid, '-n', 'cat', SYSCTL + 'ip_local_reserved_ports'],
                               capture_output=True, text=True, check=True).stdout.strip()
        assert there == '3306', there
        assert f'another network namespace: -N {pid}' in host.run('range', 'undo', '1', expect=3).stderr
        host.run('range', 'undo', '1', '-N', pid)
        shown = host.run('reserve', 'add', '3306', '-N', pid).stdout
        assert f'ephemports range undo 2 -N {pid}\n' in shown, shown
        host.run('range', 'undo', '2', '-N', pid)
        there = host.json('reserve', 'show', '-N', pid)['reserved']
        assert there['running'] == [] and there['persisted'] is None
    finally:
        other.terminate()
        other.wait()


def test_own_namespace_is_not_the_hosts():
    """This test has a namespace of its own: without EPHEMPORTS_ROOT the files of the host are not about it."""
    host = Host({}, '')
    environment = {k: v for k, v in host.environment.items() if k != 'EPHEMPORTS_ROOT'}
    shown = subprocess.run([ephemports, 'reserve', 'add', '3306', '--dry-run'], env=environment, capture_output=True,
                           text=True).stdout
    if not os.access('/proc/1/ns/net', os.R_OK) and not os.access('/proc/2/ns/net', os.R_OK):
        return
    assert 'only the running value' in shown and 'at boot' not in shown, shown


def test_container():
    """Nobody applies the sysctl files of a container, and check says so: no word of a file."""
    environment = {k: v for k, v in os.environ.items() if k != 'EPHEMPORTS_ROOT'}
    inside = 'mount -t tmpfs none /run && touch /run/.containerenv && exec "$@"'
    words = ['unshare', '-n', '-m', '-p', '-f', '--mount-proc', 'sh', '-c', inside, 'sh', ephemports]
    done = subprocess.run([*words, 'reserve', 'show'], env=environment, capture_output=True, text=True)
    if done.returncode and 'reserve' not in done.stderr:
        print('no container can be made here:', done.stderr.strip())
        return
    assert 'at boot      not known' in done.stdout, done
    done = subprocess.run([*words, 'range', 'show', '--json'], env=environment, capture_output=True, text=True)
    shown = json.loads(done.stdout)
    assert shown['ranges'][0]['persisted'] is None and any('not known' in note for note in shown['notes']), done
    done = subprocess.run([*words, 'range', 'set', '20000-60001', '--dry-run', '--json'], env=environment, capture_output=True, text=True)
    answer = json.loads(done.stdout)
    assert not answer['persisted'] and [one['file'] for one in answer['changes']] == [None], answer
    assert any('only the running value' in one for one in answer['warnings']), answer


def test_several_at_once():
    host = Host({}, '1')
    runs = [subprocess.Popen([ephemports, 'reserve', 'add', str(2000 + 2 * i), '-N', '/proc/self/ns/net'], env=host.environment,
                             stdout=subprocess.DEVNULL) for i in range(12)]
    assert [run.wait(60) for run in runs] == [0] * 12
    expected = ','.join(['1'] + [str(2000 + 2 * i) for i in range(12)])
    assert running() == expected and boot(host) == expected


def crash(host, arguments, old, new):
    """Killed at each system call: the next run leaves the old state or the new one, and says which if it had begun."""
    counts = {'old': 0, 'new': 0, 'said': 0}
    call = 1
    while True:
        if os.path.exists(host.state):
            shutil.rmtree(host.state)
        old['make']()
        done = host.run(*arguments, tool=[kill_at, str(call)])
        if done.returncode == 77:
            return None
        assert done.returncode in (42, 43), (done.returncode, done.stderr)
        # Any change settles what was interrupted; this one changes nothing by itself.
        after = host.run('reserve', 'remove', '1')
        seen = (running(), host.files())
        which = 'old' if seen == old['seen'] else 'new' if seen == new else None
        assert which, ('a mixture', call, seen, after.stderr)
        log = host.json('range', 'log')['log']
        assert all(entry['state'] != 'begun' for entry in log), log
        if after.stderr:
            counts['said'] += 1
            assert 'was interrupted' in after.stderr and after.stderr.count('\n') == 1, after.stderr
            assert ('it is done' in after.stderr) == (which == 'new'), (which, after.stderr)
        counts[which] += 1
        if done.returncode == 43:
            return call - 1, counts
        call += stride


def test_crash():
    host = Host()
    text = '# site\n' + KEY + ' = 9000\n'

    def make():
        with open(host.root + '/etc/sysctl.d/a.conf', 'w') as file:
            file.write(text)
        for name in os.listdir(host.root + '/etc/sysctl.d'):
            if name != 'a.conf':
                os.unlink(host.root + '/etc/sysctl.d/' + name)
        setting('ip_local_reserved_ports', '8080')

    new = '# site\n' + KEY + ' = 3306,8080,9000\n'
    result = crash(host, ['reserve', 'add', '3306'],
                   {'make': make, 'seen': ('8080', {'/etc/sysctl.d/a.conf': text})},
                   ('3306,8080', {'/etc/sysctl.d/a.conf': new}))
    if result is None:
        print('crash: ptrace is not to be had here, skipped')
        return
    calls, counts = result
    print(f'crash: killed at {calls} system calls by {stride}: {counts}')
    assert counts['old'] and counts['new'] and counts['said'] >= 20 // stride


try:
    for name, test in list(globals().items()):
        if name.startswith('test_'):
            try:
                test()
                print('ok', name)
            except Exception:
                failures += 1
                traceback.print_exc()
                print('FAILED', name)
finally:
    shutil.rmtree(work)
sys.exit(1 if failures else 0)
