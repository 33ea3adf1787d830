"""A builder that falls silent is away for everybody at once, and its boards' owners hear of it when it stays away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from app.db.queries import builders, presence
from app.db.tables import board, builder, notification, service
from app.dispatch import sweep
from app.settings import Settings
from tests.dispatch.test_board_owners import OWNER, go_round, owned
from tests.dispatch.world import World
from tests.results.listeners import Mailbox, listening

HOUR = 3600.0
ALIVE = builders.ALIVE_S


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with listening(Mailbox()) as end:
        yield end


@pytest.fixture
async def world(settings: Settings, mailbox: Mailbox) -> AsyncIterator[World]:
    """A service that can send mail."""
    told = {"smtp_url": SecretStr(mailbox.url), "mail_from": "rigline@example.org"}
    async with AsyncExitStack() as stack:
        yield await World.build(settings.model_copy(update=told), stack)


async def silent(world: World, seconds: float, name: str = "shelf") -> None:
    """Let a builder be silent for so long."""
    ago = sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    await world.execute(sa.update(builder).where(builder.c.name == name).values(seen_at=ago))


async def away_for(world: World, seconds: float) -> None:
    """Let it be so long ago that a builder was found to be away."""
    earlier = builder.c.away_at - sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    await world.execute(sa.update(builder).where(builder.c.away_at.is_not(None)).values(away_at=earlier))


async def all_heard(world: World) -> None:
    """Wait until every hint that was sent is heard."""
    last = asyncio.Event()
    end = world.deps.notices.on("queue", lambda hint: last.set() if "last" in hint else None)
    await world.deps.notices.publish("queue", last=True)
    async with asyncio.timeout(10):
        await last.wait()
    end()


async def hints(world: World) -> list[dict[str, Any]]:
    """Gather what is said of builders from now on."""
    await all_heard(world)
    heard: list[dict[str, Any]] = []
    world.deps.notices.on("builder", heard.append)
    return heard


async def heard(world: World, said: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Insist that so many hints were sent."""
    await all_heard(world)
    assert len(said) == count, said
    return said


async def test_pages_hear_once_that_a_builder_fell_silent_whichever_worker_sees_it_and_once_that_it_is_back(
    world: World,
) -> None:
    lab = await world.builder("shelf", owned())
    said = await hints(world)

    await silent(world, ALIVE - 5)
    await world.sweep()
    await heard(world, said, 0)
    before = await world.page("/builders/shelf")
    await silent(world, ALIVE + 5)
    await asyncio.gather(*(sweep.sweep(world.deps) for _ in range(3)))
    await world.sweep()
    (hint,) = await heard(world, said, 1)
    after = await world.page("/builders/shelf")
    await lab.ask()
    await world.sweep()
    await heard(world, said, 2)
    again = await world.page("/builders/shelf")

    assert ["Its agent is not heard of" in page for page in (before, after, again)] == [False, True, False]
    assert "Idle · away" in after
    assert hint["id"] == (await lab_id(world))


async def lab_id(world: World, name: str = "shelf") -> int:
    async with world.deps.begin() as db:
        return int(await db.scalar(sa.select(builder.c.id).where(builder.c.name == name)) or 0)


async def test_nobody_is_away_who_could_not_be_heard(world: World) -> None:
    await world.builder("shelf", owned())
    said = await hints(world)
    await silent(world, ALIVE + 5)
    async with world.deps.begin() as db:
        await presence.note(db)
    await world.execute(sa.update(service).values(back_at=sa.func.now()))  # as after a restart

    await world.sweep()

    await heard(world, said, 0)


async def test_the_owner_of_boards_gets_one_mail_when_their_builder_stays_away_and_one_when_it_is_back(
    world: World, mailbox: Mailbox
) -> None:
    lab = await world.builder("shelf", owned(), owned("bench"), owned("loft", owner=""))
    await silent(world, ALIVE + 5)
    await world.sweep()
    await away_for(world, HOUR - 60)
    await go_round(world)
    assert mailbox.mails == []

    await away_for(world, 120)
    await go_round(world)
    (away,) = mailbox.mails
    await lab.ask()
    await world.sweep()
    await go_round(world)
    _, back = mailbox.mails

    assert mailbox.receivers == [OWNER, OWNER]
    assert (away["Subject"], back["Subject"]) == ("builder shelf is away", "builder shelf is back")
    text = away.get_content()
    assert "Boards: bench, desk, loft" in text and "rigline-builder doctor" in text
    assert f"{world.settings.public_url}/builders/shelf" in text.splitlines()
    assert back["References"] == away["References"]


async def test_a_builder_that_was_away_for_a_while_or_gets_no_jobs_anyway_is_missed_by_nobody(
    world: World, mailbox: Mailbox
) -> None:
    lab = await world.builder("shelf", owned())
    await world.builder("rack", owned("bench"))
    await world.execute(sa.update(builder).where(builder.c.name == "rack").values(state="paused"))
    for name in ("shelf", "rack"):
        await silent(world, ALIVE + 5, name)
    await world.sweep()
    await lab.ask()
    await world.sweep()
    await away_for(world, 2 * HOUR)

    await go_round(world)

    assert mailbox.mails == []


async def test_several_workers_tell_of_a_builder_once_and_each_owner_hears(world: World, mailbox: Mailbox) -> None:
    await world.builder("shelf", owned(), owned("bench", owner="bob@example.org"))
    await silent(world, ALIVE + 5)
    await world.sweep()
    await away_for(world, HOUR)

    await asyncio.gather(*(go_round(world) for _ in range(3)))

    assert sorted(mailbox.receivers) == [OWNER, "bob@example.org"]
    async with world.deps.begin() as db:
        assert await db.scalar(sa.select(sa.func.count()).select_from(notification)) == 2
        assert await db.scalar(sa.select(sa.func.count()).select_from(board)) == 2
