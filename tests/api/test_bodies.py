"""Every body is bounded, of the right type, and strictly checked."""

from collections.abc import AsyncIterator

from tests.api.service import Service

JSON = {"Content-Type": "application/json"}


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
