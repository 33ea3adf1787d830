"""Answers of a forge that want to lead us, and our token, somewhere else."""

import json

import pytest

from integrations.forge import RepositoryFacts
from tests.forges.conftest import made
from tests.specs.serving import serving

A = "a" * 40
FULL = 100  # branches on a page
ASKED = RepositoryFacts(id=1, full_name="acme/app", clone_url="", default_branch="main", private=False)


@pytest.mark.parametrize("forge", ["github", "gitlab"])
async def test_s11_a_next_page_elsewhere_is_not_asked_for(forge):
    asked, stolen = [], []

    async def thief(scope, _receive, send):
        stolen.append(scope["path"])
        await answer(send, [], {})

    async def liar(scope, _receive, send):
        asked.append(scope["query_string"].decode())
        branch = {"name": "b", "commit": {"sha": A, "id": A}}
        more = {"link": f'<{elsewhere}/steal?page=2>; rel="next"', "x-next-page": "2", "x-page": "1"}
        await answer(send, [branch] * (FULL if len(asked) == 1 else 1), more)

    async with serving(thief) as elsewhere, serving(liar) as address:
        client = made(forge, None, address)
        branches = await client.branches(ASKED)
        await client.close()

    assert len(branches) == FULL + 1
    assert len(asked) == 2
    assert stolen == []


async def answer(send, data, headers):
    encoded = [
        (name.encode(), value.encode()) for name, value in {"content-type": "application/json", **headers}.items()
    ]
    await send({"type": "http.response.start", "status": 200, "headers": encoded})
    await send({"type": "http.response.body", "body": json.dumps(data).encode()})
