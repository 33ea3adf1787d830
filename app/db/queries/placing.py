"""Which board may take which job: the one list of conditions. Claims obey it, and waiting is explained by it.

A job passes its gates before any board is looked at. A place is one configuration of one board of one builder. Its
conditions stand in the order in which an explanation names them: the first one that leaves no place over is the reason
why a job waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.db.models import BuilderState, Health
from app.db.queries import builders
from app.db.queries.caps import CAPS
from app.db.tables import attempt_board, board, builder, configuration, job, pipeline
from app.states import JobState
from app.turns import RANKS, due, keeps
from builders.protocol import Level

now = sa.func.now()


class Lack(IntEnum):
    """What it means for a job that no place meets a condition."""

    NEVER = 1  # no registered board could ever run it: it ends
    AWAY = 2  # those that could are not to be had: it waits, and is nobody's fault
    BUSY = 3  # they are there, and at something else


@dataclass(frozen=True)
class Wanted:
    """All that a place's condition may look at of a job: columns of the job, or of something grouped by them."""

    board_type: Any
    board: Any
    board_id: Any  # set: the job is the check of this very board
    configuration: Any
    tags: Any
    facts: Any
    isolation: Any
    from_fork: Any
    lost_on: Any  # boards
    interleaved: Any  # it holds two commits against each other
    stands: Any = None  # where the job stands in its line; None: many jobs are looked at as one

    @property
    def columns(self) -> tuple[Any, ...]:
        """List them, to select or to group by."""
        return tuple(value for name, value in vars(self).items() if name != "stands")

    @classmethod
    def of(cls, columns: Any) -> "Wanted":
        """Take them from a subquery that selected them."""
        return cls(**{name: columns[name] for name in cls.__dataclass_fields__ if name != "stands"})


Holds = Callable[[Wanted], sa.ColumnElement[bool]]


@dataclass(frozen=True)
class Condition:
    """One thing that a place must meet."""

    name: str  # for programs
    lack: Lack
    holds: Holds
    otherwise: str  # for people, if no place meets it; may name the columns of the job
    is_shown_by_asking: bool = False  # a builder that asks for a job meets it by asking


@dataclass(frozen=True)
class Gate:
    """One thing that a job itself must meet before it is given to any board."""

    name: str
    holds: sa.ColumnElement[bool]  # of job and pipeline
    otherwise: str


def _seconds(seconds: float) -> Any:
    return sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _has_facts(wanted: Wanted) -> sa.ColumnElement[bool]:
    """Say that the builder fits: for each fact that is asked for it has one of the words."""
    asked = sa.func.jsonb_each(wanted.facts).table_valued("key", sa.column("value", JSONB)).alias("fact")
    fits = asked.c.value.op("?", return_type=sa.Boolean)(builder.c.facts.op("->>")(asked.c.key))
    misfit = sa.select(1).select_from(asked).where(sa.not_(sa.func.coalesce(fits, sa.false()))).exists()
    return sa.or_(wanted.facts == sa.literal({}, JSONB), sa.not_(misfit))


def _rank(level: Any) -> Any:
    """Order levels of isolation; one that is not known here is none."""
    return sa.case({each.value: number for number, each in enumerate(Level)}, value=level, else_=0)


def keeps_apart(wanted: Wanted) -> sa.ColumnElement[bool]:
    """Say that the builder keeps the job apart as well as the job's trust asks for."""
    return sa.or_(wanted.isolation == Level.NONE.value, _rank(builder.c.isolation) >= _rank(wanted.isolation))


def is_free(which: sa.FromClause) -> sa.ColumnElement[bool]:
    """Say that no open attempt holds a board, be it as the one of its target or as a further one."""
    held = sa.select(1).where(attempt_board.c.board_id == which.c.id, attempt_board.c.is_open)
    return sa.not_(held.correlate_except(attempt_board).exists())


def is_there(which: sa.FromClause) -> sa.ColumnElement[bool]:
    """Say that a board is not out for repair."""
    return which.c.health.in_([Health.UNKNOWN, Health.GOOD])


