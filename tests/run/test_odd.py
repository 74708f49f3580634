#!/usr/bin/env python3
"""Exercises the preload library: odd things that programs do, each with and without `ephemports run`, same results; and what
`run` adds. The range has 16 ports.

That it can fail was shown by breaking: a port not given back by close_range(); the window of the program overwritten; a vfork()
child taken for a process of its own; errno set by a connect() that succeeds.

usage: test_odd.py EPHEMPORTS ODD_PROGRAM SERVICE CONNECTIONS
"""
import os
import re
import sys

import frame
from frame import do, need, ok, under_run

odd, service, connections = os.path.realpath(sys.argv[2]), os.path.realpath(sys.argv[3]), int(sys.argv[4])
frame.begin()
PORT = 5000
at = ('127.0.0.1', PORT)
low = 30000


def fresh_range(ports):
    """Where no TIME_WAIT stays from before. Gives its first port."""
    global low
    low += ports
    frame.setting('ip_local_port_range', f'{low - ports} {low - 1}')
    return low - ports


def same(case, *more, ports=16, window=False, expect=None):
    """With and without; @window: with the number of a port of the range. Gives what was printed."""
    first = fresh_range(ports)
    plain = do(odd, case, *at, *([first + 3] if window else more))
    first = fresh_range(ports)
    run = do(*under_run(odd, case, *at, *([first + 3] if window else more)))
    need(plain.status == 0, f'{case} ends well', plain)
    need((run.status, run.out, run.err) == (plain.status, plain.out, plain.err), f'{case} is the same under run\n{plain}', run)
    for one in (expect,) if isinstance(expect, str) else expect or ():
        need(one in run.out, f'{case} says "{one}"', run)
    ok(f'{case} with and without run')
    return run.out


def from_addresses(case, count=1, times=12):
    """Under --from each line ends in one of the addresses; in so many attempts more than one is seen."""
    seen = set()
    for _ in range(times):
        run = do(*under_run('--from', '127.0.0.4/30', '--', odd, case, *at))
        lines = run.out.split('\n')[:-1]
        need(run.status == 0 and len(lines) == count, f'{case} ends well', run)
        seen |= {line.split()[-1] for line in lines}
    need(seen <= {f'127.0.0.{one}' for one in (4, 5, 6, 7)} and len(seen) > 1, f'{case} connects from {seen}', run)
    ok(f'{case} connects from the addresses of --from')


def addresses_and_ports(given, least, most):
    """Ports from --range, addresses from --from, where the program has not chosen."""
    run = do(*under_run('--range', given, '--from', '127.0.0.4/30', '--', odd, 'ports', *at))
    seen = {name: (int(port), address) for name, port, address in (line.split() for line in run.out.splitlines())}
    for name in ('sendto', 'again', 'sendmsg', 'sendmmsg', 'multicast', 'udp', 'tcp', 'listen'):
        need(least <= seen[name][0] <= most, f'{name}: a port of --range', run)
    for name in ('sendto', 'again', 'sendmsg', 'sendmmsg'):
        need(seen[name][1] in [f'127.0.0.{one}' for one in (4, 5, 6, 7)], f'{name}: an address of --from', run)
    for name in ('multicast', 'udp', 'tcp', 'listen'):
        need(seen[name][1] == '0.0.0.0', f'{name}: to all addresses, as the program said', run)
    need(seen['again'] == seen['sendto'], 'a second datagram from the same place', run)
    need(seen['late'] == (0, '127.0.0.1') and seen['own'] == (5558, '127.0.0.1'), 'what the program chose is kept', run)
    ports = {int(do(*under_run('--range', given, '--', odd, 'from', *at), env=dict(os.environ, ODD_PORT='1')).out.split()[1])
             for _ in range(8)}
    need(all(least <= one <= most for one in ports) and len(ports) > 1, f'connections from --range: {ports}')
    ok(f'--range {given}: datagrams, listeners, connections')


with frame.background(service, *at, ready=frame.listens(PORT)):
    same('ends', expect=['16 connections, then EADDRNOTAVAIL', 'close_range: fine, then EADDRNOTAVAIL', 'vfork: fine, then EADDR'])
    # With so many a port that was not given back is not found by the way.
    same('ends', ports=2048, expect=['2048 connections, then EADDRNOTAVAIL', 'closefrom: fine, then EADDR'])
    out = same('choice', window=True, expect='a window: fine, port kept')
    need('lost' not in out and re.search('address 1', out) is None, 'each choice is kept', out)
    same('errors', expect=['fine: 0 ECHILD', 'in the end fine, again fine, and again EISCONN', 'no socket: -1 ENOTSOCK'])
    same('retry', expect='16 others, then EISCONN')
    same('descriptors')
    same('storm', 60, expect='60 children, 120 made, 0 without')
    same('signal', 3000, expect='0 failed, 0 failed in the handler, some')
    same('from', expect='127.0.0.1')
    same('early', expect='before main: 127.0.0.1')
    same('late', expect='after main: 127.0.0.1')
    same('vfork')
    from_addresses('from')
    from_addresses('late')
    from_addresses('vfork')
    if os.geteuid() == 0:
        same('jail', expect='127.0.0.1')
        from_addresses('jail')
    for low_port, high_port in ((42000, 42009), (61000, 61009)):     # within the range of the host, and outside
        frame.setting('ip_local_port_range', '41900 42100')
        addresses_and_ports(f'{low_port}-{high_port}', low_port, high_port)
    frame.setting('ip_local_port_range', '42000 42063')
    run = do(*under_run('--report', '--', odd, 'threads', *at, connections))
    need(f'{8 * connections} made, 0 without a port, 0 failed' in run.out, 'threads find a port each time', run)
    need(f'{8 * connections:,}'.replace(',', ' ') + ' connections made' in run.err, 'the report counts them', run)
    ok(f'8 threads, {connections} connections each: {run.err.strip().splitlines()[-1].strip()}')
