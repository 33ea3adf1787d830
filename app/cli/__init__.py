"""The `rigline` command. Each subcommand is imported only when it is called or asked for help.

So the client commands start fast, and work in the base install without the server's packages.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from app.errors import StartupError, Unreachable

WRONG_USAGE, UNREACHABLE = 2, 3
SERVER_MISSING = "needs the server's packages, and {missing} is not installed: pip install 'rigline[server,embedded]'"

# name: (module:attribute, the line in `rigline --help`)
COMMANDS: dict[str, tuple[str, str]] = {
    "install": ("app.cli.instance:install", "Install the service into a folder of its own, or bring it up to date."),
    "start": ("app.cli.instance:start", "Start an installed service in the background."),
    "stop": ("app.cli.instance:stop", "Stop an installed service."),
    "restart": ("app.cli.instance:restart", "Stop and start an installed service."),
    "status": ("app.cli.instance:status", "Say how an installed service is, and where it is reached."),
    "ports": ("app.cli.instance:ports_", "Show the ports of an installed service, or find others."),
    "upgrade": ("app.cli.instance:upgrade", "Bring an installed service to newer code, and back if that fails."),
    "uninstall": ("app.cli.instance:uninstall", "Remove an installed service."),
    "serve": ("app.cli.serve:serve", "Run the whole service: web, worker and, without settings, its servers."),
    "web": ("app.cli.web:web", "Run one web process."),
    "worker": ("app.cli.worker:worker", "Run one worker for the service's tasks."),
    "demo": ("app.cli.demo.command:demo", "Show the main job on a sample project, from a push to a chart."),
    "admin": ("app.cli.admin:admin", "Make users and tokens."),
    "repo": ("app.cli.repo:repo", "Say which repositories are served."),
    "github": ("app.cli.github:github", "Make the GitHub App that the service acts as."),
    "config": ("app.cli.config:config", "Check the rules of a repository before they are pushed."),
    "builder": ("app.cli.builder:builder", "Make builders, look at them, say whether they get jobs."),
    "board": ("app.cli.board:board", "Look at boards and their health, check, hold and release them."),
    "dispatch": ("app.cli.dispatch:dispatch", "Build or run one commit now, and wait for the answer."),
    "preset": ("app.cli.preset:preset", "Save dispatches under a name."),
    "schedule": ("app.cli.schedule:schedule", "Look at rules that go by the clock, run one now, let one rest."),
    "chart": ("app.cli.chart:chart", "Draw one metric of several result files."),
    "compare": ("app.cli.compare:compare", "Hold one commit against another on the boards."),
    "pipeline": ("app.cli.pipeline:pipeline", "Look at pipelines, cancel, retry, approve and delete them."),
    "job": ("app.cli.job:job", "Look at jobs, follow their logs, cancel and retry them."),
    "bisect": ("app.cli.bisect:bisect", "Find the commit that shifted a level, on the boards that show it."),
    "alerts": ("app.cli.alerts:alerts", "Look at where histories moved, judge it, and mute what is not to be trusted."),
    "results": ("app.cli.results:results", "Show what a job, or all jobs of a commit, measured."),
    "history": ("app.cli.history:history", "Show how a benchmark moved, and say what happened at its commits."),
    "import": ("app.cli.importing:import_", "Bring results from elsewhere: one file, or a whole history."),
    "notify": ("app.cli.notify:notify", "Say who is told of alerts and failed pipelines, by mail or webhook."),
    "api": ("app.cli.api:api", "Send any request to the API and print its answer."),
    "replay": ("app.cli.replay:replay", "Handle a kept delivery once more."),
    "doctor": ("app.cli.doctor:doctor", "Check that this service could work."),
    "backup": ("app.cli.backup:backup", "Copy the whole service into one file while it goes on; look at such files."),
    "restore": ("app.cli.restore:restore", "Bring such a file back into an empty service."),
    "retention": ("app.cli.retention:retention", "Remove now what the settings keep no longer, or say what that is."),
    "db": ("app.cli.db:db", "Look at the database's schema, or upgrade it."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command. A missing server package is the user's to install, not a crash."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        try:
            with _plain(), _heard_afterwards():
                found = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] in ("app", "builders", "integrations"):
                raise
            raise click.ClickException(f"`{cmd_name}` " + SERVER_MISSING.format(missing=error.name)) from None
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a process that cannot start says why, without a trace."""
        try:
            return super().invoke(ctx)
        except StartupError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(UNREACHABLE if isinstance(error, Unreachable) else WRONG_USAGE)


@contextmanager
def _heard_afterwards() -> Iterator[None]:
    """Hear a Ctrl-C when the import is over: in a callback of the garbage collector it would be lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _plain() -> Iterator[None]:
    """Import as where rich is not installed: structlog would load it, 4 MB of each process, for traces we never show.

    The server's packages do not bring it, but development tools do.
    """
    is_ours = sys.modules.setdefault("rich", None) is None  # type: ignore[arg-type]  # Python's word for: not there
    try:
        yield
    finally:
        if is_ours:
            del sys.modules["rich"]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rigline", prog_name="rigline")
def main() -> None:
    """Run every push and pull request on real boards, and keep every measurement."""
