"""`rigline pipeline`: all our work for one commit."""

import sys
from typing import Any

import click

from app.cli.asking import BAD, as_json, asks
from app.cli.job import ENDED
from app.cli.output import coloured, details, duration, say_json, table
from app.client import Client

STATES = ("awaiting_approval", "queued", "running", *ENDED)
LIST = {"id": "ID", "state": "STATE", "kind": "KIND", "repository": "REPOSITORY", "short": "COMMIT", "where": "BRANCH"}
LIST |= {"jobs": "JOBS", "took": "TOOK", "created_at": "CREATED"}
DETAILS = {
    "id": "pipeline",
    "state": "state",
    "error": "problem",
    "kind": "kind",
    "trigger": "trigger",
    "rule": "rule",
    "requested_by": "asked for by",
    "repository": "repository",
    "commit": "commit",
    "title": "title",
    "branch": "branch",
    "pull_request": "pull request",
    "trust": "trust",
    "created_at": "created",
    "ended_at": "ended",
    "url": "page",
}
JOBS = {"id": "JOB", "state": "STATE", "board_type": "BOARD", "configuration": "CONFIGURATION", "tags": "TAGS"}
JOBS |= {"took": "TOOK", "reason": "REASON"}


@click.group()
def pipeline() -> None:
    """Look at pipelines, cancel, retry, approve and delete them."""


@pipeline.command("list")
@click.option("--commit", help="Full hash, or its beginning.")
@click.option("--repository", metavar="OWNER/NAME", help="Full name.")
@click.option("--state", type=click.Choice(STATES), help="In this state.")
@click.option("--branch", help="Of this branch.")
@click.option("--pull-request", type=int, help="Of the pull request with this number.")
@click.option("-n", "--most", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@as_json
@asks
def list_(client: Client, most: int, as_json: bool, **conditions: Any) -> None:
    """List pipelines, the newest first.

    \b
    Example:
      rigline pipeline list --branch main --state failed
    """
    found = list(client.items("/pipelines", most=most, **conditions))
    if as_json:
        say_json({"items": found})
    else:
        table([_row(each) for each in found], LIST)


@pipeline.command()
@click.argument("pipeline_id", type=int)
@as_json
@asks
def show(client: Client, pipeline_id: int, as_json: bool) -> None:
    """Show one pipeline with its jobs. Exits 1 if it ended without passing.

    \b
    Example:
      rigline pipeline show 7
    """
    found = client.get(f"/pipelines/{pipeline_id}")
    if as_json:
        say_json(found)
    else:
        say(found)
    sys.exit(BAD if found["state"] in ENDED and found["state"] != "passed" else 0)


@pipeline.command()
@click.argument("pipeline_id", type=int)
@click.option("--reason", default="", help="Shown with the jobs.")
@as_json
@asks
def cancel(client: Client, pipeline_id: int, reason: str, as_json: bool) -> None:
    """Cancel all jobs that have not ended.

    \b
    Example:
      rigline pipeline cancel 7
    """
    _say(client.post(f"/pipelines/{pipeline_id}/cancel", {"reason": reason}), as_json=as_json)


@pipeline.command()
@click.argument("pipeline_id", type=int)
@as_json
@asks
def retry(client: Client, pipeline_id: int, as_json: bool) -> None:
    """Retry every job that ended without passing.

    \b
    Example:
      rigline pipeline retry 7
    """
    _say(client.post(f"/pipelines/{pipeline_id}/retry"), as_json=as_json)


@pipeline.command()
@click.argument("pipeline_id", type=int)
@click.option("--sha", required=True, help="Full hash of the commit that you looked at.")
@as_json
@asks
def approve(client: Client, pipeline_id: int, sha: str, as_json: bool) -> None:
    """Trust exactly this commit of a fork: its jobs may run on your boards.

    \b
    Example:
      rigline pipeline approve 7 --sha 0123456789abcdef0123456789abcdef01234567
    """
    _say(client.post(f"/pipelines/{pipeline_id}/approve", {"sha": sha}), as_json=as_json)


@pipeline.command()
@click.argument("pipeline_id", type=int)
@asks
def delete(client: Client, pipeline_id: int) -> None:
    """Delete an ended pipeline with its jobs, logs, results and measurements.

    \b
    Example:
      rigline pipeline delete 7
    """
    client.delete(f"/pipelines/{pipeline_id}")
    click.echo(f"Pipeline {pipeline_id} is deleted.")


def say(found: dict[str, Any]) -> None:
    """Print a pipeline with its jobs."""
    details(found, DETAILS)
    click.echo()
    jobs = [
        {**job, "took": duration(job["started_at"], job["ended_at"])} for job in found["jobs"] if not job["replaced"]
    ]
    table(jobs, JOBS)


def _say(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(found)
    else:
        click.echo(f"Pipeline {found['id']} is {coloured(found['state'])}: {counted(found)}.")


def counted(found: dict[str, Any]) -> str:
    """Write how many jobs are in which state."""
    return ", ".join(f"{number} {state}" for state, number in found["counts"].items()) or "no jobs"


def _row(found: dict[str, Any]) -> dict[str, Any]:
    where = f"#{found['pull_request']}" if found["pull_request"] else found["branch"]
    took = duration(found["started_at"], found["ended_at"])
    return {**found, "short": found["commit"][:10], "where": where, "jobs": sum(found["counts"].values()), "took": took}
