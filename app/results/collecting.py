"""Collect what an adapter finds in one file, within the limits of a file. Pure."""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from app.results.file import File
from app.results.native import (
    LARGEST,
    LARGEST_INTEGER,
    METRIC_LIMIT,
    NAME_LIMIT,
    PARAMS_LIMIT,
    REASON_LIMIT,
    TIMES,
    UNIT_LIMIT,
    VERSION_LIMIT,
)
from app.results.parsed import MOST_METRICS, Metric, NotUnderstood, Parsed, Scalar
from app.results.units import better_for

MOST_SAMPLES = 150_000  # of one file
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Collected:
    """The measurements of one file. The same one again adds samples; what cannot be measured is counted."""

    def __init__(self, file: File, *, counts: str = "values") -> None:
        self.wanted = file.wanted
        self.ignored = 0
        self._counts = counts  # what is counted as ignored: values, or lines
        self._metrics: dict[object, Metric] = {}
        self._samples: dict[object, list[tuple[float, ...]]] = {}
        self._unmeasured: dict[str, str] = {}
        self._taken = 0
        self.env: dict[str, Scalar] = {}

    def add(
        self,
        benchmark: object,
        metric: object,
        unit: object,
        samples: Iterable[object],
        *,
        better: str | None = None,
        params: Mapping[str, object] | None = None,
        version: object = "",
        resolution: float | None = None,
    ) -> bool:
        """Take samples of one metric; values that are no finite number or a negative time are ignored.

        Args:
            better: what the tool says; None: the unit decides, then the configuration, else it stays unknown.
        Returns:
            Whether there was anything to take.
        Raises:
            NotUnderstood: the file is beyond a limit.
        """
        unit = fitted(unit, UNIT_LIMIT)
        taken = self._numbers(samples, unit)
        if not taken:
            return False
        found = Metric(
            benchmark=fitted(benchmark, NAME_LIMIT) or "unnamed",
            name=fitted(metric, METRIC_LIMIT) or "value",
            unit=unit,
            better=better or better_for(unit) or self.wanted.better,
            samples=(),
            params=scalars(params) if params else {},
            version=fitted(version, VERSION_LIMIT),
            resolution=resolution,
        )
        self._metrics.setdefault(_key(found), found)
        self._samples.setdefault(_key(found), []).append(taken)
        if len(self._metrics) > MOST_METRICS:
            raise NotUnderstood(f"more than {MOST_METRICS} measurements")
        return True

    def ignore(self, count: int = 1) -> None:
        """Count what was not read."""
        self.ignored += count

    def unmeasured(self, benchmark: object, status: str, reason: object = "") -> None:
        """Say that a benchmark failed or was skipped.

        Raises:
            NotUnderstood: the file is beyond a limit.
        """
        why = fitted(reason, REASON_LIMIT)
        self._unmeasured[fitted(benchmark, NAME_LIMIT) or "unnamed"] = f"{status}: {why}" if why else status
        if len(self._unmeasured) > MOST_METRICS:
            raise NotUnderstood(f"more than {MOST_METRICS} benchmarks")

    def facts(self, given: Any, names: Iterable[str]) -> None:
        """Take facts of the execution, as far as they are there."""
        if isinstance(given, dict):
            self.env |= scalars({name: given[name] for name in names if name in given})

    def parsed(self, *, may_be_empty: bool = False) -> Parsed:
        """Give what was found.

        Raises:
            NotUnderstood: nothing was, and that may not be.
        """
        if not self._metrics and not self._unmeasured and not may_be_empty:
            raise NotUnderstood(f"it holds no measurement ({self._counts} that could not be read: {self.ignored})")
        metrics = (
            replace(metric, samples=tuple(chain.from_iterable(self._samples[key])))
            for key, metric in self._metrics.items()
        )
        return Parsed(
            metrics=tuple(metrics),
            unmeasured=self._unmeasured,
            env=self.env,
            ignored=self.ignored,
            ignored_are=self._counts,
        )

    def _numbers(self, samples: Iterable[object], unit: str) -> tuple[float, ...]:
        taken, seen = [], 0
        for sample in samples:
            seen += 1
            value = number(sample)
            if value is not None and not (value < 0 and unit in TIMES):
                taken.append(value)
        if self._counts == "values":
            self.ignored += max(seen, 1) - len(taken)
        self._taken += len(taken)
        if self._taken > MOST_SAMPLES:
            raise NotUnderstood(f"more than {MOST_SAMPLES} samples")
        return tuple(taken)


def _key(metric: Metric) -> object:
    """Give what tells two measurements apart, as `Metric.identity` does, without its cost."""
    # By type too: 1, 1.0 and true are equal keys of a dict and different params.
    params = tuple((name, type(value), value) for name, value in metric.params.items())
    return (metric.benchmark, metric.name, metric.unit, metric.better, metric.version, params)


def number(value: object) -> float | None:
    """Give a JSON value as a number that can be measured; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and abs(found) <= LARGEST else None


def decimal(text: str) -> float | None:
    """Read a number as tools print it, with or without commas between thousands; None if it is none."""
    text = text.replace(",", "")
    if len(text) > 50 or not re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", text, re.ASCII):
        return None
    return number(float(text))


def fitted(value: object, limit: int) -> str:
    """Make a text of at most so many characters on one line; what is cut off still tells two texts apart."""
    if isinstance(value, str) and len(value) <= limit and value.isprintable() and value.strip() == value:
        return value
    if not isinstance(value, str):
        value = "" if value is None or isinstance(value, dict | list) else str(value)
    text = " ".join(_UNSTORABLE.sub(" ", value).split())
    if len(text) <= limit:
        return text
    return f"{text[: limit - 10]}… {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def scalars(given: Mapping[str, object]) -> dict[str, Scalar]:
    """Make params or facts: sorted by name, bounded in number and size; lists and objects become JSON text."""
    names = sorted(str(name) for name in given)[:PARAMS_LIMIT]
    found = {fitted(name, METRIC_LIMIT): _scalar(given.get(name)) for name in names}
    return {name: found[name] for name in sorted(found) if name}


def _scalar(value: object) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < LARGEST_INTEGER:
        return value
    if isinstance(value, int | float):
        return number(value)
    return fitted(value if isinstance(value, str) else json.dumps(value, sort_keys=True), NAME_LIMIT)
