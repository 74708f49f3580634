#!/usr/bin/env python3
"""test_docs.py EPHEMPORTS TOP - what the pages name is there: links and paths of the tree, tests that show the laws, commands of
the program with their options. Man pages are held against --help by test_help.py.
"""

import glob
import os
import re
import subprocess
import sys

ephemports, top = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
failures = []
pages = [path for pattern in ('*.md', 'docs/*.md', 'docs/decisions/*.md', 'docs/risks/*.md') for path in glob.glob(f'{top}/{pattern}')]
commands = {}


def text_of(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def options_of(command):
    if command not in commands:
        done = subprocess.run([ephemports, *([command] if command else []), '--help'], capture_output=True, text=True, check=False)
        commands[command] = set(re.findall(r'--[a-z][a-z-]*', done.stdout)) if done.returncode == 0 else None
    return commands[command]


def there(page, path):
    """Below the top, the page's own directory or src; NAME stands for any."""
    pattern = re.sub(r'\b[A-Z]+\b', '*', path)
    return any(glob.glob(os.path.join(base, pattern)) for base in (top, os.path.dirname(page), top + '/src'))


def check_paths(page, text):
    for path in re.findall(r'\]\(([^)#:]+)\)', text):
        if not os.path.exists(os.path.join(os.path.dirname(page), path)):
            failures.append(f'{page}: link to {path}')
    for path in re.findall(r'`((?:src|tests|docs|bench|packaging|scripts|web)/[\w./*-]+|[\w-]+/[\w./-]+\.(?:c|h|py|sh|md))`', text):
        if not there(page, path):
            failures.append(f'{page}: path {path}')


def check_commands(page, text):
    spans = re.findall(r'`(ephemports[^`]*)`', text) + re.findall(r'^\s*(?:\$ |sudo )?(ephemports .*)$', text, re.MULTILINE)
    for span in spans:
        words = span.split('|')[0].split(' -- ')[0].split()
        command = words[1] if len(words) > 1 and re.fullmatch(r'[a-z]+', words[1]) else ''
        known = options_of(command)
        if known is None:
            failures.append(f'{page}: no command: {span}')
            continue
        for option in re.findall(r'(?<!\S)--[a-z][a-z-]*', ' '.join(words)):
            if option not in known:
                failures.append(f'{page}: no option {option}: {span}')


def check_laws():
    """In each table of laws the last column names what shows the law, and a unit test is one that runs."""
    tests = '\n'.join(text_of(path) for path in glob.glob(f'{top}/tests/unit/test_*.c'))
    rows = 0
    for table in re.split(r'\n\n', text_of(f'{top}/docs/laws.md')):
        lines = [line for line in table.splitlines() if line.startswith('|')]
        if not lines or 'shown by' not in lines[0]:
            continue
        for line in lines[2:]:
            shown = line.replace('\\|', '/').rstrip('| ').split('|')[-1].strip()
            rows += 1
            if not shown:
                failures.append(f'laws.md: nothing shows: {line[:80]}')
            for name in re.findall(r'unit `(\w+)`', shown):
                if len(re.findall(rf'\b{name}\b', tests)) < 2:     # written, and run
                    failures.append(f'laws.md: no unit test {name}')
    if rows < 30:
        failures.append(f'laws.md: {rows} rows only were found')


for page in pages:
    text = text_of(page)
    check_paths(page, text)
    check_commands(page, text)
check_laws()
for failure in failures:
    print(failure)
print(f'{len(pages)} pages, {len(failures)} failures')
sys.exit(1 if failures or len(pages) < 10 else 0)
