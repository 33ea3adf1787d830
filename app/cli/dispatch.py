"""`rigline dispatch`: build or run one commit now, and wait for the answer."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from app.cli import watching
from app.cli.asking import BAD, as_json, asks
from app.cli.output import cell, coloured, duration, plain, say_json
from app.cli.pipeline import counted
from app.client import Client, Json

INTERRUPTED = 130  # as shells say it of SIGINT

TOKEN = click.option(
    "--token",
    envvar="RIGLINE_REMOTE_TOKEN",
    help="For a private remote. Others see it in the list of processes; RIGLINE_REMOTE_TOKEN hides it.",
)
WAITS = (
    click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until all jobs have ended."),
    click.option("--quiet", is_flag=True, help="No live log while waiting."),
)
PLACES = (
    click.option("--remote-url", metavar="URL", help="Where to fetch from: a configured forge, or an allowed remote."),
    click.option("--repository", metavar="OWNER/NAME", help="One that is served, instead of --remote-url."),
    click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Each job's limit, from claim to end."),
    click.option("--board", "boards", multiple=True, help="A board or board type; may be repeated. Without it: all."),
    click.option("--tag", "tags", multiple=True, help="Only targets with this tag, or `-tag`: without it; repeatable."),
    click.option("--config", "configurations", multiple=True, help="Only this configuration; may be repeated."),
    TOKEN,
    *WAITS,
)
_OPTIONS = (
    *PLACES[:2],
    click.option("--commit-hash", required=True, help="Full hash."),
    *PLACES[2:],
    click.option(
        "--repeat", type=click.IntRange(1), default=1, show_default=True, help="So many runs; samples add up."
    ),
)


@click.group()
def dispatch() -> None:
    """Build or run one commit now, on the boards you choose."""


def _asks_for_work(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dispatch.command()
@_asks_for_work
@as_json
@asks
def build(client: Client, **options: Any) -> None:
    """Fetch and build a commit. Exits 0 only if every job passed.

    \b
    Example:
      rigline dispatch build --remote-url https://github.com/acme/app.git --commit-hash "$(git rev-parse HEAD)"
    """
    _dispatch(client, "build", **options)


@dispatch.command()
@_asks_for_work
@click.option("--expect-equal", is_flag=True, help="Exit 1 too if the boards' results are not the same text.")
@as_json
@asks
def run(client: Client, **options: Any) -> None:
    """Fetch, build and run a commit. Exits 0 only if every job passed.

    \b
    Example:
      rigline dispatch run --repository acme/app --commit-hash "$(git rev-parse HEAD)" --seconds 600 --tag arm64
    """
    _dispatch(client, "run", **options)


@dispatch.command()
@click.argument("name")
@click.option("--arg", "given", multiple=True, metavar="NAME=VALUE", help="An argument of the preset; repeatable.")
@click.option("--arg-json", metavar="JSON|@FILE", help="Arguments as one JSON object; --arg goes before it.")
@TOKEN
@WAITS[0]
@WAITS[1]
@as_json
@asks
def preset(client: Client, name: str, given: tuple[str, ...], arg_json: str | None, **options: Any) -> None:
    """Ask for a saved dispatch. Exits 0 only if every job passed. `rigline preset list` names them.

    \b
    Example:
      rigline dispatch preset nightly --arg level=release
    """
    body = {"arguments": {**_object(arg_json), **_pairs(given)}, "token": options.pop("token")}
    found = client.post(f"/presets/{quote(name, safe='')}/dispatch", body)
    _follow(client, found, **options)


def _object(text: str | None) -> Json:
    if text is None:
        return {}
    try:
        found = json.loads(Path(text[1:]).read_text() if text.startswith("@") else text)
    except (OSError, ValueError) as problem:
        raise click.UsageError(f"--arg-json: {problem}") from None
    if not isinstance(found, dict):
        raise click.UsageError('--arg-json: expected an object, as {"level": "release"}.')
    return found


def _pairs(given: tuple[str, ...]) -> Json:
    pairs = [each.partition("=") for each in given]
    wrong = [name for name, is_pair, _ in pairs if not is_pair]
    if wrong:
        raise click.UsageError(f"--arg {wrong[0]}: expected NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def _dispatch(  # options of a command
    client: Client,
    kind: str,
    *,
    wait: bool,
    quiet: bool,
    as_json: bool,
    expect_equal: bool = False,
    **asked: Any,
) -> None:
    if (asked["remote_url"] is None) == (asked["repository"] is None):
        raise click.UsageError("Give either --remote-url or --repository.")
    found = client.post("/pipelines", _body(kind, asked))
    _follow(client, found, wait=wait, quiet=quiet, as_json=as_json, expect_equal=expect_equal)


def _follow(client: Client, found: Json, *, wait: bool, quiet: bool, as_json: bool, expect_equal: bool = False) -> None:
    """Say what was opened, and unless nobody wants to wait, how it ended."""
    click.echo(f"Pipeline {found['id']}: {counted(found)}. {found['url']}", err=True)
    if not wait:
        _say_opened(found, as_json=as_json)
        return
    found = waited(client, found["id"], quiet=quiet)
    results = watching.results(client, found)
    equal = watching.are_equal(results)
    if as_json:
        say_json({**found, "results_equal": equal})
    else:
        _say_end(client, found, results)
    sys.exit(0 if found["state"] == "passed" and not (expect_equal and equal is False) else BAD)


def _body(kind: str, asked: Json) -> Json:
    commit = asked.pop("commit_hash").lower()
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in asked.items()}
    return {"kind": kind, "commit": commit, **given}


def _say_opened(found: Json, *, as_json: bool) -> None:
    if as_json:
        say_json(found)
    else:
        click.echo(f"rigline pipeline show {found['id']}")


def waited(client: Client, pipeline_id: int, *, quiet: bool) -> Json:
    """Wait until a pipeline has ended; a user who is tired of it is told how to go on."""
    try:
        return watching.until_ended(client, pipeline_id, quiet=quiet)
    except KeyboardInterrupt:
        click.echo(
            f"\nPipeline {pipeline_id} goes on. `rigline pipeline cancel {pipeline_id}` ends it, "
            f"`rigline pipeline show {pipeline_id}` looks at it.",
            err=True,
        )
        sys.exit(INTERRUPTED)


def _say_end(client: Client, found: Json, results: list[watching.Outcome]) -> None:
    """Print the verdict, then each log and result under the job it is of."""
    logs = [job for job in watching.current(found) if job["attempt"] and job["attempt"]["log_size"]]
    took = duration(found["created_at"], found["ended_at"])
    click.echo(
        f"Pipeline {found['id']} {coloured(found['state'])} after {took}: {_amount(len(logs), 'log')}, ", nl=False
    )
    click.echo(f"{_amount(sum(1 for each in results if each.texts), 'result')}")
    for job in watching.current(found):
        if job["state"] != "passed":
            click.echo(f"{watching.name(job)} {coloured(job['state'])}: {plain(job['reason']) or 'no reason given'}")
    for said in watching.comparison(results):
        click.echo(said)
    for job in logs:
        click.echo(f"\nLog of {_heading(job)}")
        click.echo(plain(client.text(f"/jobs/{job['id']}/log", strip=True).decode(errors="replace")).rstrip("\n"))
    for each in results:
        for text in each.texts:
            click.echo(f"\nResult of {_heading(each.job)}")
            click.echo(plain(text).rstrip("\n"))


def _heading(job: Json) -> str:
    return f"{job['id']} - {cell(job['board_type'])} {cell(job['configuration'])} [{cell(job['tags'])}]"


def _amount(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
