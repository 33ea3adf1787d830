"""Notice when a command fills the disk. Counting files is dear, so it waits until room is really missing."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

LOOK_S = 0.5
SELDOM_S = 30.0
SELDOM_COSTS = 200  # times what a count took: it shall not disturb a measurement
FLOOR = 256 << 20  # bytes free: below, whoever writes is stopped


async def guard(places: Sequence[Path], most: int, full: Callable[[], None]) -> None:
    """Call `full` once when more than `most` bytes were written to the places, or when next to nothing is free.

    Files are counted when the disk has lost room since, and now and then: another may have made room meanwhile.
    """
    before = await asyncio.to_thread(written, places)
    free_then, counted_at, seldom = _free(places[0]), time.monotonic(), SELDOM_S
    while True:
        await asyncio.sleep(LOOK_S)
        free, now = _free(places[0]), time.monotonic()
        if free_then - free <= most / 4 and free > FLOOR and now < counted_at + seldom:
            continue
        found = await asyncio.to_thread(written, places) - before
        if found > most or (free <= FLOOR and found > 0):
            full()
            return
        counted_at = time.monotonic()
        free_then, seldom = free, max(SELDOM_S, (counted_at - now) * SELDOM_COSTS)


def _free(place: Path) -> int:
    return shutil.disk_usage(place).free


def written(places: Sequence[Path]) -> int:
    """Count the bytes that the files of some folders take on the disk."""
    return sum(_size(place) for place in places)


def _size(folder: Path) -> int:
    total = 0
    for _, _, names, at in os.fwalk(folder, onerror=None, follow_symlinks=False):
        for name in names:
            try:
                total += os.stat(name, dir_fd=at, follow_symlinks=False).st_blocks * 512
            except OSError:
                continue
    return total
