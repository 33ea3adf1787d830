"""Judge what an attempt measured of two commits: at each look while it runs, and once more when it has ended."""

import asyncio
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
import structlog

from app.db.models import ComparisonKind
from app.db.queries import comparisons
from app.db.queries.attempts import BINARY
from app.db.queries.results import unpacked
from app.deps import Deps
from app.history.geometric import summarise
from app.history.looks import rule_for
from app.results import noise
from app.results.adapters import read
from app.results.pairs import Piece, Table, columns, known, table
from app.states import JobState
from builders.protocol import Side, WantedFormat

log = structlog.get_logger()


async def look(deps: Deps, attempt_id: int) -> int:
    """Judge the pairs that an open attempt has measured so far; give how many are to follow before the next look."""
    async with deps.begin() as db:
        task = await comparisons.task(db, attempt_id)
        files = await comparisons.files(db, attempt_id)
    if task is None or not task["interleaved"]:
        return 0
    found = await asyncio.to_thread(_judge, files, task, "")
    await _save(deps, task, found, is_over=False)
    log.info("comparison_looked_at", attempt=attempt_id, pairs=found.pairs, more=found.more)
    return found.more


async def conclude(deps: Deps, attempt_id: int) -> None:
    """Judge the comparison of an ended attempt for the last time. One that did not pass keeps what its looks said, and
    so does one whose files were kept long enough."""
    async with deps.begin() as db:
        task = await comparisons.task(db, attempt_id)
        if task is None or task["ended_at"] is None or not task["interleaved"]:
            return
        if task["outcome"] != JobState.PASSED:
            await comparisons.close(db, attempt_id, f"the job ended {task['outcome']}")
            return
        files = await comparisons.files(db, attempt_id)
    if any(each["removed_at"] is not None for each in files):
        return
    found = await asyncio.to_thread(_judge, files, task, task["no_base"])
    await _save(deps, task, found, is_over=True)


def _judge(files: Sequence[sa.RowMapping], task: sa.RowMapping, no_base: str) -> Table:
    """Read and judge; tenths of a second for megabytes of JSON, so not on the event loop."""
    pieces = [_piece(each) for each in files]
    return table(pieces, rule_for(task["pairs"], beside=task["beside"]), no_base=no_base, calibrates=_is_same(task))


def _piece(file: sa.RowMapping) -> Piece:
    wanted = WantedFormat(**file["wanted"]) if file["wanted"] else None
    parsed = read(unpacked(file["data"], file["size"]), wanted).parsed
    told = "" if parsed is None else parsed.env.get(BINARY, "")
    return Piece(
        side=Side(file["side"]), pair=file["pair"], parsed=parsed, binary=str(file["env"].get(BINARY) or told)[:64]
    )


async def _save(deps: Deps, task: sa.RowMapping, found: Table, *, is_over: bool) -> None:
    of_task = ("attempt_id", "job_id", "pipeline_id", "repository_id", "board_id", "board_type", "configuration")
    summary = summarise([(each.finding, known(each.metric).better) for each in found.rows])
    looks = rule_for(task["pairs"]).looks
    values: dict[str, Any] = {
        **{name: task[name] for name in (*of_task, "head")},
        "base": task["compare_with"],
        "kind": ComparisonKind.INTERLEAVED,
        "pairs": found.pairs,
        "looks": sum(at <= found.pairs for at in looks),
        "base_binary": found.base_binary or None,
        "head_binary": found.head_binary or None,
        "is_over": is_over,
        "counts": {verdict.value: number for verdict, number in summary.counts.items()},
        "ratio": summary.ratio,
        "note": f"the base {task['no_base']}"[:500] if task["no_base"] else "",
    }
    place = {name: task[name] for name in ("board_id", "repository_id", "configuration")}
    async with deps.begin() as db:
        if is_over and await comparisons.is_open(db, task["attempt_id"]) and (found.same_binary or _is_same(task)):
            await noise.feed(db, place, found.rows)  # once: whoever concludes again finds it over
        rows = await noise.explain(db, place, found.rows)
        await comparisons.save(db, values, [columns(each) for each in rows])


def _is_same(task: sa.RowMapping) -> bool:
    """Tell whether a commit is held against itself, to see the noise of a board."""
    return bool(task["head"] == task["compare_with"])
