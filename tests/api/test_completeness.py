"""What commands do and pages show, the API does and tells too."""

import re
from collections.abc import Iterator
from typing import Any

import click
from quart import Quart

from app.cli import main
from app.web.api.described import document
from app.web.pages import pages
from tests.api.service import HASH, Service

# Commands that work on this machine itself: they start it, look at it, or stand where no service may run.
LOCAL = {
    "serve", "web", "worker", "demo", "doctor", "retention", "backup", "restore", "db", "config", "chart", "github",
    "install", "start", "stop", "restart", "status", "upgrade", "uninstall", "ports", "certificate",
    "builder uninstall", "repo export", "repo import",
}  # fmt: skip
# Addresses of pages that have no data of their own: streams, pictures, feeds, and ways to somewhere else.
WITHOUT_TWIN = re.compile(r"^/(events|fresh)$|^/login/|/compare$|\.(atom|svg)$|\.csv$|\.json$")


def _commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*words, name))
        elif command is not None:
            yield " ".join((*words, name)), command


def test_every_command_that_does_not_work_on_this_machine_itself_asks_the_api() -> None:
    asks = {name for name, each in _commands(main) if any(option.name == "socket" for option in each.params)}

    others = {name for name, _ in _commands(main)} - asks
    assert {name for name in others if not LOCAL & {name, name.split()[0]}} == set()


def test_the_data_of_every_page_is_at_the_same_address_with_json() -> None:
    app = Quart(__name__)
    app.register_blueprint(pages)
    shown = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())} - {
        "/static/<path:filename>"
    }
    twins = {"/" if rule == "/index.json" else rule.removesuffix(".json") for rule in shown if rule.endswith(".json")}

    assert {rule for rule in shown if not WITHOUT_TWIN.search(rule)} - twins == set()


def test_every_list_is_paged_in_the_same_way() -> None:
    lists = {path: _answer(each["get"]) for path, each in document()["paths"].items() if "get" in each}
    wrong = []
    for path, properties in lists.items():
        if "items" in properties:
            limits = [
                each["schema"] for each in document()["paths"][path]["get"]["parameters"] if each["name"] == "limit"
            ]
            wrong += [path] if "next" not in properties or not all(each.get("maximum") for each in limits) else []

    assert wrong == []


def _answer(described: dict[str, Any]) -> dict[str, Any]:
    schema = described["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document()["components"]["schemas"].get(name, {}).get("properties", {})
    return found


async def test_the_jobs_of_a_commit_are_listed_and_paged(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    opened = await service.dispatch()
    await service.dispatch(commit="f" * 40)
    await builder.work()

    first = (await service.web.get("/jobs", params={"commit": HASH, "limit": 1})).json()
    second = (await service.web.get("/jobs", params={"commit": HASH, "cursor": first["next"]})).json()
    passed = (await service.web.get("/jobs", params={"state": "passed"})).json()["items"]
    tries = (await service.web.get(f"/jobs/{passed[0]['id']}/attempts")).json()

    assert [each["id"] for each in first["items"] + second["items"]] == [job["id"] for job in opened["jobs"]][::-1]
    assert second["next"] is None
    assert [(each["epoch"], each["outcome"], each["builder"]) for each in tries["items"]] == [(1, "passed", "shelf")]


async def test_the_queue_tells_places_and_reasons_and_the_overview_counts(service: Service) -> None:
    builder = await service.builder(desk=["fast"])
    await service.dispatch()
    await builder.claim()
    waiting = [await service.dispatch() for _ in range(2)]

    listed = (await service.web.get("/queue", params={"board_type": "desk"})).json()["items"]
    queued = (await service.web.get("/queue", params={"state": "queued"})).json()["items"]
    overview = (await service.web.get("/overview")).json()

    assert [(each["state"], each["place"], each["on_board"]) for each in listed] == [
        ("running", None, "desk"),
        ("queued", 1, None),
        ("queued", 2, None),
    ]
    assert [each["pipeline_id"] for each in queued] == [each["id"] for each in waiting]
    assert all("busy" in each["waits"]["text"] for each in queued)
    assert (overview["jobs"], overview["builders"]) == ({"queued": 2, "running": 1}, {"active": 1})
