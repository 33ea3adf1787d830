"""Whether a log arrived whole is known from its bytes as they came, and else from the rows."""

import os

import httpx2
import sqlalchemy as sa

from app.db.queries import logs
from app.db.tables import attempt, log_chunk
from builders.protocol import MAX_CHUNK, Lease
from tests.dispatch.world import FakeBuilder, World

LOG = os.urandom(MAX_CHUNK) + b"and some more"


async def test_a_log_that_came_in_order_is_not_read_again_at_its_end(world: World) -> None:
    lab = await world.builder()
    lease = await sent(world, lab)

    await lose_rows(world)  # who read them now would find nothing

    assert (await lab.finish(lease, log=LOG)).status_code == 200


async def test_bytes_said_twice_count_once_and_a_refused_piece_not_at_all(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    pieces = [(0, b"one "), (0, b"one "), (99, b"a gap"), (4, b"two "), (2, b"e two three"), (13, b"!")]

    codes = [(await lab.log(lease, start, data)).status_code for start, data in pieces]

    assert codes == [200, 200, 416, 200, 200, 200]
    assert (await lab.finish(lease, log=b"one two three?")).status_code == 412
    assert (await lab.finish(lease, log=b"one two three!")).status_code == 200


async def test_a_log_that_came_by_two_processes_is_read_at_its_end(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    other = await world.client(lab.token, await world.another_web())
    where = f"attempts/{lease.attempt_id}/log"
    await lab.log(lease, 0, b"by one, ")
    assert (await append(other, where, lease, 8, b"by another, ")).is_success
    await lab.log(lease, 20, b"by one")

    wrong = await lab.finish(lease, log=b"by one, by another, by two")

    assert wrong.status_code == 412
    assert (await lab.finish(lease, log=b"by one, by another, by one")).status_code == 200


async def test_a_database_that_crashed_gets_again_what_it_had_not_written_yet(world: World) -> None:
    lab = await world.builder()
    lease = await sent(world, lab)
    await forget(world, lease, MAX_CHUNK)  # as a crash does with what nobody waited for

    short = await lab.finish(lease, log=LOG)
    gap = await lab.log(lease, len(LOG), b"")
    again = await lab.log(lease, gap.json()["error"]["size"], LOG[MAX_CHUNK:])

    assert (short.status_code, gap.status_code, again.status_code) == (412, 416, 200)
    assert (await lab.finish(lease, log=LOG)).status_code == 200
    async with world.deps.begin() as db:
        assert await logs.read(db, lease.attempt_id) == LOG


async def test_postgresql_does_not_compress_what_is_compressed(world: World) -> None:
    wanted = sa.text(
        "SELECT attrelid::regclass::text, attstorage::text FROM pg_attribute WHERE attname = 'data'"
        " AND attrelid IN ('log_chunk'::regclass, 'artefact_piece'::regclass, 'result'::regclass)"
    )
    async with world.deps.begin() as db:
        assert {tuple(row) for row in await db.execute(wanted)} == {
            ("log_chunk", "e"), ("artefact_piece", "e"), ("result", "e")
        }  # fmt: skip


async def test_only_the_append_itself_does_not_wait_for_the_disk(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    mine = {"builder_id": lab.id, "epoch": lease.epoch}

    show = sa.text("SHOW synchronous_commit")
    async with world.deps.engine.connect() as db:
        await db.execute(sa.text("SET synchronous_commit = on"))  # tests run without
        await db.commit()
        assert await logs.append_next(db, lease.attempt_id, **mine, start=0, size=3, packed=logs.pack(b"one"), lines=0)
        during = await db.scalar(show)
        await db.commit()
        after = await db.scalar(show)
        await db.execute(sa.text("RESET synchronous_commit"))
        await db.commit()

    assert (during, after) == ("off", "on")


async def sent(world: World, lab: FakeBuilder) -> Lease:
    """Run a job and send its log in two pieces."""
    lease = await world.running(lab)
    for start in (0, MAX_CHUNK):
        assert (await lab.log(lease, start, LOG[start : start + MAX_CHUNK])).status_code == 200
    return lease


async def append(http: httpx2.AsyncClient, path: str, lease: Lease, start: int, data: bytes) -> httpx2.Response:
    return await http.patch(path, params={"epoch": lease.epoch, "start": start}, content=data)


async def lose_rows(world: World) -> None:
    async with world.deps.begin() as db:
        await db.execute(sa.delete(log_chunk))


async def forget(world: World, lease: Lease, size: int) -> None:
    async with world.deps.begin() as db:
        await db.execute(sa.delete(log_chunk).where(log_chunk.c.start >= size))
        await db.execute(sa.update(attempt).where(attempt.c.id == lease.attempt_id).values(log_size=size))
