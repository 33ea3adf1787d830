"""`rigline backup`: the whole service in one file, and what can be done with such files besides restoring them."""

import asyncio
import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

from app.backup import reading, writing
from app.backup.manifest import BadArchive, Contents
from app.cli import at_hand
from app.cli.asking import as_json, asks
from app.cli.output import details, say_json, table
from app.cli.progress import Line, amount
from app.client import Client
from app.settings import Settings

BAD = 1
COLUMNS = {"begun_at": "BEGUN", "size": "SIZE", "rows": "ROWS", "machine": "MACHINE", "file": "FILE"}
LONGEST = 4096  # bytes of a passphrase's file
NAMES = {
    "made_at": "made",
    "rigline": "by Rigline",
    "revision": "schema",
    "postgres": "from PostgreSQL",
    "tables": "tables",
    "rows": "rows",
    "bytes": "bytes",
    "secret_key": "secret key",
}


class _FileFirst(click.Group):
    """`rigline backup FILE` is `rigline backup write FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_known = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if is_known else ["write", *args])


@click.group(cls=_FileFirst)
def backup() -> None:
    """Copy the whole service into one file while it goes on; look at such files.

    \b
    Example:
      rigline backup /backup/rigline-2026-11-22.rig
      rigline backup check /backup/rigline-2026-11-22.rig
    """


def passphrase_option(command: Any) -> Any:
    """Give a command `passphrase`, read from a file."""
    return click.option(
        "--passphrase-file",
        "passphrase",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        callback=lambda _ctx, _param, path: None if path is None else _passphrase(path),
        help="The archive is sealed under the passphrase in this file.",
    )(command)


@backup.command()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--with-secret-key", is_flag=True, help="Put RIGLINE_SECRET_KEY into the archive too.")
@passphrase_option
@as_json
def write(file: Path, with_secret_key: bool, passphrase: bytes | None, as_json: bool) -> None:
    """Write the whole service into a new file, while it goes on or is stopped; `-` writes to the output.

    The word `write` may be left out. The file holds everything but Redis, which holds no truth, and the secret key,
    without which the secrets in it stay sealed: keep that elsewhere, or say --with-secret-key.

    \b
    Example:
      rigline backup rigline.rig
      rigline backup - --passphrase-file /etc/rigline/passphrase | ssh vault 'cat > rigline.rig'
    """
    settings = Settings.load(keeps_secret_key=False)  # not before it is clear that there is a service
    to_output = str(file) == "-"
    if to_output and sys.stdout.isatty():
        raise click.UsageError("An archive is nothing for a terminal: give a file, or send the output into one.")
    at_hand.unwind_on_sigterm()
    line = Line("Backup")
    try:
        with at_hand.database(settings):
            key = Settings.load().secret_key.get_secret_value()
            wish = writing.Wish(secret_key=key, holds_key=with_secret_key, passphrase=passphrase)
            wrote = asyncio.run(_write(settings.database_url, None if to_output else file, wish, line))
    finally:
        line.end()
    _say(wrote, file, as_json=as_json and not to_output, to_err=to_output)


@backup.command()
@click.argument("file", type=click.Path(path_type=Path))
@passphrase_option
@as_json
def check(file: Path, passphrase: bytes | None, as_json: bool) -> None:
    """Read a whole archive and say whether it is what was written. Exits 1 if it is not, or cannot be restored here.

    \b
    Example:
      rigline backup check rigline.rig
    """
    found = checked(file, passphrase)
    if as_json:
        click.echo(json.dumps(summary(found) | {"file": str(file)}, indent=2))
        return
    details(summary(found), NAMES)
    click.echo(f"{file} is whole.", err=True)


@backup.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@as_json
@asks
def list_(client: Client, limit: int, as_json: bool) -> None:
    """List the backups that the service made by the clock, the newest first (RIGLINE_BACKUP_DIR).

    \b
    Example:
      rigline backup list
    """
    found = list(islice(client.items("/backups"), limit))
    if as_json:
        say_json({"items": found})
        return
    table([each | {"size": _outcome(each)} for each in found], COLUMNS)


def _outcome(each: dict[str, Any]) -> str:
    if each["ended_at"] is None:
        return "is being written"
    gone = ", removed since" if each["removed_at"] else ""
    return f"{amount(each['size'])}{gone}" if each["size"] is not None else f"failed: {each['error']}"


def checked(file: Path, passphrase: bytes | None) -> Contents:
    """Check an archive; ends the command with a sentence and status 1 if it is bad."""
    line = Line("Checking")
    try:
        found = reading.check(file, passphrase, tell=line.tell)
        reading.fits(found.manifest)
    except BadArchive as bad:
        line.end()
        click.echo(f"Error: {file}: {bad}", err=True)
        sys.exit(BAD)
    line.end()
    return found


def summary(found: Contents) -> dict[str, Any]:
    """Say what is in an archive, without the secret key."""
    said = found.manifest
    return {
        "made_at": said.made_at,
        "rigline": said.rigline,
        "revision": said.revision,
        "postgres": said.postgres,
        "tables": len(said.tables),
        "rows": found.rows,
        "bytes": found.bytes,
        "secret_key": "in the archive" if said.secret_key else "not in the archive",
    }


async def _write(url: str, file: Path | None, wish: writing.Wish, line: Line) -> Contents:
    def tell(progress: writing.Progress) -> None:
        line.tell(progress.bytes, progress.of_bytes, progress.table)

    if file is None:
        return await writing.write(url, cast(BinaryIO, sys.stdout.buffer), wish, tell)
    return await writing.write_file(url, file, wish, tell)


def _say(wrote: Contents, file: Path, *, as_json: bool, to_err: bool) -> None:
    if as_json:
        click.echo(json.dumps(summary(wrote) | {"file": str(file), "size": file.stat().st_size}, indent=2))
        return
    size = "" if to_err else f" in {amount(file.stat().st_size)}"
    click.echo(
        f"{wrote.rows:,} rows of {len(wrote.sums)} tables{size}, schema {wrote.manifest.revision}: {file}", err=to_err
    )
    if wrote.manifest.secret_key is None:
        click.echo("The secret key is not in it: keep RIGLINE_SECRET_KEY elsewhere, a restoration needs it.", err=True)


def _passphrase(path: Path) -> bytes:
    given = path.read_bytes()[: LONGEST + 1].strip()
    if not given or len(given) > LONGEST:
        raise click.BadParameter(f"{path} holds no passphrase of 1 to {LONGEST} bytes.")
    return given
