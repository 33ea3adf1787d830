"""The `rigline-builder` command."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from builders.config import Config, ConfigError, load

BAD, USAGE, UNREACHABLE = 1, 2, 3


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: rigline-builder --config builder.toml validate",
)
@click.option(
    "-c",
    "--config",
    "path",
    envvar="RIGLINE_BUILDER_CONFIG",
    default="builder.toml",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="builder.toml, or an EJ config.toml. [env: RIGLINE_BUILDER_CONFIG]",
)
@click.pass_context
def main(context: click.Context, path: Path) -> None:
    """Fetch, build and run jobs on the boards of this machine."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    context.obj = path


def configuration(path: Path) -> Config:
    """Read the configuration, or end the command with what is wrong in it."""
    try:
        return load(path)
    except ConfigError as problem:
        fail(str(problem), BAD)


def check_address(server: str) -> None:
    """Refuse what is no address of a service."""
    if not server.startswith(("http://", "https://")):
        raise click.BadParameter("must begin with http:// or https://", param_hint="--server")


def fail(text: str, status: int) -> NoReturn:
    """End the command with a message."""
    click.echo(f"rigline-builder: {text}", err=True)
    sys.exit(status)


@main.command(epilog="Example: rigline-builder --config builder.toml parse --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def parse(path: Path, as_json: bool) -> None:
    """Read the configuration and print what it says. Changes nothing."""
    from builders.listing import as_lines, as_value

    config = configuration(path)
    if as_json:
        click.echo(json.dumps(as_value(config), indent=2))
    else:
        click.echo("\n".join(as_lines(config)))


@main.command(epilog="Example: rigline-builder --config builder.toml init")
@click.pass_obj
def init(path: Path) -> None:
    """Write a commented configuration that works as it is. Exits 1 if the file exists."""
    from builders import starting

    try:
        starting.write(path)
    except FileExistsError:
        fail(f"{path} exists: remove it, or name another file with --config", BAD)
    except OSError as problem:
        fail(f"{path} cannot be written: {problem.strerror}", BAD)
    click.echo(f"{path} is written. Try it: rigline-builder --config {path} validate")


@main.command(epilog="Example: rigline-builder --config builder.toml validate --tree ~/src/project")
@click.option(
    "--tree",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("."),
    help="Work tree to build in, as it is. EJ configurations use their library_path.  [default: this folder]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_obj
def validate(path: Path, tree: Path, as_json: bool) -> None:
    """Build all configurations, then run all, here and now, without a service and without a checkout.

    Exits 1 if a build fails, and then nothing is run, or if a run fails.
    """
    from builders import standalone

    config = configuration(path)
    checks = standalone.validate(config, tree.absolute(), quiet=as_json)
    if as_json:
        click.echo(json.dumps(checks, indent=2))
    else:
        click.echo("\n".join(standalone.summary(checks)))
    sys.exit(0 if all(each["outcome"] in ("passed", "skipped") for each in checks) else BAD)


@main.command(
    epilog="Example: rigline-builder checkout --remote-url https://forge.example/you/project.git --commit-hash HASH"
)
@click.option("--commit-hash", required=True, help="Full hash of the commit.")
@click.option("--remote-url", required=True, help="Address to fetch from, without a token.")
@click.option("--ref", help="A ref that holds the commit, for servers that give no bare hashes.")
@click.option(
    "--remote-token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with a token for an https remote. [env: RIGLINE_REMOTE_TOKEN, the token itself]",
)
@click.pass_obj
def checkout(path: Path, commit_hash: str, remote_url: str, ref: str | None, remote_token_file: Path | None) -> None:
    """Fetch a commit and check it out in every work tree, as a job would."""
    from builders import standalone

    token = remote_token_file.read_text(encoding="utf-8").strip() if remote_token_file else None
    problem = standalone.checkout(configuration(path), remote_url, commit_hash, ref, token)
    if problem:
        fail(problem, BAD)


@main.command(epilog="Example: rigline-builder reproduce 4711 --server https://ci.example")
@click.argument("job", type=click.IntRange(1))
@click.option("--server", envvar="RIGLINE_URL", required=True, help="Address of the service. [env: RIGLINE_URL]")
@click.option("--board", help="Board of this builder to take.  [default: the one it was on, else one of its type]")
@click.pass_obj
def reproduce(path: Path, job: int, server: str, board: str | None) -> None:
    """Do a job of the service again here, with its log on the terminal: same commit, configuration and board.

    RIGLINE_REMOTE_TOKEN may hold a token for a private remote. Exits 1 if it does not pass. No agent may use the
    same state folder meanwhile, since both would use the boards: drain it first.
    """
    from builders import reproducing

    check_address(server)
    try:
        verdict = reproducing.reproduce(configuration(path), server, job, board)
    except reproducing.NotReproduced as problem:
        fail(str(problem), problem.status)
    click.echo(f"Job {job} here: {verdict.outcome}" + (f", {verdict.reason}" if verdict.reason else ""), err=True)
    sys.exit(0 if reproducing.is_good(verdict) else BAD)


@main.command(epilog="Example: RIGLINE_BUILDER_TOKEN=… rigline-builder connect --server https://ci.example")
@click.option("--server", envvar="RIGLINE_URL", required=True, help="Address of the service. [env: RIGLINE_URL]")
@click.pass_obj
def connect(path: Path, server: str) -> None:
    """Register the boards with the service and work until Ctrl-C.

    RIGLINE_BUILDER_ID and RIGLINE_BUILDER_TOKEN (or RIGLINE_BUILDER_TOKEN_FILE) say who this builder is.
    Ctrl-C ends the jobs politely and reports them; a second one kills them. Exits 3 if the service cannot be
    reached at the start, 1 if it refuses this builder.
    """
    from builders import connecting

    check_address(server)
    problem, status = connecting.connect(configuration(path), server)
    if problem:
        fail(problem, status)


@main.command(epilog="Example: rigline-builder unit --name shelf --token-file ~/token --server https://ci.example")
@click.option("--server", envvar="RIGLINE_URL", required=True, help="Address of the service. [env: RIGLINE_URL]")
@click.option(
    "--name", envvar="RIGLINE_BUILDER_ID", required=True, help="Name of this builder. [env: RIGLINE_BUILDER_ID]"
)
@click.option("--token-file", required=True, type=click.Path(path_type=Path), help="File with its token.")
@click.option("--account", help="Account that the agent runs as.  [default: a unit of your own systemd, as you]")
@click.pass_obj
def unit(path: Path, server: str, name: str, token_file: Path, account: str | None) -> None:
    """Print a systemd unit that starts this agent, watches it and ends it."""
    from builders import unit as writing

    program = Path(sys.argv[0]).absolute()
    text = writing.unit(
        name=name, program=program, config=path.absolute(), token=token_file.absolute(), server=server, user=account
    )
    click.echo(text, nl=False)


@main.command(epilog="Example: rigline-builder --config builder.toml drain")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until the agent has ended.")
@click.pass_obj
def drain(path: Path, wait: bool) -> None:
    """Let this machine's running agent finish its jobs, take no new ones, and end. Exits 1 if no agent runs."""
    from builders.state import default_root
    from builders.state import drain as drain_agent

    root = configuration(path).state_dir or default_root(os.environ.get("RIGLINE_BUILDER_ID", ""))
    if not drain_agent(root, wait=wait):
        fail(f"no agent uses {root}: nothing to drain; RIGLINE_BUILDER_ID or --config may name another one", BAD)
    click.echo("The agent has ended." if wait else "The agent ends when its jobs have ended.")


@main.command(epilog="Example: rigline-builder doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.option("--server", envvar="RIGLINE_URL", help="Also try to reach this service. [env: RIGLINE_URL]")
@click.pass_obj
def doctor(path: Path, as_json: bool, server: str | None) -> None:
    """Check that this builder could run a job. Exits 1 if a check fails."""
    from dataclasses import asdict

    from builders import doctor as checks

    found = checks.examine(path, server)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        for finding in found:
            click.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}")
            if not finding.ok:
                click.echo(f"     try: {finding.remedy}", err=True)
    sys.exit(0 if all(finding.ok for finding in found) else BAD)


if __name__ == "__main__":
    main(prog_name="rigline-builder")
