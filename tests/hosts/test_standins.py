#!/usr/bin/env python3
"""test_standins.py SYSTEM - the stand-ins of one emulated host against transcripts of the real system.

Replays the commands of ../hosts/samples and compares what is printed; then asks for what the system is known to do
otherwise: exit status, clamping, privilege, and what a boot keeps.
"""

import pathlib
import re
import sys

from hostlib import Host, Skip

SAMPLES = pathlib.Path(__file__).resolve().parent / "samples"
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(f"{what}\n  expected {expected!r}\n  got      {got!r}")


def squeeze(text):
    """Text without what a page may have lost: blanks at the ends of lines, runs of blanks, empty lines."""
    return [" ".join(line.split()) for line in text.replace("\r", "").splitlines() if line.strip()]


def shape(text):
    """Rows with every number, and the blanks before it, as so many N: the layout without the values."""
    return {re.sub(r" *\d+", lambda number: "N" * len(number[0]), line.rstrip()) for line in text.replace("\r", "").splitlines()}


def transcript(path):
    """[(user, command, output)]; commands that need something else than the host has are left out by the caller."""
    steps = []
    for line in (SAMPLES / path).read_text(encoding="utf-8").splitlines(keepends=True):
        prompt = re.match(r"(# ?|\$ |C:\\> |PS C:\\> )(?=\S)(sudo )?(.*)\n", line)
        if prompt:
            steps.append([("operator" if prompt[1] == "$ " and not prompt[2] else "root"), prompt[3], ""])
        elif steps:
            steps[-1][2] += line
    return steps


def run(host, command, user="root"):
    if host.system.shells.get(host.system.root_shell) == "cmd":
        return host.execute(host.system.root_shell, "/c", command, user=user)
    return host.execute("/bin/sh", "-c", command, user=user)


def replay(host, *paths, without=()):
    for path in paths:
        for user, command, output in transcript(path):
            if not any(part in command for part in without):
                check(f"{path}: {command}", squeeze(run(host, command, user).stdout), squeeze(output))


def statuses(host, *steps):
    """Each (command, exit status), with an optional user."""
    for command, status, *user in steps:
        check(f"exit status of {command} {user}", run(host, command, *user).returncode, status)


def boots_with(host, path, text, **expected):
    """After a boot with this file, running values are as expected (. in names as __)."""
    before = host.read(path)
    host.write(path, text)
    host.reboot()
    running = host.running()
    for name, value in expected.items():
        check(f"after a boot with {path} {text!r}: {name}", running[name.replace("__", ".")], value)
    if before is None:
        host.chroot.locate(path).unlink()
    else:
        host.write(path, before)


def sysctl_boot(host, name, value, blanks_work):
    boots_with(host, "/etc/sysctl.conf", f"# comment\n{name}={value}\n", **{name.replace(".", "__"): value})
    kept = value if blanks_work else host.system.running[name]
    host.reboot()
    default = host.running()[name]
    boots_with(host, "/etc/sysctl.conf", f"{name} = {value}\n", **{name.replace(".", "__"): kept if blanks_work else default})


def test_aix():
    with Host("aix") as host:
        host.write("/etc/tunables/nextboot", "vmo:\n\tminperm% = \"3\"\n")
        replay(host, "aix/no-a-ephemeral.txt", "aix/no-L.txt", "aix/no-x.txt", "aix/no-p-o-set.txt")
        check("nextboot", host.read("/etc/tunables/nextboot"), "vmo:\n\tminperm% = \"3\"\n\n" +
              (SAMPLES / "aix/nextboot-stanza.txt").read_text(encoding="ascii"))
        host.reboot()
        check("kept", [host.running()[f"tcp_ephemeral_{end}"] for end in ("low", "high")], [9000, 65500])
        statuses(host, ("no -o tcp_ephemeral_low=65500", 1), ("no -o tcp_ephemeral_low = 5", 1), ("no -o nosuch=1", 1),
                 ("no -o tcp_ephemeral_high=70000", 1), ("no -o tcp_ephemeral_low=9001", 1, "operator"))
        statuses(host, ("no -r -o tcp_ephemeral_low=10000", 0))
        check("-r does not change what runs", host.running()["tcp_ephemeral_low"], 9000)
        boots_with(host, "/etc/rc.tcpip", "#!/bin/ksh\n/usr/sbin/no -o udp_ephemeral_low=40000\nexit 0\n"
                   "/usr/sbin/no -o udp_ephemeral_low=50000\n", udp_ephemeral_low=40000, tcp_ephemeral_low=10000)
    with Host("aix", "5.1", high_first=True) as host:
        replay(host, "aix/no-a-ephemeral-high-first.txt", "aix/no-o-set.txt")
        statuses(host, ("no -p -o tcp_ephemeral_low=9000", 1), ("no -o tcp_ephemeral_low=700000", 0))


