#!/usr/bin/env python3
"""test_image.py EPHEMPORTS - EPHEMPORTS_ROOT names the tree of a system that does not run: only its files change, nothing of
this machine does, and what lies in the tree is hostile.

The test has a network namespace of its own, whose running values must stay.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

ephemports = os.path.abspath(sys.argv[1])
if len(sys.argv) == 2:
    for unshare in (['unshare', '--net'], ['unshare', '--user', '--map-root-user', '--net']):
        if shutil.which('unshare') and subprocess.run([*unshare, 'true'], capture_output=True).returncode == 0:
            os.execvp('unshare', [*unshare, sys.executable, *sys.argv, 'inside'])
    print('no network namespace can be made here')
    sys.exit(77)

NET = '/proc/sys/net/ipv4/'
KEY = 'net.ipv4.ip_local_port_range'
RESERVED = 'net.ipv4.ip_local_reserved_ports'
work = tempfile.mkdtemp()


def running():
    return [' '.join(open(NET + name).read().split()) for name in ('ip_local_port_range', 'ip_local_reserved_ports')]


class Image:
    def __init__(self, files=None, links=None, systemd=True):
        self.top = tempfile.mkdtemp(dir=work)
        self.root, self.outside = self.top + '/image', self.top + '/outside'
        os.makedirs(self.root + '/etc')
        os.makedirs(self.outside + '/sysctl.d')
        for path, text in (files or {}).items():
            os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
            with open(self.root + path, 'w', encoding='ascii') as file:
                file.write(text)
        for path, target in (links or {}).items():
            os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
            os.symlink(target, self.root + path)
        if systemd:
            os.makedirs(self.root + '/usr/lib/systemd')
            open(self.root + '/usr/lib/systemd/systemd-sysctl', 'w', encoding='ascii').close()
        with open(self.outside + '/sysctl.d/99-theirs.conf', 'w', encoding='ascii') as file:
            file.write(f'{KEY} = 1111 2222\n')

    def run(self, *arguments, expect=0):
        before = self.others()
        done = subprocess.run([ephemports, *arguments], capture_output=True, text=True, timeout=30, check=False,
                              env=dict(os.environ, EPHEMPORTS_ROOT=self.root, EPHEMPORTS_STATE_DIR=self.top + '/state', COLUMNS='200'))
        assert done.returncode == expect, (arguments, done)
        assert running() == START, running()
        assert self.others() == before, 'written outside of the image'
        return done

    def json(self, *arguments, expect=0):
        return json.loads(self.run(*arguments, '--json', expect=expect).stdout)

    def others(self):
        return {name: open(self.outside + '/sysctl.d/' + name, encoding='ascii').read() for name in os.listdir(self.outside + '/sysctl.d')}

    def files(self):
        found = {}
        for directory, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(directory, name)
                if os.path.isfile(path) and not os.path.islink(path) and '/systemd/' not in path:
                    found[path[len(self.root):]] = open(path, encoding='ascii').read()
        return found

    def boots_with(self, expect=0):
        return self.json('range', 'show', expect=expect)['ranges'][0]['persisted']


def test_only_files_change():
    image = Image({'/etc/sysctl.d/50-site.conf': f'# ours\n{KEY} = 30000 60001\n', '/etc/hostname': 'x\n'})
    before = image.files()
    shown = image.json('range', 'show')
    one = shown['ranges'][0]
    assert shown['image'] == image.root and (one['low'], one['high'], one['ports']) == (None, None, None), shown
    assert (one['persisted']['low'], one['persisted']['high']) == (30000, 60001), shown
    text = image.run('range', 'show').stdout
    assert 'does not run' in text and '30000-60001' in text and 'set by /etc/sysctl.d/50-site.conf line 2' in text, text
    answer = image.json('range', 'set', '20000-60001', '--dry-run')
    assert image.files() == before, image.files()
    answer = image.json('range', 'set', '20000-60001')
    assert answer['persisted'] and [one['file'] for one in answer['changes']] == ['/etc/sysctl.d/50-site.conf'], answer
    assert any('no running value' in one for one in answer['warnings']), answer
    assert image.files()['/etc/sysctl.d/50-site.conf'] == f'# ours\n{KEY} = 20000 60001\n'
    assert image.json('range', 'set', '20000-60001')['changes'] == []
    image.run('range', 'undo')
    assert image.files() == before, image.files()
    image.run('range', 'reset')
    assert image.boots_with() is None
    text = image.run('range', 'show').stdout
    assert '32768-60999' in text and 'no file sets another one' in text, text
    image.run('range', 'undo')
    answer = image.json('reserve', 'add', '3306,40112')
    assert answer['persisted'] and len(answer['changes']) == 1, answer
    shown = image.json('reserve', 'show')
    assert shown['reserved']['running'] is None and shown['range'] == {'low': 30000, 'high': 60001}, shown
    assert [one['low'] for one in shown['reserved']['persisted']['ports']] == [3306, 40112], shown
    assert 'does not run' in image.run('reserve', 'show').stdout
    image.run('reserve', 'remove', '3306')
    assert [one['low'] for one in image.json('reserve', 'show')['reserved']['persisted']['ports']] == [40112]
    image.run('range', 'undo')
    image.run('range', 'undo')
    assert image.files() == before, image.files()


def test_what_needs_a_running_system_is_refused():
    image = Image({'/etc/sysctl.d/a.conf': f'{KEY} = 30000 60001\n'})
    before = image.files()
    for words in (['range', 'set', '20000-60001', '--no-persist'], ['range', 'set', '20000-60001', '--confirm-within', '9'],
                  ['range', 'reset', '--no-persist'], ['range', 'confirm'], ['reserve', 'add', '1', '--no-persist'],
                  ['reserve', '--listeners'], ['range', 'firewall', '--for', 'nft']):
        done = image.run(*words, expect=3)
        assert 'does not run' in done.stderr and len(done.stderr.splitlines()) == 1, (words, done)
    assert image.files() == before, image.files()


def test_no_systemd():
    """OpenRC, runit and sysvinit apply /etc/sysctl.conf after the others, systemd-sysctl never does."""
    files = {'/etc/sysctl.d/10-a.conf': f'{KEY} = 20000 60001\n', '/etc/sysctl.conf': f'{KEY} = 30000 60001\n'}
    for systemd, low in ((True, 20000), (False, 30000)):
        image = Image(files, systemd=systemd)
        assert image.boots_with()['low'] == low, image.boots_with()
        image.run('range', 'set', '25000-60001')
        both = [text for text in image.files().values() if KEY in text]
        assert image.boots_with()['low'] == 25000 and '25000 60001' in image.files()['/etc/sysctl.conf'], both
        image.run('range', 'undo')
        assert image.files() == files, image.files()
    image = Image({'/etc/sysctl.conf': f'# alpine\n{KEY} = 30000 60001'}, systemd=False)
    image.run('range', 'set', '25000-60001')
    assert image.files()['/etc/sysctl.conf'] == f'# alpine\n{KEY} = 25000 60001'
    image.run('range', 'undo')
    # A sysctl that knows no directories reads nothing else.
    for words in (['range', 'set', '25000-60001'], ['reserve', 'add', '3306']):
        image = Image({'/etc/sysctl.conf': '# rhel 5\nx = 1\n'}, systemd=False)
        image.run(*words)
        assert list(image.files()) == ['/etc/sysctl.conf'] and image.files()['/etc/sysctl.conf'].startswith('# rhel 5\nx = 1\nnet.'), image.files()
        image.run('range', 'undo')
        assert image.files() == {'/etc/sysctl.conf': '# rhel 5\nx = 1\n'}, image.files()
    # Where there is neither, what reads them cannot be seen, and that is said.
    for files, systemd, said in (({}, True, False), ({'/etc/sysctl.d/README': ''}, False, False), ({}, False, True)):
        for words in (['range', 'set', '25000-60001'], ['reserve', 'add', '3306']):
            text = Image(files, systemd=systemd).run(*words).stdout
            assert ('/etc/sysctl.conf' in text) == said, (files, systemd, text)
    image = Image({'/etc/rc.local': f'#!/bin/sh\necho 30000 60001 > {NET}ip_local_port_range\n'}, systemd=False)
    assert image.boots_with(expect=1)['low'] == 30000
    assert 'rc.local' in image.run('range', 'set', '25000-60001', expect=3).stderr


def test_the_way_back_names_the_namespace():
    """-N tells that the system of the tree runs, also where it names the namespace that we are in."""
    image = Image({'/etc/sysctl.d/a.conf': f'{KEY} = 30000 60001\n'})
    own = str(os.getpid())
    assert f'range undo -N {own}' in image.run('range', 'set', '20000-60001', '-N', own, '--dry-run').stdout
    assert '-N' not in image.run('range', 'set', '20000-60001', '--dry-run').stdout


def test_links_stay_inside():
    top = {'absolute': lambda image: image.outside + '/sysctl.d', 'relative': lambda _: '../../outside/sysctl.d',
           'far': lambda image: '../' * 40 + image.outside[1:] + '/sysctl.d'}
    for what, target in top.items():
        image = Image()
        os.symlink(target(image), image.root + '/etc/sysctl.d')
        assert image.boots_with() is None, what
        image.run('range', 'set', '25000-60001', expect=3)
        assert not os.path.exists(image.root + '/outside'), what
    for what, target in top.items():
        image = Image({'/etc/sysctl.d/10-a.conf': f'{KEY} = 20000 60001\n'})
        os.symlink(target(image) + '/99-theirs.conf', image.root + '/etc/sysctl.d/99-b.conf')
        assert image.boots_with()['low'] == 20000, what
        image.run('reserve', 'add', '3306')
        image.run('range', 'set', '25000-60001')
        assert image.boots_with()['low'] == 25000, what
    # A link that stays inside is one: what it leads to is changed.
    image = Image({'/etc/site/x': f'{KEY} = 20000 60001\n'}, {'/etc/sysctl.d/99-b.conf': '/etc/site/x'})
    assert image.boots_with()['low'] == 20000
    image.run('range', 'set', '25000-60001')
    assert image.files()['/etc/site/x'] == f'{KEY} = 25000 60001\n' and os.path.islink(image.root + '/etc/sysctl.d/99-b.conf')
    image = Image(links={'/etc/sysctl.d': '/proc/self/cwd'})
    image.run('range', 'set', '25000-60001', expect=3)


def refused(image, path, words):
    before = image.files()
    done = image.run('range', 'set', '25000-60001', expect=3)
    assert path in done.stderr and words in done.stderr and len(done.stderr.splitlines()) == 1, done
    assert image.files() == before, image.files()


def test_hostile_files():
    path = '/etc/sysctl.d/99-a.conf'
    image = Image({path: f'{KEY} = 20000 60001\n', '/elsewhere': ''})
    os.link(image.root + path, image.root + '/second')
    refused(image, path, 'hard links')
    if os.geteuid() == 0:
        image = Image({path: f'{KEY} = 20000 60001\n'})
        try:
            os.chown(image.root + path, 1234, 1234)
        except OSError:
            print('no other owner can be made here')
        else:
            refused(image, path, 'belong')
    # Ours would be a pipe, a directory, a device: nothing waits for it, and it stays.
    ours = '/etc/sysctl.d/90-ephemports.conf'
    image = Image({'/etc/sysctl.d/a': ''})
    os.mkfifo(image.root + ours)
    refused(image, ours, 'not a regular file')
    image = Image({ours + '/x': ''})
    refused(image, ours, 'not a regular file')
    # A pipe among the others is passed over.
    image = Image({'/etc/sysctl.d/a.conf': f'{KEY} = 20000 60001\n'})
    os.mkfifo(image.root + '/etc/sysctl.d/99-pipe.conf')
    assert image.boots_with()['low'] == 20000
    image.run('range', 'set', '25000-60001')
    assert image.boots_with()['low'] == 25000
    # Nonsense where the range should be.
    image = Image({path: f'{KEY} = $(touch {image.outside}/sysctl.d/ran)\n'})
    assert image.json('range', 'show')['ranges'] == []
    assert 'cannot be told' in image.run('range', 'show').stdout


def test_the_root_itself_is_no_image():
    for path in ('/', '//', '/proc/../'):
        done = subprocess.run([ephemports, 'range', 'set', '25000-60001', '--dry-run', '--json'], capture_output=True, text=True, check=False,
                              env=dict(os.environ, EPHEMPORTS_ROOT=path, EPHEMPORTS_STATE_DIR=work + '/state'))
        changes = json.loads(done.stdout)['changes']
        assert any(one['before'].split() == ['32768', '60999'] and one['command'] for one in changes), done
    image = Image()
    image.root += '/nowhere'
    assert image.run('range', 'set', '25000-60001', expect=3).stderr.count('nowhere') == 1
    image.run('reserve', 'add', '3306', expect=3)
    image.run('range', 'show', expect=3)


def test_a_running_system_is_named():
    """With --netns the tree is that of the system which runs there: both change. Its change is not undone as of an image."""
    image = Image({'/etc/sysctl.d/a.conf': f'{KEY} = 30000 60001\n'})
    environment = dict(os.environ, EPHEMPORTS_ROOT=image.root, EPHEMPORTS_STATE_DIR=image.top + '/state')
    here = ['-N', '/proc/self/ns/net']
    subprocess.run([ephemports, 'range', 'set', '25000-60001', *here], env=environment, check=True, capture_output=True)
    try:
        assert running()[0] == '25000 60001', running()
        done = subprocess.run([ephemports, 'range', 'undo'], env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == 3 and '-N /proc/self/ns/net' in done.stderr, done
        assert running()[0] == '25000 60001', running()
    finally:
        subprocess.run([ephemports, 'range', 'undo', *here], env=environment, check=True, capture_output=True)
    assert running() == START, running()


START = running()
try:
    for name, test in list(globals().items()):
        if name.startswith('test_'):
            test()
finally:
    shutil.rmtree(work)
print('ok')
