"""A webhook request: what is refused, what is kept, and that it is kept once."""

import asyncio
import contextlib
import dataclasses
import hashlib
import hmac
import json
import time

import asyncpg
import httpx2
import pytest
import redis.asyncio
import sqlalchemy as sa
from pydantic import SecretStr
from redis.asyncio.connection import UnixDomainSocketConnection

from app import deps as deps_module
from app.db.queries import deliveries as kept
from app.db.tables import audit, delivery
from app.main import create_app
from app.tasks import rounds
from integrations.fake import deliveries
from integrations.gitlab import signature as gitlab_signature
from tests.crowd import crowd
from tests.specs.serving import serving
from tests.specs.world import MAINTAINER, OLD_SECRET, SECRET

A, B = "a" * 40, "b" * 40
GITLAB_KEY = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def push(world, commit=A, secret=SECRET, **more):
    return deliveries.github_push(world.repository, commit, secret, sender=world.person(MAINTAINER), **more)


async def test_a_signed_push_becomes_one_pipeline_with_a_job_per_target_and_a_pending_status(world):
    await world.offer("nucleo", "pi4", configurations=("fast", "safe"))

    await world.receive(push(world))

    [pipeline] = await world.pipelines()
    assert (pipeline.commit, pipeline.branch, pipeline.state) == (A, "main", "queued")
    assert pipeline.counts == {"queued": 4}
    assert world.shown(A).state == "pending"
    assert world.shown(A).description == "4 jobs queued"
    assert world.shown(A).target_url == f"https://rigline.example/pipelines/{pipeline.id}"


async def test_the_delivery_is_stored_before_the_answer_and_nothing_else_happened_by_then(world):
    answer = await world.deliver(push(world))

    assert answer.status_code == 202
    [row] = await world.rows(delivery)
    assert (row.kind, row.handled_at) == ("push", None)
    assert kept.unpack(row.body) == push(world).body
    assert await world.pipelines() == []
    assert world.forges.calls == []


async def test_a_ping_is_answered_within_a_second_and_opens_nothing(world):
    began = time.monotonic()
    answer = await world.deliver(deliveries.github_ping(SECRET))
    assert (answer.status_code, time.monotonic() - began < crowd()) == (202, True)

    await world.settle()

    assert await world.verdicts() == ["ping"]
    assert await world.pipelines() == []


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha256=" + "0" * 10_000,
        "sha256=\xff\xfe" + "0" * 62,
        "sha1=" + "0" * 40,
        "SHA256=" + "0" * 64,
        "a, b",
    ],
)
async def test_a_delivery_without_a_right_signature_is_refused_and_not_stored(world, signature):
    answer = await world.deliver(push(world), **{"X-Hub-Signature-256": signature})

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert "never-used" not in answer.text and A not in answer.text
    assert await world.rows(delivery) == []


async def test_the_old_sha1_signature_alone_is_worth_nothing(world):
    made = push(world)
    sha1 = "sha1=" + hmac.new(SECRET.encode(), made.body, hashlib.sha1).hexdigest()

    assert (await world.deliver(made, **{"X-Hub-Signature-256": "", "X-Hub-Signature": sha1})).status_code == 401
    assert (await world.deliver(made, **{"X-Hub-Signature-256": sha1})).status_code == 401


async def test_a_ping_without_a_signature_is_refused_too(world):
    answer = await world.deliver(deliveries.github_ping(SECRET), **{"X-Hub-Signature-256": ""})

    assert answer.status_code == 401


async def test_a_signature_over_other_bytes_of_the_same_json_is_refused(world):
    made = push(world)
    other = deliveries.Delivery(made.path, made.headers, json.dumps(json.loads(made.body), indent=1).encode())

    assert (await world.deliver(other)).status_code == 401


async def test_a_signature_sent_twice_is_refused(world):
    made = push(world)
    headers = [*made.headers.items(), ("X-Hub-Signature-256", made.headers["X-Hub-Signature-256"])]

    answer = await world.http.post(made.path, content=made.body, headers=headers)

    assert answer.status_code == 401


async def test_every_configured_secret_is_accepted_and_no_other(world):
    for secret, status in ((OLD_SECRET, 202), (SECRET, 202), ("removed-secret", 401), ("", 401)):
        assert (await world.deliver(push(world, secret=secret))).status_code == status


