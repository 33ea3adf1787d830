"""Put the result files of a comparison side by side: for each metric what both commits showed, pair by pair. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from app.history import verdict
from app.history.looks import more_pairs
from app.history.multiplicity import Row, judge_all
from app.history.verdict import Better, Finding, Rule, Verdict
from app.results.parsed import Metric, Parsed
from builders.protocol import Side

WARM_UP = 0  # number of the pair that is thrown away
WHOLE = ""  # in place of a benchmark's name: all of them
NOTE_LIMIT = 300  # characters, of the column


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One result file of a comparison, read."""

    side: Side
    pair: int | None
    parsed: Parsed | None  # None: it was not understood
    binary: str = ""  # SHA-256 of what was run, if it is known


@dataclass(kw_only=True)
class Sides:
    """One metric with all samples of both sides by pair."""

    metric: Metric
    samples: dict[Side, dict[int, list[float]]] = field(default_factory=lambda: {side: {} for side in Side})

    def has(self, side: Side) -> bool:
        """Tell whether a side measured it."""
        return bool(self.samples[side])

    def values(self) -> tuple[list[float], list[float]]:
        """Give the medians of the pairs that have both sides; where one side has none at all, all of the other."""
        base, head = self.samples[Side.BASE], self.samples[Side.HEAD]
        both = sorted(base.keys() & head.keys() if base and head else base.keys() | head.keys())
        return [median(base[pair]) for pair in both if base], [median(head[pair]) for pair in both if head]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One metric of a comparison, and what can be said of it."""

    metric: Metric
    base_values: list[float]
    head_values: list[float]
    finding: Finding


@dataclass(frozen=True, kw_only=True)
class Table:
    """All metrics of a comparison."""

    rows: list[Judged]
    pairs: int  # with a file of both sides
    base_binary: str  # SHA-256; "" if it is not known, or not always the same
    head_binary: str
    more: int  # pairs that are to follow before the next look

    @property
    def same_binary(self) -> bool:
        """Tell whether both commits came to the same firmware."""
        return bool(self.base_binary) and self.base_binary == self.head_binary


def table(pieces: Sequence[Piece], rule: Rule, *, no_base: str = "", calibrates: bool = False) -> Table:
    """Judge all metrics of a comparison; the warm-up pair has no part in it.

    Args:
        no_base: why the base could not be measured; whatever was measured of it before is left out.
        calibrates: both sides are one commit: unchanged, and all pairs that were asked for are wanted.
    """
    counted = [each for each in pieces if each.pair != WARM_UP and (each.side is Side.HEAD or not no_base)]
    base_binary, head_binary = (_binary(pieces, side) for side in (Side.BASE, Side.HEAD))
    same = calibrates or (bool(base_binary) and base_binary == head_binary)
    metrics = _by_metric(counted)
    both = [each for each in metrics if each.has(Side.BASE) and each.has(Side.HEAD)]
    asked = [_row(each, same_binary=same) for each in both]
    findings = judge_all(asked, rule)
    pairs = len(set.intersection(*({each.pair for each in counted if each.side is side} for side in Side)))
    return Table(
        rows=[_judged(each, finding) for each, finding in zip(both, findings, strict=True)] + _alone(metrics, counted),
        pairs=pairs,
        base_binary=base_binary,
        head_binary=head_binary,
        more=max(0, rule.looks[-1] - pairs) if calibrates else more_pairs(asked, findings, pairs, rule),
    )


def _by_metric(pieces: Iterable[Piece]) -> list[Sides]:
    """Join what repeats: the same identity on the same side of the same pair is more samples."""
    found: dict[str, Sides] = {}
    for each in pieces:
        if each.parsed is None or each.parsed.status != "ok":
            continue
        for metric in each.parsed.metrics:
            identity = metric.identity
            sides = found.get(identity)
            if sides is None:
                sides = found[identity] = Sides(metric=metric)
            samples = metric.in_unit(sides.metric.unit).samples  # one side may say ns, the other one µs
            sides.samples[each.side].setdefault(each.pair or 0, []).extend(samples)
    return list(found.values())


def _binary(pieces: Iterable[Piece], side: Side) -> str:
    """Name the one firmware that a side ran."""
    found = {each.binary for each in pieces if each.side is side}
    return found.pop() if len(found) == 1 else ""


def _row(sides: Sides, *, same_binary: bool) -> Row:
    base, head = sides.values()
    return Row(metric=known(sides.metric), pairs=list(zip(base, head, strict=True)), same_binary=same_binary)


def known(metric: Metric) -> verdict.Metric:
    """Give what judging must know of a metric."""
    better = None if metric.better is None else Better(metric.better)
    return verdict.Metric(better=better, resolution=metric.resolution or 0.0, cap=metric.cap)


def _judged(sides: Sides, finding: Finding) -> Judged:
    base, head = sides.values()
    return Judged(metric=sides.metric, base_values=base, head_values=head, finding=finding)


def _alone(metrics: Sequence[Sides], pieces: Sequence[Piece]) -> list[Judged]:
    """Say why a metric lacks a side: that side says so itself, does not know the benchmark, or was not measured."""
    absent = {side: _unmeasured(pieces, side) for side in Side}
    has_base = any(each.side is Side.BASE for each in pieces)
    alone = [each for each in metrics if not (each.has(Side.BASE) and each.has(Side.HEAD))]
    rows = [_judged(each, _why_alone(each, absent, has_base=has_base)) for each in alone]
    named = {each.metric.benchmark for each in metrics}
    for benchmark, why in absent[Side.HEAD].items():
        if benchmark and benchmark not in named:
            nothing = Metric(benchmark=benchmark, name="", unit="", better=None, samples=())
            rows.append(Judged(metric=nothing, base_values=[], head_values=[], finding=_said(Side.HEAD, why)))
    return rows


def _why_alone(sides: Sides, absent: Mapping[Side, Mapping[str, str]], *, has_base: bool) -> Finding:
    missing = Side.HEAD if sides.has(Side.BASE) else Side.BASE
    why = absent[missing].get(sides.metric.benchmark, absent[missing].get(WHOLE))
    if why is not None:
        return _said(missing, why)
    if missing is Side.HEAD:
        return Finding(verdict=Verdict.REMOVED)
    return Finding(verdict=Verdict.NEW if has_base else Verdict.NO_BASELINE)


def _said(side: Side, why: str) -> Finding:
    verdict = Verdict.FAILED if why.startswith("failed") else Verdict.SKIPPED
    return Finding(verdict=verdict, note=f"the {side} says: {why}"[:NOTE_LIMIT])


def _unmeasured(pieces: Iterable[Piece], side: Side) -> dict[str, str]:
    """List what a side says that it did not measure: by benchmark, and under `WHOLE` if it says so of all."""
    found: dict[str, str] = {}
    for each in pieces:
        if each.side is not side or each.parsed is None:
            continue
        found |= each.parsed.unmeasured
        if each.parsed.status != "ok":
            found[WHOLE] = f"{each.parsed.status}: {each.parsed.reason or 'no reason given'}"
    return found


def columns(judged: Judged) -> dict[str, Any]:
    """Turn a row into the columns that keep it."""
    metric, finding = judged.metric, judged.finding
    said = ("verdict", "change", "low", "high", "p", "fails", "note")
    of = ("identity", "benchmark", "version", "unit", "better", "resolution", "cap")
    return {
        **{name: getattr(metric, name) for name in of},
        **{name: getattr(finding, name) for name in said},
        "params": dict(metric.params),
        "metric": metric.name,
        "base_values": judged.base_values,
        "head_values": judged.head_values,
    }
