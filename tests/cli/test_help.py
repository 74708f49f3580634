#!/usr/bin/env python3
"""Exercises help: no line over 80 columns; --help and the man pages name the same options, and the same values for them.

usage: test_help.py EPHEMPORTS MAN_DIRECTORY
"""
import re
import subprocess
import sys

ephemports, man = sys.argv[1:3]
failures = []


def run(*arguments):
    return subprocess.run([ephemports, *arguments], capture_output=True, text=True, check=True).stdout


def options_of_help(text):
    """{'--json': '', '--netns': 'NETNS', ...}"""
    found = re.findall(r'^ +(?:-\w, )?(--[\w-]+)(?: (\S+))?(?:$|  )', text, re.M)
    return {name: value for name, value in found}


def options_of_page(path):
    with open(path) as file:
        text = file.read()
    found = re.findall(r'^(?:-\w, )?(--[\w-]+)(?: (\S+))?\n   ', text, re.M)
    return {name: value for name, value in found}


def expect(condition, message):
    if not condition:
        failures.append(message)


program = run('help')
commands = re.findall(r'^  (\w+)  +\S', program.split('common options')[0], re.M)
expect(len(commands) >= 4, f'only these commands: {commands}')
common = options_of_help(program)
expect(len(common) >= 12, f'only these common options: {sorted(common)}')
page = options_of_page(f'{man}/ephemports.rst')
expect(page == common, f'ephemports.rst: {page} instead of {common}')
with open(f'{man}/ephemports.rst') as file:
    overview = file.read()
for command in commands:
    text = run('help', command)
    expect(text == run(command, '--help'), f'help {command} and {command} --help differ')
    expect(text == run('--help', command), f'--help {command} differs')
    expect(f'**{command}**' in overview, f'ephemports.rst does not name {command}')
    for line in text.splitlines() + program.splitlines():
        expect(len(line) <= 80, f'{command}: over 80 columns: {line}')
    if command in ('help', 'completion'):
        continue
    own = {name: value for name, value in options_of_help(text).items() if name not in common}
    page = options_of_page(f'{man}/ephemports-{command}.rst')
    expect(page == own, f'ephemports-{command}.rst: {page} instead of {own}')
print('\n'.join(failures) or 'all good')
sys.exit(bool(failures))
