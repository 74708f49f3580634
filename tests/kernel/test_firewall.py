#!/usr/bin/env python3
"""Exercises what why bind says of the packet filter, with real nft in namespaces made for it: random rulesets, then a
client outside connects to every port. What is claimed for certain must happen, and where nothing is claimed the packet arrives.

usage: test_firewall.py EPHEMPORTS [--rounds N] [--seed N]
"""
import errno
import json
import os
import random
import select
import shutil
import socket
import subprocess
import sys
import time

OURS, THEIRS = '10.77.0.1', '10.77.0.2'
PORTS = list(range(7001, 7009))


def client():
    """Outside: for every line on stdin connect to all ports, and print what came of each."""
    for _ in sys.stdin:
        waiting, seen = {}, {}
        for port in PORTS:
            one = socket.socket()
            one.setblocking(False)
            error = one.connect_ex((OURS, port))
            waiting[one.fileno()] = (one, port)
            if error not in (0, errno.EINPROGRESS):
                seen[port] = os.strerror(error)
        end = time.monotonic() + 0.6
        poll = select.poll()
        for number, (_, port) in waiting.items():
            if port not in seen:
                poll.register(number, select.POLLIN)
        while len(seen) < len(PORTS) and time.monotonic() < end:
            for number, _event in poll.poll(50):
                one, port = waiting[number]
                try:
                    seen[port] = one.recv(16).decode()
                except OSError as error:
                    # An error that comes while connect() still runs is told once and tried again: refused all the same.
                    seen[port] = os.strerror(errno.ECONNREFUSED) if error.errno == errno.EAGAIN else error.strerror
                poll.unregister(number)
        for one, port in waiting.values():
            one.close()
        print(json.dumps({port: seen.get(port, 'lost') for port in PORTS}), flush=True)


def arguments():
    rest = sys.argv[2:]
    value = {rest[i]: int(rest[i + 1]) for i in range(0, len(rest), 2)}
    return value.get('--rounds', 25), value.get('--seed', 20261121)


def port_match(rng):
    """A condition on the port, or none."""
    a, b = sorted(rng.sample(PORTS, 2))
    return rng.choice([f'tcp dport {a}', f'tcp dport {a}-{b}', f'tcp dport {{ {a}, {b} }}', f'tcp dport != {a}', 'tcp dport @some',
                       f'tcp dport >= {b}', f'meta l4proto {{ tcp, udp }} th dport {a}', f'udp dport {a}',
                       f'ip daddr . tcp dport {{ {OURS} . {a}, 10.9.9.9 . {b} }}', f'tcp dport != @some'])


def condition(rng):
    return rng.choice(['', '', '', '', f'ip saddr {THEIRS}', 'ip saddr 10.9.9.9', 'ct state new', 'ct state established,related',
                       'ct state invalid', 'iifname "lo"', 'iifname != "lo"', 'fib daddr type local', 'counter', 'ct state != new',
                       'ct status dnat', 'ip6 saddr ::1', 'meta nfproto ipv4', 'iif lo', 'tcp flags syn'])


def filter_rule(rng, targets):
    verdict = rng.choice(['accept', 'accept', 'drop', 'drop', 'reject', 'return', 'counter'] + targets)
    if rng.random() < 0.1:
        a, b = rng.sample(PORTS, 2)
        return f'tcp dport vmap {{ {a} : drop, {b} : accept }}'
    if rng.random() < 0.1:
        return 'ct state vmap { established : accept, related : accept, invalid : drop }'
    if rng.random() < 0.08:
        return rng.choice(['ct state established accept', 'iif lo accept', verdict])
    only = condition(rng)
    if 'established' in only or '!= new' in only:
        verdict = 'accept'  # else the connection begins and is cut later, which is another question
    return f'{port_match(rng)} {only} {verdict}'