def test_bsdos():
    with Host("bsdos") as host:
        check("netstat", run(host, "netstat -an -f inet").stdout, "".join(t[2] for t in transcript("bsdos/netstat-an-inet.txt")))
        statuses(host, ("sysctl net.inet.ip.portrange", 0))


def test_irix():
    with Host("irix") as host:
        statuses(host, ("/usr/sbin/systune tcp_anon_low", 1), ("/usr/sbin/systune", 0))


def test_freebsd():
    with Host("freebsd", "13.2") as host:
        replay(host, "freebsd/sysctl-portrange-13.txt", "freebsd/sysctl-set.txt", "freebsd/sockstat-4.txt")
        statuses(host, ("sysctl net.inet.ip.portrange.first=32768", 1, "operator"), ("sysctl net.inet.ip.portrange.frist", 1),
                 ("sysctl net.inet.ip.portrange.lowfirst=5000", 0))
        check("low is clamped to 1023", host.running()["net.inet.ip.portrange.lowfirst"], 1023)
        sysctl_boot(host, "net.inet.ip.portrange.first", 20000, blanks_work=True)
        # csh is the login shell; PATH has no /sbin.
        done = host.ssh("exec /bin/sh -c 'x=1; echo $x; /sbin/sysctl -n net.inet.ip.portrange.last; sysctl -a'")
        check("csh hands over to sh", (done.stdout, done.returncode), ("1\n65535\n", 127))


def test_freebsd12():
    with Host("freebsd", "12.2") as host:
        # A newline inside quotes is an error in csh.
        check("csh", host.ssh("echo 'a\nb'").returncode, 1)
        check("names of 12", set(squeeze(run(host, "sysctl net.inet.ip.portrange").stdout)) >=
              set(squeeze((SAMPLES / "freebsd/sysctl-portrange-12.txt").read_text(encoding="ascii"))), True)


def test_freebsd14():
    with Host("freebsd", "14.0") as host:
        replay(host, "freebsd/sysctl-portrange-14.txt")
        statuses(host, ("sysctl net.inet.ip.portrange.hilast=49152", 0))
        check("equal ends crash", "hilast" in (host.panic or ""), True)
    with Host("freebsd", "6.2") as host:
        check("names of 2007", set(squeeze(run(host, "sysctl net.inet.ip.portrange").stdout)) >=
              set(squeeze((SAMPLES / "freebsd/sysctl-portrange-2007.txt").read_text(encoding="ascii"))), True)


def test_freebsd4():
    with Host("freebsd", "4.5") as host:
        replay(host, "freebsd/sysctl-portrange-4x.txt")
        sysctl_boot(host, "net.inet.ip.portrange.last", 20000, blanks_work=False)


def test_dragonfly():
    with Host("dragonfly") as host:
        replay(host, "dragonfly/sysctl-portrange.txt", "dragonfly/sysctl-set.txt")
        statuses(host, ("sysctl net.inet.ip.portrange.last=70000", 0))
        check("clamped", host.running()["net.inet.ip.portrange.last"], 65535)
        sysctl_boot(host, "net.inet.ip.portrange.last", 20000, blanks_work=False)
        check("csh", host.ssh("echo 'a\nb'").returncode, 1)


