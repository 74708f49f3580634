"""The last line of `make check`, from Meson's own log: N passed, N failed, N skipped."""
import json
import os
import sys

log, allowed_file = sys.argv[1:]
allowed = set()
for line in open(allowed_file):
    line = line.split('#')[0].split()
    if line:
        allowed.add(line[0])

strict = os.environ.get('CI') and os.geteuid() == 0
passed = failed = skipped = 0
try:
    tests = [json.loads(line) for line in open(log)]
except OSError:
    tests = []
for test in tests:
    # "suite - project:name", or "project:name"
    name = test['name'].split(' - ')[-1].split(':')[-1].strip().split(' / ')[-1]
    if test['result'] in ('OK', 'EXPECTEDFAIL'):
        passed += 1
    elif test['result'] != 'SKIP':
        failed += 1
    elif strict and name not in allowed:
        print(f'{name}: skipped, and tests/allowed-skips.txt does not allow it:')
        print(test.get('stdout', '')[-2000:])
        failed += 1
    else:
        skipped += 1
if not tests:
    print('no test was run')
print(f'{passed} passed, {failed} failed, {skipped} skipped')
sys.exit(1 if failed or not tests else 0)
