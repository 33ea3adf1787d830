"""A repository that is renamed, moved or deleted, and our App's coming and going."""

import pytest

from app.db.queries import repositories
from app.db.tables import alert, installation, repository
from integrations.fake import deliveries, upkeep
from integrations.fake.world import FakeRepository
from tests.specs.world import MAINTAINER, SECRET

A, B = "a" * 40, "b" * 40


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def changed(world, action, **more):
    return upkeep.github_repository(world.repository, action, SECRET, sender=world.person(MAINTAINER), **more)


def pushed(world, commit=A, **more):
    return deliveries.github_push(world.repository, commit, SECRET, sender=world.person(MAINTAINER), **more)


async def ours(world):
    return next(each for each in await world.rows(repository) if each.forge_id == world.repository.id)


async def test_a_renamed_repository_is_the_same_and_its_old_name_leads_to_it(world):
    before = await ours(world)
    world.repository.full_name = "umbrella/board-support"
    await world.receive(changed(world, "renamed", changes={"repository": {"name": {"from": "firmware"}}}))

    after = await ours(world)
    assert (after.id, after.full_name) == (before.id, "umbrella/board-support")
    assert after.clone_url.endswith("/umbrella/board-support.git")
    async with world.deps.begin() as db:
        assert (await repositories.by_name(db, "Acme/Firmware"))["id"] == before.id
        assert await repositories.by_name(db, "acme/firmware", forge="gitlab") is None


async def test_an_old_name_that_somebody_else_took_leads_to_them(world):
    world.repository.full_name = "umbrella/board-support"
    await world.receive(changed(world, "transferred"))
    other = world.forges.add(FakeRepository(9, "acme/firmware"))
    async with world.deps.begin() as db:
        added = await repositories.add(db, "github", await world.deps.forges["github"].repository(other.full_name))
        found = await repositories.by_name(db, "acme/firmware")

    assert found["id"] == added


async def test_a_new_default_branch_and_visibility_are_taken_over(world):
    world.repository.default_branch, world.repository.private = "trunk", True
    await world.receive(changed(world, "edited", changes={"default_branch": {"from": "main"}}))
    await world.receive(changed(world, "privatized"))

    after = await ours(world)
    assert (after.default_branch, after.private) == ("trunk", True)


async def test_a_deleted_repository_is_served_no_longer_and_its_jobs_end(world):
    await world.receive(pushed(world))
    await world.receive(changed(world, "deleted"))

    assert (await ours(world)).removed_at is not None
    assert await world.job_states(A) == [("cancelled", "the repository was deleted")]
    assert [each.kind for each in await world.rows(alert)] == ["repository_gone"]
    await world.receive(pushed(world, B))
    assert (await world.verdicts())[-1].startswith("repository not registered")


async def test_gitlabs_system_hook_renames_a_project(world):
    world.project.full_name = "acme/elsewhere/firmware"
    await world.receive(upkeep.gitlab_project(world.project, "project_transfer", SECRET))

    found = next(each for each in await world.rows(repository) if each.forge == "gitlab")
    assert found.full_name == "acme/elsewhere/firmware"


def installed(world, action, *covered):
    return upkeep.github_installation(action, 11, "acme", SECRET, sender=world.person(MAINTAINER), repositories=covered)


async def test_an_installation_covers_what_is_served_and_serves_nothing_by_itself(world):
    stranger = FakeRepository(31337, "stranger/app")
    await world.receive(installed(world, "created", world.repository, stranger))

    assert (await ours(world)).installation_id == 11
    assert 31337 not in [each.forge_id for each in await world.rows(repository)]
    assert (await world.verdicts())[-1] == "installation 11 of acme: created, 1 served repositories"


async def test_an_installation_that_loses_a_repository_or_gets_it_back_is_followed(world):
    await world.receive(installed(world, "created", world.repository))
    moved = {"sender": world.person(MAINTAINER)}
    named = upkeep.github_installation_repositories
    await world.receive(named(11, "acme", SECRET, removed=[world.repository], **moved))
    lost = (await ours(world)).installation_id
    await world.receive(named(11, "acme", SECRET, added=[world.repository], **moved))

    assert (lost, (await ours(world)).installation_id) == (None, 11)


async def test_a_suspended_installation_is_an_alert_until_it_is_back(world):
    await world.receive(installed(world, "created", world.repository))
    await world.receive(installed(world, "suspend"))
    [raised] = await world.rows(alert)
    [suspended] = await world.rows(installation)
    await world.receive(installed(world, "unsuspend"))
    [resolved] = await world.rows(alert)

    assert "acme suspended our App" in raised.text
    assert suspended.suspended_at is not None
    assert resolved.resolved_at is not None


@pytest.mark.parametrize("action", ["created", "suspend", "unsuspend", "deleted"])
async def test_tokens_of_an_installation_that_changed_are_forgotten(world, monkeypatch, action):
    forgotten = []
    monkeypatch.setattr(world.deps.forges["github"], "forget_installation", forgotten.append)
    await world.receive(installed(world, action))

    assert forgotten == [11]


async def test_a_removed_installation_covers_nothing(world):
    await world.receive(installed(world, "created", world.repository))
    await world.receive(installed(world, "deleted", world.repository))

    assert (await ours(world)).installation_id is None
    assert (await world.rows(installation))[0].deleted_at is not None
    assert [each.kind for each in await world.rows(alert)] == ["installation_gone"]


async def test_every_delivery_about_a_repository_shows_that_the_forge_reaches_us(world):
    assert (await ours(world)).heard_at is None
    await world.receive(deliveries.github("star", {"repository": {"id": world.repository.id}}, SECRET))

    assert (await ours(world)).heard_at is not None
