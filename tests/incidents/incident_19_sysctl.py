#!/usr/bin/env python3
"""Incident 19: the range was set in /etc/sysctl.d, and after the reboot it is another. Which file wins, which value runs now,
and where to write. Readers differ: systemd-sysctl sorts by name over all directories, sysctl --system reads
/etc/sysctl.conf last.

That it can fail was shown by breaking: files sorted by directory; /etc/sysctl.conf taken to be read at boot.

usage: incident_19_sysctl.py EPHEMPORTS
"""
import incident
from incident import check, follow, need, risk_words, run, setting, tree

incident.begin()
RANGE = 'net.ipv4.ip_local_port_range = '
DEFAULT = {'/usr/lib/sysctl.d/50-default.conf': RANGE + '32768 60999\n'}
MINE = {'/etc/sysctl.d/60-mine.conf': '# wider\n' + RANGE + '15000 64999\n'}


def wins(files, running, title, *evidence, status):
    setting('ip_local_port_range', running)
    screen, risks = check(root=tree(files))
    need('sysctl-files-disagree' in risks, 'told', screen)
    one = risks['sysctl-files-disagree']
    need(title in one['title'], f'"{title}"', screen)
    for word in evidence:
        need(word in risk_words(one), f'"{word}"', screen)
    need(screen.status == status, f'status {status}', screen)
    print(f'ok: {title}', flush=True)
    return one


# A link to sysctl.conf, as Debian had it, sorts behind everything. The value runs, so for information only.
one = wins({**DEFAULT, **MINE, '/etc/sysctl.conf': RANGE + '32768 60999\n', '/etc/sysctl.d/99-sysctl.conf': '->/etc/sysctl.conf'},
           '32768 60999', '/etc/sysctl.d/99-sysctl.conf:1 wins', '/etc/sysctl.d/60-mine.conf:2 says 15000 64999 (overridden)',
           'a new value belongs in line 1 of /etc/sysctl.conf', status=0)
need(one['severity'] == 'info', 'for information')

# Without the link only sysctl --system reads sysctl.conf: who reads last decides.
files = {**DEFAULT, **MINE, '/etc/sysctl.conf': RANGE + '32768 60999\n'}
one = wins(files, '32768 60999', 'is 32768 60999 now and 15000 64999 after the next boot: /etc/sysctl.d/60-mine.conf:2 wins',
           '/etc/sysctl.conf:1 says 32768 60999 (sysctl --system reads it last', status=1)
follow([advice for advice in one['advice'] if advice['command'].startswith('sysctl')][0]['command'])
need(incident.get_setting('ipv4/ip_local_port_range') == '15000 64999', 'followed')
wins(files, '15000 64999', 'files set ip_local_port_range to different values', status=1)

# tuned, or a package, sorts behind the administrator's file, from a directory that is less looked at.
one = wins({**MINE, '/usr/lib/sysctl.d/99-vendor.conf': RANGE + '40000 49999\n'}, '15000 64999',
     'is 15000 64999 now and 40000 49999 after the next boot: /usr/lib/sysctl.d/99-vendor.conf:1 wins',
     '/etc/sysctl.d/60-mine.conf:2 says 15000 64999',
     status=1)
need(one['advice'][0]['command'] == 'ephemports range set 15000-64999', 'kept by a command that finds the file', one)
wins({**MINE, '/usr/lib/sysctl.d/99-vendor.conf': RANGE + '40000 49999\n', '/etc/sysctl.d/zz-ephemports.conf': RANGE + '15000 64999\n'},
     '15000 64999', '/etc/sysctl.d/zz-ephemports.conf:1 wins', status=0)
wins({**MINE, '/run/sysctl.d/70-tuned.conf': RANGE + '40000 49999\n'}, '40000 49999', '/run/sysctl.d/70-tuned.conf:1 wins',
     '/etc/sysctl.d/60-mine.conf:2 says 15000 64999 (overridden)',
     'a new value belongs in /etc/sysctl.d/zz-ephemports.conf, read after /run/sysctl.d/70-tuned.conf', status=0)
# The same key twice in one file, and spelt with slashes: the last line wins.
wins({'/etc/sysctl.d/60-mine.conf': RANGE + '20000 30000\nnet/ipv4/ip_local_port_range=15000\t64999\n'}, '20000 30000',
     'and 15000 64999 after the next boot: /etc/sysctl.d/60-mine.conf:2 wins', status=1)

# A file in /etc hides the one of the same name in /usr/lib, also as a link to /dev/null.
setting('ip_local_port_range', '32768 60999')
for hider in ('->/dev/null', '# nothing\n', RANGE + '32768 60999\n'):
    screen, risks = check(root=tree({'/usr/lib/sysctl.d/50-a.conf': RANGE + '1024 65000\n', '/etc/sysctl.d/50-a.conf': hider}))
    need('sysctl-files-disagree' not in risks and screen.status == 0, 'hidden', screen)
print('ok: hidden files do not count', flush=True)

# Set by hand and kept nowhere.
setting('ip_local_port_range', '15000 64999')
screen, risks = check(root=tree({}))
need('setting-not-persisted' in risks, 'kept nowhere', screen)
incident.need_words(screen, ['15000 64999', 'no file keeps it after a reboot', 'ephemports range set 15000-64999'])
follow(risks['setting-not-persisted']['advice'][0]['command'])
screen, risks = check(root=incident.empty_root)
need(not risks, 'kept', screen)
