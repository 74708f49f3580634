#!/usr/bin/env python3
"""cut_ssh.py COUNTER HOW FIRST SSH... - ssh for EPHEMPORTS_SSH, whose connection is cut. The calls are counted in the file COUNTER.
From the one with number FIRST on HOW happens: once, or with "+" behind it to all that follow.

	before	it is cut before anything was run
	after	it ran, and nobody hears of it
	input	it ran, and got only half of its input
	output	it ran, and only half of what it said arrives
	hang	nobody ever answers
	hung	it ran, and then nobody answers
"""

import pathlib
import subprocess
import sys
import time


def main():
    counter, how, first, *words = sys.argv[1:]
    path = pathlib.Path(counter)
    number = (int(path.read_text(encoding="ascii")) if path.exists() else 0) + 1
    path.write_text(str(number), encoding="ascii")
    if number != int(first) and not (how.endswith("+") and number > int(first)):
        return subprocess.run(words, check=False).returncode
    how = how.rstrip("+")
    given = sys.stdin.buffer.read()
    if how == "hang":
        time.sleep(30)
    if how != "before":
        text = given[:len(given) // 2] if how == "input" else given
        done = subprocess.run(words, check=False, input=text, capture_output=True)
        if how == "output":
            sys.stdout.buffer.write(done.stdout[:len(done.stdout) // 2])
    if how == "hung":
        time.sleep(30)
    print("Connection to the host closed by remote host.", file=sys.stderr)
    return 255


if __name__ == "__main__":
    sys.exit(main())
