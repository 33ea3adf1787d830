"""Rules say how long things stay: of the service, and of single repositories. What something needs stays longer."""

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.db.queries import deliveries
from app.db.tables import attempt, audit, delivery, job, pipeline
from app.tasks import retention
from tests.cli.commands import rigline
from tests.pages.site import NOW, native, sha

OLD = NOW - timedelta(days=100)


async def a_round(site, **settings):
    """Let a worker go round once, with these settings."""
    chosen = site.deps.settings.model_copy(update=settings)
    await retention.Remover(site.deps.begin, chosen).round()


async def everything_is_old(site):
    async with site.deps.begin() as db:
        await db.execute(sa.update(pipeline).values(created_at=OLD))
        await db.execute(sa.update(job).where(job.c.ended_at.is_not(None)).values(ended_at=OLD))
        await db.execute(sa.update(attempt).where(attempt.c.ended_at.is_not(None)).values(ended_at=OLD))


async def ended(site, repository, number, state="failed", **values):
    """Add a pipeline with one ended job; gives its id."""
    made = await site.pipeline(repository, sha(number), **values)
    await site.job(made, state)
    return made


async def with_log(site, repository, number):
    made = await site.pipeline(repository, sha(number))
    job_id = await site.job(made, "failed")
    attempt_id = await site.attempt(job_id, "failed")
    await site.log(attempt_id, job_id, b"a line\n" * 500)
    return job_id


def as_admin(site):
    return {"RIGLINE_URL": site.url, "RIGLINE_TOKEN": site.http.headers["Authorization"].removeprefix("Bearer ")}


def on_the_machine(site):
    return {"DATABASE_URL": site.deps.settings.database_url, "REDIS_URL": site.deps.settings.redis_url}


async def test_a_repository_keeps_its_logs_for_as_long_as_its_own_rule_says(site):
    names = ("acme/usual", "acme/short-lived", "acme/kept-for-ever")
    jobs = {name: await with_log(site, await site.repository(name), number) for number, name in enumerate(names)}
    await everything_is_old(site)
    await site.admin()
    await rigline("repo", "retention", "acme/short-lived", "--logs", "30", **as_admin(site))
    await rigline("repo", "retention", "acme/kept-for-ever", "--logs", "0", **as_admin(site))
    asked = ("retention", "--dry-run", "--json")
    due = json.loads((await rigline(*asked, RIGLINE_KEEP_LOGS_DAYS="365", **on_the_machine(site))).out)["items"]
    shown = (await rigline("repo", "retention", "acme/short-lived", **as_admin(site))).out

    await a_round(site, keep_logs_days=365)
    first = {name: (await site.http.get(f"/api/v1/jobs/{each}/log")).status_code for name, each in jobs.items()}
    await a_round(site, keep_logs_days=90)
    then = {name: (await site.http.get(f"/api/v1/jobs/{each}/log")).status_code for name, each in jobs.items()}

    logs = [(each["repository"], each["days"], each["of"]) for each in due if each["what"] == "logs"]
    assert logs == [(None, 365, 0), ("acme/short-lived", 30, 1)]
    assert 0 < next(each["bytes"] for each in due if each["repository"] == "acme/short-lived") < 3500
    assert "logs 30 days the repository" in " ".join(shown.split())
    assert first == {"acme/usual": 200, "acme/short-lived": 410, "acme/kept-for-ever": 200}
    assert then == {"acme/usual": 410, "acme/short-lived": 410, "acme/kept-for-ever": 200}


