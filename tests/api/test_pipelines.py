"""Looking at pipelines and jobs, and ending, retrying and deleting them."""

import asyncpg

from app import deps
from app.db.session import arguments
from app.results.ingest import ingest
from tests.api.service import HASH, Service

OTHER = "f" * 40
QUERIES = [
    "state=nonsense",
    "limit=0",
    "limit=100000",
    "cursor=-1",
    "cursor=99999999999999999999",
    "commit=xyz!",
    "colour=red",
    "branch=%00",
    "limit=1&limit=2",
    "pull_request=99999999999",
]
NOWHERE = [
    "/pipelines/0",
    "/pipelines/99999999999999999999",
    "/jobs/1",
    "/jobs/1/log",
    "/jobs/1/result",
    "/builders/none",
    "/builders/%00",
    "/repositories/5",
    "/nonsense",
]


async def test_pipelines_are_listed_newest_first_in_pages(service: Service) -> None:
    await service.builder()
    ids = [(await service.dispatch())["id"] for _ in range(3)]

    first = (await service.web.get("/pipelines?limit=2")).json()
    second = (await service.web.get(f"/pipelines?limit=2&cursor={first['next']}")).json()

    assert [each["id"] for each in first["items"]] == [ids[2], ids[1]]
    assert ([each["id"] for each in second["items"]], second["next"]) == ([ids[0]], None)


async def test_every_condition_of_the_list_must_hold(service: Service) -> None:
    builder = await service.builder()
    one = await service.dispatch()
    two = await service.dispatch(commit=OTHER)
    await builder.work()

    async def listed(query: str) -> list[int]:
        answer = await service.web.get(f"/pipelines?{query}")
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["items"]]

    assert await listed(f"commit={HASH}") == [one["id"]]
    assert await listed("commit=ffff") == [two["id"]]
    assert await listed("state=passed") == [one["id"]]
    assert await listed(f"state=passed&commit={OTHER}") == []
    assert await listed("repository=git.example/acme/app.git&state=queued") == [two["id"]]
    assert await listed("branch=main") == []
    assert await listed("pull_request=3") == []


async def test_a_malformed_query_is_a_clear_refusal(service: Service) -> None:
    for query in QUERIES:
        answer = await service.web.get(f"/pipelines?{query}")

        assert (query, answer.status_code) == (query, 422)
        assert query.partition("=")[0] in answer.json()["error"]["message"]


async def test_what_does_not_exist_is_not_found_in_json(service: Service) -> None:
    for path in NOWHERE:
        answer = await service.web.get(path)

        assert (path, answer.status_code) == (path, 404)
        assert answer.json()["error"]["code"] == "not_found"


