"""What the service's processes say of themselves: to a proxy, to Prometheus, and in their logs."""

import hmac
import json
import re
import signal

import httpx2
import pytest
import sqlalchemy as sa

from app.db import schema
from app.db.session import engine
from tests.ground.processes import Rigline, wait_for
from tests.ground.test_serve import place, shared  # noqa: F401  # a fixture

SECRET = "between us"


def said(web):
    """Ask a web process whether it is ready."""
    answer = httpx2.get(f"{web.url}/readyz", timeout=5)
    return answer.status_code, answer.json()


def metrics(web):
    return httpx2.get(f"{web.url}/metrics", timeout=5).text


def deliver(web):
    """Send a webhook that asks for nothing."""
    body = b'{"zen": "Design for failure."}'
    signature = hmac.new(SECRET.encode(), body, "sha256").hexdigest()
    headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "1", "X-Hub-Signature-256": f"sha256={signature}"}
    answer = httpx2.post(
        f"{web.url}/webhooks/github", content=body, headers={**headers, "Content-Type": "application/json"}
    )
    assert answer.status_code == 202, answer.text


async def move_schema(settings, revision):
    own = engine(settings.database_url)
    async with own.begin() as db:
        await db.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    await own.dispose()


@pytest.fixture
def web(settings, place):  # noqa: F811
    given = {"RIGLINE_DRAIN_S": "60", "RIGLINE_GITHUB_WEBHOOK_SECRETS": SECRET}
    with Rigline(place / "data", "web", **shared(settings), **given) as process:
        yield process.until_ready()


def test_a_web_process_without_a_worker_goes_on_and_says_so(web, settings, place):  # noqa: F811
    status, alone = said(web)
    assert (status, alone["status"], alone["workers"]) == (200, "degraded", 0)

    deliver(web)
    with Rigline(place / "data", "worker", RIGLINE_LOG_FORMAT="json", **shared(settings)) as worker:
        wait_for(lambda: said(web)[1]["workers"] == 1)
        wait_for(lambda: "rigline_deliveries_unhandled 0.0" in metrics(web))
        found, together = metrics(web), said(web)
        _, words = worker.tell(signal.SIGTERM).ended()

    everything = {"status": "ok", "database": "ok", "migrations": "ok", "redis": "ok", "workers": 1, "backups": "off"}
    assert together == (200, everything)
    assert "\nrigline_workers 1.0\n" in found and 'rigline_outbox_unsent{kind="status"} 0.0' in found
    [line] = [json.loads(line) for line in words.splitlines() if "delivery_handled" in line]
    assert {"delivery": 1, "task": "handle_delivery", "level": "info"}.items() <= line.items()
    assert said(web)[1]["workers"] == 0


async def test_a_schema_that_is_too_old_ends_the_serving_and_a_newer_one_does_not(web, settings):
    await move_schema(settings, "0001")
    older = said(web)
    await move_schema(settings, "9999")
    newer = said(web)
    await move_schema(settings, schema.head())

    assert (older[0], older[1]["migrations"]) == (503, "older")
    assert (newer[0], newer[1]["migrations"], newer[1]["status"]) == (200, "newer", "degraded")


def test_a_process_that_is_told_to_stop_sends_the_proxy_elsewhere_and_serves_until_then(web):
    with httpx2.Client(base_url=web.url, timeout=5) as client:
        before = client.get("/pipelines")
        web.tell(signal.SIGTERM)
        wait_for(lambda: said(web)[0] == 503)
        after = client.get("/pipelines")

    assert said(web) == (503, {**said(web)[1], "status": "stopping"})
    assert "connection" not in before.headers
    assert (after.status_code, after.headers["connection"]) == (200, "close")
    status, _ = web.tell(signal.SIGINT).ended(limit=20)
    assert status == 0


async def age_backups(settings, hours):
    own = engine(settings.database_url)
    async with own.begin() as db:
        await db.execute(sa.text(f"UPDATE backup SET begun_at = begun_at - interval '{hours} hours'"))
    await own.dispose()


async def test_backups_that_fail_or_do_not_come_are_said_until_one_succeeds(settings, place):  # noqa: F811
    folder = place / "backups"
    folder.write_text("in the way")
    given = shared(settings) | {"RIGLINE_BACKUP_DIR": str(folder), "RIGLINE_BACKUP_SCHEDULE": "0 3 * * *"}

    def backups():
        return said(web)[1]["backups"]

    with Rigline(place / "data", "web", **given) as web:
        web.until_ready()
        none = said(web)
        with Rigline(place / "data", "worker", **given):
            wait_for(lambda: backups() == "failed")
            failed = said(web)
            folder.unlink()
            await age_backups(settings, 1)
            wait_for(lambda: backups() == "ok")
            well = said(web)
        await age_backups(settings, 26)
        overdue = said(web)

    assert [each[1]["status"] for each in (none, failed, well, overdue)] == ["degraded", "degraded", "ok", "degraded"]
    assert {each[0] for each in (none, failed, well, overdue)} == {200}
    assert none[1]["backups"] == "none" and "has it RIGLINE_BACKUP_DIR?" in none[1]["advice"]
    assert "`rigline backup list` says why" in failed[1]["advice"]
    assert "advice" not in well[1]
    assert overdue[1]["backups"] == "overdue" and "did not come" in overdue[1]["advice"]


async def test_doctor_says_what_has_waited_for_long(web, settings, place):  # noqa: F811
    deliver(web)
    own = engine(settings.database_url)
    async with own.begin() as db:
        await db.execute(sa.text("UPDATE delivery SET received_at = now() - interval '10 minutes'"))
    await own.dispose()

    with Rigline(place / "data", "doctor", **shared(settings)) as asked:
        status, words = asked.ended()

    assert status == 1
    assert re.search(r"FAIL a webhook has waited for 6\d\d s", words) and "FAIL no worker takes tasks" in words
    assert "ok   forges and subscribers know what they should" in words
