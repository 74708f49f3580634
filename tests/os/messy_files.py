"""Files as administrators leave them, by a seeded generator: one function per format, a random.Random in, path -> bytes out ("-> PATH" for a link)."""

PORTS = (1024, 2000, 5000, 9000, 20000, 32768, 40000, 49152, 50000, 60000, 65535)


def lines_of(rng, make, least=0, most=7):
    """Lines with one kind of line end, or mixed; perhaps none after the last."""
    ends = rng.choice([["\n"]] * 5 + [["\r\n"]] + [["\n", "\r\n"]])
    text = "".join(make(rng) + rng.choice(ends) for _ in range(rng.randrange(least, most)))
    if rng.random() < 0.3:
        text = text.rstrip("\r\n")
    return text.encode()


def bsd(low, high, comment=("# a comment", "#", "\t# another", "  "), others=("kern.maxfiles=100000", "kern.ipc.somaxconn=512 # more", "vm.x=1")):
    def line(rng):
        kind = rng.random()
        if kind < 0.3:
            return rng.choice(comment + ("", "junk", "=5", "#" + low + "=1", low + "x=7", "x" + high + "=8", low, low + "="))
        if kind < 0.5:
            return rng.choice(others)
        blank = rng.choice(["", "", "", " ", "\t"])
        value = rng.choice([str(rng.choice(PORTS))] * 6 + ['"2000"', "0x800", "2000a", "-5", "70000"])
        behind = rng.choice(["", "", "", " ", " # why", "\t#", "#x", " junk"])
        return rng.choice(["", "", " ", "\t"]) + rng.choice([low, high]) + blank + "=" + blank + value + behind
    return line


def freebsd(rng):
    make = bsd("net.inet.ip.portrange.first", "net.inet.ip.portrange.last")
    files = {"/etc/sysctl.conf": lines_of(rng, make)}
    if rng.random() < 0.3:
        files["/etc/sysctl.conf.local"] = lines_of(rng, make)
    return files if rng.random() < 0.95 else {}


def freebsd4(rng):
    return {"/etc/sysctl.conf": lines_of(rng, bsd("net.inet.ip.portrange.first", "net.inet.ip.portrange.last"))}


def openbsd(rng):
    return {"/etc/sysctl.conf": lines_of(rng, bsd("net.inet.ip.portfirst", "net.inet.ip.portlast"))}


def netbsd(rng):
    make = bsd("net.inet.ip.anonportmin", "net.inet.ip.anonportmax", others=("ddb.onpanic?=0", "kern.maxfiles=10000 # more"))
    return {"/etc/sysctl.conf": lines_of(rng, lambda rng: make(rng).replace("=", "?=", rng.randrange(8) == 0))}


def macos(rng):
    if rng.random() < 0.1:
        return {}
    end = rng.choice(["\n", "\n", "\r\n", ""])
    blank = rng.choice(["", "  ", "\t"])
    words = [f"net.inet.ip.portrange.{name}={rng.choice(PORTS)}" for name in rng.choices(["first", "last", "hifirst", "hilast"], k=rng.randrange(5))]
    words += rng.choice([[], [], ["kern.maxfiles=1000"], ["-q"]])
    rng.shuffle(words)
    comment = ["", "<!-- net.inet.ip.portrange.first=1 -->", "<!-- <string>net.inet.ip.portrange.first=1</string> </array> -->"]
    array = end.join(f"{blank}<string>{word}</string>" + rng.choice(comment) for word in ["/usr/sbin/sysctl", *words])
    parts = ["<key>Label</key><string>local.ephemports</string>", f"<key>ProgramArguments</key>{end}<array>{end}{array}{end}</array>",
             rng.choice(["<key>RunAtLoad</key><true/>"] * 4 + ["<key>RunAtLoad</key>\n <true />", "<key>RunAtLoad</key><false/>", ""]),
             rng.choice(["", "", "", "<key>Disabled</key><false/>", "<key>Disabled</key><true/>"]),
             rng.choice(["", "<key>Nice</key><integer>5</integer>", "<key>Extra</key><array><string>a=1</string></array>"])]
    rng.shuffle(parts)
    head = rng.choice(['<?xml version="1.0" encoding="UTF-8"?>' + end, ""])
    return {"/Library/LaunchDaemons/local.ephemports.plist":
            f"{head}<plist version=\"1.0\">{end}<dict>{end}{end.join(parts)}{end}</dict></plist>{rng.choice([end, ''])}".encode()}


