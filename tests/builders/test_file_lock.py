"""Locks between processes: one holder, freed by its end, and nobody waits for who gave up."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from builders.file_lock import FileLock, Slots

HOLD = (
    "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
    "print('held', flush=True); sys.stdin.read()"
)
STAY = "import sys; print('here', flush=True); sys.stdin.read()"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "one"


async def test_the_lock_of_a_process_that_was_killed_is_free(path: Path) -> None:
    path.parent.mkdir()
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=-1, stdout=-1)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    lock = FileLock(path)
    assert not lock.try_acquire()
    waiting = asyncio.create_task(lock.acquire())
    holder.kill()
    holder.communicate()
    await asyncio.wait_for(waiting, 10)
    assert not FileLock(path).try_acquire()


async def test_who_gave_up_waiting_does_not_keep_the_lock_from_others(path: Path) -> None:
    first, second, third = FileLock(path), FileLock(path), FileLock(path)
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    first.release()
    await asyncio.wait_for(third.acquire(), 10)


async def test_so_many_slots_so_many_holders(tmp_path: Path) -> None:
    holders = [Slots(tmp_path, 2) for _ in range(3)]
    await holders[0].acquire()
    await holders[1].acquire()
    waiting = asyncio.create_task(holders[2].acquire())
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done
    for each in holders[:2]:
        each.release()
    await asyncio.wait_for(waiting, 10)


async def test_a_lock_is_not_inherited_by_the_programs_that_its_holder_starts(path: Path) -> None:
    lock = FileLock(path)
    await lock.acquire()
    child = subprocess.Popen([sys.executable, "-c", STAY], stdin=-1, stdout=-1, close_fds=False)
    assert child.stdout is not None
    assert child.stdout.readline() == b"here\n"
    lock.release()
    assert FileLock(path).try_acquire()
    child.communicate()
