"""Builders and their boards."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState, Health
from app.db.queries import health, lab
from app.states import JobState
from app.web import admission, log_text
from app.web.pages.answer import answer, deps, found, page, text
from app.web.pages.rows import BoardRow, board_row, seconds
from builders.protocol import DISK_FLOOR


@dataclass(frozen=True, kw_only=True)
class BuilderRow:
    """One builder in the list."""

    name: str
    state: BuilderState
    online: bool
    version: str
    isolation: str
    boards: int
    busy: int
    created_at: datetime
    token_at: datetime  # when its token was made
    seen_at: datetime | None
    disk_free: int | None
    problem: str

    @property
    def lacks_room(self) -> bool:
        """Say whether it gets no jobs because its disk is full."""
        return self.disk_free is not None and self.disk_free < DISK_FLOOR


@dataclass(frozen=True, kw_only=True)
class BuildersView:
    """`/builders`."""

    items: list[BuilderRow]
    boards: list[BoardRow]  # those that are to be shown
    show: str | None  # an availability, a health, or `out`: only such boards
    totals: dict[str, int]  # boards by availability, and by what keeps them out


@dataclass(frozen=True, kw_only=True)
class ConfigurationRow:
    """One configuration that a board offers."""

    name: str
    tags: list[str]
    limit_s: float | None


@dataclass(frozen=True, kw_only=True)
class BoardCheck:
    """The last check of a board, and the end of what it printed."""

    id: int
    state: JobState
    reason: str
    ended_at: datetime | None
    output: str


@dataclass(frozen=True, kw_only=True)
class Done:
    """One attempt in a builder's past."""

    job_id: int
    board: str
    configuration: str
    opened_at: datetime
    ended_at: datetime | None
    seconds: float | None
    outcome: JobState | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class BuilderPage:
    """`/builders/{name}`."""

    builder: BuilderRow
    facts: dict[str, str]
    boards: list[BoardRow]
    configurations: dict[int, list[ConfigurationRow]]  # board id → what it offers
    checks: dict[int, BoardCheck]  # board id → its last check, if there was one
    done: list[Done]


@page("/builders")
async def builders() -> Response:
    """List builders and boards."""
    async with deps().begin() as db:
        rows = await lab.builders(db)
        boards = [board_row(each) for each in await lab.boards(db)]
    items = [_builder(dict(each)) for each in rows]
    show = text("show")
    view = BuildersView(
        items=items,
        boards=[each for each in boards if show is None or show in _standing(each)],
        show=show,
        totals=dict(sorted(Counter(word for each in boards for word in _standing(each)).items())),
    )
    return await answer("builders.html", view, visitor=await admission.visitor(), server=deps().settings.public_url)


def _standing(board: BoardRow) -> set[str]:
    """Name what a board can be asked for by."""
    is_out = board.health not in (Health.GOOD, Health.UNKNOWN)
    return {board.availability, *([board.health, "out"] if is_out else [])}


@page("/builders/<name>")
async def builder(name: str) -> Response:
    """Show one builder."""
    async with deps().begin() as db:
        view = await _page(db, found(await lab.builder(db, name), f"builder {name}"))
    return await answer("builder.html", view, visitor=await admission.visitor(), server=deps().settings.public_url)


async def _page(db: AsyncConnection, row: sa.RowMapping) -> BuilderPage:
    boards = [board_row(each) for each in await lab.boards(db, builder_id=row["id"])]
    offered = await lab.configurations(db, row["id"])
    done = await lab.attempts_of(db, row["id"])
    checks = {each.id: await _check(db, each.id) for each in boards}
    busy = sum(each.availability == "busy" for each in boards)
    return BuilderPage(
        builder=_builder({**row, "boards": len(boards), "busy": busy}),
        facts=row["facts"],
        boards=boards,
        configurations={
            board.id: [
                ConfigurationRow(name=each["name"], tags=each["tags"], limit_s=each["limit_s"])
                for each in offered
                if each["board_id"] == board.id
            ]
            for board in boards
        },
        checks={board_id: each for board_id, each in checks.items() if each is not None},
        done=[Done(**each, seconds=seconds(each["opened_at"], each["ended_at"])) for each in done],
    )


async def _check(db: AsyncConnection, board_id: int) -> BoardCheck | None:
    """Read the last check of a board."""
    for last in await health.checks(db, board_id):
        values = {name: last[name] for name in ("id", "state", "reason", "ended_at")}
        said = await health.last_output(db, board_id)
        return BoardCheck(**values, output="\n".join(map(log_text.plain, said.split(b"\n"))))
    return None


def _builder(row: dict[str, Any]) -> BuilderRow:
    values = {name: row[name] for name in BuilderRow.__dataclass_fields__ if name in row}
    return BuilderRow(**values)
