"""A preset without a commit takes the newest of its branch, as the forge tells it."""

from contextlib import asynccontextmanager

import httpx2

from app.main import create_app
from tests.specs.serving import serving

A, B = "a" * 40, "b" * 40


@asynccontextmanager
async def admin(world):
    """Speak with the service as who may open its socket."""
    app = create_app(world.deps)

    async def local(scope, receive, send):
        await app({**scope, "rigline.local": True}, receive, send)

    async with serving(local) as address, httpx2.AsyncClient(base_url=f"{address}/api/v1", trust_env=False) as http:
        yield http


async def test_demo_builds_the_newest_commit_of_any_repository_on_every_board(world):
    await world.offer("desk", "bench")
    world.repository.branches.update(main=A, next=B)
    async with admin(world) as http:
        several = await http.post("/presets/demo/dispatch")
        named = {"repository": "acme/firmware"}
        opened = await http.post("/presets/demo/dispatch", json={"arguments": named})
        other = await http.post("/presets/demo/dispatch", json={"arguments": named | {"branch": "next"}})
        none = await http.post("/presets/demo/dispatch", json={"arguments": named | {"branch": "nowhere"}})

    assert (several.status_code, "which repository" in several.text) == (409, True)
    assert [(each.json()["commit"], each.json()["kind"]) for each in (opened, other)] == [(A, "build"), (B, "build")]
    assert sorted(job["board_type"] for job in opened.json()["jobs"]) == ["bench", "desk"]
    assert (none.status_code, "no branch nowhere" in none.text) == (422, True)
