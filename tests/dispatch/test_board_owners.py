"""The owner of a board hears by mail that it is out, and that it is good again: once each, and only by mail."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from app.db.queries import tokens, users
from app.db.tables import board, notification
from app.notify import sending, telling
from app.rights import Role
from app.settings import Settings
from builders import protocol
from tests.cli.commands import rigline
from tests.dispatch.test_board_health import checked, is_well, work
from tests.dispatch.world import FakeBuilder, World
from tests.results.listeners import Mailbox, Receiver, listening

OWNER = "ada@example.org"


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    async with listening(Mailbox()) as end:
        yield end


@pytest.fixture
async def world(settings: Settings, mailbox: Mailbox) -> AsyncIterator[World]:
    """A service that can send mail."""
    told = {"smtp_url": SecretStr(mailbox.url), "mail_from": "rigline@example.org", "notify_hosts": ("127.0.0.0/8",)}
    async with AsyncExitStack() as stack:
        yield await World.build(settings.model_copy(update=told), stack)


def owned(name: str = "desk", owner: str = OWNER) -> protocol.BoardOffer:
    offered = checked(name)
    return protocol.BoardOffer(**{**vars(offered), "owner": owner})


async def admin(world: World) -> httpx2.AsyncClient:
    async with world.deps.begin() as db:
        user_id = await users.add(db, "eve", password_hash=None, role=Role.ADMIN)
        made = await tokens.add(db, user_id, "test", lifetime=None)
    assert made
    return await world.client(made[1])


async def go_round(world: World) -> None:
    """Let a worker tell and send, twice: the second time finds nothing new."""
    for _ in range(2):
        await telling.tell_due(world.deps)
        await sending.send_due(world.deps)


async def fails(world: World, lab: FakeBuilder, reason: str = "health: exit status 1") -> None:
    """Let the check of a board fail once."""
    await world.execute(sa.update(board).values(checked_at=sa.text("now() - interval '2 days'")))
    await world.sweep()
    assert (await work(world, lab, "failed", reason)).kind is protocol.Kind.HEALTH


async def goes_out(world: World, lab: FakeBuilder, reason: str = "health: exit status 1") -> None:
    await is_well(world, lab)
    await fails(world, lab, reason)
    await fails(world, lab, reason)


async def call_good(api: httpx2.AsyncClient, name: str = "desk") -> None:
    (await api.post(f"boards/{name}/good", json={"reason": "new cable"})).raise_for_status()


async def test_the_owner_gets_one_mail_when_a_board_is_out_and_one_when_it_is_good_again(
    world: World, mailbox: Mailbox
) -> None:
    lab = await world.builder("shelf", owned())
    api = await admin(world)
    await is_well(world, lab)
    await fails(world, lab)
    await go_round(world)
    assert mailbox.mails == []  # one trouble is none

    await fails(world, lab)
    await go_round(world)
    (out,) = mailbox.mails
    await call_good(api)
    await go_round(world)
    _, good = mailbox.mails

    assert mailbox.receivers == [OWNER, OWNER]
    assert out["Subject"] == "board desk of builder shelf gets no jobs any more"
    text = out.get_content()
    assert "Reason: trouble 2 times in a row; the last: its check: health: exit status 1" in text
    assert "rigline board good desk" in text
    assert f"{world.settings.public_url}/builders/shelf/boards/desk" in text.splitlines()
    assert good["Subject"] == "board desk of builder shelf is good again"
    assert "Reason: new cable" in good.get_content()
    assert good["References"] == out["References"]


async def test_a_board_that_was_out_for_a_moment_only_is_no_news(world: World, mailbox: Mailbox) -> None:
    lab = await world.builder("shelf", owned())
    await goes_out(world, lab)
    await call_good(await admin(world))

    await go_round(world)

    assert mailbox.mails == []


async def test_a_board_without_an_owner_and_its_maintenance_are_nobodys_mail(world: World, mailbox: Mailbox) -> None:
    lab = await world.builder("shelf", owned(owner=""))
    await goes_out(world, lab)
    other = await world.builder("rack", owned("bench"))
    await is_well(world, other)
    api = await admin(world)
    (await api.post("boards/bench/maintenance", json={"reason": "soldering"})).raise_for_status()

    await go_round(world)
    await call_good(api, "bench")
    await go_round(world)

    assert mailbox.mails == []


async def test_a_board_that_is_worked_on_after_it_was_out_is_not_good_before_somebody_says_so(
    world: World, mailbox: Mailbox
) -> None:
    await goes_out(world, await world.builder("shelf", owned()))
    api = await admin(world)
    await go_round(world)
    (await api.post("boards/desk/maintenance", json={"reason": "soldering"})).raise_for_status()
    await go_round(world)
    assert len(mailbox.mails) == 1

    await call_good(api)
    await go_round(world)

    assert len(mailbox.mails) == 2


async def test_without_a_mail_server_nothing_is_written_down_for_an_owner(
    world: World, settings: Settings, mailbox: Mailbox
) -> None:
    async with AsyncExitStack() as stack:
        mute = await World.build(settings, stack)
        lab = await mute.builder("shelf", owned())
        await goes_out(mute, lab)
        await go_round(mute)
    async with world.deps.begin() as db:
        assert await db.scalar(sa.select(sa.func.count()).select_from(notification)) == 0

    await go_round(world)  # with one at last: what is old is no news

    assert mailbox.mails == []


async def test_hostile_names_and_reasons_put_nothing_into_the_head_of_a_mail(world: World, mailbox: Mailbox) -> None:
    name = "desk; rm -rf: Bcc: eve@example.org"
    lab = await world.builder("shelf", owned(name))
    await goes_out(world, lab, "health: \x85Bcc: eve@example.org\u2028\x1b[2J")

    await go_round(world)

    (mail,) = mailbox.mails
    assert mailbox.receivers == [OWNER]
    assert mail["Bcc"] is None and mail["Subject"].startswith(f"board {name} of builder shelf")
    text = mail.get_content()
    assert "\x1b" not in text and "\u2028" not in text and "\x85" not in text
    assert f"rigline board good '{name}'" in text
    raw = {"health": "good", "health_reason": "done\u2028\x85\x1b[2J"}  # what no door lets in
    await world.execute(sa.update(board).values(raw))
    await go_round(world)
    assert "\nReason: done   [2J" in mailbox.mails[1].get_content()
    assert "/builders/shelf/boards/desk%3B%20rm%20-rf%3A%20Bcc" in text


@pytest.mark.parametrize(
    "owner", ["ada", "ada@example.org\nBcc: eve@example.org", "a@b.org, c@d.org", "<a@b.org>", "a\u00e9@b.org"]
)
async def test_an_owner_that_is_no_mailbox_is_refused(world: World, owner: str) -> None:
    lab = await world.builder("shelf")

    refused = await lab.hello([owned(owner=owner)])

    assert refused.status_code == 422 and "owner" in refused.json()["error"]["message"]


async def test_an_owner_who_ended_it_hears_no_more(world: World, mailbox: Mailbox) -> None:
    lab = await world.builder("shelf", owned())
    api = await admin(world)
    await goes_out(world, lab)
    await go_round(world)
    link = mailbox.mails[0]["List-Unsubscribe"].strip(" <>").removeprefix(world.settings.public_url)

    async with httpx2.AsyncClient(base_url=world.address) as reader:
        (await reader.post(link, data={"List-Unsubscribe": "One-Click"})).raise_for_status()
    await call_good(api)
    await go_round(world)
    await lab.hello([owned()])
    await fails(world, lab)
    await fails(world, lab)
    await go_round(world)

    assert len(mailbox.mails) == 1


async def test_subscribers_hear_of_all_boards_and_an_owner_among_them_once(world: World, mailbox: Mailbox) -> None:
    async with listening(Receiver()) as receiver:
        api = await admin(world)
        for channel, address in (("webhook", receiver.url), ("mail", OWNER)):
            wish = {"channel": channel, "address": address, "events": ["board_out"]}
            (await api.post("subscriptions", json=wish)).raise_for_status()
        lab = await world.builder("shelf", owned())
        await goes_out(world, lab)

        await go_round(world)

        (post,) = receiver.posts
    said: dict[str, Any] = post.said["board"]
    assert (post.said["event"], said["name"], said["builder"], said["health"]) == (
        "board_out", "desk", "shelf", "quarantined"
    )  # fmt: skip
    assert mailbox.receivers == [OWNER]


async def test_news_of_boards_cannot_be_asked_for_of_one_repository(world: World) -> None:
    await world.pipeline()
    wish = {"channel": "mail", "address": OWNER, "events": ["board_out"], "repository": "example/firmware"}

    refused = await (await admin(world)).post("subscriptions", json=wish)

    assert refused.status_code == 422 and "boards are of no repository" in refused.text


async def test_the_owner_is_on_the_boards_page_and_in_its_command(world: World) -> None:
    await world.builder("shelf", owned())

    page = await world.page("/builders/shelf/boards/desk")
    token = (await admin(world)).headers["Authorization"].removeprefix("Bearer ")
    shown = await rigline("board", "show", "desk", RIGLINE_URL=world.address, RIGLINE_TOKEN=token)

    assert OWNER in page
    assert re.search(rf"^owner: +{OWNER}$", shown.out, re.MULTILINE), shown.out + shown.err


async def test_several_workers_tell_of_each_board_once(world: World, mailbox: Mailbox) -> None:
    await world.builder("shelf", *(owned(f"desk{number}") for number in range(6)))
    await world.execute(sa.update(board).values(health="quarantined"))

    await asyncio.gather(*(telling.tell_due(world.deps) for _ in range(3)))
    await asyncio.gather(*(sending.send_due(world.deps) for _ in range(3)))

    assert len({mail["Subject"] for mail in mailbox.mails}) == len(mailbox.mails) == 6
