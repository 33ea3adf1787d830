"""A service goes into one file while it works, and comes back from it elsewhere as it was."""

import asyncio
import stat
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import httpx2
import sqlalchemy as sa

from app.backup import reading, restoring, writing
from app.db import schema
from app.db.queries import builders, jobs
from app.db.queries.boards import Target
from app.db.session import engine
from app.db.tables import job, names, pipeline
from app.dispatch import queue, sweep
from app.sealed import seal, unseal
from app.states import JobState
from builders.protocol import PROTOCOL
from tests.backup.conftest import KEY, rewritten
from tests.dispatch.world import FakeBuilder, offer
from tests.pages import scene
from tests.pages.site import sha

WISH = writing.Wish(secret_key=KEY)
PAGES = (
    "/index", "/pipelines", "/queue", "/builders", "/builders/lab-1", "/deliveries", "/github/acme/firmware",
    "/github/acme/firmware/history", "/github/acme/firmware/alerts", "/api/v1/pipelines", "/api/v1/builders",
    "/api/v1/boards", "/api/v1/repositories", "/api/v1/deliveries", "/api/v1/series", "/api/v1/users",
    "/api/v1/tokens",
)  # fmt: skip


async def a_service(site):
    """Fill a service: pipelines in every state, people, secrets, alerts, and a builder that waits for work."""
    ids = await scene.lab(site, commits=12)
    await site.insert("webhook_secret", repository_id=ids["repository"], sealed=seal(KEY, "of the forge"))
    await site.insert("alert", kind="status_refused", subject="acme", text="no right", repository_id=ids["repository"])
    await site.admin()
    return ids


async def everything(site, ids):
    """Read what people and programs see."""
    jobs_ = [f"/api/v1/jobs/{ids['failed']}{part}" for part in ("", "/result")]
    series = (await site.json("/api/v1/series"))["items"][0]["id"]
    paths = [
        *PAGES,
        f"/api/v1/series/{series}/points?samples=true",
        f"/pipelines/{ids['mixed']}",
        f"/pipelines/{ids['fork']}",
        f"/jobs/{ids['failed']}",
        *jobs_,
    ]
    found = {path: await site.json(path if path.startswith("/api") else f"{path}.json") for path in paths}
    return found | {"log": await site.get(f"/api/v1/jobs/{ids['failed']}/log")}


async def a_builder(site, name="shelf-2"):
    """Give a builder with a token, as it was before any restoration."""
    async with site.deps.begin() as db:
        builder_id, secret = await builders.create(db, name)
    return FakeBuilder(name, builder_id, f"rlb_{builder_id}.{secret}", None, ["pico-1", "pico-2"], f"instance-{name}")


async def through(stack, lab, site):
    """Let a builder speak to a service."""
    headers = {"Authorization": f"Bearer {lab.token}", "Rigline-Protocol": str(PROTOCOL)}
    lab.http = await stack.enter_async_context(httpx2.AsyncClient(base_url=f"{site.url}/api/v1/", headers=headers))
    assert (await lab.hello([offer(name, type="pico") for name in lab.boards])).status_code == 200


async def queued(site, repository):
    opened = await site.pipeline(repository, sha(77))
    async with site.deps.begin() as db:
        target = Target("pico", "fast", ())
        made = await jobs.add(db, opened, target, state=JobState.QUEUED, priority="branch", board=None)
    await queue.offer(site.deps, [made])
    return made


async def swept_until_given(site, lab):
    """Sweep until Redis knows again what the rows say: what is younger than FRESH_S may still be on its way there."""
    async with asyncio.timeout(30):
        while (lease := await lab.claim()) is None:
            await sweep.sweep(site.deps)
            await asyncio.sleep(0.2)
    return lease


async def state(site, job):
    return (await site.json(f"/api/v1/jobs/{job}"))["state"]


