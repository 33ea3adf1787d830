"""Read the native result file: JSON, UTF-8, at most 5 MB, version 1. Pure.

Refuses what would make a series lie: NaN, infinities, negative times, a missing unit or direction.
Keys it does not know are let be; the file itself is kept as it is anyway.
"""

import json
import math
import re
from typing import Any, NoReturn

from app.results.file import LARGEST_DOCUMENT, File, weigh
from app.results.parsed import MOST_METRICS, Metric, NotUnderstood, Parsed, Scalar

FORMAT = "native"
MAX_BYTES = LARGEST_DOCUMENT
VERSIONS = (1,)
BETTER = ("lower", "higher")
STATUSES = ("ok", "failed", "skipped")
TIMES = frozenset({"ns", "us", "µs", "μs", "ms", "s", "min", "h"})
NAME_LIMIT, METRIC_LIMIT, UNIT_LIMIT, VERSION_LIMIT, REASON_LIMIT = 500, 200, 50, 100, 500  # characters
PARAMS_LIMIT = 50
LARGEST = 1e100  # of a number; sums and squares of such numbers are still finite
LARGEST_INTEGER = 2**63  # a larger one has no place in JSON of the database or of a browser

_OF_OTHERS = (b'"machine_info"', b'"library_build_type"', b'"result_columns"')
_NOT_A_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<constant>NaN|-?Infinity)')
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def recognise(file: File) -> bool:
    """Say whether the file means to be native, also if it is broken; the same keys of other tools stand beside others.

    pytest-benchmark has `machine_info`, Google Benchmark the build type of its library, asv `result_columns`.
    """
    head = file.data[:MAX_BYTES]
    return (
        head.lstrip()[:1] == b"{"
        and b'"version"' in head
        and b'"benchmarks"' in head
        and not any(mark in head for mark in _OF_OTHERS)
    )


def parse(file: File) -> Parsed:
    """Read a file.

    Raises:
        NotUnderstood: it is no valid native file; the text names the line or the key.
    """
    weigh(file.data)
    document = _load(file.data)
    if not isinstance(document, dict):
        raise NotUnderstood(f"expected a JSON object, got {_kind(document)}")
    version = document.get("version")
    if isinstance(version, bool) or version not in VERSIONS:
        raise NotUnderstood(f"version: {_shown(version)} is not known; known is 1")
    status = _status(document, "")
    benchmarks = _list(document, "benchmarks", "")
    if not benchmarks and status == "ok":
        raise NotUnderstood('benchmarks: empty; say "status": "skipped" or "failed" if nothing could be measured')
    metrics = tuple(metric for at, each in _objects(benchmarks, "benchmarks") for metric in _benchmark(each, at))
    if len(metrics) > MOST_METRICS:
        raise NotUnderstood(f"{len(metrics)} metrics; at most {MOST_METRICS} in one file")
    return Parsed(
        metrics=metrics,
        status=status,
        reason=_text(document, "reason", "", REASON_LIMIT, default=""),
        unmeasured=dict(_unmeasured(benchmarks)),
        env=_scalars(document, "env", ""),
    )