def test_netbsd():
    with Host("netbsd") as host:
        replay(host, "netbsd/sysctl-show.txt", "netbsd/sysctl-set.txt", "netbsd/sysctl-portalgo.txt", "netbsd/netstat-an-inet.txt")
        statuses(host, ("sysctl net.inet.ip.anonportmin=40000", 1), ("sysctl -w net.inet.ip.anonportmin=65535", 1),
                 ("sysctl -w net.inet6.ip6.anonportmin=40000", 0), ("sysctl -w net.inet.ip.lowportmax=1024", 1),
                 ("sysctl -w net.inet.ip.anonportmin=40000", 1, "operator"))
        sysctl_boot(host, "net.inet6.ip6.anonportmin", 20000, blanks_work=False)
        check("over ssh", host.ssh("/sbin/sysctl -n net.inet.ip.anonportmax").stdout, "65535\n")


def test_openbsd():
    with Host("openbsd") as host:
        replay(host, "openbsd/sysctl-baddynamic.txt", "openbsd/sysctl-show.txt", "openbsd/sysctl-set.txt")
        statuses(host, ("sysctl net.inet.ip.portfirst=70000", 0), ("sysctl net.inet.ip.portfrist", 0),
                 ("sysctl net.inet.ip.portfirst=40000", 0, "operator"))
        check("nothing of this was set", host.running()["net.inet.ip.portfirst"], 32768)
        run(host, "sysctl net.inet.tcp.baddynamic=+8080,-587")
        check("baddynamic", host.running()["net.inet.tcp.baddynamic"].split(",")[::17], ["749", "8080"])
        sysctl_boot(host, "net.inet.ip.portfirst", 20000, blanks_work=False)
        check("over ssh", host.ssh("/sbin/sysctl net.inet.ip.portlast").stdout, "net.inet.ip.portlast=49151\n")
    with Host("openbsd", "3.0") as host:
        replay(host, "openbsd/sysctl-old.txt")


def test_macos():
    with Host("macos", "10.5") as host:
        replay(host, "macos/sysctl-portrange.txt")
        sysctl_boot(host, "net.inet.ip.portrange.first", 20000, blanks_work=False)
    with Host("macos") as host:
        replay(host, "macos/sysctl-portrange-new.txt", "macos/sysctl-set.txt", "macos/netstat-an-inet.txt")
        boots_with(host, "/etc/sysctl.conf", "net.inet.ip.portrange.first=20000\n", net__inet__ip__portrange__first=49152)
        plist = (SAMPLES / "macos/launchd-plist.txt").read_text(encoding="ascii")
        boots_with(host, "/Library/LaunchDaemons/local.ephemports.plist", plist,
                   net__inet__ip__portrange__first=32768, net__inet__ip__portrange__hifirst=32768)
        host.write("/Library/LaunchDaemons/bad.plist", plist, 0o666)
        host.reboot()
        check("launchd refuses a plist that others may write", host.running()["net.inet.ip.portrange.first"], 49152)
        host.write("/Library/LaunchDaemons/good.plist", plist, 0o644)
        statuses(host, ("launchctl bootstrap system /Library/LaunchDaemons/good.plist", 0),
                 ("launchctl bootstrap system /Library/LaunchDaemons/good.plist", 5), ("launchctl print system/local.ephemports", 0),
                 ("launchctl bootout system/local.ephemports", 0), ("launchctl print system/local.ephemports", 113))
        check("loaded at once", host.running()["net.inet.ip.portrange.first"], 32768)


