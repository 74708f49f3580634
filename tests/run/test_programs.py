#!/usr/bin/env python3
"""Exercises `ephemports run` with programs as Debian has them: curl, wrk, nginx as a proxy whose workers give up root,
redis-cli, http.client of python3, node. Each with and without: the same answers. Where they connect from, the server's log says.

That it can fail was shown by breaking: nginx's workers, children of a fork(), taken for those of vfork().

usage: test_programs.py EPHEMPORTS
"""
import os
import re
import shutil
import sys
import time

import frame
import incident
from frame import do, need, ok, under_run

import debian

WEB, PROXY, REDIS = 6000, 6001, 6379
HOST = range(40000, 40512)
SOURCES = [f'127.0.0.{one}' for one in range(8, 12)]
GIVEN = ('--from', '127.0.0.8/30', '--range', '40100-40163')
RANGE = range(40100, 40164)

NODE = '''
const http = require('http');
http.get({host: '127.0.0.1', port: %d, path: '/hello', agent: false}, (answer) => {
	let text = '';
	answer.on('data', (part) => text += part);
	answer.on('end', () => console.log(answer.statusCode, text.trim()));
}).on('error', (error) => console.log(error.code));
'''
PYTHON = '''
import http.client
try:
    one = http.client.HTTPConnection("127.0.0.1", %d, timeout=10)
    one.request("GET", "/hello")
    answer = one.getresponse()
    print(answer.status, answer.read())
except OSError as error:
    print(error)
'''


def unpack(name, packages):
    root, why_not = debian.unpack(name, packages)
    if not root:
        frame.skip(why_not)
    return root


