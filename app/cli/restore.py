"""`rigline restore`: bring an archive back into an empty service."""

import asyncio
import os
import sys
from pathlib import Path

import click

from app.backup import reading, restoring
from app.backup.manifest import BadArchive, Manifest
from app.cli import at_hand
from app.cli.backup import BAD, checked, passphrase_option
from app.cli.progress import Line, amount
from app.embedded import valkey
from app.errors import StartupError
from app.settings import Settings, keep_secret_key, known_secret_key

KEY_MISSING = (
    "The secrets in the archive are sealed under the secret key of the service that it is of, and that is not here: "
    "set RIGLINE_SECRET_KEY to it{place}. It is not in the archive."
)
KEY_IN_ARCHIVE = (
    "RIGLINE_SECRET_KEY is not set. The archive holds the key: --write-secret-key FILE writes it into a file for "
    "RIGLINE_SECRET_KEY_FILE."
)
KEY_WRONG = (
    "The secrets in the archive are sealed under another secret key than this service's. Give the key of the service "
    "that it is of; if that is lost, --another-key restores all else, and webhook secrets have to be given anew."
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Only read the whole archive and say whether it is good.")
@click.option("--replace", is_flag=True, help="Drop the service that the database holds now.")
@click.option("--yes", is_flag=True, help="Do not ask before --replace.")
@click.option("--another-key", is_flag=True, help="Another secret key: what is sealed in the archive is lost.")
@click.option(
    "--write-secret-key", type=click.Path(path_type=Path), metavar="FILE", help="Write the archive's key here."
)
@passphrase_option
def restore(  # noqa: PLR0917  # click calls it by name
    file: Path,
    only_check: bool,
    replace: bool,
    yes: bool,
    another_key: bool,
    write_secret_key: Path | None,
    passphrase: bytes | None,
) -> None:
    """Bring an archive back into an empty service that does not run: all of it, or nothing.

    The whole archive is checked first. Its schema is brought to this Rigline's. Redis is not needed: what was queued
    is queued again when the service starts, and what ran then counts as lost and runs again.

    \b
    Example:
      rigline restore rigline.rig
      DATABASE_URL=postgres://rigline@db.example.org/rigline rigline restore rigline.rig --replace
    """
    found = checked(file, passphrase)
    if only_check:
        click.echo(f"{file} is whole: {found.rows:,} rows, schema {found.manifest.revision}.")
        return
    if write_secret_key is not None:
        _write_key(found.manifest, write_secret_key)
    settings = Settings.load(keeps_secret_key=False)
    key = _key(found.manifest, settings, another_key=another_key)
    if replace and not yes:
        _ask(settings)
    at_hand.unwind_on_sigterm()
    _restore(file, settings, passphrase, replace=replace, of_bytes=found.bytes)
    if key is not None:
        keep_secret_key(settings.data_dir, key)
    click.echo(
        f"{found.rows:,} rows, {amount(found.bytes)}, are back. Start the service: rigline serve, or web and worker."
    )


def _restore(file: Path, settings: Settings, passphrase: bytes | None, *, replace: bool, of_bytes: int) -> None:
    line = Line("Restoring")
    try:
        with at_hand.alone(settings):
            work = restoring.restore(
                settings.database_url,
                file,
                passphrase=passphrase,
                replace=replace,
                tell=lambda done: line.tell(done, of_bytes),
            )
            asyncio.run(work)
            if settings.embeds_redis:
                valkey.forget(settings.data_dir)
    except BadArchive as bad:
        line.end()
        click.echo(f"Error: {file}: {bad}", err=True)
        sys.exit(BAD)
    finally:
        line.end()


def _key(said: Manifest, settings: Settings, *, another_key: bool) -> str | None:
    """Insist on the secret key; give the archive's if the data directory is to get it."""
    known = known_secret_key()
    if known is not None:
        if not reading.opens(said, known) and not another_key:
            raise StartupError(KEY_WRONG)
        return None
    if said.secret_key is not None and settings.embeds_postgres:
        return said.secret_key
    if another_key:
        return None
    if said.secret_key is not None:
        raise StartupError(KEY_IN_ARCHIVE)
    place = f", or put it into {settings.data_dir / 'secret-key'}" if settings.embeds_postgres else ""
    raise StartupError(KEY_MISSING.format(place=place))


def _write_key(said: Manifest, file: Path) -> None:
    if said.secret_key is None:
        raise StartupError("The archive does not hold the secret key.")
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(said.secret_key)
    except OSError as problem:
        raise StartupError(f"Cannot write {file}: {problem.strerror}.") from None


def _ask(settings: Settings) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("--replace drops what the database holds now: say --yes too where nobody can be asked.")
    where = settings.data_dir if settings.embeds_postgres else "the database of DATABASE_URL"
    click.confirm(f"Drop the service in {where} and put the archive in its place?", abort=True)
