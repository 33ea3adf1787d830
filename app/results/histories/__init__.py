"""Histories kept by other tools, taken apart into one result file for each commit. Pure.

A history is a list of files, of a folder or an archive, or the one file that was named. Another one is
one more module here with `NAME` and `split(files) -> History | None`, and one more row in HISTORIES.
"""

from collections.abc import Mapping

from app.results.histories import asv, bencher, github_action_benchmark
from app.results.histories.piece import History

HISTORIES = (github_action_benchmark, bencher, asv)
NAMES = tuple(each.NAME for each in HISTORIES)


def split(files: Mapping[str, bytes]) -> History | None:
    """Take a history apart; None if the files are none that is known.

    Args:
        files: path below the folder → content.
    """
    return next((found for each in HISTORIES if (found := each.split(files)) is not None), None)