def nginx_configuration(name, serves, workers=2):
    """With a user of its own: the workers are not root."""
    to = f'{incident.work}/{name}'
    os.makedirs(to + '/html')
    with open(to + '/html/hello', 'w') as file:
        file.write('hello, whoever you are\n')
    serves = serves.replace('TO', to)
    places = ''.join(f'{one}_temp_path {to}/{one};\n' for one in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    with open(to + '/nginx.conf', 'w') as file:
        file.write(f'user nobody nogroup;\nworker_processes {workers};\npid {to}/pid;\ndaemon off;\nevents {{ worker_connections 512; }}\n'
                   f'http {{\nlog_format from "$remote_addr $remote_port $request_uri";\naccess_log {to}/access.log from;\n{places}'
                   f'keepalive_requests 100000;\nserver {{ {serves} }}\n}}\n')
    return to


def nginx(root, to):
    return [root + '/usr/sbin/nginx', '-p', to, '-c', to + '/nginx.conf', '-e', to + '/error.log']


def seen_from(to):
    """Where the clients of the web server came from since the last time."""
    log = f'{to}/access.log'
    end, size = time.monotonic() + 5, 0
    while time.monotonic() < end and (not size or size != os.path.getsize(log)):
        size = os.path.getsize(log)
        time.sleep(0.1)     # a line may come after its answer
    with open(log) as file:
        seen = {(words[0], int(words[1])) for words in map(str.split, file) if len(words) == 3}
    os.truncate(log, 0)
    return seen


def need_given(name, seen):
    need(seen and all(address in SOURCES and port in RANGE for address, port in seen), f'{name} came from {sorted(seen)[:5]}')


def both(name, command, web=None, normal=lambda text: text, repeat=4, expect=None):
    """The same output and status with and without; @web: and its connections from where they were to come from."""
    plain = do(*command)
    if web:
        seen_from(web)
    need(expect is None or expect in plain.out, f'{name} works', plain)
    for _ in range(repeat):
        run = do(*under_run(*GIVEN, '--', *command))
        need((run.status, normal(run.out), normal(run.err)) == (plain.status, normal(plain.out), normal(plain.err)), f'{name} is the same\n{plain}', run)
    if web:
        need_given(name, seen_from(web))
    ok(f'{name} with and without run')


def wrk_words(text):
    """What does not depend on speed: that there were requests, and errors if there were any."""
    return ['requests' if re.search(r'[1-9]\d* requests in', text) else 'none', *re.findall(r'(Socket errors.*|Non-2xx.*)', text)]


def proxied(root, web):
    to = nginx_configuration('proxy', f'listen 127.0.0.1:{PROXY}; location / {{ proxy_pass http://127.0.0.1:{WEB}; }}')
    answers = []
    for command in (nginx(root, to), under_run(*GIVEN, '--report', '--', *nginx(root, to))):
        with frame.background(*command, ready=frame.listens(PROXY), env=debian.environment(root)):
            workers = [one for one in do('ps', '-eo', 'user,args').out.splitlines() if 'nginx: worker' in one]
            need(any(one.startswith('nobody') for one in workers), f'workers are not root: {workers}')
            answers.append([do('curl', '-sS', f'http://127.0.0.1:{PROXY}/hello').out for _ in range(20)])
            seen = seen_from(web)
    need(answers[0] == answers[1] and 'hello' in answers[0][0], 'the proxy gives the same', str(answers))
    need_given('nginx', seen)
    need(len({address for address, _ in seen}) > 1, f'from more than one address: {seen}')
    with open(f'{incident.work}/ephemports.log') as file:
        report = file.read()
    need('20 connections made' in report, 'the connections of workers are counted', report)
    ok('nginx as a proxy with and without run')


web_root = unpack('nginx', ['nginx', 'nginx-common', 'libpcre2-8-0'])
redis_root = unpack('redis', ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1', 'libatomic1'])
frame.begin(low=HOST[0], high=HOST[-1], root=True)
frame.setting('ipv4/tcp_tw_reuse', '1')
web = nginx_configuration('web', f'listen 127.0.0.1:{WEB} backlog=4096; root TO/html; location / {{ }}')
url = f'http://127.0.0.1:{WEB}/hello'
with frame.background(*nginx(web_root, web), ready=frame.listens(WEB), env=debian.environment(web_root)):
    both('curl', ['curl', '-sS', url, '--next', '-sS', url], web, expect='hello')
    both('curl, refused', ['curl', '-sS', 'http://127.0.0.1:6999/'],
         normal=lambda text: re.sub(r'after \d+ ms', '', text), repeat=1)
    both('python3', [sys.executable, '-c', PYTHON % WEB], web, expect="200 b'hello")
    both('python3, refused', [sys.executable, '-c', PYTHON % 6999], expect='refused')
    if shutil.which('node'):
        both('node', ['node', '-e', NODE % WEB], web, repeat=2, expect='200 hello')
        both('node, refused', ['node', '-e', NODE % 6999], repeat=1, expect='ECONNREFUSED')
    if shutil.which('wrk'):
        both('wrk', ['wrk', '-t2', '-c32', '-d1s', url], web, normal=wrk_words, repeat=1, expect='requests in')
        many = ['wrk', '-t2', '-c200', '-d1s', url]
        run = do(*under_run(*GIVEN, '--report', '--', *many))
        need('Socket errors' not in run.out and wrk_words(run.out) == ['requests'], 'wrk has more connections than ports', run)
        need_given('wrk', seen_from(web))
        ok(f'wrk with 200 connections from 4 x 64 ports: {run.err.splitlines()[0]}')
    proxied(web_root, web)
redis = [redis_root + '/usr/bin/redis-server', '--port', REDIS, '--save', '', '--protected-mode', 'no', '--daemonize', 'no', '--dir', incident.work]
cli = redis_root + '/usr/bin/redis-cli'
os.environ.update(LD_LIBRARY_PATH=debian.environment(redis_root)['LD_LIBRARY_PATH'])
with frame.background(*redis, ready=frame.listens(REDIS)):
    both('redis-cli', [cli, '-p', str(REDIS), 'set', 'key', 'value'], expect='OK')
    both('redis-cli', [cli, '-p', str(REDIS), 'get', 'key'], expect='value')
    addresses = {do(*under_run(*GIVEN, '--', cli, '-p', str(REDIS), 'client', 'info')).out.split(' addr=')[1].split()[0] for _ in range(8)}
    need(all(one.rpartition(':')[0] in SOURCES and int(one.rpartition(':')[2]) in RANGE for one in addresses), f'redis-cli came from {addresses}')
    ok('redis-cli comes from --from')
