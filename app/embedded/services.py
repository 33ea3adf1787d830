"""Both servers together: what `rigline serve` runs when the settings name none."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from app.embedded import folder, postgres, valkey
from app.embedded.child import Child
from app.settings import Settings


@contextmanager
def running(
    settings: Settings, *, durable: bool = True, told: Callable[[str], None] = lambda _: None
) -> Iterator[list[Child]]:
    """Run the servers that the settings do not name; the caller holds the data directory.

    They listen where `settings.database_url` and `settings.redis_url` say.

    Args:
        told: hears of each server that is ready.
    Raises:
        StartupError: no binaries, or a server that did not start; says what to do.
    """
    servers = list(_wanted(settings, durable=durable))
    with ExitStack() as started:
        for server in servers:
            started.callback(server.stop)
            server.start()
            told(f"{server.name} is ready")
        yield servers


def _wanted(settings: Settings, *, durable: bool) -> Iterator[Child]:
    data_dir = settings.data_dir.absolute()
    logs = settings.log_dir or data_dir
    if settings.embeds_postgres:
        data = data_dir / "postgres"
        binaries = postgres.find(data, settings.postgres_bin)
        log = logs / "postgres.log"
        yield postgres.server(data, sockets=folder.sockets(data_dir), binaries=binaries, durable=durable, log=log)
    if settings.embeds_redis:
        log = logs / "valkey.log"
        yield valkey.server(data_dir / "valkey", sockets=folder.sockets(data_dir), durable=durable, log=log)
