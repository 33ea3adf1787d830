from contextlib import AsyncExitStack

import pytest

from app.settings import Settings
from tests.specs.world import World


@pytest.fixture
async def world(settings: Settings):
    async with AsyncExitStack() as stack:
        built = await World.build(settings, stack)
        yield built
