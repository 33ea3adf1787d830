"""A repository with a year of results: series, shifts and remarks, as rows; ten thousand points take a second."""

import hashlib
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.db.models import SQLModel
from tests.pages.site import NOW, Site, sha

T = SQLModel.metadata.tables
TARGETS = (
    ("nucleo-f7", "release"),
    ("nucleo-f7", "debug"),
    ("rpi4", "release"),
    ("rpi4", "debug"),
    ("stm32h7", "release"),
)
TITLES = (
    "Cache glyph outlines between frames", "Drop the second copy of the frame", "Tune the allocator for small blocks",
    "Bump the compiler to 13.2", "Clip before blending", "Draw arcs with fewer divisions", "Read fonts lazily",
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """What was put there."""

    repository: int
    commits: list[int]
    series: list[int]
    attempt: int


async def many(site: Site, table: str, rows: list[dict[str, Any]], *, ids: bool = True) -> list[int]:
    """Insert rows of one table at once; gives their ids."""
    async with site.deps.begin() as db:
        if not ids:
            await db.execute(sa.insert(T[table]), rows)
            return []
        found = await db.execute(sa.insert(T[table]).returning(T[table].c.id, sort_by_parameter_order=True), rows)
        return list(found.scalars())


async def history(
    site: Site, *, commits: int = 120, targets: int = 5, benchmark: str = "draw/arc/rounded", metric: str = "fps",
    full_name: str = "acme/firmware", branch: str = "main",
) -> Scene:  # fmt: skip
    """Measure one benchmark at many commits on some targets; the level falls at two thirds of the history."""
    repository = await site.repository(full_name)
    attempt = await site.attempt(await site.job(await site.pipeline(repository, sha(0)), "passed"), "passed")
    made = await _commits(site, repository, commits)
    series = await _series(site, repository, benchmark, metric, targets, branch)
    for number, each in enumerate(series):
        await measure(site, each, made, _values(commits, 58.0 + 7 * number, seed=number))
    return Scene(repository, made, series, attempt)


async def more(
    site: Site, scene: Scene, benchmark: str, *, metric: str = "time", branch: str = "main", unit: str = "ms",
    better: str = "lower", level: float = 60.0,
) -> list[int]:  # fmt: skip
    """Measure another benchmark, or another branch, at the same commits on the same targets; its level stays."""
    targets = len(scene.series)
    series = await _series(site, scene.repository, benchmark, metric, targets, branch, unit=unit, better=better)
    for number, each in enumerate(series):
        values = _values(len(scene.commits), level + number, seed=each, drop=1.0)
        await measure(site, each, scene.commits, values)
    return series


async def _commits(site: Site, repository: int, count: int) -> list[int]:
    rows = [
        {
            "repository_id": repository, "sha": sha(number), "parents": [], "author": "Ada",
            "title": f"{TITLES[number % len(TITLES)]} ({number})",
            "committed_at": NOW - timedelta(hours=6 * (count - number)),
        }
        for number in range(count)
    ]  # fmt: skip
    return await many(site, "commit", rows)


async def _series(
    site: Site, repository: int, benchmark: str, metric: str, targets: int, branch: str, **more: Any
) -> list[int]:
    identity = hashlib.sha256(f"{benchmark} {metric}".encode()).hexdigest()
    usual = {"unit": "frames/s", "better": "higher", "params": {}, "version": ""}
    rows = [
        {
            "repository_id": repository, "branch": branch, "board_type": board, "configuration": configuration,
            "identity": identity, "benchmark": benchmark, "metric": metric, **usual, **more,
        }
        for board, configuration in TARGETS[:targets]
    ]  # fmt: skip
    return await many(site, "series", rows)


def _values(count: int, level: float, *, seed: int, drop: float = 0.95) -> list[list[float]]:
    dice = random.Random(seed)
    found, drift = [], 0.0
    for number in range(count):
        drift = 0.3 * drift + dice.gauss(0, 0.004)
        middle = level * (drop if number >= 2 * count // 3 else 1.0) * (1 + drift)
        found.append([round(middle * (1 + dice.gauss(0, 0.003)), 2) for _ in range(5)])
    return found


async def measure(site: Site, series: int, commits: list[int], values: list[list[float]]) -> None:
    """Store the samples of a series, one list for each commit."""
    imported = await site.insert("import", repository_id=await _repository_of(site, series), sha256=f"{series:064}",
                                 format="native", imported_by="ada")  # fmt: skip
    async with site.deps.begin() as db:
        found = await db.execute(sa.select(T["commit"].c.id, T["commit"].c.committed_at))
        made_at = {commit: at for commit, at in found}
    rows = [
        {
            "series_id": series, "commit_id": commit, "attempt_id": None, "import_id": imported,
            "value": sorted(samples)[len(samples) // 2], "low": min(samples), "high": max(samples),
            "count": len(samples), "samples": samples, "cap": None, "made_at": made_at[commit],
        }
        for commit, samples in zip(commits, values, strict=True)
    ]  # fmt: skip
    await many(site, "measurement", rows, ids=False)


async def _repository_of(site: Site, series: int) -> int:
    async with site.deps.begin() as db:
        wanted = sa.select(T["series"].c.repository_id).where(T["series"].c.id == series)
        return int((await db.execute(wanted)).scalar_one())


async def shift(site: Site, scene: Scene, series: int, at: int, *, before: float, after: float, **more: Any) -> int:
    """Say that the level of a series shifted; gives the alert."""
    ends = {"after_commit_id": scene.commits[at - 1], "until_commit_id": scene.commits[at]}
    is_worse = after < before
    alert = await site.insert(
        "shift", repository_id=scene.repository, branch="main", is_worse=is_worse, state="new", **ends
    )
    change = (after - before) / before
    usual = {"change": change, "low": change - 0.008, "high": change + 0.007, "is_worse": is_worse, "points_after": 9}
    row = {"series_id": series, "shift_id": alert, "before": before, "after": after, **ends, **usual, **more}
    await site.insert("change_point", **row)
    return alert
