"""Put metrics into their series: those of an attempt, or of results from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import analysis, measurements, series
from app.db.queries.measurements import At, Origin, Taken
from app.db.queries.series import Known, Place
from app.results import steps
from app.results.parsed import Metric

PULL = "pull/"  # begins the branch of a pull request's series


def branch_of(branch: str | None, pull_request: int | None) -> str:
    """Name the branch of a series: a pull request has one of its own, a bare dispatch the empty one.

    A branch that is called like a pull request is told by its whole name: a fork's numbers never land among its own.
    """
    if pull_request is not None:
        return f"{PULL}{pull_request}"
    name = branch or ""
    return f"refs/heads/{name}" if name.startswith(PULL) and name.removeprefix(PULL).isdigit() else name


async def store(db: AsyncConnection, place: Place, where: At, origin: Origin, metrics: Sequence[Metric]) -> list[int]:
    """Store metrics as measurements of one commit; the same identity given twice is more samples.

    Samples are converted to the unit that their series has. The series are marked as due for the detector, except those
    of pull requests, which it never judges. Stored again from the same origin they are replaced.

    Returns:
        The ids of the series.
    """
    by_identity = joined(metrics)
    if not by_identity:
        return []
    known = await series.ids(db, place, {identity: _fields(metric) for identity, metric in by_identity.items()})
    fitting = {known[identity]: metric.in_unit(known[identity].unit) for identity, metric in by_identity.items()}
    await measurements.add(db, where, origin, [_taken(one.id, metric) for one, metric in fitting.items()])
    await _learn_steps(db, fitting)
    ids = [one.id for one in known.values()]
    if not place.branch.startswith(PULL):
        await analysis.mark_due(db, ids)
    return ids


def joined(metrics: Sequence[Metric]) -> dict[str, Metric]:
    """Join what repeats, within a file and between run phases: the same identity is more samples, in the first unit."""
    found: dict[str, Metric] = {}
    for metric in metrics:
        identity = metric.identity
        before = found.get(identity)
        if before is None:
            found[identity] = metric
        else:
            found[identity] = replace(before, samples=before.samples + metric.in_unit(before.unit).samples)
    return found


async def _learn_steps(db: AsyncConnection, fitting: Mapping[Known, Metric]) -> None:
    """Keep what the new samples change in what is known of the steps of series; after some commits nothing does."""
    found = {one.id: steps.step_of(metric.samples, one.step) for one, metric in fitting.items()}
    few = [one.id for one in fitting if one.step_samples < steps.ENOUGH and found[one.id] != steps.NONE]
    counts = await measurements.samples_of(db, few) if few else {}
    changed = {}
    for one in fitting:
        now = (found[one.id], min(counts.get(one.id, one.step_samples), steps.ENOUGH))
        if now != (one.step, one.step_samples):
            changed[one.id] = now
    await series.know_steps(db, changed)


def _taken(series_id: int, metric: Metric) -> Taken:
    return Taken(
        series_id=series_id,
        value=median(metric.samples),
        samples=metric.samples,
        resolution=metric.resolution,
        cap=metric.cap,
    )


def _fields(metric: Metric) -> dict[str, object]:
    return {
        "benchmark": metric.benchmark,
        "params": dict(metric.params),
        "version": metric.version,
        "metric": metric.name,
        "unit": metric.unit,
        "better": metric.better,
    }
