"""The sharp edges of the two clients."""

import asyncio
import json
import time

import pytest

from integrations.forge import Permanent, Permission, StatusState, Transient
from integrations.github.cache import Cache
from integrations.github.client import Client
from integrations.github.forge import GitHub, web_url
from integrations.gitlab.forge import GitLab
from integrations.gitlab.signature import signing_key
from tests.crowd import crowd
from tests.forges.conftest import TOKEN
from tests.forges.described import assert_described
from tests.specs.serving import serving

only = pytest.mark.parametrize


def of(kind):
    return pytest.mark.parametrize("subject", [kind], indirect=True)


@of("github")
async def test_every_call_to_github_is_as_its_published_description_says(subject):
    facts = await subject.facts()
    for state in ("pending", "success", "failure", "error", "cancelled", "skipped", "running"):
        await subject.forge.set_status(subject.status(state=StatusState(state), description="d" * 500))
    assert await subject.forge.permission(facts, subject.actor("writer")) == Permission.WRITE

    assert len(subject.world.calls) == 9
    for call in subject.world.calls:
        assert_described(call)


@of("github")
@only(("status", "headers"), [(403, {"retry_after": "7"}), (429, {"retry_after": "7"}), (429, {})])
async def test_a_secondary_limit_silences_the_client(subject, status, headers):
    subject.world.fail(status, **headers)
    with pytest.raises(Transient) as first:
        await subject.forge.set_status(subject.status())
    with pytest.raises(Transient) as second:
        await subject.forge.set_status(subject.status())

    assert first.value.retry_after == (7 if headers else 60)
    assert 0 < second.value.retry_after <= first.value.retry_after
    assert len(subject.world.calls) == 1


@of("github")
async def test_a_secondary_limit_that_says_so_in_words_alone_is_one_too(subject):
    subject.world.fail(403, message="You have exceeded a secondary rate limit. Please wait.")

    with pytest.raises(Transient) as said:
        await subject.forge.set_status(subject.status())
    assert said.value.retry_after == 60


@of("github")
async def test_a_primary_limit_lasts_until_its_reset_and_not_for_ever(subject):
    for offset, expected in ((30, 30), (-30, 1), (10**9, 3600)):
        forge_client = Client("http://127.0.0.1:9", TOKEN)
        reset = {
            "x_ratelimit_limit": "1",
            "x_ratelimit_remaining": "0",
            "x_ratelimit_reset": str(int(time.time()) + offset),
        }
        subject.world.fail(403, **reset)
        forge_client._api.base_url = subject.forge._client._api.base_url
        with pytest.raises(Transient) as said:
            await forge_client.get("/repos/acme/app")
        await forge_client.close()
        assert abs(said.value.retry_after - expected) <= 2


@of("github")
async def test_a_refusal_without_a_message_and_an_odd_status_are_understood(subject):
    async def odd(scope, receive, send):
        status = int(scope["path"].rpartition("/")[2])
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": b'{"errors": null}'})

    async with serving(odd) as address:
        client = Client(address, TOKEN)
        for status in (422, 599, 418):
            with pytest.raises((Permanent, Transient)):
                await client.get(f"/odd/{status}")
        await client.close()


@of("github")
async def test_the_token_goes_to_no_other_host(subject):
    reached = []

    async def thief(scope, receive, send):
        reached.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async with serving(thief) as elsewhere:
        subject.world.fail(307, location=f"{elsewhere}/repos/acme/app")
        with pytest.raises(Permanent, match="not the configured GitHub"):
            await subject.facts()
        with pytest.raises(Permanent, match="not the configured GitHub"):
            await subject.forge._client.get(f"{elsewhere}/steal")
    assert reached == []


@of("github")
async def test_a_renamed_repository_is_followed_within_github(subject):
    subject.repository.full_name = "acme/renamed"
    base = subject.forge._client._api.base_url
    subject.world.fail(301, path="/repos/acme/app", location=f"{base}/repos/acme/renamed")

    assert (await subject.forge.repository("acme/app")).full_name == "acme/renamed"


