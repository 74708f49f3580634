#!/usr/bin/env python3
"""test_ssh_runner.py SSH_TOOL SYSTEM - commands and files of one emulated host through the ssh runner.

SYSTEM may be "refusals", "hostile" (what needs one host only) or "many" (several hosts at once).
"""

import hashlib
import os
import subprocess
import sys
import tempfile

from hostlib import Host, Skip, ssh_command
from hostlib.answer import Answer

# Where shells and tools differ; for the others it is enough to log in.
FILES = {"aix": "/etc/rc.tcpip", "alpine": "/etc/sysctl.conf", "dragonfly": "/etc/sysctl.conf", "hpux": "/etc/rc.config.d/nddconf",
         "linux": "/etc/sysctl.conf", "openbsd": "/etc/sysctl.conf", "solaris10": "/etc/init.d/ephemports"}
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(f"{what}\n  expected {str(expected)[:300]!r}\n  got      {str(got)[:300]!r}")


def digest(text):
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


class Tool:
    def __init__(self, path, host):
        self.path = path
        self.host = host

    def __call__(self, *words, target=None, text=None, **environment):
        done = subprocess.run([self.path, target or self.host.name, *words], capture_output=True, timeout=60, check=False,
                              input=(text or "").encode("utf-8", "surrogateescape"),
                              env={**os.environ, "EPHEMPORTS_SSH": self.host.ssh_command, **environment})
        return done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape")


def ran(host, *names):
    return [call.name for call in host.log() if call.name in names]


def test_system(path, name):
    with Host(name) as host:
        tool = Tool(path, host)
        status, out, err = tool("identify")
        expected = {"alpine": "linux", "windowsxp": "windows-nt5"}.get(name, name)
        check("identify", (status, out.split(" ")[0].strip().replace("-", "").replace("_", ""), err),
              (0, expected.replace("-", ""), ""))
        if name.startswith("windows"):
            check("cmd", tool("cmd", "ver")[:2], (0, host.execute(host.system.root_shell, "/c", "ver").stdout))
            return
        hostile = "a'b\"c`touch /tmp/x`$(touch /tmp/y);touch /tmp/z!\\"
        check("words", tool("run", "/usr/bin/printf", "%s|", hostile, "", "*")[1], hostile + "||*|")
        if name in FILES:
            files(host, tool, FILES[name])
        check("nothing else ran", ran(host, "touch"), [])
        check("nothing was left", [file for file in host.files() if "ephemports-new" in file], [])
        check("the host is alive", host.panic, None)


def files(host, tool, path):
    old = "# a comment 'quoted' \"twice\" $(id) !\nlast line without a newline \xe9 \\"
    new = "# new\r\n" + "x" * 500 + "\n`id`"
    host.write(path, old, 0o640)
    os.chown(host.chroot.locate(path), 0, 1000)
    check("read", tool("read", path), (0, f"{digest(old)} {path}\n{old}", ""))
    check("replace", tool("replace", path, digest(old), text=new), (0, "", ""))
    status = host.chroot.locate(path).stat()
    check("text, mode and owner", (host.read(path), oct(status.st_mode & 0o7777), status.st_uid, status.st_gid),
          (new, "0o640", 0, 1000))
    check("stale", tool("replace", path, digest(old), text="no")[2].split(":")[0], "ESTALE")
    check("is as it was", host.read(path), new)
    os.symlink("../etc/" + path.removeprefix("/etc/"), host.chroot.root / "tmp/link")
    check("a link is followed", tool("replace", "/tmp/link", digest(new), text=old)[::2], (0, ""))
    check("and stays", (host.read(path), (host.chroot.root / "tmp/link").is_symlink()), (old, True))
    fresh = "/etc/site.d/90 ephemports'.conf"
    check("no file", tool("read", fresh), (0, "none\n", ""))
    check("a new file in a new directory", tool("replace", fresh, "", text=new)[::2], (0, ""))
    check("its text and mode", host.files().get(fresh), ("0o644", 0, new))
    check("not over another", tool("replace", fresh, "", text=old)[2].split(":")[0], "ESTALE")
    check("remove, stale", tool("remove", fresh, digest(old))[2].split(":")[0], "ESTALE")
    check("remove", tool("remove", fresh, digest(new))[::2], (0, ""))
    check("is gone", host.read(fresh), None)
    meanwhile(host, tool, path, new)
    host.write("/etc/.x.ephemports-new", "left")
    check("tidy", (tool("tidy", "/etc/x")[::2], host.read("/etc/.x.ephemports-new")), ((0, ""), None))


def meanwhile(host, tool, path, new):
    """Between our reading and our writing: another writer, a full disk, a write that is cut short."""
    old = host.read(path)

    def intrude(call):
        if call.name == "cp":
            host.write(path, "another's")

    for what, hook, errno, left in (
            ("another writer", intrude, "ESTALE", "another's"),
            ("a full disk", lambda call: Answer(status=1) if call.name == "cat" else None, "ENOSPC", old),
            ("cut short", lambda call: Answer("# ne") if call.name == "cat" else None, "ENOSPC", old),
            ("no rename", lambda call: Answer(status=1) if call.name == "mv" else None, "EACCES", old)):
        host.write(path, old)
        known = digest(old)
        host.before = hook if what == "another writer" else lambda call, hook=hook: hook(call) if "cp" in ran(host, "cp") else None
        host.clear_log()
        check(what, tool("replace", path, known, text=new)[2].split(":")[0], errno)
        host.before = None
        check(what + ": the file", host.read(path), left)
    host.write(path, old)


