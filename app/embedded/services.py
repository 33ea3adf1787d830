"""Both servers together: what `rigline serve` runs when the settings name none."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.embedded import folder, postgres, valkey
from app.embedded.child import Child
from app.settings import Settings


@contextmanager
def running(settings: Settings, *, durable: bool = True) -> Iterator[list[Child]]:
    """Run the servers that the settings do not name; the caller holds the data directory.

    They listen where `settings.database_url` and `settings.redis_url` say.

    Raises:
        StartupError: no binaries, or a server that did not start; says what to do.
    """
    servers = list(_wanted(settings, durable=durable))
    with ExitStack() as started:
        for server in servers:
            started.callback(server.stop)
            server.start()
        yield servers


def _wanted(settings: Settings, *, durable: bool) -> Iterator[Child]:
    data_dir = settings.data_dir.absolute()
    if settings.embeds_postgres:
        data = data_dir / "postgres"
        binaries = postgres.find(data, settings.postgres_bin)
        yield postgres.server(data, sockets=folder.sockets(data_dir), binaries=binaries, durable=durable)
    if settings.embeds_redis:
        yield valkey.server(data_dir / "valkey", sockets=folder.sockets(data_dir), durable=durable)
