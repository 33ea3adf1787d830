"""What can be asked for now: each configuration of each board that a registered builder offers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState
from app.db.tables import board, builder, configuration


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One configuration on one board."""

    board: str
    board_type: str
    configuration: str
    tags: tuple[str, ...]  # of the configuration and its board, sorted
    facts: Mapping[str, str] = field(default_factory=dict)  # of the builder
    compares: bool = False  # it can run two commits by turns


_tags = board.c.tags + configuration.c.tags
_all = (
    sa.select(board.c.name, board.c.type, configuration.c.name, _tags, builder.c.facts, configuration.c.compares)
    .select_from(board.join(configuration).join(builder, builder.c.id == board.c.builder_id))
    .where(board.c.offered, configuration.c.offered, builder.c.state != BuilderState.RETIRED)
    .where(sa.not_(configuration.c.is_check))
    .order_by(board.c.type, configuration.c.name, board.c.name)
)


async def all_(db: AsyncConnection) -> list[Offer]:
    """List what builders that are not retired offer, also on boards that are away or being repaired."""
    rows = await db.execute(_all)
    return [
        Offer(
            board=name,
            board_type=kind,
            configuration=way,
            tags=tuple(sorted(set(tags))),
            facts=facts,
            compares=compares,
        )
        for name, kind, way, tags, facts, compares in rows
    ]
