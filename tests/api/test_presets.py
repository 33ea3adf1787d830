"""Dispatches that are saved under a name, and asked for with a few arguments."""

import json
import uuid
from typing import Any

import pytest

from tests.api.service import HASH, REMOTE, Service
from tests.cli.commands import local, rigline

NIGHTLY: dict[str, Any] = {
    "name": "nightly",
    "description": "What the lab does at night",
    "work": {
        "kind": "run",
        "remote_url": REMOTE,
        "commit": "{commit}",
        "configurations": ["{way}"],
        "seconds": "{limit}",
        "repeat": 2,
    },
    "arguments": {
        "commit": {},
        "way": {"default": "fast", "patterns": ["fast", "slow"]},
        "limit": {"default": "60"},
        "level": {"default": "info", "patterns": ["info", "debug*"]},
    },
}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"work": {"kind": "run", "boards": ["{bord}"]}}, "bord"),
    ({"work": {"kind": "destroy"}}, "kind"),
    ({"work": {"kind": "run", "remote_url": REMOTE}}, "commit"),
    ({"work": {"kind": "run", "remote_url": REMOTE, "repository": "acme/app"}}, "either"),
    ({"arguments": {"way": {"default": "medium", "patterns": ["fast"]}, "commit": {}, "limit": {}}}, "fits none"),
    ({"arguments": {"Way": {}}}, "arguments"),
    ({"arguments": {"api_token": {}, "commit": {}, "way": {}, "limit": {}}}, "secret"),
    ({"name": "demo"}, "demo"),
]
ASKED: list[tuple[dict[str, Any], str]] = [
    ({}, "commit: give this argument"),
    ({"commit": HASH, "colour": "red"}, "colour: no argument"),
    ({"commit": HASH, "way": "medium"}, "fits none of fast, slow"),
    ({"commit": HASH, "limit": "soon"}, "seconds: expected a number"),
    ({"commit": HASH, "limit": "-1"}, "seconds"),
    ({"commit": "main"}, "commit"),
    ({"commit": HASH, "level": "debug\nPATH=/tmp"}, "control characters"),
    ({"commit": HASH, "level": "debug" + "x" * 500}, "at most 500"),
]


async def _saved(service: Service) -> None:
    answer = await service.local.post("/presets", json=NIGHTLY)
    assert answer.status_code == 201, answer.text


