"""Both servers together: what `rigline serve` runs when the settings name none."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.embedded import folder, postgres, valkey
from app.settings import Settings


@contextmanager
def running(settings: Settings, *, durable: bool = True) -> Iterator[None]:
    """Run the servers that the settings do not name; the caller holds the data directory.

    They listen where `settings.database_url` and `settings.redis_url` say.

    Raises:
        StartupError: no binaries, or a server that did not start; says what to do.
    """
    data_dir = settings.data_dir.absolute()
    with ExitStack() as servers:
        if settings.embeds_postgres:
            data = data_dir / "postgres"
            binaries = postgres.find(data, settings.postgres_bin)
            sockets = folder.sockets(data_dir)
            servers.enter_context(postgres.running(data, sockets=sockets, binaries=binaries, durable=durable))
        if settings.embeds_redis:
            sockets = folder.sockets(data_dir)
            servers.enter_context(valkey.running(data_dir / "valkey", sockets=sockets, durable=durable))
        yield
