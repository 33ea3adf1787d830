"""Whoever asks GitHub for something that its description does not know fails the test in which that happens."""

import httpx2
import pytest

from integrations.fake.server import GITHUB, FakeServer
from integrations.fake.world import FakeRepository, World
from tests.forges.described import watched
from tests.specs.serving import serving

STATUS = f"/repos/acme/app/statuses/{'a' * 40}"
HEADERS = {"accept": "application/vnd.github+json", "user-agent": "rigline"}
GOOD = {"state": "pending", "context": "rigline/run", "description": "1 job queued"}


async def asked(method, path, *, lost=False, headers=HEADERS, **more):
    """Ask as some process of Rigline would, and give what is found wrong with it."""
    world = World()
    world.add(FakeRepository(42, "acme/app"))

    async def lose(_method, _path):
        raise ConnectionError

    world.gate = lose if lost else None
    with watched() as wrong:
        async with serving(FakeServer(world)) as address, httpx2.AsyncClient(trust_env=False) as http:
            await http.request(method, address + GITHUB + path, headers=headers, **more)
    assert len(world.calls) == 1
    return wrong


@pytest.mark.parametrize(
    ("method", "path", "more", "what"),
    [
        ("POST", STATUS, {"json": {**GOOD, "colour": "red"}}, "Additional properties"),
        ("POST", STATUS, {"json": {**GOOD, "state": "running"}}, "is not one of"),
        ("POST", STATUS, {"json": {"context": "x"}}, "required property"),
        ("PUT", STATUS, {"json": GOOD}, "is not described"),
        ("GET", "/repos/acme/app/nothing/of/this/kind", {}, "is not described"),
        ("GET", "/repos/acme/app/pulls", {"params": {"colour": "red"}}, "has no query"),
        ("POST", STATUS, {"json": GOOD, "headers": {**HEADERS, "user-agent": "curl"}}, ""),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
async def test_what_github_does_not_describe_is_noticed_also_when_the_answer_is_lost(method, path, more, what, lost):
    [wrong] = await asked(method, path, lost=lost, **more)

    assert wrong.startswith(f"{method} {GITHUB}{path}")
    assert what in wrong


async def test_what_github_describes_is_fine():
    assert await asked("POST", STATUS, json=GOOD) == []
