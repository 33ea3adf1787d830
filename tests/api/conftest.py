"""A real service for every test."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from app.settings import Settings
from tests.api.service import WEBHOOK_SECRET, Service, running


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """Serve over the empty servers; a dispatch may fetch from git.example."""
    more = {"allowed_remotes": ("https://git.example/",), "github_webhook_secrets": (SecretStr(WEBHOOK_SECRET),)}
    allowed = settings.model_copy(update=more)
    async with running(allowed) as service:
        yield service