@of("gitlab")
async def test_gitlab_may_not_redirect_at_all(subject):
    subject.world.fail(302, location="http://127.0.0.1:9/x")

    with pytest.raises(Permanent, match="RIGLINE_GITLAB_URL"):
        await subject.facts()


@of("gitlab")
async def test_gitlabs_limit_is_no_sleep_in_the_call(subject):
    subject.world.fail(429, times=20, retry_after="40")
    began = time.monotonic()
    async with asyncio.timeout(10):
        with pytest.raises(Transient) as said:
            await subject.forge.set_status(subject.status())
        with pytest.raises(Transient):
            await subject.facts()

    assert said.value.retry_after == 40
    assert time.monotonic() - began < 5 * crowd()
    assert len(subject.world.calls) == 1


@of("gitlab")
async def test_gitlab_gets_a_target_url_only_if_it_fits(subject):
    await subject.forge.set_status(subject.status(target_url="https://rigline.example/" + "x" * 300))
    await subject.forge.set_status(subject.status(context="short"))

    assert "target_url" not in subject.world.calls[0].body
    assert subject.world.calls[1].body["target_url"].startswith("https://rigline.example/")


@of("gitlab")
async def test_gitlabs_conflict_is_retried_three_times_at_most(subject, monkeypatch):
    monkeypatch.setattr("integrations.gitlab.forge.BUSY_S", 0.01)
    subject.world.fail(409, times=3)

    with pytest.raises(Transient, match="busy"):
        await subject.forge.set_status(subject.status())
    assert len(subject.world.calls) == 3


@of("gitlab")
@only(
    ("level", "right"),
    [(10, "READ"), (15, "READ"), (20, "TRIAGE"), (25, "TRIAGE"), (30, "WRITE"), (50, "ADMIN"), (5, "NONE")],
)
async def test_gitlabs_levels_count_as_numbers(level, right, subject):
    async def members(scope, receive, send):
        data = {"id": 5, "state": "active", "access_level": level}
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(data).encode()})

    facts = await subject.facts()
    async with serving(members) as address:
        forge = GitLab(url=address, webhook_secrets=[], signing_keys=[], token=None)
        actor = subject.actor("x").__class__(id=5, name="x")
        assert (await forge.permission(facts, actor)).name == right
        await forge.close()


@only("kind", ["github", "gitlab"])
async def test_a_forge_that_does_not_answer_is_transient(kind):
    args = {"webhook_secrets": [], "token": None}
    forge = (
        GitHub(api_url="http://127.0.0.1:9", **args)
        if kind == "github"
        else GitLab(url="http://127.0.0.1:9", signing_keys=[], **args)
    )
    async with asyncio.timeout(30):
        with pytest.raises(Transient, match="does not answer"):
            await forge.repository("acme/app")
    await forge.close()


@of("github")
async def test_an_unchanged_answer_is_asked_for_by_its_etag(subject):
    cache = subject.forge._client._api._cache
    assert len(cache) == 0
    for number in range(600):
        cache[f"address {number}"] = ("etag", None, {}, None)
    assert len(cache) == 500
    assert "address 599" in cache and "address 0" not in cache


def test_the_cache_forgets_what_was_not_used_for_longest():
    cache = Cache(2)
    cache["a"], cache["b"] = 1, 2
    assert cache["a"] == 1
    cache["c"] = 3

    assert sorted(cache) == ["a", "c"]


@only(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://ghe.example/api/v3", "https://ghe.example"),
        ("https://ghe.example:8443/sub/api/v3/", "https://ghe.example:8443/sub"),
    ],
)
def test_repositories_are_fetched_where_the_api_lives(api, web):
    assert web_url(api) == web


@only("key", ["", "whsec_", "whsec_!!!", "whsec_AAAA", "x"])
def test_a_signing_key_that_is_none_stops_the_start(key):
    with pytest.raises(ValueError, match="signing key"):
        signing_key(key)
