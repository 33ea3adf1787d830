"""The folder where an agent keeps who it is and what it is doing; one agent at a time."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import uuid
from pathlib import Path

DRAIN = signal.SIGUSR1  # tells an agent to end when its jobs have ended by themselves
KEPT_JOBS = 50  # folders of ended attempts, with log and results, for the lab's own use


class StateError(Exception):
    """The state folder cannot be used; the text says why and what to do."""


class State:
    """An opened and locked state folder.

    Raises:
        StateError: another agent uses it, or it cannot be written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = open(root / "lock", "a+b")  # noqa: SIM115  # held as long as the agent lives
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise StateError(
                f"another agent uses {root}: stop it, or give this one its own state_dir in [builder]"
            ) from problem
        except OSError as problem:
            raise StateError(f"{root} cannot be used: {problem.strerror}: choose another state_dir") from problem
        self.instance = self._instance()
        self._write_pid()

    def _write_pid(self) -> None:
        """Say who uses the folder; true only while the lock is held."""
        part = self.root / "pid.new"
        part.write_text(f"{os.getpid()}\n", encoding="ascii")
        part.replace(self.root / "pid")

    def _instance(self) -> str:
        """Tell a restart of this agent from a second one with its name."""
        file = self.root / "instance"
        if file.exists() and (known := file.read_text(encoding="ascii", errors="replace").strip()):
            return known
        made = uuid.uuid4().hex
        file.write_text(made, encoding="ascii")
        return made

    def job_folder(self, attempt: int) -> Path:
        """Make the folder of one attempt, and forget the oldest ones."""
        jobs = self.root / "jobs"
        jobs.mkdir(exist_ok=True, mode=0o700)
        old = sorted((int(each.name) for each in jobs.iterdir() if each.name.isdigit()), reverse=True)
        for number in old[KEPT_JOBS:]:
            shutil.rmtree(jobs / str(number), ignore_errors=True)
        folder = jobs / str(attempt)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        return folder

    def close(self) -> None:
        """Let another agent use the folder."""
        self._lock.close()


def drain(root: Path, *, wait: bool) -> bool:
    """Ask the agent that uses a folder to end after its jobs, and wait until it has; False if there is none."""
    try:
        lock = open(root / "lock", "rb")  # noqa: SIM115  # closed below
    except OSError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            os.kill(int((root / "pid").read_text(encoding="ascii")), DRAIN)
        else:
            return False
        if wait:
            fcntl.flock(lock, fcntl.LOCK_SH)
    return True


def default_root(name: str) -> Path:
    """Choose where the state of a builder goes if nobody said."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "rigline-builder" / re.sub(r"[^A-Za-z0-9._-]", "-", name or "builder")
