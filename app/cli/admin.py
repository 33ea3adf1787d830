"""`rigline admin`: users and their tokens."""

import sys
from pathlib import Path
from typing import Any

import click

from app import environment
from app.cli import admin_people
from app.cli.asking import as_json, asks
from app.cli.audit_trail import audit
from app.cli.grants import grant, grants, revoke
from app.cli.output import say_json, table
from app.client import Client
from app.rights import Right, Role

SHORTEST_PASSWORD = 8
NONE = "none"  # as a role
RIGHT = click.Choice([right.value for right in Right])
ROLE = click.Choice([*(role.value for role in Role), NONE])


@click.group()
def admin() -> None:
    """Make users and tokens. On the service's machine its Unix socket needs no token."""


def _password_options(command: Any) -> Any:
    command = click.option(
        "--password-file",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
        help="Read it from this file; - is standard input.",
    )(command)
    return command


@admin.command()
@click.option("--username", required=True, help="Name of the first user.")
@_password_options
@as_json
@asks
def create_root_user(client: Client, username: str, password_file: Path | None, as_json: bool) -> None:
    """Make the first user, an admin. Refused once there is any user.

    The password is asked for, or read from --password-file or RIGLINE_PASSWORD.

    \b
    Example:
      rigline admin create-root-user --username ada
    """
    made = client.post("/users/root", {"name": username, "password": _password(password_file)})
    if as_json:
        say_json(made)
    else:
        click.echo(f"{made['name']} may now do everything. Make a token: rigline admin create-token {made['name']}")


@admin.command()
@click.argument("name")
@click.option("--role", type=ROLE, default=Role.COMMITTER.value, show_default=True, help="In all repositories.")
@click.option("--no-password", is_flag=True, help="Only tokens, as for a program.")
@_password_options
@as_json
@asks
def create_user(  # noqa: PLR0917  # click calls it by name
    client: Client,
    name: str,
    role: str,
    no_password: bool,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Make a user.

    An admin may do everything; a maintainer approves, configures and looks after the lab; a committer dispatches,
    cancels and triages; a reviewer approves, cancels and triages; an observer reads. With `none` it may do in single
    repositories what is granted there.

    \b
    Example:
      rigline admin create-user ci --role committer --no-password
    """
    chosen = None if no_password else _password(password_file)
    made = client.post("/users", {"name": name, "password": chosen, "role": _role(role)})
    if as_json:
        say_json(made)
    else:
        click.echo(f"{made['name']} is a user now, with {_with(made['role'])}.")


@admin.command()
@click.argument("name")
@click.argument("role", type=ROLE)
@asks
def set_role(client: Client, name: str, role: str) -> None:
    """Give a user another role in all repositories, or `none`. The last admin stays one.

    \b
    Example:
      rigline admin set-role ada maintainer
    """
    client.put(f"/users/{name}/role", {"role": _role(role)})
    click.echo(f"{name} has {_with(_role(role))} from now on.")


@admin.command()
@click.argument("user")
@click.option("--name", default="commands", show_default=True, help="What the token is for.")
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="How long it is valid.")
@click.option("--right", "rights", multiple=True, type=RIGHT, help="Only this of what the user may; several add up.")
@click.option("--repository", help="Only in this one, by full name.")
@as_json
@asks
def create_token(  # noqa: PLR0917  # click calls it by name
    client: Client, user: str, name: str, days: int, rights: tuple[str, ...], repository: str | None, as_json: bool
) -> None:
    """Make a token for a user. It is shown this once; only a hash of it is kept.

    \b
    Example:
      eval "$(rigline admin create-token ada)"
      rigline admin create-token ci --right read --right dispatch --repository acme/firmware --days 90
    """
    narrow = {"rights": list(rights) or None, "repository": repository}
    made = client.post("/tokens", {"user": user, "name": name, "days": days, **narrow})
    if as_json:
        say_json(made)
    else:
        click.echo(f"export RIGLINE_TOKEN={made['token']}")


admin.add_command(audit)
admin.add_command(grant)
admin.add_command(revoke)
admin.add_command(grants)


@admin.command()
@click.argument("token_id", type=int)
@asks
def revoke_token(client: Client, token_id: int) -> None:
    """Make a token worthless at once.

    \b
    Example:
      rigline admin revoke-token 3
    """
    client.delete(f"/tokens/{token_id}")
    click.echo(f"Token {token_id} is revoked.")


@admin.command()
@click.argument("name")
@asks
def delete_user(client: Client, name: str) -> None:
    """Delete a user and all its tokens. The last admin stays.

    \b
    Example:
      rigline admin delete-user ci
    """
    client.delete(f"/users/{name}")
    click.echo(f"{name} is gone.")


@admin.command("list")
@as_json
@asks
def list_(client: Client, as_json: bool) -> None:
    """List users and tokens, without secrets.

    \b
    Example:
      rigline admin list --json
    """
    users, tokens = list(client.items("/users")), list(client.items("/tokens"))
    if as_json:
        say_json({"users": users, "tokens": tokens})
        return
    table(users, {"name": "USER", "role": "ROLE", "tokens": "TOKENS", "created_at": "SINCE"})
    click.echo()
    columns = {"id": "TOKEN", "user": "USER", "name": "FOR", "expires_at": "UNTIL", "used_at": "LAST USED"}
    narrowed = [{**each, "rights": ", ".join(each["rights"] or ["all"])} for each in tokens]
    table(narrowed, {**columns, "revoked_at": "REVOKED", "rights": "RIGHTS", "repository": "ONLY IN"})


for each in admin_people.ALL:
    admin.add_command(each)


def _role(chosen: str) -> str | None:
    return None if chosen == NONE else chosen


def _with(role: str | None) -> str:
    return f"the role {role}" if role else "no role"


def _password(file: Path | None) -> str:
    """Take the password from a file, from RIGLINE_PASSWORD, or from a person at a terminal; never from an option."""
    given = environment.named("RIGLINE_PASSWORD").get("RIGLINE_PASSWORD")
    if file is not None:
        chosen = (sys.stdin.read() if str(file) == "-" else file.read_text()).rstrip("\n")
    elif given:
        chosen = given
    elif sys.stdin.isatty():
        chosen = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise click.UsageError("No terminal to ask for the password: give --password-file or RIGLINE_PASSWORD.")
    if len(chosen) < SHORTEST_PASSWORD:
        raise click.UsageError(f"The password is too short: {SHORTEST_PASSWORD} characters at least.")
    return chosen
