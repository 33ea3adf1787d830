"""`rigline repo`: which repositories are served."""

import click

from app.cli.asking import as_json, asks
from app.cli.output import say_json, table
from app.cli.repo_archive import export, import_
from app.cli.repo_caps import caps
from app.cli.repo_check import check
from app.cli.repo_erase import erase
from app.cli.repo_isolation import isolation
from app.cli.repo_policy import policy, served
from app.cli.repo_retention import retention
from app.cli.repo_secret import secret
from app.client import Client

COLUMNS = {"id": "ID", "forge": "FORGE", "full_name": "REPOSITORY", "default_branch": "BRANCH", "clone_url": "ADDRESS"}


@click.group()
def repo() -> None:
    """Say which repositories are served."""


@repo.command()
@click.argument("forge")
@click.argument("full_name", metavar="OWNER/NAME")
@click.option("--id", "forge_id", type=int, help="The forge's numeric id, if the forge cannot be asked.")
@click.option("--clone-url", help="Where to fetch it from; with --id only.")
@click.option("--default-branch", default="main", show_default=True, help="With --id only.")
@click.option("--private", is_flag=True, help="Fetch it with the forge's token; with --id only.")
@click.option("--create-webhook", is_flag=True, help="Make its webhook on the forge too, with a secret of its own.")
@as_json
@asks
def add(  # noqa: PLR0917  # click calls it by name
    client: Client,
    forge: str,
    full_name: str,
    forge_id: int | None,
    clone_url: str | None,
    default_branch: str,
    private: bool,
    create_webhook: bool,
    as_json: bool,
) -> None:
    """Serve a repository: its pushes and pull requests become pipelines.

    \b
    Example:
      rigline repo add github lvgl/lvgl
      rigline repo add gitlab group/sub/project --create-webhook
    """
    if clone_url is not None and forge_id is None:
        raise click.UsageError("--clone-url needs --id: without it the forge says both.")
    described = {"id": forge_id, "clone_url": clone_url, "default_branch": default_branch, "private": private}
    body = {"forge": forge, "full_name": full_name, **(described if forge_id is not None else {})}
    made = client.post("/repositories", body)
    if not as_json:
        click.echo(f"{made['full_name']} is served, as repository {made['id']}.")
    if create_webhook:
        made["webhook"] = client.post(f"/repositories/{made['id']}/webhook")
        if not as_json:
            click.echo(
                f"Its webhook leads to {made['webhook']['url']}. `rigline repo check` says whether it comes through."
            )
    if as_json:
        say_json(made)


@repo.command("list")
@as_json
@asks
def list_(client: Client, as_json: bool) -> None:
    """List the repositories that are served, and the remotes that dispatches named.

    \b
    Example:
      rigline repo list
    """
    found = list(client.items("/repositories"))
    if as_json:
        say_json({"items": found})
    else:
        table(found, COLUMNS)


@repo.command()
@click.argument("repository", metavar="ID|OWNER/NAME")
@click.option("--with-data", is_flag=True, help="Delete all that belongs to it too; asks for its name.")
@click.option("--dry-run", is_flag=True, help="With --with-data: only say how much that is.")
@click.option("--confirm", metavar="OWNER/NAME", help="Its name, where nobody can be asked.")
@asks
def remove(client: Client, repository: str, with_data: bool, dry_run: bool, confirm: str | None) -> None:
    """Stop serving a repository. Its history stays, and `repo add` serves it again.

    With --with-data its open jobs are cancelled, and pipelines, logs, results, histories and alerts are deleted for
    ever; what was done stays in the audit. `rigline repo export` takes them along before.

    \b
    Example:
      rigline repo remove lvgl/lvgl
      rigline repo remove lvgl/lvgl --with-data --dry-run
    """
    if with_data:
        erase(client, repository, dry_run=dry_run, confirm=confirm)
        return
    found = served(client, repository)
    client.delete(f"/repositories/{found['id']}")
    click.echo(f"{found['full_name']} is no longer served.")


repo.add_command(policy)
repo.add_command(caps)
repo.add_command(check)
repo.add_command(export)
repo.add_command(import_)
repo.add_command(isolation)
repo.add_command(retention)
repo.add_command(secret)
