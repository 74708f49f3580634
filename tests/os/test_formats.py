#!/usr/bin/env python3
"""test_formats.py BOOT_TOOL SEED COUNT [FORMAT...] - random messy files of each format, edited by us and booted by a model of the
system that knows nothing of our C (boot_models.py): the wanted range, every other setting as before, every other line still
there, and our own reading of both boots as the model's.
"""

import plistlib
import random
import re
import sys

from boot_models import MODELS
from boottool import BootTool, Refused
from messy_files import FORMATS

failures = []
MENTIONS = re.compile(rb"portrange\.(first|last)\b|port(first|last)\b|anonport(min|max)|(tcp|udp)_(smallest|largest)_anon_port|tcp_ephemeral_|NDD_VALUE|ephemports")


def followed(files, edits):
    """The files as the boot sees them after the edits: path -> bytes, links led to what they lead to."""
    after = {**files, **edits}
    for path, text in after.items():
        if isinstance(text, str):
            target = text.removeprefix("-> ").replace("../", f"/{path.split('/')[1]}/")
            after[path] = after[target]
    return after


def ends_complete(files):
    """A line added behind one without an end completes that one: it counts from then on."""
    return {path: text if text.endswith(b"\n") or not text else text + b"\n" for path, text in files.items()}


def without(settings, names):
    return {name: value for name, value in settings.items() if name not in names}


def check_lines(what, before, after):
    """Every other line is there, byte for byte but for an end that was missing, and in order; nothing of another matter is new."""
    rest = iter([line for line in after.split(b"\n") if not MENTIONS.search(line)])
    for line in before.split(b"\n")[:-1] if before.endswith(b"\n") else before.split(b"\n"):
        if not MENTIONS.search(line) and line not in rest:
            failures.append(f"{what}: lost {line!r} in\n{after!r}")
            return
    for line in before.split(b"\n"):
        # A line that is about the range is changed in place or commented out: what stands behind it stays.
        comment = re.search(rb"#\s*why", line)
        if comment and after.count(b"why") < before.count(b"why"):
            failures.append(f"{what}: lost the comment of {line!r} in\n{after!r}")


def check_case(tool, name, what, files, wanted, low_high):
    system, release, output, _, _ = FORMATS[name]
    model = MODELS[name]
    links = [path for path, text in files.items() if isinstance(text, str)]
    given, files = files, followed(files, {})
    before = model(files)
    tool.ask(system, release, output, files, links)
    low, high = (before.get(setting) for setting in low_high)
    told = tool.boot()
    if told != "unknown" and low and high and low < high and high <= 65535 and low >= 1024 and told != (low, high):
        failures.append(f"{what}: the boot brings {low}-{high}, we say {told}")
    try:
        edits, _ = tool.persist(*wanted)
    except Refused as why:
        return str(why)
    after = followed(given, edits)
    links += [path for path, text in edits.items() if isinstance(text, str)]
    settings = model(after)
    if tuple(settings.get(setting) for setting in low_high) != wanted:
        failures.append(f"{what}: the boot brings {settings} after {edits}")
    if without(settings, low_high) not in (without(before, low_high), without(model(ends_complete(files)), low_high)):
        failures.append(f"{what}: other settings are {settings} instead of {before} after {edits}")
    for path in files:
        check_lines(f"{what}: {path}", files[path], after[path])
    tool.ask(system, release, output, after, links)
    if tool.boot() not in (wanted, "unknown"):
        failures.append(f"{what}: afterwards we say {tool.boot()}")
    if tool.persist(*wanted)[0]:
        failures.append(f"{what}: the same again changes {tool.persist(*wanted)[0]} after {edits}")
    return None


def check_format(tool, name, seed, count):
    refused = 0
    for case in range(count):
        rng = random.Random(f"{name} {seed} {case}")
        files = FORMATS[name][3](rng)
        wanted = rng.choice([(49152, 65535), (40000, 60001), (1024, 65535), (2000, 3001), (50000, 50003)])
        what = f"{name}, seed {seed}, case {case}, {wanted}: " + "; ".join(f"{path} {text!r}" for path, text in files.items())
        why = check_case(tool, name, what, files, wanted, FORMATS[name][4])
        refused += why is not None
        if why and not may_refuse(name, files, why):
            failures.append(f"{what}: {why}")
        if len(failures) > 10:
            return
    print(f"{name}: {count} cases, {refused} refused")
    if refused > count // 2:
        failures.append(f"{name}: {refused} of {count} refused")


def may_refuse(name, files, why):
    """Where a careful administrator would ask first."""
    if name == "macos":
        daemon = plistlib.loads(files["/Library/LaunchDaemons/local.ephemports.plist"])
        return "does not run at boot" in why and (daemon.get("Disabled") or not daemon.get("RunAtLoad"))
    if name == "hpux":
        numbers = {int(number) for number in re.findall(rb"NDD_NAME\[(\d+)\]", files.get("/etc/rc.config.d/nddconf", b""))}
        if "without gaps" in why:
            return numbers != set(range(len(numbers)))
    return "which would change too" in why and any(path.endswith("/ephemports") for path in files)


def main():
    path, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print(f"seed {seed}")
    with BootTool(path) as tool:
        for name in sys.argv[4:] or FORMATS:
            check_format(tool, name, seed, count)
    print("\n".join(failures) or "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
