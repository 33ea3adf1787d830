"""Make room on a builder's disk: remove the work trees that were not used for the longest time."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from builders.workspace import BASE

logger = logging.getLogger(__name__)


def prune(work: Path, needed: int, in_use: Collection[str], free: Callable[[], int] | None = None) -> list[Path]:
    """Remove work trees, and mirrors without any, oldest first, until so many bytes are free.

    Args:
        in_use: folders below `trees` that are let alone: of boards with a job.
    """
    free = free or (lambda: shutil.disk_usage(work).free)
    removed: list[Path] = []
    for folder in _candidates(work, in_use):
        if free() >= needed:
            break
        logger.warning("the disk is nearly full: %s is removed", folder)
        shutil.rmtree(folder, ignore_errors=True)
        removed.append(folder)
    return removed


def _candidates(work: Path, in_use: Collection[str]) -> Iterator[Path]:
    roots = (work, work / "untrusted")  # untrusted code has mirrors and trees of its own
    trees = [each for root in roots for each in root.glob("trees/*/*") if each.is_dir() and not each.is_symlink()]
    yield from sorted((each for each in trees if each.parent.name not in in_use), key=_used_at)
    if in_use:
        return  # a job may be about to make a tree of any mirror
    # A tree reads the objects of its mirror, so a mirror goes only when no tree of its repository is left.
    used = ((root, each.name.removesuffix(BASE)) for root in roots for each in root.glob("trees/*/*"))
    needed = {root / "mirrors" / f"{name}.git" for root, name in used}
    mirrors = [each for root in roots for each in root.glob("mirrors/*.git") if each not in needed]
    yield from sorted(mirrors, key=_used_at)


def _used_at(folder: Path) -> float:
    """Say when a tree was last checked out, or a mirror fetched into: git writes these files then."""
    marks = [folder / name for name in (".git/HEAD", ".git/index", "HEAD", "packed-refs", "refs")]
    return max((mark.stat().st_mtime for mark in marks if mark.exists()), default=0.0)