def nat_rule(rng):
    to = rng.choice(PORTS)
    at = rng.choice([port for port in PORTS if port != to])
    match = rng.choice([f'tcp dport {at}', f'tcp dport {at} {condition(rng)}'])
    if 'ct state' in match or 'ct status' in match:
        match = f'tcp dport {at}'
    return f'{match} ' + rng.choice([f'redirect to :{to}', f'dnat to {OURS}:{to}', 'accept', 'return'])


def ruleset(rng):
    some = ', '.join(map(str, rng.sample(PORTS, 2)))
    rules = '\n'.join
    early = 'chain early { type filter hook prerouting priority -300; ' + f'tcp dport {rng.choice(PORTS)} {condition(rng)} drop; }}'
    if 'ct ' in early or rng.random() < 0.6:
        early = ''
    return f'''flush ruleset
table inet f {{
  set some {{ type inet_service; elements = {{ {some} }} }}
  chain inner {{ {rules(filter_rule(rng, []) for _ in range(rng.randrange(4)))}
  }}
  chain outer {{ {rules(filter_rule(rng, ['jump inner', 'goto inner']) for _ in range(rng.randrange(4)))}
  }}
  {early}
  chain input {{ type filter hook input priority 0; policy {rng.choice(['accept', 'accept', 'drop'])};
    {rules(filter_rule(rng, ['jump outer', 'goto inner', 'jump inner']) for _ in range(rng.randrange(1, 7)))}
  }}
  chain later {{ type filter hook input priority 10; policy accept;
    {rules(filter_rule(rng, ['jump inner']) for _ in range(rng.randrange(3)))}
  }}
}}
table ip n {{
  chain prerouting {{ type nat hook prerouting priority -100;
    {rules(nat_rule(rng) for _ in range(rng.randrange(4)))}
  }}
}}
'''


