"""Connecting a repository by command, against a whole service and a forge: its webhook, and whether it works."""

import pytest

from app.db.queries import tokens, users
from app.db.tables import repository, webhook_secret
from app.rights import Role
from integrations.fake import deliveries
from integrations.fake.repository import FakeRepository
from tests.cli.commands import rigline
from tests.specs.world import MAINTAINER, SECRET

A = "a" * 40
both = pytest.mark.parametrize("forge", ["github", "gitlab"])


@pytest.fixture
async def run(world):
    """Run commands as an admin does from another machine."""
    async with world.deps.begin() as db:
        user_id = await users.add(db, "ada", password_hash=None, role=Role.ADMIN)
        _, token = await tokens.add(db, user_id, "test", lifetime=None)

    async def running(*words):
        return await rigline(*words, RIGLINE_URL=world.address, RIGLINE_TOKEN=token)

    return running


def push(world, hosted, forge, secret):
    send = deliveries.github_push if forge == "github" else deliveries.gitlab_push
    return send(hosted, A, secret, sender=world.person(MAINTAINER))


@both
async def test_one_command_serves_a_repository_and_makes_its_webhook(world, run, forge):
    hosted = world.forges.add(FakeRepository(31, "acme/new"))
    added = await run("repo", "add", forge, "acme/new", "--create-webhook")

    assert added.status == 0, added.err
    assert f"https://rigline.example/webhooks/{forge}" in added.out
    [hook] = hosted.hooks.values()
    assert (hook.url, hook.secret in added.out) == (f"https://rigline.example/webhooks/{forge}", False)
    assert (await world.deliver(push(world, hosted, forge, hook.secret))).status_code == 202
    assert (await world.deliver(push(world, hosted, forge, SECRET))).status_code == 401


@both
async def test_once_more_changes_the_secret_and_what_was_on_its_way_is_still_taken(world, run, forge):
    hosted = world.forges.add(FakeRepository(31, "acme/new"))
    await run("repo", "add", forge, "acme/new", "--create-webhook")
    [before] = [each.secret for each in hosted.hooks.values()]
    again = await run("repo", "add", forge, "acme/new", "--create-webhook")
    [after] = [each.secret for each in hosted.hooks.values()]

    assert (again.status, before == after) == (0, False)
    answers = [(await world.deliver(push(world, hosted, forge, each))).status_code for each in (before, after)]
    assert answers == [202, 202]


async def test_a_webhook_that_the_forge_refuses_says_what_is_missing_and_the_repository_is_served(world, run):
    world.forges.add(FakeRepository(31, "acme/new"))
    world.forges.fail(403, path="/hooks", times=3, message="Resource not accessible by personal access token")
    added = await run("repo", "add", "github", "acme/new", "--create-webhook")

    assert added.status != 0
    assert "administer the repository's webhooks" in added.err
    assert "acme/new" in [each.full_name for each in await world.rows(repository)]
    assert await world.rows(webhook_secret) == []


@both
async def test_a_check_says_whether_the_forge_reaches_us_and_when_it_last_did(world, run, forge):
    hosted = world.repository if forge == "github" else world.project
    silent = await run("repo", "check", hosted.full_name)
    await world.receive(push(world, hosted, forge, SECRET))
    heard = await run("repo", "check", hosted.full_name)

    assert (silent.status, heard.status) == (1, 0)
    assert "never" in silent.out + silent.err
    assert "never" not in heard.out
