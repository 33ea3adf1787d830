"""GitHub called as an App: who signs, which token is shown where, and when there is a new one."""

import asyncio
import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from integrations.events import Actor
from integrations.fake.app import FakeApp
from integrations.fake.repository import FakeRepository
from integrations.fake.server import GITHUB, FakeServer
from integrations.fake.world import World
from integrations.forge import Check, CommitStatus, Permanent, StatusState, Transient
from integrations.github.auth import App
from integrations.github.forge import GitHub
from tests.specs.serving import serving

SHA = "a" * 40
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FORMAT = serialization.PrivateFormat.TraditionalOpenSSL


def pem(key, form=FORMAT):
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture
async def installed():
    """An App on two accounts: acme by installation 11, umbrella by 22."""
    world = World()
    world.add(FakeRepository(42, "acme/app", installation=11))
    world.add(FakeRepository(43, "acme/lib", installation=11))
    world.add(FakeRepository(77, "umbrella/app", installation=22))
    world.app = FakeApp("1234", KEY.public_key())
    async with serving(FakeServer(world)) as address:
        forge = GitHub(api_url=f"{address}{GITHUB}", webhook_secrets=["s"], token=None, app=App("1234", pem(KEY)))
        yield forge, world
        await forge.close()


def status(full_name="acme/app", context="rigline/run"):
    return CommitStatus(
        repository=42,
        full_name=full_name,
        commit=SHA,
        context=context,
        state=StatusState.SUCCESS,
        description="done",
        target_url="https://rigline.example/1",
    )


def minted(world):
    return [call.path.split("/")[-2] for call in world.calls if call.path.endswith("/access_tokens")]


async def test_each_installation_has_its_own_token_which_is_kept(installed):
    forge, world = installed
    for full_name in ("acme/app", "acme/lib", "umbrella/app", "acme/app"):
        await forge.set_status(status(full_name))

    assert minted(world) == ["11", "22"]
    assert len(world.statuses) == 4


async def test_a_token_of_520_characters_is_shown_whole(installed):
    forge, world = installed
    await forge.set_status(status())

    assert len(world.calls[-1].headers["authorization"]) == len("token ") + 520


async def test_twenty_that_want_a_token_at_once_get_the_same_one(installed):
    forge, world = installed
    await forge.set_status(status())
    for token, known in list(world.app.minted.items()):
        world.app.minted[token] = known.__class__(known.installation, 0.0, {})
    await asyncio.gather(*(forge.set_status(status(context=f"rigline/{number}")) for number in range(20)))

    assert len(minted(world)) == 2
    assert len(world.statuses) == 21


async def test_a_token_is_replaced_five_minutes_before_its_end(installed):
    forge, world = installed
    world.app.life_s = 299.0
    await forge.set_status(status())
    world.app.life_s = 310.0
    await forge.set_status(status())
    await forge.set_status(status())

    assert len(minted(world)) == 2


async def test_a_token_that_github_refuses_is_replaced_once_and_then_waited_for(installed):
    forge, world = installed
    world.fail(401, path="/statuses/", times=1)
    await forge.set_status(status())
    world.fail(401, path="/statuses/", times=9)
    with pytest.raises(Transient, match="401") as said:
        await forge.set_status(status())

    assert said.value.retry_after == 300
    assert len(minted(world)) == 3


async def test_a_limit_of_one_installation_holds_up_no_other(installed):
    forge, world = installed
    world.fail(403, path="/repos/acme/app/statuses/", retry_after="60")
    with pytest.raises(Transient):
        await forge.set_status(status())
    calls = len(world.calls)
    with pytest.raises(Transient) as said:
        await forge.set_status(status("acme/lib"))
    await forge.set_status(status("umbrella/app"))

    assert 50 < said.value.retry_after <= 60
    assert [call.path for call in world.calls[calls:]][-1] == f"{GITHUB}/repos/umbrella/app/statuses/{SHA}"
    assert not any("acme/lib/statuses" in call.path for call in world.calls)


async def test_a_suspended_installation_is_waited_for_and_goes_on_afterwards(installed):
    forge, world = installed
    world.app.suspended.add(11)
    with pytest.raises(Transient, match="suspended") as said:
        await forge.set_status(status())
    world.app.suspended.clear()
    await forge.set_status(status())

    assert said.value.retry_after == 300
    assert len(world.statuses) == 1


async def test_what_is_kept_of_an_installation_that_changed_is_forgotten(installed):
    forge, world = installed
    for full_name in ("acme/app", "umbrella/app"):
        await forge.set_status(status(full_name))
    forge.forget_installation(11)
    for full_name in ("acme/app", "umbrella/app"):
        await forge.set_status(status(full_name))

    assert minted(world) == ["11", "22", "11"]


