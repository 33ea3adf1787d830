"""Every typed method of the client asks a real service, and the answer is what its type says."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from app import deps as deps_module
from app.client import Client, Place, Refused, asking
from app.client.asking import Asking
from app.deps import Deps
from app.handlers import schedule
from app.results import analysing
from app.settings import Settings
from integrations.fake.server import FakeServer
from integrations.fake.world import FakeRepository, World
from tests.api.fitting import fits
from tests.api.service import HASH, Service, running
from tests.api.test_artefacts import finish, put
from tests.api.test_boards import checked, lab
from tests.pages.site import native, sha
from tests.results.lines import steady
from tests.specs.serving import serving
from tests.specs.world import TOKEN, forge_settings

METHODS = {name for name in dir(Client) if not name.startswith("_") and not hasattr(Asking, name)}
REPOSITORY = "acme/firmware"
NIGHTLY = b'[[on]]\nname = "night"\nschedule = "30 2 * * *"\nkind = "build"\nbranches = ["main", "next"]\n'
PRESET = {
    "name": "by-level",
    "work": {"kind": "run", "repository": REPOSITORY, "commit": HASH, "configurations": ["{way}"]},
    "arguments": {"way": {"default": "fast"}, "level": {"patterns": ["info", "debug*"]}},
}
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Stage:
    """A service with a repository of a forge, and what a worker needs."""

    service: Service
    deps: Deps

    async def ask(self, name: str, *given: Any, **named: Any) -> Any:
        """Call a method in a thread of its own, as it blocks; its answer fits its type, or this fails."""
        return await asyncio.to_thread(self._ask, name, given, named)

    def _ask(self, name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        with Client(Place(socket=self.service.settings.socket)) as client:
            told = getattr(client, name)(*given, **named)
            found = list(told) if isinstance(told, Iterator) else told
        kind = get_type_hints(getattr(Client, name))["return"]
        assert fits(found, list[get_args(kind)] if get_origin(kind) is Iterator else kind), f"{name}: {found}"
        return found


@pytest.fixture
async def stage(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Serve a repository whose rules go by the clock. A page has one item: every list has several pages."""
    monkeypatch.setattr(asking, "PAGE", 1)
    async with AsyncExitStack() as stack:
        forge = World()
        repository = forge.add(FakeRepository(4242, REPOSITORY))
        repository.grow("d" * 40, branch="main", files={".rigline.toml": NIGHTLY})
        repository.branches["next"] = "a" * 40
        address = await stack.enter_async_context(serving(FakeServer(forge, token=TOKEN)))
        chosen = settings.model_copy(update=forge_settings(address))
        service = await stack.enter_async_context(running(chosen))
        deps = await deps_module.build(chosen)
        stack.push_async_callback(deps.close)
        served = await service.local.post("/repositories", json={"forge": "github", "full_name": REPOSITORY})
        assert served.status_code == 201, served.text
        yield Stage(service, deps)


def test_every_typed_method_is_asked_here() -> None:
    asked = re.findall(r'stage\.ask\(\s*"(\w+)"', Path(__file__).read_text())

    assert set(asked) == METHODS


async def test_pipelines_are_opened_found_ended_and_retried(stage: Stage) -> None:
    await stage.service.builder()
    first = await stage.ask("dispatch", HASH, repository=REPOSITORY, boards=["desk"], seconds=60, repeat=2)
    second = await stage.ask("dispatch", HASH, kind="build", repository=REPOSITORY, configurations=["fast"])
    listed = await stage.ask("list_pipelines", commit=HASH[:8], repository=REPOSITORY, state="queued")
    newest = await stage.ask("list_pipelines", most=1)
    ended = await stage.ask("cancel_pipeline", first["id"], reason="not today")
    again = await stage.ask("retry_pipeline", first["id"])
    shown = await stage.ask("show_pipeline", first["id"])

    assert (first["kind"], first["repeat"], first["limit_s"], second["kind"]) == ("run", 2, 60, "build")
    assert ([each["id"] for each in listed], [each["id"] for each in newest]) == (
        [second["id"], first["id"]],
        [second["id"]],
    )
    assert (ended["state"], [job["cancel_reason"] for job in ended["jobs"]]) == ("cancelled", ["not today"])
    assert (again["state"], [job["replaced"] for job in shown["jobs"]]) == ("queued", [True, False])


async def test_jobs_are_found_followed_cancelled_and_done_again(stage: Stage) -> None:
    builder = await stage.service.builder()
    opened = [await stage.ask("dispatch", HASH, repository=REPOSITORY) for _ in range(2)]
    done, waiting = [each["jobs"][0]["id"] for each in opened]
    await builder.work("failed", log=b"\x1b[31mhello\x1b[0m\n", result=native("boot", 1.5, 1.6))

    queue = await stage.ask("list_queue", repository=REPOSITORY, board_type="desk")
    listed = await stage.ask("list_jobs", commit=HASH, state="failed")
    shown = await stage.ask("show_job", waiting)
    [tried] = await stage.ask("list_attempts", done)
    log = await stage.ask("read_log", done, attempt=tried["id"], strip=True)
    events = await stage.ask("stream_log", done)
    result = await stage.ask("read_result", done, number=0)
    cancelled = await stage.ask("cancel_job", waiting, reason="too late")
    again = await stage.ask("retry_job", done)

    assert [(each["id"], each["place"]) for each in queue] == [(waiting, 1)]
    assert [(each["id"], each["attempt"]["outcome"]) for each in listed] == [(done, "failed")]
    assert (shown["waits"]["name"], shown["attempt"], tried["board"]) == ("next", None, "desk")
    assert (log, json.loads(result)["benchmarks"][0]["name"]) == (b"hello\n", "boot")
    assert [json.loads(each.data)["text"] for each in events if each.kind == "log"] == ["\x1b[31mhello\x1b[0m\n"]
    assert (cancelled["state"], cancelled["cancel_reason"]) == ("cancelled", "too late")
    assert (again["state"], again["generation"]) == ("queued", 1)


