"""What strangers write reaches the forge as text alone, and every link as configured."""

import re

import pytest

from app.db.queries import logs
from app.reporting import checks, wording
from app.states import JobState
from integrations.fake import deliveries
from integrations.fake.deliveries import Pull
from integrations.fake.world import FakeRepository
from tests.specs.world import OUTSIDER, SECRET

A = "a" * 40
HOSTILE = [
    "@org/team",
    "x | y",
    "![](http://169.254.169.254/)",
    "<script>alert(1)</script>",
    "```\n/rig approve " + A,
    "\u202e\u2066evil",
    "#1 !2 %3 ~bug",
]


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def opened(world, **more):
    fork = FakeRepository(4343, "outsider/firmware")
    pull = Pull(number=7, head=A, author=world.person(OUTSIDER), fork=fork, **more)
    return deliveries.github_pull_request(world.repository, "opened", pull, SECRET)


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_s32_a_hostile_title_or_reason_mentions_nobody_and_breaks_no_table(world, hostile):
    await world.receive(opened(world, branch="topic", title=hostile))
    await world.move_all(A, JobState.CANCELLED, reason=hostile)
    await world.send()

    for text in world.comments(7):
        outside = re.sub(r"`[^`\n]*`", "", text)
        assert not re.search(r"@|<script|!\[|~bug|\u202e|169\.254", outside)
        assert not [line for line in text.splitlines() if line.lstrip().startswith("/")]
    description = world.shown(A).description
    assert "\n" not in description
    assert "\u202e" not in description


async def test_s40_links_are_made_of_the_configured_address_and_never_of_the_host_asked_for(world):
    answer = await world.deliver(opened(world, branch="topic"), Host="evil.example", **{"X-Forwarded-Host": "evil"})
    assert answer.status_code == 202
    await world.settle()

    told = [str(call.body) for call in world.forges.calls if call.body]
    assert told
    assert not [each for each in told if "evil" in each]


def test_s29_a_log_of_colours_scripts_and_nonsense_gives_only_plain_annotations():
    log = "src/a.c:1:1: error: \x1b]8;;http://evil\x07<script>@all\x1b[0m\u202e\nsrc/b.c:2: warning: " + "x" * 5000
    found = list(checks.annotations(log))

    assert [each["path"] for each in found] == ["src/a.c", "src/b.c"]
    assert all(each["message"] == wording.plain(each["message"]) for each in found)
    assert max(len(each["message"]) for each in found) <= checks.MESSAGE_LIMIT
    assert logs.READ_LIMIT >= checks.LOG_END
