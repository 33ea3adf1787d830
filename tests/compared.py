"""Comparisons as an ended job leaves them behind, for tests of what is said of them."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from app.db.tables import attempt, board, comparison, comparison_row, job, pipeline
from app.deps import Deps
from app.history.verdict import Verdict
from app.states import JobState

BASE = "b" * 40
WORSE = {"change": 0.049, "low": 0.031, "high": 0.067, "p": 0.0001}
BETTER = {"change": -0.2, "low": -0.22, "high": -0.18, "p": 0.0001}


def row(name: str = "draw", verdict: Verdict = Verdict.REGRESSED, **more: Any) -> dict[str, Any]:
    """Make one row; what is not given says nothing."""
    given = {
        "identity": hashlib.sha256(name.encode()).hexdigest(),
        "benchmark": name,
        "metric": "time",
        "unit": "ms",
        "better": "lower",
    }
    values = {"base_values": [10.0] * 16, "head_values": [10.0] * 16, "params": {}, "version": "", "note": ""}
    nothing = {each: None for each in ("resolution", "cap", "change", "low", "high", "p")}
    return {**given, **values, **nothing, "fails": False, **more, "verdict": verdict}


async def compare(deps: Deps, job_id: int, rows: Sequence[Mapping[str, Any]], **more: Any) -> int:
    """Store what a job's comparison came to; return its id."""
    async with deps.begin() as db:
        found = sa.select(job, pipeline.c.repository_id, pipeline.c.commit, pipeline.c.compare_with)
        mine = (await db.execute(found.join(pipeline).where(job.c.id == job_id))).mappings().one()
        on = sa.select(board).where(board.c.type == mine["board_type"]).limit(1)
        where = (await db.execute(on)).mappings().one()
        values = {
            "repository_id": mine["repository_id"],
            "pipeline_id": mine["pipeline_id"],
            "job_id": job_id,
            "attempt_id": await _attempt(db, job_id, where),
            "board_id": where["id"],
            "board_type": mine["board_type"],
            "configuration": mine["configuration"],
            "kind": "interleaved",
            "base": mine["compare_with"] or BASE,
            "head": mine["commit"],
            "pairs": 16,
            "looks": 2,
            "is_over": True,
            "counts": {},
            "judged_at": sa.func.now(),
        }
        made = sa.insert(comparison).values(values | more).returning(comparison.c.id)
        comparison_id = (await db.execute(made)).scalar_one()
        if rows:
            await db.execute(sa.insert(comparison_row), [{**each, "comparison_id": comparison_id} for each in rows])
        return int(comparison_id)


async def _attempt(db: Any, job_id: int, where: Mapping[str, Any]) -> int:
    epochs = await db.scalar(sa.select(sa.func.max(attempt.c.epoch)).where(attempt.c.job_id == job_id))
    ended = {"lease_until": sa.func.now(), "ended_at": sa.func.now(), "outcome": JobState.PASSED}
    made = sa.insert(attempt).values(
        job_id=job_id,
        epoch=(epochs or 0) + 1,
        builder_id=where["builder_id"],
        board_id=where["id"],
        claim_id=uuid.uuid4(),
        reason="",
        **ended,
    )
    return int((await db.execute(made.returning(attempt.c.id))).scalar_one())
