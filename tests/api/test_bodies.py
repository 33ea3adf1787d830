"""Every body is bounded, of the right type, and strictly checked."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from app.web.api.operations import OPERATIONS
from tests.api.service import HASH, Service

JSON = {"Content-Type": "application/json"}
KEPT_IN_NO_ROW = {"token", "password", "confirm", "pattern", "at"}  # but sealed, hashed, or only looked at
READ_FIRST = {("Rules", "text"), ("WhichLines", "text")}  # by what refuses it, or finds nothing


BODIES: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"{", JSON, 422, "invalid"),
    (b"", JSON, 422, "invalid"),
    (b"[]", JSON, 422, "invalid"),
    (b'{"name": 1}', JSON, 422, "invalid"),
    (b'{"name": "\\ud800"}', JSON, 422, "invalid"),
    (b'{"name": "x", "more": 1}', JSON, 422, "invalid"),
    (b"[" * 100_000, JSON, 422, "invalid"),
    (b'{"name": "shelf"}', {"Content-Type": "text/plain"}, 415, "wrong_media_type"),
    (b'{"name": "shelf"}', {}, 415, "wrong_media_type"),
    (b"x" * ((1 << 20) + 1), JSON, 413, "too_large"),
]


async def test_a_wrong_body_is_a_clear_refusal(service: Service) -> None:
    for content, headers, status, code in BODIES:
        answer = await service.local.post("/builders", content=content, headers=headers)

        assert (content[:40], answer.status_code, answer.json()["error"]["code"]) == (content[:40], status, code)


async def test_a_body_without_a_declared_length_is_bounded_too(service: Service) -> None:
    async def without_end() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * (1 << 15)

    answer = await service.local.post("/builders", content=without_end(), headers=JSON)

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


async def test_a_body_of_which_nothing_is_required_may_be_left_out(service: Service) -> None:
    await service.builder()
    opened = await service.dispatch()

    answer = await service.local.post(f"/pipelines/{opened['id']}/cancel")

    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_a_refusal_never_repeats_a_secret(service: Service) -> None:
    answer = await service.local.post("/users", json={"name": "ada", "password": ["hunter2hunter2"]})

    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_no_text_that_a_row_keeps_may_hold_a_nul_which_the_database_does_not_take() -> None:
    given = {each for operation in OPERATIONS for each in (operation.query, operation.body) if each is not None}
    taken = {
        (each.__name__, name)
        for each in given
        for name, field in each.model_fields.items()
        if name not in KEPT_IN_NO_ROW and _takes(Annotated[field.annotation, field], "a\0b")
    }

    assert taken == READ_FIRST


def _takes(kind: Any, value: str) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


async def test_a_nul_in_a_text_that_is_only_looked_at_is_no_fault(service: Service) -> None:
    builder = await service.builder()
    served = {"forge": "github", "full_name": "acme/app", "id": 1}
    number = (await service.local.post("/repositories", json=served)).raise_for_status().json()["id"]
    opened = await service.dispatch(repository="acme/app", remote_url=None)
    await builder.work(log=b"one\n")
    place = {"repository": "acme/app", "commit": HASH, "board_type": "desk", "configuration": "fast"}

    rules = await service.local.put(f"/repositories/{number}/policy", json={"text": "a\0b"})
    found = await service.local.get(f"/jobs/{opened['jobs'][0]['id']}/log/lines", params={"text": "a\0b"})
    brought = await service.local.post("/imports", params={**place, "pattern": "a\0b"}, content=b"x")

    assert [each.status_code for each in (rules, found, brought)] == [422, 200, 422]
