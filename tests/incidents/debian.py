"""Programs of Debian packages for the tests, without installing them: downloaded and unpacked below
$EPHEMPORTS_SERVERS_CACHE, else ${XDG_CACHE_HOME:-~/.cache}/ephemports/servers.

Not by scripts/setup: an installed database server brings a user, a unit that starts at boot, and configuration that
`ephemports check` on this host would then tell of. Nothing of that may be a side effect of running tests.
"""
import fcntl
import glob
import os
import shutil
import subprocess

APT = ['apt-get', '-qq', '-o', 'APT::Sandbox::User=root']


def cache():
    base = os.environ.get('EPHEMPORTS_SERVERS_CACHE')
    return base or os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'ephemports', 'servers')


def download(packages, into):
    """With the package lists of this host, or where these are missing or too old, with lists of our own."""
    lists = os.path.join(cache(), 'lists')
    own = ['-o', f'Dir::State::Lists={lists}', '-o', f'Dir::Cache={into}']
    environment = dict(os.environ, TMPDIR=into)
    if subprocess.run([*APT, 'download', *packages], cwd=into, env=environment, capture_output=True).returncode == 0:
        return None
    os.makedirs(os.path.join(lists, 'partial'), exist_ok=True)
    subprocess.run([*APT, *own, 'update'], cwd=into, env=environment, capture_output=True)
    done = subprocess.run([*APT, *own, 'download', *packages], cwd=into, env=environment, capture_output=True, text=True)
    shutil.rmtree(lists, ignore_errors=True)
    return done.stderr.strip().splitlines()[-1:] if done.returncode else None


def unpack(name, packages):
    """Return: (a tree with these packages, None), or (None, why not). Complete or not at all; several tests may ask."""
    root = os.path.join(cache(), name)
    for tool in ('apt-get', 'dpkg-deb'):
        if not shutil.which(tool):
            return None, f'no {tool}, so {name} of Debian is not to be had'
    os.makedirs(cache(), exist_ok=True)
    with open(os.path.join(cache(), 'lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(root):
            return root, None
        work = root + '.new'
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        failed = download(packages, work)
        if failed is not None:
            shutil.rmtree(work)
            return None, f'cannot download {name}: {" ".join(failed)}'
        for package in glob.glob(work + '/*.deb'):
            subprocess.run(['dpkg-deb', '-x', package, work], check=True)
            os.unlink(package)
        os.rename(work, root)
    return root, None


def environment(root):
    """In which programs below @root find their libraries."""
    places = glob.glob(root + '/usr/lib/*-linux-gnu*') + glob.glob(root + '/lib/*-linux-gnu*')
    return dict(os.environ, LD_LIBRARY_PATH=':'.join(places))


def copy(root, places, into):
    """A host that has this package's files at @places and nothing else, to be changed as an administrator would."""
    for place in places:
        shutil.copytree(root + place, into + place, symlinks=True, dirs_exist_ok=True)
    return into
