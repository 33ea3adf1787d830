"""Secrets of one repository or installation: only they count there, and they count for nothing else."""

import time

import pytest
import sqlalchemy as sa

from app.db.queries import secrets
from app.db.tables import delivery, installation, repository, webhook_secret
from app.sealed import seal
from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository
from integrations.gitlab import signature
from tests.specs.world import MAINTAINER, SECRET

A, B = "a" * 40, "b" * 40
OWN, NEXT = "secret-of-this-repository", "its-next-secret"
KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def push(world, secret, commit=A, **more):
    return deliveries.github_push(world.repository, commit, secret, sender=world.person(MAINTAINER), **more)


def gitlab_push(world, secret, commit=A, **more):
    return deliveries.gitlab_push(world.project, commit, secret, sender=world.person(MAINTAINER), **more)


async def give(world, text, *, to="github", kind="secret", installation_id=None):
    """Give a repository, or an installation, a secret of its own; return the secret's id."""
    sealed = seal(world.deps.settings.secret_key.get_secret_value(), text)
    async with world.deps.begin() as db:
        if installation_id is not None:
            return await secrets.add(db, kind, sealed, installation_id=installation_id)
        mine = await db.scalar(sa.select(repository.c.id).where(repository.c.forge == to))
        return await secrets.add(db, kind, sealed, repository_id=mine)


async def statuses(world, *made):
    return [(await world.deliver(each)).status_code for each in made]


async def test_a_repository_with_a_secret_of_its_own_takes_that_one_and_no_other(world):
    await give(world, OWN)

    assert await statuses(world, push(world, OWN), push(world, SECRET), push(world, "wrong")) == [202, 401, 401]


async def test_a_secret_is_changed_without_a_gap(world):
    old = await give(world, OWN)
    await give(world, NEXT)
    assert await statuses(world, push(world, OWN), push(world, NEXT)) == [202, 202]

    async with world.deps.begin() as db:
        mine = await db.scalar(sa.select(webhook_secret.c.repository_id).where(webhook_secret.c.id == old))
        assert await secrets.remove(db, old, repository_id=mine)

    assert await statuses(world, push(world, OWN), push(world, NEXT)) == [401, 202]


async def test_a_secret_of_one_repository_speaks_for_no_other(world):
    other = world.forges.add(FakeRepository(4243, "acme/other"))
    await give(world, OWN)
    made = deliveries.github_push(other, A, OWN, sender=world.person(MAINTAINER))

    assert (await world.deliver(made)).status_code == 401
    assert await world.rows(delivery) == []


@pytest.mark.parametrize("nested", [True, False])
async def test_a_body_that_speaks_of_two_projects_speaks_for_none(world, nested):
    """The token is checked for the first, so what the event would do to the second must not happen."""
    await give(world, OWN, to="gitlab")
    if nested:
        data = {"object_kind": "merge_request", "project": {"id": 77}, "user": {"id": 1, "username": "x"}}
        data["object_attributes"] = {
            "iid": 5,
            "action": "open",
            "source_project_id": 78,
            "target_project_id": 78,
            "source_branch": "x",
            "target_branch": "main",
            "author_id": 1,
            "last_commit": {"id": A},
        }
        body = deliveries.gitlab("Merge Request Hook", data, OWN)
    else:
        data = {"event_name": "project_destroy", "project": {"id": 77}, "project_id": 78, "path_with_namespace": "x"}
        body = deliveries.gitlab("System Hook", data, OWN)
    await world.receive(body)

    [verdict] = await world.verdicts()
    assert verdict.startswith(("cannot be read", "nothing to do for this kind"))
    assert await world.pipelines() == []


async def test_the_secret_of_an_installation_counts_for_its_repositories(world):
    installed = await install(world, 31, of=world.repository)
    await give(world, OWN, installation_id=installed)

    assert await statuses(world, push(world, OWN), push(world, SECRET)) == [202, 401]


async def test_a_repositorys_own_secret_comes_before_that_of_its_installation(world):
    installed = await install(world, 31, of=world.repository)
    await give(world, OWN, installation_id=installed)
    await give(world, NEXT)

    assert await statuses(world, push(world, NEXT), push(world, OWN), push(world, SECRET)) == [202, 401, 401]


