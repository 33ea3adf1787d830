"""The data directory: who holds it, and where its sockets are."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import StartupError
from app.settings import make_private, socket_folder


@contextmanager
def held(data_dir: Path) -> Iterator[Path]:
    """Make the data directory (0700 when it is new) and hold it against other servers.

    Raises:
        StartupError: another `rigline serve` holds it.
    """
    make_private(data_dir)
    with (data_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it however we end
        except BlockingIOError:
            lock.seek(0)
            raise StartupError(
                f"{data_dir} is in use by process {lock.read().strip()}. "
                "Stop that one, or choose another folder by --data-dir."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield data_dir


def sockets(data_dir: Path) -> Path:
    """Make the private folder for the sockets of a data directory.

    Raises:
        StartupError: somebody else made it first, in the folder for temporary files.
    """
    path = socket_folder(data_dir)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise StartupError(f"{path} is not a private folder of ours. Remove it, or use a shorter data directory.")
    return path
