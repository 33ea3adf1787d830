"""Bring an instance to other code, and back to what it was when that fails.

The backup is made after the service has stopped, so that going back loses nothing that anybody was told is stored.
"""

import fcntl
import json
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from app import environment
from app.instance import account, code, making, running
from app.instance.making import Wish
from app.instance.place import InstanceError, Manifest, Place, scratch

KEPT_BACKUPS = 3
CHANGE_LOCK = "change.lock"
BUSY = "Another install, upgrade or removal of {prefix} is under way."

Tell = Callable[[str], None]


@dataclass
class Progress:
    """How far an upgrade is: what has to be taken back when it fails."""

    step: str = ""
    backup: Path | None = None
    has_migrated: bool = False


def upgrade(place: Place, wish: Wish, tell: Tell) -> str | None:
    """Bring an instance to the code of a source; return its version, None if it has that already.

    Raises:
        InstanceError: it failed; says whether everything is as it was before.
    """
    with changing(place):
        before = place.installed()
        wish = replace(wish, source=wish.source or _source(before))
        after, folder = _new_code(place, before, wish, tell)
        if folder.resolve() == place.venv.resolve():
            _refresh(place, after)
            return None
        was_up = running.state(place).is_up
        progress = Progress()
        try:
            _change(place, after, folder, progress, tell, was_up=was_up)
        except BaseException as problem:
            raise InstanceError(_back(place, before, progress, problem, tell, was_up=was_up)) from problem
        place.record(after)
        _refresh(place, after)
        code.prune(place)
        _prune_backups(place)
        return after.version


@contextmanager
def changing(place: Place) -> Iterator[None]:
    """Hold an instance against other commands that change it.

    Raises:
        InstanceError: one is under way.
    """
    place.installed()
    with os.fdopen(scratch(place.temporary(CHANGE_LOCK), os.O_RDWR | os.O_CREAT), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InstanceError(BUSY.format(prefix=place.prefix)) from None
        yield


def _source(manifest: Manifest) -> Path | None:
    """Give where the code came from, if it is still there."""
    given = Path(manifest.source)
    return given if manifest.own_environment and given.exists() else None


def _new_code(place: Place, before: Manifest, wish: Wish, tell: Tell) -> tuple[Manifest, Path]:
    """Bring the new code beside the old one, which goes on serving."""
    if wish.environment is not None:
        folder = wish.environment.absolute()
        after = replace(before, version=str(folder), source=str(folder), own_environment=False)
    else:
        folder, after = making.own_environment(place, before, wish, [], tell)
    if not (folder / "bin" / "python").exists():
        raise InstanceError(f"{folder} is no environment: it has no bin/python.")
    return after, folder


def _change(place: Place, after: Manifest, folder: Path, done: Progress, tell: Tell, *, was_up: bool) -> None:
    """Stop, back up, migrate, start, look."""
    done.step = "stop"
    running.stop(place, tell)
    if _has_data(place):
        done.step = "backup"
        done.backup = _back_up(place, after, tell)
    done.step = "change of the code"
    code.point(place, folder)
    if after.account:
        account.check_reach(after.account, place.python)
    if done.backup:
        done.step, done.has_migrated = "migration", True
        tell("migrate the database")
        command(place, "db", "upgrade")
    done.step = "start"
    running.start(place, tell)
    if not was_up:
        running.stop(place, tell)


def _back(place: Place, before: Manifest, done: Progress, problem: BaseException, tell: Tell, *, was_up: bool) -> str:
    """Bring code and data of before back; say what happened."""
    tell(f"the {done.step} failed: go back to {before.version}")
    what = str(problem) or type(problem).__name__
    said = [f"The upgrade failed at the {done.step}: {what}"]
    try:
        running.stop(place, tell)
        folder = Path(before.version) if not before.own_environment else place.versions / before.version
        code.point(place, folder)
        place.record(before)
        if done.has_migrated and done.backup and not _fits(place):
            tell(f"restore the data from {done.backup}")
            command(place, "restore", str(done.backup), "--replace", "--yes")
            said.append("The data is restored from the backup.")
        if was_up:
            running.start(place, tell)
    except InstanceError as worse:
        kept = f" The data of before is in {done.backup}: rigline restore FILE --replace." if done.backup else ""
        return "\n".join([*said, f"Going back failed too: {worse}{kept}"])
    state = "runs" if was_up else "is stopped, as it was"
    return "\n".join([*said, f"Code and data are those of before ({before.version}), and the service {state}."])


def _fits(place: Place) -> bool:
    """Say whether the database has the schema of the code that `venv` leads to."""
    try:
        found = json.loads(command(place, "db", "current", "--json", may_say_no=True))
    except ValueError:
        return False
    return bool(found.get("fits"))


def _back_up(place: Place, after: Manifest, tell: Tell) -> Path:
    folder = place.backups
    folder.mkdir(mode=0o700, exist_ok=True)
    if after.account and os.geteuid() == 0:
        owner = pwd.getpwnam(after.account)
        os.chown(folder, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    file = folder / time.strftime("before-upgrade-%Y%m%dT%H%M%SZ.rig", time.gmtime())
    tell(f"back up the data into {file}")
    command(place, "backup", str(file))
    return file


def command(place: Place, *words: str, may_say_no: bool = False) -> str:
    """Run a command of the installed code, as its account; return what it wrote.

    Raises:
        InstanceError: it failed; holds its last words.
    """
    manifest = place.installed()
    done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603  # our own argument list
        [str(word) for word in running.program_words(place, *words)],
        cwd=place.prefix,
        env=running.environment_of(place, manifest),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **account.become(manifest.account),
    )
    if done.returncode and not may_say_no:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise InstanceError(f"rigline {' '.join(words)} ended with status {done.returncode}:\n{last}")
    return done.stdout


def _has_data(place: Place) -> bool:
    """Say whether there is anything to lose: an instance that never ran has no database."""
    return (place.data / "postgres").exists() or "DATABASE_URL" in environment.of_instance(place.prefix)


def _refresh(place: Place, manifest: Manifest) -> None:
    """Write anew what is ours alone and follows from the code."""
    making.write_program(place)
    making.write_new_settings(place)
    if manifest.unit:
        making.unit(place, manifest, [], lambda _: None)


def _prune_backups(place: Place) -> None:
    """Keep the last backups that upgrades made."""
    found = sorted(place.backups.glob("before-upgrade-*.rig")) if place.backups.exists() else []
    for old in found[:-KEPT_BACKUPS]:
        shutil.rmtree(old) if old.is_dir() else old.unlink()