def test_solaris10():
    with Host("solaris10") as host:
        replay(host, "solaris10/ndd-show.txt", "solaris10/ndd-errors.txt", "solaris10/netstat-an-inet.txt")
        statuses(host, ("ndd -set /dev/tcp tcp_smallest_anon_port 70000", 1), ("ndd -set /dev/tcp tcp_largest_anon_port 2000", 0),
                 ("ndd -set /dev/udp udp_extra_priv_ports_add 8080", 0), ("grep -q x /etc/release", 2), ("id -u", 2),
                 ("sed -i s/a/b/ /etc/release", 2), ("x=`id`; echo ${x}", 0), ("if [ -f /etc/release ]; then echo y; fi", 0),
                 ("x=$(id)", 2), ("if ! false; then :; fi", 2), ("[ -e /etc ]", 2), ("export A=b", 2), ("echo ${x#y}", 2),
                 ("echo '$(id) ${x#y}' \"! -e\"", 0))
        check("no cross-check of the ends", host.running()["tcp_largest_anon_port"], 2000)
        host.reboot()
        check("ndd does not survive", host.running()["tcp_largest_anon_port"], 65535)
        boots_with(host, "/etc/rc2.d/S70ephemports", "#!/sbin/sh\ncase \"$1\" in\nstart) /usr/sbin/ndd -set /dev/udp "
                   "udp_smallest_anon_port 50000 ;;\nesac\n", udp_smallest_anon_port=50000)
        check("over ssh", host.ssh("exec /bin/sh -c '/usr/sbin/ndd /dev/tcp tcp_largest_anon_port'").stdout, "65535\n")


def test_solaris11():
    with Host("solaris11") as host:
        run(host, "ipadm set-prop -t -p largest_anon_port=65500 tcp")
        replay(host, "solaris11/ipadm-show-prop.txt")
        statuses(host, ("ipadm set-prop -p smallest_anon_port=40000 udp", 0), ("ipadm set-prop -t -p smallest_anon_port=41000 sctp", 0))
        host.reboot()
        check("kept", [host.running()[f"{p}.smallest_anon_port"] for p in ("tcp", "udp", "sctp")], ["32768", "40000", "32768"])


def test_illumos():
    with Host("illumos") as host:
        replay(host, "illumos/ipadm-show-prop.txt", "illumos/ipadm-show-prop-parsable.txt", "illumos/ipadm-set-prop.txt",
               "illumos/ndd-show.txt", "illumos/netstat-an-inet.txt", "illumos/netstat-an-tcp-ipv6.txt")
        statuses(host, ("ipadm set-prop -p largest_anon_port=2000 tcp", 1), ("ipadm show-prop -p smallest_anon_port dccp", 1),
                 ("ipadm set-prop -p smallest_anon_port=1023 tcp", 1), ("ipadm set-prop -p extra_priv_ports+=8080 tcp", 0),
                 ("ndd -set /dev/udp udp_smallest_anon_port 50000", 0))
        host.reboot()
        check("kept", host.running()["tcp.extra_priv_ports"], "2049,4045,8080")
        check("ndd is not", host.running()["udp.smallest_anon_port"], "32768")
        check("over ssh", host.ssh("/usr/sbin/ipadm show-prop -c -o CURRENT,PERSISTENT -p smallest_anon_port udp").stdout, "32768:\n")


def test_hpux():
    with Host("hpux") as host:
        replay(host, "hpux/ndd-single.txt", "hpux/ndd-show.txt", "hpux/ndd-h.txt")
        conf = (SAMPLES / "hpux/nddconf.txt").read_text(encoding="ascii")
        boots_with(host, "/etc/rc.config.d/nddconf", conf, tcp_smallest_anon_port=9000, udp_largest_anon_port=65500)
        boots_with(host, "/etc/rc.config.d/nddconf", conf.replace("[2]", "[4]"), tcp_smallest_anon_port=9000,
                   udp_smallest_anon_port=49152, udp_largest_anon_port=65535)
        script = "#!/sbin/sh\n[ $1 = start ] && /usr/bin/ndd -set /dev/tcp tcp_smallest_anon_port 50000\nexit 0\n"
        host.write("/sbin/init.d/site", script, 0o555)
        (host.chroot.root / "sbin/rc2.d/S900site").symlink_to("/sbin/init.d/site")
        boots_with(host, "/etc/rc.config.d/nddconf", conf, tcp_smallest_anon_port=50000)
        host.write("/sbin/init.d/site", script, 0o444)
        boots_with(host, "/etc/rc.config.d/nddconf", conf, tcp_smallest_anon_port=9000)
        check("over ssh", host.ssh("/usr/bin/ndd -get /dev/tcp tcp_smallest_anon_port").stdout, "9000\n")


