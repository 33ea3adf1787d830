"""Bencher: what `bencher perf` and the API's `perf` give. Pure.

It has a list for each branch, testbed, benchmark and measure, each with metrics of versions of the code.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from app.results.file import members, objects
from app.results.histories.piece import History, Piece, document, encoded, full_hash, moment

NAME = "bencher"

Where = tuple[str, str, str, str, str]  # branch, testbed, commit, report, iteration


def split(files: Mapping[str, bytes]) -> History | None:
    """Make a file in Bencher's metric format of everything that one report says of one commit on one testbed."""
    if len(files) != 1:
        return None
    match document(*files.values()):
        case {"results": [{"benchmark": _, "measure": _, "metrics": _}, *_] as results}:
            return _history(objects(results))
    return None


def _history(results: list[dict[str, Any]]) -> History:
    found: dict[Where, dict[str, Any]] = {}
    times: dict[Where, Any] = {}
    nameless = 0
    for result, metric in _metrics(results):
        commit = full_hash(members(metric.get("version")).get("hash"))
        if commit is None:
            nameless += 1
            continue
        place = (_name(result.get("branch")), _name(result.get("testbed")))
        where = (*place, commit, str(metric.get("report")), str(metric.get("iteration")))
        measure, benchmark = members(result.get("measure")), _name(result.get("benchmark"))
        value = {"value": members(metric.get("metric")).get("value"), "unit": _unit(measure.get("units"))}
        found.setdefault(where, {}).setdefault(benchmark, {})[str(measure.get("slug") or _name(measure))] = value
        times[where] = metric.get("start_time")
    ordered = sorted(found, key=lambda each: (str(times[each]), each))
    return History(
        name=NAME, pieces=tuple(_piece(each, found[each], times[each]) for each in ordered), nameless=nameless
    )


def _metrics(results: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for result in results:
        for metric in objects(result.get("metrics")):
            yield result, metric


def _piece(where: Where, content: dict[str, Any], time: Any) -> Piece:
    branch, testbed, commit, _, _ = where
    return Piece(
        commit=commit,
        data=encoded(content),
        format=NAME,
        measured_at=moment(time),
        branch=branch or None,
        board_type=testbed or None,
    )


def _name(thing: Any) -> str:
    return str(members(thing).get("name") or "")


def _unit(units: Any) -> str | None:
    """Give the short form that Bencher writes in brackets, as in `nanoseconds (ns)`."""
    if not isinstance(units, str):
        return None
    _, bracket, short = units.rpartition("(")
    return short.rstrip(")") if bracket and units.endswith(")") else units