async def test_cancelling_ends_what_waits_and_asks_what_runs(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    opened = await service.dispatch()
    lease = await builder.claim()

    once = await service.local.post(f"/pipelines/{opened['id']}/cancel", json={"reason": "not needed"})
    twice = await service.local.post(f"/pipelines/{opened['id']}/cancel", json={})

    jobs = {job["id"]: job for job in once.json()["jobs"]}
    running = jobs.pop(lease["job_id"])
    waiting = next(iter(jobs.values()))
    assert (waiting["state"], waiting["reason"]) == ("cancelled", "not needed")
    assert (running["state"], running["cancel_reason"]) == ("running", "not needed")
    assert running["cancel_requested_at"] is not None
    assert twice.status_code == 200


async def test_a_retry_is_a_new_job_in_the_place_of_the_old_one(service: Service) -> None:
    builder = await service.builder(desk=["fast"])
    opened = await service.dispatch()
    await builder.work("failed")

    retried = (await service.local.post(f"/pipelines/{opened['id']}/retry")).json()
    again = await service.local.post(f"/jobs/{opened['jobs'][0]['id']}/retry")
    await builder.work("passed")
    ended = (await service.web.get(f"/pipelines/{opened['id']}")).json()

    assert [(job["state"], job["replaced"], job["generation"]) for job in retried["jobs"]] == [
        ("failed", True, 0),
        ("queued", False, 1),
    ]
    assert again.status_code == 409
    assert ended["state"] == "passed"


async def test_there_is_nothing_to_retry_when_all_passed_or_all_are_open(service: Service) -> None:
    builder = await service.builder()
    opened = await service.dispatch()

    while_open = await service.local.post(f"/pipelines/{opened['id']}/retry")
    await builder.work()
    when_passed = await service.local.post(f"/pipelines/{opened['id']}/retry")

    assert (while_open.status_code, when_passed.status_code) == (409, 409)


async def test_an_ended_pipeline_is_deleted_with_everything_of_it(service: Service) -> None:
    builder = await service.builder(desk=["fast"])
    opened = await service.dispatch()
    while_open = await service.local.delete(f"/pipelines/{opened['id']}")
    measured = (
        b'{"version": 1, "benchmarks": [{"name": "b", "metrics": '
        b'[{"name": "m", "unit": "s", "better": "lower", "samples": [1]}]}]}'
    )
    lease = await builder.work(log=b"hello\n", result=measured)
    made = await deps.build(service.settings, {})
    await ingest(made, lease["attempt_id"])
    await made.close()

    gone = await service.local.delete(f"/pipelines/{opened['id']}")
    after = await service.web.get(f"/pipelines/{opened['id']}")
    db = await asyncpg.connect(**arguments(service.settings.database_url))
    tables = ("pipeline", "job", "attempt", "log_chunk", "result", "measurement", "status")
    left = [await db.fetchval(f"SELECT count(*) FROM {name}") for name in tables]
    said = await db.fetchval("SELECT actor FROM audit WHERE action = 'pipeline.deleted'")
    await db.close()

    assert (while_open.status_code, gone.status_code, after.status_code) == (409, 204, 404)
    assert left == [0] * len(tables)
    assert said == "local"


async def test_a_pipeline_whose_last_status_is_still_to_be_sent_is_not_deleted(service: Service) -> None:
    builder = await service.builder()
    opened = await service.dispatch()
    await builder.work()
    db = await asyncpg.connect(**arguments(service.settings.database_url))
    await db.execute(
        "INSERT INTO status (repository_id, commit, context, pipeline_id, sent_description, error, memory) "
        "SELECT repository_id, commit, 'rigline/run', id, '', '', '{}' FROM pipeline"
    )
    before = await service.local.delete(f"/pipelines/{opened['id']}")
    await db.execute("UPDATE status SET sent_version = version")
    after = await service.local.delete(f"/pipelines/{opened['id']}")
    await db.close()

    assert (before.status_code, after.status_code) == (409, 204)


async def test_a_job_is_deleted_only_if_it_ended_and_is_not_alone(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    await service.dispatch()
    lease = await builder.work(log=b"hello\n")
    opened = (await service.web.get(f"/pipelines/{lease['pipeline_id']}")).json()
    still_open = next(job["id"] for job in opened["jobs"] if job["id"] != lease["job_id"])

    refused = await service.local.delete(f"/jobs/{still_open}")
    done = await service.local.delete(f"/jobs/{lease['job_id']}")
    alone = await service.local.delete(f"/jobs/{still_open}")

    assert (refused.status_code, done.status_code, alone.status_code) == (409, 204, 409)


async def test_an_approval_is_for_exactly_one_commit(service: Service) -> None:
    await service.builder()
    opened = await service.dispatch()

    other = await service.local.post(f"/pipelines/{opened['id']}/approve", json={"sha": OTHER})
    short = await service.local.post(f"/pipelines/{opened['id']}/approve", json={"sha": HASH[:10]})

    assert (other.status_code, short.status_code) == (409, 422)
    assert HASH in other.json()["error"]["message"]


async def test_an_approved_fork_is_queued(service: Service) -> None:
    builder = await service.builder()
    opened = await service.dispatch()
    db = await asyncpg.connect(**arguments(service.settings.database_url))
    # As a fork's pull request leaves it; the webhook's own tests show that it does.
    await db.execute("UPDATE job SET state = 'awaiting_approval', queued_at = NULL")
    await db.execute("UPDATE pipeline SET trust = NULL")
    await db.close()
    before = (await service.web.get(f"/pipelines/{opened['id']}")).json()

    after = await service.local.post(f"/pipelines/{opened['id']}/approve", json={"sha": HASH})

    assert (before["state"], after.json()["state"]) == ("awaiting_approval", "queued")
    assert after.json()["trust"] == "approved by local"
    assert (await builder.claim())["pipeline_id"] == opened["id"]
