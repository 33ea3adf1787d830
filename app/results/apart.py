"""Hold a commit that was measured alone against what is known of its base: shown, and never a reason to fail.

The sides were measured at different times, so a difference may be the day's and not the commit's. It costs nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import ComparisonKind
from app.db.queries import comparisons, held
from app.deps import Deps
from app.history.geometric import summarise
from app.history.multiplicity import corrected
from app.history.unpaired import MOST_SAMPLES, judge_unpaired
from app.history.verdict import Finding, Verdict
from app.results.pairs import Judged, columns, known
from app.results.parsed import Metric
from app.results.store import joined

MOST_HEADS = 50  # attempts that one measured base is held against, the newest


async def hold(deps: Deps, attempt_id: int) -> list[int]:
    """Hold an attempt against its base, and others against what it measured; give the pipelines that say more now."""
    async with deps.begin() as db:
        heads = [*await held.own(db, attempt_id), *await held.with_base(db, attempt_id, limit=MOST_HEADS)]
        return [each["pipeline_id"] for each in heads if await _hold(db, each)]


async def hold_pipeline(deps: Deps, pipeline_id: int) -> None:
    """Hold what a pipeline has measured against a base that was named only afterwards."""
    async with deps.begin() as db:
        for each in await held.of_pipeline(db, pipeline_id):
            await _hold(db, each)


async def _hold(db: AsyncConnection, task: sa.RowMapping) -> bool:
    """Compare one attempt; False if nothing is known of its base there."""
    target = (task["board_type"], task["configuration"])
    base = _metrics(await held.at(db, task["repository_id"], task["compare_with"], target))
    head = _metrics(await held.by(db, task["attempt_id"]))
    if not base or not head:
        return False
    rows = _judged(base, head)
    of_task = ("attempt_id", "job_id", "pipeline_id", "repository_id", "board_id", "board_type", "configuration")
    summary = summarise([(each.finding, known(each.metric).better) for each in rows])
    values: dict[str, Any] = {
        **{name: task[name] for name in (*of_task, "head")},
        "base": task["compare_with"],
        "kind": ComparisonKind.APART,
        "is_over": True,
        "counts": {verdict.value: number for verdict, number in summary.counts.items()},
        "ratio": summary.ratio,
    }
    await comparisons.save(db, values, [columns(each) for each in rows])
    return True


def _metrics(rows: Iterable[sa.RowMapping]) -> dict[str, Metric]:
    """Turn measurements back into metrics; samples that were not kept are stood for by their median."""
    fields = ("benchmark", "params", "version", "unit", "better", "resolution", "cap")
    return joined(
        [
            Metric(
                name=row["metric"],
                samples=tuple(row["samples"] or [row["value"]]),
                **{name: row[name] for name in fields},
            )
            for row in rows
        ]
    )


def _judged(base: dict[str, Metric], head: dict[str, Metric]) -> list[Judged]:
    shared = [(before, head[identity]) for identity, before in base.items() if identity in head]
    both = [(before.in_unit(now.unit), now) for before, now in shared]
    findings = _corrected([judge_unpaired(before.samples, now.samples, known(now)) for before, now in both])
    rows = [
        Judged(metric=now, base_values=_some(before), head_values=_some(now), finding=finding)
        for (before, now), finding in zip(both, findings, strict=True)
    ]
    return [*rows, *_alone(base, head, Verdict.REMOVED), *_alone(head, base, Verdict.NEW)]


def _corrected(findings: Sequence[Finding]) -> list[Finding]:
    """Take back what is not certain among so many. Whatever is left fails nothing: it was not measured by turns."""
    return [replace(each, fails=False) for each in corrected(findings)]


def _alone(mine: dict[str, Metric], others: dict[str, Metric], verdict: Verdict) -> list[Judged]:
    is_new = verdict is Verdict.NEW
    return [
        Judged(
            metric=metric,
            base_values=[] if is_new else _some(metric),
            head_values=_some(metric) if is_new else [],
            finding=Finding(verdict=verdict),
        )
        for identity, metric in mine.items()
        if identity not in others
    ]


def _some(metric: Metric) -> list[float]:
    return list(metric.samples[:MOST_SAMPLES])
