"""What owners do with boards: look, check, call good, maintain, hold, release; and take a token back."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.service import Builder, Json, Service
from tests.cli.commands import ended, local, start

CHECK = {"every_s": 86400, "limit_s": 60}
SAID = b"[rigline] on\nlogin as lab: \x1b[32mok\x1b[0m\n"


async def lab(service: Service, name: str = "shelf", board: str = "desk", **more: Any) -> Builder:
    """Make a builder with one board that it can check."""
    builder = await service.builder(name)
    offer = {"name": board, "type": board, "configurations": [{"name": "fast"}], "check": CHECK, **more}
    hello = {"instance": builder.instance, "version": "0", "boards": [offer]}
    (await builder.http.put("/builders/me", json=hello)).raise_for_status()
    builder.boards = [board]
    return builder


async def checked(service: Service, builder: Builder, outcome: str = "passed", log: bytes = SAID) -> Json:
    """Ask for a check, and let the builder do it."""
    asked: Json = (await service.local.post("/boards/desk/check")).raise_for_status().json()
    lease = await builder.claim()
    assert (lease["job_id"], lease["kind"]) == (asked["job_id"], "health")
    await builder.log(lease, log)
    await builder.finish(lease, outcome, log=log, reason="" if outcome == "passed" else "health: exit status 1")
    return asked


async def shown(service: Service) -> Json:
    found: Json = (await service.web.get("/boards/desk")).raise_for_status().json()
    return found


async def test_a_check_on_demand_is_a_job_whose_output_is_kept_with_the_board(service: Service) -> None:
    builder = await lab(service)

    asked = await checked(service, builder)
    found = await shown(service)
    listed = (await service.web.get("/pipelines")).json()["items"]
    page = await service.web.get(f"{service.url}/builders/shelf")

    assert (found["health"], found["output"], found["fail_streak"]) == ("good", SAID.decode(), 0)
    assert [(each["id"], each["state"]) for each in found["checks"]] == [(asked["job_id"], "passed")]
    assert found["history"][0]["action"] == "board.good"
    assert listed == []
    assert "login as lab: ok" in page.text and "\x1b" not in page.text


async def test_the_pages_of_a_check_say_what_it_is(service: Service) -> None:
    builder = await lab(service)
    asked = await checked(service, builder)
    job = (await service.web.get(f"/jobs/{asked['job_id']}")).json()

    pages = [f"/jobs/{asked['job_id']}", f"/pipelines/{job['pipeline_id']}", "/builders", "/builders/shelf", "/"]
    answers = [await service.web.get(f"{service.url}{each}") for each in pages]
    data = [await service.web.get(f"{service.url}{each.rstrip('/') or '/index'}.json") for each in pages[:4]]

    assert [each.status_code for each in (*answers, *data)] == [200] * 9
    assert "Check of board desk of builder shelf" in answers[1].text


async def test_a_check_is_refused_while_a_job_runs_and_asked_for_once(service: Service) -> None:
    builder = await lab(service)
    await checked(service, builder)
    await service.dispatch(boards=["desk"])
    lease = await builder.claim()

    busy = await service.local.post("/boards/desk/check")
    await builder.finish(lease)
    first, second = [(await service.local.post("/boards/desk/check")).json()["job_id"] for _ in range(2)]

    assert (busy.status_code, f"job {lease['job_id']}" in busy.json()["error"]["message"]) == (409, True)
    assert first == second
    assert (await service.local.post(f"/jobs/{lease['job_id']}/retry")).status_code in {200, 201}


async def test_a_board_without_a_check_cannot_be_checked_and_says_what_to_write(service: Service) -> None:
    await service.builder()

    answer = await service.local.post("/boards/desk/check")

    assert answer.status_code == 409
    assert "[boards.health]" in answer.json()["error"]["message"]


async def test_a_quarantined_board_gets_checks_but_no_jobs_until_a_person_calls_it_good(service: Service) -> None:
    builder = await lab(service)
    await checked(service, builder, "failed")
    await checked(service, builder, "failed")
    out = await shown(service)
    await service.dispatch(boards=["desk"])

    await checked(service, builder)
    still = await shown(service)
    back = await local(service, "board", "good", "desk", "--reason", "new cable")
    lease = await builder.claim()
    after = await shown(service)

    assert (out["health"], out["fail_streak"], still["health"], after["health"]) == (
        *("quarantined", 2),
        *("quarantined", "good"),
    )
    assert (back.status, back.out) == (0, "shelf/desk is good, and gets jobs.\n")
    assert lease["kind"] == "run"
    assert (after["history"][0]["action"], "new cable" in after["history"][0]["detail"]) == ("board.good", True)


async def test_maintenance_needs_a_reason_and_lasts_until_good(service: Service) -> None:
    builder = await lab(service)
    await checked(service, builder)
    await service.dispatch(boards=["desk"])

    without = await service.local.post("/boards/desk/maintenance", json={})
    done = await local(service, "board", "maintenance", "desk", "--reason", "soldering")
    nothing = await claim_now(builder)
    found = await shown(service)

    assert (without.status_code, done.status, nothing) == (422, 0, 204)
    assert (found["health"], found["health_reason"]) == ("maintenance", "soldering")


async def test_a_held_board_gets_nothing_until_it_is_released(service: Service) -> None:
    builder = await lab(service)
    await checked(service, builder)
    await service.dispatch(boards=["desk"])

    held = await local(service, "board", "hold", "desk", "--minutes", "30")
    nothing, refused = await claim_now(builder), await service.local.post("/boards/desk/check")
    free = await local(service, "board", "release", "desk")

    assert (held.status, nothing, refused.status_code, free.status) == (0, 204, 409, 0)
    assert "release" in refused.json()["error"]["message"]
    assert (await builder.claim())["kind"] == "run"
    assert [each["action"] for each in (await shown(service))["history"][:2]] == ["board.released", "board.held"]


async def test_a_board_may_be_held_by_the_next_failure_on_it(service: Service) -> None:
    builder = await lab(service)
    await checked(service, builder)
    await local(service, "board", "hold", "desk", "--minutes", "30", "--on-failure")
    await service.dispatch(boards=["desk"])
    first = await builder.claim()
    await builder.finish(first)
    passed = (await shown(service))["held_until"]
    await service.dispatch(boards=["desk"])

    second = await builder.claim()
    await builder.finish(second, "failed")
    found = await shown(service)
    await service.dispatch(boards=["desk"])

    assert (first["keep_power"], second["keep_power"], passed) == (True, True, None)
    assert found["held_until"] is not None and found["hold_on_failure_s"] is None
    assert await claim_now(builder) == 204


async def test_builder_test_prints_what_the_check_says_and_exits_by_it(service: Service) -> None:
    builder = await lab(service)

    async def do(outcome: str) -> None:
        lease = await builder.claim()
        await builder.log(lease, SAID)
        await builder.finish(lease, outcome, log=SAID, reason="" if outcome == "passed" else "health: exit status 1")

    command = await start(service, "builder", "test", "shelf", "--board", "desk")
    await do("passed")
    good = await ended(command)
    command = await start(service, "builder", "test", "shelf")
    await do("failed")
    bad = await ended(command)
    alone = await local(service, "builder", "test", "shelf", "--board", "none")

    assert (good.status, "login as lab: ok" in good.out, good.out.splitlines()[-1]) == (0, True, "shelf/desk: passed")
    assert (bad.status, bad.out.splitlines()[-1]) == (1, "shelf/desk: failed health: exit status 1")
    assert (alone.status, "no board none" in alone.err) == (1, True)


async def test_a_revoked_token_is_refused_its_job_tried_elsewhere_and_its_board_locked(service: Service) -> None:
    builder = await service.builder("stolen", desk=["fast"])
    opened = await service.dispatch(boards=["desk"])
    lease = await builder.claim()
    waiting = asyncio.create_task(builder.http.get(f"/attempts/{lease['attempt_id']}/wait?epoch={lease['epoch']}"))
    await asyncio.sleep(0)

    done = await local(service, "builder", "revoke-token", "stolen")
    beat = await builder.http.post(f"/attempts/{lease['attempt_id']}/beat", json={"epoch": lease["epoch"]})
    heard = await waiting
    job = (await service.web.get(f"/pipelines/{opened['id']}")).json()["jobs"][0]
    found = await shown(service)

    assert (done.status, beat.status_code, heard.status_code in {401, 409}) == (0, 401, True)
    assert (job["state"], job["attempt"]["outcome"]) == ("queued", "errored")
    assert job["attempt"]["reason"].startswith("infra:revoked")
    assert (found["health"], "somebody has to look" in found["health_reason"]) == ("quarantined", True)

    rotated = (await service.local.post("/builders/stolen/rotate-token")).json()["token"]
    builder.http.headers["Authorization"] = f"Bearer {rotated}"
    assert await claim_now(builder) == 204


async def test_boards_of_one_name_are_told_apart_by_their_builder(service: Service) -> None:
    await lab(service, "shelf")
    await lab(service, "attic")

    unclear = await local(service, "board", "show", "desk")
    clear = await local(service, "board", "show", "desk", "--builder", "attic")
    none = await local(service, "board", "show", "nothing")

    assert (unclear.status, "attic, shelf" in unclear.err) == (1, True)
    assert (clear.status, none.status) == (0, 1)
    assert "attic" in clear.out


@pytest.mark.parametrize("action", ["check", "good", "maintenance", "hold", "release"])
async def test_what_is_done_to_boards_is_for_admins(service: Service, action: str) -> None:
    await lab(service)
    member = {"Authorization": f"Bearer {await service.token()}"}
    body = {"maintenance": {"reason": "x"}, "hold": {"minutes": 5}}.get(action)

    answers = [await service.web.post(f"/boards/desk/{action}", headers=each, json=body) for each in ({}, member)]

    assert [each.status_code for each in answers] == [401, 403]


async def test_a_builder_with_a_check_that_nobody_did_can_be_deleted(service: Service) -> None:
    await lab(service)
    await service.local.post("/boards/desk/check")

    gone = await service.local.delete("/builders/shelf")

    assert gone.status_code == 204
    assert (await service.web.get("/boards")).json()["items"] == []


async def claim_now(builder: Builder) -> int:
    """Ask for a job without waiting; give the status."""
    asked = {"claim_id": "6e4a8c0e-0000-4000-8000-000000000001", "instance": builder.instance, "wait_s": 0}
    return (await builder.http.post("/builders/me/claim", json={**asked, "boards_free": builder.boards})).status_code


@pytest.mark.parametrize("name", ["rack/1", "/dev/ttyUSB0", "rack//1", "rack/../1", "a%2Fb", "rack/check"])
async def test_a_board_is_reached_whatever_its_builder_calls_it(service: Service, name: str) -> None:
    builder = await lab(service, board=name)
    written = quote(name, safe="")

    held = await service.local.post(f"/boards/{written}/hold", json={"minutes": 5, "reason": "mine"})
    listed = (await service.web.get("/boards")).json()["items"]
    found = await service.web.get(f"/boards/{written}")
    by_command = await local(service, "board", "show", name)
    released = await service.local.post(f"/boards/{written}/release")
    noise = await service.web.get(f"/boards/{written}/noise")
    overviews = [await service.web.get(f"{service.url}{each}") for each in ("/builders", "/builders/shelf")]
    page = await service.web.get(f"{service.url}/builders/shelf/boards/{written}")

    assert [each["name"] for each in listed] == [name] == builder.boards
    assert (held.status_code, held.json()["name"], held.json()["held_by"]) == (200, name, "local")
    assert (found.json()["name"], released.json()["held_until"], noise.status_code) == (name, None, 200)
    assert by_command.status == 0 and name in by_command.out
    assert [f'href="/builders/shelf/boards/{written}"' in each.text for each in overviews] == [True, True]
    assert page.status_code == 200 and f"{name}</bdi>" in page.text
