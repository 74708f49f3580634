#!/usr/bin/env python3
"""test_formats_host.py SSH_TOOL SEED COUNT FORMAT - random messy files (tests/os/messy_files.py) on an emulated host: after set its
boot brings the range; mode, owner and links are as before; after undo every byte is.
"""

import pathlib
import random
import sys
import tempfile

from hostlib import Host, Skip
from test_plans import AIX, FREEBSD, HIGH, LOW, NDD, NETBSD, OPENBSD, check, failures, tool

sys.path.append(str(pathlib.Path(__file__).parent.parent / "os"))
from messy_files import FORMATS  # noqa: E402  pylint: disable=wrong-import-position

HOSTS = {  # host, release, what it runs
    "freebsd": ("freebsd", "14.0", FREEBSD), "freebsd4": ("freebsd", "4.5", FREEBSD), "dragonfly": ("dragonfly", None, FREEBSD),
    "openbsd": ("openbsd", None, OPENBSD), "netbsd": ("netbsd", None, NETBSD), "macos": ("macos", None, FREEBSD),
    "solaris10": ("solaris10", None, NDD), "hpux": ("hpux", None, NDD), "aix51": ("aix", "5.1", AIX),
}
MAY_REFUSE = ("does not run at boot", "without gaps", "which would change too", "would tell", "would still win")


def place(host, rng, files):
    """Write them, with modes of their own and, now and then, elsewhere with a link to it."""
    root = host.chroot.root
    for path, text in files.items():
        at = root / path.lstrip("/")
        at.unlink(missing_ok=True)
        if isinstance(text, str):
            at.parent.mkdir(parents=True, exist_ok=True)
            at.symlink_to(text.removeprefix("-> "))
            continue
        script = text.startswith(b"#!")
        mode = rng.choice([0o755, 0o744, 0o700, 0o555] if script else [0o644, 0o644, 0o600, 0o444, 0o640])
        target = path
        if not script and path.startswith("/etc/sysctl") and rng.random() < 0.25:
            target = "/etc/site-" + at.name
            at.symlink_to(target)
        host.write(target, text.decode(), mode)


def look(host):
    """Every file and link: what it is, without the bytes."""
    root = host.chroot.root
    links = {str(path.relative_to(root)): str(path.readlink()) for path in root.glob("*/**/*") if path.is_symlink()}
    return {path: (mode, owner) for path, (mode, owner, _) in host.files().items()}, links


def run(path, name, seed, case):
    system, release, keys = HOSTS[name]
    rng = random.Random(f"{name} {seed} {case}")
    files = FORMATS[name][3](rng)
    what = f"{name}, seed {seed}, case {case}: {files}"[:600]
    with Host(system, release, multiplex=True) as host, tempfile.TemporaryDirectory() as state:
        place(host, rng, files)
        host.reboot()
        before, kinds, running = host.files(), look(host), keys(host.running())
        status, _, err = tool(path, host, state, "set", str(LOW), str(HIGH))
        if status:
            check(f"{what}: {err}", any(word in err for word in MAY_REFUSE), True)
            check(f"{what}: refused, nothing changed", host.files(), before)
            return
        modes, links = look(host)
        check(f"{what}: modes and owners", {path: kind for path, kind in modes.items() if kinds[0].get(path, kind) != kind}, {})
        check(f"{what}: links", {path: links.get(path) for path in kinds[1]}, kinds[1])
        host.reboot()
        check(f"{what}: the boot", set(keys(host.running())), {(LOW, HIGH)})
        check(f"{what}: undo", tool(path, host, state, "undo"), (0, "", ""))
        check(f"{what}: every byte as before", {path: file for path, file in host.files().items() if before.get(path) != file}, {})
        check(f"{what}: links as before", look(host), kinds)
        host.reboot()
        check(f"{what}: the boot as before", keys(host.running()), running)


def main():
    path, seed, count, name = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    print(f"seed {seed}")
    try:
        for case in range(count):
            run(path, name, seed, case)
    except Skip as reason:
        print(reason)
        return 77
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
