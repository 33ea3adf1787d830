from contextlib import AsyncExitStack

import pytest

from app.handlers import policy
from app.settings import Settings
from tests.specs.world import World


@pytest.fixture
async def world(settings: Settings, monkeypatch):
    monkeypatch.setattr(policy, "HEAD_S", 0)  # tests move branches without the push that tells of it
    async with AsyncExitStack() as stack:
        built = await World.build(settings, stack)
        yield built