def why(port, *options):
    done = subprocess.run([ephemports, 'why', 'bind', '--json', '--collector', 'netlink', *options, str(port)], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode <= 2, done
    return json.loads(done.stdout)


def nft(text):
    subprocess.run(['nft', '-f', '-'], input=text, text=True, check=True)


def accepted(seed):
    """The first ruleset behind @seed that nft takes: it refuses some that contradict themselves."""
    for attempt in range(100):
        text = ruleset(random.Random(seed * 100 + attempt))
        if subprocess.run(['nft', '-f', '-'], input=text, text=True, capture_output=True).returncode == 0:
            return text
    raise AssertionError('nft takes none')


def compare(text, port, claims, happened):
    certain = [claim for claim in claims if claim['certain']]
    expected = {'drop': 'lost', 'reject': 'Connection refused'}
    wrong = not claims and happened != str(port)
    for claim in certain:
        wrong |= happened == str(port)
        # Another rule may have sent some of them away first.
        wrong |= len(claims) == 1 and happened != expected.get(claim['what'], happened)
    if wrong:
        print(text)
        raise AssertionError(f'port {port}: {happened}, but {claims}')
    return len(certain)


def random_rules(outside, rounds, seed):
    certain = quiet = 0
    for number in range(rounds):
        text = accepted(seed + number)
        answers = {port: why(port) for port in PORTS}
        outside.stdin.write('\n')
        outside.stdin.flush()
        seen = json.loads(outside.stdout.readline())
        for port, answer in answers.items():
            assert answer['firewall'] == 'read', answer
            assert answer['verdict'] == 'in-use', answer
            if compare(f'seed {seed + number}\n{text}', port, answer['claims'], seen[str(port)]):
                certain += 1
            quiet += not answer['claims']
    print(f'{rounds} rulesets from seed {seed}: {certain} ports claimed for certain, {quiet} not at all')
    assert certain >= rounds and quiet >= rounds, 'the rulesets are too plain to tell anything'


def words():
    """What a reader sees, and what is not seen without permission."""
    nft('flush ruleset\ntable ip nat {\n chain PREROUTING { type nat hook prerouting priority -100;\n'
        'tcp dport 8080 redirect to :80\n tcp dport 8081 dnat to 10.0.0.5:81\n }\n}\n'
        'table inet x {\n chain input { type filter hook input priority 0; policy accept;\n tcp dport 8082 drop\n }\n}\n')

    def text(*what):
        return subprocess.run([ephemports, 'why', 'bind', *what], capture_output=True, text=True).stdout

    seen = text('8080')
    assert 'yes: bind tcp 0.0.0.0:8080' in seen, seen
    assert 'redirects tcp/8080 to port 80: a server on 8080 never sees packets from outside' in seen, seen
    assert 'nftables rule ip nat PREROUTING handle' in seen, seen
    seen = text('8081')
    assert 'sends tcp/8081 to 10.0.0.5:81' in seen, seen
    seen = text('8082')
    assert 'drops inbound packets to tcp/8082' in seen, seen
    for quiet in (('8083',), ('127.0.0.1:8080',), ('--udp', '8080'), ('[::1]:8082',)):
        assert 'nftables' not in text(*quiet), quiet
    assert 'nftables' not in text('-6', '--v6only', '8080')
    answer = why(8080)
    rule = answer['claims'][0]['rule'].split()
    subprocess.run(['nft', 'delete', 'rule', *rule], check=True)  # what is named is what it takes
    assert why(8080)['claims'] == []
    if shutil.which('setpriv') and os.environ.get('TEST_FIREWALL_ROOT'):
        done = subprocess.run(['setpriv', '--reuid=65534', '--clear-groups', ephemports, 'why', 'bind', '--json', '8082'],
                              capture_output=True, text=True, cwd='/')
        if done.returncode <= 2:
            answer = json.loads(done.stdout)
            assert answer['firewall'] == 'not-read' and answer['claims'] == [], answer
    nft('flush ruleset\n')
    assert why(8082)['claims'] == [] and why(8082)['firewall'] == 'read'


def iptables():
    """Extensions are opaque in nft's JSON: what is read is said, what is not is said to be so."""
    rules = [['-t', 'nat', '-A', 'PREROUTING', '-p', 'tcp', '--dport', '8200', '-j', 'REDIRECT', '--to-ports', '83'],
             ['-A', 'INPUT', '-p', 'tcp', '--dport', '8400', '-j', 'DROP'],
             ['-A', 'INPUT', '-p', 'tcp', '-m', 'multiport', '--dports', '8500,8501', '-j', 'DROP']]
    if not shutil.which('iptables-nft'):
        print('no iptables-nft: its rules were not looked at')
        return
    for rule in rules:
        subprocess.run(['iptables-nft', *rule], check=True)
    answer = why(8200)
    assert answer['firewall'] == 'read-in-part', answer
    assert [claim['what'] for claim in answer['claims']] == ['redirect'], answer
    assert [claim['what'] for claim in why(8400)['claims']] == ['drop']
    assert why(8500)['claims'] == []  # not known, so not claimed
    seen = subprocess.run([ephemports, 'why', 'bind', '8500'], capture_output=True, text=True).stdout
    assert 'could not be read: see iptables-save' in seen, seen
    nft('flush ruleset\n')


def unread():
    """What was not read is said in a line, also where nothing is claimed."""
    def text(*what):
        return subprocess.run([ephemports, *what], capture_output=True, text=True).stdout

    nft('flush ruleset\n')
    assert 'firewall rule' not in text('why', 'bind', '8500') + text('check')
    # More rules than are kept.
    nft('table inet many {\n chain input { type filter hook input priority 0;\n' +
        ''.join(f'tcp dport {port % 1000 + 1} accept\n' for port in range(70000)) + '}\n}\n')
    assert 'firewall rules not read: ' in text('why', 'bind', '8500'), text('why', 'bind', '8500')
    assert 'firewall rules not read' not in text('why', 'bind', '127.0.0.1:8500')
    assert 'firewall_not_read_because' in why(8500)
    assert 'not looked at  firewall rules: ' in text('check')
    nft('flush ruleset\n')


def ranges():
    """check tells of published ports inside the range, and its advice ends that."""
    nft('flush ruleset\ntable ip nat {\n chain PREROUTING { type nat hook prerouting priority -100;\n'
        'tcp dport 40000-40003 dnat to 10.0.0.5\n tcp dport 80 redirect to :8080\n }\n}\n')

    def risks():
        done = subprocess.run([ephemports, 'check', '--json', '--only', 'firewall-claims-range'], capture_output=True, text=True)
        return json.loads(done.stdout)['risks']

    found = risks()
    assert len(found) == 1 and '40000-40003' in found[0]['title'], found
    assert '10.0.0.5' in ' '.join(found[0]['evidence']), found
    with open('/proc/sys/net/ipv4/ip_local_reserved_ports', 'w') as file:
        file.write('40000-40003')
    assert risks() == []
    nft('flush ruleset\n')


def serve(outside):
    """A listener on each port that says which one it is."""
    servers = [socket.create_server((OURS, port), backlog=64) for port in PORTS]
    if os.fork():
        return
    outside.stdin.close()
    outside.stdout.close()
    poll = select.poll()
    by_number = {server.fileno(): server for server in servers}
    for number in by_number:
        poll.register(number, select.POLLIN)
    parent = os.getppid()
    while os.getppid() == parent:
        for number, _event in poll.poll(500):
            one, _ = by_number[number].accept()
            try:
                one.send(str(by_number[number].getsockname()[1]).encode())
            except OSError:
                pass
            one.close()
    os._exit(0)


def main():
    rounds, seed = arguments()
    run = lambda *words: subprocess.run(words, check=True)
    run('ip', 'link', 'set', 'lo', 'up')
    outside = subprocess.Popen(['unshare', '-n', sys.executable, __file__, 'client'], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(0.3)
        run('ip', 'link', 'add', 'ours', 'type', 'veth', 'peer', 'name', 'theirs', 'netns', str(outside.pid))
        run('ip', 'address', 'add', OURS + '/24', 'dev', 'ours')
        run('ip', 'link', 'set', 'ours', 'up')
        for what in (['address', 'add', THEIRS + '/24', 'dev', 'theirs'], ['link', 'set', 'theirs', 'up']):
            run('nsenter', '-t', str(outside.pid), '-n', 'ip', *what)
        serve(outside)
        for _ in range(10):
            outside.stdin.write('\n')
            outside.stdin.flush()
            if all(str(port) == answer for port, answer in json.loads(outside.stdout.readline()).items()):
                break
        else:
            raise AssertionError('the client outside does not reach the servers')
        words()
        iptables()
        unread()
        ranges()
        random_rules(outside, rounds, seed)
    finally:
        outside.stdin.close()
        outside.wait(timeout=10)
    print('all good')


if sys.argv[1] == 'client':
    client()
    sys.exit(0)
ephemports = os.path.realpath(sys.argv[1])
if not os.environ.get('TEST_FIREWALL_INSIDE'):
    unshare = ['unshare', '-n'] if os.geteuid() == 0 else ['unshare', '-r', '-n']
    usable = shutil.which('unshare') and not subprocess.run([*unshare, 'true'], capture_output=True).returncode
    nft_here = os.path.exists('/usr/sbin/nft') and usable and not subprocess.run(
        [*unshare, 'nft', 'add', 'table', 'ip', 'x'], capture_output=True).returncode
    if not nft_here:
        print('SKIP: no network namespace can be made here, or nft (Debian: nftables) does not work in it')
        sys.exit(77)
    os.environ['TEST_FIREWALL_INSIDE'] = '1'
    if os.geteuid() == 0:
        os.environ['TEST_FIREWALL_ROOT'] = '1'
    os.execvp('unshare', [*unshare, sys.executable, __file__, *sys.argv[1:]])
main()
