"""`rigline worker`: run the service's tasks until SIGTERM or Ctrl-C."""

import click

from app import journal
from app.cli.start import check
from app.settings import Settings
from app.tasks.told import Told


@click.command()
def worker() -> None:
    """Run one worker for the service's tasks. Ends after the task at hand on SIGTERM."""
    told = Told()
    settings = Settings.load()
    check(settings)
    journal.configure(settings.log_format, settings.log_level)
    from app.tasks.worker import main  # after the checks: it loads all task code  # noqa: PLC0415

    main(settings, told)
