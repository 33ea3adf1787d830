"""What every result format is turned into, and the identity of a series. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from app.results import families

Scalar = str | int | float | bool | None
MOST_METRICS = 20_000  # of one file


class NotUnderstood(ValueError):
    """The file is in a known format but wrong; the text names the key, the value and the way out."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """All samples of one metric of one benchmark in one file, in the order they were taken."""

    benchmark: str
    name: str
    unit: str  # "" is a bare number
    better: str | None  # lower, higher, or None: shown, never judged
    samples: tuple[float, ...]
    params: Mapping[str, Scalar] = field(default_factory=dict)
    version: str = ""  # of the benchmark's own source: a new one starts a new series
    resolution: float | None = None  # the smallest step the tool can show, in the unit
    cap: float | None = None  # a value that cannot be passed, in the unit

    @property
    def identity(self) -> str:
        """Name the series within a repository's branch, board type and configuration; ns and ms are one unit there."""
        unit = families.canonical(self.unit)
        parts = [self.benchmark, dict(sorted(self.params.items())), self.version, self.name, unit, self.better]
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()

    def in_unit(self, unit: str) -> Self:
        """Write the metric in another unit of its family: so is it added to a series, or held against another side.

        Raises:
            ValueError: the unit is of another family.
        """
        if unit == self.unit:
            return self
        resolution, cap = (
            None if each is None else families.converted((each,), self.unit, unit)[0]
            for each in (self.resolution, self.cap)
        )
        samples = families.converted(self.samples, self.unit, unit)
        return replace(self, unit=unit, samples=samples, resolution=resolution, cap=cap)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What one result file says."""

    metrics: tuple[Metric, ...]
    status: str = "ok"  # ok, failed or skipped: what the execution says of itself
    reason: str = ""
    unmeasured: Mapping[str, str] = field(default_factory=dict)  # benchmark → "skipped: no memory"
    env: Mapping[str, Scalar] = field(default_factory=dict)  # facts of this execution, no part of any identity
    ignored: int = 0  # so many lines or values of the file say nothing that can be measured
    ignored_are: str = "values"  # or lines
