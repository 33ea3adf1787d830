"""A comparison as builder and service speak of it: the lease, the looks, and who gets such a job."""

import hashlib
import json

from app.db.queries import why
from builders.protocol import COMPARE_S, Lease
from tests.dispatch.world import COMMIT, FakeBuilder, World, offer

BASE = "ba5e" + 36 * "0"


def file(value: float) -> bytes:
    """Write a native result file of one metric."""
    metric = {"name": "time", "unit": "ms", "better": "lower", "samples": [value]}
    return json.dumps({"version": 1, "benchmarks": [{"name": "boot", "metrics": [metric]}]}).encode()


async def comparison(world: World, **more: object) -> int:
    return await world.queued(pipeline_id=await world.pipeline(interleaved=True, compare_with=BASE, **more))


async def measured(lab: FakeBuilder, lease: Lease, pairs: int, slower: float = 1.0, first: int = 0) -> list[dict]:
    """Send both sides of some pairs, as a builder does before it asks; give what it says of them."""
    told = []
    for pair in range(first, first + pairs):
        for side, value in (("base", 100 + pair % 7), ("head", (100 + pair % 7) * slower)):
            data, number = file(value), 2 * pair + (side == "head")
            assert (await lab.result(lease, number, data, side=side, pair=pair)).status_code == 200
            said = {"number": number, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            told.append({**said, "side": side, "pair": pair})
    return told


async def accepted(world: World, lab: FakeBuilder) -> Lease:
    lease = await lab.claim()
    assert lease is not None
    assert (await lab.beat(lease)).status_code == 200
    return lease


async def test_the_lease_names_the_other_side_which_is_fetched_as_the_head_is(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", compares=True))
    await comparison(world, budget_s=90.0, from_fork=True, base=COMMIT, fetch_ref="refs/pull/1/head")

    lease = await lab.claim()

    assert lease is not None and lease.compare is not None
    assert (lease.compare.base.commit, lease.compare.base.ref, lease.compare.base.base) == (BASE, None, COMMIT)
    assert (lease.compare.base.url, lease.compare.base.token) == (lease.source.url, lease.source.token)
    assert (lease.compare.pairs, lease.compare.warm_up, lease.compare.budget_s) == (8, 1, 90.0)
    assert not lease.trusted  # of both sides: what is stricter counts


async def test_a_plain_job_has_no_other_side_though_its_commit_is_held_against_one(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", compares=True))
    await world.queued(pipeline_id=await world.pipeline(compare_with=BASE))

    lease = await lab.claim()

    assert lease is not None and lease.compare is None


async def test_only_a_builder_that_can_take_turns_gets_a_comparison(world: World) -> None:
    old = await world.builder("old", offer("nucleo"))
    job_id = await comparison(world)

    before = await old.claim()
    async with world.deps.begin() as db:
        waits = (await why.waits(db, [job_id], world.settings.caps))[job_id]
    new = await world.builder("new", offer("nucleo-2", type="nucleo", compares=True))
    lease = await new.claim()

    assert before is None
    assert waits.name == "compares" and "can run two commits by turns with 'fast': its agent is too old" in waits.text
    assert lease is not None and lease.job_id == job_id
    assert lease.compare is not None and lease.compare.budget_s == COMPARE_S


async def test_a_look_is_answered_with_the_pairs_that_are_still_to_come(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", compares=True))
    await comparison(world)
    lease = await accepted(world, lab)

    told = await measured(lab, lease, 9)
    first, again = await lab.look(lease, 8, told), await lab.look(lease, 8, told)
    told += await measured(lab, lease, 8, slower=1.2, first=9)
    last = await lab.look(lease, 16, told)

    assert [each.json() for each in (first, again)] == [{"more": 0}] * 2  # equal to the last digit: proved at once
    assert last.json() == {"more": 16}
    [found] = (await world.read("comparisons")).json()["items"]
    assert (found["pairs"], found["looks"], found["is_over"], found["counts"]) == (16, 2, False, {"undecided": 1})


async def test_a_look_at_files_that_did_not_arrive_whole_says_so_and_judges_nothing(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", compares=True))
    await comparison(world)
    lease = await accepted(world, lab)
    told = await measured(lab, lease, 9)

    wrong = [told[0] | {"side": "head"}, told[1] | {"sha256": "0" * 64}, told[2] | {"number": 99}]
    answers = [await lab.look(lease, 8, [each]) for each in wrong]

    assert {each.status_code for each in answers} == {412}
    assert (await world.read("comparisons")).json()["items"] == []


async def test_a_look_is_refused_to_other_builders_other_epochs_and_when_all_is_over(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", compares=True))
    other = await world.builder("other", offer("pi"))
    await comparison(world)
    lease = await accepted(world, lab)

    answers = [await other.look(lease, 8, []), await lab.look(lease, 8, [], epoch=lease.epoch + 1)]
    await lab.finish(lease)
    answers.append(await lab.look(lease, 8, []))

    assert [each.status_code for each in answers] == [403, 409, 409]


async def test_a_look_of_a_job_that_compares_nothing_wants_no_pairs(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    assert (await lab.look(lease, 8, [])).json() == {"more": 0}
    assert (await world.read("comparisons")).json()["items"] == []


async def test_a_builder_can_send_no_more_results_than_the_most_pairs_have(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", compares=True))
    await comparison(world, repeat=2)
    lease = await accepted(world, lab)

    answers = [await lab.result(lease, number, b"", side="base", pair=0) for number in (263, 264)]

    assert [each.status_code for each in answers] == [200, 422]


async def test_what_a_result_is_said_to_be_of_is_checked(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", compares=True))
    await comparison(world)
    lease = await accepted(world, lab)

    wrong = ({"side": "left"}, {"side": "base", "pair": -1}, {"pair": "1e3"}, {"pair": 65}, {"binary": "<script>"})
    answers = [await lab.result(lease, 0, b"{}", **each) for each in wrong]

    assert {each.status_code for each in answers} == {422}


async def test_another_web_process_answers_the_next_look(world: World) -> None:
    """A service that is restarted between two looks has forgotten nothing: all that it judges is stored."""
    lab = await world.builder("lab", offer("nucleo", compares=True))
    await comparison(world)
    lease = await accepted(world, lab)
    told = await measured(lab, lease, 9)

    here = await lab.look(lease, 8, told)
    elsewhere = await world.another_web()
    lab.http = await world.client(lab.token, elsewhere)
    there = await lab.look(lease, 8, told)

    assert (here.status_code, here.json()) == (there.status_code, there.json()) == (200, {"more": 0})
    assert len((await world.read("comparisons", elsewhere)).json()["items"]) == 1
