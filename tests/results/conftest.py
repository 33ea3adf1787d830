"""A service over empty servers, to put result files into."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.pages.site import Site, running
from tests.results.lines import History


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """Serve an empty database."""
    async with running(settings) as site:
        yield site


@pytest.fixture
async def history(site: Site) -> History:
    """Serve a repository without any history yet."""
    return await History.begin(site)
