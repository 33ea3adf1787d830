"""What happens in the demo: a builder arrives, a history is pushed, a stranger offers a change."""

import asyncio
import secrets
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click
import httpx2

from app.cli.demo import sample
from app.cli.demo.stage import NAME, OWNER, SECRET, DemoError, Stage
from integrations.fake import deliveries
from integrations.fake.deliveries import Person, Pull
from integrations.forge import Permission

PIPELINES = sample.COMMITS + 1  # every commit of main, and the fork's
JOBS = len(sample.BOARDS) * len(sample.CONFIGURATIONS)  # of one pipeline
OPEN = frozenset({"queued", "leased", "running"})
LIMIT = 300.0  # seconds for everything that was pushed
LOOK = 0.5
QUIET = 5.0  # seconds between two lines of progress where there is no terminal


def say(text: str) -> None:
    """Tell the audience."""
    click.echo(text, err=True)


async def register(stage: Stage) -> dict[str, str]:
    """Add the repository and a builder as an administrator does; returns the agent's variables."""
    return await asyncio.to_thread(_register, stage)


def _register(stage: Stage) -> dict[str, str]:
    with stage.client() as client:
        client.post("/repositories", {"forge": "github", "full_name": f"{OWNER}/{NAME}"})
        created = client.post("/builders", {"name": "workbench"})
        password = secrets.token_urlsafe(9)
        client.post("/users/root", {"name": "demo", "password": password})
    say(f"  to press buttons sign in as demo, password {password}")
    return {"RIGLINE_BUILDER_ID": created["name"], "RIGLINE_BUILDER_TOKEN": created["token"]}


async def boards_there(stage: Stage) -> None:
    """Wait until the builder has said which boards it has."""
    async with asyncio.timeout(60):
        while len(await asyncio.to_thread(_items, stage, "/boards")) < len(sample.BOARDS):
            await asyncio.sleep(LOOK)


async def push_everything(stage: Stage) -> None:
    """Send the pushes of main one by one, and a pull request from a fork, as signed webhooks."""
    ada = Person(id=stage.world.grant(stage.repository.id, "ada", Permission.WRITE), name="ada")
    sam = Person(id=stage.world.account("sam"), name="sam")
    async with httpx2.AsyncClient() as http:
        before = deliveries.ZERO
        for commit, title in zip(stage.sample.commits, sample.TITLES, strict=True):
            push = deliveries.github_push(stage.repository, commit, SECRET, before=before, sender=ada, message=title)
            await stage.send(http, push)
            before = commit
        fork = type(stage.repository)(id=815, full_name=f"sam/{NAME}")
        pull = Pull(
            number=1, head=stage.sample.fork_commit, branch="faster", author=sam, fork=fork, title="Offer a faster fill"
        )
        await stage.send(http, deliveries.github_pull_request(stage.repository, "opened", pull, SECRET))


async def watch(stage: Stage) -> None:
    """Show the progress until every job that may run has ended."""
    begun, shown = time.monotonic(), 0.0
    while True:
        pipelines = await asyncio.to_thread(_items, stage, "/pipelines")
        jobs = sum((Counter(each["counts"]) for each in pipelines), Counter[str]())
        seconds = time.monotonic() - begun
        if sys.stderr.isatty() or time.monotonic() - shown > QUIET:
            _progress(jobs, seconds)
            shown = time.monotonic()
        if len(pipelines) == PIPELINES and not OPEN & {each["state"] for each in pipelines}:
            break
        if seconds > LIMIT:
            raise DemoError(f"after {LIMIT:g} s there is still work: {_words(jobs)}; the logs are in {stage.folder}")
        await asyncio.sleep(LOOK)
    if sys.stderr.isatty():
        click.echo("", err=True)
    say(f"  all done after {seconds:.0f} s: {_words(jobs)}")


def _progress(jobs: Mapping[str, int], seconds: float) -> None:
    text = f"  {seconds:3.0f} s  {_words(jobs)}"
    if sys.stderr.isatty():
        click.echo(f"\r{text:<100}", err=True, nl=False)
    else:
        say(text)


def _words(jobs: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(jobs.items())) or "nothing yet"


def _items(stage: Stage, path: str) -> list[dict[str, Any]]:
    with stage.client() as client:
        return list(client.items(path))
