"""How attempts end: finishes, logs and results as the protocol promises, over real HTTP."""

import asyncio
import hashlib

import pytest
import sqlalchemy as sa

from app import sealed
from app.db.queries import attempts as attempt_queries
from app.db.queries import jobs, logs
from app.db.tables import audit, commit, pipeline, status
from app.dispatch import signals
from app.dispatch.cancel import cancel_jobs
from app.states import JobState
from builders.protocol import MAX_CHUNK, MAX_LOG, ResultFile
from tests.dispatch.world import World, offer


async def test_a_finish_may_be_repeated_but_not_changed(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    answers = [await lab.finish(lease, said) for said in ("passed", "passed", "passed", "failed")]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 409]
    assert await world.states(lease.job_id) == ["passed"]


async def test_a_finish_said_three_times_is_one_transition(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    values = {"commit": "c0ffee", "context": "rigline", "pipeline_id": lease.pipeline_id, "sent_description": ""}
    repository_id = int(lease.source.repository.removeprefix("r"))
    await world.execute(sa.insert(status).values(repository_id=repository_id, error="", **values))

    await asyncio.gather(*(lab.finish(lease) for _ in range(3)))

    async with world.deps.begin() as db:
        version = await db.scalar(sa.select(status.c.version))
        ends = await db.scalar(sa.select(sa.func.count()).where(audit.c.action == "job.passed"))
    assert (version, ends) == (2, 1)


async def test_two_different_finishes_at_once_leave_one_end(world: World) -> None:
    lab = await world.builder()
    for _ in range(6):
        lease = await world.running(lab)

        passed, failed = await asyncio.gather(lab.finish(lease, "passed"), lab.finish(lease, "failed"))

        assert sorted([passed.status_code, failed.status_code]) == [200, 409]
        stands = "passed" if passed.status_code == 200 else "failed"
        assert await world.states(lease.job_id) == [stands]


async def test_a_script_that_says_no_fails_the_job_without_a_retry(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    await lab.finish(lease, "failed", reason="run: exit status 1", phase="run", exit_code=1)

    job = await world.job(lease.job_id)
    [attempt] = await world.attempts(lease.job_id)
    assert (job.state, job.reason, job.retries_left) == ("failed", "run: exit status 1", 2)
    assert (attempt.outcome, attempt.phase, attempt.exit_code) == ("failed", "run", 1)
    assert await lab.claim() is None


async def test_a_loss_of_infrastructure_is_tried_again_and_then_told(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    for left in (1, 0):
        lease = await lab.claim()
        assert lease is not None and lease.job_id == job_id
        await lab.beat(lease)
        answer = await lab.finish(lease, "errored", reason="infra:disk: no room")
        job = await world.job(job_id)
        assert (answer.status_code, job.state, job.retries_left) == (200, "queued", left)
        assert world.rq_list() == [f"job-{job_id}"]

    lease = await lab.claim()
    assert lease is not None
    await lab.finish(lease, "errored", reason="infra:disk: no room")

    assert await world.states(job_id) == ["errored"]
    assert [each.epoch for each in await world.attempts(job_id)] == [1, 2, 3]
    assert await lab.claim() is None


async def test_a_configuration_mistake_and_a_failed_fetch_are_not_tried_again(world: World) -> None:
    lab = await world.builder()
    for reason in ("config: no such script", "infra:fetch: the remote does not answer"):
        lease = await world.running(lab)
        await lab.finish(lease, "errored", reason=reason)
        assert await world.states(lease.job_id) == ["errored"]


async def test_a_log_grows_by_offset(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    first = await lab.log(lease, 0, b"one\n")
    repeat = await lab.log(lease, 0, b"one\n")
    overlap = await lab.log(lease, 2, b"e\ntwo\n")
    gap = await lab.log(lease, 100, b"late")
    nothing = await lab.log(lease, 8, b"")

    assert [each.json().get("size") for each in (first, repeat, overlap, nothing)] == [4, 4, 8, 8]
    assert (gap.status_code, gap.json()["error"]["size"]) == (416, 8)
    async with world.deps.begin() as db:
        assert await logs.read(db, lease.attempt_id) == b"one\ntwo\n"
        assert await logs.read(db, lease.attempt_id, 2, 3) == b"e\nt"
        assert await logs.read(db, lease.attempt_id, 8) == b""
        assert await logs.size(db, lease.attempt_id) == 8


async def test_a_log_keeps_its_bytes_whatever_they_are(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    data = bytes(range(256)) * 40 + b"\xff\xfe\x00\x1b[31m" + "ü".encode()[:1]

    for start in range(0, len(data), 1000):
        await lab.log(lease, start, data[start : start + 1000])
    answer = await lab.finish(lease, log=data)

    assert answer.status_code == 200
    async with world.deps.begin() as db:
        assert await logs.read(db, lease.attempt_id) == data


async def test_a_log_over_the_cap_is_refused_and_a_chunk_over_its_limit_too(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    full = {"log_size": MAX_LOG - 2}
    table = attempt_queries.attempt
    await world.execute(sa.update(table).where(table.c.id == lease.attempt_id).values(full))

    over = await lab.log(lease, MAX_LOG - 2, b"123")
    chunk = await lab.log(lease, MAX_LOG - 2, b"x" * (MAX_CHUNK + 1))

    assert (over.status_code, over.json()["error"]["size"]) == (413, MAX_LOG - 2)
    assert chunk.status_code == 413


async def test_a_finish_whose_log_did_not_arrive_whole_is_asked_for_again(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await lab.log(lease, 0, b"half")

    short = await lab.finish(lease, log=b"half and half")
    wrong = await lab.finish(lease, log=b"fake")
    await lab.log(lease, 4, b" and half")
    whole = await lab.finish(lease, log=b"half and half")

    assert [each.status_code for each in (short, wrong, whole)] == [412, 412, 200]
    assert short.json()["error"]["size"] == 4


async def test_a_result_is_kept_verbatim_and_must_be_there_when_it_is_named(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    data = b'{"version": 1}\x00\xff'
    named = [{"number": 0, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}]

    missing = await lab.finish(lease, results=named)
    stored = [await lab.result(lease, 0, data), await lab.result(lease, 0, data)]
    finished = await lab.finish(lease, results=named)
    late = await lab.result(lease, 0, b"other")

    assert missing.status_code == 412
    assert [each.status_code for each in stored] == [200, 200]
    assert (finished.status_code, late.status_code) == (200, 409)
    async with world.deps.begin() as db:
        assert await attempt_queries.results_of(db, lease.attempt_id) == {0: ResultFile(**named[0])}


async def test_a_result_that_was_sent_again_replaces_the_one_before(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    await lab.result(lease, 0, b"half a fi")
    await lab.result(lease, 0, b"a whole file")

    async with world.deps.begin() as db:
        found = await attempt_queries.results_of(db, lease.attempt_id)
    assert found[0] == ResultFile(number=0, size=12, sha256=hashlib.sha256(b"a whole file").hexdigest())


async def test_a_result_of_a_run_that_was_not_asked_for_is_refused(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab, pipeline_id=await world.pipeline(repeat=2))

    assert (await lab.result(lease, 1, b"")).status_code == 200
    assert (await lab.result(lease, 2, b"")).status_code == 422


async def test_what_git_says_of_the_commit_is_kept_without_its_control_characters(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    facts = {"parents": ["ab" * 20], "committed_at": 1_700_000_000, "title": "a\x00b\x1b" + "x" * 900, "author": "Ada"}

    answer = await lab.finish(lease, commit=facts)

    assert answer.status_code == 200
    async with world.deps.begin() as db:
        kept = (await db.execute(sa.select(commit))).one()
    assert kept.title.startswith("a\ufffdb\ufffdx") and len(kept.title) == 500
    assert (kept.parents, kept.author, kept.committed_at.year) == (["ab" * 20], "Ada", 2023)


async def test_a_dispatchs_token_is_given_to_the_builder_and_forgotten_with_the_last_job(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", "fast", "slow"))
    key = world.settings.secret_key.get_secret_value()
    pipeline_id = await world.pipeline(token=sealed.seal(key, "s3cret"))
    await world.queued(pipeline_id=pipeline_id)
    await world.queued(pipeline_id=pipeline_id, configuration="slow")

    tokens, kept = [], []
    for _ in range(2):
        lease = await lab.claim()
        assert lease is not None
        tokens.append(lease.source.token)
        await lab.finish(lease)
        async with world.deps.begin() as db:
            kept.append(await db.scalar(sa.select(sa.func.length(pipeline.c.token) > 0)))

    assert tokens == ["s3cret", "s3cret"]
    assert kept == [True, False]


async def test_a_cancel_reaches_a_running_job_at_once_by_the_held_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "LOOK_S", 600.0)  # only the news itself can answer it
    lab = await world.builder()
    lease = await world.running(lab)
    waiting = asyncio.create_task(lab.wait(lease))
    await world.somebody_waits_for_a_cancel()

    state = await cancel_jobs(world.deps, [lease.job_id], "me", "not needed")
    signal = await asyncio.wait_for(waiting, 25)
    beaten = await lab.beat(lease)
    await lab.finish(lease, "cancelled")

    assert state == {lease.job_id: JobState.RUNNING}
    assert (signal.json(), beaten.json()["cancel"]) == ({"cancel": "polite"}, "polite")
    assert await world.states(lease.job_id) == ["cancelled"]


async def test_a_polite_cancel_becomes_force_after_the_grace(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await cancel_jobs(world.deps, [lease.job_id], "me", "not needed")

    await world.age_job(lease.job_id, 16)
    beaten, signal = await lab.beat(lease), await lab.wait(lease)

    assert (beaten.json()["cancel"], signal.json()["cancel"]) == ("force", "force")


async def test_the_wait_of_an_attempt_that_ended_says_so(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    waiting = asyncio.create_task(lab.wait(lease))
    await world.somebody_waits_for_a_cancel()

    await lab.finish(lease)
    answer = await asyncio.wait_for(waiting, 25)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "lease_lost")


async def test_a_cancel_and_an_end_at_the_same_moment_leave_one_terminal_state(world: World, campaign: int) -> None:
    lab = await world.builder()
    for _ in range(25 * campaign):
        lease = await world.running(lab)

        states, finished = await asyncio.gather(
            cancel_jobs(world.deps, [lease.job_id], "me", ""), lab.finish(lease, "passed")
        )

        assert finished.status_code == 200
        assert states[lease.job_id] in {JobState.RUNNING, JobState.PASSED}  # never said to be cancelled
        assert await world.states(lease.job_id) == ["passed"]


async def test_a_cancel_and_a_claim_at_the_same_moment_never_run_a_cancelled_job(world: World, campaign: int) -> None:
    lab = await world.builder()
    for _ in range(25 * campaign):
        job_id = await world.queued()

        states, lease = await asyncio.gather(cancel_jobs(world.deps, [job_id], "me", ""), lab.claim())

        assert (states[job_id] is JobState.CANCELLED) == (lease is None)
        if lease is not None:
            assert (await lab.beat(lease)).json()["cancel"] == "polite"
            await lab.finish(lease, "cancelled")
        assert await world.states(job_id) == ["cancelled"]


async def test_a_beat_tells_what_is_left_of_the_limit(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo", limit_s=600))
    lease = await world.running(lab, pipeline_id=await world.pipeline(limit_s=60))

    await world.age_attempt(lease.attempt_id, 20)
    left = (await lab.beat(lease)).json()["deadline_s"]

    assert lease.limit_s == 60
    assert 35 < left <= 40


async def test_a_terminal_state_never_changes(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await lab.finish(lease)

    async with world.deps.begin() as db:
        moved = [await jobs.move(db, lease.job_id, state) for state in JobState]
        cancelled = await jobs.request_cancel(db, lease.job_id, actor="me", reason="")

    assert moved == [None] * len(JobState)
    assert cancelled is JobState.PASSED
    assert await world.states(lease.job_id) == ["passed"]


async def test_a_retry_is_a_new_job_in_the_place_of_the_old_one(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await lab.finish(lease, "failed")

    async with world.deps.begin() as db:
        new = await jobs.retry(db, lease.job_id, actor="me")
    old, fresh = await world.job(lease.job_id), await world.job(new)

    assert (old.state, old.replaced) == ("failed", True)
    assert (fresh.state, fresh.generation, fresh.pipeline_id) == ("queued", 1, old.pipeline_id)
