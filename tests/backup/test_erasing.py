"""All that belongs to one repository is deleted, and nothing else is."""

import sqlalchemy as sa

from app.db import belonging
from app.db.models import SQLModel
from app.db.tables import job
from app.handlers import erasing
from tests.cli.commands import rigline
from tests.pages import scene
from tests.pages.site import native, sha


def test_every_table_belongs_to_repositories_or_is_known_to_belong_to_none():
    assert {each.table for each in belonging.ALL} | belonging.NOBODYS == set(SQLModel.metadata.tables)
    assert {each.table for each in belonging.ALL} & belonging.NOBODYS == set()


SERVICES = ("audit", "kept_answer")  # what was done, and answered


async def rows(site):
    """Count the rows of all tables."""
    async with site.deps.begin() as db:
        tables = SQLModel.metadata.tables
        return {name: await db.scalar(sa.select(sa.func.count()).select_from(tables[name])) for name in tables}


async def alike(site, name, number):
    """Give a repository some of everything: numbers, an alert, secrets, a subscription that heard of it, a search."""
    repository = await site.repository(name, forge_id=number)
    _, measured = await site.measured(repository, sha(number), [native("boot", 1, 2)], title=name)
    waits = await site.pipeline(repository, sha(number + 1), pull_request=number)
    await site.job(waits, "queued")
    commit = await site.insert("commit", repository_id=repository, sha=sha(number + 1))
    ends = {"after_commit_id": commit, "until_commit_id": commit}
    shift = await site.insert("shift", repository_id=repository, branch="main", is_worse=True, **ends)
    everybody = await site.insert("subscription", channel="mail", address="a@b.c", events=["opened"], said_by="ada")
    await site.insert("notification", subscription_id=everybody, event="opened", shift_id=shift, version=1, payload={})
    body = {"body": b"x" * 99, "body_sha256": b"x", "headers": {}, "kind": "push", "forge": "github"}
    delivery = await site.insert("delivery", key=name, **body)
    await site.update("pipeline", waits, delivery_id=delivery)
    await site.insert("webhook_secret", repository_id=repository, sealed=b"x")
    await site.insert("status", repository_id=repository, commit=sha(number + 1), context="c", pipeline_id=waits)
    await site.insert("conversation", repository_id=repository, pull_request=number, pipeline_id=waits)
    return repository, delivery, measured


async def test_a_repository_goes_with_all_that_belongs_to_it_and_leaves_the_others_whole(site):
    await alike(site, "acme/stays", 500)
    before = await rows(site)
    repository, delivery, _ = await alike(site, "acme/goes", 600)
    await site.admin()
    where = {"RIGLINE_URL": site.url, "RIGLINE_TOKEN": site.http.headers["Authorization"].removeprefix("Bearer ")}
    command = ("repo", "remove", "acme/goes", "--with-data")

    dry = await rigline(*command, "--dry-run", **where)
    unasked = await rigline(*command, **where)
    wrong = await rigline(*command, "--confirm", "acme/stays", **where)
    assert (dry.status, unasked.status, wrong.status) == (0, 2, 2)
    assert "measurement" in dry.out and "is not the name of repository" in wrong.err
    assert len((await site.json("/api/v1/repositories"))["items"]) == 2
    gone = await rigline(*command, "--confirm", "acme/goes", **where)
    assert gone.status == 0, gone.err
    assert [each["full_name"] for each in (await site.json("/api/v1/repositories"))["items"]] == ["acme/stays"]
    assert (await site.http.get("/github/acme/goes")).status_code == 404
    anew = await site.repository("acme/goes", forge_id=600)
    while await erasing.go_on(site.deps):
        pass

    after = await rows(site)
    other = {"account": 1, "token": 1, "subscription": 1, "delivery": 1, "repository": 1}
    changed = {
        name: after[name] - before[name] for name in after if after[name] != before[name] and name not in SERVICES
    }
    assert changed == other
    async with site.deps.begin() as db:
        kept = await db.execute(sa.text("SELECT octet_length(body) FROM delivery WHERE id = :id"), {"id": delivery})
        said = await db.scalar(sa.text("SELECT detail FROM audit WHERE action = 'repository.erased'"))
    assert (kept.scalar(), said) == (0, f"github acme/goes, repository {repository}")
    assert (await site.json(f"/api/v1/repositories/{anew}"))["full_name"] == "acme/goes"


async def test_what_runs_is_cancelled_first_and_goes_when_its_builder_has_stopped(site):
    ids = await scene.lab(site, commits=2)
    await erasing.begin(site.deps, ids["repository"], confirm="acme/firmware", actor="ada")

    still_there = await erasing.go_on(site.deps)
    async with site.deps.begin() as db:
        left = list(await db.execute(sa.select(job.c.id, job.c.cancel_requested_at.is_not(None))))
    assert (still_there, {tuple(row) for row in left} >= {(ids["running"], True)}) == (True, True)
    await site.end(ids["running"], ids["attempt"], "cancelled")
    while await erasing.go_on(site.deps):
        pass

    assert [each["full_name"] for each in (await site.json("/api/v1/repositories"))["items"]] == [
        "labs/graphics/renderer"
    ]
    assert (await rows(site))["pipeline"] == 1
