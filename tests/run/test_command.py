#!/usr/bin/env python3
"""Exercises `ephemports run` as a parent: exit statuses, signals, stopping, descriptors, the environment, the report, the drop-in,
and everything that is refused: one line, status 125 to 127, and nothing started.

That it can fail was shown by breaking: signals of the terminal passed on twice; standard output kept open; the setuid bit not seen; orphans
left.

usage: test_command.py EPHEMPORTS ODD_PROGRAM SERVICE WITHOUT_WINDOWS
"""
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time

import frame
import incident
from frame import do, need, ok, under_run

odd, service, without_windows = (os.path.realpath(one) for one in sys.argv[2:5])
frame.begin()
PORT = 5000
at = ('127.0.0.1', str(PORT))
mark = f'{incident.work}/started'
starts = ['sh', '-c', f'touch {mark}']


def status(expected, *words, says=(), out=None, **options):
    done = do(*under_run(*words), **options)
    need(done.status == expected, f'status {expected}', done)
    for one in (says,) if isinstance(says, str) else says:
        need(one in done.err, f'says "{one}"', done)
    need(out is None or done.out == out, f'prints "{out}"', done)
    return done


def refused(*words, says, expected=125, **options):
    """One line, and COMMAND is not started."""
    done = status(expected, *words, says=says, **options)
    need(done.err.startswith('ephemports: ') and done.err.count('\n') == 1 and not done.out, 'one line says why', done)
    need(not os.path.exists(mark), 'nothing is started', done)
    json_done = do(incident.ephemports, 'run', '--json', *words, **options)
    need(json_done.status == expected and json.loads(json_done.out)['error']['why'], 'and in JSON', json_done)


def exit_statuses():
    status(0, 'true')
    status(7, 'sh', '-c', 'exit 7')
    status(255, 'sh', '-c', 'exit 255')
    for one in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE, signal.SIGUSR1):
        status(128 + one, 'sh', '-c', f'kill -{int(one)} $$')
    refused('--', 'no-such-program', expected=127, says='no-such-program: No such file')
    refused('--', '', expected=127, says="'': No such file")
    refused('--', '/etc/passwd', expected=126, says='Permission denied')
    refused('--', incident.work, expected=126, says='Permission denied')
    script = f'{incident.work}/script'
    with open(script, 'w') as file:
        file.write('#!/no/such/interpreter\n')
    os.chmod(script, 0o755)
    refused('--', script, expected=127, says=['/no/such/interpreter', 'interpreter'])
    with open(script, 'w') as file:
        file.write('#!/bin/sh\necho "script $1"\n')
    status(0, script, 'one', out='script one\n')
    with open(script, 'w') as file:
        file.write('echo "no first line $1"\n')
    status(0, script, 'one', out='no first line one\n')
    status(0, 'script', 'one', out='no first line one\n', env=dict(os.environ, PATH=f'/nowhere:{incident.work}:/usr/bin:/bin'))
    ok('exit statuses')


def refusals():
    for one in ('9.9.9.9', '300.0.0.1', '127.0.0.1,', 'dev:nowhere', '127.0.0.0/40', '224.0.0.1', ''):
        refused('--from', one, '--', *starts, says='ephemports: from: ')
    for one in ('5-4', '0-9', '1-70000', 'many', '40000'):
        refused('--range', one, '--', *starts, says='ephemports: range: ')
    refused('--flat', 'perhaps', '--', *starts, says="'perhaps': yes or no was expected")
    refused('--netns', 'no-such-namespace', '--', *starts, says='no such network namespace')
    refused('--from', ','.join(['127.0.0.1'] * 65), '--', *starts, says='at most 64')
    refused('--save', 'x', '--', *starts, says='--save has no meaning')
    refused('--bogus', '--', *starts, says='--bogus')
    refused(says='run what?')
    refused('--', *starts, says=['preload', 'No such file'], env=dict(os.environ, EPHEMPORTS_PRELOAD='/no/such/file.so'))
    alone = shutil.copy(incident.ephemports, f'{incident.work}/ephemports')
    done = do(alone, 'run', '--', *starts)
    need(done.status == 125 and 'libephemports-preload.so is missing' in done.err and not os.path.exists(mark), 'a missing library', done)
    frame.setting('ip_local_reserved_ports', '41000-41009')
    refused('--range', '41000-41009', '--', *starts, says='reserved')
    frame.setting('ip_local_reserved_ports', '')
    done = do(without_windows, *under_run('--', *starts))
    need(done.status == 125 and 'forbidden' in done.err and not os.path.exists(mark), 'a forbidden option', done)
    ok('wrong options are refused')