def test_refusals(path, _):
    with Host("freebsd") as host:
        tool = Tool(path, host)
        host.write("/etc/other", "x")
        os.chown(host.chroot.locate("/etc/other"), 1000, 1000)
        host.write("/etc/two", "x")
        os.link(host.chroot.locate("/etc/two"), host.chroot.root / "etc/three")
        os.symlink("loop", host.chroot.root / "etc/loop")
        os.mkfifo(host.chroot.root / "etc/pipe")
        host.write("/etc/large", "x" * (1 << 20) + "x")
        for file, errno in (("/etc/other", "EPERM"), ("/etc/two", "EMLINK"), ("/etc/loop", "ELOOP"), ("/etc/pipe", "EINVAL"),
                            ("/etc", "EINVAL"), ("/etc/large", "EFBIG"), ("etc/x", "EINVAL"), ("/etc/../x", "EINVAL"), ("/a\nb", "EINVAL")):
            check(f"read {file!r}", tool("read", file)[2].split(":")[0], errno)
        host.write("/etc/mine", "x", 0o600)
        check("unreadable", tool("read", "/etc/mine", target="operator@freebsd")[2].split(":")[0], "EACCES")
        check("unwritable", tool("replace", "/etc/passwd", digest(host.read("/etc/passwd")), text="x",
                                 target="operator@freebsd")[2].split(":")[0], "EACCES")
        users_and_ports(tool)
        hostile(host, tool)
        check("the host is not harmed", host.read("/etc/other"), "x")


def users_and_ports(tool):
    check("user and port", tool("run", "id", "-u", target="operator@freebsd:2222"), (0, "1000\n", ""))
    check("no such user", tool("run", "true", target="nobody@freebsd")[2].split(":")[0], "EHOSTUNREACH")
    check("no such host", tool("run", "true", target="nosuch.invalid")[2].split(":")[0], "EHOSTUNREACH")
    for target in ("-oProxyCommand=touch /tmp/pwned", "-lroot@x", "a b", "$(id)"):
        check(target, tool("run", "true", target=target)[2].split(":")[0], "EINVAL")
    check("no such ssh", tool("run", "true", EPHEMPORTS_SSH="/no/such/ssh")[2].split(":")[0], "ENOENT")
    check("no shell reads EPHEMPORTS_SSH", tool("run", "true", EPHEMPORTS_SSH="/bin/echo $(id) ;")[2].split(":")[0], "EPROTO")
    check("status 255 is no failure of ssh", tool("run", "sh", "-c", "exit 255")[0], 254)


def hostile(host, tool):
    host.write("/root/.cshrc", "echo Welcome, ephemports-file 3 /x\n")
    check("noise of the login shell", tool("run", "echo", "hello"), (0, "hello\n", ""))
    check("noise before a file", tool("read", "/etc/two")[2].split(":")[0], "EMLINK")
    check("endless", tool("run", "dd", "if=/dev/zero")[2].split(":")[0], "EFBIG")
    check("hangs", tool("run", "sleep", "30", EPH_TEST_TIMEOUT_MS="1000")[2].split(":")[0], "ETIMEDOUT")
    host.write("/root/.cshrc", "sleep 30\n")
    check("login shell hangs", tool("read", "/etc/two", EPH_TEST_TIMEOUT_MS="1000")[2].split(":")[0], "ETIMEDOUT")


HOSTILE = ["$(touch {0})", "`touch {0}`", "; touch {0} ;", "'; touch {0}; '", "\n touch {0} \n", "| touch {0}", "%n%s{0}", "\x1b]0;{0}\x07", "-o {0}",
           "99999999999999999999", "-1", "0x10", "65536", "1 2 3", "=" * 3000, "\0\0", "\xff\xfe"]


def hostile_systems(host, tool, here):
    """Whatever commands and files say, nothing of it runs, here or there, and the tool ends in peace."""
    for number, pattern in enumerate(HOSTILE):
        text = pattern.replace("{0}", here + "/pwned")
        host.before = lambda call, text=text: lie(call, text)
        host.write("/etc/sysctl.conf", f"net.inet.ip.portrange.first={text}\n{text}=1\n#{text}\n", 0o644)
        for words in (("identify",), ("show",), ("set", "40000", "60001")):
            status, _, err = tool(*words, EPHEMPORTS_STATE_DIR=here + "/state")
            check(f"hostile {number} {words}: {err}", status in (0, 99), True)
            host.before = (lambda call, text=text: lie(call, text) if call.name != "uname" else None)
    host.before = None
    check("nothing ran there", ran(host, "touch"), [])
    check("nothing ran here", os.path.exists(here + "/pwned"), False)


def lie(call, text):
    return {"uname": Answer(text + " 13.2\n"), "sysctl": Answer(f"net.inet.ip.portrange.first: {text}\n"
            f"net.inet.ip.portrange.last: 65535\n{text}\nephemports-part 7\n", text)}.get(call.name)


def test_hostile(path, _):
    with Host("freebsd", multiplex=True) as host, tempfile.TemporaryDirectory() as here:
        hostile_systems(host, Tool(path, host), here)


def test_many(path, _):
    """Several hosts behind one EPHEMPORTS_SSH, at the same time."""
    with Host("freebsd", name="a") as a, Host("windows", name="b") as b, Host("solaris10", name="c") as c:
        config = ssh_command(a, b, c)
        running = [subprocess.Popen([path, name, "identify"], stdout=subprocess.PIPE, text=True, env={**os.environ, "EPHEMPORTS_SSH": config})
                   for name in "abcabc"]
        told = [process.communicate(timeout=60)[0].split(" ")[0] for process in running]
        check("each is itself", told, ["freebsd", "windows", "solaris10"] * 2)


def main():
    try:
        special = {"refusals": test_refusals, "hostile": test_hostile, "many": test_many}
        special.get(sys.argv[2], test_system)(sys.argv[1], sys.argv[2])
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
