"""`rigline repo secret`: webhook secrets of one repository."""

import secrets
import sys
from pathlib import Path

import click

from app.cli.asking import as_json, asks
from app.cli.output import say_json, table
from app.cli.repo_policy import served
from app.client import Client

COLUMNS = {"id": "ID", "kind": "KIND", "whose": "WHOSE", "added_at": "ADDED"}
NEW_BYTES = 32  # of a secret that is made here
LONGEST = 4096  # characters of a file: a longer one is no secret


@click.group()
def secret() -> None:
    """Give a repository webhook secrets of its own: only they count for its deliveries then.

    Several count at once, so that a secret is changed without a gap: add one, give it to the forge, remove the old one.
    """


@secret.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@click.option(
    "--file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True), help="Holds it; -: input."
)
@click.option("--signing", is_flag=True, help="It is GitLab's signing key, whsec_…; with --file.")
@click.option("--installation", is_flag=True, help="For all repositories of the App's installation.")
@as_json
@asks
def add(  # noqa: PLR0917  # click calls it by name
    client: Client, repository: str, file: Path | None, signing: bool, installation: bool, as_json: bool
) -> None:
    """Add a secret: the one in a file, or a new one, which is printed once and cannot be read again.

    \b
    Example:
      rigline repo secret add lvgl/lvgl
      rigline repo secret add acme/firmware --signing --file key.txt
    """
    if signing and file is None:
        raise click.UsageError("--signing needs --file: GitLab makes the key, and shows it once.")
    found = served(client, repository)
    text = _read(file) if file is not None else secrets.token_urlsafe(NEW_BYTES)
    kind, whose = "signing" if signing else "secret", "installation" if installation else "repository"
    made = client.post(f"/repositories/{found['id']}/secrets", {"text": text, "kind": kind, "whose": whose})
    if as_json:
        say_json(made | ({} if file is not None else {"text": text}))
        return
    click.echo(f"Secret {made['id']} counts for {found['full_name']}. Give it to the forge's webhook.", err=True)
    if file is None:
        click.echo(text)


@secret.command("list")
@click.argument("repository", metavar="ID|OWNER/NAME")
@as_json
@asks
def list_(client: Client, repository: str, as_json: bool) -> None:
    """List the secrets that a repository has, by when they were added: nobody can read them.

    \b
    Example:
      rigline repo secret list lvgl/lvgl
    """
    told = client.get(f"/repositories/{served(client, repository)['id']}/secrets")
    if as_json:
        say_json(told)
    elif told["items"]:
        table(told["items"], COLUMNS)
    else:
        click.echo("It has none: those of the settings count.", err=True)


@secret.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@click.argument("secret_id", type=int, metavar="SECRET")
@asks
def remove(client: Client, repository: str, secret_id: int) -> None:
    """Forget a secret: what is signed with it is refused from now on.

    \b
    Example:
      rigline repo secret remove lvgl/lvgl 3
    """
    found = served(client, repository)
    client.delete(f"/repositories/{found['id']}/secrets/{secret_id}")
    click.echo(f"Secret {secret_id} counts no more for {found['full_name']}.")


def _read(file: Path) -> str:
    text = sys.stdin.read(LONGEST) if str(file) == "-" else file.read_text()[:LONGEST]
    return text.strip()
