"""The system account that an instance may run as: without a password, a shell or a home."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

from app.instance.place import InstanceError, Place

OWNED = ("data", "logs", "tmp")  # folders that the service writes into; the code and the settings stay root's


def ensure(name: str) -> bool:
    """Make the account unless it is there; True if we made it.

    Raises:
        InstanceError: we are not root, or it could not be made.
    """
    if os.geteuid() != 0:
        raise InstanceError("Only root can make the service run as another user. Use sudo, or leave out --user.")
    try:
        pwd.getpwnam(name)
    except KeyError:
        _run(["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
              "--shell", _no_shell(), name])  # fmt: skip
        return True
    return False


def remove(name: str) -> None:
    """Remove an account that we made."""
    _run(["userdel", name])


def give(place: Place, name: str) -> None:
    """Make an account the owner of what its service writes, and let it read its settings."""
    found = pwd.getpwnam(name)
    for folder in OWNED:
        os.chown(place.prefix / folder, found.pw_uid, found.pw_gid)
    etc = place.prefix / "etc"
    os.chown(place.settings, found.pw_uid, found.pw_gid)
    for file in (etc / "ssl").glob("*.pem"):
        os.chown(file, found.pw_uid, found.pw_gid)


def check_reach(name: str, python: Path) -> None:
    """Make sure that the account can run the instance's Python.

    Raises:
        InstanceError: it cannot, as when the Python is in the closed home of another user.
    """
    ran = subprocess.run(  # noqa: S603  # our own argument list
        [python, "-P", "-c", "import app.cli"],
        cwd="/",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        **become(name),
    )
    if ran.returncode:
        raise InstanceError(
            f"The user {name} cannot run {python.resolve()}. Install with a Python of the machine, "
            f"as --python /usr/bin/python3, into a folder that all may enter, as /opt/rigline."
        )


def become(name: str | None) -> dict[str, Any]:
    """Give the arguments of a child process that runs as an account; none without one, or when we are it."""
    if name is None or os.geteuid() != 0:
        return {}
    found = pwd.getpwnam(name)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def turn_into(name: str | None) -> None:
    """Become an account, if we are root; for good."""
    if name is None or os.geteuid() != 0:
        return
    found = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(found.pw_gid)
    os.setuid(found.pw_uid)


def _no_shell() -> str:
    return next((shell for shell in ("/usr/sbin/nologin", "/sbin/nologin") if Path(shell).exists()), "/bin/false")


def _run(words: list[str]) -> None:
    if shutil.which(words[0]) is None:
        raise InstanceError(f"This machine has no {words[0]}: make the account yourself, and name it with --user.")
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise InstanceError(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()}")
