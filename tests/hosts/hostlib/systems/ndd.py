"""ndd(1M) as Solaris 10 and HP-UX have it; illumos maps it to ipadm."""

from ..answer import Answer, refuse
from .base import number

USAGE = "usage: ndd -set device_name name value\n       ndd [-get] device_name name [name ...]"


def anon_ports(protocols, low, high):
    """Parameters of each protocol: name -> default, smallest, largest."""
    found = {}
    for protocol in protocols:
        found |= {f"{protocol}_smallest_anon_port": (low, 1024, 65535), f"{protocol}_largest_anon_port": (high, 1024, 65535),
                  f"{protocol}_smallest_nonpriv_port": (1024, 1024, 32768)}
    return found


class Ndd:
    """Mixed into a System whose self.parameters are as anon_ports() gives them, and self.running their values."""

    parameters = {}
    devices = ("tcp", "udp")
    lists = ()

    def ndd(self, call):
        words = list(call.options)
        setting = words[:1] == ["-set"]
        if words[:1] in (["-set"], ["-get"]):
            words.pop(0)
        if len(words) < 2 or (setting and len(words) < 3) or words[0].startswith("-"):
            return refuse(USAGE)
        device = words[0].removeprefix("/dev/")
        if device not in self.devices:
            return refuse(f"open of {words[0]} failed: No such file or directory")
        if setting:
            return self.ndd_set(call, device, words[1], words[2])
        return self.ndd_get(device, words[1:])

    def ndd_get(self, device, names):
        answer = Answer()
        for at, name in enumerate(names):
            text = self.ndd_value(device, name)
            if text is None:
                return answer.fail("operation failed: No such file or directory\n")
            answer.out("\n" if at else "").out(text + "\n")
        return answer

    def ndd_value(self, device, name):
        if name == "?":
            rows = [each for each in self.running if each.startswith(device + "_")]
            head = f"{'?':<30}(read only)"
            return "\n".join([head, *(f"{each:<30}(read and write)" for each in rows)])
        if not name.startswith(device + "_") or name not in self.running:
            return None
        value = self.running[name]
        return "\n".join(str(port) for port in value) if isinstance(value, list) else str(value)

    def ndd_set(self, call, device, name, text):
        if not call.root:
            return refuse(f"couldn't push module '{device}', Permission denied")
        stem, _, action = name.rpartition("_")
        if stem in self.lists and action in ("add", "del") and stem.startswith(device + "_"):
            return self._change_list(stem, action, text)
        if not name.startswith(device + "_") or name not in self.parameters:
            return refuse("operation failed: No such file or directory")
        value = int(text, 16) if text.lower().startswith("0x") else number(text)
        _, low, high = self.parameters[name]
        if value is None or not low <= value <= high:
            return refuse("operation failed: Invalid argument")
        self.running[name] = value
        return Answer()

    def _change_list(self, name, action, text):
        port = number(text)
        if port is None or not 0 < port <= 65535:
            return refuse("operation failed: Invalid argument")
        if (port in self.running[name]) == (action == "add"):
            return refuse("operation failed: " + ("File exists" if action == "add" else "No such file or directory"))
        if action == "add":
            self.running[name].append(port)
        else:
            self.running[name].remove(port)
        return Answer()
