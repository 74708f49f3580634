#!/usr/bin/env python3
"""Exercises what check measures of connections that this side closes, on a real kernel: a steady rate that the range does not
bear, the port that then is missing, and connections closed without a TIME_WAIT.

usage: test_check_rate.py EPHEMPORTS
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

ephemports = os.path.realpath(sys.argv[1])
if not os.environ.get('TEST_RATE_INSIDE'):
    unshare = ['unshare', '-n'] if os.geteuid() == 0 else ['unshare', '-r', '-n']
    if not shutil.which('unshare') or subprocess.run([*unshare, 'true'], capture_output=True).returncode:
        print('SKIP: no network namespace can be made here')
        sys.exit(77)
    os.environ['TEST_RATE_INSIDE'] = '1'
    os.execvp('unshare', [*unshare, sys.executable, __file__, ephemports])


def setting(name, value):
    with open('/proc/sys/net/ipv4/' + name, 'w') as file:
        file.write(value)


def risks(*ids):
    done = subprocess.run([ephemports, 'check', '--json', '--collector', 'netlink', '--only', ','.join(ids)], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode <= 2, done
    return json.loads(done.stdout)['risks']


def open_and_close():
    client = socket.create_connection(('127.0.0.1', 8080))
    accepted, _ = server.accept()
    client.close()
    accepted.close()


def steadily():
    while not stop.is_set():
        open_and_close()
        stop.wait(0.02)


subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
setting('ip_local_port_range', '40000 40999')
setting('tcp_tw_reuse', '0')
server = socket.create_server(('127.0.0.1', 8080), backlog=100)
stop = threading.Event()
thread = threading.Thread(target=steadily)
thread.start()
time.sleep(8)
found = risks('rate-exceeds-range')
stop.set()
thread.join()
assert len(found) == 1 and '127.0.0.1:8080 needs ' in found[0]['title'], found
assert 'at this rate none in about ' in found[0]['evidence'][1], found
time.sleep(10)
assert risks('rate-exceeds-range') == []  # what is over is no rate

setting('tcp_max_tw_buckets', '3')
for _ in range(8):
    open_and_close()
found = risks('tw-buckets-near-limit', 'tw-buckets-overflow')
assert [one['id'] for one in found] == ['tw-buckets-near-limit'], found
assert 'it happened to 8 connections' in ' '.join(found[0]['evidence']), found
setting('tcp_max_tw_buckets', '100000')
found = risks('tw-buckets-near-limit', 'tw-buckets-overflow')
assert [one['id'] for one in found] == ['tw-buckets-overflow'], found
assert found[0]['title'].startswith('8 connections'), found
print('all good')
