"""`rigline admin`: where users are signed in, and what proves who they are."""

import click

from app.cli.asking import as_json, asks
from app.cli.output import say_json, table
from app.client import Client

FORGE = click.Choice(["github", "gitlab"])


@click.command()
@click.argument("user")
@as_json
@asks
def reset_password(client: Client, user: str, as_json: bool) -> None:
    """Make a link with which a user sets a password, once and within a day. It is shown this once.

    \b
    Example:
      rigline admin reset-password ada
    """
    made = client.post(f"/users/{user}/reset", {})
    if as_json:
        say_json(made)
    else:
        click.echo(made["link"])


@click.command()
@click.argument("user")
@click.option("--forge", type=FORGE, required=True, help="Where the account is.")
@click.option("--login", required=True, help="The login that the account has now.")
@as_json
@asks
def link(client: Client, user: str, forge: str, login: str, as_json: bool) -> None:
    """Let a user sign in with an account on GitHub or GitLab. From then on the account's number counts.

    \b
    Example:
      rigline admin link ada --forge github --login ada-l
    """
    linked = client.post(f"/users/{user}/identities", {"forge": forge, "login": login})["items"]
    if as_json:
        say_json(linked)
        return
    made = next(each for each in linked if each["forge"] == forge)
    click.echo(f"{made['login']} (account {made['forge_id']} of {forge}) signs in as {user}.")


@click.command()
@click.argument("user")
@click.option("--forge", type=FORGE, required=True, help="Where the account is.")
@asks
def unlink(client: Client, user: str, forge: str) -> None:
    """Let a user sign in with an account on a forge no more. Sessions that began with it end.

    \b
    Example:
      rigline admin unlink ada --forge github
    """
    client.delete(f"/users/{user}/identities/{forge}")
    click.echo(f"No account on {forge} signs in as {user} any more.")


@click.command()
@click.option("--user", help="Of this user.  [default: of everybody]")
@as_json
@asks
def sessions(client: Client, user: str | None, as_json: bool) -> None:
    """List the browsers that are signed in.

    \b
    Example:
      rigline admin sessions --user ada
    """
    found = list(client.items("/sessions", user=user))
    if as_json:
        say_json(found)
        return
    columns = {"id": "SESSION", "user": "USER", "agent": "BROWSER", "address": "FROM", "way": "BY"}
    table(found, {**columns, "made_at": "SINCE", "used_at": "LAST USED", "ends_at": "ENDS"})


@click.command()
@click.argument("session_id", type=int)
@asks
def revoke_session(client: Client, session_id: int) -> None:
    """End a session at once: its browser has to sign in again.

    \b
    Example:
      rigline admin revoke-session 12
    """
    client.delete(f"/sessions/{session_id}")
    click.echo(f"Session {session_id} has ended.")


@click.command()
@click.argument("user")
@asks
def sign_out(client: Client, user: str) -> None:
    """End all sessions of a user at once.

    \b
    Example:
      rigline admin sign-out ada
    """
    client.delete(f"/users/{user}/sessions")
    click.echo(f"Every browser of {user} has to sign in again.")


ALL = (reset_password, link, unlink, sessions, revoke_session, sign_out)
