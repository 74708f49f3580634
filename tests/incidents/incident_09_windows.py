#!/usr/bin/env python3
"""Incident 9: on Windows a port cannot be bound though nothing is listening there (docker/for-win#3171, dotnet/aspnetcore#25562): it
lies inside a range that is excluded, for a reason that netstat does not show. Told from what netsh printed, in any language. And
the block of WSL in mirrored mode (microsoft/WSL#12228), which not even that list shows.

That it can fail was shown by breaking: the star not read, and `add` without the port that was asked.

usage: incident_09_windows.py EPHEMPORTS
"""
import json
import os
import subprocess
import sys
import tempfile

ephemports = os.path.abspath(sys.argv[1])
folder = tempfile.TemporaryDirectory()
failures = []

# Forty rows as Hyper-V makes them: hundreds of ports each, one block that somebody set.
BLOCKS = [(5357, 5357, ''), (5985, 5985, ''), (27339, 27339, ''), (47001, 47001, ''), (50000, 50059, '*')]
BLOCKS += [(50101 + 100 * i, 50200 + 100 * i, '') for i in range(35)]
HEADS = {
    'english': ('Protocol tcp Port Exclusion Ranges', 'Start Port    End Port', '* - Administered port exclusions.', 'utf-8'),
    'german': ('Protokoll tcp Portausschlussbereiche', 'Startport    Endport', '* - Verwaltete Portausschlüsse.', 'cp850'),
    'chinese': ('协议 tcp 端口排除范围', '开始端口    结束端口', '* - 管理的端口排除。', 'gbk'),
    'powershell': ('Protocol tcp Port Exclusion Ranges', 'Start Port    End Port', '* - Administered port exclusions.', 'utf-16'),
}


def need(condition, what, seen):
    if not condition:
        failures.append(f'{what}\n{seen}')


def save(name, language, blocks=None):
    title, columns, note, encoding = HEADS[language]
    rows = '\r\n'.join(f'{low:10}  {high:10}     {star}' for low, high, star in (BLOCKS if blocks is None else blocks))
    path = os.path.join(folder.name, name)
    with open(path, 'wb') as file:
        file.write(f'\r\n{title}\r\n\r\n{columns}\r\n----------    --------\r\n{rows}\r\n\r\n{note}\r\n'.encode(encoding))
    return path


def run(*words, text=None):
    done = subprocess.run([ephemports, 'why', 'bind', *words], input=text, capture_output=True, timeout=20, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def ask(port, path, *words):
    status, out, err = run(str(port), '--os', 'windows', '--excluded', path, '--json', *words)
    return status, json.loads(out)


def command(answer, name):
    return [one['command'] for one in answer['advice'] if one['id'] == name]


THREE = ('net stop winnat\n'
         'netsh interface ipv4 add excludedportrange protocol=tcp startport=50051 numberofports=1 store=persistent\n'
         'net start winnat')
need(len(BLOCKS) == 40, 'forty rows', BLOCKS)
for language in HEADS:
    path = save(language, language)
    status, answer = ask(50051, path)
    need(status == 2, f'{language}: no', answer)
    need((answer['verdict'], answer['errno'], answer['reserved'], answer['holders']) == ('forbidden', 'WSAEACCES', True, []),
         f'{language}: verdict', answer)
    need(answer['excluded'] == {'low': 50000, 'high': 50059, 'ports': 60, 'administered': True, 'listed': True}, f'{language}: range', answer)
    need(command(answer, 'reserve') == [THREE], f'{language}: the three commands', answer)
    need(answer['ranges'] == 40, f'{language}: all rows', answer)
    need(answer['in_ephemeral_range'] is True and answer['exact'] is False, f'{language}: what is known', answer)

path = save('list', 'english')
status, out, err = run('50051', '--os', 'windows', '--excluded', path)
for words in ('no: 50051 is inside 50000-50059*', 'WSAEACCES', 'net stop winnat', 'startport=50051 numberofports=1', 'net start winnat'):
    need(status == 2 and words in out, f'the screen says {words}', out + err)

# Every port: inside a row and nowhere else.
for port in (1, 5356, 5357, 5358, 49999, 50000, 50059, 50060, 50100, 50101, 53600, 53601, 65535):
    inside = [(low, high, star) for low, high, star in BLOCKS if low <= port <= high]
    status, answer = ask(port, path)
    need(status == (2 if inside else 0), f'{port}: status', answer)
    need((answer['verdict'] == 'forbidden') == bool(inside), f'{port}: verdict', answer)
    if inside:
        need((answer['excluded']['low'], answer['excluded']['high'], answer['excluded']['administered']) ==
             (inside[0][0], inside[0][1], inside[0][2] == '*'), f'{port}: which', answer)
        need(bool(command(answer, 'delete-excluded')) == (inside[0][2] == '*'), f'{port}: who set it', answer)
    else:
        need('sockets-not-read' in answer['inexact_because'], f'{port}: sockets', answer)

# The block of WSL: in no list.
empty = save('empty', 'english', [])
status, answer = ask(45000, empty)
need((status, answer['verdict']) == (0, 'free'), 'not in the list', answer)
need(command(answer, 'mirrored-block') == ['wsl sysctl net.ipv4.ip_local_port_range'], 'where to look', answer)
status, answer = ask(45000, empty, '--mirrored', '44619-48715')
need((status, answer['verdict'], answer['errno']) == (2, 'in-use', 'WSAEADDRINUSE'), 'the block of WSL', answer)
need(answer['excluded'] == {'low': 44619, 'high': 48715, 'ports': 4097, 'administered': False, 'listed': False}, 'its size', answer)
status, out, err = run('44619', '--os', 'windows', '--excluded', empty, '--mirrored', '44619-48715')
need('4 097 ports unseen by excludedportrange' in out, 'the screen says so', out)
for port in (44618, 48716):
    need(ask(port, empty, '--mirrored', '44619-48715')[0] == 0, f'{port} is beside it', port)
with open(empty, 'ab') as file:
    file.write(b'net.ipv4.ip_local_port_range = 44619\t48715\r\n')
need(ask(45000, empty)[1]['verdict'] == 'in-use', 'told in the same file', empty)

# UDP has a list of its own.
status, out, err = run('50051', '--os', 'windows', '--excluded', path, '--udp')
need(status == 3 and 'protocol=udp' in err, 'the list is about TCP', err)

# What is no such list, and what does not go together.
for text in (b'', b'hello', b'--- ---\n9 8\n', b'--- ---\n1 2 3\n', b'\x00' * 100, b'--- ---\n' + b'1 2\n' * 5000, b'x' * 2000000):
    status, out, err = run('50051', '--os', 'windows', '--excluded', '-', text=text)
    need(status == 3 and not out and err.startswith('ephemports: ') and err.count('\n') == 1, f'refused: {text[:20]}', out + err)
for words in (['--os', 'windows'], ['--excluded', path], ['--os', 'linux', '--excluded', path], ['--os', 'windows', '--excluded', path, '--uid', '0'],
              ['--os', 'windows', '--excluded', folder.name], ['--os', 'windows', '--excluded', path, '--mirrored', '9-8']):
    status, out, err = run('50051', *words)
    need(status == 3 and err.startswith('ephemports: ') and err.count('\n') == 1, f'refused: {words}', out + err)

for failure in failures:
    print(failure)
print(f'{len(failures)} failures')
sys.exit(1 if failures else 0)
