"""Models of the systems: what each command prints, what the kernel accepts, what a boot reads."""

from . import aix, bsd, fixed, hpux, linux, macos, solaris, tru64, windows

CLASSES = {
    "aix": aix.Aix,
    "bsdos": fixed.BsdOs,
    "dragonfly": bsd.DragonFly,
    "freebsd": bsd.FreeBsd,
    "hpux": hpux.HpUx,
    "illumos": solaris.Illumos,
    "irix": fixed.Irix,
    "linux": linux.Debian,
    "alpine": linux.Alpine,
    "cygwin": windows.Cygwin,
    "opensolaris": solaris.OpenSolaris,
    "rhel5": linux.Rhel5,
    "macos": macos.MacOs,
    "netbsd": bsd.NetBsd,
    "openbsd": bsd.OpenBsd,
    "solaris10": solaris.Solaris10,
    "solaris11": solaris.Solaris11,
    "tru64": tru64.Tru64,
    "windows": windows.Windows,
    "windowsxp": windows.WindowsXp,
}


def make(name, release, lang, options):
    return CLASSES[name](release, lang, **options)