async def test_artefacts_are_listed_and_read(stage: Stage) -> None:
    builder = await stage.service.builder()
    opened = await stage.ask("dispatch", HASH, repository=REPOSITORY)
    job, files = opened["jobs"][0]["id"], {"build/app.elf": b"\x7fELF", "notes": b""}
    lease = await builder.claim()
    for number, data in enumerate(files.values()):
        await put(builder, lease, number, data)
    await finish(builder, lease, files)

    listed = await stage.ask("list_artefacts", job)
    read = [await stage.ask("read_artefact", job, each["number"]) for each in listed["items"]]

    assert {each["name"]: data for each, data in zip(listed["items"], read, strict=True)} == files
    assert listed["removed_at"] is None


async def test_a_preset_is_found_and_dispatched(stage: Stage) -> None:
    await stage.service.builder()
    (await stage.service.local.post("/presets", json=PRESET)).raise_for_status()

    listed = await stage.ask("list_presets")
    shown = await stage.ask("show_preset", "by-level")
    opened = await stage.ask("dispatch_preset", "by-level", arguments={"level": "debug2"})
    with pytest.raises(Refused, match="level"):
        await stage.ask("dispatch_preset", "by-level")

    assert shown in listed and len(listed) > 1
    assert (shown["work"]["kind"], shown["arguments"]["level"]["patterns"]) == ("run", ["info", "debug*"])
    assert (opened["preset"], opened["arguments"]) == ("by-level", {"way": "fast", "level": "debug2"})


async def test_a_schedule_is_run_and_rests(stage: Stage) -> None:
    await stage.service.builder()
    await schedule.run_due(stage.deps)  # the worker reads the rules

    [found] = await stage.ask("list_schedules", repository=REPOSITORY)
    ran = await stage.ask("run_schedule", found["id"])
    paused = await stage.ask("pause_schedule", found["id"])
    resumed = await stage.ask("resume_schedule", found["id"])

    assert (found["rule"], found["cron"], len(ran["pipelines"])) == ("night", "30 2 * * *", 2)
    assert (paused["paused_by"], paused["paused_at"] is None) == ("local", False)
    assert (resumed["paused_at"], resumed["next_at"]) == (None, found["next_at"])


async def test_boards_and_builders_are_looked_at_and_a_board_is_kept(stage: Stage) -> None:
    shelf = await lab(stage.service)
    for _ in range(2):
        await checked(stage.service, shelf, "failed")
    await stage.service.builder("other", desk=["fast"], bench=["slow"])

    boards = await stage.ask("list_boards")
    alerts = await stage.ask("list_alerts", resolved=True)
    held = await stage.ask("hold_board", "desk", 30, reason="soldering", builder="shelf")
    free = await stage.ask("release_board", "desk", builder="shelf")
    asked = await stage.ask("check_board", "desk", builder="shelf")
    shown = await stage.ask("show_board", "desk", builder="shelf")
    builders = await stage.ask("list_builders")
    builder = await stage.ask("show_builder", "shelf")

    assert sorted((each["builder"], each["name"]) for each in boards) == [
        *(("other", "bench"), ("other", "desk"), ("shelf", "desk")),
    ]
    assert (held["held_until"] is None, held["held_by"], free["held_until"]) == (False, "local", None)
    assert (shown["health"], shown["checks"][0]["id"]) == ("quarantined", asked["job_id"])
    assert [(each["name"], each["boards"]) for each in builders] == [("shelf", 1), ("other", 2)]
    assert [each["id"] for each in builder["boards"]] == [shown["id"]]
    assert [each["times"] for each in alerts] == [1]


async def test_results_of_elsewhere_are_brought_and_their_history_is_read(stage: Stage) -> None:
    place = {"repository": REPOSITORY, "board_type": "desk", "configuration": "fast"}
    levels = steady(100, 40) + steady(110, 5, seed=2)
    for number, value in enumerate(levels):
        at = (FIRST + timedelta(hours=number)).isoformat()
        brought = await stage.ask("import_results", native("boot", value), commit=sha(number), committed_at=at, **place)
    await analysing.analyse_due(stage.deps)  # the worker looks for shifts

    [series] = await stage.ask("list_series", benchmark="boot", default_branch=True, **place)
    points = await stage.ask("list_points", series["id"], limit=10, samples=True)
    older = await stage.ask("list_points", series["id"], limit=40, cursor=points["next"])
    [shift] = await stage.ask("list_shifts", repository=REPOSITORY, worse=True)

    assert (brought["format"], brought["measurements"], brought["is_new"]) == ("native", 1, True)
    assert (series["metric"], series["unit"], series["better"]) == ("time", "ms", "lower")
    assert [each["raw"] for each in points["items"]] == [[value] for value in levels[-10:]]
    assert ([each["value"] for each in older["items"]], older["next"]) == (levels[:-10], None)
    assert [each["move"]["alert"] for each in points["items"] if each["move"]] == [shift["id"]]
    assert (shift["until"], shift["series_id"], shift["state"]) == (sha(40), series["id"], "new")