def test_tru64():
    with Host("tru64") as host:
        replay(host, "tru64/sysconfig-q.txt", "tru64/sysconfig-q-named.txt")
        # The real transcript raises both in one command.
        replay(host, "tru64/sysconfig-r.txt")
        host.reboot()
        check("-r is not kept", host.running()["inet.ipport_userreserved"], 5000)
        host.write("/tmp/s", (SAMPLES / "tru64/inet.stanza.txt").read_text(encoding="ascii"))
        statuses(host, ("/sbin/sysconfigdb -m -f /tmp/s inet", 1), ("/sbin/sysconfigdb -a -f /tmp/s inet", 0),
                 ("/sbin/sysconfigdb -a -f /tmp/s inet", 1), ("/sbin/sysconfig -r inet ipport_userreserved=70000", 255),
                 ("/sbin/sysconfig -r inet ipport_userreserved=60000", 255, "operator"))
        host.write("/tmp/s", "inet:\n\ttcp_msl = 30\n")
        statuses(host, ("/sbin/sysconfigdb -m -f /tmp/s inet", 0))
        host.reboot()
        check("kept", [host.running()[f"inet.{n}"] for n in ("ipport_userreserved", "ipport_userreserved_min", "tcp_msl")],
              [65535, 49152, 30])
        check("others survive", host.read("/etc/sysconfigtab").count("ubc_maxpercent"), 1)
        statuses(host, ("/sbin/sysconfigdb -u -f /tmp/s inet", 0))
        check("-u throws the rest away", run(host, "/sbin/sysconfigdb -l inet").stdout, "inet:\n\ttcp_msl = 30\n\n")
        host.write("/tmp/s", "inet:\n    tcp_msl = 30\n")
        statuses(host, ("/sbin/sysconfigdb -u -f /tmp/s inet", 1))
    with Host("tru64", "V4.0") as host:
        replay(host, "tru64/sysconfig-unknown.txt")


def test_linux():
    with Host("linux") as host:
        replay(host, "linux/sysctl-show.txt", "linux/sysctl-set-ok.txt")
        host.reboot()
        replay(host, "linux/sysctl-set-errors.txt", without=("echo ",))
        statuses(host, ("echo 5 3 >/proc/sys/net/ipv4/ip_local_port_range", 1), ("echo 1 >/proc/sys/kernel/panic", 2))
        host.write("/etc/sysctl.d/50-a.conf", "net.ipv4.ip_local_port_range = 20000 30001\n")
        host.write("/usr/lib/sysctl.d/60-b.conf", "net.ipv4.ip_local_port_range = 21000 31001\n")
        host.reboot()
        check("by base name", host.running()["ip_local_port_range"], "21000 31001")
        (host.chroot.root / "etc/sysctl.d/60-b.conf").symlink_to("/dev/null")
        host.reboot()
        check("masked", host.running()["ip_local_port_range"], "20000 30001")
        boots_with(host, "/etc/sysctl.conf", "-net/ipv4/ip_local_port_range=22000 32001\n", ip_local_port_range="22000 32001")
    with Host("linux", conf_link=False) as host:
        boots_with(host, "/etc/sysctl.conf", "net.ipv4.ip_local_port_range = 22000 32001\n", ip_local_port_range="32768 60999")
        check("over ssh", host.ssh("/sbin/sysctl -n net.ipv4.ip_local_port_range").stdout, "32768\t60999\n")


