"""The client's functions for programs, and the example of their reference."""

import asyncio
import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.client import (
    Client,
    Pipeline,
    Place,
    Refused,
    Unfinished,
    dispatch_build,
    dispatch_run,
    fetch_jobs,
    fetch_results,
    wait,
)
from tests.api.service import HASH, REMOTE, Service

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "client.md"


async def test_a_run_is_waited_for_and_read(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    place = Place(socket=service.settings.socket)

    running = asyncio.create_task(asyncio.to_thread(_run, place))
    for outcome in ("passed", "failed"):
        await builder.work(outcome, log=b"\x1b[31mhello\x1b[0m\n", result=b"SEQ: 1\n")
    ended = await running
    listed, one = await asyncio.to_thread(_read, place, ended)

    assert (ended.state, ended.passed, ended.commit) == ("failed", False, HASH)
    assert [(job.configuration, job.state, job.board, job.log, job.results) for job in ended.jobs] == [
        ("fast", "passed", "desk", "hello\n", ("SEQ: 1\n",)),
        ("slow", "failed", "desk", "hello\n", ("SEQ: 1\n",)),
    ]
    assert [(job.id, job.log) for job in listed] == [(job.id, "") for job in ended.jobs]
    assert one == ended.jobs[0]


def _run(place: Place) -> Pipeline:
    with Client(place) as client:
        return dispatch_run(client, HASH, remote_url=REMOTE, seconds=60)


def _read(place: Place, ended: Pipeline):
    with Client(place) as client:
        return fetch_jobs(client, HASH[:8]), fetch_results(client, ended.jobs[0].id)


async def test_who_has_no_patience_is_told_which_pipeline_goes_on(service: Service) -> None:
    await service.builder(desk=["fast"])

    with pytest.raises(Unfinished, match="it goes on") as told:
        await asyncio.to_thread(_build_in_haste, Place(socket=service.settings.socket))

    assert (await service.local.get(f"/pipelines/{told.value.pipeline_id}")).json()["state"] == "queued"


def _build_in_haste(place: Place) -> None:
    with Client(place) as client:
        dispatch_build(client, HASH, remote_url=REMOTE, patience_s=0)


async def example(service: Service, number: int) -> Callable[[], None]:
    """Take an example out of the reference, with the address and a token of the service in the place of its own."""
    text = re.findall(r"```python\n(.*?)```", REFERENCE.read_text(), re.DOTALL)[number]
    filled = text.replace("http://127.0.0.1:8000", service.url).replace("rlu_…", await service.token())
    return functools.partial(exec, compile(filled, "client.md", "exec"), {})


async def test_the_example_of_work_runs_as_it_stands(service: Service, capsys) -> None:
    builder = await service.builder(desk=["fast"])

    running = asyncio.create_task(asyncio.to_thread(await example(service, 0)))
    await builder.work(result=b"SEQ: 1\n")
    await running

    assert capsys.readouterr().out.endswith("desk fast passed  SEQ: 1\n\nall passed\n")


async def test_the_example_of_typed_methods_runs_as_it_stands(service: Service, capsys) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    await service.dispatch()
    await builder.work("failed", log=b"\x1b[31mno answer\x1b[0m\n")
    await builder.work()

    await asyncio.to_thread(await example(service, 1))

    assert capsys.readouterr().out.endswith("desk  no answer\n\nshelf desk unknown\n")


async def test_what_is_not_typed_is_asked_by_its_path(service: Service) -> None:
    given = {"forge": "github", "full_name": "acme/app", "id": 7, "clone_url": "https://github.com/acme/app.git"}
    repository = (await service.local.post("/repositories", json=given)).json()["id"]

    told = await asyncio.to_thread(_by_path, Place(socket=service.settings.socket), f"/repositories/{repository}/caps")

    assert told == (3, 3, "changed_meanwhile")


def _by_path(place: Place, caps: str):
    with Client(place) as client:
        _, tag = client.tagged(caps)
        told = client.put(caps, {"repository": 3}, if_match=tag)
        try:
            client.put(caps, {}, if_match=tag)
        except Refused as refused:
            return told["own"]["repository"], client.get(caps)["repository"], refused.code


async def test_a_pipeline_of_a_preset_is_waited_for_too(service: Service) -> None:
    builder = await service.builder(desk=["fast"])
    opened = await service.dispatch()
    await builder.work()

    ended = await asyncio.to_thread(_wait, Place(socket=service.settings.socket), opened["id"])

    assert (ended.passed, len(ended.jobs)) == (True, 1)


def _wait(place: Place, pipeline_id: int) -> Pipeline:
    with Client(place) as client:
        return wait(client, pipeline_id)
