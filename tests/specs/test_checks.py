"""GitHub's checks, for repositories that ask for them where an App allows it."""

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.db.queries import jobs, logs
from app.db.tables import attempt, board, comparison
from app.reporting import checks
from app.reporting import statuses as sender
from app.reporting.announce import announce
from app.states import JobState
from integrations.fake import deliveries
from integrations.fake.app import FakeApp
from integrations.fake.server import GITHUB
from integrations.github.auth import App
from integrations.github.forge import GitHub
from tests.compared import BASE, WORSE, compare
from tests.compared import row as compared_row
from tests.specs.world import MAINTAINER, SECRET

A = "a" * 40
RUN = (JobState.LEASED, JobState.RUNNING)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
LOG = b"""cc -c src/main.c
\x1b[1msrc/main.c:12:5: error: expected ';' before '}' token\x1b[0m
src/main.c:12:9: error: the same line again
lib/@x/a.h:3: warning: unused
../outside.c:1:1: error: not of this repository
/etc/passwd:1:1: error: neither is this
https://host/x:1:1: error: nor this
"""


@pytest.fixture
async def world(world):
    """A service that speaks as an App which is installed on the repository."""
    await world.offer("nucleo")
    pem = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    world.repository.installation, world.forges.app = 11, FakeApp("1234", KEY.public_key())
    address = world.deps.settings.github_api_url.removesuffix(GITHUB)
    app = GitHub(api_url=f"{address}{GITHUB}", webhook_secrets=[SECRET], token=None, app=App("1234", pem))
    world.stack.push_async_callback(world.deps.forges["github"].close)
    world.deps.forges["github"] = app
    await world.deliver(deliveries.github_push(world.repository, A, SECRET, sender=world.person(MAINTAINER)))
    await world.work()
    await restyled(world, "checks")
    return world


async def restyled(world, style):
    async with world.deps.begin() as db:
        await db.execute(sa.delete(world.tables.status))
        await db.execute(sa.update(world.tables.pipeline).values(status_style=style))
        for row in (await db.execute(sa.select(world.tables.pipeline))).mappings():
            await announce(db, row, {"ref": "main"})
    await sender.send_due(world.deps)


async def moved(world, *states, reason=None):
    await world.move_all(A, *states, reason=reason)
    await sender.send_due(world.deps)


def shown(world):
    return list(world.repository.checks.values())


async def test_a_target_is_a_check_that_names_its_job_for_the_button_to_run_again(world):
    [row] = await world.rows(world.tables.job)
    [check] = shown(world)
    assert (check["name"], check["status"], check["external_id"]) == (
        "rigline/run/nucleo/fast",
        "queued",
        f"job:{row.id}",
    )

    await moved(world, *RUN, JobState.PASSED)
    [check] = shown(world)
    assert (check["status"], check["conclusion"]) == ("completed", "success")
    assert check["details_url"] == f"https://rigline.example/jobs/{row.id}"
    assert world.forges.statuses == []


async def test_what_was_not_measured_is_neutral(world):
    await moved(world, JobState.SKIPPED, reason="board away: 'nucleo' was not to be had for 24 hours")

    [check] = shown(world)
    assert check["conclusion"] == "neutral"
    assert check["output"]["title"].startswith("Nothing was measured")


async def test_a_failure_is_shown_at_the_lines_that_the_log_names(world):
    await failed_with_log(world)
    await sender.send_due(world.deps)

    [check] = shown(world)
    found = [(each["path"], each["start_line"], each["annotation_level"]) for each in check["output"]["annotations"]]
    assert found == [("src/main.c", 12, "failure"), ("lib/@x/a.h", 3, "warning")]
    assert check["output"]["annotations"][0]["message"] == "expected ';' before '}' token"


