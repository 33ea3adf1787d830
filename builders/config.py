"""The builder's configuration as values, and the choice of the form a file is written in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from builders.protocol import BoardOffer, CheckOffer, ConfigurationOffer, WantedFormat


class ConfigError(Exception):
    """The configuration cannot be used; the text names file, key and the way out."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Time limits of one job's parts, in seconds. `job` counts from claim to end."""

    fetch: float = 600.0
    build: float = 3600.0
    run: float = 900.0
    collect: float = 300.0
    no_output: float = 600.0
    job: float | None = None  # None: what the service says
    grace: float = 10.0  # from the polite request to the kill


class Use(StrEnum):
    """Which jobs are sandboxed."""

    AUTO = "auto"  # all, where the machine can; untrusted ones are refused where it cannot
    ALWAYS = "always"  # all; the agent does not start where the machine cannot
    UNTRUSTED = "untrusted"  # untrusted ones only
    NEVER = "never"  # none, not even those of strangers: the owner's decision


@dataclass(frozen=True, kw_only=True)
class Sandboxing:
    """What the sandbox of a builder's jobs shows and allows. What strangers wrote never gets a network."""

    use: Use = Use.AUTO
    network: bool = True  # for trusted code
    readable: tuple[Path, ...] = ()  # tools outside the system's folders
    environment: tuple[str, ...] = ()  # names of the agent's variables that untrusted code may see too
    processes: int = 2048
    memory: int | None = None  # bytes; held where control groups are
    cpus: float | None = None  # likewise
    disk: int = 20 << 30  # bytes that one command may write


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """One way to build and run on a board."""

    name: str
    tags: tuple[str, ...] = ()
    build: tuple[str, ...]  # argv, with placeholders
    run: tuple[str, ...]
    results: str | None = None  # relative to the work tree; None: the file RIGLINE_RESULTS names
    format: WantedFormat | None = None  # of the result file; None: its content decides
    artefacts: tuple[str, ...] = ()  # globs below the work tree
    library: Path | None = None  # a work tree of the lab's own, shared by whoever names it (EJ)
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] = field(default_factory=dict)
    further: tuple[str, ...] = ()  # boards of this builder that a job of it holds besides its own
    binary: str | None = None  # what a build makes and a run takes to the board, relative to the work tree
    clean: bool = False  # remove what earlier builds left before the checkout
    trusted_files: tuple[str, ...] = ()  # patterns: taken from the base before untrusted code is built
    ej: bool = False  # scripts get EJ's five arguments and the builder's working directory

    @property
    def compares(self) -> bool:
        """Tell whether two commits can be built and run by turns: each needs a work tree of its own."""
        return self.library is None


@dataclass(frozen=True, kw_only=True)
class Serial:
    """The console of a board, read while a job runs on it."""

    device: Path
    baud: int = 115200
    end: re.Pattern[str] | None = None  # a line with it ends the run
    fail: re.Pattern[str] | None = None  # a line with it ends the run badly
    silence: float | None = None  # seconds without a byte after which the board is looked at


@dataclass(frozen=True, kw_only=True)
class Power:
    """How a board is switched: commands of the lab, each done within the limit."""

    on: tuple[str, ...]
    off: tuple[str, ...]
    cycle: tuple[str, ...] | None = None  # None: off, then on
    limit: float = 20.0


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """What says whether a board is well: a command of the lab that ends with 0."""

    check: tuple[str, ...]
    every: float = 86400.0  # seconds
    limit: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Board:
    """One device under test and what can be done with it."""

    name: str
    type: str  # boards of one type are interchangeable
    description: str = ""
    owner: str = ""  # the mailbox that is told when the board is out
    tags: tuple[str, ...] = ()
    configurations: tuple[Configuration, ...]
    devices: tuple[Path, ...] = ()  # nodes that it needs, besides its console
    serial: Serial | None = None
    power: Power | None = None
    health: HealthCheck | None = None

    @property
    def nodes(self) -> tuple[Path, ...]:
        """List every device node of the board, the console first."""
        return (*(() if self.serial is None else (self.serial.device,)), *self.devices)

    def configuration(self, name: str) -> Configuration:
        """Find a configuration by its name.

        Raises:
            ConfigError: this board has none of that name.
        """
        for each in self.configurations:
            if each.name == name:
                return each
        raise ConfigError(f"board {self.name} has no configuration named {name!r}; its configuration was changed")


@dataclass(frozen=True, kw_only=True)
class Config:
    """One builder's configuration file."""

    path: Path
    version: str
    boards: tuple[Board, ...]
    state_dir: Path | None = None
    work_dir: Path | None = None
    parallel_builds: int = 1
    environment: tuple[str, ...] = ()  # names that scripts may see of the builder's environment
    sandbox: Sandboxing = field(default_factory=Sandboxing)

    @property
    def folder(self) -> Path:
        """The folder of the file: where relative scripts are looked for."""
        return self.path.parent

    def board(self, name: str) -> Board:
        """Find a board by its name.

        Raises:
            ConfigError: the file has none of that name.
        """
        for each in self.boards:
            if each.name == name:
                return each
        raise ConfigError(f"{self.path}: no board named {name!r}; its configuration was changed")

    def offers(self) -> list[BoardOffer]:
        """Say what the service needs to know of the boards."""
        return [_offer(board) for board in self.boards]


def identity(device: Path) -> str | None:
    """Name a device so that no other in the world has the name; None if its path does not say that much.

    A name below by-id holds the maker's serial number, a name below by-path only a socket of this machine.
    """
    return device.name if device.parent.name == "by-id" else None


def _offer(board: Board) -> BoardOffer:
    return BoardOffer(
        name=board.name,
        type=board.type,
        description=board.description,
        owner=board.owner,
        tags=list(board.tags),
        devices=[name for name in map(identity, board.nodes) if name is not None],
        power=board.power is not None,
        check=None if board.health is None else CheckOffer(every_s=board.health.every, limit_s=board.health.limit),
        configurations=[
            ConfigurationOffer(
                name=each.name,
                tags=list(each.tags),
                limit_s=each.limits.job,
                further=list(each.further),
                compares=each.compares,
            )
            for each in board.configurations
        ],
    )


def load(path: Path) -> Config:
    """Read a configuration file in Rigline's own form or in EJ's.

    Raises:
        ConfigError: it cannot be read or used.
    """
    from builders import config_ej, config_own  # here, because both are built on the values above

    data = _parse(path)
    path = path.absolute()
    if "global" in data:
        return config_ej.read(path, data)
    if "version" in data:
        return config_own.read(path, data)
    raise ConfigError(
        f'{path}: missing key "version": write version = 1 in the first line (an EJ file has [global] version instead)'
    )


def _parse(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be read: {problem.strerror}; name the file with --config") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path}: not valid TOML: {problem}") from problem
