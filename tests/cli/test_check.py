#!/usr/bin/env python3
"""Exercises check on a host made for it: a network namespace with settings and sockets of its own, and a tree of files below
EPHEMPORTS_ROOT. Incidents that happened elsewhere are made again; the advice is followed, and the risk must be gone.

usage: test_check.py EPHEMPORTS
"""
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile

ephemports = os.path.realpath(sys.argv[1])
if not os.environ.get('TEST_CHECK_INSIDE'):
    unshare = ['unshare', '-n'] if os.geteuid() == 0 else ['unshare', '-r', '-n']
    if shutil.which('unshare') is None or subprocess.run([*unshare, 'true'], capture_output=True).returncode:
        print('SKIP: no network namespace can be made here')
        sys.exit(77)
    os.environ['TEST_CHECK_INSIDE'] = '1'
    os.execvp('unshare', [*unshare, sys.executable, __file__, ephemports])

SYSCTL = '/proc/sys/net/ipv4/'
IP_BIND_ADDRESS_NO_PORT = 24
work = tempfile.mkdtemp()


def setting(name, value):
    with open(SYSCTL + name, 'w') as file:
        file.write(value)


def reset(wide='32768 60999'):
    setting('ip_local_reserved_ports', '\n')
    setting('ip_local_port_range', wide)


def tree(**files):
    """A new root; a value that begins with -> is a link."""
    root = tempfile.mkdtemp(dir=work)
    for path, text in files.pop('files', {}).items():
        full = root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if text.startswith('->'):
            os.symlink(text[2:], full)
        else:
            with open(full, 'w') as file:
                file.write(text)
    return root


