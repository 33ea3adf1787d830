"""Long histories, written as rows: what many pushes would have measured."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.db import tables
from app.db.models import SQLModel, Triage
from app.db.queries import analysis, shifts
from app.db.queries.shifts import ShiftView, Wanted
from app.handlers import shifts as handlers
from app.handlers.shifts import Word
from app.results import analysing
from tests.pages.site import NOW, Site, native, sha


def made_at(number: int) -> datetime:
    """Say when a commit was made."""
    return NOW - timedelta(days=200) + timedelta(hours=number)


def steady(level: float, count: int, *, seed: int = 1, sigma: float = 0.002) -> list[float]:
    """Make values that go up and down around a level as measurements do."""
    chance = random.Random(seed)
    return [level * (1 + chance.gauss(0, sigma)) for _ in range(count)]


@dataclass
class History:
    """A repository whose default branch is measured commit by commit; commit n has the hash sha(n)."""

    site: Site
    repository: int
    import_id: int

    @classmethod
    async def begin(cls, site: Site, full_name: str = "acme/firmware", **repository: Any) -> "History":
        made = await site.repository(full_name, **repository)
        brought = await site.insert(
            "import", repository_id=made, sha256=full_name[:60], format="native", note="", imported_by="test"
        )
        return cls(site, made, brought)

    async def series(self, benchmark: str = "boot", **values: Any) -> int:
        usual: dict[str, Any] = {
            "branch": "main", "board_type": "nucleo-f7", "configuration": "release", "metric": "time", "unit": "ms",
            "better": "lower", "version": "", "params": {}, "identity": f"{benchmark} time",
        }  # fmt: skip
        return await self.site.insert(
            "series", repository_id=self.repository, benchmark=benchmark, **{**usual, **values}
        )

    async def commits(self, first: int, count: int) -> list[int]:
        """Find or make commits by number; they are an hour apart, in the order of their numbers."""
        rows = [
            {
                "repository_id": self.repository, "sha": sha(number), "title": f"commit {number}", "author": "Ada",
                "committed_at": made_at(number),
            }
            for number in range(first, first + count)
        ]  # fmt: skip
        table = tables.commit
        async with self.site.deps.begin() as db:
            await db.execute(insert(table).values(rows).on_conflict_do_nothing())
            found = await db.execute(
                sa.select(table.c.id).where(table.c.repository_id == self.repository).order_by(table.c.committed_at)
                .where(table.c.sha.in_([row["sha"] for row in rows]))
            )  # fmt: skip
            return list(found.scalars())

    async def measure(self, series_id: int, values: Sequence[float], *, first: int = 0) -> None:
        """Store one value for each commit from the first on, and make the series due as an ingest does."""
        commits = await self.commits(first, len(values))
        about = {"series_id": series_id, "import_id": self.import_id, "count": 1}
        rows = [
            {
                **about, "commit_id": commit, "made_at": made_at(number), "value": value, "low": value, "high": value,
                "samples": [value],
            }
            for number, (commit, value) in enumerate(zip(commits, values, strict=True), first)
        ]  # fmt: skip
        async with self.site.deps.begin() as db:
            await db.execute(sa.insert(tables.measurement).values(rows))
            await analysis.mark_due(db, [series_id])

    async def analyse(self) -> int:
        """Let a worker go round once; gives how many series it looked at."""
        return (await analysing.analyse_due(self.site.deps)).series

    async def learn(self, series_id: int, values: Sequence[float], *, first: int = 0) -> None:
        """Measure and analyse."""
        await self.measure(series_id, values, first=first)
        await self.analyse()

    async def remeasure(self, series_id: int, number: int, value: float) -> None:
        """Put another value in the place of a commit's, as a corrected result would."""
        (commit,) = await self.commits(number, 1)
        table = tables.measurement
        where = (table.c.series_id == series_id, table.c.commit_id == commit)
        async with self.site.deps.begin() as db:
            await db.execute(sa.update(table).where(*where).values(value=value, samples=[value]))
            await analysis.mark_due(db, [series_id])

    async def push(self, number: int, *samples: float, benchmark: str = "boot", **more: Any) -> None:
        """Let a job measure one commit, and read its result."""
        await self.commits(number, 1)
        await self.site.measured(self.repository, sha(number), [native(benchmark, *samples)], at=number, **more)

    async def say(self, shift_id: int, state: str, **words: str) -> None:
        await handlers.say(self.site.deps, shift_id, Word(state=Triage(state), **words), actor="ada")

    async def alerts(self, **wanted: Any) -> list[ShiftView]:
        """List alerts of all states, the newest first."""
        async with self.site.deps.begin() as db:
            return await shifts.list_(db, Wanted(**{"states": None, "is_muted": None, **wanted}))

    async def rows_of(self, table: str) -> list[Any]:
        """Read a table whose rows are by series."""
        return await self.rows(table, order="series_id")

    async def rows(self, table: str, order: str = "id") -> list[Any]:
        async with self.site.deps.begin() as db:
            chosen = SQLModel.metadata.tables[table]
            return list((await db.execute(sa.select(chosen).order_by(chosen.c[order]))).mappings())


async def stepped(
    history: History,
    benchmark: str = "boot",
    *,
    at: int = 40,
    before: float = 100,
    after: float = 110,
    count: int = 5,
    seed: int = 1,
    **series: Any,
) -> int:
    """Measure and analyse a series whose level moves at a commit."""
    made = await history.series(benchmark, **series)
    await history.measure(made, steady(before, at, seed=seed) + steady(after, count, seed=seed + 1))
    await history.analyse()
    return made
