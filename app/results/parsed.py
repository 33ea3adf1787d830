"""What every result format is turned into, and the identity of a series. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = str | int | float | bool | None


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
        """Name the series within a repository's branch, board type and configuration."""
        parts = [self.benchmark, dict(sorted(self.params.items())), self.version, self.name, self.unit, self.better]
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What one result file says."""

    metrics: tuple[Metric, ...]
    status: str = "ok"  # ok, failed or skipped: what the execution says of itself
    reason: str = ""
    unmeasured: Mapping[str, str] = field(default_factory=dict)  # benchmark → "skipped: no memory"
    env: Mapping[str, Scalar] = field(default_factory=dict)  # facts of this execution, no part of any identity
