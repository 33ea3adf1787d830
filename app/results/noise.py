"""What pairs of equal builds say of the board: kept by benchmark, and asked when a verdict stays open."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import noise
from app.history.looks import MOST_PAIRS, rule_for
from app.history.noise import PairNoise, pair_noise, pairs_needed
from app.history.paired import LEAST_PAIRS, judge
from app.history.verdict import Better, Metric, Rule, Verdict
from app.results.pairs import NOTE_LIMIT, Judged, known

KEPT = 256  # pairs of each benchmark; the oldest go first
RISING = Metric(better=Better.LOWER)  # differences are kept without their direction


async def feed(db: AsyncConnection, place: Mapping[str, Any], rows: Sequence[Judged]) -> None:
    """Add the pairs of equal builds to what is known of a board, and count a false alarm where they seem to differ.

    Args:
        place: board_id, repository_id and configuration.
    """
    fit = [each for each in rows if _fits(each)]
    before = await noise.known(db, place, [each.metric.identity for each in fit])
    await noise.keep(db, [{**place, **_row(each, before.get(each.metric.identity))} for each in fit])


def _fits(judged: Judged) -> bool:
    """Take whole pairs, enough of them, of values that have a ratio."""
    base, head = judged.base_values, judged.head_values
    return len(base) == len(head) >= LEAST_PAIRS and min(*base, *head) > 0


def _row(judged: Judged, before: sa.RowMapping | None) -> dict[str, Any]:
    pairs = list(zip(judged.base_values, judged.head_values, strict=True))
    new = [math.log(head / base) for base, head in pairs]
    differences = [*(before["differences"] if before else ()), *new][-KEPT:]
    found = of_differences(differences)
    # One look with all of alpha: so often is a comparison of so many pairs allowed to err.
    verdict = judge(pairs, known(judged.metric), replace(rule_for(len(pairs)), looks=(len(pairs),))).verdict
    is_alarm = verdict in (Verdict.REGRESSED, Verdict.IMPROVED)
    return {
        "identity": judged.metric.identity,
        "benchmark": judged.metric.benchmark,
        "metric": judged.metric.name,
        "differences": differences,
        "sigma": found.recent,
        "drift": found.drift,
        "trials": (before["trials"] if before else 0) + 1,
        "false_alarms": (before["false_alarms"] if before else 0) + is_alarm,
    }


def of_differences(differences: Sequence[float], delta: float = Rule().floor) -> PairNoise:
    """Measure the noise of pairs that are kept as ln(head/base), the oldest first."""
    return pair_noise([(1.0, math.exp(each)) for each in differences], RISING, delta=delta)


async def explain(db: AsyncConnection, place: Mapping[str, Any], rows: Sequence[Judged]) -> list[Judged]:
    """Say beside each verdict that stays open how many pairs the board would need, if that is more than there are."""
    is_open = [each.metric.identity for each in rows if each.finding.verdict is Verdict.UNDECIDED]
    found = await noise.known(db, place, is_open) if is_open else {}
    return [_explained(each, found.get(each.metric.identity)) for each in rows]


def _explained(judged: Judged, seen: sa.RowMapping | None) -> Judged:
    if judged.finding.verdict is not Verdict.UNDECIDED or seen is None or seen["sigma"] is None:
        return judged
    needed = pairs_needed(seen["sigma"], Rule().floor)
    if needed <= MOST_PAIRS:
        return judged
    said = f"too noisy on this board: equal builds differ by {seen['sigma']:.1%} a pair, so 1 % takes {needed} pairs"
    note = f"{judged.finding.note}; {said}" if judged.finding.note else said
    return replace(judged, finding=replace(judged.finding, note=note[:NOTE_LIMIT]))
