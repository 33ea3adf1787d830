"""A real service over real rows, and a real browser where there is one."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.pages.site import Site, running


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """Serve an empty database."""
    async with running(settings) as site:
        yield site
