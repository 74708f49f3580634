#!/usr/bin/env python3
"""test_plans.py SSH_TOOL [CASE...] - what the systems plan, carried out on emulated hosts: set, read back, boot, still there,
undo, boot, as before.

The plans (os_plan, os_plan_boot, os_persist) and the hosts were written from the same facts by different hands. Each case
begins with files as administrators leave them.
"""

import concurrent.futures
import os
import subprocess
import sys
import tempfile

from hostlib import Host, Skip

LOW, HIGH = 40000, 60001
AT_ONCE = 3
SYSCTL = "net.inet.ip.portrange."
failures = []


class Case:
    def __init__(self, system, release=None, files=None, links=None, low=LOW, high=HIGH, keys=None, survives=None, after=None, undone=None, **options):
        self.system, self.release, self.options = system, release, options
        self.files, self.links, self.low, self.high = files or {}, links or {}, low, high
        self.keys, self.survives, self.after = keys, survives or {}, after or {}
        self.undone = undone or {}


def bsd(first, last):
    return lambda running: [(running[first], running[last])]


def pairs(low, high, *protocols):
    return lambda running: [(int(running[low.format(p)]), int(running[high.format(p)])) for p in protocols]


FREEBSD = bsd(SYSCTL + "first", SYSCTL + "last")
OPENBSD = bsd("net.inet.ip.portfirst", "net.inet.ip.portlast")
NETBSD = pairs("{}.anonportmin", "{}.anonportmax", "net.inet.ip", "net.inet6.ip6")
AIX = pairs("{}_ephemeral_low", "{}_ephemeral_high", "tcp", "udp")
NDD = pairs("{}_smallest_anon_port", "{}_largest_anon_port", "tcp", "udp")
NDD_SCTP = pairs("{}_smallest_anon_port", "{}_largest_anon_port", "tcp", "udp", "sctp")
IPADM = pairs("{}.smallest_anon_port", "{}.largest_anon_port", "tcp", "udp", "sctp")
LINUX = lambda running: [tuple(int(word) for word in running["ip_local_port_range"].split())]  # noqa: E731
TRU64 = bsd("inet.ipport_userreserved_min", "inet.ipport_userreserved")


def windows(running):
    return [(start, start + count - 1) for key in ("ipv4.tcp", "ipv4.udp", "ipv6.tcp", "ipv6.udp") for start, count in [running[key]]]


