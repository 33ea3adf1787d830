"""Let PostgreSQL run where it refuses to: as root, or under a user id without a name.

initdb and postgres only look at their effective user id and at its passwd entry. No user is
made, no mode changed: a child sees itself as `nobody` and stays what it was outside.
"""

import ctypes
import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path

from app.embedded.child import LIBC
from app.errors import StartupError

CLONE_NEWUSER = 0x10000000  # os.unshare exists only from Python 3.12
Enter = Callable[[], None]


def for_postgres(postgres: Path) -> Enter | None:
    """Choose how to start this postgres binary; None: as we are.

    Raises:
        StartupError: we are root or nameless, and the machine forbids user namespaces.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return None
    enter = _namespace(pwd.getpwnam("nobody").pw_uid, os.geteuid(), os.getegid())
    try:
        subprocess.run([postgres, "-V"], check=True, capture_output=True, preexec_fn=enter)  # noqa: S603
    except (subprocess.SubprocessError, OSError):
        raise StartupError(
            f"PostgreSQL refuses to run as user {os.geteuid()}, and this machine allows no user namespaces. "
            "Start Rigline as an ordinary user, or set DATABASE_URL."
        ) from None
    return enter


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _namespace(inside: int, uid: int, gid: int) -> Enter:
    def enter() -> None:
        if LIBC.unshare(CLONE_NEWUSER):
            raise OSError(ctypes.get_errno(), "unshare")
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{inside} {uid} 1"),
            ("gid_map", f"{inside} {gid} 1"),
        ):
            Path("/proc/self", name).write_text(text)

    return enter
