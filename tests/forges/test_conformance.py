"""What every forge promises, checked for each of them."""

import pytest

from integrations.forge import (
    ForgeError,
    Malformed,
    NotGenuine,
    Permanent,
    Permission,
    StatusState,
    Transient,
)
from tests.forges.conftest import SECRET, SHA, TOKEN


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


async def test_a_repository_is_found_by_its_name_with_an_address_below_the_configured_one(subject):
    facts = await subject.facts()

    assert (facts.id, facts.full_name, facts.default_branch, facts.private) == (42, "acme/app", "main", False)
    assert "169.254" not in facts.clone_url
    assert facts.clone_url.endswith("/acme/app.git")


async def test_an_unknown_repository_is_permanent(subject):
    with pytest.raises(Permanent):
        await subject.forge.repository("acme/nothing")


@pytest.mark.parametrize(
    ("name", "right"),
    [("writer", Permission.WRITE), ("admin", Permission.ADMIN)],
)
async def test_rights_are_as_the_forge_says(subject, name, right):
    assert await subject.forge.permission(await subject.facts(), subject.actor(name)) == right


async def test_a_stranger_may_not_write(subject):
    assert await subject.forge.permission(await subject.facts(), subject.actor("stranger")) < Permission.WRITE


async def test_a_name_with_another_id_may_nothing(subject):
    impostor = subject.actor("writer").__class__(id=999_999, name="writer")

    assert await subject.forge.permission(await subject.facts(), impostor) < Permission.WRITE


async def test_an_account_that_does_not_exist_may_nothing(subject):
    ghost = subject.actor("writer").__class__(id=999_998, name="ghost")

    assert await subject.forge.permission(await subject.facts(), ghost) < Permission.WRITE


@pytest.mark.parametrize("state", list(StatusState))
async def test_every_state_can_be_shown(subject, state):
    await subject.forge.set_status(subject.status(state=state))

    assert len(subject.world.statuses) == 1


async def test_the_end_is_shown_after_the_beginning(subject):
    memory = {}
    for state in (StatusState.PENDING, StatusState.RUNNING, StatusState.SUCCESS):
        memory = await subject.forge.set_status(subject.status(state=state, memory=memory))

    assert subject.world.latest(SHA)["rigline/run"].state == "success"


async def test_the_same_state_again_is_no_error(subject):
    for _ in range(2):
        await subject.forge.set_status(subject.status(state=StatusState.RUNNING))


@pytest.mark.parametrize("status", [500, 502, 503, 599])
async def test_a_broken_forge_is_transient(subject, status):
    facts = await subject.facts()
    subject.world.fail(status, times=2)
    with pytest.raises(Transient):
        await subject.forge.set_status(subject.status())
    with pytest.raises(Transient):
        await subject.forge.permission(facts, subject.actor("writer"))


async def test_a_status_on_a_repository_that_is_gone_is_permanent(subject):
    subject.world.repositories.clear()

    with pytest.raises(Permanent):
        await subject.forge.set_status(subject.status())


async def test_no_error_holds_the_token(subject):
    for status in (400, 401, 403, 404, 422, 500):
        subject.world.fail(status, message=f"you sent {status}")
        try:
            await subject.forge.set_status(subject.status())
        except ForgeError as problem:
            assert TOKEN[:20] not in str(problem) + repr(problem)


async def test_a_genuine_delivery_passes_and_names_itself(subject):
    made = subject.delivery(key="one")
    headers = lower(made.headers)
    subject.forge.authenticate(headers, made.body)

    assert subject.forge.delivery_key(headers, made.body) == "one"
    assert subject.forge.kind(headers) in ("push", "Push Hook")
    assert subject.forge.repository_of(made.body) == 42
    assert subject.forge.parse(subject.forge.kind(headers), made.body).commit == SHA


async def test_another_secret_is_not_genuine(subject):
    made = subject.delivery()
    headers = {name: value.replace(SECRET, "x").replace("sha256=", "sha256=0") for name, value in made.headers.items()}

    with pytest.raises(NotGenuine):
        subject.forge.authenticate(lower(headers), made.body)


async def test_headers_that_are_kept_hold_no_secret(subject):
    kept = subject.forge.kept_headers(lower(subject.delivery().headers))

    assert kept
    assert not any("signature" in name or "token" in name for name in kept)


async def test_a_delivery_without_its_event_is_malformed(subject):
    with pytest.raises(Malformed):
        subject.forge.kind({})


async def test_the_names_of_branches_and_people_need_no_care_in_addresses(subject):
    odd = subject.actor("writer").__class__(id=1, name="../../admin?x=1#y")

    assert await subject.forge.permission(await subject.facts(), odd) < Permission.WRITE
    assert all(".." not in call.path.split("/") for call in subject.world.calls)


async def test_a_repository_name_that_climbs_is_refused(subject):
    for name in ("../acme", "a/b?x", "", "acme"):
        with pytest.raises(Permanent):
            await subject.forge.repository(name)
