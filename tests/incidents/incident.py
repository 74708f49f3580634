"""The frame of the incident tests: something that happened on a real host is made again in a network namespace of its own,
the program is asked as a person would ask it, and then the kernel is asked to do it. Both must say the same, as root looks
(through BPF, if it works here) and as anybody does (through netlink), on a screen and as JSON.

A test begins with

	import incident
	incident.begin()		# argv[1] is the program; skips (77) where no namespace can be made

and ends by itself: sockets that were made through listen(), connect() and other_process() are closed, only processes that
the test started are ended. Ranges are small, so that every state is reached in a few connections.
"""
import contextlib
import ctypes
import errno
import json
import os
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

LINES, COLUMNS = 24, 80         # of a terminal: a screen must fit
IP_BIND_ADDRESS_NO_PORT = 24
PR_SET_NAME = 15
CLONE_NEWNET = 0x40000000

ephemports = None
bpf = False                     # does the BPF collector work here?
work = None                     # a directory that is removed at the end
empty_root = None               # files of a host that has none
kept = []                       # sockets that stay open


def skip(reason):
    print(f'SKIP: {reason}')
    sys.exit(77)


def enter():
    """Run anew in a network namespace, if it can be in a process namespace too: the program then sees only what the test has
    made, and nothing is left running however the test ends."""
    user = [] if os.geteuid() == 0 else ['-r']
    os.environ['INCIDENT_INSIDE'] = '1'
    for more in (['-p', '-f', '--kill-child', '--mount-proc'], []):
        unshare = ['unshare', *user, '-n', *more]
        if shutil.which('unshare') and subprocess.run([*unshare, 'true'], capture_output=True).returncode == 0:
            os.execvp('unshare', [*unshare, sys.executable, '-B', *sys.argv])
    skip('no network namespace can be made here')


def begin():
    global ephemports, bpf, work, empty_root
    ephemports = os.path.realpath(sys.argv[1])
    if not os.environ.get('INCIDENT_INSIDE'):
        enter()
    work = tempfile.mkdtemp(prefix='ephemports-incident-')
    # Others may read it: a server runs as a user of its own.
    os.chmod(work, 0o755)
    owner = os.getpid()
    import atexit
    atexit.register(lambda: os.getpid() == owner and shutil.rmtree(work, ignore_errors=True))
    empty_root = tree()
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    bpf = run('--collector', 'bpf').status < 3


# --- the host --------------------------------------------------------------------------------------------------------

def setting(name, value):
    """net.ipv4.NAME, or with a slash any name below /proc/sys/net."""
    with open('/proc/sys/net/' + (name if '/' in name else 'ipv4/' + name), 'w') as file:
        file.write(value + '\n')


def get_setting(name):
    with open('/proc/sys/net/' + (name if '/' in name else 'ipv4/' + name)) as file:
        return ' '.join(file.read().split())


def tree(files=None):
    """A directory to stand for /, with these files; a text that begins with -> is a link."""
    root = tempfile.mkdtemp(dir=work)
    os.chmod(root, 0o755)
    os.makedirs(root + '/etc/sysctl.d')
    for path, text in (files or {}).items():
        full = root + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if text.startswith('->'):
            os.symlink(text[2:], full)
        else:
            with open(full, 'w') as file:
                file.write(text)
    return root


def split_endpoint(text):
    """'[::1]:80', '10.0.0.1:80', '80' -> (address or None, port)"""
    address, _, port = text.rpartition(':')
    return (address.strip('[]') or None), int(port)


def family_of(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def keep(one):
    kept.append(one)
    return one


def listen(endpoint, **options):
    return keep(really_bind(endpoint, listens=True, **options))


def really_bind(endpoint, udp=False, v6=False, v6only=False, reuseaddr=False, reuseport=False, listens=False):
    address, port = split_endpoint(endpoint)
    v6 = v6 or v6only or (address is not None and ':' in address)
    one = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    try:
        if v6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuseaddr)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuseport)
        one.bind((address or ('::' if v6 else '0.0.0.0'), port))
        if listens and not udp:
            one.listen(64)
    except OSError:
        one.close()
        raise
    return one


