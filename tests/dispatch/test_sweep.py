"""What the sweep puts right: leases, limits, and an RQ that disagrees with the rows."""

import sqlalchemy as sa
from rq import Queue

from app.db.models import BuilderState
from app.db.queries import builders
from app.db.tables import attempt as attempt_table
from app.db.tables import audit, job
from app.db.tables import board as board_table
from app.db.tables import builder as builder_table
from app.dispatch import proxy, queue, sweep
from app.dispatch.cancel import cancel_jobs
from tests.dispatch.world import World, offer


async def disagreements(world: World) -> float:
    """Read what Prometheus would."""
    answer = await world.app.test_client().get("/metrics")
    lines = (await answer.get_data(as_text=True)).splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("rigline_queue_disagreements_total"))


async def test_a_lease_that_nobody_accepted_lapses_and_the_job_is_the_next_one_again(world: World) -> None:
    lab = await world.builder()
    job_id, _later = await world.queued(), await world.queued()
    lease = await lab.claim()
    assert lease is not None

    await world.sweep()
    early = await world.states(job_id)
    await world.age_attempt(lease.attempt_id, 16)
    await world.sweep()

    assert early == ["leased"]
    assert (await world.job(job_id)).retries_left == 2
    assert world.rq_list()[0] == f"job-{job_id}"
    assert (await lab.beat(lease)).status_code == 409
    again = await lab.claim()
    assert again is not None and (again.job_id, again.epoch) == (job_id, 2)