async def a_past(site):
    """Make pipelines of which some are needed; gives those that stay and those that may go."""
    repository = await site.repository()
    needed = {}
    _, measured = await site.measured(repository, sha(1), [native("boot", 1, 2)], title="On main")
    needed["a branch's history"] = await of_attempt(site, measured)
    base = needed["a commit's base"] = await ended(site, repository, 2)
    needed["not old enough itself"] = await ended(site, repository, 3, compare_with=sha(2))
    needed["a job that goes on"] = await ended(site, repository, 4)
    await site.job(needed["a job that goes on"], "queued", configuration="debug")
    needed["a search"] = await ended(site, repository, 5)
    search = await site.insert(
        "bisection", repository_id=repository, board_type="b", configuration="c", benchmark="boot", metric="time",
        good=sha(1), commits=[sha(5)], budget_s=60, asked_by="ada",
    )  # fmt: skip
    await site.insert_plain("bisection_step", bisection_id=search, number=0, place=0, pipeline_id=needed["a search"])
    due = {"repository_id": repository, "commit": sha(6), "context": "rigline"}
    needed["a status on its way"] = await ended(site, repository, 6)
    await site.insert("status", pipeline_id=needed["a status on its way"], **due)
    goes = [await ended(site, repository, 7), await ended(site, repository, 8, "cancelled")]
    for number, is_open in ((41, True), (42, False)):
        made = await ended(site, repository, number, trigger="pull_request", pull_request=number, branch=None)
        told = {"repository_id": repository, "number": number, "head": sha(number), "base_branch": "main"}
        await site.insert_plain("pull_request", open=is_open, delivery_id=1, **told)
        await site.insert("conversation", repository_id=repository, pull_request=number, pipeline_id=made)
        needed |= {"an open pull request": made} if is_open else {}
        goes += [] if is_open else [made]
    await everything_is_old(site)
    await site.update("pipeline", needed["not old enough itself"], created_at=NOW)
    assert base
    return needed, goes


async def of_attempt(site, attempt_id):
    asked = sa.select(job.c.pipeline_id).join(attempt, attempt.c.job_id == job.c.id).where(attempt.c.id == attempt_id)
    async with site.deps.begin() as db:
        return await db.scalar(asked)


async def pipelines(site):
    async with site.deps.begin() as db:
        return set(await db.scalars(sa.select(pipeline.c.id)))


async def test_old_pipelines_go_but_never_one_that_something_needs(site):
    needed, goes = await a_past(site)
    before = await pipelines(site)
    asked = ("retention", "--dry-run", "--json")
    due = json.loads((await rigline(*asked, RIGLINE_KEEP_PIPELINES_DAYS="30", **on_the_machine(site))).out)["items"]

    await a_round(site)  # nobody asked for it
    assert await pipelines(site) == before
    await a_round(site, keep_pipelines_days=30)

    left = await pipelines(site)
    assert {why: each in left for why, each in needed.items()} == dict.fromkeys(needed, True)
    assert before - left == set(goes)
    assert [each["of"] for each in due if each["what"] == "pipelines"] == [len(goes)]


async def test_a_delivery_keeps_its_name_without_its_body_so_that_it_is_not_taken_twice(site):
    await site.admin()
    kept = {"forge": "github", "kind": "push", "headers": {"x": "y"}, "body": b"x" * 3000, "body_sha256": b"x"}
    old = await site.insert("delivery", key="a", received_at=OLD, handled_at=OLD, verdict="nothing to do", **kept)
    unhandled = await site.insert("delivery", key="b", received_at=OLD, **kept)

    await a_round(site)

    async with site.deps.begin() as db:
        rows = {row.id: row for row in await db.execute(sa.select(delivery))}
    assert (rows[old].body, rows[old].headers, rows[old].verdict) == (b"", {}, "nothing to do")
    assert len(rows[unhandled].body) == 3000
    replayed = await site.http.post(f"/api/v1/deliveries/{old}/replay")
    assert (replayed.status_code, replayed.json()["error"]["code"]) == (410, "removed")
    assert "nothing to do" in await site.get(f"/deliveries/{old}")
    async with site.deps.intake.acquire() as connection:
        again = await deliveries.add(connection, forge="github", key="a", kind="push", headers={}, body=b"other")
    assert again.id is None


@pytest.mark.parametrize(("days", "left"), [(0, 3), (30, 1)])
async def test_lines_of_the_audit_stay_for_ever_unless_the_settings_say_otherwise(site, days, left):
    for age in (200, 100, 1):
        await site.insert("audit", actor="ada", action="test.done", at=NOW - timedelta(days=age))

    await a_round(site, keep_audit_days=days)

    async with site.deps.begin() as db:
        there = await db.scalar(sa.select(sa.func.count()).where(audit.c.action == "test.done"))
    assert there == left