def really_connect(to, udp=False, source=None, late=True):
    """@source: (address, port) to bind to first; @late: IP_BIND_ADDRESS_NO_PORT."""
    address, port = split_endpoint(to)
    one = socket.socket(family_of(address), socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    try:
        one.settimeout(5)
        if source:
            one.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, late)
            one.bind(source)
        one.connect((address, port))
    except OSError:
        one.close()
        raise
    return one


def connect(to, **options):
    return keep(really_connect(to, **options))


def abort(one):
    """Close with a reset, so that no TIME_WAIT stays."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    one.close()


def abort_all():
    for one in kept:
        if one.fileno() >= 0:
            abort(one)
    kept.clear()


@contextlib.contextmanager
def other_process(name, do, own_netns=False, resets=True):
    """A process called @name that has done @do and keeps what it made, until the block ends. Gives its pid. @resets: leaves
    no TIME_WAIT behind."""
    ready_read, ready_write = os.pipe()
    end_read, end_write = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(end_write)
            libc = ctypes.CDLL(None, use_errno=True)
            libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0)
            if own_netns and libc.unshare(CLONE_NEWNET):
                os._exit(2)
            do()
            os.write(ready_write, b'.')
            os.read(end_read, 1)
            if resets:
                abort_all()
            os._exit(0)
        except BaseException as error:
            print(f'{name}: {error!r}', file=sys.stderr, flush=True)
            os._exit(1)
    os.close(ready_write)
    os.close(end_read)
    try:
        assert os.read(ready_read, 1) == b'.', f'{name} did not come up'
        yield pid
    finally:
        os.close(end_write)
        os.close(ready_read)
        need(os.waitpid(pid, 0)[1] == 0, f'{name} ends well')


# --- the program -----------------------------------------------------------------------------------------------------

class Answer:
    def __init__(self, arguments, done):
        self.arguments, self.status, self.text, self.errors = arguments, done.returncode, done.stdout, done.stderr
        self.words = ' '.join(done.stdout.split())      # as one line, wherever the screen broke it

    def __str__(self):
        return f'$ ephemports {shlex.join(self.arguments)}\n{self.text}{self.errors}(status {self.status})'


def run(*arguments, root=None):
    environment = dict(os.environ, EPHEMPORTS_ROOT=root or empty_root, EPHEMPORTS_STATE_DIR=work + '/state',
                       COLUMNS=str(COLUMNS))
    # What is below the root belongs to this namespace: it is no image.
    if arguments[0] in ('range', 'reserve') and not {'-N', '--netns'} & set(arguments):
        arguments = (*arguments, '-N', '/proc/self/ns/net')
    done = subprocess.run([ephemports, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)
    return Answer(arguments, done)


def need(condition, what, answer=None):
    if not condition:
        print(f'not ok: {what}\n{answer or ""}', file=sys.stderr, flush=True)
        sys.exit(1)


def need_words(answer, says=(), never=()):
    for one in says:
        need(one in answer.words, f'says "{one}"', answer)
    for one in never:
        need(one not in answer.words, f'does not say "{one}"', answer)


def need_screen(answer):
    """Fits a terminal, except where one word alone is wider."""
    lines = answer.text.splitlines()
    need(len(lines) <= LINES, f'at most {LINES} lines', answer)
    need(all(len(line) <= COLUMNS or ' ' not in line.strip() or line.lstrip().startswith(('ephemports ', 'sysctl ', 'nsenter '))
             for line in lines), f'at most {COLUMNS} columns', answer)


def ways():
    """As somebody without root looks, and as root does: through BPF, if it works here."""
    return [('--collector', 'netlink'), ()]


def is_exact_way(way):
    return bpf and not way


def ask(*arguments, way=(), root=None):
    """The same question for a person and for a program. Return: the screen, the document."""
    screen, document = run(*arguments, *way, root=root), run(*arguments, '--json', *way, root=root)
    need(screen.status == document.status, f'one status for screen and JSON (JSON: {document.status})', screen)
    need(screen.status <= 3 and not (screen.errors and screen.status < 3), 'no error', screen)
    need_screen(screen)
    try:
        return screen, json.loads(document.text)
    except ValueError:
        need(False, 'JSON', document)


# --- why bind --------------------------------------------------------------------------------------------------------

def endpoint_of(value):
    if value is None:
        return None
    address = value['address']
    return f'[{address}]:{value["port"]}' if ':' in address else f'{address}:{value["port"]}'


def holder_is(holder, wanted):
    seen = dict(holder, local=endpoint_of(holder['local']), remote=endpoint_of(holder['remote']))
    return all(seen[key] == value for key, value in wanted.items())


def bind_errno(endpoint, options):
    flags = {'--udp': 'udp', '-6': 'v6', '--v6only': 'v6only', '--reuseaddr': 'reuseaddr', '--reuseport': 'reuseport'}
    try:
        really_bind(endpoint, listens=True, **{flags[one]: True for one in options}).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return None


def why_bind(endpoint, *options, error=None, holders=(), says=(), never=(), netlink_open=False):
    """Ask `why bind`, in both ways, then bind. @error: the errno that both must give, None for success. @holders: for each
    socket in the way, what is said of it (members of the JSON; local and remote as ADDRESS:PORT). @netlink_open: without
    BPF the answer may be open. Return: the last screen and document."""
    for way in ways():
        screen, document = ask('why', 'bind', *options, endpoint, way=way)
        if not (netlink_open and not is_exact_way(way)) or document['exact']:
            need(document['errno'] == error, f'{error} is predicted, not {document["errno"]}', screen)
            need(document['exact'] or not is_exact_way(way), 'an exact answer', screen)
            need(screen.status == (2 if error else 0), 'the status of the verdict', screen)
            for wanted in holders:
                need(any(holder_is(one, wanted) for one in document['holders']),
                     f'a holder {wanted} in {json.dumps(document["holders"], indent=1)}', screen)
            need(len(holders) == len(document['holders']), f'{len(holders)} holders', screen)
            need_words(screen, says, never)
    really = bind_errno(endpoint, options)
    need(really == error, f'the kernel gives {really}', screen)
    print(f'ok: why bind {" ".join([*options, endpoint])}: {error or "succeeds"}', flush=True)
    return screen, document


# --- why connect -----------------------------------------------------------------------------------------------------

def connect_errno(to, options):
    options = list(options)
    source = (options[options.index('--from') + 1], 0) if '--from' in options else None
    try:
        abort(really_connect(to, udp='--udp' in options, source=source))
    except ConnectionRefusedError:
        return None     # it had a port
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return None


def why_connect(to, *options, verdict, error=None, causes=(), says=(), never=(), netlink_open=False):
    """Ask `why connect`, in both ways, then connect. @causes: ids that must be among those given. The rest as for
    why_bind()."""
    status = {'ok': 0, 'exhausted': 2, 'not-exhaustion': 1, 'not-settled': 3}[verdict]
    for way in ways():
        screen, document = ask('why', 'connect', *options, to, way=way)
        if netlink_open and not is_exact_way(way) and document['verdict'] == 'not-settled':
            need_words(screen, ['for: '])
            continue
        need(document['verdict'] == verdict, f'{verdict}, not {document["verdict"]}', screen)
        need(document['errno'] == error, f'{error} is predicted, not {document["errno"]}', screen)
        need(screen.status == status, 'the status of the verdict', screen)
        for one in causes:
            need(any(cause['id'] == one for cause in document['causes']), f'cause {one}', screen)
        need_words(screen, says, never)
    really = connect_errno(to, options)
    need(really == error, f'the kernel gives {really}', screen)
    print(f'ok: why connect {" ".join([*options, to])}: {error or "connects"}', flush=True)
    return screen, document


# --- check -----------------------------------------------------------------------------------------------------------

def check(*options, root=None, way=()):
    """Return: the screen, and the risks by id."""
    screen, document = run('check', *options, *way, root=root), run('check', '--json', *options, *way, root=root)
    need(screen.status <= 2 and screen.status == document.status, 'check answers', screen)
    return screen, {one['id']: one for one in json.loads(document.text)['risks']}


def risk_words(risk):
    return '\n'.join([risk['title'], *risk['evidence'], *(one['text'] for one in risk['advice'])])


def follow(command):
    """Run what was printed to be pasted, here."""
    words = shlex.split(command)
    if words[0] == 'ephemports':
        done = run(*words[1:])
        need(done.status == 0 or (words[1] == 'range' and done.status == 1), 'the advice works', done)
        return
    need(words[:2] == ['sysctl', '-w'] and words[2].startswith('net.'), f'not a command to follow: {command}')
    name, _, value = words[2].partition('=')
    setting('/'.join(name[len('net.'):].split('.')), value)
