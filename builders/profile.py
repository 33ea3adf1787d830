"""What a sandboxed command sees: bubblewrap's words, and nothing but words. Pure but for looks at what exists."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store")
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "passwd", "group", "nsswitch.conf",
       "crypto-policies", "ssl/openssl.cnf", "ssl/certs", "pki/tls/certs", "pki/ca-trust/extracted",
       "ca-certificates")  # fmt: skip
ETC_OF_NETWORKS = ("resolv.conf", "hosts", "services", "protocols")
# Written by root without any capability, and so by the code of a job whose agent is root: core_pattern in
# /proc/sys is a command that the kernel runs outside of every sandbox.
PROC_OF_ROOT = ("sys", "acpi", "fs", "driver", "scsi", "tty")
HOME = "/home/job"
SHARED_MEMORY = 256 << 20  # bytes of /dev/shm
UNSHARED = ("user", "ipc", "pid", "uts")


@dataclass(frozen=True, kw_only=True)
class View:
    """What one phase of one job may see beside the system."""

    tree: Path  # may be written, but for its `.git`
    at: Path | None = None  # where the tree is seen; None: where it is
    placed: Sequence[tuple[Path, Path]] = ()  # folders of this job alone, and where else they are seen
    writable: Sequence[Path] = ()  # folders of this job alone
    home: Path  # seen as `HOME`
    temporary: Path  # seen as /tmp
    readable: Sequence[Path] = ()
    devices: Sequence[Path] = ()
    network: bool = False
    hidden: Sequence[Path] = ()  # the agent's own folders, wherever they lie


def words(bwrap: Path, view: View, *, root: bool) -> tuple[str, ...]:
    """Put together bubblewrap's command up to the command that it is to run.

    Mounts come in order: what is hidden lies over what would show it, and what is the job's own over both.

    Args:
        root: the agent is root, which a job shall not find itself to be.
    """
    found = [str(bwrap), *base(network=view.network)]
    found += _hide(view.hidden, [Path(each) for each in SYSTEM])
    own = [(view.temporary, Path("/tmp")), (view.home, Path(HOME)), *view.placed]  # noqa: S108  # its own
    for outside, inside in sorted(own, key=lambda each: len(each[1].parts)):  # what is deeper lies over what is not
        found += ["--bind", str(outside), str(inside)]
    found += ["--symlink", "/tmp", "/var/tmp"]  # noqa: S108  # its own
    found += _all("--ro-bind", view.readable)
    found += _hide(view.hidden, view.readable)
    found += ["--bind", str(view.tree), str(view.at or view.tree), *_all("--bind", view.writable)]
    for outside, inside in _git_data(view):
        found += ["--ro-bind", str(outside), str(inside)]
    found += _all("--dev-bind", view.devices)
    if view.devices:
        found += ["--ro-bind", "/sys", "/sys"]  # USB libraries look their device up there
    found += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(view.at or view.tree)]
    if root:
        found += ["--uid", "1000", "--gid", "1000"]
    return (*found, "--")


def targets(view: View) -> list[Path]:
    """List what is mounted under its own name, and so perhaps below a folder that the job writes."""
    own = [Path(HOME), view.at or view.tree, *view.writable, *(inside for _, inside in view.placed)]
    return [*view.hidden, *view.readable, *own, *(inside for _, inside in _git_data(view)), *view.devices]


def base(*, network: bool) -> list[str]:
    """List what is the same for every job: the system to read, and namespaces of its own."""
    found = [f"--unshare-{name}" for name in (*UNSHARED, *([] if network else ["net"]))]
    found += ["--unshare-cgroup-try", "--disable-userns", "--new-session", "--die-with-parent", "--hostname", "job"]
    for name in SYSTEM:
        place = Path(name)
        if place.is_symlink():
            found += ["--symlink", str(place.readlink()), name]
        elif place.is_dir():
            found += ["--ro-bind", name, name]
    for name in (*ETC, *(ETC_OF_NETWORKS if network else ())):
        if (place := Path("/etc") / name).exists():
            found += ["--ro-bind", str(place), str(place)]
    found += ["--proc", "/proc"]
    for name in PROC_OF_ROOT:
        if (place := Path("/proc") / name).exists():
            found += ["--ro-bind", str(place), str(place)]
    return [*found, "--dev", "/dev", "--size", str(SHARED_MEMORY), "--tmpfs", "/dev/shm"]  # noqa: S108  # its own


def _all(option: str, places: Iterable[Path]) -> Iterator[str]:
    for place in places:
        yield from (option, str(place), str(place))


def _git_data(view: View) -> Iterator[tuple[Path, Path]]:
    """A job reads its commit's history; it writes neither the next job's git nor the mirror."""
    data = view.tree / ".git"
    if data.exists():
        yield data, (view.at or view.tree) / ".git"
    try:
        lines = (data / "objects" / "info" / "alternates").read_text().splitlines()
    except OSError:
        return
    yield from ((Path(line), Path(line)) for line in lines if os.path.isdir(line))


def _hide(hidden: Iterable[Path], seen: Sequence[Path]) -> Iterator[str]:
    """Cover the agent's own folders where a readable one would show them.

    Whole folders: a cover over a file falls off when the file is replaced by a rename, as tokens are.
    """
    for place in hidden:
        if any(place.is_relative_to(each) for each in seen) and os.path.isdir(place):
            yield from ("--tmpfs", str(place))


def installation(program: Path, hidden: Sequence[Path]) -> Path | None:
    """Find the folder that a program outside the system needs to run: its prefix, or its `bin` alone.

    A prefix that holds anything of the agent's, such as a home folder, is never shown whole.
    """
    folder = program.parent
    if any(folder.is_relative_to(each) for each in SYSTEM):
        return None
    prefix = folder.parent if folder.name in ("bin", "sbin") else folder
    for each in (prefix, folder):
        is_wide = each.parent in (Path("/"), Path("/home")) or each in (Path("/"), Path.home())
        if not is_wide and not any(place.is_relative_to(each) for place in hidden):
            return each
    return None
