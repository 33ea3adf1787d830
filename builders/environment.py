"""What a script sees: its arguments, its folder, its environment. Never the builder's own secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from builders.config import Board, Config, Configuration
from builders.process import Command
from builders.protocol import Lease, Phase

ALWAYS = ("PATH", "HOME", "LANG")
ALSO_EJ = ("TERM", "USER")  # EJ scripts expect their user's environment
OWN = ("RIGLINE_BUILDER_", "EJB_")
ARGUMENT = "RIGLINE_ARG_"
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")  # of an argument
SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|API_?KEY", re.IGNORECASE)
SDK_FOLDER = Path(__file__).with_name("sdk")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where one job happens."""

    config: Config
    configuration: Configuration
    lease: Lease
    tree: Path
    results: Path
    seen: Path | None = None  # where scripts find the tree; None: where it is
    socket: Path
    serial_log: Path | None = None  # what the board's console says, as it is
    also: Mapping[str, str] = field(default_factory=dict)  # variables of this very phase: of a comparison's side


def command(scene: Scene, phase: Phase, outside: Mapping[str, str] = os.environ) -> Command:
    """Put together the command of a build or run phase."""
    words = scene.configuration.build if phase is Phase.BUILD else scene.configuration.run
    if scene.configuration.ej:
        board, name = scene.lease.board, scene.configuration.name
        argv: tuple[str, ...] = (words[0], str(phase), str(scene.config.path), board, name, str(scene.socket))
        return Command(argv=argv, cwd=Path.cwd(), env=variables(scene, phase, outside))
    argv = tuple(_fill(word, scene) for word in words)
    return Command(
        argv=(_program(argv[0], scene.config), *argv[1:]), cwd=scene.tree, env=variables(scene, phase, outside)
    )


def variables(scene: Scene, phase: Phase, outside: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Make the whole environment of a script; untrusted code gets no secrets."""
    passed = scene.config.environment if scene.lease.trusted else scene.config.sandbox.environment
    wanted = (*ALWAYS, *(ALSO_EJ if scene.configuration.ej else ()), *passed)
    kept = {name: outside[name] for name in wanted if name in outside and not name.startswith(OWN)}
    own = {
        name: value
        for name, value in scene.configuration.environment.items()
        if scene.lease.trusted or not SECRET_NAME.search(name)
    }
    paths = [str(SDK_FOLDER), *filter(None, [own.get("PYTHONPATH", "")])]
    return kept | {
        **own,
        "PYTHONPATH": os.pathsep.join(paths),
        "RIGLINE_ACTION": str(phase),
        "RIGLINE_BOARD": scene.lease.board,
        **_of_further(scene),
        "RIGLINE_CONFIGURATION": scene.configuration.name,
        "RIGLINE_RESULTS": str(scene.results),
        "RIGLINE_SOCKET": str(scene.socket),
        "RIGLINE_COMMIT": scene.lease.source.commit,
        "RIGLINE_REPOSITORY": scene.lease.source.name,
        "RIGLINE_JOB": str(scene.lease.job_id),
        "RIGLINE_WORKTREE": str(scene.seen or scene.tree),
        **{f"{ARGUMENT}{name.upper()}": value for name, value in scene.lease.arguments.items() if NAME.fullmatch(name)},
        **({} if scene.serial_log is None else {"RIGLINE_SERIAL_LOG": str(scene.serial_log)}),
        **scene.also,
    }


def _of_further(scene: Scene) -> dict[str, str]:
    """Name all boards of a job that has several, one a line, its own first; and their consoles in the same order."""
    if not scene.lease.further:
        return {}
    boards = [scene.config.board(name) for name in (scene.lease.board, *scene.lease.further)]
    consoles = ["" if each.serial is None else str(each.serial.device) for each in boards]
    return {"RIGLINE_BOARDS": "\n".join(each.name for each in boards), "RIGLINE_SERIALS": "\n".join(consoles)}


def of_board(config: Config, board: Board, words: tuple[str, ...], outside: Mapping[str, str] = os.environ) -> Command:
    """Put together a command of the lab for a board: to switch it, or to look at it. It knows nothing of a job."""
    values = {"board": board.name, "config_dir": str(config.folder)}
    argv = tuple(_replace(word, values) for word in words)
    kept = {name: outside[name] for name in (*ALWAYS, *config.environment) if name in outside}
    device = "" if board.serial is None else str(board.serial.device)
    ours = {"RIGLINE_BOARD": board.name, "RIGLINE_SERIAL": device, "PYTHONPATH": str(SDK_FOLDER)}
    env = {name: value for name, value in kept.items() if not name.startswith(OWN)} | ours
    return Command(argv=(_program(argv[0], config), *argv[1:]), cwd=config.folder, env=env)


def secrets(config: Config, configuration: Configuration | None, outside: Mapping[str, str] = os.environ) -> list[str]:
    """List values that a script may see and a log may not: those whose name says so."""
    passed = {name: outside[name] for name in (*config.environment, *config.sandbox.environment) if name in outside}
    own = {} if configuration is None else dict(configuration.environment)
    return [value for name, value in (passed | own).items() if SECRET_NAME.search(name)]


def _fill(word: str, scene: Scene) -> str:
    values = {
        "worktree": str(scene.tree),
        "board": scene.lease.board,
        "configuration": scene.configuration.name,
        "config_dir": str(scene.config.folder),
    }
    return _replace(word, values)


def _replace(word: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), word)


def _program(word: str, config: Config) -> str:
    """A relative path with a slash means the lab's own script beside the configuration file."""
    if "/" not in word or word.startswith("/"):
        return word
    return str(config.folder / word)