async def test_a_repository_that_the_app_is_not_on_is_permanent(installed):
    forge, world = installed
    world.add(FakeRepository(99, "stranger/app"))

    with pytest.raises(Permanent):
        await forge.set_status(status("stranger/app"))


async def test_a_repository_that_moved_to_another_installation_is_found_there(installed):
    forge, world = installed
    await forge.set_status(status())
    world.repositories[42].installation = 22
    await forge.set_status(status())

    assert minted(world) == ["11", "22"]


async def test_a_repository_is_described_with_its_installation(installed):
    forge, _ = installed

    assert (await forge.repository("acme/app")).installation == 11


async def test_a_private_repository_is_fetched_with_a_token_for_it_alone(installed):
    forge, world = installed
    user, token = await forge.fetch_credentials("acme/app", 42)
    known = world.app.minted[token]

    assert user == "x-access-token"
    assert known.narrowed == {"repository_ids": [42], "permissions": {"contents": "read"}}
    assert (await forge.fetch_credentials("acme/app", 42))[1] == token
    assert (await forge.fetch_credentials("acme/lib", 43))[1] != token


async def test_our_jwt_is_for_less_than_ten_minutes_and_from_a_minute_ago(installed):
    signed = App("1234", pem(KEY)).jwt()
    claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))

    assert claims["iss"] == "1234"
    assert claims["exp"] - claims["iat"] == 600
    assert abs(time.time() - 60 - claims["iat"]) < 5


async def test_the_wrong_key_is_said_to_be_wrong(installed):
    forge, _ = installed
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    wrong = GitHub(api_url=forge._client._api.base_url, webhook_secrets=["s"], token=None, app=App("1234", pem(other)))
    with pytest.raises(Transient, match="RIGLINE_GITHUB_PRIVATE_KEY"):
        await wrong.set_status(status())
    await wrong.close()


async def test_the_apps_own_account_is_known_by_its_number(installed):
    forge, world = installed

    assert await forge.whoami() == Actor(id=world.account("rigline[bot]"), name="rigline[bot]")
    calls = len(world.calls)
    await forge.whoami()
    assert len(world.calls) == calls


async def test_failed_deliveries_of_the_app_are_those_of_the_repository(installed):
    forge, world = installed
    facts = await forge.repository("acme/app")
    for number, about in ((1, 42), (2, 77)):
        world.app.deliveries.append(
            {"id": number, "guid": f"g{number}", "event": "push", "status_code": 504, "repository_id": about}
        )
    failed = await forge.failed_deliveries(facts, None)
    await forge.redeliver(facts, None, failed[0])

    assert [each.key for each in failed] == ["g1"]
    assert world.app.asked_again == [1]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("pending", ("queued", None)),
        ("running", ("in_progress", None)),
        ("success", ("completed", "success")),
        ("failure", ("completed", "failure")),
        ("error", ("completed", "failure")),
        ("cancelled", ("completed", "cancelled")),
        ("skipped", ("completed", "neutral")),
    ],
)
async def test_a_check_shows_every_state_and_what_was_not_measured_is_neutral(installed, state, shown):
    forge, world = installed
    told = Check(
        status=CommitStatus(**{**vars(status()), "state": StatusState(state)}),
        external_id="job:7",
        title="t" * 500,
        summary="| a |\n",
        annotations=tuple(
            {"path": "a.c", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m"}
            for _ in range(60)
        ),
    )
    memory = await forge.set_check(told)
    again = Check(**{**vars(told), "status": CommitStatus(**{**vars(told.status), "memory": memory})})
    await forge.set_check(again)
    checks = world.repositories[42].checks

    assert len(checks) == 1
    made = checks[memory["check"]]
    assert (made["status"], made.get("conclusion"), made["external_id"]) == (*shown, "job:7")


async def test_checks_are_refused_without_an_app():
    forge = GitHub(api_url="http://127.0.0.1:9", webhook_secrets=[], token="t")
    with pytest.raises(Permanent, match="Apps alone"):
        await forge.set_check(Check(status=status(), external_id="job:7", title="t", summary="s"))
    await forge.close()


@pytest.mark.parametrize(
    "text", ["", "no key", pem(ec.generate_private_key(ec.SECP256R1())), pem(KEY).replace("A", "B")]
)
def test_a_private_key_that_is_none_stops_the_start(text):
    with pytest.raises(ValueError, match="private key"):
        App("1", text)


def test_a_private_key_in_the_newer_form_is_taken_too():
    assert App("1", pem(KEY, serialization.PrivateFormat.PKCS8)).jwt().count(".") == 2