async def test_no_installation_speaks_for_the_repository_of_another_by_naming_itself(world):
    await install(world, 31, of=world.repository)
    stranger = await install(world, 32)
    await give(world, OWN, installation_id=stranger)
    data = {
        "ref": "refs/heads/main",
        "before": B,
        "after": A,
        "repository": {"id": 4242},
        "installation": {"id": 32},
    }

    assert await statuses(world, deliveries.github("push", data, OWN)) == [401]
    assert await statuses(world, deliveries.github("push", data, SECRET)) == [202]


async def test_what_becomes_of_an_installation_is_told_with_its_own_secret(world):
    installed = await install(world, 31)
    await give(world, OWN, installation_id=installed)
    who = world.person(MAINTAINER)

    for secret, status in ((OWN, 202), (SECRET, 401)):
        made = deliveries.github_installation("suspend", 31, "acme", secret, sender=who)
        assert (await world.deliver(made)).status_code == status


async def test_a_repositorys_secret_cannot_say_what_becomes_of_an_installation(world):
    await install(world, 31)
    await give(world, OWN)
    data = {"action": "deleted", "installation": {"id": 31, "account": {"id": 1}}, "repository": {"id": 4242}}
    await world.receive(deliveries.github("installation", data, OWN))

    async with world.deps.begin() as db:
        assert await db.scalar(sa.select(installation.c.deleted_at)) is None
    assert (await world.verdicts())[0].startswith(("cannot be read", "nothing to do"))


async def test_a_secret_sealed_under_another_key_opens_nothing_and_no_way_round_it(world):
    async with world.deps.begin() as db:
        mine = await db.scalar(sa.select(repository.c.id).where(repository.c.forge == "github"))
        await secrets.add(db, "secret", seal("another-key", OWN), repository_id=mine)

    assert await statuses(world, push(world, OWN), push(world, SECRET), push(world, "")) == [401, 401, 401]


async def test_a_projects_token_is_bound_to_it(world):
    await give(world, OWN, to="gitlab")

    assert await statuses(world, gitlab_push(world, OWN), gitlab_push(world, SECRET)) == [202, 401]
    other = FakeRepository(78, "acme/other")
    made = deliveries.gitlab_push(other, A, OWN, sender=world.person(MAINTAINER))
    assert await statuses(world, made) == [401]


async def test_a_project_with_a_signing_key_takes_nothing_that_is_only_named(world):
    await give(world, OWN, to="gitlab")
    await give(world, KEY, to="gitlab", kind="signing")
    made = gitlab_push(world, OWN)
    now = int(time.time())
    value = signature.sign(made.body, signature.signing_key(KEY), "one", now)
    signed = {"webhook-id": "one", "webhook-timestamp": str(now), "webhook-signature": value}

    assert (await world.deliver(made)).status_code == 401
    assert (await world.deliver(gitlab_push(world, SECRET))).status_code == 401
    assert (await world.deliver(made, **{**signed, "X-Gitlab-Token": ""})).status_code == 202


async def test_a_body_with_a_lone_surrogate_is_still_held_against_its_repositorys_secret(world):
    await give(world, OWN)
    for secret, status in ((OWN, 202), (SECRET, 401)):
        body = push(world, secret, message="MARK").body.replace(b"MARK", rb"\ud800")
        assert (await world.deliver(deliveries.github("push", body, secret))).status_code == status


async def test_nobody_reads_a_secret_back(world):
    await give(world, OWN)

    rows = await world.rows(webhook_secret)
    assert all(OWN.encode() not in row.sealed for row in rows)


async def install(world, forge_id, of=None):
    async with world.deps.begin() as db:
        new = sa.insert(installation).values(forge="github", forge_id=forge_id, account="acme")
        made = await db.scalar(new.returning(installation.c.id))
        if of is not None:
            mine = repository.c.forge_id == of.id
            await db.execute(sa.update(repository).where(mine).values(installation_id=forge_id))
    return made