async def test_a_lost_lease_ends_its_attempt_and_the_job_runs_elsewhere(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    await world.age_attempt(lease.attempt_id, 46)
    await world.sweep()

    [attempt] = await world.attempts(lease.job_id)
    job_ = await world.job(lease.job_id)
    assert (attempt.outcome, attempt.reason[:10]) == ("errored", "infra:lost")
    assert (job_.state, job_.retries_left) == ("queued", 1)
    assert (await world.board("nucleo")).health == "unknown"
    elsewhere = await world.builder("other", offer("spare", type="nucleo"))
    again = await elsewhere.claim()
    assert again is not None and (again.job_id, again.epoch) == (lease.job_id, 2)


async def test_what_a_lost_builder_still_says_changes_nothing(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await lab.log(lease, 0, b"old")
    await world.age_attempt(lease.attempt_id, 46)
    await world.sweep()
    elsewhere = await world.builder("other", offer("spare", type="nucleo"))
    again = await elsewhere.claim()
    assert again is not None
    await elsewhere.log(again, 0, b"new")

    late = [
        await lab.beat(lease),
        await lab.log(lease, 3, b" and late"),
        await lab.result(lease, 0, b"late"),
        await lab.finish(lease, "failed", log=b"old"),
        await lab.wait(lease),
    ]
    foreign = await lab.finish(again, "failed", log=b"new")
    finished = await elsewhere.finish(again, "passed", log=b"new")

    assert [each.status_code for each in late] == [409] * 5
    assert (foreign.status_code, finished.status_code) == (403, 200)
    assert await world.states(lease.job_id) == ["passed"]


async def test_a_stale_epoch_is_refused_everywhere(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await world.execute(sa.update(attempt_table).values(epoch=2))
    await world.execute(sa.update(job).values(epoch=2))

    late = [
        await lab.beat(lease),
        await lab.log(lease, 0, b"late"),
        await lab.result(lease, 0, b"late"),
        await lab.finish(lease, "failed"),
        await lab.wait(lease),
    ]

    assert [each.status_code for each in late] == [409] * 5
    assert await world.states(lease.job_id) == ["running"]


async def test_a_lost_builders_board_is_not_given_away_before_the_builder_must_know(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await world.age_attempt(lease.attempt_id, 46)
    await world.sweep()

    early = await lab.claim()
    await world.execute(
        sa.update(board_table).values(reusable_at=board_table.c.reusable_at - sa.text("interval '14s'"))
    )
    late = await lab.claim()

    assert early is None
    assert late is not None and late.job_id == lease.job_id


async def test_a_job_that_is_lost_too_often_is_told_as_our_error(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    for _ in range(3):
        await world.execute(sa.update(board_table).values(reusable_at=None))
        lease = await lab.claim()
        assert lease is not None
        await lab.beat(lease)
        await world.age_attempt(lease.attempt_id, 46)
        await world.sweep()

    job_ = await world.job(job_id)
    assert (job_.state, job_.retries_left, job_.epoch) == ("errored", 0, 3)
    assert job_.reason.startswith("infra:lost")


async def test_a_short_silence_harms_nothing(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)

    await world.age_attempt(lease.attempt_id, 40)
    await world.sweep()
    beaten = await lab.beat(lease)
    await world.sweep()

    assert beaten.status_code == 200
    assert (await world.job(lease.job_id)).retries_left == 2
    assert await world.states(lease.job_id) == ["running"]


async def test_a_cancel_that_nobody_confirms_ends_the_job_and_takes_the_board_out(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await cancel_jobs(world.deps, [lease.job_id], "me", "not needed")

    await world.age_job(lease.job_id, 74)
    await world.sweep()
    before = await world.states(lease.job_id)
    await world.age_job(lease.job_id, 2)
    await world.sweep()

    assert (before, await world.states(lease.job_id)) == (["running"], ["cancelled"])
    assert (await world.board("nucleo")).health == "quarantined"
    assert (await lab.finish(lease, "passed")).status_code == 409


async def test_a_cancelled_job_whose_builder_is_lost_is_not_tried_again(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await cancel_jobs(world.deps, [lease.job_id], "me", "not needed")

    await world.age_attempt(lease.attempt_id, 46)
    await world.sweep()

    assert await world.states(lease.job_id) == ["cancelled"]


async def test_a_builder_that_does_not_keep_the_limit_loses_the_job(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab, pipeline_id=await world.pipeline(limit_s=20))

    await world.age_attempt(lease.attempt_id, 79)
    await lab.beat(lease)
    await world.sweep()
    before = await world.states(lease.job_id)
    await world.age_attempt(lease.attempt_id, 2)
    await lab.beat(lease)
    await world.sweep()

    assert (before, await world.states(lease.job_id)) == (["running"], ["timed_out"])


async def test_a_job_that_no_registered_board_can_run_is_told_as_a_mistake(world: World) -> None:
    await world.builder()
    good, bad = await world.queued(), await world.queued(configuration="no such")

    await world.sweep()
    early = await world.states(good, bad)
    for job_id in (good, bad):
        await world.age_job(job_id, 31)
    await world.sweep()

    assert early == ["queued", "errored"]
    assert await world.states(good, bad) == ["queued", "errored"]
    assert (await world.job(bad)).reason == "config: no such board: no registered builder offers 'no such' on 'nucleo'"
    assert world.rq_list() == [f"job-{good}"]


async def test_a_job_whose_board_is_away_too_long_ends_neutral_and_a_busy_one_timed_out(world: World) -> None:
    lab = await world.builder("lab", offer("nucleo"))
    await world.builder("away", offer("pi"))
    hour_ago = sa.text("now() - interval '1 hour'")
    await world.execute(sa.update(builder_table).where(builder_table.c.name == "away").values(seen_at=hour_ago))
    await world.running(lab)
    busy, away = await world.queued(), await world.queued(board_type="pi")

    for job_id in (busy, away):
        await world.age_job(job_id, 24 * 3600 + 1)
    await world.sweep()

    assert await world.states(busy, away) == ["timed_out", "skipped"]
    assert (await world.job(away)).reason.startswith("board away")


async def test_a_redis_that_was_emptied_gets_its_jobs_back_in_their_order(world: World) -> None:
    labs = [await world.builder(f"lab{n}") for n in range(5)]
    leases = [await world.running(lab) for lab in labs]
    waiting = [await world.queued() for _ in range(100)]
    for each in waiting:
        await world.age_job(each, 5)
    for lease in leases:
        await world.age_attempt(lease.attempt_id, 5)

    world.deps.redis_sync.flushall()
    await world.sweep()

    assert world.rq_list() == [f"job-{each}" for each in waiting]
    assert [(await labs[n].finish(leases[n])).status_code for n in range(5)] == [200] * 5
    started = Queue("board:nucleo:branch", connection=world.deps.redis_sync).started_job_registry
    assert started.get_job_count(cleanup=False) == 0


async def test_an_emptied_redis_knows_the_running_jobs_and_builders_again(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await world.age_attempt(lease.attempt_id, 5)

    world.deps.redis_sync.flushall()
    await world.sweep()

    started = Queue("board:nucleo:branch", connection=world.deps.redis_sync).started_job_registry
    assert started.get_job_ids(cleanup=False) == [f"job-{lease.job_id}"]
    await lab.finish(lease)
    assert started.get_job_ids(cleanup=False) == []
    found = proxy.fetch(world.deps.redis_sync, lease.job_id)
    assert found is not None and found.is_finished


async def test_a_job_that_was_popped_by_a_process_that_died_runs_once(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    assert await queue.call(world.deps, proxy.take, "board:nucleo:branch", job_id)

    nothing = await lab.claim()
    await world.sweep()
    still = world.rq_list()
    world.age_sighting(job_id, 6)
    await world.sweep()
    lease = await lab.claim()

    assert (nothing, still) == (None, [])
    assert lease is not None and lease.job_id == job_id
    assert len(await world.attempts(job_id)) == 1


async def test_an_end_that_rq_did_not_hear_of_is_repeated(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    async with world.deps.begin() as db:  # the row update, and then the process dies
        await db.execute(sa.update(attempt_table).values(ended_at=sa.func.now(), outcome="passed"))
        await db.execute(sa.update(job).values(state="passed", ended_at=sa.text("now() - interval '4s'")))

    await world.sweep()

    registry = Queue("board:nucleo:branch", connection=world.deps.redis_sync).started_job_registry
    found = proxy.fetch(world.deps.redis_sync, lease.job_id)
    assert registry.get_job_count(cleanup=False) == 0
    assert found is not None and found.is_finished


async def test_a_cancel_that_rq_did_not_hear_of_leaves_nothing_in_the_queue(world: World) -> None:
    job_id = await world.queued()
    await world.execute(sa.update(job).values(state="cancelled", ended_at=sa.func.now()))

    await world.sweep()

    assert world.rq_list() == []
    assert proxy.fetch(world.deps.redis_sync, job_id) is None


async def test_a_job_that_never_reached_rq_is_offered_by_the_sweep(world: World) -> None:
    await world.builder()
    job_id = await world.queued(offered=False)
    await world.age_job(job_id, 5)
    before = await disagreements(world)

    await world.sweep()

    assert world.rq_list() == [f"job-{job_id}"]
    assert await disagreements(world) == before + 1


async def test_rqs_own_cleaning_of_jobs_it_thinks_abandoned_changes_nothing(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await world.age_attempt(lease.attempt_id, 5)
    registry = Queue("board:nucleo:branch", connection=world.deps.redis_sync).started_job_registry
    registry.connection.zadd(registry.key, {registry.connection.zrange(registry.key, 0, 0)[0]: 1})
    other = await world.builder("other", offer("spare", type="nucleo"))

    registry.cleanup()
    nothing = await other.claim()
    await world.sweep()
    await world.sweep()
    finished = await lab.finish(lease)

    assert nothing is None
    assert finished.status_code == 200
    assert world.rq_list() == []
    assert registry.get_job_count(cleanup=False) == 0


async def test_nothing_disagrees_where_no_fault_was_injected(world: World) -> None:
    lab = await world.builder()
    before = await disagreements(world)

    for outcome in ("passed", "failed", "errored"):
        await world.queued()
        await world.sweep()
        lease = await lab.claim()
        assert lease is not None
        await world.sweep()
        await lab.beat(lease)
        await world.sweep()
        await lab.finish(lease, outcome)
        await world.sweep()

    assert await disagreements(world) == before


async def test_one_process_sweeps_at_a_time(world: World) -> None:
    async with world.deps.begin() as db:
        await db.execute(sa.text(f"SELECT pg_advisory_xact_lock({sweep.LOCK})"))

        refused = await sweep.sweep(world.deps)

    assert refused is False
    assert await sweep.sweep(world.deps) is True


async def test_every_transition_is_in_the_audit_trail(world: World) -> None:
    lab = await world.builder()
    lease = await world.running(lab)
    await lab.finish(lease)

    async with world.deps.begin() as db:
        lines = await db.execute(sa.select(audit.c.action, audit.c.actor).where(audit.c.job_id == lease.job_id))
        trail = [tuple(line) for line in lines]

    assert trail == [
        ("job.queued", "service"),
        ("job.leased", "builder lab"),
        ("job.running", "builder lab"),
        ("job.passed", "builder lab"),
    ]


async def test_a_retired_builders_boards_offer_nothing(world: World) -> None:
    lab = await world.builder()
    job_id = await world.queued()
    await world.age_job(job_id, 31)
    async with world.deps.begin() as db:
        await builders.set_state(db, lab.id, BuilderState.RETIRED, actor="me")

    await world.sweep()

    assert await world.states(job_id) == ["errored"]