def plain_library():
    """The library by a name that LD_PRELOAD can have, wherever this was built."""
    built = f'{os.path.dirname(incident.ephemports)}/src/connect/preload/libephemports-preload.so'
    return shutil.copy(built, f'{incident.work}/libephemports-preload.so')


def strange_words():
    """What somebody else wrote where the library reads keeps no program waiting."""
    library = plain_library()
    fifo = f'{incident.work}/fifo'
    os.mkfifo(fifo)
    for words in (f'pool={fifo} known={fifo}', 'pool=/dev/zero known=/dev/zero', 'from=,,, range=9-1', 'from=' + 'x' * 5000, '=' * 9000):
        done = do('true', env=dict(os.environ, LD_PRELOAD=library, EPHEMPORTS_POOL=words))
        need(done.status == 0 and not done.err, f'nothing happens with {words[:60]}', done)
    ok('strange words in the environment')


def programs():
    if os.path.exists('/bin/busybox'):
        refused('--', '/bin/busybox', 'true', says='linked statically')
    with open(os.path.realpath(shutil.which('true')), 'rb') as file:
        good = file.read()
    loader = re.search(rb'/lib64/ld-linux-x86-64[.]so[.]2\0', good)
    for name, crafted, words in (
            ('musl', loader and good.replace(loader[0], b'/lib/ld-musl-x86_64.so.1\0'.ljust(len(loader[0]), b'\0')), 'uses another libc'),
            ('arm', good[:18] + (b'\xb7\0' if good[18:20] != b'\xb7\0' else b'\x3e\0') + good[20:], 'another processor'),
            ('go', good.replace(b'\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0', b'\x04\0\0\0\x14\0\0\0\x04\0\0\0Go\0\0'), 'written in Go')):
        if not crafted or crafted == good:
            print(f'no {name} can be made of this machine\'s programs')
            continue
        with open(f'{incident.work}/{name}', 'wb') as file:
            file.write(crafted)
        os.chmod(file.name, 0o755)
        refused('--', file.name, says=words)
    orphan = do('unshare', *([] if os.geteuid() == 0 else ['-r']), '-pf', '--mount-proc', *under_run('sh', '-c', '(sh -c "sleep 0.1; exit 3" &); sleep 0.4; '
                'ps -eo ppid=,stat= | grep -c " *1 *Z"'))
    need(orphan.out == '0\n', 'orphans are buried', orphan)
    if os.geteuid() != 0:
        return
    for mode, owner, words in ((0o4755, (65534, -1), 'is setuid'), (0o2755, (-1, 65534), 'is setgid')):
        copy = shutil.copy(shutil.which('true'), f'{incident.work}/more')
        os.chown(copy, *owner)
        os.chmod(copy, mode)
        refused('--', copy, says=words)
        with open(f'{incident.work}/more.sh', 'w') as file:
            file.write(f'#!{copy}\n')
        os.chmod(file.name, 0o755)
        refused('--', file.name, says=words)
        status(0, 'sh', '-c', copy)     # as a child it runs, without us
        os.unlink(copy)
    copy = shutil.copy(shutil.which('true'), f'{incident.work}/roots')
    os.chmod(copy, 0o4755)
    status(0, copy)                     # root gains nothing by it
    ok('programs with more privilege are refused')


# Each is counted, also two at once, which Python's own handlers would take for one.
SIGNALS = '''
import os, signal, sys
read, write = os.pipe()
os.set_blocking(write, False)
signal.set_wakeup_fd(write)
for one in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
            signal.SIGALRM, signal.SIGRTMIN):
    signal.signal(one, lambda number, frame: None)
print('ready', os.getpid(), flush=True)
seen = []
while signal.SIGTERM not in seen:
    seen += os.read(read, 100)
print(*[int(one) for one in seen], flush=True)
sys.exit(9)
'''