def script_line(ndd):
    def line(rng):
        return rng.choice([
            "# a comment", "", "exit_later=1", f"# {ndd} -set /dev/tcp tcp_smallest_anon_port 1111",
            f"{ndd} -set /dev/ip ip_forwarding 0", f"\t{ndd} -set /dev/tcp tcp_smallest_anon_port {rng.choice(PORTS[:6])}",
            f"{ndd} -set /dev/tcp tcp_largest_anon_port {rng.choice(PORTS[6:])} # why", f"{ndd}  -set\t/dev/tcp  tcp_smallest_anon_port '3000'",
            f"LO={rng.choice(PORTS[:6])}\n{ndd} -set /dev/tcp tcp_smallest_anon_port ${{LO}}",
            f"HI=\"50000\"; {ndd} -set /dev/tcp tcp_largest_anon_port \"$HI\"", f"{ndd} -set /dev/udp udp_smallest_anon_port 7000",
            f"{ndd} -set /dev/tcp tcp_smallest_anon_port 3000; {ndd} -set /dev/tcp tcp_largest_anon_port 40000"])
    return line


def scripts(rng, ndd, first, directories):
    files = {}
    for _ in range(rng.randrange(4)):
        name = rng.choice(directories) + "/" + rng.choice([first, first + "a", first + "zz", first[:2] + "99x", first[:2] + "01y", first[:2] + "99zz"])
        text = "#!/sbin/sh\n" + "\n".join(script_line(ndd)(rng) for _ in range(rng.randrange(5)))
        files[name] = (text + rng.choice(["\n", "\nexit 0\n", ""])).encode()
    return files


OURS = """#!/sbin/sh
# Written by ephemports: the ephemeral port ranges, set at each boot.
NDD={0}

case "${{1:-start}}" in
start)
{1}	;;
stop)
	;;
start_msg)
	echo "Set the ephemeral port ranges"
	;;
status)
	low=`${{NDD}} /dev/tcp tcp_smallest_anon_port`
	;;
*)
	echo "Usage: $0 {{ start | stop | status }}"
	exit 1
	;;
esac
exit 0
"""


def our_script(rng, ndd):
    """What we wrote once, and an administrator has worked on since."""
    low, high = rng.choice(PORTS[:6]), rng.choice(PORTS[6:])
    sets = [f"\t${{NDD}} -set /dev/tcp tcp_largest_anon_port 65535\n", f"\t${{NDD}} -set /dev/tcp tcp_smallest_anon_port {low}\n",
            f"\t${{NDD}} -set /dev/tcp tcp_largest_anon_port {high}\n"]
    if rng.random() < 0.3:
        sets += ["\t${NDD} -set /dev/udp udp_largest_anon_port 65535\n", "\t${NDD} -set /dev/udp udp_smallest_anon_port 30000\n"]
    for _ in range(rng.randrange(3)):
        sets.insert(rng.randrange(len(sets) + 1), rng.choice(["\t# site\n", "\t${NDD} -set /dev/ip ip_forwarding 0\n", "\techo tuned\n", "\n"]))
    text = OURS.format(ndd, "".join(sets))
    if rng.random() < 0.3:
        text = text.replace("exit 0\n", "# the end" + rng.choice(["", "\n"]))
    return text.encode()


def solaris10(rng):
    files = scripts(rng, rng.choice(["ndd", "/usr/sbin/ndd"]), "S70", ["/etc/rc2.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rcS.d"])
    if rng.random() < 0.5:
        files["/etc/init.d/ephemports"] = our_script(rng, "/usr/sbin/ndd")
        # A link or, as some have it, a copy.
        copy = rng.random() < 0.3
        files["/etc/rc2.d/S70ephemports"] = files["/etc/init.d/ephemports"] if copy else "-> /etc/init.d/ephemports"
    return files


def nddconf(rng):
    blocks, number = [], 0
    for _ in range(rng.randrange(5)):
        name = rng.choice(["tcp_smallest_anon_port", "tcp_largest_anon_port", "ip_forwarding", "tcp_time_wait_interval", "udp_smallest_anon_port"])
        quote = rng.choice(["", "", '"', "'"])
        number = rng.choice([number, number, number, number + 1, max(0, number - 1)])
        indent = rng.choice(["", "", "  ", "\t"])
        parts = [f"{indent}TRANSPORT_NAME[{number}]={name.split('_', maxsplit=1)[0]}", f"{indent}NDD_NAME[{number}]={quote}{name}{quote}",
                 f"{indent}NDD_VALUE[{number}]={quote}{rng.choice(PORTS)}{quote}" + rng.choice(["", "", " # why", " "])]
        blocks.append("\n".join(parts))
        number += 1
    text = rng.choice(["\n", "\n\n", "\n# comment\n"]).join(blocks)
    text = rng.choice(["", "# nddconf\n", "#\n# NDD_VALUE[0]=1\n"]) + text + rng.choice(["\n", "\n", ""])
    return text.encode()


