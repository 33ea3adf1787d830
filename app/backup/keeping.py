"""Which backups of a folder stay: the newest of each of the last days and weeks that have one."""

import datetime
import re
from collections.abc import Callable, Iterable
from pathlib import Path

NAME = re.compile(r"rigline-(\d{8}T\d{6})Z\.rig")
WRITTEN = "%Y%m%dT%H%M%S"


def name_of(moment: datetime.datetime) -> str:
    """Name the backup of a moment."""
    return f"rigline-{moment.astimezone(datetime.UTC).strftime(WRITTEN)}Z.rig"


def superfluous(names: Iterable[str], *, days: int, weeks: int) -> list[str]:
    """Choose the backups that no rule keeps; files with other names are none of our business, the newest one stays."""
    taken = {name: moment for name in names if (moment := _moment(name)) is not None}
    newest_first = sorted(taken, key=lambda name: taken[name], reverse=True)
    stays = set(newest_first[:1])
    spans: tuple[tuple[int, Callable[[datetime.datetime], tuple[int, ...]]], ...] = (
        (days, lambda at: (at.year, at.month, at.day)),
        (weeks, lambda at: at.isocalendar()[:2]),
    )
    for number, span in spans:
        first_of = {span(taken[name]): name for name in reversed(newest_first)}
        stays |= {first_of[each] for each in sorted(first_of, reverse=True)[:number]}
    return [name for name in newest_first if name not in stays]


def clear(folder: Path, *, days: int, weeks: int) -> list[str]:
    """Remove what no rule keeps, and what killed processes left half written; give the names of the backups."""
    for part in folder.glob(".rigline-*.rig.*.part"):
        part.unlink(missing_ok=True)
    gone = superfluous((each.name for each in folder.iterdir()), days=days, weeks=weeks)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    return gone


def _moment(name: str) -> datetime.datetime | None:
    found = NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return datetime.datetime.strptime(found[1], WRITTEN).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
