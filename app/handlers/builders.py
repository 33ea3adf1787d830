"""What the owners of a lab decide about its builders, from a command, the API or a page alike."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.models import BuilderState
from app.db.queries import audit, builders, lab, removal
from app.deps import Deps
from app.dispatch import revoked
from app.errors import Conflict, Invalid, NotFound
from app.handlers import boards

RESERVED = {"me"}  # the builder's own calls have this address


@dataclass(frozen=True, kw_only=True)
class Made:
    """A builder's new token, which nobody can read again."""

    id: int
    name: str
    token: str


async def find(db: AsyncConnection, name: str) -> sa.RowMapping:
    """Read a builder by name, also a retired one.

    Raises:
        NotFound: there is none.
    """
    builder = await lab.builder(db, name)
    if builder is None:
        raise NotFound(f"There is no builder {name}. `rigline builder list` names them.")
    return builder


async def create(deps: Deps, name: str, *, actor: str) -> Made:
    """Make a builder.

    Raises:
        Invalid: the name has another meaning.
        Conflict: the name is taken.
    """
    if name in RESERVED:
        raise Invalid(f"name: {name} has another meaning here; choose another name")
    async with deps.begin() as db:
        builder_id, secret = await builders.create(db, name, actor=actor)
    await deps.notices.publish("builder", id=builder_id)
    return Made(id=builder_id, name=name, token=f"{builders.PREFIX}{builder_id}.{secret}")


async def set_state(deps: Deps, name: str, state: BuilderState, *, actor: str) -> None:
    """Pause, drain or resume a builder; running jobs go on.

    Raises:
        NotFound: there is none of the name.
        Conflict: it is retired.
    """
    async with deps.begin() as db:
        builder = await find(db, name)
        _refuse_retired(builder)
        await builders.set_state(db, builder["id"], state, actor=actor)
    await deps.notices.publish("builder", id=builder["id"])
    await deps.notices.publish("queue")


async def rotate_token(deps: Deps, name: str, *, actor: str) -> Made:
    """Make a new token; the old one is refused from now on.

    Raises:
        NotFound: there is no builder of the name.
    """
    async with deps.begin() as db:
        builder = await find(db, name)
        secret = await builders.rotate(db, builder["id"], actor=actor)
    await deps.notices.publish("builder", id=builder["id"])
    return Made(id=builder["id"], name=name, token=f"{builders.PREFIX}{builder['id']}.{secret}")


async def revoke_token(deps: Deps, name: str, *, actor: str) -> None:
    """Refuse a builder's token from now on; its jobs end and are tried elsewhere, its boards wait for a person.

    Raises:
        NotFound: there is no builder of the name.
    """
    async with deps.begin() as db:
        builder = await find(db, name)
        await builders.revoke(db, builder["id"], actor=actor)
    await deps.notices.publish("builder", id=builder["id"])
    await revoked.end_all(deps, builder["id"], name)


async def delete(deps: Deps, name: str, *, actor: str) -> None:
    """Delete a builder that never had a job; one with history is retired: its token is refused, its history stays.

    Raises:
        NotFound: there is none of the name.
        Conflict: it holds a job.
    """
    async with deps.begin() as db:
        builder = await find(db, name)
        if any(board["job_id"] for board in await lab.boards(db, builder_id=builder["id"])):
            raise Conflict(f"{name} has a job. Drain it, and delete it when the job has ended.")
        if await removal.remove_builder(db, builder["id"]):
            await audit.record(db, "builder.deleted", actor=actor, detail=name)
        else:
            await builders.set_state(db, builder["id"], BuilderState.RETIRED, actor=actor)
    await deps.notices.publish("builder", id=builder["id"])


async def check(deps: Deps, name: str, *, actor: str) -> None:
    """Have every board of a builder checked that its builder has a check for.

    Raises:
        NotFound: there is no builder of the name.
        Conflict: no board has a check, or some could not be checked now; the others are checked all the same.
    """
    async with deps.begin() as db:
        found = await lab.boards(db, builder_id=(await find(db, name))["id"])
    able = [board["id"] for board in found if board["check_every_s"] is not None]
    if not able:
        raise Conflict(
            f"{name} has no check for any board: write [boards.health] with check = … into its builder.toml."
        )
    refused = [each for each in [await _refusal(deps, board_id, actor) for board_id in able] if each]
    if refused:
        raise Conflict(" ".join(refused))


async def _refusal(deps: Deps, board_id: int, actor: str) -> str:
    try:
        await boards.check(deps, board_id, actor=actor)
    except Conflict as problem:
        return problem.message
    return ""


def _refuse_retired(builder: sa.RowMapping) -> None:
    if builder["state"] == BuilderState.RETIRED:
        raise Conflict(f"{builder['name']} is retired; make a new builder.")
