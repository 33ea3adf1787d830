"""The places where a sandbox is mounted together, cleared of what a job put there.

A job writes its /tmp and its home, and both stay from one phase to the next. What the next phase mounts below them,
such as a work tree below /tmp, bubblewrap makes folders for first, and before 0.12 it follows a link in their place
out of the new sandbox: GHSA-pxhw-h44j-8pfx. Nothing of a job runs between two phases, so a look is enough.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path


def clear(targets: Iterable[Path], inside: Path, outside: Path) -> None:
    """Remove every link, and every file where a folder must be, on the way to what is mounted below a job's folder.

    Args:
        targets: where something is to be mounted, as the sandbox names it.
        inside: the job's folder as the sandbox names it; `outside` is where it is.

    Raises:
        OSError: what is in the way cannot be removed.
    """
    for target in targets:
        if not target.is_relative_to(inside):
            continue
        place, below = outside, target.relative_to(inside).parts
        for number, part in enumerate(below, 1):
            place /= part
            if not _is_in_the_way(place, is_last=number == len(below)):
                continue
            place.unlink()


def _is_in_the_way(place: Path, *, is_last: bool) -> bool:
    try:
        mode = os.lstat(place).st_mode
    except OSError:  # not there, or below a folder that we may not look into, nor bubblewrap
        return False
    return not stat.S_ISDIR(mode) and (stat.S_ISLNK(mode) or not is_last)
