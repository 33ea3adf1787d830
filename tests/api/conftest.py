"""A real service for every test."""

from collections.abc import AsyncIterator

import pytest

from app.settings import Settings
from tests.api.service import Service, running


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """Serve over the empty servers; a dispatch may fetch from git.example."""
    allowed = settings.model_copy(update={"allowed_remotes": ("https://git.example/",)})
    async with running(allowed) as service:
        yield service
