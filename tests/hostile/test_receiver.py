"""Attacks on the receiver: deliveries that are forged, replayed, swapped, too large or malformed."""

import asyncio
import hashlib
import hmac
import json
import tracemalloc

import pytest

from app.db.tables import alert, delivery
from integrations.fake import deliveries
from integrations.fake.deliveries import FakeRepository, Pull
from tests.specs.world import MAINTAINER, OUTSIDER, SECRET

A, B = "a" * 40, "b" * 40
SIGNATURE = "X-Hub-Signature-256"


@pytest.fixture
async def world(world):
    await world.offer("nucleo")
    return world


def push(world, commit=A, secret=SECRET, **more):
    return deliveries.github_push(world.repository, commit, secret, sender=world.person(MAINTAINER), **more)


def mac(body, secret=SECRET, name="sha256"):
    return f"{name}=" + hmac.new(secret.encode(), body, name).hexdigest()


async def refused(world, answer):
    assert answer.status_code == 401
    assert A not in answer.text and "acme" not in answer.text
    assert await world.rows(delivery) == []


@pytest.mark.parametrize("signature", ["", "sha256=", "nonsense", "sha256=" + "0" * 64, "sha512=" + "0" * 128])
async def test_s1_a_forged_signature_is_refused_and_nothing_is_kept_or_said_of_it(world, signature):
    await refused(world, await world.deliver(push(world), **{SIGNATURE: signature}))


async def test_s1_a_right_sha1_signature_is_refused(world):
    made = push(world)
    sha1 = {"X-Hub-Signature": mac(made.body, name="sha1"), SIGNATURE: ""}

    await refused(world, await world.deliver(made, **sha1))
    await refused(world, await world.deliver(made, **{SIGNATURE: mac(made.body, name="sha1")}))


@pytest.mark.parametrize(
    "signature", ["sha256=\xff\xfe" + "a" * 62, "sha256=" + "a" * 10_000, "ä", "sha256=" + "é" * 64]
)
async def test_s2_a_signature_of_strange_bytes_or_length_is_a_401_and_never_a_500(world, signature):
    await refused(world, await world.deliver(push(world), **{SIGNATURE: signature}))


async def test_s3_a_signature_over_the_same_json_in_other_bytes_is_refused(world):
    made = push(world)
    other = json.dumps(json.loads(made.body), separators=(",", ":")).encode()
    assert other != made.body

    await refused(world, await world.deliver(made, **{SIGNATURE: mac(other)}))


async def test_s4_an_empty_secret_signs_nothing(world):
    await refused(world, await world.deliver(push(world, secret="")))


async def test_s5_a_ping_needs_a_signature_too(world):
    await refused(world, await world.deliver(deliveries.github_ping(SECRET), **{SIGNATURE: ""}))


async def test_s6_a_replayed_delivery_opens_nothing_again(world):
    made = push(world)
    await world.receive(made)
    for _ in range(3):
        assert (await world.deliver(made)).status_code == 200
    await world.settle()

    assert len(await world.pipelines()) == len(await world.rows(delivery)) == 1


async def test_s7_another_body_under_the_same_key_is_not_processed_and_raises_an_alert(world):
    await world.receive(push(world, A, key="one-key"))
    for _ in range(2):
        assert (await world.deliver(push(world, B, key="one-key"))).status_code == 200
    await world.settle()

    assert [each.commit for each in await world.pipelines()] == [A]
    [raised] = await world.rows(alert)
    assert (raised.kind, raised.times) == ("delivery_conflict", 2)
    assert hashlib.sha256(push(world, B).body).hexdigest() in raised.text


async def test_s9_a_repository_made_anew_under_a_served_name_is_not_served_and_raises_an_alert(world):
    impostor = FakeRepository(5555, world.repository.full_name)
    await world.receive(deliveries.github_push(impostor, A, SECRET, sender=world.person(MAINTAINER)))

    assert await world.pipelines() == []
    [raised] = await world.rows(alert)
    assert (raised.kind, raised.subject) == ("repository_recreated", "github acme/firmware")


async def test_s10_no_address_of_a_payload_is_called_or_kept(world):
    outsider = world.person(OUTSIDER)
    pull = Pull(number=5, head=B, branch="x", author=outsider, fork=FakeRepository(999, "stranger/firmware"))
    await world.receive(push(world))
    await world.receive(deliveries.github_pull_request(world.repository, "opened", pull, SECRET))

    assert world.forges.calls
    assert all(call.path.startswith("/github/api/v3/") for call in world.forges.calls)
    kept = [*await world.rows(world.tables.repository), *await world.rows(world.tables.pipeline)]
    assert not any("169.254" in str(row) for row in kept)


async def test_s33_a_nul_and_lone_surrogates_anywhere_are_taken_and_cleaned(world):
    for mark in (rb"\u0000", rb"\ud800", rb"\udfff\ud800"):
        body = push(world, message="MARK").body.replace(b"MARK", b"fast" + mark + b"er")
        await world.receive(deliveries.github("push", body, SECRET))

    assert all(verdict.startswith(("opened", "joined")) for verdict in await world.verdicts())


async def test_s34_a_slow_body_holds_up_nobody_else(world):
    host, _, port = str(world.http.base_url).removeprefix("http://").rstrip("/").partition(":")
    slow = []
    for _ in range(20):
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"Host: x\r\nContent-Type: application/json\r\n{SIGNATURE}: {mac(b'')}\r\nContent-Length: 1000000"
        writer.write(f"POST /webhooks/github HTTP/1.1\r\n{head}\r\n\r\n{{".encode())
        slow.append(writer)

    async with asyncio.timeout(5):
        assert (await world.deliver(push(world))).status_code == 202
    for writer in slow:
        writer.close()


async def test_s35_a_flood_of_unsigned_deliveries_writes_nothing_and_keeps_nothing(world):
    made = push(world)

    async def flood(how_many):
        gate = asyncio.Semaphore(20)

        async def one():
            async with gate:
                return (await world.deliver(made, **{SIGNATURE: ""})).status_code

        return set(await asyncio.gather(*(one() for _ in range(how_many))))

    await flood(100)
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    assert await flood(300) == {401}
    grown = sum(each.size_diff for each in tracemalloc.take_snapshot().compare_to(before, "filename"))
    tracemalloc.stop()

    assert grown < 4 << 20
    assert await world.rows(delivery) == []