async def test_a_preset_fills_its_arguments_in_and_hands_them_to_the_builder(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    await _saved(service)

    given = {"commit": HASH, "way": "slow", "limit": 20, "level": "debug2"}
    opened = await service.local.post("/presets/nightly/dispatch", json={"arguments": given})
    lease = await builder.claim()

    told = opened.json()
    assert opened.status_code == 201, opened.text
    assert [job["configuration"] for job in told["jobs"]] == ["slow"]
    assert (told["preset"], told["limit_s"], told["repeat"], told["requested_by"]) == ("nightly", 20, 2, "local")
    assert lease["arguments"] == {"commit": HASH, "way": "slow", "limit": "20", "level": "debug2"}


@pytest.mark.parametrize(("given", "said"), WRONG, ids=lambda each: each if isinstance(each, str) else None)
async def test_a_preset_that_could_never_run_is_not_saved(service: Service, given: dict[str, Any], said: str) -> None:
    answer = await service.local.post("/presets", json=NIGHTLY | given)

    assert answer.status_code in (409, 422)
    assert said in answer.json()["error"]["message"]


async def test_an_argument_that_does_not_fit_opens_nothing(service: Service) -> None:
    await service.builder(desk=["fast", "slow"])
    await _saved(service)

    answers = [await service.local.post("/presets/nightly/dispatch", json={"arguments": given}) for given, _ in ASKED]

    assert [each.status_code for each in answers] == [422] * len(ASKED)
    assert [said for (_, said), each in zip(ASKED, answers, strict=True) if said not in each.text] == []
    assert (await service.local.get("/pipelines")).json()["items"] == []


async def test_presets_are_listed_changed_and_forgotten(service: Service) -> None:
    await _saved(service)

    listed = await service.local.get("/presets", params={"limit": 1})
    rest = await service.local.get("/presets", params={"cursor": listed.json()["next"]})
    taken = await service.local.post("/presets", json=NIGHTLY)
    stale = await service.local.put(
        "/presets/nightly",
        json={"work": {"kind": "build"}},
        headers={"If-Match": '"old"', "Idempotency-Key": str(uuid.uuid4())},
    )
    changed = await service.local.put("/presets/nightly", json={"work": {"kind": "build"}})
    kept = await service.local.delete("/presets/demo")
    gone = await service.local.delete("/presets/nightly")
    missing = await service.local.get("/presets/nightyl")

    assert [each["name"] for each in listed.json()["items"] + rest.json()["items"]] == ["demo", "nightly"]
    assert (taken.status_code, stale.status_code, changed.json()["work"]["kind"]) == (409, 412, "build")
    assert (kept.status_code, gone.status_code, missing.status_code) == (404, 204, 404)


async def test_the_commands_save_show_ask_for_and_forget_a_preset(service: Service) -> None:
    await service.builder(desk=["fast", "slow"])
    holds = ("--kind", "run", "--remote-url", REMOTE, "--commit", "{commit}", "--config", "{way}", "--seconds", "60")
    takes = ("--argument", "commit", "--argument", "way=fast", "--fits", "way=fast", "--fits", "way=slow")

    added = await local(service, "preset", "add", "nightly", *holds, *takes, "--description", "At night")
    listed = await local(service, "preset", "list")
    shown = await local(service, "preset", "show", "nightly", "--json")
    asked = ("dispatch", "preset", "nightly", "--arg-json", json.dumps({"way": "fast", "commit": HASH}))
    opened = await local(service, *asked, "--arg", "way=slow", "--no-wait", "--json")
    refused = await local(service, "dispatch", "preset", "nightly", "--arg", f"commit={HASH}", "--arg", "way=medium")
    removed = await local(service, "preset", "remove", "nightly")
    again = await local(service, "preset", "show", "nightly")

    assert added.out == "rigline dispatch preset nightly --arg commit=…\n", added.err
    assert "At night" in listed.out and "demo" in listed.out
    assert json.loads(shown.out)["arguments"]["way"]["patterns"] == ["fast", "slow"]
    assert json.loads(opened.out)["arguments"] == {"commit": HASH, "way": "slow"}
    assert (refused.status, removed.status, again.status) == (2, 0, 1)
    assert "fits none" in refused.err


async def test_any_operation_can_be_asked_for_from_the_shell(service: Service) -> None:
    await service.builder()
    opened = [await service.dispatch() for _ in range(3)]
    token = await service.token()
    where = {"RIGLINE_URL": service.url, "RIGLINE_TOKEN": token}

    paged = await rigline("api", "GET", "/pipelines", "--query", "limit=1", "--paginate", **where)
    listed = await rigline("api", "get", "/api/v1/pipelines", "--query", "state=queued", "--paginate", **where)
    job = opened[0]["jobs"][0]["id"]
    posted = await rigline("api", "POST", f"/jobs/{job}/cancel", "--data", '{"reason": "wrong board"}', **where)
    wrong = await rigline("api", "POST", f"/jobs/{job}/cancel", "--data", '{"reason": 1}', **where)
    missing = await rigline("api", "GET", "/jobs/999999", **where)
    away = await rigline("api", "GET", "/pipelines", "--server", "http://127.0.0.1:1")
    token_of_nobody = await rigline("api", "DELETE", "/users/nobody", **where)

    for each in (paged, listed):
        assert [one["id"] for one in json.loads(each.out)["items"]] == [one["id"] for one in opened[::-1]]
    assert (posted.status, json.loads(posted.out)["cancel_reason"]) == (0, "wrong board")
    assert (wrong.status, missing.status, away.status, token_of_nobody.status) == (2, 1, 3, 2)
