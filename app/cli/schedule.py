"""`rigline schedule`: the rules of repositories that go by the clock."""

from typing import Any

import click

from app.cli.asking import as_json, asks
from app.cli.output import say_json, table
from app.client import Client
from app.client.answers import ScheduleRow

LIST = {"id": "ID", "repository": "REPOSITORY", "rule": "RULE", "cron": "SCHEDULE", "zone": "ZONE", "next": "NEXT"}
LIST |= {"last_at": "LAST"}


@click.group()
def schedule() -> None:
    """Look at rules that go by the clock, run one now, let one rest."""


@schedule.command("list")
@click.option("--repository", metavar="OWNER/NAME", help="Of this repository.")
@as_json
@asks
def list_(client: Client, repository: str | None, as_json: bool) -> None:
    """List the rules that go by the clock.

    \b
    Example:
      rigline schedule list --repository acme/app
    """
    found = list(client.list_schedules(repository=repository))
    if as_json:
        say_json({"items": found})
    else:
        table([{**each, "next": _next(each)} for each in found], LIST)


@schedule.command()
@click.argument("schedule_id", type=int)
@as_json
@asks
def run(client: Client, schedule_id: int, as_json: bool) -> None:
    """Run a rule now, at the newest commits of its branches; its next time stays.

    \b
    Example:
      rigline schedule run 3
    """
    opened = client.run_schedule(schedule_id)
    if as_json:
        say_json(opened)
    else:
        for pipeline_id in opened["pipelines"]:
            click.echo(f"rigline pipeline show {pipeline_id}")


@schedule.command()
@click.argument("schedule_id", type=int)
@as_json
@asks
def pause(client: Client, schedule_id: int, as_json: bool) -> None:
    """Let a rule rest until somebody resumes it.

    \b
    Example:
      rigline schedule pause 3
    """
    _say(client.pause_schedule(schedule_id), as_json=as_json)


@schedule.command()
@click.argument("schedule_id", type=int)
@as_json
@asks
def resume(client: Client, schedule_id: int, as_json: bool) -> None:
    """Let a rule go on at its next time; what it slept through is passed over.

    \b
    Example:
      rigline schedule resume 3
    """
    _say(client.resume_schedule(schedule_id), as_json=as_json)


def _say(found: ScheduleRow, *, as_json: bool) -> None:
    if as_json:
        say_json(found)
    else:
        click.echo(f"Rule {found['rule']} of {found['repository']}: next {_next(found)}.")


def _next(found: ScheduleRow) -> Any:
    return f"paused by {found['paused_by']}" if found["paused_at"] else found["next_at"]