def _is_given(which: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.or_(which.c.held_until.is_(None), which.c.held_until <= now)


def _is_well(which: sa.FromClause) -> sa.ColumnElement[bool]:
    """Let a board whose builder can look at it be looked at first; of any other nothing better can be known."""
    return sa.or_(which.c.health == Health.GOOD, which.c.check_every_s.is_(None))


def _is_rested(which: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.or_(which.c.reusable_at.is_(None), which.c.reusable_at <= now)


further = board.alias("further")  # a board that a job needs besides the one of its type
FURTHER_THERE = (further.c.offered, is_there(further), _is_given(further))
FURTHER_FREE = (*FURTHER_THERE, _is_well(further), _is_rested(further), is_free(further))


def missing(*which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Name the further boards that a place needs and that are not so."""
    needed = sa.func.unnest(configuration.c.further).table_valued("name").alias("needed")
    found = sa.select(1).where(further.c.builder_id == board.c.builder_id, further.c.name == needed.c.name, *which)
    return sa.select(needed.c.name).where(sa.not_(found.correlate_except(further).exists())).correlate_except(needed)


offered_tags = (board.c.tags + configuration.c.tags).label("tags")

_NEVER_LOST = sa.cast([], sa.ARRAY(sa.Integer))
_lost, _other, _host = board.alias("lost"), board.alias("other"), builder.alias("host")
_way = configuration.alias("way")


def _elsewhere(wanted: Wanted, *which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Say that some other board that could run the job lives."""
    return (
        sa.select(1)
        .select_from(_other.join(_host, _host.c.id == _other.c.builder_id).join(_way, _way.c.board_id == _other.c.id))
        .where(_other.c.type == wanted.board_type, _other.c.offered, _other.c.health.in_([Health.UNKNOWN, Health.GOOD]))
        .where(sa.or_(wanted.board.is_(None), wanted.board == _other.c.name))
        .where(_way.c.name == wanted.configuration, _way.c.offered, (_other.c.tags + _way.c.tags).contains(wanted.tags))
        .where(_host.c.state == BuilderState.ACTIVE, builders.is_alive(_host))
        .where(*which)
        .correlate_except(_other, _host, _way)
        .exists()
    )


def _tries_elsewhere(wanted: Wanted) -> sa.ColumnElement[bool]:
    """Say that a job that was lost is not lost here again: another builder first, then another board."""
    hosts = sa.select(_lost.c.builder_id).where(_lost.c.id == sa.func.any(wanted.lost_on)).correlate_except(_lost)
    was_here, was_on_it = builder.c.id.in_(hosts), board.c.id == sa.func.any(wanted.lost_on)
    another_builder = _elsewhere(wanted, _other.c.builder_id.not_in(hosts))
    another_board = _elsewhere(wanted, sa.not_(_other.c.id == sa.func.any(wanted.lost_on)))
    return sa.or_(
        wanted.lost_on == _NEVER_LOST,
        sa.not_(was_here),
        sa.and_(sa.not_(another_builder), sa.or_(sa.not_(was_on_it), sa.not_(another_board))),
    )


def _is_unreserved(wanted: Wanted) -> sa.ColumnElement[bool]:
    """Say that no job that needs several boards keeps one of this place's; the check of a board is never kept off."""
    if wanted.stands is None:
        return sa.true()
    kept = _reserved()
    ours = sa.func.array_prepend(board.c.name, configuration.c.further)
    stands = sa.tuple_(kept.c.due, kept.c.job_id)
    taken = sa.select(1).where(kept.c.builder_id == board.c.builder_id, kept.c.names.op("&&")(ours))
    taken = taken.where(keeps(kept.c.waited_s, stands, wanted.stands)).correlate_except(kept)
    return sa.or_(wanted.board_id.is_not(None), sa.not_(taken.exists()))


PLACE: tuple[Condition, ...] = (
    Condition(
        "type",
        Lack.NEVER,
        lambda wanted: sa.and_(
            board.c.type == wanted.board_type, board.c.offered, builder.c.state != BuilderState.RETIRED
        ),
        "no registered builder has a board of type {board_type!r}",
    ),
    Condition(
        "board",
        Lack.NEVER,
        lambda wanted: sa.and_(
            sa.or_(wanted.board.is_(None), wanted.board == board.c.name),
            sa.or_(wanted.board_id.is_(None), wanted.board_id == board.c.id),
        ),
        "no registered builder has a board {board!r} of type {board_type!r}",
    ),
    Condition(
        "configuration",
        Lack.NEVER,
        lambda wanted: sa.and_(configuration.c.name == wanted.configuration, configuration.c.offered),
        "no registered builder offers {configuration!r} on {board_type!r}",
    ),
    Condition(
        "tags",
        Lack.NEVER,
        lambda wanted: offered_tags.element.contains(wanted.tags),
        "no registered builder offers {configuration!r} on {board_type!r} with the tags {tags}",
    ),
    Condition(
        "further",
        Lack.NEVER,
        lambda _: sa.not_(missing(further.c.offered).exists()),
        "no builder that offers {configuration!r} on {board_type!r} has the further boards that it needs",
    ),
    Condition("facts", Lack.NEVER, _has_facts, "no builder with {board_type!r} is what the job asks for: {facts}"),
    Condition(
        "isolation",
        Lack.AWAY,
        keeps_apart,
        "no builder of {name!r} keeps a stranger's code apart as well as it must ({isolation}): "
        "`rigline-builder doctor` says there what is missing",
    ),
    Condition(
        "compares",
        Lack.AWAY,
        lambda wanted: sa.or_(sa.not_(wanted.interleaved), configuration.c.compares),
        "no builder of {name!r} can run two commits by turns with {configuration!r}: its agent is too old for that, or "
        "the configuration has one work tree for all commits",
    ),
    Condition(
        "alive",
        Lack.AWAY,
        lambda _: builders.is_alive(),
        "{name!r} is away: its builder is offline",
        is_shown_by_asking=True,
    ),
    Condition(
        "active",
        Lack.AWAY,
        lambda wanted: sa.or_(
            builder.c.state == BuilderState.ACTIVE,
            sa.and_(wanted.board_id.is_not(None), builder.c.state == BuilderState.PAUSED),  # a pause ends with a check
        ),
        "{name!r} is away: its builder is paused or drained",
    ),
    Condition(
        "healthy",
        Lack.AWAY,
        lambda wanted: sa.or_(wanted.board_id.is_not(None), is_there(board)),
        "{name!r} is away: the board is out for repair",
    ),
    Condition(
        "given",
        Lack.AWAY,
        lambda _: _is_given(board),
        "{name!r} is away: somebody holds the board",
    ),
    Condition(
        "further_there",
        Lack.AWAY,
        lambda _: sa.not_(missing(*FURTHER_THERE).exists()),
        "it needs {name!r} and board {further_away}, which is away: out for repair, or held by somebody",
    ),
    Condition(
        "checked",
        Lack.BUSY,
        lambda wanted: sa.or_(wanted.board_id.is_not(None), _is_well(board)),
        "{name!r} is about to be checked",
    ),
    Condition(
        "rested",
        Lack.BUSY,
        lambda _: _is_rested(board),
        "{name!r} is kept back until its lost builder must know that it was lost",
    ),
    Condition(
        "elsewhere",
        Lack.BUSY,
        _tries_elsewhere,
        "it was lost on {name!r}, and is tried on another builder or board first",
    ),
    Condition("free", Lack.BUSY, lambda _: is_free(board), "{name!r} is busy with another job"),
    Condition(
        "further_free",
        Lack.BUSY,
        lambda _: sa.not_(missing(*FURTHER_FREE).exists()),
        "it needs {name!r} and waits for board {further_busy}, which is busy",
    ),
    Condition(
        "reserved",
        Lack.BUSY,
        _is_unreserved,
        "{name!r} is kept for a job that needs several boards and has waited long",
    ),
)

_needed = job.alias("needed")
_unmet = (
    sa.select(1)
    .where(_needed.c.pipeline_id == job.c.pipeline_id, _needed.c.target_group == sa.func.any(job.c.needs))
    .where(sa.not_(_needed.c.replaced), _needed.c.state != JobState.PASSED)
    .correlate(job)
    .exists()
)
may_start = sa.or_(job.c.needs == sa.cast([], sa.ARRAY(sa.Text)), sa.not_(_unmet))  # all that it needs has passed


GATES: tuple[Gate, ...] = (
    Gate("trusted", pipeline.c.trust.is_not(None), "nobody has approved the commit yet"),
    Gate("wanted", job.c.cancel_requested_at.is_(None), "it is being cancelled"),
    Gate("needs", may_start, "it needs jobs of its pipeline that have not passed yet: groups {needs}"),
    *(Gate(f"{each.of}_cap", each.has_room, each.otherwise) for each in CAPS),
)

_since = sa.extract("epoch", job.c.queued_at)
_due = due(_since, sa.case(dict(RANKS), value=sa.cast(job.c.priority, sa.Text)))

OF_JOB = Wanted(
    board_type=job.c.board_type,
    board=job.c.board,
    board_id=job.c.board_id,
    configuration=job.c.configuration,
    tags=job.c.tags,
    facts=job.c.facts,
    isolation=pipeline.c.isolation,
    from_fork=pipeline.c.from_fork,
    lost_on=job.c.lost_on,
    interleaved=pipeline.c.interleaved,
    stands=sa.tuple_(_due, job.c.id),
)
# Every place of every board type; a query adds which jobs it is about, and joins them.
places = board.join(configuration, configuration.c.board_id == board.c.id).join(
    builder, builder.c.id == board.c.builder_id
)
jobs_and_places = job.join(pipeline, pipeline.c.id == job.c.pipeline_id).join(places, board.c.type == job.c.board_type)
is_queued = job.c.state == sa.literal_column("'queued'")  # literal, as the partial indexes' condition is
passes_gates = sa.and_(is_queued, *(gate.holds for gate in GATES))


def meets(wanted: Wanted, lack: Lack = Lack.BUSY, *, asking: bool = False) -> sa.ColumnElement[bool]:
    """Say that a place meets all conditions whose lack is at most so bad: by itself all of them, so that it may start.

    `Lack.NEVER`: it could run the job one day. `Lack.AWAY`: it is there, if perhaps busy.

    Args:
        asking: the place's builder is asking for a job right now.
    """
    conditions = [each for each in PLACE if each.lack <= lack and not (asking and each.is_shown_by_asking)]
    return sa.and_(*(each.holds(wanted) for each in conditions))


@cache
def _reserved() -> sa.CTE:
    """List the boards that queued jobs of several boards wait for, where all of them are to be had, if busy now."""
    waiting = (
        sa.select(
            job.c.id.label("job_id"),
            _due.label("due"),
            sa.extract("epoch", now - job.c.queued_at).label("waited_s"),
            board.c.builder_id,
            sa.func.array_prepend(board.c.name, configuration.c.further).label("names"),
        )
        .select_from(jobs_and_places)
        .where(configuration.c.further != sa.cast([], sa.ARRAY(sa.Text)), passes_gates, meets(OF_JOB, Lack.AWAY))
        .correlate(None)
    )
    return waiting.cte("reserved").prefix_with("MATERIALIZED")
