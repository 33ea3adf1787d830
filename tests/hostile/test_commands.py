"""Attacks by comment (S13, S14, S21 to S26, S38, S39): what a stranger, or a trick, must not reach."""

import pytest

from app.db.tables import approval, job
from integrations.fake.world import FakeRepository
from integrations.forge import Permission
from tests.specs.talk import FORGES, A, B, C, Talk

TRICKS = {
    "quoted": f"> /rig approve {A}",
    "in a fence": f"```\n/rig approve {A}\n```",
    "in code": f"`/rig approve {A}`",
    "in details": f"<details>\n\n/rig approve {A}\n\n</details>",
    "in a comment of HTML": f"<!--\n/rig approve {A}\n-->",
    "in a link's title": f'[see](http://x "\n/rig approve {A}")',
    "in an image's text": f"![\n/rig approve {A}](http://x)",
    "in a heading": f"# /rig approve {A}",
    "in the middle": f"please /rig approve {A}",
    "another word": f"/rigs approve {A}",
}


@pytest.fixture(params=FORGES)
async def talk(request, world):
    await world.offer("pi4")
    world.fork = world.forges.add(FakeRepository(8888, "stranger/firmware"))
    for each in (world.repository, world.project):
        world.forges.grant(each.id, "triage", Permission.READ)
        world.forges.grant(each.id, "maintainer", Permission.WRITE)
        each.grow(B, branch="main")
        each.grow(A, B)
    made = Talk(world, request.param, fork=True, author="stranger")
    await made.open()
    return made


@pytest.fixture(autouse=True)
async def nothing_ran(talk):
    yield
    assert await talk.world.rows(approval) == []
    assert {row.state for row in await talk.world.rows(job)} == {"awaiting_approval"}


@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS)
async def test_a_maintainer_who_quotes_or_hides_a_command_gives_none(talk, text):
    assert await talk.say(text) == []


@pytest.mark.parametrize("digits", [1, 7, 12, 15])
async def test_a_short_hash_that_another_commit_could_share_is_refused(talk, digits):
    assert len(await talk.say(f"/rig approve {A[:digits]}")) == 1


async def test_a_push_that_wins_the_race_against_an_approval_is_not_approved(talk):
    await talk.world.deliver(talk.delivery(f"/rig approve {A}"))
    talk.show(head=C)
    await talk.world.settle()


async def test_an_impostors_commit_is_run_for_nobody(talk):
    talk.home.grow(C)
    for who in ("stranger", "triage", "maintainer"):
        for line in (f"run sha={C}", f"build sha={C}", f"compare sha={C}", f"compare base=sha:{C}"):
            await talk.say(f"/rig {line}", by=who)


async def test_an_edited_comment_of_a_stranger_is_not_read_with_a_maintainers_rights(talk):
    edited = "edited" if talk.forge == "github" else "update"
    await talk.say(f"/rig approve {A}", by="stranger", action=edited, sender=talk.world.person("maintainer"))


@pytest.mark.parametrize("who", ["stranger", "triage"])
async def test_who_may_not_write_reaches_nothing_by_any_verb(talk, who):
    for line in (
        f"approve {A}",
        "revoke",
        "run",
        "build",
        "compare",
        "retry all",
        "cancel all",
        "run priority=release",
    ):
        await talk.say(f"/rig {line}", by=who)

    assert len(talk.replies()) <= 1
    assert talk.home.reactions != {}


async def test_a_comment_of_sixty_five_thousand_characters_is_read_in_no_time_and_bounded(talk):
    await talk.say("/rig run\n" * 7_000)
    await talk.say("x" * 65_000 + f"\n\n/rig approve {A}")
    await talk.say("/rig " + "(a+)+" * 13_000)

    assert len(talk.replies()) <= 3