def test_alpine():
    with Host("alpine") as host:
        host.write("/etc/sysctl.d/99-a.conf", "net.ipv4.ip_local_port_range = 20000 30001\n")
        host.reboot()
        check("sysctl.d", host.running()["ip_local_port_range"], "20000 30001")
        boots_with(host, "/etc/sysctl.conf", "net.ipv4.ip_local_port_range = 22000 32001\n", ip_local_port_range="22000 32001")


def test_windows():
    with Host("windows") as host:
        replay(host, "windows/netsh-set-dynamicport.txt", without=("start=10000 num=1000",))
        host.system.reset()
        show = run(host, "netsh int ipv4 show dynamicport tcp").stdout
        check("bytes of netsh", show, (SAMPLES / "windows/netsh-show-dynamicport-tcp-crlf.txt").read_bytes().decode())
        check("excluded", shape(run(host, "netsh int ipv4 show excludedportrange protocol=tcp").stdout),
              shape((SAMPLES / "windows/netsh-show-excludedportrange-tcp.txt").read_text(encoding="ascii")))
        replay(host, "windows/netstat-ano.txt", "windows/netstat-anq.txt")
        statuses(host, ("netsh int ipv4 set dynamicport tcp start=10000 num=1000 store=active", 0),
                 ("netsh int ipv6 set dynamicport udp start=1024 num=64511", 0), ("netsh int ipv4 set dynamicport tcp start=1024 num=65535", 1),
                 ("netsh int ipv4 set dynamicport tcp start=10000 num=1000", 1, "operator"), ("uname -s", 1), ("ver >nul && exit 7", 7),
                 ("netsh int ipv4 add excludedportrange protocol=tcp startport=8080 numberofports=2", 0),
                 ("netsh int ipv4 add excludedportrange protocol=tcp startport=8081 numberofports=2", 1),
                 ("netsh int ipv4 delete excludedportrange protocol=tcp startport=8080 numberofports=1", 1))
        check("running", host.running()["ipv4.tcp"], (10000, 1000))
        host.reboot()
        check("kept", [host.running()[k] for k in ("ipv4.tcp", "ipv6.udp")], [(49152, 16384), (1024, 64511)])
        check("exclusions kept", ("tcp", 8080, 8081) in host.running()["excluded"], True)
        done = host.ssh("ver 2>nul & netsh int ipv4 show dynamicport tcp")
        check("over ssh", (done.stdout, done.returncode), ("\r\nMicrosoft Windows [Version 10.0.20348.587]\r\n" + show, 0))
    with Host("windows", lang="fr") as host:
        check("French", squeeze(run(host, "netsh int ipv4 show dynamicport tcp").stdout),
              squeeze((SAMPLES / "windows/netsh-show-dynamicport-tcp-french.txt").read_text(encoding="utf-8")))


def test_windowsxp():
    key = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
    with Host("windows", "6.0.6001") as host:
        statuses(host, (f"reg add {key} /v MaxUserPort /t REG_DWORD /d 65534 /f", 0),
                 (f'reg add "{key}" /v ReservedPorts /t REG_MULTI_SZ /d 1433-1434\\04500-4500 /f', 0))
        replay(host, "windows/reg-query-maxuserport.txt")
        statuses(host, (f"reg query {key} /v TcpTimedWaitDelay", 1))
    with Host("windowsxp") as host:
        statuses(host, ("netsh int ipv4 show dynamicport tcp", 1), (f"reg query {key} /v MaxUserPort", 1),
                 (f"reg add {key} /v MaxUserPort /t REG_DWORD /d 65534 /f", 0),
                 (f"reg add {key} /v MaxUserPort /t REG_DWORD /d 5000 /f", 1, "operator"))
        check("not before the boot", host.running()["last"], 5000)
        host.reboot()
        check("after it", host.running()["last"], 65534)
        check("over ssh", squeeze(host.ssh(f"reg query {key} /v MaxUserPort").stdout)[-1], "MaxUserPort REG_DWORD 0xfffe")


def main():
    try:
        globals()["test_" + sys.argv[1]]()
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