async def test_a_restored_service_looks_as_it_did_and_goes_on_working(site, elsewhere, serve, tmp_path):
    ids = await a_service(site)
    file = tmp_path / "whole.rig"
    async with AsyncExitStack() as stack:
        lab = await a_builder(site)
        await through(stack, lab, site)
        ran = await queued(site, ids["repository"])
        lease = await lab.claim()
        await lab.beat(lease)
        waits = await queued(site, ids["repository"])
        before = await everything(site, ids)
        wrote = await writing.write_file(site.deps.settings.database_url, file, WISH)

        checked = await asyncio.to_thread(reading.check, file)
        await restoring.restore(elsewhere.url, file)
        again = await serve(elsewhere.url)
        again.http.headers.update(site.http.headers)  # a token of then
        after = await everything(again, ids)
        assert after == before
        assert checked == wrote and checked.rows > 150
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert set(checked.sums) == set(names())
        assert (checked.manifest.secret_key, KEY in file.read_bytes().decode("latin-1")) == (None, False)

        await through(stack, lab, again)
        lease = await swept_until_given(again, lab)
        assert lease.job_id == waits
        assert (await lab.finish(lease, "passed")).status_code == 200
        assert (await state(again, waits), await state(site, waits)) == ("passed", "queued")
        assert await state(again, ran) == "running"  # its builder may still speak up, as after any silence

    ((sealed,),) = await elsewhere.rows("SELECT sealed FROM webhook_secret")
    assert unseal(KEY, sealed) == "of the forge"


async def test_an_archive_of_an_older_schema_is_migrated_and_ids_given_since_are_not_given_again(elsewhere, tmp_path):
    before = sorted(schema.known())[-2]
    own = engine(elsewhere.url)
    async with own.begin() as db:
        await schema.upgrade_within(db, before)
        await db.execute(sa.text("INSERT INTO account (name, role) VALUES ('ada', 'admin')"))
    await own.dispose()
    wrote = await writing.write_file(elsewhere.url, tmp_path / "old.rig", WISH)

    an_hour_old = rewritten(tmp_path / "old.rig", made_at=(datetime.now(UTC) - timedelta(hours=1)).isoformat())
    await restoring.restore(elsewhere.url, an_hour_old, replace=True)

    assert wrote.manifest.revision == before
    assert await elsewhere.rows("SELECT version_num FROM alembic_version") == [(schema.head(),)]
    assert await elsewhere.rows("SELECT id, name FROM account") == [(1, "ada")]
    ((next_id,),) = await elsewhere.rows("SELECT nextval('account_id_seq')")
    assert 3600 < next_id < 4200  # what was given out in the hour that is lost, somebody may still know


async def test_a_backup_sees_one_moment_while_others_go_on_writing(site, elsewhere, tmp_path):
    """Each writer's transaction adds a pipeline and its job: a copy that saw one without the other would not load."""
    repository = await site.repository()
    stop, written = asyncio.Event(), 0

    async def write():
        nonlocal written
        while not stop.is_set():
            async with site.deps.begin() as db:
                values = {"repository_id": repository, "commit": "c", "kind": "run", "trigger": "push"}
                made = await db.scalar(sa.insert(pipeline).values(values).returning(pipeline.c.id))
                given = {"board_type": "b", "configuration": "c", "state": "queued", "priority": "branch"}
                await db.execute(sa.insert(job).values(given | {"pipeline_id": made}))
            written += 1

    writers = [asyncio.create_task(write()) for _ in range(2)]
    while written < 20:
        await asyncio.sleep(0.01)
    wrote = await writing.write_file(site.deps.settings.database_url, tmp_path / "busy.rig", WISH)
    during = written
    stop.set()
    await asyncio.gather(*writers)
    await restoring.restore(elsewhere.url, tmp_path / "busy.rig")

    assert wrote.sums["pipeline"].rows == wrote.sums["job"].rows >= 20
    assert await elsewhere.rows("SELECT count(*) FROM pipeline JOIN job ON pipeline_id = pipeline.id") == [
        (wrote.sums["job"].rows,)
    ]
    assert during > 20
