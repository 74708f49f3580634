#!/usr/bin/env python3
# Exercises --all-netns on a host with many network namespaces, as one full of containers: all are counted, and each costs
# what its sockets need, not a whole table of groups.
# usage: test_many_netns.py EPHEMPORTS
import json
import os
import resource
import subprocess
import sys

NAMESPACES = 180  # several walks of the BPF collector; where the kernel puts them decides how they meet in its hash
LIMIT_KIB = 40 * 1024
HOLD = "ip link set lo up && exec python3 -c '" + """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(("127.0.0.1", 9))
print("ready", flush=True)
sys.stdin.read()'"""


# The C library would fill all memory that is handed out, also what the program never touches.
os.environ.pop("MALLOC_PERTURB_", None)


def hold():
    child = subprocess.Popen(["unshare", "-n", "sh", "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    if child.stdout.readline() != b"ready\n":
        print("skipped: no network namespace can be made")
        sys.exit(77)
    return child


def look(program, collector, children):
    answer = subprocess.run([program, "usage", "--json", "--udp", "--all-netns", "--collector", collector],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if b"cannot load" in answer.stderr or b"BTF" in answer.stderr:
        print("left out: " + answer.stderr.decode().strip())
        return True
    groups = json.loads(answer.stdout)["groups"]
    seen = sum(any(g["netns"].startswith("pid %d (" % child.pid) for g in groups) for child in children)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print("%s: %d of %d namespaces, at most %d KiB" % (collector, seen, NAMESPACES, peak))
    return seen == NAMESPACES and peak <= LIMIT_KIB


children = [hold() for _ in range(NAMESPACES)]
fine = [look(sys.argv[1], collector, children) for collector in ("netlink", "bpf")]
for child in children:
    child.stdin.close()
    child.wait()
sys.exit(0 if all(fine) else 1)
