"""Backups by the clock: once, kept by rule, and never silently missing."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from app.backup import keeping, reading, scheduled
from app.db.tables import alert, backup
from tests.cli.commands import rigline


def over(site, folder, **settings):
    chosen = {"backup_dir": folder, "backup_schedule": "0 3 * * *", **settings}
    return replace(site.deps, settings=site.deps.settings.model_copy(update=chosen))


async def aged(site, hours):
    async with site.deps.begin() as db:
        await db.execute(sa.update(backup).values(begun_at=backup.c.begun_at - timedelta(hours=hours)))


async def latest(site):
    async with site.deps.begin() as db:
        return await db.scalar(sa.select(sa.func.max(backup.c.id)))


async def alerts_open(site):
    async with site.deps.begin() as db:
        return list(await db.scalars(sa.select(alert.c.text).where(alert.c.resolved_at.is_(None))))


async def test_a_backup_by_the_clock_is_made_once_by_whichever_worker_is_first(site, tmp_path):
    folder = tmp_path / "backups"
    deps = over(site, folder)

    made = await asyncio.gather(*(scheduled.run_due(deps) for _ in range(3)))
    again = await scheduled.run_due(deps)
    await aged(site, 24)
    (first,) = folder.iterdir()
    yesterday = first.rename(folder / keeping.name_of(datetime.now(UTC) - timedelta(days=1)))
    await site.update("backup", await latest(site), file=yesterday.name)
    next_day = await scheduled.run_due(deps)

    assert (sorted(made), again, next_day) == ([False, False, True], False, True)
    files = sorted(folder.iterdir())
    await site.admin()
    listed = await site.json("/api/v1/backups")
    assert [each["file"] for each in listed["items"]] == [each.name for each in reversed(files)]
    assert listed["items"][0]["size"] == files[-1].stat().st_size
    assert reading.check(files[0]).rows == listed["items"][-1]["rows"]
    where = {"RIGLINE_URL": site.url, "RIGLINE_TOKEN": site.http.headers["Authorization"].removeprefix("Bearer ")}
    assert files[0].name in (await rigline("backup", "list", **where)).out


async def test_a_backup_that_fails_is_an_alert_until_one_succeeds(site, tmp_path):
    blocked = tmp_path / "a-file"
    blocked.write_text("in the way")
    deps = over(site, blocked)

    first, at_once = await scheduled.run_due(deps), await scheduled.run_due(deps)
    said = await alerts_open(site)
    failing = await site.get("/metrics")
    await site.admin()
    shown = await site.get("/admin/backups")
    blocked.unlink()
    await aged(site, 0.3)
    later = await scheduled.run_due(deps)

    assert (first, at_once, later) == (True, False, True)
    assert len(said) == 1 and "The backup into" in said[0] and "File exists" in said[0]
    assert "rigline_backup_failing 1.0" in failing and "rigline_backup_age_seconds" not in failing
    assert "There is no good one." in shown and "File exists" in shown
    assert await alerts_open(site) == []
    assert "The last one failed" not in await site.get("/admin/backups")
    well = await site.get("/metrics")
    assert "rigline_backup_failing 0.0" in well and "rigline_backup_size_bytes" in well


async def test_a_backup_whose_worker_was_killed_is_made_again(site, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / ".rigline-20260101T000000Z.rig.77.part").write_text("half")
    await site.insert("backup", file="rigline-20260101T000000Z.rig", machine="gone")
    await aged(site, 1)

    await scheduled.run_due(over(site, folder))

    await site.admin()
    new, killed = (await site.json("/api/v1/backups"))["items"]
    assert (killed["error"], new["error"]) == ("its worker ended before it was whole", "")
    assert [each.name for each in folder.iterdir()] == [new["file"]]


def test_the_newest_backup_of_each_of_the_last_days_and_weeks_stays():
    moments = [datetime(2026, 11, 22, 3, tzinfo=UTC) - timedelta(hours=6 * each) for each in range(4 * 40)]
    names = [*map(keeping.name_of, moments), "rigline-notes.rig", "else.txt", "rigline-20261399T000000Z.rig"]

    gone = keeping.superfluous(names, days=3, weeks=2)

    stays = sorted(set(names) - set(gone))
    assert stays == [
        "else.txt",
        "rigline-20261115T210000Z.rig",  # the last of the week before
        "rigline-20261120T210000Z.rig",
        "rigline-20261121T210000Z.rig",
        "rigline-20261122T030000Z.rig",
        "rigline-20261399T000000Z.rig",
        "rigline-notes.rig",
    ]


def test_without_any_rule_the_newest_backup_stays_all_the_same():
    assert keeping.superfluous([f"rigline-2026010{day}T000000Z.rig" for day in (1, 2)], days=0, weeks=0) == [
        "rigline-20260101T000000Z.rig"
    ]