def signals():
    run = subprocess.Popen(under_run(sys.executable, '-c', SIGNALS), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    need(run.stdout.readline().startswith('ready'), 'it starts')
    wanted = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGALRM,
              signal.SIGRTMIN, signal.SIGTERM]
    for one in wanted:
        run.send_signal(one)
        time.sleep(0.05)
    seen = [int(one) for one in run.stdout.readline().split()]
    need(run.wait(30) == 9 and seen == [int(one) for one in wanted], f'signals arrive, each once: {seen}')
    ok('signals are passed on, once each')


def state(pid):
    with open(f'/proc/{pid}/stat') as file:
        return file.read().rpartition(')')[2].split()[0]


def wait_state(pid, wanted):
    end = time.monotonic() + 20
    while state(pid) not in wanted and time.monotonic() < end:
        time.sleep(0.02)
    need(state(pid) in wanted, f'process is {state(pid)}, not {wanted}')


def on_a_terminal(command):
    """As a job of a shell on a terminal of its own. Gives the shell's pid and the terminal's other end."""
    pid, terminal = pty.fork()
    if pid:
        return pid, terminal
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(command[0], command)
    while True:
        end = os.waitpid(job, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(end):
            print('status', os.waitstatus_to_exitcode(end), flush=True)
            os._exit(0)
        print('stopped', flush=True)


def read_until(terminal, words, seen=b''):
    while words not in seen:
        need(select.select([terminal], [], [], frame.PATIENCE_S / 4)[0], f'{words} comes', seen)
        seen += os.read(terminal, 4096)
    return seen


def terminal():
    """^C and ^Z are for the whole group: COMMAND has each once. A shell, the parent here, sees us stop."""
    pid, end = on_a_terminal(under_run(sys.executable, '-c', SIGNALS))
    seen = read_until(end, b'ready ')
    seen = read_until(end, b'\n', seen[seen.index(b'ready'):])
    child = int(re.search(rb'ready (\d+)', seen)[1])
    with open(f'/proc/{child}/status') as file:
        run = int(re.search(r'PPid:\s+(\d+)', file.read())[1])
    # We are late on purpose: two signals at once would be one.
    os.kill(run, signal.SIGSTOP)
    seen = read_until(end, b'stopped\r\n')
    os.write(end, b'\x03')
    time.sleep(0.2)
    os.kill(run, signal.SIGCONT)
    time.sleep(0.2)
    os.write(end, b'\x1a')
    wait_state(child, 'T')
    wait_state(run, 'T')
    seen = read_until(end, b'stopped\r\n')
    os.kill(run, signal.SIGCONT)
    wait_state(child, 'SR')
    os.kill(run, signal.SIGTERM)
    seen = read_until(end, b'status 9\r\n', seen)
    need(f'stopped\r\n{int(signal.SIGINT)} {int(signal.SIGTERM)}\r\nstatus 9' in seen.decode(), f'each once: {seen}')
    os.close(end)
    os.waitpid(pid, 0)
    ok('a terminal: ^C arrives once, ^Z stops both, SIGCONT wakes both')


def descriptors():
    """Who reads what COMMAND writes is not kept waiting by us, and COMMAND finds what a plain start finds."""
    read, write = os.pipe()
    os.set_inheritable(write, True)
    run = subprocess.Popen(under_run('sh', '-c', f'exec >&- {write}>&-; exec sleep 20'), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                           pass_fds=[write])
    os.close(write)
    begin = time.monotonic()
    need(os.read(read, 1) == b'' and run.stdout.read() == b'' and time.monotonic() - begin < 15, 'nothing is held open')
    run.terminate()
    need(run.wait(20) == 128 + signal.SIGTERM, 'it ends')

    def named(listing):
        return re.findall(r'(\d+) -> (/?\w+)', listing.out)
    plain, under = do('ls', '-l', '/proc/self/fd'), do(*under_run('ls', '-l', '/proc/self/fd'))
    need(named(plain) == named(under), 'descriptors as without', under)
    words = ['sh', '-c', 'umask; ulimit -n; trap; grep Sig[BIC] /proc/self/status']
    need(do(*words).out == do(*under_run(*words)).out, 'signals as without', do(*under_run(*words)))
    ok('descriptors')


def environment():
    usual = dict(os.environ, EPHEMPORTS_PRELOAD=plain_library())
    plain, under = do('env', env=usual), do(*under_run('env'), env=dict(usual, LD_PRELOAD=''))
    new = sorted(set(under.out.splitlines()) - set(plain.out.splitlines()))
    need([one.partition('=')[0] for one in new] == ['EPHEMPORTS_POOL', 'LD_PRELOAD'], f'only ours are new: {new}')
    other = under.out.partition('\nLD_PRELOAD=')[2].split('\n')[0]
    twice = do(*under_run(*under_run('env')), env=usual)
    listed = twice.out.partition('\nLD_PRELOAD=')[2].split('\n')[0]
    need(listed.count('libephemports-preload.so') == 1, 'once is enough', twice)
    shutil.copy(other, f'{incident.work}/other.so')
    under = do(*under_run('env'), env=dict(usual, LD_PRELOAD=f'{incident.work}/other.so'))
    need(f'LD_PRELOAD={incident.work}/other.so:{other}\n' in under.out, 'behind what was there', under)
    ok('the environment')


def without_parent():
    """Memory that cannot be opened: another user, no parent, another namespace. The options hold all the same."""
    from_words = ('--from', '127.0.0.4/30', '--')
    ways = {'no parent': ['sh', '-c', f'EPHEMPORTS_POOL=$(echo "$EPHEMPORTS_POOL" | sed "s:/proc/[0-9]*:/proc/999999:g"); exec {shlex.quote(odd)} from {" ".join(at)}']}
    if os.geteuid() == 0:
        ways['another user'] = ['setpriv', '--reuid', '65534', '--clear-groups', odd, 'from', *at]
        ways['another process namespace'] = ['unshare', '-pf', '--mount-proc', odd, 'from', *at]
    os.chmod(incident.work, 0o755)
    usual = dict(os.environ, EPHEMPORTS_PRELOAD=plain_library())
    for name, command in ways.items():
        seen = {do(*under_run(*from_words, *command), env=usual).out for _ in range(8)}
        need(seen <= {f'127.0.0.{one}\n' for one in (4, 5, 6, 7)} and len(seen) > 1, f'{name}: {seen}')
    done = do(*under_run('--from', '127.0.0.4/30', '--range', '40000-40003', '--', 'unshare', '-rn', 'sh', '-c',
                         f'ip link set lo up; ({shlex.quote(service)} {" ".join(at)} </dev/zero & echo $! >{incident.work}/pid) | head -n 1; {shlex.quote(odd)} from {" ".join(at)}; '
                         f'kill $(cat {incident.work}/pid)'))
    need('127.0.0.' in done.out, 'another network namespace', done)
    ok('memory that cannot be opened')


def report():
    done = status(0, '--from', '127.0.0.4/30', '--report', '--', odd, 'from', *at, says=['1 connection made, none refused', 'from 4 addresses, 127.0.0.4 to 127.0.0.7'])
    done = status(0, '--report', '--json', '--', odd, 'ends', *at)
    told = json.loads(done.err)
    need(told['schema'] == 1 and told['connections'] >= 16 and told['refused'] >= 8 and 'flat' in told['pool'], 'the report as JSON', done)
    status(0, '--report', '--', 'true', says='nothing was seen')
    status(0, '--range', '40000-40015', '--flat', 'no', '--report', '--', odd, 'from', *at, says=['1 connection made', 'searched by the kernel'])
    ok('the report')


def unit():
    unit = status(0, '--from', '127.0.0.4/30', '--range', '40000-40009', '--print-unit', '--', 'sh', '-c', 'echo "$HOME" 100% \\').out
    line = next(one for one in unit.splitlines() if one.startswith('ExecStart="'))
    need('run --from "127.0.0.4/30" --range 40000-40009 -- ' in line and line.endswith('"-c" "echo \\"$$HOME\\" 100%% \\\\"'), unit)
    unit = do(incident.ephemports, 'run', '--from', '127.0.0.4/30', '--print-unit',
              env=dict(os.environ, EPHEMPORTS_PRELOAD=plain_library())).out
    words = re.findall(r'^Environment="(\w+)=(.*)"$', unit, re.M)
    seen = {do(odd, 'from', *at, env=dict(os.environ, **dict(words))).out for _ in range(8)}
    need(seen <= {f'127.0.0.{one}\n' for one in (4, 5, 6, 7)} and len(seen) > 1, f'{unit}: {seen}')
    need(not do(incident.ephemports, 'run', '--from', '9.9.9.9', '--print-unit').out, 'a wrong option makes no unit')
    if shutil.which('systemd-analyze'):
        path = f'{incident.work}/one.service'
        with open(path, 'w') as file:
            file.write(unit + 'ExecStart=/bin/true\n')
        done = do('systemd-analyze', 'verify', path)
        need('one.service' not in done.err, 'systemd understands it', done)
    ok('the drop-in')


def namespace():
    if os.geteuid() != 0 or do('ip', 'netns', 'add', 'ephemports-run').status:
        return
    try:
        need(do('ip', 'netns', 'exec', 'ephemports-run', 'ip', 'link', 'set', 'lo', 'up').status == 0, 'lo')
        inside = do('ip', 'netns', 'exec', 'ephemports-run', 'readlink', '/proc/self/ns/net')
        for name in ('ephemports-run', '/run/netns/ephemports-run'):
            there = do(incident.ephemports, 'run', '--netns', name, '--from', '127.0.0.4/30', '--', 'readlink', '/proc/self/ns/net')
            need(there.out == inside.out, 'in the namespace', there)
    finally:
        do('ip', 'netns', 'delete', 'ephemports-run')
    ok('--netns')


def replies():
    """Where replies cannot come back from other hosts, a warning says so before COMMAND starts."""
    if do('ip', 'link', 'add', 'ephp0', 'type', 'veth', 'peer', 'ephp1').status:
        print('no veth: not tried whether replies come back')
        return
    for one in ('addr add 10.7.0.1/24 dev ephp0', 'addr add 10.8.0.1/24 dev ephp1', 'addr add fd00:7::1/64 dev ephp0 nodad',
                'link set ephp0 up', 'link set ephp1 up', 'route add local 10.7.0.16/28 dev lo', 'route add local 10.9.0.0/28 dev lo',
                '-6 route add local fd00:7::10/124 dev lo'):
        need(do('ip', *one.split()).status == 0, one)
    refused('--from', 'fd00:7::10/124', '--', *starts, says='with net.ipv6.ip_nonlocal_bind=1')
    frame.setting('ipv6/ip_nonlocal_bind', '1')
    for source, warning in (('10.7.0.1', ''), ('dev:ephp0', ''), ('127.0.0.0/28', ''), ('10.7.0.16/28', ''),
                            ('10.9.0.0/28', "10.9.0.0 and 15 more: in none of this host's networks"),
                            ('fd00:7::10/124', 'fd00:7::10 and 15 more: neighbours'), ('10.7.0.1,10.9.0.1', '10.9.0.1: in none')):
        need_warning(source, warning)
    frame.setting('ipv4/conf/ephp0/arp_ignore', '1')
    need_warning('10.7.0.16/28', '10.7.0.16 and 15 more: neighbours')
    need_warning('10.7.0.1', '')
    need(do('ip', 'link', 'set', 'ephp1', 'down').status == 0, 'down')
    need_warning('10.8.0.1', '10.8.0.1: the interface is down')
    ok('whether replies come back')


def need_warning(source, warning):
    done = do(*under_run('--from', source, '--', 'echo', 'started'))
    need(done.status == 0 and done.out == 'started\n', 'it runs', done)
    need(done.err.startswith('ephemports: run: warning: ' + warning) and done.err.count('\n') == 1 if warning else not done.err,
         f'{source} is warned of: {warning or "no"}', done)


exit_statuses()
refusals()
strange_words()
programs()
signals()
terminal()
descriptors()
with frame.background(service, *at, ready=frame.listens(PORT)):
    environment()
    without_parent()
    report()
    unit()
    namespace()
    replies()
