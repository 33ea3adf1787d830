"""What is known of commits held against their baselines, read once for all who show it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import compared
from app.db.queries.compared import Of
from app.history import verdicts
from app.history.statistics import median
from app.history.verdict import Verdict
from app.history.verdicts import ComparedRow, ComparedTarget, Tally, Verdicts
from app.results import accepted
from app.results.accepted import Said

__all__ = ["Of", "of_commits", "of_pipeline", "of_pull_request", "read"]


async def of_commits(
    db: AsyncConnection, repository_id: int, base: str, head: str, *, with_values: bool = False
) -> Verdicts:
    """Hold one commit against another: of each target the comparison that says most. Empty if there is none."""
    found = await read(db, Of(repository_id=repository_id, base=base, head=head), with_values=with_values)
    return found[0] if found else verdicts.whole(base, "", head, [])


async def of_pull_request(db: AsyncConnection, repository_id: int, number: int, head: str) -> list[Verdicts]:
    """Hold a head of a pull request against each baseline that it was compared with: that of its rules first."""
    return await read(db, Of(repository_id=repository_id, pull_request=number, head=head))


async def of_pipeline(db: AsyncConnection, pipeline_id: int) -> Verdicts | None:
    """Say what came of a pipeline's comparisons; None if it has none."""
    found = await read(db, Of(pipeline_ids=(pipeline_id,)))
    return found[0] if found else None


async def read(db: AsyncConnection, of: Of, *, with_values: bool = False) -> list[Verdicts]:
    """Read comparisons, one view for each pair of base and head: those that rules asked for first, then the newest.

    Args:
        with_values: with the medians of every pair.
    """
    listed = await compared.list_(db, of)
    if not listed:
        return []
    chosen = _chosen(listed)
    ids = [each["id"] for each in chosen]
    tallies = _tallies(await compared.tallies(db, ids))
    rows = await compared.rows(db, ids)
    by_target: dict[int, list[ComparedRow]] = defaultdict(list)
    for each in rows:
        by_target[each["comparison_id"]].append(_row(each, with_values=with_values))
    views = []
    for (base, head), mine in _by_range(chosen).items():
        regressed = [each for each in mine if compared.is_interleaved(each) and _has_regressed(by_target[each["id"]])]
        said = await accepted.of_range(db, regressed)
        targets = [_target(each, by_target[each["id"]], tallies[each["id"]], said) for each in mine]
        views.append(verdicts.whole(base, _why(mine), head, targets))
    return views


def _has_regressed(rows: Iterable[ComparedRow]) -> bool:
    return any(each.verdict is Verdict.REGRESSED for each in rows)


def _chosen(listed: Sequence[RowMapping]) -> list[RowMapping]:
    """Keep one comparison of each range and target: measured by turns before apart, judged before begun, the newest."""
    best: dict[tuple[Any, ...], RowMapping] = {}
    for each in listed:
        key = tuple(each[name] for name in ("base", "head", "board_type", "configuration"))
        if key not in best or _weight(each) > _weight(best[key]):
            best[key] = each
    return list(best.values())


def _weight(row: RowMapping) -> tuple[bool, bool, int]:
    return (compared.is_interleaved(row), row["judged_at"] is not None, row["id"])


def _by_range(chosen: Sequence[RowMapping]) -> dict[tuple[str, str], list[RowMapping]]:
    found: dict[tuple[str, str], list[RowMapping]] = defaultdict(list)
    for each in sorted(chosen, key=lambda row: (row["trigger"] == "command", -row["id"])):
        found[each["base"], each["head"]].append(each)
    return found


def _why(mine: Iterable[RowMapping]) -> str:
    return next((each["compare_why"] for each in mine if each["compare_why"]), "")


def _tallies(counted: Sequence[RowMapping]) -> Mapping[int, Tally]:
    grouped: dict[int, list[RowMapping]] = defaultdict(list)
    for each in counted:
        grouped[each["comparison_id"]].append(each)
    found: dict[int, Tally] = defaultdict(Tally)
    for comparison_id, mine in grouped.items():
        found[comparison_id] = Tally(
            counts={Verdict(each["verdict"]): each["number"] for each in mine},
            logs=math.fsum(each["logs"] for each in mine),
            in_mean=sum(each["in_mean"] for each in mine),
        )
    return found


def _target(row: RowMapping, rows: Iterable[ComparedRow], tally: Tally, said: Said) -> ComparedTarget:
    place = ("pipeline_id", "job_id", "pull_request", "board_type", "configuration", "board")
    names = (*place, "is_over", "pairs", "looks")
    binary = row["base_binary"]
    found = ComparedTarget(
        comparison_id=row["id"],
        is_interleaved=compared.is_interleaved(row),
        same_binary=binary is not None and binary == row["head_binary"],
        **{name: row[name] for name in names},
    )
    taken = [said.of(each, row["board_type"], row["configuration"]) if found.is_interleaved else each for each in rows]
    return verdicts.target(found, taken, tally)


def _row(row: RowMapping, *, with_values: bool) -> ComparedRow:
    base, head = _finite(row["base_values"]), _finite(row["head_values"])
    said = (
        "identity",
        "benchmark",
        "params",
        "version",
        "metric",
        "unit",
        "better",
        "fails",
        "note",
        "resolution",
        "cap",
    )
    found = Verdict(row["verdict"])
    numbers: dict[str, Any] = {}
    if found in verdicts.WITH_CHANGE:
        numbers = {name: _number(row[name]) for name in ("change", "low", "high", "p")}
    return ComparedRow(
        **{name: row[name] for name in said},
        **numbers,
        verdict=found,
        base=median(base) if base else None,
        head=median(head) if head else None,
        pairs=min(len(base), len(head)),
        base_values=base if with_values else (),
        head_values=head if with_values else (),
    )


def _finite(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(each for each in values if math.isfinite(each))


def _number(value: float | None) -> float | None:
    """Let no NaN or infinity through: JSON knows none, and a page has nothing to say of it."""
    return value if value is not None and math.isfinite(value) else None
