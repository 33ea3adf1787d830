"""The command `rigline demo`."""

import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import click

from app.cli.demo import checks, sample, stage, story
from app.cli.demo.checks import Claim
from app.cli.demo.stage import NAME, OWNER, DemoError, Stage
from app.cli.demo.story import say
from app.client import Refused
from app.errors import Unreachable

DEFAULT_PORT = 8000


@click.command()
@click.option("--once", is_flag=True, help="End by itself; exit status 0 only if everything shown really happened.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Serve here, or on another if it is taken.",
)
def demo(once: bool, port: int) -> None:
    """Show the main job on a sample project, from a push to a chart.

    Everything runs on this machine: a forge in memory, the service with its own PostgreSQL and Valkey, and a builder
    with two boards. Nothing is kept.

    Example: rigline demo --once
    """
    try:
        sys.exit(asyncio.run(_demo(once=once, port=port)))
    except (DemoError, Refused, Unreachable) as problem:
        say(f"Error: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("\nStopped.")
        sys.exit(130)


async def _demo(*, once: bool, port: int) -> int:
    stopping = _listen_for_the_end()
    with tempfile.TemporaryDirectory(prefix="rigline-demo-") as folder:
        playing = asyncio.create_task(_play(Path(folder), stopping, once=once, port=port))
        ending = asyncio.create_task(stopping.wait())
        await asyncio.wait({playing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            say("\nStopping.")
            playing.cancel()
        ending.cancel()
        try:
            return await playing
        except asyncio.CancelledError:
            return 130 if once else 0


def _listen_for_the_end() -> asyncio.Event:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


async def _play(folder: Path, stopping: asyncio.Event, *, once: bool, port: int) -> int:
    begun = time.monotonic()
    say("Starting the service with its own PostgreSQL and Valkey, a forge in memory and a git server …")
    async with stage.raised(folder, port) as here:
        say(f"  {here.url}")
        say("Registering the repository and a builder with two boards …")
        variables = await story.register(here)
        async with stage.builder(here, variables):
            await story.boards_there(here)
            say(f"Pushing {len(here.sample.commits)} commits and a stranger's pull request as signed webhooks …")
            await story.push_everything(here)
            await story.watch(here)
            claims = await checks.all_claims(here)
            _report(claims, time.monotonic() - begun)
            if once:
                return 0 if all(claim.holds for claim in claims) else 1
            _invite(here)
            await stopping.wait()
            return 0


def _report(claims: list[Claim], seconds: float) -> None:
    click.echo(f"\nWhat really happened, in {seconds:.0f} s:")
    for claim in claims:
        click.echo(f"  {'ok  ' if claim.holds else 'FAIL'} {claim.what}" + (f" ({claim.found})" if claim.found else ""))


def _invite(here: Stage) -> None:
    """Name the pages that are worth a look while it runs."""
    repository = f"{here.url}/github/{OWNER}/{NAME}"
    broken, endless, fork = _addresses(here)
    click.echo("\nLook at:")
    for address, what in (
        (f"{repository}/history", "two steps in the speed of blend"),
        (f"{here.url}/pipelines", "all pipelines"),
        (broken, "the commit that does not build, with its logs"),
        (endless, "the configuration that never ended"),
        (fork, "the pull request that waits for approval"),
        (f"{here.url}/builders", "the builder and its boards"),
        (f"{here.url}/deliveries", "the webhooks, for the token of an admin"),
    ):
        click.echo(f"  {address:<52} {what}")
    click.echo(f"\nThe commands reach it by RIGLINE_DATA_DIR={os.fspath(here.folder / 'data')}")
    say("\nCtrl-C ends it.")


def _addresses(here: Stage) -> tuple[str, str, str]:
    commits = here.sample.commits
    wanted = (commits[sample.BROKEN], commits[sample.ENDLESS], here.sample.fork_commit)
    with here.client() as client:
        ids = {each["commit"]: each["id"] for each in client.items("/pipelines")}
    broken, endless, fork = (f"{here.url}/pipelines/{ids[commit]}" for commit in wanted)
    return broken, endless, fork
