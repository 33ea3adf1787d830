"""The page of a pipeline that awaits approval has a button: it approves exactly the commit that the page shows."""

import re

import pytest

from app.db.queries import tokens, users
from app.db.tables import approval, audit
from app.rights import Role
from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository, Pull
from tests.specs.world import OUTSIDER, SECRET

A, B = "a" * 40, "b" * 40
PUBLIC = "https://rigline.example"


@pytest.fixture
async def world(world):
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))
    world.fork = world.forges.add(FakeRepository(999, "stranger/firmware"))
    await world.receive(pulled(world))
    return world


def pulled(world, number=5, head=A):
    pull = Pull(number=number, head=head, branch="x", author=world.person(OUTSIDER), fork=world.fork)
    return deliveries.github_pull_request(world.repository, "opened", pull, SECRET)


async def token(world, role=Role.ADMIN):
    async with world.deps.begin() as db:
        user_id = await users.add(db, f"a-{role}", password_hash=None, role=role)
        _, text = await tokens.add(db, user_id, "test", lifetime=None)
    return text


async def press(world, *, origin=PUBLIC, pipeline=None, token="", **form):
    number = pipeline or (await world.pipelines())[0].id
    headers = ({"Origin": origin} if origin else {}) | ({"Authorization": f"Bearer {token}"} if token else {})
    return await world.http.post(f"/pipelines/{number}/approve", data=form, headers=headers)


async def states(world, commit=A):
    return {state for state, _ in await world.job_states(commit)}


async def test_the_page_says_whose_which_and_what_would_run(world):
    [waiting] = await world.pipelines()
    await sign_in(world)
    text = " ".join((await world.http.get(f"/pipelines/{waiting.id}")).text.split())

    assert f'<code class="whole">{A}</code>' in text
    assert f"It comes from a fork of <bdi>{OUTSIDER}</bdi>" in text
    assert (
        "Once approved it is built and run on <bdi>nucleo</bdi> (<bdi>fast</bdi>, <bdi>safe</bdi>); <bdi>pi4</bdi>"
        in text
    )
    assert ": 4 jobs." in text
    assert f'<input type="hidden" name="sha" value="{A}">' in text


async def test_an_admin_who_presses_it_approves_that_commit_and_the_audit_says_who(world):
    answer = await press(world, token=await token(world), sha=A)

    [found] = await world.pipelines()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/pipelines/{found.id}")
    assert await states(world) == {"queued"}
    assert found.trust == "approved by a-admin"
    [row] = await world.rows(approval)
    assert (row.approver, row.via, row.commit) == ("a-admin", "page", A)
    [said] = [each for each in await world.rows(audit) if each.action == "commit.approved"]
    assert (said.actor, A in said.detail, "by page" in said.detail) == ("a-admin", True, True)
    assert "/approve" not in (await world.http.get(f"/pipelines/{found.id}")).text


async def sign_in(world):
    answer = await world.http.post("/login", data={"token": await token(world)}, headers={"Origin": PUBLIC})
    world.http.cookies.clear()
    world.http.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]  # Secure: http: would not send it


async def test_who_is_signed_in_presses_it_and_the_name_is_kept_by_no_cache(world):
    await sign_in(world)
    [waiting] = await world.pipelines()

    page = await world.http.get(f"/pipelines/{waiting.id}")
    assert "as <bdi>a-admin</bdi>" in page.text
    assert page.headers["cache-control"] == "no-store"
    proof = re.search(r'name="form" value="(\w+)"', page.text)[1]
    assert (await press(world, sha=A, form=proof)).status_code == 303
    assert await states(world) == {"queued"}


async def test_another_site_cannot_press_it_with_the_browsers_cookie(world):
    await sign_in(world)

    assert (await press(world, origin="https://evil.example", sha=A)).status_code == 403
    assert (await press(world, origin=None, sha=A)).status_code == 403
    assert await states(world) == {"awaiting_approval"}


@pytest.mark.parametrize("sha", ["", A[:39], A[:16], B, A.upper()])
async def test_only_the_commit_that_the_page_showed_is_approved(world, sha):
    answer = await press(world, token=await token(world), sha=sha)

    assert answer.status_code == 409
    assert A in answer.text
    assert await states(world) == {"awaiting_approval"}


async def test_who_is_no_admin_presses_in_vain(world):
    assert (await press(world, sha=A)).status_code == 401
    assert (await press(world, sha=A, token="rlu_guess")).status_code == 401
    assert (await press(world, sha=A, token=await token(world, Role.COMMITTER))).status_code == 403
    assert await states(world) == {"awaiting_approval"}
    assert await world.rows(approval) == []


async def test_what_was_too_much_of_an_outsider_has_the_button_too(world):
    object.__setattr__(world.deps, "settings", world.deps.settings.model_copy(update={"outsider_commits": 1}))
    await world.receive(pulled(world, 6, B))
    [refused] = await world.pipelines(commit=B)
    assert "more than its author may ask for" in (await world.http.get(f"/pipelines/{refused.id}")).text

    await press(world, pipeline=refused.id, token=await token(world), sha=B)
    await world.settle()
    assert await states(world, B) == {"queued"}