def hpux(rng):
    files = scripts(rng, "/usr/bin/ndd", "S900", ["/sbin/rc2.d", "/sbin/rc3.d"]) if rng.random() < 0.3 else {}
    if rng.random() < 0.95:
        files["/etc/rc.config.d/nddconf"] = nddconf(rng)
    if rng.random() < 0.2:
        files |= {"/sbin/init.d/ephemports": our_script(rng, "/usr/bin/ndd"), "/sbin/rc2.d/S900zephemports": "-> /sbin/init.d/ephemports"}
    return files


def aix51(rng):
    def line(rng):
        return rng.choice(["# a comment", "", "start /usr/sbin/syslogd \"$src_running\"", "# no -o tcp_ephemeral_low=1111",
                           f"no -o tcp_ephemeral_low={rng.choice(PORTS[:6])}", f"/usr/sbin/no -o tcp_ephemeral_high={rng.choice(PORTS[6:])} # why",
                           "no -o tcp_ephemeral_low=3000 -o tcp_ephemeral_high=40000", "if true; then\n\t/usr/sbin/no -o tcp_ephemeral_low=4000\nfi",
                           "if false; then\n\texit 1\nfi", "no -o ipforwarding=1", "no -o udp_ephemeral_low=7000; no -o udp_ephemeral_high=65000",
                           "f()\n{\n\texit 1\n}", "case x in\ny) exit 2 ;;\nesac"])
    text = "\n".join(["#!/bin/ksh"] + [line(rng) for _ in range(rng.randrange(7))]) + rng.choice(["\n", "\nexit 0\n", "\nexit 0", "\nexit\n\n# end\n", ""])
    return {"/etc/rc.tcpip": text.encode()}


FORMATS = {  # system and release to ask for, its command's output, generator, settings that we want changed
    "freebsd": ("freebsd", "14.1", "net.inet.ip.portrange.first: 10000\nnet.inet.ip.portrange.last: 65535\n", freebsd,
                ("net.inet.ip.portrange.first", "net.inet.ip.portrange.last")),
    "freebsd4": ("freebsd", "4.11", "net.inet.ip.portrange.first: 1024\nnet.inet.ip.portrange.last: 5000\n", freebsd4,
                 ("net.inet.ip.portrange.first", "net.inet.ip.portrange.last")),
    "dragonfly": ("dragonfly", "6.4", "net.inet.ip.portrange.first: 1024\nnet.inet.ip.portrange.last: 5000\n", freebsd4,
                  ("net.inet.ip.portrange.first", "net.inet.ip.portrange.last")),
    "openbsd": ("openbsd", "7.5", "net.inet.ip.portfirst=1024\nnet.inet.ip.portlast=49151\n", openbsd,
                ("net.inet.ip.portfirst", "net.inet.ip.portlast")),
    "netbsd": ("netbsd", "9.3", "net.inet.ip.anonportmin = 49152\nnet.inet.ip.anonportmax = 65535\n", netbsd,
               ("net.inet.ip.anonportmin", "net.inet.ip.anonportmax")),
    "macos": ("macos", "24.1", "net.inet.ip.portrange.first: 49152\nnet.inet.ip.portrange.last: 65535\n", macos,
              ("net.inet.ip.portrange.first", "net.inet.ip.portrange.last")),
    "solaris10": ("solaris10", "5.10", "tcp_smallest_anon_port = 32768\ntcp_largest_anon_port = 65535\n", solaris10,
                  ("tcp_smallest_anon_port", "tcp_largest_anon_port")),
    "hpux": ("hpux", "B.11.31", "tcp_smallest_anon_port = 49152\ntcp_largest_anon_port = 65535\n", hpux,
             ("tcp_smallest_anon_port", "tcp_largest_anon_port")),
    "aix51": ("aix", "5.1", "tcp_ephemeral_low = 32768\ntcp_ephemeral_high = 65535\n", aix51, ("tcp_ephemeral_low", "tcp_ephemeral_high")),
}
