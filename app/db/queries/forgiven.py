"""What no comparison fails for again: changes that somebody has judged on the branch, and what is muted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import Triage
from app.db.queries.analysing import made
from app.db.queries.shifting import TOLERANCE, WORSE
from app.db.tables import change_point, commit, measurement, mute, pipeline, series, shift

JUDGED = frozenset(
    {Triage.ACKNOWLEDGED, Triage.EXPECTED, Triage.NOISE, Triage.INFRASTRUCTURE, Triage.WONT_FIX}
)  # fixed is not among them: it may not come back


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two commits that were held against each other on one target."""

    repository_id: int
    board_type: str
    configuration: str
    base: str
    head: str


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What was said of one series' change in the commit range."""

    shift_id: int
    state: Triage
    said_by: str
    most: float  # relative; more is worse: up to here it is the change that was judged


@dataclass(frozen=True, kw_only=True)
class Muting:
    """A benchmark, or all on the type of boards, that raises no alarm now."""

    benchmark: str | None
    metric: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Forgiven:
    """What is forgiven of one comparison."""

    judged: Mapping[str, Judgement] = field(default_factory=dict)  # by the identity of the series
    muted: Sequence[Muting] = ()

    def why(self, *, identity: str, benchmark: str, metric: str, worse: float) -> str:
        """Say why a row does not fail, such as `acknowledged by ada (alert 7)`; empty if nothing is forgiven.

        Args:
            worse: the relative change, signed so that more is worse.
        """
        for each in self.muted:
            if each.benchmark in (None, benchmark) and each.metric in (None, metric):
                return f"muted: {each.reason}"
        said = self.judged.get(identity)
        if said is None or worse > said.most:
            return ""
        return f"{said.state.replace('_', ' ')} by {said.said_by} (alert {said.shift_id})"


async def forgiven(db: AsyncConnection, compared: Compared) -> Forgiven:
    """Read what is forgiven of a comparison.

    A judged change counts only where the head lies on the branch that it was judged on: a pull request that was
    begun before it does not hold the commit, whatever the clock says.
    """
    return Forgiven(judged=await _judged(db, compared), muted=await _muted(db, compared))


async def _judged(db: AsyncConnection, compared: Compared) -> dict[str, Judgement]:
    base, head, after, until = (commit.alias(name) for name in ("base", "head", "after", "until"))
    is_measured = sa.exists().where(measurement.c.series_id == series.c.id, measurement.c.commit_id == head.c.id)
    is_pushed = sa.exists().where(
        pipeline.c.commit == head.c.sha,
        pipeline.c.repository_id == shift.c.repository_id,
        pipeline.c.branch == shift.c.branch,
        pipeline.c.pull_request.is_(None),
    )
    wanted = (
        sa.select(series.c.identity, shift.c.id, shift.c.state, shift.c.said_by, (WORSE + TOLERANCE).label("most"))
        .join_from(change_point, series, series.c.id == change_point.c.series_id)
        .join(shift, shift.c.id == change_point.c.shift_id)
        .join(after, after.c.id == change_point.c.after_commit_id)
        .join(until, until.c.id == change_point.c.until_commit_id)
        .join(base, (base.c.repository_id == shift.c.repository_id) & (base.c.sha == compared.base))
        .join(head, (head.c.repository_id == shift.c.repository_id) & (head.c.sha == compared.head))
        .where(
            series.c.repository_id == compared.repository_id,
            series.c.board_type == compared.board_type,
            series.c.configuration == compared.configuration,
            change_point.c.gone_at.is_(None),
            change_point.c.is_worse,
            shift.c.state.in_(JUDGED),
            sa.tuple_(made(after), after.c.id) < sa.tuple_(made(head), head.c.id),
            sa.tuple_(made(base), base.c.id) < sa.tuple_(made(until), until.c.id),
            is_measured | is_pushed,
        )
        .order_by("most")
    )
    rows = await db.execute(wanted)
    return {
        row.identity: Judgement(shift_id=row.id, state=row.state, said_by=row.said_by, most=row.most) for row in rows
    }


async def _muted(db: AsyncConnection, compared: Compared) -> list[Muting]:
    wanted = sa.select(mute.c.benchmark, mute.c.metric, mute.c.reason).where(
        mute.c.repository_id == compared.repository_id,
        mute.c.until_at > sa.func.now(),
        mute.c.board_type.is_(None) | (mute.c.board_type == compared.board_type),
    )
    return [Muting(**row) for row in (await db.execute(wanted)).mappings()]
