"""A service over real HTTP, with scripted builders."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from app.settings import Settings
from tests.dispatch.world import World


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    """Run one web process' worth of service in this process."""
    async with AsyncExitStack() as stack:
        yield await World.build(settings, stack)
