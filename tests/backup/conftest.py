"""A lab with a past, and room beside it for what is restored."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.backup import writing
from app.backup.container import Reader, Writer
from app.db.session import arguments
from app.settings import Settings
from tests.conftest import Emptier
from tests.ground.test_migrations import empty_database
from tests.pages.site import Site, running

KEY = "only for tests"


@dataclass(frozen=True)
class Place:
    """A database without anything in it."""

    url: str

    async def rows(self, asked: str) -> list[Any]:
        """Ask it something."""
        connection = await asyncpg.connect(**arguments(self.url))
        try:
            return [tuple(row) for row in await connection.fetch(asked)]
        finally:
            await connection.close()


def rewritten(archive: Path, **said: Any) -> Path:
    """Write an archive again that says something else of itself."""
    other = archive.with_name(f"other-{len(list(archive.parent.iterdir()))}.rig")
    with archive.open("rb") as source, other.open("wb") as sink:
        reader, writer = Reader(source), Writer(sink)
        writer.begin(replace(reader.manifest, **said))
        for table, data in reader.pieces():
            writer.piece(table, data)
        for table, each in reader.sums.items():
            writer.count(table, each.rows)
        writer.end()
    return other


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """Serve an empty database."""
    async with running(settings) as site:
        yield site


@pytest.fixture
async def elsewhere(servers: Settings, emptier: Emptier) -> AsyncIterator[Place]:
    """Give another database of the same server, empty."""
    async with empty_database(emptier, servers.database_url) as url:
        yield Place(url)


@pytest.fixture
async def serve(settings: Settings) -> AsyncIterator[Callable[[str], Awaitable[Site]]]:
    """Give what serves another database, with an empty Redis."""
    async with AsyncExitStack() as stack:

        async def start(url: str) -> Site:
            return await stack.enter_async_context(over(settings, url))

        yield start


@asynccontextmanager
async def over(settings: Settings, url: str) -> AsyncIterator[Site]:
    """Serve a database beside an empty Redis."""
    folder = settings.data_dir / "restored"
    folder.mkdir()
    async with running(settings.model_copy(update={"database_url": url, "data_dir": folder})) as site:
        site.deps.redis_sync.flushall()
        yield site


@pytest.fixture
async def archive(site: Site, tmp_path: Path) -> Path:
    """Write an archive of one repository with a pipeline."""
    repository = await site.repository()
    await site.job(await site.pipeline(repository), "passed")
    file = tmp_path / "small.rig"
    await writing.write_file(site.deps.settings.database_url, file, writing.Wish(secret_key=KEY))
    return file
