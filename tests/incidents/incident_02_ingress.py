#!/usr/bin/env python3
"""Incident 2: the range begins at 1024; the API server's connection to etcd was given 10254, the ingress controller's health
port. Who has it, and which other configured ports wait for the same: kubelet's, kube-proxy's, a user's list, the NodePorts.

That it can fail was shown by breaking: NodePorts not told; `outgoing` told as `bound`.

usage: incident_02_ingress.py EPHEMPORTS
"""
import errno
import os

import incident
from incident import abort_all, check, connect, follow, listen, need, other_process, risk_words, setting, tree, why_bind

incident.begin()
setting('tcp_tw_reuse', '0')
FILES = {
    '/var/lib/kubelet/config.yaml': 'kind: KubeletConfiguration\nhealthzPort: 10248\n',
    '/var/lib/kube-proxy/config.conf': 'healthzBindAddress: 0.0.0.0:10256\nmetricsBindAddress: 127.0.0.1:10249\n',
    '/etc/kubernetes/manifests/ingress.yaml': 'spec:\n  containers:\n  - args:\n    - --healthz-port=10254\n',
    '/etc/kubernetes/manifests/etcd.yaml': '    - --listen-client-urls=https://127.0.0.1:2379\n    - --listen-peer-urls=https://10.0.0.1:2380\n',
    '/etc/sysctl.d/90-range.conf': 'net.ipv4.ip_local_port_range = 1024 65535\n',
}
WAITING = ('10250 kubelet', '10248 kubelet', '10254 ingress (/etc/kubernetes/manifests/ingress.yaml:4)', '10256 kube-proxy',
           '10249 kube-proxy', '2379 etcd', '2380 etcd')


def happened():
    setting('ip_local_port_range', '10254 10254')
    listen('127.0.0.1:2379')
    with other_process('kube-apiserver', lambda: connect('127.0.0.1:2379')) as pid:
        why_bind('10254', error='EADDRINUSE',
                 holders=[{'pid': pid, 'command': 'kube-apiserver', 'how': 'outgoing', 'local': '127.0.0.1:10254',
                           'remote': '127.0.0.1:2379'}],
                 says=[f'kube-apiserver (pid {pid}', '127.0.0.1:10254 -> 127.0.0.1:2379', 'source port',
                       'will not be given 10254 again'])
        why_bind('[::]:10254', error='EADDRINUSE', holders=[{'pid': pid, 'how': 'outgoing'}],
                 says=['which without IPV6_V6ONLY is every IPv4 address too'])
    abort_all()


def all_configured():
    setting('ip_local_port_range', '1024 65535')
    root = tree(FILES)
    screen, risks = check(root=root)
    need(screen.status == 1, 'a warning', screen)
    one = risks['configured-service-in-range']
    for port in WAITING:
        need(port in risk_words(one), f'check names {port}', screen)
    nodes = risks['range-into-nodeports']
    need('30000-32767' in nodes['title'], 'the NodePorts', screen)
    listed = os.path.join(incident.work, 'ports')
    with open(listed, 'w') as file:
        file.write('10254 ingress\n9443 webhook\n')
    screen, more = check('--ports-from', listed, root=root)
    need('9443 webhook' in risk_words(more['configured-service-in-range']), 'a port of our own list', screen)
    follow(one['advice'][0]['command'])
    screen, risks = check(root=root)
    need('configured-service-in-range' not in risks, 'followed, the risk is gone', screen)
    follow(risks['range-into-nodeports']['advice'][0]['command'])
    screen, risks = check(root=root)
    need(not {'range-into-nodeports', 'configured-service-in-range'} & set(risks), 'both are gone', screen)


def kept_away():
    """All of them are reserved now: the only port of the range is not given, whichever it is."""
    listen('127.0.0.1:8080')
    for port in (10254, 10250, 10256, 2379):
        setting('ip_local_port_range', f'{port} {port}')
        try:
            connect('127.0.0.1:8080')
            need(False, f'{port} is not given to a client')
        except OSError as error:
            need(error.errno == errno.EADDRNOTAVAIL, 'EADDRNOTAVAIL', error)
    abort_all()
    why_bind('10254', says=['yes: ', '10254 is reserved'])


happened()
all_configured()
kept_away()
