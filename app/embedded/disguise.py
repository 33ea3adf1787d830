"""Let PostgreSQL run where it refuses to: as root, or under a user id without a name.

initdb and postgres only look at their effective user id and at its passwd entry. No user is
made, no mode changed: a child sees itself as `nobody` and stays what it was outside, or, for
root where user namespaces are forbidden, becomes `nobody` over a data folder of its own.
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
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION = 0x20080522
Enter = Callable[[], None]


def for_postgres(postgres: Path) -> Enter | None:
    """Choose how to start this postgres binary; None: as we are.

    Raises:
        StartupError: we are root or nameless, and the machine allows neither way out.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return None
    nobody = pwd.getpwnam("nobody")
    ways = [_namespace(nobody.pw_uid, os.geteuid(), os.getegid())]
    if os.geteuid() == 0:
        ways.append(as_other(nobody.pw_uid, nobody.pw_gid))
    for enter in ways:
        if _works(postgres, enter):
            return enter
    raise StartupError(
        f"PostgreSQL refuses to run as user {os.geteuid()}, and this machine allows no user namespaces. "
        "Start Rigline as an ordinary user, or set DATABASE_URL."
    )


def _works(postgres: Path, enter: Enter) -> bool:
    try:
        subprocess.run([postgres, "-V"], check=True, capture_output=True, preexec_fn=enter)  # noqa: S603
    except (subprocess.SubprocessError, OSError):
        return False
    return True


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


def as_other(uid: int, gid: int) -> Enter:
    """Become another user that keeps the right to pass closed folders, so that none has to be opened.

    For root in a container without user namespaces. The data folder is then this user's.
    """
    rights = (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)
    mask = sum(1 << right for right in rights)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask)  # effective, permitted, inheritable; then the upper halves

    def enter() -> None:
        LIBC.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        if LIBC.capset(header, sets):
            raise OSError(ctypes.get_errno(), "capset")
        for right in rights:
            if LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, right, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")

    return enter
