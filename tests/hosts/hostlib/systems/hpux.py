"""HP-UX: ndd, /etc/rc.config.d/nddconf, and the start scripts of /sbin/rc2.d."""

import os
import re

from ..answer import Answer, refuse
from .base import System, UTILITIES
from .ndd import Ndd, anon_ports

NDDCONF = "/etc/rc.config.d/nddconf"
OTHERS = {"tcp_time_wait_interval": (60000, 1000, 600000), "tcp_fin_wait_2_timeout": (0, 0, 3600000),
          "ip_ire_gw_probe": (1, 0, 1)}
HELP = {"ip_ire_gw_probe": "Enable dead gateway probes. This option should only be disabled on networks containing\n"
                           "gateways which do not respond to ICMP echo requests (ping).\n[0-1] Default: 1 (probe for dead gateways)\n"}
S340NET = """\
#!/sbin/sh
# net: configure the network; S340net of the system
case $1 in
start_msg)	echo "Configure LAN interfaces"; exit 0 ;;
stop_msg)	echo "Unconfigure LAN interfaces"; exit 0 ;;
start)		/usr/bin/ndd -c ;;
esac
exit 0
"""


class HpUx(Ndd, System):
    release = "B.11.31"
    root_shell = "/sbin/sh"
    user_shell = "/usr/bin/sh"
    shells = {"/bin/sh": "posix", "/usr/bin/sh": "posix", "/sbin/sh": "posix", "/bin/ksh": "posix", "/usr/bin/csh": "csh"}
    utilities = {name: allowed for name, allowed in UTILITIES.items() if name != "mktemp"}
    netstat_sample = "hpux/netstat-an.txt"
    devices = ("tcp", "udp", "ip")
    parameters = {**anon_ports(("tcp", "udp"), 49152, 65535), **OTHERS}

    def make_uname(self):
        return {"s": "HP-UX", "r": self.release, "v": "U", "n": "hpux1", "m": "ia64", "i": "2475123456", "l": "unlimited-user license",
                "order": "snrvmil"}

    def make_commands(self):
        return {"/usr/bin/ndd": self.ndd}

    def tree(self):
        return {NDDCONF: "# Network parameter configuration\n# Set tunable parameters, see ndd(1M)\n#\n# TRANSPORT_NAME[0]=tcp\n"
                         "# NDD_NAME[0]=tcp_conn_request_max\n# NDD_VALUE[0]=128\n",
                "/sbin/init.d/net": (0o555, S340NET), "/sbin/rc2.d/S340net": ("link", "/sbin/init.d/net"),
                "/sbin/rc1.d": None, "/sbin/rc3.d": None}

    def reset(self):
        self.running = {name: default for name, (default, _, _) in self.parameters.items()}

    def ndd(self, call):
        words = call.options
        if words[:1] == ["-c"]:
            return self.ndd_conf() if call.root else refuse("ndd: must be root to use -c")
        if words[:1] == ["-h"]:
            return self._help(words[1:])
        return super().ndd(call)

    def _help(self, names):
        answer = Answer()
        for name in names:
            if name in HELP:
                answer.out(HELP[name])
            elif name in self.parameters:
                default, low, high = self.parameters[name]
                answer.out(f"{name}\n[{low}-{high}] Default: {default}\n")
            else:
                return answer.fail(f"ndd: no help for {name}\n")
        return answer

    def ndd_conf(self):
        """nddconf is sourced by the shell: the last assignment of an index counts; a gap in the numbers ends it."""
        arrays = {"TRANSPORT_NAME": {}, "NDD_NAME": {}, "NDD_VALUE": {}}
        for line in (self.host.read(NDDCONF) or "").splitlines():
            pair = re.match(r"\s*(TRANSPORT_NAME|NDD_NAME|NDD_VALUE)\[(\d+)\]=(\S*)", line)
            if pair:
                arrays[pair[1]][int(pair[2])] = pair[3].strip("\"'")
        answer = Answer()
        limit = 10 if self.release == "B.11.00" else 10000
        for at in range(limit):
            if not all(at in array for array in arrays.values()):
                break
            transport, name, value = (array[at] for array in arrays.values())
            answer.pieces += self.ndd_set(_Boot, transport, name, value).pieces
        return answer

    def boot(self):
        """/sbin/rc: each executable Snnn name in order, asked for its message first."""
        for directory, name in [(rc, name) for rc in ("/sbin/rc2.d", "/sbin/rc3.d") for name in self.host.chroot.listing(rc)]:
            path = f"{directory}/{name}"
            if re.match(r"S\d\d\d.", name) and os.access(self.host.chroot.locate(path), os.X_OK):
                if self.host.execute(path, "start_msg").returncode == 0:
                    self.host.execute(path, "start")


class _Boot:
    root = True