async def test_a_forge_without_a_secret_refuses_every_delivery(world, settings):
    deps = await deps_module.build(settings)
    async with serving(create_app(deps)) as address:
        for made in (
            push(world, secret=""),
            deliveries.gitlab_push(world.project, A, "", sender=world.person(MAINTAINER)),
        ):
            answer = await world.http.post(address + made.path, content=made.body, headers=made.headers)
            assert answer.status_code == 401
    await deps.close()


async def test_only_json_is_taken(world):
    answer = await world.deliver(push(world), **{"Content-Type": "application/x-www-form-urlencoded"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "wrong_media_type")


@pytest.mark.parametrize("missing", ["X-GitHub-Event", "X-GitHub-Delivery"])
async def test_a_genuine_delivery_without_its_headers_is_a_bad_request(world, missing):
    answer = await world.deliver(push(world), **{missing: ""})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_delivery")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'"text"', b"null", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe"]
)
async def test_a_genuine_body_that_is_no_json_object_is_a_bad_request(world, body):
    answer = await world.deliver(deliveries.github("push", body, SECRET))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_delivery")
    assert await world.rows(delivery) == []


async def test_an_unknown_forge_is_not_found(world):
    answer = await world.http.post("/webhooks/sourcehut", json={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_24_mib_are_taken_and_more_than_25_are_not(world):
    def padded(size):
        data = json.loads(push(world).body) | {"padding": "x" * size}
        return deliveries.github("push", data, SECRET)

    assert (await world.deliver(padded(24 << 20))).status_code == 202
    answer = await world.deliver(padded(25 << 20))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert len(await world.rows(delivery)) == 1


async def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_sent(world):
    host, _, port = str(world.http.base_url).removeprefix("http://").rstrip("/").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999"
    writer.write(f"{head}\r\n\r\n".encode())

    assert (await asyncio.wait_for(reader.readline(), 5)).split()[1] == b"413"
    writer.close()


async def test_a_body_without_a_length_is_bounded_too(world):
    sent = 0

    async def body(mebibytes):
        nonlocal sent
        for _ in range(2 * mebibytes + 1):
            sent += 1 << 19
            yield b" " * (1 << 19)

    answer = await world.http.post("/webhooks/github", content=body(25), headers=push(world).headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")

    sent = 0
    with contextlib.suppress(httpx2.TransportError):  # who writes on may miss the answer, as the connection is closed
        answer = await world.http.post("/webhooks/github", content=body(500), headers=push(world).headers)
        assert answer.status_code == 413
    assert sent < 100 << 20  # both sides hold a little on the way


async def test_one_delivery_sent_many_times_at_once_to_two_web_processes_is_one_pipeline(world, settings):
    await world.offer("nucleo")
    other = await deps_module.build(world.deps.settings)
    made = push(world)
    async with serving(create_app(other)) as address:
        answers = await asyncio.gather(
            *(
                world.http.post(base + made.path, content=made.body, headers=made.headers)
                for base in [str(world.http.base_url), address] * 10
            )
        )
    await other.close()
    await world.settle()

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert len(await world.rows(delivery)) == len(await world.pipelines()) == 1


async def test_a_delivery_replayed_a_day_later_opens_nothing_new(world):
    await world.offer("nucleo")
    made = push(world)
    await world.receive(made)
    await _age(world, seconds=86_400)

    answer = await world.deliver(made)
    await world.settle()

    assert answer.status_code == 200
    assert len(await world.pipelines()) == 1


async def test_another_body_under_a_known_key_is_noted_and_not_processed(world):
    await world.offer("nucleo")
    await world.receive(push(world, A, key="one-key"))

    answer = await world.deliver(push(world, B, key="one-key"))
    await world.settle()

    assert answer.status_code == 200
    assert [each.commit for each in await world.pipelines()] == [A]
    conflicts = [row.detail for row in await world.rows(audit) if row.action == "delivery.conflict"]
    assert len(conflicts) == 1 and conflicts[0].startswith("one-key: another body")


async def test_unknown_events_and_actions_are_kept_counted_and_lead_to_nothing(world):
    before = await accepted(world)
    pull = deliveries.Pull(number=1, head=A, branch="x", author=world.person(MAINTAINER))
    await world.receive(deliveries.github("foo", {"bar": 1}, SECRET))
    await world.receive(deliveries.github_pull_request(world.repository, "brewed", pull, SECRET))
    await world.receive(deliveries.gitlab("Coffee Hook", {"object_kind": "coffee"}, SECRET))

    kinds = ("foo", "pull_request", "Coffee Hook")
    assert await world.verdicts() == [f"nothing to do for this kind of event: {kind}" for kind in kinds]
    assert await accepted(world) - before == len(kinds)


async def accepted(world):
    """Say how many deliveries this process has taken, as its metrics have it."""
    lines = (await world.http.get("/metrics")).text.splitlines()
    counted = [each for each in lines if each.startswith("rigline_deliveries_total") and 'outcome="accepted"' in each]
    return sum(float(each.rpartition(" ")[2]) for each in counted)


async def test_a_genuine_delivery_that_lacks_what_we_need_is_kept_with_the_reason(world):
    for data in ({}, {"ref": 7}, {"ref": "refs/heads/main", "before": A, "after": "main", "repository": {"id": 4242}}):
        await world.receive(deliveries.github("push", data, SECRET))

    assert all(verdict.startswith("cannot be read: ") for verdict in await world.verdicts())


async def test_an_unregistered_repository_is_kept_and_not_served(world):
    await world.offer("nucleo")
    stranger = deliveries.FakeRepository(999, "acme/other")
    await world.receive(deliveries.github_push(stranger, A, SECRET, sender=world.person(MAINTAINER)))

    assert await world.verdicts() == ["repository not registered: id 999"]
    assert await world.pipelines() == []


async def test_a_repository_made_anew_under_a_known_name_is_not_served(world):
    await world.offer("nucleo")
    impostor = deliveries.FakeRepository(5555, world.repository.full_name)
    await world.receive(deliveries.github_push(impostor, A, SECRET, sender=world.person(MAINTAINER)))

    [verdict] = await world.verdicts()
    assert verdict.startswith("repository not registered: acme/firmware has the id 5555 now")
    assert await world.pipelines() == []


async def test_a_renamed_repository_stays_the_same_one(world):
    await world.offer("nucleo")
    world.repository.full_name = "acme/hardware"
    await world.receive(push(world))

    [pipeline] = await world.pipelines()
    assert pipeline.repository == "acme/hardware"
    assert world.shown(A).state == "pending"
    async with world.deps.begin() as db:
        address = await db.scalar(sa.text("SELECT clone_url FROM repository WHERE forge_id = 4242"))
    assert address.endswith("/github/acme/hardware.git")


async def test_a_nul_and_a_lone_surrogate_in_a_title_are_taken_and_cleaned(world):
    await world.offer("nucleo")
    body = push(world, message="MARK").body.replace(b"MARK", rb"fast\u0000er \ud800 now\u202e")
    await world.receive(deliveries.github("push", body, SECRET))

    [pipeline] = await world.pipelines()
    assert pipeline.title == "fast er ? now"


async def test_no_secret_of_a_delivery_is_kept(world):
    made = deliveries.gitlab_push(world.project, A, SECRET, sender=world.person(MAINTAINER))
    await world.receive(made)
    await world.receive(push(world))

    for row in await world.rows(delivery):
        assert SECRET not in json.dumps(row.headers)
        assert "x-hub-signature-256" not in row.headers


async def test_with_redis_away_a_delivery_is_kept_and_handled_later(world, monkeypatch):
    await world.offer("nucleo")
    nowhere = redis.asyncio.Redis(
        connection_pool=redis.asyncio.ConnectionPool(UnixDomainSocketConnection, path="/nonexistent/redis.sock")
    )
    monkeypatch.setattr(world.deps.tasks, "_live", nowhere)
    answer = await world.deliver(push(world))
    monkeypatch.undo()
    assert answer.status_code == 202
    await world.settle()
    assert await world.pipelines() == []

    await _age(world, seconds=10)
    assert await rounds.put_unhandled(world.deps) == 1
    await world.settle()

    assert [each.commit for each in await world.pipelines()] == [A]


async def test_with_the_database_away_the_forge_is_told_to_come_back(world):
    nowhere = await asyncpg.create_pool(host="/nonexistent", min_size=0)
    deps = dataclasses.replace(world.deps, intake=nowhere)
    async with serving(create_app(deps)) as address:
        made = push(world)
        answer = await world.http.post(address + made.path, content=made.body, headers=made.headers)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert await world.rows(delivery) == []
    await world.receive(made)
    assert (await world.deliver(made)).status_code == 200
    await world.settle()
    assert len(await world.pipelines()) == len(await world.rows(delivery)) == 1


async def test_gitlab_needs_its_token(world):
    made = deliveries.gitlab_push(world.project, A, SECRET, sender=world.person(MAINTAINER))

    for token in ("", "wrong", SECRET + "x", "\xff", SECRET[:-1]):
        assert (await world.deliver(made, **{"X-Gitlab-Token": token})).status_code == 401
    assert (await world.deliver(made)).status_code == 202


async def test_gitlab_with_a_signing_key_takes_signed_deliveries_only_and_fresh_ones(settings, world):
    deps = await deps_module.build(
        world.deps.settings.model_copy(update={"gitlab_signing_keys": (SecretStr(GITLAB_KEY),)})
    )
    made = deliveries.gitlab_push(world.project, A, SECRET, sender=world.person(MAINTAINER))
    key = gitlab_signature.signing_key(GITLAB_KEY)

    def signed(moment, name="one"):
        value = gitlab_signature.sign(made.body, key, name, moment)
        return {"webhook-id": name, "webhook-timestamp": str(moment), "webhook-signature": f"v1,AAAA {value}"}

    now = int(time.time())
    cases = [({}, 401), (signed(now - 600), 401), (signed(now + 600), 401), (signed(now), 202)]
    cases.append((signed(now) | {"webhook-id": "two"}, 401))
    async with serving(create_app(deps)) as address:
        for headers, status in cases:
            sent = {**made.headers, **headers}
            answer = await world.http.post(address + made.path, content=made.body, headers=sent)
            assert answer.status_code == status, headers
    await deps.close()


async def test_gitlab_keys_tell_deliveries_apart_and_the_events_uuid_does_not(world):
    one = deliveries.gitlab_push(world.project, A, SECRET, sender=world.person(MAINTAINER), key="k1")
    two = deliveries.gitlab_push(world.project, B, SECRET, sender=world.person(MAINTAINER), key="k2")
    same = {"X-Gitlab-Event-UUID": "shared"}

    assert (await world.deliver(one, **same)).status_code == 202
    assert (await world.deliver(one, **same)).status_code == 200
    assert (await world.deliver(two, **same)).status_code == 202


async def test_an_old_gitlab_without_keys_is_told_apart_by_what_it_says(world):
    one = deliveries.gitlab_push(world.project, A, SECRET, sender=world.person(MAINTAINER))
    two = deliveries.gitlab_push(world.project, B, SECRET, sender=world.person(MAINTAINER))

    assert (await world.deliver(one, **{"Idempotency-Key": ""})).status_code == 202
    assert (await world.deliver(one, **{"Idempotency-Key": ""})).status_code == 200
    assert (await world.deliver(two, **{"Idempotency-Key": ""})).status_code == 202


async def test_a_delivery_that_cannot_be_handled_is_given_up_with_its_error(world):
    await world.offer("nucleo")
    await world.deliver(push(world))
    async with world.deps.begin() as db:
        await db.execute(sa.text("ALTER TABLE pipeline RENAME TO away"))
    try:
        for _ in range(6):
            await world.work()
            await _age(world, seconds=10_000)
            await rounds.put_unhandled(world.deps)
    finally:
        async with world.deps.begin() as db:
            await db.execute(sa.text("ALTER TABLE away RENAME TO pipeline"))

    [row] = await world.rows(delivery)
    assert row.tries == 5
    assert row.verdict.startswith("given up after 5 tries: ProgrammingError")
    assert row.handled_at is not None


async def _age(world, seconds):
    async with world.deps.begin() as db:
        await db.execute(sa.update(delivery).values(received_at=sa.func.now() - sa.text(f"interval '{seconds} s'")))
