"""`rigline job`: one target's part of a pipeline, its log and its results."""

import json
import sys
from typing import Any

import click

from app.cli.artefact import artefact
from app.cli.asking import BAD, as_json, asks
from app.cli.output import coloured, details, duration, plain, say_json, table
from app.client import Client

ENDED = ("passed", "failed", "errored", "timed_out", "cancelled", "skipped")
DETAILS = {
    "id": "job",
    "pipeline_id": "pipeline",
    "state": "state",
    "reason": "reason",
    "waits": "waits for",
    "board_type": "board type",
    "configuration": "configuration",
    "tags": "tags",
    "created_at": "created",
    "started_at": "started",
    "ended_at": "ended",
    "url": "page",
}
ATTEMPT = {"epoch": "attempt", "builder": "builder", "board": "board", "phase": "phase", "exit_code": "exit status"}
ATTEMPT |= {"log_size": "log (bytes)", "log_dropped": "log cut (bytes)", "results": "results"}


@click.group()
def job() -> None:
    """Look at jobs, follow their logs, cancel and retry them."""


@job.command()
@click.argument("job_id", type=int)
@as_json
@asks
def show(client: Client, job_id: int, as_json: bool) -> None:
    """Show one job. Exits 1 if it ended without passing.

    \b
    Example:
      rigline job show 12
    """
    found = client.get(f"/jobs/{job_id}")
    if as_json:
        say_json(found)
    else:
        details({**found, "waits": (found.get("waits") or {}).get("text")}, DETAILS)
        if found["attempt"]:
            click.echo()
            details(found["attempt"], ATTEMPT)
            click.echo()
            table(found["attempt"]["phases"], {"phase": "PHASE", "seconds": "SECONDS", "exit_code": "EXIT STATUS"})
        if found["progress"]:
            click.echo()
            click.echo(_far(found["progress"]))
    sys.exit(BAD if found["state"] in ENDED and found["state"] != "passed" else 0)


@job.command()
@click.argument("job_id", type=int)
@click.option("-f", "--follow", is_flag=True, help="Go on until the job has ended.")
@click.option("--strip", is_flag=True, help="Without colours, also where they would be kept.")
@click.option("--search", "text", metavar="TEXT", help="Only lines that say this, with their numbers. Exits 1 if none.")
@click.option("--errors", is_flag=True, help="Only lines that look like an error, with their numbers.")
@asks
def log(client: Client, job_id: int, follow: bool, strip: bool, text: str | None, errors: bool) -> None:  # noqa: PLR0917
    """Print a job's log: as it is into a file or pipe, without escape sequences on a terminal.

    \b
    Example:
      rigline job log -f 12
      rigline job log 12 --errors
    """
    if text is not None or errors:
        _search(client, job_id, text)
        return
    if follow:
        _follow(client, job_id)
        return
    data = client.text(f"/jobs/{job_id}/log", strip=True if strip or sys.stdout.isatty() else None)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@job.command()
@click.argument("job_id", type=int)
@click.option("--number", type=click.IntRange(0), default=0, show_default=True, help="Of the run phase.")
@asks
def result(client: Client, job_id: int, number: int) -> None:
    """Print a result file, byte by byte as the board left it.

    \b
    Example:
      rigline job result 12 > result.json
    """
    sys.stdout.buffer.write(client.text(f"/jobs/{job_id}/result", number=number))
    sys.stdout.buffer.flush()


@job.command()
@click.argument("job_id", type=int)
@click.option("--reason", default="", help="Shown with the job.")
@as_json
@asks
def cancel(client: Client, job_id: int, reason: str, as_json: bool) -> None:
    """Cancel a job: a waiting one at once, a running one within seconds.

    \b
    Example:
      rigline job cancel 12
    """
    found = client.post(f"/jobs/{job_id}/cancel", {"reason": reason})
    if as_json:
        say_json(found)
    elif found["state"] in ENDED:
        click.echo(f"Job {job_id} is {coloured(found['state'])}.")
    else:
        click.echo(f"Job {job_id} was asked to end; it is {coloured(found['state'])} until its builder has stopped it.")


@job.command()
@click.argument("job_id", type=int)
@as_json
@asks
def retry(client: Client, job_id: int, as_json: bool) -> None:
    """Queue a new job in the place of one that has ended. The old one stays as it ended.

    \b
    Example:
      rigline job retry 12
    """
    found = client.post(f"/jobs/{job_id}/retry")
    if as_json:
        say_json(found)
    else:
        click.echo(f"Job {found['id']} stands in the place of job {job_id} now.")


@job.command()
@click.argument("job_id", type=int)
@asks
def delete(client: Client, job_id: int) -> None:
    """Delete an ended job with its log and results.

    \b
    Example:
      rigline job delete 12
    """
    client.delete(f"/jobs/{job_id}")
    click.echo(f"Job {job_id} is deleted.")


job.add_command(artefact)


def _search(client: Client, job_id: int, text: str | None) -> None:
    asked = {"errors": True} if text is None else {"text": text}
    found = client.get(f"/jobs/{job_id}/log/lines", **asked)
    for each in found["hits"]:
        click.echo(f"{each['line']}: {plain(each['text'])}")
    if not found["is_all"]:
        click.echo(f"There may be more behind line {found['lines']}.", err=True)
    sys.exit(0 if found["hits"] else BAD)


def _far(progress: dict[str, Any]) -> str:
    """Say how far a job is in one line."""
    expected, spent = progress["expected_s"], f"{progress['seconds']:.1f} s so far"
    if progress["share"] == 1.0:
        return "usually takes " + (f"{expected:.1f} s" if expected is not None else "nobody knows how long")
    if expected is None:
        return f"{spent}; none like it has passed yet"
    late = f"{progress['over_s']:.1f} s longer than usual" if progress["over_s"] else f"{progress['left_s']:.1f} s left"
    return f"{spent}, {late} ({100 * progress['share']:.0f} %)"


def _follow(client: Client, job_id: int) -> None:
    for event in client.events(f"/jobs/{job_id}/log/stream"):
        if event.kind in ("message", "log"):
            click.echo(plain(_text(event.data)), nl=False)
    found = client.get(f"/jobs/{job_id}")
    took = duration(found["started_at"], found["ended_at"])
    click.echo(f"Job {job_id} is {found['state']} after {took}. {plain(found['reason'])}".rstrip(), err=True)
    sys.exit(0 if found["state"] == "passed" else BAD)


def _text(data: str) -> str:
    """Read the text of a log event."""
    said = json.loads(data)
    return str(said["text"]) if isinstance(said, dict) else str(said)
