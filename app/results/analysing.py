"""Look at series that got points: find where their levels shifted, and keep change points and the shifts they make.

Any number of workers may do this at once: each series is in the hands of one, by a claim that runs out. The
detector runs off the event loop, and no transaction is open meanwhile.
"""

import asyncio
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import analysing, shifting
from app.db.queries.analysing import Boundary, Claimed
from app.deps import Deps
from app.history import detector
from app.history.changes import Known
from app.history.detector import Cut, Detection
from app.history.shifts import Place
from app.policy import globs
from app.results import grouping, lines, swaps
from app.results.grouping import Found
from app.results.lines import Line

AT_ONCE = 40  # series of one transaction
SHARE_S = 120.0  # a round ends after so long; what is left is due, and the next one goes on
TOLD_EVERY = 2000  # series

log = structlog.get_logger()


@dataclass
class Done:
    """How far a round got."""

    series: int = 0
    points: int = 0


async def analyse_due(deps: Deps) -> Done:
    """Analyse what is due, for two minutes at most."""
    done, begun, told = Done(), time.monotonic(), TOLD_EVERY
    while time.monotonic() - begun < SHARE_S:
        some = await _analyse_some(deps)
        done.series, done.points = done.series + some.series, done.points + some.points
        if done.series >= told or (done.series and some.series < AT_ONCE):
            log.info("series_analysed", **vars(done), seconds=round(time.monotonic() - begun, 1))
            told = done.series + TOLD_EVERY
        if some.series < AT_ONCE:
            break
    return done


async def _analyse_some(deps: Deps) -> Done:
    async with deps.begin() as db:
        claimed = await analysing.claim(db, AT_ONCE)
    if not claimed:
        return Done()
    judged = [each for each in claimed if _is_judged(each, deps.settings.history_branches)]
    async with deps.begin() as db:
        read = await lines.read(db, judged)
        cuts = await analysing.boundaries(db, {each.repository_id for each in judged})
        known = await _known(db, read)
    found = await asyncio.to_thread(_detect, judged, read, cuts, known)
    await _keep(deps, found)
    await swaps.note(deps, [each for each in judged if each.series_id in read], read)
    async with deps.begin() as db:  # nothing to find in what is no branch to judge, or has no points
        left = [each for each in claimed if each.series_id not in read]
        mine = await analysing.still_held(db, left)
        await analysing.done(db, [_told(each.series_id) for each in left if each.series_id in mine])
    return Done(series=len(claimed), points=sum(len(each.values) for each in read.values()))


def _is_judged(series: Claimed, branches: Sequence[str]) -> bool:
    """Judge the default branch, and others that are named; pull requests are judged by comparisons."""
    if series.branch == series.default_branch:
        return True
    return not series.branch.startswith("pull/") and globs.matches(branches, series.branch)


async def _known(db: AsyncConnection, read: Mapping[int, Line]) -> dict[int, list[Known]]:
    """Read the change points that lie among the points that are looked at; older ones stay as they are."""
    found: dict[int, list[Known]] = defaultdict(list)
    for row in await shifting.known(db, list(read)) if read else []:
        line = read[row["series_id"]]
        index = line.find((row["made_at"], row["until_commit_id"]))
        if index is not None:
            numbers = {name: row[name] for name in ("before", "after", "change", "low", "high")}
            cut = Cut(index=index, previous=index - 1, points=row["points_after"], z=0.0, **numbers)
            known = Known(id=row["id"], shift_id=row["shift_id"], cut=cut, is_gone=row["gone_at"] is not None)
            found[row["series_id"]].append(known)
    return found


def _detect(
    claimed: Iterable[Claimed],
    read: Mapping[int, Line],
    cuts: Sequence[Boundary],
    known: Mapping[int, Sequence[Known]],
) -> list[Found]:
    """Run the detector over some series; one that it cannot bear is left as it is, and the others go on."""
    found = []
    for each in claimed:
        line = read.get(each.series_id)
        if line is not None:
            before = known.get(each.series_id, [])
            try:
                said = _detection(line, [cut.place for cut in cuts if cut.is_about(each)], before)
            except (ArithmeticError, ValueError):
                log.exception("series_not_analysed", series=each.series_id)
                said = None
            found.append(Found(claimed=each, line=line, known=before, detection=said))
    return found


def _detection(line: Line, boundaries: Iterable[Place], known: Sequence[Known]) -> Detection:
    edges = [bisect_left(line.places, place) for place in boundaries]
    if line.is_new:
        return detector.detect(line.values, resolution=line.resolution, boundaries=edges)
    cuts = sorted((each.cut for each in known if not each.is_gone), key=lambda cut: cut.index)
    return detector.refit(line.values, cuts, resolution=line.resolution, boundaries=edges)


async def _keep(deps: Deps, found: Sequence[Found]) -> None:
    """Write what was found, branch by branch, each in a transaction of its own."""
    groups: dict[tuple[int, str], list[Found]] = defaultdict(list)
    for each in found:
        groups[each.claimed.repository_id, each.claimed.branch].append(each)
    for (repository_id, branch), some in sorted(groups.items(), key=lambda item: item[0]):
        async with deps.begin() as db:
            await shifting.lock(db, repository_id)
            mine = await analysing.still_held(db, [each.claimed for each in some])
            held = [each for each in some if each.claimed.series_id in mine]
            await grouping.keep(db, repository_id, branch, [each for each in held if each.detection is not None])
            await analysing.done(db, [_told(each.claimed.series_id, each) for each in held])
        await deps.notices.publish("result", repository=repository_id)


def _told(series_id: int, found: Found | None = None) -> dict[str, object]:
    said = found.detection if found else None
    return {
        "series_id": series_id,
        "points": found.line.total if found else 0,
        "level": said.level if said else None,
        "sigma": said.sigma if said else None,
        "inflation": said.inflation if said else None,
    }