def check(root, *options, expect=None):
    environment = dict(os.environ, EPHEMPORTS_ROOT=root)
    done = subprocess.run([ephemports, 'check', '--json', *options], env=environment, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode <= 2, done.stderr
    if expect is not None:
        assert done.returncode == expect, (done.returncode, done.stdout)
    return json.loads(done.stdout)


def risk(document, name):
    found = [one for one in document['risks'] if one['id'] == name]
    assert len(found) <= 1, found
    return found[0] if found else None


def words(one):
    return one['title'] + '\n' + '\n'.join(one['evidence'])


def follow(advice):
    """Run the command of an advice here, in this namespace; files are not touched."""
    command = shlex.split(advice['command'])
    assert command[:2] == ['sysctl', '-w'], command
    name, _, value = command[2].partition('=')
    assert name.startswith('net.ipv4.'), name
    setting(name[len('net.ipv4.'):], value)


def incident_2():
    """An ingress health port, 10254, was taken by the API server's connection to etcd: the range began at 1024."""
    reset('1024 65535')
    root = tree(files={
        '/var/lib/kubelet/config.yaml': 'kind: KubeletConfiguration\nhealthzPort: 10248\n',
        '/var/lib/kube-proxy/config.conf': 'healthzBindAddress: 0.0.0.0:10256\nmetricsBindAddress: 127.0.0.1:10249\n',
        '/etc/kubernetes/manifests/ingress.yaml': 'spec:\n  containers:\n  - args:\n    - --healthz-port=10254\n',
        '/etc/sysctl.d/90-range.conf': 'net.ipv4.ip_local_port_range = 1024 65535\n',
    })
    document = check(root, expect=1)
    one = risk(document, 'configured-service-in-range')
    for port in ('10250 kubelet', '10248 kubelet', '10254 ingress (/etc/kubernetes/manifests/ingress.yaml:4)', '10256 kube-proxy'):
        assert port in words(one), (port, one)
    nodes = risk(document, 'range-into-nodeports')
    assert '30000-32767' in nodes['title'], nodes
    follow(one['advice'][0])
    document = check(root, expect=1)
    assert risk(document, 'configured-service-in-range') is None
    # What the advice promises: connect() no longer takes the port, though it is the only one.
    setting('ip_local_port_range', '10254 10254')
    server = socket.create_server(('127.0.0.1', 8080))
    try:
        socket.create_connection(('127.0.0.1', 8080)).close()
        raise AssertionError('a reserved port was taken')
    except OSError as error:
        assert error.errno == 99, error
    server.close()
    reset('1024 65535')
    follow(nodes['advice'][0])
    assert risk(check(root), 'range-into-nodeports') is None


def incident_3():
    """HAProxy's health port 50936 lies inside the default range: told from the file, without any connection."""
    reset()
    root = tree(files={'/etc/haproxy/haproxy.cfg': 'frontend x\n  bind :::50936 v4v6\n  bind 127.0.0.1:50000\n'})
    one = risk(check(root, expect=1), 'configured-service-in-range')
    assert '50936 haproxy (/etc/haproxy/haproxy.cfg:2)' in words(one), one
    assert '50000 haproxy (/etc/haproxy/haproxy.cfg:3)' in words(one), one
    assert '32768-60999' in one['title'], one
    # While it runs it is a listener, no longer a configured service that is down.
    servers = [socket.create_server(('127.0.0.1', port)) for port in (50936, 50000)]
    document = check(root, expect=1)
    assert risk(document, 'configured-service-in-range') is None
    assert '50000,50936' in words(risk(document, 'listener-in-range'))
    with open(root + '/etc/haproxy/haproxy.cfg', 'a') as file:
        file.write('  bind :50002\n')
    document = check(root, expect=1)
    # One after the other: the second must not undo the first.
    follow(risk(document, 'listener-in-range')['advice'][0])
    follow(risk(document, 'configured-service-in-range')['advice'][0])
    document = check(root)
    assert [one['id'] for one in document['risks']] == ['setting-not-persisted'], document
    for server in servers:
        server.close()


def incident_13():
    """Bind to an address, then connect: one pool for all destinations; IP_BIND_ADDRESS_NO_PORT cures it."""
    reset('40000 40199')
    servers = [socket.create_server((f'127.0.0.{host}', 8080), backlog=200) for host in range(2, 6)]

    def connections(late):
        made = []
        for number in range(60):
            client = socket.socket()
            if late:
                client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            client.bind(('127.0.0.1', 0))
            client.connect((f'127.0.0.{2 + number % 4}', 8080))
            made.append(client)
        return made

    made = connections(late=False)
    document = check(tree(), '--collector', 'bpf') if bpf else None
    if bpf:
        one = risk(document, 'bind-before-connect')
        assert one and 'per source address, not per destination' in one['title'], document
        assert f'(pid {os.getpid()}): 60 from 127.0.0.1' in words(one), one
        assert 'IP_BIND_ADDRESS_NO_PORT' in one['advice'][0]['text'], one
    for client in made:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        client.close()
    made = connections(late=True)
    if bpf:
        assert risk(check(tree(), '--collector', 'bpf'), 'bind-before-connect') is None
    for client in made + servers:
        client.close()


def incident_16():
    """The host has 15000-65000, the container still 32768-60999, and reserved ports are its own too."""
    reset('15000 65000')
    setting('ip_local_reserved_ports', '20000-20010')
    child = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo up; read x'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
    assert child.stdout.readline() == 'up\n'
    one = risk(check(tree(), '--all-netns'), 'netns-range-differs')
    child.communicate('\n')
    assert one, 'no netns-range-differs'
    assert '15000-65000, 20000-20010 reserved: this one' in words(one), one
    assert '32768-60999, none reserved: ' in words(one), one
    assert 'its own reserved ports' in words(one), one


def incident_19():
    """A sysctl that does not stick: which file wins, and where to write."""
    reset()
    files = {
        '/usr/lib/sysctl.d/50-default.conf': 'net.ipv4.ip_local_port_range = 32768 60999\n',
        '/etc/sysctl.d/60-mine.conf': '# wider\nnet.ipv4.ip_local_port_range = 15000 65000\n',
        '/etc/sysctl.conf': 'net.ipv4.ip_local_port_range = 32768 60999\n',
        '/etc/sysctl.d/99-sysctl.conf': '->/etc/sysctl.conf',
    }
    one = risk(check(tree(files=files), expect=0), 'sysctl-files-disagree')
    assert one['severity'] == 'info' and '/etc/sysctl.d/99-sysctl.conf:1 wins' in one['title'], one
    assert '/etc/sysctl.d/60-mine.conf:2 says 15000 65000 (overridden)' in words(one), one
    assert 'a new value belongs in line 1 of /etc/sysctl.conf' in one['advice'][0]['text'], one
    # Without the link only sysctl --system reads sysctl.conf: who reads last decides.
    del files['/etc/sysctl.d/99-sysctl.conf']
    one = risk(check(tree(files=files), expect=1), 'sysctl-files-disagree')
    assert 'is 32768 60999 now and 15000 65000 after the next boot: /etc/sysctl.d/60-mine.conf:2 wins' in one['title'], one
    assert '/etc/sysctl.conf:1 says 32768 60999 (sysctl --system reads it last' in words(one), one
    follow([advice for advice in one['advice'] if advice['command'].startswith('sysctl')][0])
    one = risk(check(tree(files=files), expect=1), 'sysctl-files-disagree')
    assert one['title'].startswith('files set ip_local_port_range to different values'), one
    # A file in /etc hides the one of the same name in /usr/lib, also as a link to /dev/null.
    root = tree(files={'/usr/lib/sysctl.d/50-a.conf': 'net.ipv4.ip_local_port_range = 1024 65000\n',
                       '/etc/sysctl.d/50-a.conf': '->/dev/null'})
    reset()
    document = check(root, expect=0)
    assert risk(document, 'sysctl-files-disagree') is None, document


def incident_20():
    """Ends of the same parity: told with the nearest even range; followed, it is gone."""
    reset('32768 60998')
    root = tree(files={'/etc/sysctl.d/a.conf': 'net.ipv4.ip_local_port_range = 32768 60998\n'})
    one = risk(check(root, expect=1), 'odd-range')
    assert '28 231' in words(one) and '32768 60997' in one['advice'][0]['command'], one
    follow(one['advice'][0])
    assert risk(check(root), 'odd-range') is None


def below_unprivileged():
    """What is told of the kernel is so: it refuses a range that begins below ip_unprivileged_port_start."""
    reset()
    try:
        setting('ip_local_port_range', '1000 60999')
        raise AssertionError('the kernel took a range below ip_unprivileged_port_start')
    except OSError as error:
        assert error.errno == 22, error
    root = tree(files={'/etc/sysctl.d/a.conf': 'net.ipv4.ip_local_port_range = 1000 60999\n'})
    assert 'the kernel refuses' in risk(check(root, expect=1), 'sysctl-files-disagree')['title']
    setting('ip_unprivileged_port_start', '80')
    setting('ip_local_port_range', '80 60999')
    assert risk(check(root, expect=1), 'range-below-unprivileged')
    reset()
    setting('ip_unprivileged_port_start', '1024')


def choice():
    """--only, --ignore, --ports-from, accepted risks, --plugin, and what is refused."""
    reset('32768 60998')
    root = tree(files={
        '/etc/sysctl.d/a.conf': 'net.ipv4.ip_local_port_range = 32768 60998\n',
        '/etc/haproxy/haproxy.cfg': 'bind :50001\n',
    })
    names = [one['id'] for one in check(root, expect=1)['risks']]
    assert names == ['odd-range', 'configured-service-in-range'], names
    assert [one['id'] for one in check(root, '--only', 'odd-range', expect=1)['risks']] == ['odd-range']
    assert [one['id'] for one in check(root, '--ignore', 'odd-range', expect=1)['risks']] == names[1:]
    assert check(root, '--ignore', ','.join(names), expect=0)['risks'] == []
    os.makedirs(root + '/etc/ephemports')
    with open(root + '/etc/ephemports/accepted-risks', 'w') as file:
        file.write('# agreed\nodd-range  one port is\x1b[31m nothing # really\nno-such-risk\nconfigured-service-in-range\n')
    document = check(root, expect=0)
    assert document['risks'] == [] and [one['id'] for one in document['accepted']] == names, document
    assert document['accepted'][0]['accepted_because'] == 'one port is\x1b[31m nothing', document
    environment = dict(os.environ, EPHEMPORTS_ROOT=root)
    text = subprocess.run([ephemports, 'check'], env=environment, capture_output=True, text=True).stdout
    assert 'OK  no risk found; 2 accepted' in text and 'because: one port is\\x1b[31m nothing' in text, text
    assert '\x1b' not in text, text
    line = subprocess.run([ephemports, 'check', '--plugin'], env=environment, capture_output=True, text=True).stdout
    assert line == 'EPHEMPORTS OK - no risk found; 2 accepted | critical=0;;0;0 warning=0;0;;0 info=0;;;0 accepted=2;;;0\n', line
    os.unlink(root + '/etc/ephemports/accepted-risks')
    line = subprocess.run([ephemports, 'check', '--plugin'], env=environment, capture_output=True, text=True).stdout
    assert line.startswith('EPHEMPORTS WARNING - 2 risks: 0 critical, 2 warnings, 0 for information - odd-range, '), line

    ports = work + '/ports'
    with open(ports, 'w') as file:
        file.write('50936 health\n40001-40002\n')
    one = risk(check(root, '--ports-from', ports), 'configured-service-in-range')
    assert '50936 health' in words(one) and one['title'].startswith('4 configured'), one
    with open(ports, 'w') as file:
        file.write('50936 health\nhealth 5\n')
    for options, said in ((('--ports-from', ports), 'line 2'), (('--ports-from', work), 'regular file'),
                          (('--only', 'no-such'), "'no-such' is no risk"), (('--only', ','), 'expected'),
                          (('--json', '--plugin'), 'exclude')):
        done = subprocess.run([ephemports, 'check', *options], env=environment, capture_output=True, text=True)
        assert done.returncode == 3 and said in done.stderr and done.stderr.count('\n') == 1, (options, done)


def hostile_tree():
    """Links that lead out, pipes, loops, large files: nothing is read outside, nothing waits, the rest is told."""
    reset()
    outside = work + '/outside.cnf'
    with open(outside, 'w') as file:
        file.write('[mysqld]\nport = 50001\n')
    root = tree(files={'/etc/mysql/my.cnf': '->' + outside, '/etc/my.cnf': '->/etc/my.cnf', '/etc/haproxy/b.cfg': 'bind :50003\n',
                       '/etc/redis/a\x1b]0;x\x07.conf': 'port 50005\n', '/etc/mysql/conf.d/x.cnf': '->../../../../../..' + outside})
    os.mkfifo(root + '/etc/haproxy/a.cfg')
    with open(root + '/etc/haproxy/c.cfg', 'wb') as file:
        file.truncate(2 << 30)
    environment = dict(os.environ, EPHEMPORTS_ROOT=root)
    done = subprocess.run([ephemports, 'check'], env=environment, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and '50001' not in done.stdout, done
    assert '50003 haproxy' in done.stdout and '50005 redis' in done.stdout, done
    assert '\x1b' not in done.stdout and 'some configuration files' in done.stdout, done


bpf = subprocess.run([ephemports, '--collector', 'bpf'], capture_output=True).returncode < 3
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
try:
    for test in (incident_2, incident_3, incident_13, incident_16, incident_19, incident_20, below_unprivileged, choice,
                 hostile_tree):
        print(test.__name__, flush=True)
        test()
finally:
    shutil.rmtree(work)
print('all good' if bpf else 'all good; without BPF, so who binds before connecting was not looked at')