SITE_NDD = "#!/sbin/sh\ncase \"$1\" in\nstart) {0} -set /dev/tcp tcp_smallest_anon_port 20000 ;;\nesac\nexit 0\n"
# As the oldest advice has it, under the name that it gives.
SEED_NDD = """#!/sbin/sh
EPHEM_HI="65000"
EPHEM_LO="20000"
NDD={0}
case "$1" in
'start')
	;;
*)
	exit 0
	;;
esac
${{NDD}} -set /dev/udp udp_smallest_anon_port "${{EPHEM_LO}}"
${{NDD}} -set /dev/udp udp_largest_anon_port "${{EPHEM_HI}}"
${{NDD}} -set /dev/tcp tcp_smallest_anon_port "${{EPHEM_LO}}"
${{NDD}} -set /dev/tcp tcp_largest_anon_port "${{EPHEM_HI}}"
EPHEM_LO=`${{NDD}} /dev/tcp tcp_smallest_anon_port`
exit 0
"""
LOOP_NDD = "#!/sbin/sh\nfor p in tcp udp\ndo\n{0} -set /dev/$p ${{p}}_smallest_anon_port 20000\ndone\nexit 0\n"
PLIST = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict><key>Label</key><string>org.example.site</string><key>ProgramArguments</key><array>
<string>/usr/sbin/sysctl</string><string>net.inet.ip.portrange.first=20000</string></array><key>RunAtLoad</key><true/></dict></plist>
"""

TABLE = "inet:\n\tipport_userreserved = 60001\n\tipport_userreserved_min = 40000\n\n"

CASES = {
    "aix": Case("aix", keys=AIX),
    "aix-site": Case("aix", files={"/etc/rc.tcpip": (0o774, "#!/bin/ksh\nif true; then\n/usr/sbin/no -o tcp_ephemeral_low=20000\nfi\nexit 0\n")}, keys=AIX),
    "aix51": Case("aix", "5.1", keys=AIX),
    "aix51-used": Case("aix", "5.1", files={"/etc/rc.tcpip": (0o774, "#!/bin/ksh\n/usr/sbin/no -o tcp_ephemeral_low=20000 -o tcp_ephemeral_high=30000\nexit 0\n")}, keys=AIX),
    "dragonfly": Case("dragonfly", keys=FREEBSD),
    "dragonfly-messy": Case("dragonfly", keys=FREEBSD, survives={"/etc/sysctl.conf": "# end"},
                            files={"/etc/sysctl.conf": f"{SYSCTL}first = 2000\n{SYSCTL}last=3000\n#{SYSCTL}last=1\n{SYSCTL}last=4000\n# end"}),
    "freebsd": Case("freebsd", keys=FREEBSD),
    "freebsd-local": Case("freebsd", keys=FREEBSD, survives={"/etc/sysctl.conf.local": "kern.x=1"},
                          files={"/etc/sysctl.conf": f"{SYSCTL}first=2000 # why\n", "/etc/sysctl.conf.local": f"kern.x=1\n{SYSCTL}first = 3000"}),
    "freebsd14": Case("freebsd", "14.0", low=1024, high=10000, keys=FREEBSD),
    "freebsd12-colon": Case("freebsd", "12.2", keys=FREEBSD, survives={"/etc/sysctl.conf": f'{SYSCTL}last = "60001" # web\n'},
                            files={"/etc/sysctl.conf": f'{SYSCTL}first: 20000\n{SYSCTL}last = "60000" # web\n'}),
    "freebsd9": Case("freebsd", "9.3", keys=FREEBSD, files={"/etc/sysctl.conf": f"{SYSCTL}first = 2000\n{SYSCTL}last=3000"}),
    "freebsd4": Case("freebsd", "4.5", keys=FREEBSD),
    "freebsd4-w": Case("freebsd", "4.3", keys=FREEBSD),
    "freebsd4-crlf": Case("freebsd", "4.5", keys=FREEBSD, files={"/etc/sysctl.conf": f"{SYSCTL}first=2000\r\n{SYSCTL}last = 3000\r\n"}),
    "hpux": Case("hpux", keys=NDD),
    "hpux-used": Case("hpux", keys=NDD, survives={"/etc/rc.config.d/nddconf": "NDD_NAME[1]=ip_forwarding"},
                      files={"/etc/rc.config.d/nddconf": "TRANSPORT_NAME[0]=tcp\nNDD_NAME[0]=tcp_smallest_anon_port\nNDD_VALUE[0]=20000\n\n"
                             "TRANSPORT_NAME[1]=ip\nNDD_NAME[1]=ip_forwarding\nNDD_VALUE[1]=0"}),
    "hpux-site": Case("hpux", keys=NDD, files={"/sbin/init.d/site": (0o555, SITE_NDD.format("/usr/bin/ndd"))},
                      links={"/sbin/rc2.d/S900site": "/sbin/init.d/site"}, survives={"/sbin/init.d/site": "20000"}),
    "hpux-seed": Case("hpux", keys=NDD, files={"/sbin/init.d/ephemports": (0o755, SEED_NDD.format("/usr/bin/ndd"))},
                      links={"/sbin/rc2.d/S341ephemports": "/sbin/init.d/ephemports"}, survives={"/sbin/init.d/ephemports": "20000"}),
    "hpux1100-full": Case("hpux", "B.11.00", keys=NDD, survives={"/etc/rc.config.d/nddconf": "NDD_VALUE[7]=7\n"},
                          files={"/etc/rc.config.d/nddconf": "".join(f"TRANSPORT_NAME[{n}]=ip\nNDD_NAME[{n}]=ip_forwarding\nNDD_VALUE[{n}]={n}\n" for n in range(8))}),
    "illumos": Case("illumos", keys=IPADM),
    "linux": Case("linux", keys=LINUX),
    "linux-messy": Case("linux", keys=LINUX, survives={"/etc/sysctl.d/10-site.conf": "# end"},
                        files={"/etc/sysctl.d/10-site.conf": "net.ipv4.ip_local_port_range=20000 30000\n\nnet/ipv4/ip_local_port_range = 20001\t30002\n# end"}),
    "alpine": Case("alpine", keys=LINUX),
    "alpine-package": Case("alpine", keys=LINUX, survives={"/usr/lib/sysctl.d/50-package.conf": "20000 30000"},
                           files={"/usr/lib/sysctl.d/50-package.conf": "net.ipv4.ip_local_port_range = 20000 30000\n",
                                  "/etc/sysctl.d/50-package.conf": "# not here\n"}),
    "rhel5": Case("rhel5", keys=LINUX, survives={"/etc/sysctl.conf": "net.ipv4.ip_forward = 0\n"}),
    "rhel5-used": Case("rhel5", keys=LINUX, survives={"/etc/sysctl.conf": "# end"},
                       files={"/etc/sysctl.conf": "net.ipv4.ip_local_port_range = 20000 30000\nnet.ipv4.ip_local_port_range=20001 30002\n# end"}),
    "macos": Case("macos", keys=FREEBSD),
    "macos-site": Case("macos", keys=FREEBSD, files={"/Library/LaunchDaemons/aa.site.plist": PLIST}),
    "macos-shell": Case("macos", keys=FREEBSD, survives={"/Library/LaunchDaemons/aa.site.plist": "=20000;"},
                        files={"/Library/LaunchDaemons/aa.site.plist": PLIST.replace("<string>/usr/sbin/sysctl</string><string>", "<string>/bin/sh</string>"
                               "<string>-c</string><string>/usr/sbin/sysctl -w ").replace("=20000", "=20000; exit 0")}),
    "macos-old": Case("macos", "10.8", keys=FREEBSD, files={"/etc/sysctl.conf": f"{SYSCTL}first=20000\n"}),
    "netbsd": Case("netbsd", keys=NETBSD),
    "netbsd-low": Case("netbsd", low=2000, high=3000, keys=NETBSD, files={"/etc/sysctl.conf": "net.inet.ip.anonportmin=50000\n"}),
    "openbsd": Case("openbsd", keys=OPENBSD),
    "openbsd-w": Case("openbsd", "2.9", keys=OPENBSD, files={"/etc/sysctl.conf": "net.inet.ip.portfirst=2000"}),
    "openbsd-messy": Case("openbsd", keys=OPENBSD, survives={"/etc/sysctl.conf": "kern.x=1"},
                          files={"/etc/sysctl.conf": "net.inet.ip.portfirst=2000\nnet.inet.ip.portfirst = 3000\n net.inet.ip.portlast=4000 # x\nkern.x=1"}),
    "solaris10": Case("solaris10", keys=NDD_SCTP),
    "solaris10-site": Case("solaris10", keys=NDD_SCTP, files={"/etc/rc2.d/S99site": SITE_NDD.format("/usr/sbin/ndd")}, survives={"/etc/rc2.d/S99site": "20000"}),
    "solaris10-seed": Case("solaris10", keys=NDD_SCTP, files={"/etc/init.d/ephemports": (0o744, SEED_NDD.format("/usr/sbin/ndd"))},
                           links={"/etc/rc2.d/S70ephemports": "/etc/init.d/ephemports"}, survives={"/etc/init.d/ephemports": "20000"}),
    "solaris10-loop": Case("solaris10", keys=NDD_SCTP, files={"/etc/rc2.d/S72net": (0o744, LOOP_NDD.format("/usr/sbin/ndd"))},
                           survives={"/etc/rc2.d/S72net": "20000"}),
    "opensolaris": Case("opensolaris", keys=NDD_SCTP),
    "solaris11": Case("solaris11", keys=IPADM),
    "solaris11-low": Case("solaris11", low=2000, high=3000, keys=IPADM),
    "tru64": Case("tru64", keys=TRU64),
    "tru64-used": Case("tru64", keys=TRU64, files={"/etc/sysconfigtab": "vm:\n\tubc_maxpercent = 70\n\ninet:\n\ttcp_msl = 30\n\tipport_userreserved = 9000\n\n"},
                       survives={"/etc/sysconfigtab": "\ttcp_msl = 30\n"}),
    "tru64-old": Case("tru64", "V4.0", low=1024, high=65535, keys=lambda running: [(1024, running["inet.ipport_userreserved"])]),
    # sysconfigdb writes the file, and takes out what it is told: what it is given must leave all else as it is, also after undo.
    "tru64-comments": Case("tru64", keys=TRU64, files={"/etc/sysconfigtab": "#\n# site\n\nvm:\n\tubc_maxpercent = 70\n"},
                           after={"/etc/sysconfigtab": "#\n# site\n\nvm:\n\tubc_maxpercent = 70\n\n" + TABLE},
                           undone={"/etc/sysconfigtab": "#\n# site\n\nvm:\n\tubc_maxpercent = 70\n\n"}),
    "tru64-end": Case("tru64", keys=TRU64, files={"/etc/sysconfigtab": "vm:\n\tubc_maxpercent = 70"},
                      after={"/etc/sysconfigtab": "vm:\n\tubc_maxpercent = 70\n\n" + TABLE},
                      undone={"/etc/sysconfigtab": "vm:\n\tubc_maxpercent = 70\n\n"}),
    "tru64-duplicates": Case("tru64", keys=TRU64, files={"/etc/sysconfigtab": "inet:\n\tipport_userreserved = 9000\n\tipport_userreserved = 9001\n\n"
                             "vm:\n\tubc_maxpercent = 70\n\n"}, after={"/etc/sysconfigtab": TABLE + "vm:\n\tubc_maxpercent = 70\n\n"},
                             undone={"/etc/sysconfigtab": "inet:\n\tipport_userreserved = 9001\n\nvm:\n\tubc_maxpercent = 70\n\n"}),
    "tru64-spacing": Case("tru64", keys=TRU64, files={"/etc/sysconfigtab": "inet:\n\ttcp_msl=30\n\t ipport_userreserved\t=   9000 \n\n\nvm:\n\n"},
                          after={"/etc/sysconfigtab": TABLE.replace("inet:\n", "inet:\n\ttcp_msl=30\n") + "\nvm:\n\n"},
                          undone={"/etc/sysconfigtab": "inet:\n\ttcp_msl=30\n\tipport_userreserved = 9000\n\n\nvm:\n\n"}),
    "tru64-others": Case("tru64", keys=TRU64, files={"/etc/sysconfigtab": "vm:\n\tipport_userreserved = 7000\n\ninet:\n\ttcp_msl = 30\n"
                         "\tipport_userreserved_min = 2000\n\nproc:\n\tmax_proc = 64\n\n"},
                         after={"/etc/sysconfigtab": "vm:\n\tipport_userreserved = 7000\n\n" + TABLE.replace("inet:\n", "inet:\n\ttcp_msl = 30\n")
                                + "proc:\n\tmax_proc = 64\n\n"}),
    "windows": Case("windows", keys=windows),
    "windows-fr": Case("windows", lang="fr", keys=windows),
    "windows-zh": Case("windows", lang="zh", code_page="gbk", keys=windows),
    "windows-de": Case("windows", lang="de", code_page="cp850", keys=windows),
    "windows-powershell": Case("windows", "10.0.17763.5206", powershell=True, keys=windows),
    "windows-autorun": Case("windows", autorun="Authorised use only.\n", keys=windows),
    "windows-vista": Case("windows", "6.0.6002", stores=False, keys=windows),
    "cygwin": Case("cygwin", keys=windows),
    "windowsxp": Case("windowsxp", low=1025, high=60001, keys=None),
}


def check(what, got, expected):
    if got != expected:
        failures.append(f"{what}\n  expected {str(expected)[:300]!r}\n  got      {str(got)[:300]!r}")


def tool(path, host, state, *words):
    done = subprocess.run([path, host.name, *words], capture_output=True, timeout=120, check=False,
                          env={**os.environ, "EPHEMPORTS_SSH": host.ssh_command, "EPHEMPORTS_STATE_DIR": state})
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def prepare(host, case):
    for path, contents in case.files.items():
        mode, text = contents if isinstance(contents, tuple) else (0o644, contents)
        host.write(path, text, mode)
    for path, target in case.links.items():
        (host.chroot.root / path.lstrip("/")).symlink_to(target)
    host.reboot()


def settings(host):
    return {name: value for name, value in host.running().items() if name != "excluded"}


def run(path, name, case, state):
    keys = case.keys or (lambda running: [(running["first"], running["last"])])
    with Host(case.system, case.release, multiplex=True, **case.options) as host:
        prepare(host, case)
        before, running, files = keys(host.running()), settings(host), host.files()
        show(path, name, host, state, before)
        wanted = [(case.low, case.high)] * len(before)
        check(f"{name}: set", tool(path, host, state, "set", str(case.low), str(case.high)), (0, "", ""))
        if case.system != "windowsxp":
            check(f"{name}: running", keys(host.running()), wanted)
        host.reboot()
        check(f"{name}: after the boot", keys(host.running()), wanted)
        for file, text in case.survives.items():
            check(f"{name}: {file} keeps {text!r}", text in (host.read(file) or ""), True)
        for file, text in case.after.items():
            check(f"{name}: {file} to the byte", host.read(file), text)
        undo(path, name, host, state, case, running, files)
        check(f"{name}: alive", host.panic, None)


def show(path, name, host, state, before):
    _, shown, err = tool(path, host, state, "show")
    for low, high in before:
        check(f"{name}: show has {low}-{high} {err}", f" {min(low, high)}-{max(low, high)}" in shown, True)
    # What show says of the next boot is what the host runs now, as it has just booted.
    for line in shown.splitlines():
        if line.startswith("regular") and " boot " in line:
            words = line.split()
            check(f"{name}: the next boot foretold: {line}", words[4], words[2])


def undo(path, name, host, state, case, running, files):
    check(f"{name}: undo", tool(path, host, state, "undo"), (0, "", ""))
    if case.system != "windowsxp":
        check(f"{name}: running as before", settings(host), running)
    host.reboot()
    check(f"{name}: as before after the boot", settings(host), running)
    # Whether sysconfigdb -r leaves an empty entry is not known; here it does.
    after = {path: (mode, owner, text.removesuffix("inet:\n\n")) for path, (mode, owner, text) in host.files().items()}
    files = {path: (mode, owner, case.undone.get(path, text)) for path, (mode, owner, text) in files.items()}
    check(f"{name}: files as before", {path: file for path, file in after.items() if files.get(path) != file}, {})


def run_one(name):
    with tempfile.TemporaryDirectory() as state:
        run(sys.argv[1], name, CASES[name], state)


def main():
    """A host mostly waits for its own ssh: several at once."""
    try:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(run_one, sys.argv[2:] or CASES))
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
