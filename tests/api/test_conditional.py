"""Answers with tags: readers are not sent twice what they have, and nobody writes over what they did not see."""

import asyncio
from pathlib import Path
from typing import Any

from app.client import Client, Place, Refused
from tests.api.service import Service

READERS = ("/pipelines", "/builders", "/builders/shelf", "/boards", "/repositories", "/users", "/tokens", "/deliveries")


async def _repository(service: Service) -> int:
    given = {"forge": "github", "full_name": "acme/app", "id": 7, "clone_url": "https://github.com/acme/app.git"}
    made = await service.local.post("/repositories", json=given)
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


async def test_every_reader_answers_304_while_nothing_changed(service: Service) -> None:
    await service.builder()
    await service.dispatch()
    statuses = []
    for address in READERS:
        first = await service.local.get(address)
        again = await service.local.get(address, headers={"If-None-Match": first.headers["ETag"]})
        statuses.append((again.status_code, again.content, first.headers["Cache-Control"]))
    before = await service.local.get("/pipelines")
    await service.dispatch()
    after = await service.local.get("/pipelines", headers={"If-None-Match": before.headers["ETag"]})

    assert statuses == [(304, b"", "private, no-cache")] * len(READERS)
    assert after.status_code == 200


async def test_a_setting_that_somebody_changed_meanwhile_is_not_written_over(service: Service) -> None:
    address = f"/repositories/{await _repository(service)}/caps"
    seen = (await service.local.get(address)).headers["ETag"]

    first = await service.local.put(address, json={"repository": 2}, headers={"If-Match": seen})
    second = await service.local.put(address, json={"repository": 3}, headers={"If-Match": seen})
    third = await service.local.put(address, json={"repository": 4}, headers={"If-Match": first.headers["ETag"]})

    assert (first.status_code, second.status_code, third.status_code) == (200, 412, 200)
    assert second.json()["error"]["code"] == "changed_meanwhile"
    assert (await service.local.get(address)).json()["own"]["repository"] == 4


async def test_of_many_who_saw_the_same_setting_one_may_change_it(service: Service) -> None:
    address = f"/repositories/{await _repository(service)}/caps"
    seen = {"If-Match": (await service.local.get(address)).headers["ETag"]}

    answers = await asyncio.gather(
        *(service.local.put(address, json={"repository": 10 + each}, headers=seen) for each in range(8))
    )

    assert sorted(each.status_code for each in answers) == [200] + [412] * 7


async def test_a_delete_counts_only_for_what_was_seen(service: Service) -> None:
    await service.builder()
    stale = (await service.local.get("/builders/shelf")).headers["ETag"]
    await service.local.post("/builders/shelf/pause")

    refused = await service.local.delete("/builders/shelf", headers={"If-Match": stale})
    done = await service.local.delete("/builders/shelf", headers={"If-Match": "*"})

    assert (refused.status_code, done.status_code) == (412, 204)


async def test_the_client_hands_tags_on(service: Service) -> None:
    address = f"/repositories/{await _repository(service)}/caps"

    told = await asyncio.to_thread(_change_twice, service.settings.socket, address)

    assert told == (5, "changed_meanwhile")


def _change_twice(socket: Path, address: str) -> tuple[Any, str]:
    with Client(Place(socket=socket)) as client:
        _, tag = client.tagged(address)
        changed = client.put(address, {"repository": 5}, if_match=tag)
        try:
            client.put(address, {"repository": 6}, if_match=tag)
        except Refused as refused:
            return changed["own"]["repository"], refused.code
    return changed, ""


async def test_a_parameter_that_an_operation_does_not_know_is_refused(service: Service) -> None:
    await service.builder()

    answers = [await service.local.get(address) for address in ("/builders/shelf?colour=red", "/pipelines?page=2")]

    assert [each.status_code for each in answers] == [422, 422]
    assert "colour" in answers[0].json()["error"]["message"]
