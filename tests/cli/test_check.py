#!/usr/bin/env python3
"""Exercises check on a host made for it: a network namespace with settings and sockets of its own, and a tree of files below
EPHEMPORTS_ROOT. The advice is followed, and the risk must be gone. Incidents that happened elsewhere: tests/incidents.

usage: test_check.py EPHEMPORTS
"""
import errno
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


def follow(advice, root):
    """Run the command of an advice here, in this namespace and below this root."""
    command = shlex.split(advice['command'])
    assert command[0] == 'ephemports', command
    environment = dict(os.environ, EPHEMPORTS_ROOT=root, EPHEMPORTS_STATE_DIR=work + '/state')
    here = ['-N', '/proc/self/ns/net']
    done = subprocess.run([ephemports, *command[1:], *here], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done


def incident_20():
    """Ends of the same parity: told with the nearest even range; followed, it is gone."""
    reset('32768 60998')
    root = tree(files={'/etc/sysctl.d/a.conf': 'net.ipv4.ip_local_port_range = 32768 60998\n'})
    one = risk(check(root, expect=1), 'odd-range')
    assert '28 231' in words(one) and '32768-60997' in one['advice'][0]['command'], one
    follow(one['advice'][0], root)
    assert not check(root, expect=0)['risks']


def no_port_at_all():
    """A range that is reserved to the last port is told, and the kernel then really has none."""
    reset('40000 40000')
    setting('ip_local_reserved_ports', '40000')
    one = risk(check(tree(), expect=2), 'no-usable-port')
    with socket.socket() as probe:
        assert probe.connect_ex(('127.0.0.1', 9)) == errno.EADDRNOTAVAIL
    assert '1 in all: 1 reserved' in words(one), one
    reset('40000 40050')
    assert '51 ports only' in words(risk(check(tree(), expect=1), 'few-usable-ports'))
    reset()


def long_lists():
    """Thousands of services: cut on a screen, where a command that finds them stands; whole in JSON."""
    reset()
    root = tree(files={'/etc/haproxy/haproxy.cfg': ''.join(f'bind :{port}\n' for port in range(33001, 36000, 2))})
    text = subprocess.run([ephemports, 'check'], env=dict(os.environ, EPHEMPORTS_ROOT=root), capture_output=True, text=True).stdout
    assert 'ephemports reserve add --services' in text and max(map(len, text.splitlines())) < 1000, text[:3000]
    setting('ip_local_reserved_ports', ','.join(map(str, range(40001, 42000, 2))))
    text = subprocess.run([ephemports, 'check'], env=dict(os.environ, EPHEMPORTS_ROOT=tree()), capture_output=True, text=True).stdout
    assert max(map(len, text.splitlines())) < 1000 and 'the whole command is in --json' in text, text[:3000]
    assert '41999' in risk(check(tree()), 'setting-not-persisted')['advice'][0]['command']
    reset()


def hidden_namespaces():
    """Whose namespace is not told to an ordinary user is said, by every command that looks at all of them."""
    user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    if subprocess.run([*user, ephemports, '--version'], capture_output=True).returncode:
        print('hidden_namespaces: no ordinary user can run it here')
        return
    for command, said in (('usage', 'not read: namespaces of'), ('status', 'not read: namespaces of'),
                          ('check', 'that are not told to this user')):
        done = subprocess.run([*user, ephemports, command, '--all-netns'], capture_output=True, text=True, cwd='/', timeout=60)
        assert said in done.stdout.replace('\n' + ' ' * 18, ' '), done
    done = subprocess.run([*user, ephemports, 'usage', '--json', '--all-netns'], capture_output=True, text=True, cwd='/', timeout=60)
    assert json.loads(done.stdout)['netns_hidden_processes'] > 0, done


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


subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
try:
    for test in (incident_20, no_port_at_all, long_lists, hidden_namespaces, below_unprivileged, choice, hostile_tree):
        print(test.__name__, flush=True)
        test()
finally:
    shutil.rmtree(work)
print('all good')
