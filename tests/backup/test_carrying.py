"""One repository is taken along in a file that people can read, and goes on elsewhere under other ids."""

import io
import json
import tarfile

import sqlalchemy as sa
import zstandard

from app.db import schema
from app.db.queries import belongings, carrying
from app.results import analysing
from tests.backup.test_erasing import alike
from tests.cli.commands import rigline
from tests.pages import scene
from tests.pages.site import sha


def at(url):
    return {"DATABASE_URL": url, "REDIS_URL": "unix:///nowhere"}


def lines(file, table):
    """Read a table of an export with nothing but public tools."""
    plain = zstandard.ZstdDecompressor().stream_reader(file.read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = sorted(name for name in tar.getnames() if name.startswith(f"data/{table}/"))
        text = b"".join(tar.extractfile(name).read() for name in members)
    return [json.loads(line) for line in text.decode().split("\n") if line]


async def shown(site, name):
    """Read what pages say of a repository, without ids and without what depends on the hour."""
    found = {}
    for path in (f"/github/{name}/history.json", f"/github/{name}/alerts.json"):
        found[path] = strip(await site.json(path))
    return found


def strip(value):
    if isinstance(value, dict):
        return {key: strip(each) for key, each in value.items() if key != "id" and not key.endswith(("_id", "_ids"))}
    return [strip(each) for each in value] if isinstance(value, list) else value


async def counted(site, name):
    async with site.deps.begin() as db:
        asked = sa.text("SELECT id FROM repository WHERE full_name = :name")
        return await belongings.count(db, await db.scalar(asked, {"name": name}))


async def to_be_told(site, name):
    """Count what of a repository is on its way to its forge."""
    due = "FROM repository r JOIN {0} o ON o.repository_id = r.id WHERE full_name = :name AND sent_version < version"
    async with site.deps.begin() as db:
        asked = " + ".join(f"(SELECT count(*) {due.format(outbox)})" for outbox in ("status", "conversation"))
        return await db.scalar(sa.text(f"SELECT {asked}"), {"name": name})


async def test_a_repository_goes_on_in_another_service_as_it_was(site, elsewhere, serve, tmp_path):
    await scene.lab(site, commits=8)
    await analysing.analyse_due(site.deps)
    file = tmp_path / "firmware.rig"
    await schema.upgrade(elsewhere.url)
    there = await serve(elsewhere.url)
    await there.repository("acme/other", forge_id=5)  # ids are taken
    await there.measured(await there.repository("acme/more", forge_id=6), sha(3), [scene.native("boot", 1)])

    saved = await rigline("repo", "export", "acme/firmware", str(file), **at(site.deps.settings.database_url))
    again = await rigline("repo", "export", "acme/firmware", str(file), **at(site.deps.settings.database_url))
    brought = await rigline("repo", "import", str(file), **at(elsewhere.url))
    twice = await rigline("repo", "import", str(file), **at(elsewhere.url))

    assert (saved.status, again.status, brought.status, twice.status) == (0, 2, 0, 2), saved.err + brought.err
    assert "acme/firmware is here already" in twice.err
    before, after = await counted(site, "acme/firmware"), await counted(there, "acme/firmware")
    assert after == before
    assert await shown(there, "acme/firmware") == await shown(site, "acme/firmware")
    states = await elsewhere.rows("SELECT DISTINCT state FROM job WHERE ended_at IS NULL")
    assert states == []
    pipelines = lines(file, "pipeline")
    assert {each["commit"] for each in pipelines} >= {sha(0), sha(901)} and "token" not in pipelines[0]


async def test_an_export_holds_no_secret_and_of_others_only_the_names_of_boards(site, tmp_path):
    await alike(site, "acme/goes", 600)
    await alike(site, "acme/stays", 700)
    file = tmp_path / "one.rig"

    await rigline("repo", "export", "acme/goes", str(file), **at(site.deps.settings.database_url))

    assert {each["full_name"] for each in lines(file, "repository")} == {"acme/goes"}
    assert len(lines(file, "pipeline")) == 2 and len(lines(file, "delivery")) == 1
    assert [sorted(each) for each in lines(file, "builder")] == [["id", "name"]]
    assert set(carrying.NAMES) & {"webhook_secret", "subscription", "notification", "account", "token"} == set()


async def test_a_repository_can_come_back_after_it_was_erased_and_a_whole_service_is_none(site, archive, tmp_path):
    await alike(site, "acme/goes", 600)
    file, url = tmp_path / "one.rig", site.deps.settings.database_url
    await rigline("repo", "export", "acme/goes", str(file), **at(url))
    before = await counted(site, "acme/goes")
    async with site.deps.begin() as db:
        repository = await db.scalar(sa.text("SELECT id FROM repository WHERE full_name = 'acme/goes'"))
        await belongings.hide(db, repository)

    back = await rigline("repo", "import", str(file), **at(url))
    whole = await rigline("repo", "import", str(archive), **at(url))
    restored = await rigline("restore", str(file), "--check", **at(url))

    assert back.status == 0, back.err
    kept = {name: rows for name, rows in before.items() if name not in carrying.STAYS}
    assert await counted(site, "acme/goes") == kept
    assert await to_be_told(site, "acme/goes") == 0  # its forge hears nothing of it a second time
    assert (whole.status, "`rigline restore` takes it" in whole.err) == (1, True)
    assert (restored.status, "`rigline repo import` takes it" in restored.err) == (1, True)
