"""The database of a service that may or may not be running: what backups and restorations work on."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from app.embedded import folder, services
from app.errors import StartupError
from app.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[None]:
    """Let the database answer: one of our own is started for as long, unless the service runs and has started it.

    Raises:
        StartupError: there is no service in the data directory.
    """
    with ExitStack() as stack:
        if settings.embeds_postgres:
            if not (settings.data_dir / "postgres").exists():
                raise StartupError(
                    f"There is no service in {settings.data_dir}. Set RIGLINE_DATA_DIR to its folder, or DATABASE_URL."
                )
            if not _is_running(settings, stack):
                stack.enter_context(services.running(settings.model_copy(update={"embeds_redis": False})))
        yield


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the data directory, if the service has a server of its own in it, and let the database answer.

    Raises:
        StartupError: `rigline serve` holds it.
    """
    with ExitStack() as stack:
        if settings.embeds_postgres or settings.embeds_redis:
            stack.enter_context(folder.held(settings.data_dir))
        if settings.embeds_postgres:
            stack.enter_context(services.running(settings.model_copy(update={"embeds_redis": False})))
        yield


def unwind_on_sigterm() -> None:
    """Let SIGTERM end a command as Ctrl-C does: what it began is taken back."""
    if threading.current_thread() is threading.main_thread():  # no other may say what a signal does
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def _is_running(settings: Settings, stack: ExitStack) -> bool:
    """Take the data directory; True if a running service has it."""
    try:
        stack.enter_context(folder.held(settings.data_dir))
    except StartupError:
        return True
    return False
