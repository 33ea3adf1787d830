"""A finish may bring the end of the log and the next claim along; neither is part of what it says."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

import pytest

from app.db.queries import logs
from builders.protocol import MAX_REST
from tests.dispatch.world import World, offer


def rest(data: bytes) -> str:
    return base64.b64encode(data).decode()


def next_claim(boards: list[str], **changes: Any) -> dict[str, Any]:
    return {"claim_id": str(uuid4()), "instance": "instance-lab", "boards_free": boards, "wait_s": 0.0, **changes}


async def stored_log(world: World, attempt_id: int) -> bytes:
    async with world.deps.autocommit() as db:
        return await logs.read(db, attempt_id)


@pytest.mark.parametrize("sent", [b"", b"hello ", b"hello wor", b"hello world\n"], ids=len)
async def test_the_rest_of_a_log_is_appended_where_it_belongs(world: World, sent: bytes) -> None:
    lab, whole = await world.builder(), b"hello world\n"
    await world.queued()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)
    await lab.log(lease, 0, sent)

    ended = await lab.finish(lease, log=whole, log_rest=rest(whole[6:] if sent else whole))

    assert ended.status_code == 200, ended.text
    assert await stored_log(world, lease.attempt_id) == whole


async def test_a_rest_behind_a_gap_is_not_kept_and_the_answer_says_where_to_go_on(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)
    await lab.log(lease, 0, b"he")

    refused = await lab.finish(lease, log=b"hello world\n", log_rest=rest(b"world\n"))

    assert refused.status_code == 412
    assert await world.states(job_id) == ["running"]
    assert await stored_log(world, lease.attempt_id) == b"he"


@pytest.mark.parametrize("wrong", ["?", "AAA", "A" * (4 * MAX_REST)], ids=["no base64", "cut", "too long"])
async def test_a_rest_that_cannot_be_read_is_refused(world: World, wrong: str) -> None:
    lab = await world.builder()
    await world.queued()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)

    assert (await lab.finish(lease, log_rest=wrong)).status_code == 422


async def test_the_answer_to_a_finish_holds_the_next_lease_and_holds_the_same_when_asked_again(world: World) -> None:
    lab = await world.builder()
    await world.queued()
    second = await world.queued()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)
    claim = next_claim(["nucleo"])

    ended = await lab.finish(lease, claim=claim)
    again = await lab.finish(lease, claim=claim)
    asked = await lab.claim(claim_id=claim["claim_id"])

    given = ended.json()["lease"]
    assert given["job_id"] == second and given == again.json()["lease"]
    assert asked is not None and asked.attempt_id == given["attempt_id"]


async def test_the_same_finish_with_another_claim_is_the_same_finish(world: World) -> None:
    lab = await world.builder()
    await world.queued()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)

    answers = [await lab.finish(lease, claim=next_claim(["nucleo"])), await lab.finish(lease)]

    assert [each.status_code for each in answers] == [200, 200]


async def test_a_finish_lets_a_held_claim_cover_the_board_that_it_frees(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo"), offer("other"))
    await world.queued("nucleo")
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)
    claim_id = str(uuid4())
    polling = asyncio.create_task(lab.claim(20.0, claim_id=claim_id, boards_free=["other"]))
    await world.somebody_waits_for_a_job()

    ended = await lab.finish(lease, claim=next_claim(["nucleo", "other"], claim_id=claim_id, wait_s=20.0))
    second = await world.queued("nucleo")
    got = await polling

    assert ended.json() == {"outcome": "passed", "lease": None, "is_held": True}
    assert got is not None and (got.job_id, got.board) == (second, "nucleo")


async def test_a_claim_that_is_not_held_here_is_not_answered_as_if_it_were(world: World) -> None:
    lab = await world.builder()
    await world.queued()
    await world.queued()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)

    ended = await lab.finish(lease, claim=next_claim(["nucleo"], wait_s=20.0))

    assert ended.json() == {"outcome": "passed", "lease": None, "is_held": False}


async def test_a_claim_that_cannot_be_answered_does_not_harm_the_finish(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    lease = await lab.claim()
    assert lease is not None
    await lab.beat(lease)

    ended = await lab.finish(lease, claim=next_claim(["nucleo"], instance="another agent"))

    assert (ended.status_code, ended.json()["lease"]) == (200, None)
    assert await world.states(job_id) == ["passed"]