def _load(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise NotUnderstood(f"not UTF-8 at byte {problem.start}") from None

    def refuse(constant: str) -> NoReturn:
        found = next((hit for hit in _NOT_A_NUMBER.finditer(text) if hit["constant"]), None)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        raise NotUnderstood(f"line {line}: {constant} is not a number that can be measured")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as problem:
        raise NotUnderstood(f"line {problem.lineno}: not JSON: {problem.msg}") from None
    except RecursionError:
        raise NotUnderstood("nested too deeply") from None
    except ValueError as problem:  # an integer of thousands of digits
        if isinstance(problem, NotUnderstood):
            raise
        raise NotUnderstood("a number has too many digits") from None


def _benchmark(benchmark: dict[str, Any], at: str) -> list[Metric]:
    name = _text(benchmark, "name", at, NAME_LIMIT)
    params = _scalars(benchmark, "params", at)
    version = _text(benchmark, "version", at, VERSION_LIMIT, default="")
    status = _status(benchmark, at)
    metrics = _list(benchmark, "metrics", at)
    if not metrics and status == "ok":
        raise NotUnderstood(f"{_path(at, 'metrics')}: empty, but the benchmark's status is ok")
    found = [_metric(each, where, name, params, version) for where, each in _objects(metrics, _path(at, "metrics"))]
    return found if status == "ok" else []


def _metric(metric: dict[str, Any], at: str, benchmark: str, params: dict[str, Scalar], version: str) -> Metric:
    unit = _text(metric, "unit", at, UNIT_LIMIT, may_be_empty=True)
    better = metric.get("better")
    if better not in BETTER:
        raise NotUnderstood(f"{_path(at, 'better')}: {_shown(better)} is not one of lower, higher")
    resolution = _number(metric["resolution"], _path(at, "resolution")) if "resolution" in metric else None
    if resolution is not None and resolution <= 0:
        raise NotUnderstood(f"{_path(at, 'resolution')}: {resolution:g} is not above 0")
    return Metric(
        benchmark=benchmark,
        name=_text(metric, "name", at, METRIC_LIMIT),
        unit=unit,
        better=better,
        samples=_samples(metric, at, unit),
        params=params,
        version=version,
        resolution=resolution,
        cap=_number(metric["cap"], _path(at, "cap")) if "cap" in metric else None,
    )


def _samples(metric: dict[str, Any], at: str, unit: str) -> tuple[float, ...]:
    given, where = _list(metric, "samples", at), _path(at, "samples")
    if not given:
        raise NotUnderstood(f"{where}: empty; a metric has at least one sample")
    samples = tuple(_number(each, f"{where}[{number}]") for number, each in enumerate(given))
    if unit in TIMES and min(samples) < 0:
        number = next(number for number, sample in enumerate(samples) if sample < 0)
        raise NotUnderstood(f"{where}[{number}]: {samples[number]:g} {unit} is a negative time")
    return samples


def _unmeasured(benchmarks: list[Any]) -> list[tuple[str, str]]:
    """List the benchmarks that say themselves that they were not measured, with the reason."""
    found = []
    for at, benchmark in _objects(benchmarks, "benchmarks"):
        status = _status(benchmark, at)
        if status != "ok":
            reason = _text(benchmark, "reason", at, REASON_LIMIT, default="")
            found.append((benchmark["name"], f"{status}: {reason}" if reason else status))
    return found


def _status(given: dict[str, Any], at: str) -> str:
    status = given.get("status", "ok")
    if status not in STATUSES:
        raise NotUnderstood(f"{_path(at, 'status')}: {_shown(status)} is not one of {', '.join(STATUSES)}")
    return str(status)


def _number(value: Any, at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotUnderstood(f"{at}: expected a number, got {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if abs(number) > LARGEST:
        raise NotUnderstood(f"{at}: beyond ±{LARGEST:g}, too large to be measured")
    return number


def _text(
    given: dict[str, Any], key: str, at: str, limit: int, *, default: str | None = None, may_be_empty: bool = False
) -> str:
    value = given.get(key, default)
    where = _path(at, key)
    if value is None and key not in given:
        raise NotUnderstood(f"{where}: missing")
    if not isinstance(value, str):
        raise NotUnderstood(f"{where}: expected text, got {_kind(value)}")
    if not value.strip() and default is None and not may_be_empty:
        raise NotUnderstood(f"{where}: empty")
    if len(value) > limit:
        raise NotUnderstood(f"{where}: {len(value)} characters; at most {limit}")
    if _UNSTORABLE.search(value):
        raise NotUnderstood(f"{where}: holds a character that is no text (NUL or half a surrogate pair)")
    return value


def _scalars(given: dict[str, Any], key: str, at: str) -> dict[str, Scalar]:
    value, where = given.get(key, {}), _path(at, key)
    if not isinstance(value, dict):
        raise NotUnderstood(f"{where}: expected an object, got {_kind(value)}")
    if len(value) > PARAMS_LIMIT:
        raise NotUnderstood(f"{where}: {len(value)} keys; at most {PARAMS_LIMIT}")
    return {_key(name, where): _scalar(value, name, where) for name in sorted(value)}


def _key(name: str, at: str) -> str:
    return _text({"key": name}, "key", at, METRIC_LIMIT)


def _scalar(given: dict[str, Any], name: str, at: str) -> Scalar:
    value, where = given[name], _path(at, name[:METRIC_LIMIT])
    if isinstance(value, str):
        return _text(given, name, at, NAME_LIMIT, may_be_empty=True)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < LARGEST_INTEGER:
        return value
    return _number(value, where)


def _list(given: dict[str, Any], key: str, at: str) -> list[Any]:
    value = given.get(key)
    if not isinstance(value, list):
        wrong = f"expected a list, got {_kind(value)}" if key in given else "missing"
        raise NotUnderstood(f"{_path(at, key)}: {wrong}")
    return value


def _objects(given: list[Any], at: str) -> list[tuple[str, dict[str, Any]]]:
    for number, each in enumerate(given):
        if not isinstance(each, dict):
            raise NotUnderstood(f"{at}[{number}]: expected an object, got {_kind(each)}")
    return [(f"{at}[{number}]", each) for number, each in enumerate(given)]


def _path(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value)[:60]


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
