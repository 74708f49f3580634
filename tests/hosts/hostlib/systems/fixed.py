"""Systems whose range is compiled in: BSD/OS and IRIX."""

from ..answer import Answer, refuse
from .base import System

BSDOS_VALUES = {"kern.ostype": "BSD/OS", "kern.osrelease": "4.3.1", "net.inet.ip.forwarding": "0",
                "net.inet.ip.ttl": "64", "net.inet.tcp.rfc1323": "1"}


class BsdOs(System):
    release = "4.3.1"
    root_shell = "/bin/csh"
    shells = {"/bin/sh": "posix", "/bin/csh": "csh"}
    netstat_path = "/usr/sbin/netstat"
    netstat_sample = "bsdos/netstat-an-inet.txt"

    def make_uname(self):
        return {"s": "BSD/OS", "r": self.release, "n": "bsdos1", "m": "i386",
                "v": f"BSDI BSD/OS {self.release} Kernel #5: Mon Jan 6 10:21:44 MST 2003"}

    def make_commands(self):
        return {"/usr/sbin/sysctl": self.sysctl, "/sbin/sysctl": self.sysctl}

    def tree(self):
        return {"/usr/include/netinet/in.h": "#define\tIPPORT_RESERVED\t\t1024\n#define\tIPPORT_DYNAMIC\t\t49152\n"
                                             "#define\tIPPORT_DYNAMIC_LAST\t65535\n"}

    def sysctl(self, call):
        """Exits 0 whatever happens, as OpenBSD's does."""
        answer = Answer()
        for word in call.options:
            name, _, value = word.partition("=")
            if word.startswith("-"):
                continue
            if name not in BSDOS_VALUES:
                answer.err(f"sysctl: third level name {name.split('.')[-1]} in {name} is invalid\n")
            elif value:
                answer.err(f"sysctl: {name}: Operation not permitted\n")
            else:
                answer.out(f"{name} = {BSDOS_VALUES[name]}\n")
        return answer


class Irix(System):
    release = "6.5"
    shells = {"/bin/sh": "posix", "/sbin/sh": "posix", "/bin/csh": "csh", "/bin/ksh": "posix"}
    root_shell = "/bin/csh"
    netstat_path = "/usr/etc/netstat"
    netstat_sample = "irix/netstat-an-inet.txt"

    def make_uname(self):
        return {"s": "IRIX64", "r": self.release, "v": "10070055", "m": "IP35", "n": "irix1", "p": "mips", "R": "6.5 6.5.30m",
                "order": "snrvm"}

    def make_commands(self):
        return {"/usr/sbin/systune": self.systune}

    def tree(self):
        return {"/usr/include/netinet/in.h": "#define IPPORT_RESERVED         1024\n#define IPPORT_MAXPORT          65535\n"}

    def systune(self, call):
        known = {"tcp_sendspace": "61440", "tcp_recvspace": "61440", "udp_sendspace": "61440", "tcp_hold": "0"}
        names = [word for word in call.options if not word.startswith("-")]
        if not names:
            body = "".join(f"\t{name} = {value} (0x{int(value):x})\n" for name, value in known.items())
            return Answer(" group: inet (dynamically changeable)\n" + body)
        if names[0] not in known:
            return refuse(f"systune: no such tunable parameter: {names[0]}")
        return Answer(f"{names[0]} = {known[names[0]]} (0x{int(known[names[0]]):x})\n")
