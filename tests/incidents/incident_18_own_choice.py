#!/usr/bin/env python3
"""Incident 18: a resolver (PowerDNS, Ruby's Resolv) picks its source ports itself, at random from 1024-65535, and names them to
bind(). It takes the port of a service although the port is reserved: ip_local_reserved_ports is about automatic choice. No
text may promise more; where a program named the port itself, that is what is said, and not "reserve it".

That it can fail was shown by breaking: `reserve` advised for every holder; `automatic` taken for known where it is not.

usage: incident_18_own_choice.py EPHEMPORTS
"""
import errno
import socket

import incident
from incident import (abort_all, ask, bind_errno, check, connect, keep, listen, need, need_words, other_process, really_bind, run,
                      setting, tree, why_bind)

PORT = 11211
PROMISES = ['will not be given', 'protect', 'never be taken', 'cannot be taken', 'nobody can', 'safe from']
NAMED = 'it named the port itself'
NO_HELP = f'keep the program from choosing {PORT}, by its own settings: {NAMED}, and reserving a port does not prevent that'
STAYS_OFF = f'{PORT} is reserved: that keeps outgoing connections off it, never a bind'

incident.begin()
setting('tcp_tw_reuse', '0')


def own_choice(address='0.0.0.0', udp=True, to=None):
    """As the resolver does: the port is a number of its own."""
    one = keep(really_bind(f'{address}:{PORT}', udp=udp))
    if to:
        one.connect(to)
    return one


def advice_ids(document):
    return [one['id'] for one in document['advice']]


def the_kernel():
    """What nothing may deny: of two ports, one reserved, automatic choice takes the other, and bind() takes either."""
    setting('ip_local_port_range', f'{PORT} {PORT + 1}')
    setting('ip_local_reserved_ports', str(PORT))
    for udp in (False, True):
        listen('127.0.0.1:53')
        need(connect('127.0.0.1:53', udp=udp).getsockname()[1] == PORT + 1, 'automatic choice passes over a reserved port')
        try:
            connect('127.0.0.1:53', udp=udp)
            need(False, 'automatic choice never takes a reserved port')
        except OSError as error:
            need(error.errno == (errno.EAGAIN if udp else errno.EADDRNOTAVAIL), f'{error}')
        need(bind_errno(str(PORT), ['--udp'] if udp else []) is None, 'bind() takes a reserved port')
        abort_all()


def taken():
    """The service does not start, whether its port is reserved or not; the resolver is named, and no reservation is sold."""
    setting('ip_local_port_range', '1024 65535')
    listen('127.0.0.1:53')
    cases = [(['--udp'], {}, '0.0.0.0'),
             (['--udp'], {'to': ('127.0.0.1', 53)}, '127.0.0.1'),
             ([], {'address': '127.0.0.1', 'udp': False, 'to': ('127.0.0.1', 53)}, '127.0.0.1')]
    for reserved in ('', str(PORT)):
        setting('ip_local_reserved_ports', reserved)
        for options, how, local in cases:
            with other_process('pdns_recursor', lambda: own_choice(**how)) as pid:
                holder = {'pid': pid, 'command': 'pdns_recursor', 'how': 'bound', 'automatic': False, 'local': f'{local}:{PORT}'}
                screen, document = why_bind(
                    str(PORT), *options, error='EADDRINUSE', holders=[holder],
                    says=[f'pdns_recursor (pid {pid}', NAMED, NO_HELP, f'end pid {pid}', *([STAYS_OFF] if reserved else [])],
                    never=[*PROMISES, 'sysctl'])
                need('named-itself' in advice_ids(document) and 'reserve' not in advice_ids(document), 'the advice', screen)
                need(document['reserved'] == bool(reserved), 'reserved', screen)
    abort_all()


def not_visible():
    """/proc/net does not tell who named a port: then a reservation is advised with that said."""
    setting('ip_local_reserved_ports', '')
    listen('127.0.0.1:53')
    for udp in (True, False):
        options = ['--udp'] if udp else []
        with other_process('ruby', lambda: own_choice('127.0.0.1', udp, ('127.0.0.1', 53))):
            screen, document = ask('why', 'bind', *options, str(PORT), way=('--collector', 'procfs'))
            need(document['holders'][0]['automatic'] is None, 'it is not known who chose', screen)
            need_words(screen, ['has the port as its source port', 'if it named the port itself, that does not keep it away'],
                       ['was given the port'])
    abort_all()


def given():
    """The same port, given by the kernel: here a reservation is the remedy, and no word casts doubt on it."""
    setting('ip_local_port_range', f'{PORT} {PORT}')
    listen('127.0.0.1:53')
    for udp in (True, False):
        with other_process('dig', lambda: connect('127.0.0.1:53', udp=udp)) as pid:
            why_bind(str(PORT), *(['--udp'] if udp else []), error='EADDRINUSE',
                     holders=[{'pid': pid, 'how': 'outgoing', 'automatic': True}],
                     says=['was given the port as its source port', f'outgoing connections will not be given {PORT} again'],
                     never=[NAMED])
    abort_all()


def advised():
    """check finds the service in danger. What it advises is followed; it said that this does not hold back such a program,
    and it does not."""
    setting('ip_local_port_range', '1024 65535')
    setting('ip_local_reserved_ports', '')
    ports = incident.work + '/ports'
    with open(ports, 'w') as file:
        file.write(f'{PORT} memcached\n')
    screen, risks = check('--ports-from', ports)
    risk = risks['configured-service-in-range']
    need_words(screen, ['automatic choice then passes over it',
                        'a program that picks its own source port is not held back by reserved ports'], PROMISES)
    incident.follow(risk['advice'][0]['command'])
    need(incident.get_setting('ip_local_reserved_ports') == str(PORT), 'it is reserved')
    screen, risks = check('--ports-from', ports)
    need('configured-service-in-range' not in risks, 'the risk of automatic choice is gone', screen)
    for options in ([], ['--udp']):
        why_bind(str(PORT), *options, says=['yes: ', STAYS_OFF], never=PROMISES)
    with other_process('pdns_recursor', own_choice):
        why_bind(str(PORT), '--udp', error='EADDRINUSE', holders=[{'how': 'bound', 'automatic': False}], says=[NO_HELP],
                 never=PROMISES)
        # A port that was reserved for a service is not given to another one while the resolver has it.
        done = run('pick', '--range', f'{PORT}-{PORT}')
        need(done.status == 3 and done.text == '' and 'left out: 1 in use' in done.errors, 'pick passes over it', done)


def reserved_by_us():
    """`reserve` says what it does, and no more."""
    setting('ip_local_reserved_ports', '')
    root = tree({'/etc/sysctl.d/README': ''})
    for arguments in (['add', str(PORT)], ['show'], ['remove', str(PORT)]):
        done = run('reserve', *arguments, root=root)
        need(done.status == 0, 'reserve works', done)
        need_words(done, never=PROMISES)
        if arguments[0] == 'add':
            need(bind_errno(str(PORT), ['--udp']) is None, 'bind() takes it all the same', done)
    for words in (run('help', 'reserve'), run('help', 'pick'), run('help', 'check'), run('help', 'why')):
        need_words(words, never=PROMISES)


the_kernel()
taken()
not_visible()
given()
advised()
reserved_by_us()
