"""Commands without names mean what the rules at the base do, with their groups; not simply every target."""

import pytest

from app.db.tables import job
from tests.specs.ruling import A, rules
from tests.specs.talk import Talk
from tests.specs.world import MAINTAINER

RULES = """
[[on]]
name = "bench"
event = "pull_request"
paths = ["never/**"]
timeout = "5m"
repeat = 2
[[on.group]]
name = "smoke"
filter = { boards = "nucleo", configurations = "fast" }
[[on.group]]
name = "all"
filter = { boards = "pi4" }
needs = ["smoke"]
[[on]]
name = "compiles"
event = "pull_request"
kind = "build"
filter = { configurations = "safe" }
[[on]]
name = "night"
schedule = "nightly"
"""


@pytest.fixture
async def world(world):
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))
    return world


@pytest.fixture
async def talk(world):
    rules(world, RULES)
    return Talk(world, author=MAINTAINER)


async def test_a_run_without_names_covers_the_groups_of_the_rules_and_says_so(talk):
    [reply] = await talk.say("/rig run")

    [opened] = await talk.pipelines()
    assert (opened.rule, opened.kind, opened.limit_s, opened.repeat) == ("bench", "run", 300, 2)
    rows = await talk.world.rows(job)
    found = [(each.board_type, each.configuration, each.target_group, each.needs) for each in rows]
    assert found == [
        ("nucleo", "fast", "smoke", []),
        ("pi4", "fast", "all", ["smoke"]),
        ("pi4", "safe", "all", ["smoke"]),
    ]
    assert reply.startswith("As rule `bench` of `main`: 3 jobs, with its groups.")
    assert list(talk.world.forges.latest(A)) == ["rigline/bench"]


async def test_a_build_without_names_covers_the_rules_that_build(talk):
    [reply] = await talk.say("/rig build")

    [opened] = await talk.pipelines()
    assert (opened.rule, opened.kind) == ("compiles", "build")
    assert await talk.targets(opened.id) == [("nucleo", "safe"), ("pi4", "safe")]
    assert "rule `compiles`" in reply


async def test_names_mean_exactly_those_targets(talk):
    assert await talk.say("/rig run boards=nucleo repeat=3") == []

    [opened] = await talk.pipelines()
    assert (opened.rule, opened.repeat) == (None, 3)
    assert await talk.targets(opened.id) == [("nucleo", "fast"), ("nucleo", "safe")]


async def test_rules_that_cannot_be_used_run_nothing_and_are_quoted(world):
    rules(world, "[[on]]\nevent = 'push'\nevnt = 1")
    talk = Talk(world, author=MAINTAINER)
    [reply] = await talk.say("/rig run")

    assert await talk.pipelines() == []
    assert "the rules of `main` cannot be used" in reply
    assert "unknown key 'evnt'" in reply


async def test_without_rules_for_it_every_target_runs(world):
    rules(world, "[[on]]\nevent = 'push'")
    talk = Talk(world, author=MAINTAINER)
    assert await talk.say("/rig run") == []

    [opened] = await talk.pipelines()
    assert len(await talk.targets(opened.id)) == 4