async def test_a_regression_fails_the_check_with_its_table_and_blames_no_line(world):
    [row] = await world.rows(world.tables.job)
    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.pipeline).values(fails_on="regression", compare_with=BASE))
    comparison_id = await compare(world.deps, row.id, [compared_row("draw", **WORSE, fails=True)])
    async with world.deps.begin() as db:
        mine = sa.select(comparison.c.attempt_id).where(comparison.c.id == comparison_id)
        await logs.append(db, await db.scalar(mine), 0, 0, LOG)
    await moved(world, *RUN, JobState.PASSED)

    [check] = shown(world)
    assert (check["status"], check["conclusion"]) == ("completed", "failure")
    assert check["output"]["title"] == "regressed; draw time: +4.9 % (+3.1 % … +6.7 %)"
    assert (
        "| ▲ | `draw time` | `10 → 10 ms` | +4.9 % (+3.1 % … +6.7 %) | certainly worse |" in check["output"]["summary"]
    )
    assert not check["output"].get("annotations")
    assert check["details_url"] == f"https://rigline.example/github/acme/firmware/compare/{BASE}...{A}"


async def test_a_failure_whose_answer_was_lost_is_sent_again_without_its_lines(world):
    await failed_with_log(world)
    await losing_answers(world, "PATCH")
    await sender.send_due(world.deps)

    [check] = shown(world)
    assert (check["conclusion"], len(check["output"]["annotations"])) == ("failure", 2)
    assert [call.method for call in world.forges.calls][-2:] == ["GET", "PATCH"]


async def test_a_check_whose_answer_was_lost_is_found_and_not_made_twice(world):
    world.repository.checks.clear()
    async with world.deps.begin() as db:
        kept = world.tables.status.c.memory.op("-")("check")
        await db.execute(sa.update(world.tables.status).values(memory=kept, sent_state=None))
    await failed_with_log(world)
    await losing_answers(world, "POST")
    await sender.send_due(world.deps)

    [check] = shown(world)
    assert (check["conclusion"], len(check["output"]["annotations"])) == ("failure", 2)


async def losing_answers(world, lost):
    """Send once, with every answer to a method lost on its way; then let the next try be due."""

    async def break_off(method, _path):
        if method == lost:
            raise ConnectionError

    world.forges.gate = break_off
    await sender.send_due(world.deps)
    world.forges.gate = None
    async with world.deps.begin() as db:
        await db.execute(sa.update(world.tables.status).values(next_at=sa.func.now()))


async def failed_with_log(world):
    """Let the one job fail with what a compiler says in its log."""
    [row] = await world.rows(world.tables.job)
    async with world.deps.begin() as db:
        await jobs.move(db, row.id, JobState.LEASED, epoch=1)
        board_id, builder_id = (await db.execute(sa.select(board.c.id, board.c.builder_id))).one()
        opened = {"job_id": row.id, "epoch": 1, "builder_id": builder_id, "board_id": board_id, "phases": []}
        opened |= {"claim_id": "00000000-0000-0000-0000-000000000001", "lease_until": sa.func.now()}
        opened |= {"reason": "", "log_sha256": ""}
        attempt_id = await db.scalar(sa.insert(attempt).values(opened).returning(attempt.c.id))
        await logs.append(db, attempt_id, 0, 0, LOG)
    async with world.deps.begin() as db:
        await jobs.move(db, row.id, JobState.RUNNING)
        await jobs.move(db, row.id, JobState.FAILED, reason="build: exit 1")


async def test_a_retry_is_a_new_check_beside_the_ended_one(world):
    await moved(world, *RUN, JobState.FAILED, reason="exit 2")
    [row] = await world.rows(world.tables.job)
    async with world.deps.begin() as db:
        again = await jobs.retry(db, row.id, actor="olivia")
    await sender.send_due(world.deps)

    first, second = shown(world)
    assert (first["conclusion"], second["status"], second["external_id"]) == ("failure", "queued", f"job:{again}")


async def test_where_checks_are_refused_there_are_statuses(world):
    world.repository.checks.clear()
    world.forges.fail(403, times=1, path="/check-runs", message="Resource not accessible by integration")
    await restyled(world, "checks")
    await moved(world, *RUN, JobState.PASSED)

    assert shown(world) == []
    assert world.posted(A) == ["pending", "success"]


@pytest.mark.parametrize("size", [10_000])
def test_a_log_of_anything_gives_at_most_fifty_annotations_quickly(size):
    log = "\n".join(f"a/b.c:{number}:1: error: x" for number in range(1, size))
    assert len(list(checks.annotations(log))) == 50
    assert list(checks.annotations("a" * 500_000 + "\n" + "a/" * 200_000 + ":1: error: x\n" + "\0\ud800")) == []
