"""How much of logs is kept, and for how long."""

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import sqlalchemy as sa

from app.db.tables import artefact_piece, attempt, log_chunk
from app.settings import Settings
from app.tasks import retention
from builders.protocol import LAST_WORDS, Lease
from tests.dispatch.world import FakeBuilder, World

ROOM = 10_000


@pytest.fixture
async def small(settings: Settings) -> AsyncIterator[World]:
    """Give a service with room for a few logs only."""
    async with AsyncExitStack() as stack:
        yield await World.build(settings.model_copy(update={"log_store_bytes": ROOM, "keep_logs_days": 7}), stack)


async def last_words(lab: FakeBuilder, lease: Lease, start: int, data: bytes) -> int:
    where = {"epoch": lease.epoch, "start": start, "last": 1}
    answer = await lab.http.patch(f"attempts/{lease.attempt_id}/log", params=where, content=data)
    return answer.status_code


async def test_a_full_store_takes_last_words_only_and_the_job_goes_on(small: World) -> None:
    lab = await small.builder()
    first = await small.running(lab)
    assert (await lab.log(first, 0, b"a" * 9_000)).status_code == 200

    refused = await lab.log(first, 9_000, b"b" * 2_000)
    fits = await lab.log(first, 9_000, b"b" * 1_000)
    said = b"the end" + b"x" * (LAST_WORDS - 7)

    assert (refused.status_code, refused.json()["error"]["code"], refused.json()["error"]["size"]) == (
        507, "log_store_full", 9_000
    )  # fmt: skip
    assert fits.status_code == 200
    assert [await last_words(lab, first, 10_000, said + b"y"), await last_words(lab, first, 10_000, said)] == [507, 200]
    whole = b"a" * 9_000 + b"b" * 1_000 + said
    assert (await lab.finish(first, log=whole, log_dropped=5)).status_code == 200
    assert await small.states(first.job_id) == ["passed"]
    page = await small.page(f"/jobs/{first.job_id}")
    assert "in the middle were dropped" in page


async def test_the_rest_of_a_log_that_a_finish_brings_along_needs_room_too(small: World) -> None:
    lab = await small.builder()
    lease = await small.running(lab)
    whole = b"a" * 9_500 + b"the end"
    assert (await lab.log(lease, 0, b"a" * 8_000)).status_code == 200
    rest = {"log_rest": base64.b64encode(whole[8_000:] + b"b" * 1_000).decode()}

    refused = await lab.finish(lease, log=whole + b"b" * 1_000, **rest)
    why = await lab.log(lease, 8_000, whole[8_000:] + b"b" * 1_000)
    fits = await lab.finish(lease, log=whole, log_rest=base64.b64encode(whole[8_000:]).decode())

    assert (refused.status_code, refused.json()["error"]["code"]) == (412, "incomplete")
    assert (why.status_code, why.json()["error"]["size"]) == (507, 8_000)
    assert fits.status_code == 200, fits.text
    assert await small.states(lease.job_id) == ["passed"]


async def test_old_logs_and_artefacts_are_removed_and_make_room(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr("app.web.log_room.MEASURE_S", 0.0)
    lab = await small.builder()
    leases = [await ended(small, lab) for _ in range(3)]
    last = await small.running(lab)
    assert (await lab.log(last, 0, b"x" * 4_000)).status_code == 507

    for lease in leases[:2]:
        await age(small, lease, days=8)
    await removed(small)

    assert await left(small, log_chunk) == {leases[2].attempt_id}
    assert await left(small, artefact_piece) == {each.attempt_id for each in leases}
    assert (await lab.log(last, 0, b"x" * 4_000)).status_code == 200
    raw = await small.read(f"jobs/{leases[0].job_id}/log")
    assert (raw.status_code, raw.json()["error"]["code"]) == (410, "removed")
    page = await small.page(f"/jobs/{leases[0].job_id}")
    assert "was removed" in page and "logs are kept 7 days" in page

    await age(small, leases[0], days=40)
    await removed(small)

    assert await left(small, artefact_piece) == {each.attempt_id for each in leases[1:]}
    gone = await small.read(f"jobs/{leases[0].job_id}/artefacts/0")
    listed = (await small.read(f"jobs/{leases[0].job_id}/artefacts")).json()
    assert (gone.status_code, [each["name"] for each in listed["items"]]) == (410, ["image"])
    assert listed["removed_at"] is not None


async def test_without_a_limit_nothing_is_removed(world: World) -> None:
    world.deps.settings.__dict__.update(keep_logs_days=0, keep_artefacts_days=0)
    lab = await world.builder()
    lease = await ended(world, lab)
    await age(world, lease, days=10_000)

    await removed(world)

    assert await left(world, log_chunk) == await left(world, artefact_piece) == {lease.attempt_id}


async def ended(world: World, lab: FakeBuilder) -> Lease:
    lease = await world.running(lab)
    assert (await lab.log(lease, 0, b"x" * 3_000)).status_code == 200
    where = f"attempts/{lease.attempt_id}/artefacts/0/0"
    assert (await lab.http.put(where, params={"epoch": lease.epoch}, content=b"elf")).status_code == 200
    named = [{"number": 0, "name": "image", "size": 3, "sha256": hashlib.sha256(b"elf").hexdigest()}]
    assert (await lab.finish(lease, log=b"x" * 3_000, artefacts=named)).status_code == 200
    return lease


async def removed(world: World) -> None:
    """Remove what was kept long enough, as a worker does."""
    while await retention.Remover(world.deps.begin, world.settings).round():
        pass


async def age(world: World, lease: Lease, *, days: int) -> None:
    older = sa.func.now() - sa.func.make_interval(0, 0, 0, days)
    await world.execute(sa.update(attempt).where(attempt.c.id == lease.attempt_id).values(ended_at=older))


async def left(world: World, pieces: sa.Table) -> set[int]:
    async with world.deps.begin() as db:
        return set((await db.execute(sa.select(pieces.c.attempt_id))).scalars())
