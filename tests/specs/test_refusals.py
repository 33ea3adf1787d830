"""What a forge refuses for good: said once to who can help, and never tried until it has worn out."""

import pytest

from app.db.tables import alert
from integrations.fake.repository import FakeRepository
from tests.specs.ruling import A, pull, push, rules
from tests.specs.talk import Talk
from tests.specs.world import OUTSIDER

LABEL = '[[on]]\nname = "bench"\nevent = "label"\nlabels = ["bench"]\nremove_label = true'


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


async def alerts(world):
    return [(each.kind, each.subject, each.resolved_at is None) for each in await world.rows(alert)]


async def deliveries(world):
    return [(each.handled_at is not None, each.tries) for each in await world.rows(world.tables.delivery)]


@pytest.mark.parametrize("status", [403, 422])
async def test_a_label_that_the_forge_leaves_on_undoes_nothing_and_is_an_alert_until_it_comes_off(world, status):
    rules(world, LABEL)
    world.forges.fail(status, path="/labels/", message="Resource not accessible by personal access token")
    await world.receive(pull(world, "labeled", label="bench"))

    assert [each.commit for each in await world.pipelines()] == [A]
    assert await deliveries(world) == [(True, 1)]
    assert "label bench stays: GitHub answered" in (await world.verdicts())[0]
    assert await alerts(world) == [("label_refused", "acme/firmware: bench", True)]

    world.repository.labels[5] = ["bench"]
    await world.receive(pull(world, "labeled", label="bench"))
    assert await alerts(world) == [("label_refused", "acme/firmware: bench", False)]


@pytest.mark.parametrize("status", [403, 410])
async def test_a_delivery_that_the_forge_refuses_is_closed_at_once_with_an_alert(world, status):
    rules(world, '[[on]]\nevent = "push"\nsupersede = "waiting"')
    world.repository.grow(A, branch="topic")
    await world.receive(push(world))
    world.forges.fail(status, path="/git/ref/heads/topic", message="Resource not accessible")
    await world.receive(push(world))

    assert (await world.verdicts())[1].startswith(f"the forge refuses: GitHub answered {status}")
    assert await deliveries(world) == [(True, 1)] * 2
    assert await alerts(world) == [("delivery_refused", "github acme/firmware: push", True)]

    await world.receive(push(world))
    assert await alerts(world) == [("delivery_refused", "github acme/firmware: push", False)]


async def test_a_command_that_needs_what_the_forge_refuses_is_answered_once(world):
    world.fork = world.forges.add(FakeRepository(8888, "outsider/firmware"))
    talk = Talk(world, author=OUTSIDER)
    world.forges.fail(403, times=2, path="/pulls/9", message="Resource not accessible")

    [reply] = await talk.say("/rig run", by=OUTSIDER)
    assert reply.startswith("The forge refuses what I have to ask")
    assert await talk.say("/rig run", by=OUTSIDER) == []
    assert await deliveries(world) == [(True, 1)] * 2
    assert await talk.pipelines() == []
