"""Read Rigline's own `builder.toml`. Every key is known or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builders import config_board, config_format
from builders.config import Board, Config, ConfigError, Configuration, Limits, Sandboxing, Use
from builders.config_table import Table, refuse_twins
from builders.protocol import CHECK, MAILBOX

VERSION = 1
PLACEHOLDERS = ("worktree", "board", "configuration", "config_dir")
LIMITS = ("fetch", "build", "run", "collect", "no_output", "job", "grace")
MAX_NAME = 100
MAX_PATTERNS = 50
MAX_FURTHER = 8
MAX_GRACE = 120.0  # seconds: what a configuration may ask for at most


def read(path: Path, data: dict[str, Any]) -> Config:
    """Turn the parsed file into values.

    Raises:
        ConfigError: a key is missing, unknown or wrong, a name appears twice, or boards share a results file.
    """
    file = Table(path, "", data)
    if file.number("version", VERSION, 0) != VERSION:
        raise file.wrong("version", f"this builder reads version {VERSION}; install the one that wrote the file")
    builder = file.table("builder")
    owner = _owner(builder, "")
    boards = tuple(_board(each, owner) for each in file.tables("boards"))
    file.refuse_others()
    refuse_twins(path, "boards", [each.name for each in boards])
    _refuse_shared_results(path, boards)
    config_board.refuse_shared(path, boards)
    _refuse_unknown_further(path, boards)
    config = Config(
        path=path,
        version=str(VERSION),
        boards=boards,
        state_dir=_folder(path, builder.optional_text("state_dir")),
        work_dir=_folder(path, builder.optional_text("work_dir")),
        parallel_builds=int(builder.number("parallel_builds", 1, 1) or 1),
        environment=builder.texts("environment"),
        sandbox=_sandbox(path, builder.table("sandbox")),
    )
    builder.refuse_others()
    return config


def _sandbox(path: Path, table: Table) -> Sandboxing:
    default = Sandboxing()
    use = table.text("use", default.use)
    if use not in list(Use):
        raise table.wrong("use", f"must be one of {', '.join(Use)}, not {use!r}")
    memory = table.number("memory_mib", None, 16)
    made = Sandboxing(
        use=Use(use),
        network=table.flag("network", default.network),
        readable=tuple(path.parent / Path(each).expanduser() for each in table.texts("readable")),
        environment=table.texts("environment"),
        processes=int(table.number("processes", default.processes, 16) or 0),
        memory=None if memory is None else int(memory) << 20,
        cpus=table.number("cpus", None, 0.01),
        disk=int(table.number("disk_mib", default.disk >> 20, 1) or 0) << 20,
    )
    table.refuse_others()
    for each in made.readable:
        if not each.exists():
            raise table.wrong("readable", f"{each} does not exist: correct the path")
    return made


def _folder(path: Path, text: str | None) -> Path | None:
    return None if text is None else path.parent / Path(text).expanduser()


def _board(table: Table, owner: str) -> Board:
    name = _name(table)
    board = Board(
        name=name,
        type=table.text("type", name),
        description=table.text("description", ""),
        owner=_owner(table, owner),
        tags=table.texts("tags"),
        configurations=tuple(_configuration(each) for each in table.tables("configurations")),
        devices=config_board.devices(table),
        serial=config_board.serial(table.optional_table("serial")),
        power=config_board.power(table.optional_table("power")),
        health=config_board.health(table.optional_table("health")),
    )
    table.refuse_others()
    refuse_twins(table.file, f"configurations of board {name}", [each.name for each in board.configurations])
    return board


def _configuration(table: Table) -> Configuration:
    made = Configuration(
        name=_name(table),
        tags=table.texts("tags"),
        build=table.command("build", PLACEHOLDERS),
        run=table.command("run", PLACEHOLDERS),
        results=table.optional_text("results"),
        format=config_format.read(table),
        artefacts=_patterns(table, "artefacts"),
        limits=_limits(table.table("limits")),
        environment=table.environment("environment"),
        further=table.texts("with"),
        binary=table.optional_text("binary"),
        clean=table.flag("clean"),
        trusted_files=_patterns(table, "trusted_files"),
    )
    table.refuse_others()
    if made.name == CHECK:
        raise table.wrong("name", f"{CHECK!r} is what the check of the board is called: choose another name")
    if made.results is not None and ".." in Path(made.results).parts:
        raise table.wrong("results", "must not leave the work tree: write a path without '..'")
    if made.binary is not None and (".." in Path(made.binary).parts or Path(made.binary).is_absolute()):
        raise table.wrong("binary", "must lie below the work tree: write a relative path without '..'")
    for name in made.environment:
        if name.startswith(("RIGLINE_", "EJB_")):
            raise table.wrong("environment", f"{name} is set by the builder: choose another name")
    return made


def _owner(table: Table, default: str) -> str:
    owner = table.optional_text("owner")
    if owner is not None and not MAILBOX.fullmatch(owner):
        raise table.wrong("owner", f"{owner!r} is no mailbox: write one, such as ada@example.org")
    return default if owner is None else owner


def _name(table: Table) -> str:
    name = table.text("name")
    if len(name) > MAX_NAME or not name.isprintable() or name != name.strip():
        raise table.wrong("name", f"must be 1 to {MAX_NAME} printable characters without spaces around them")
    return name


def _patterns(table: Table, key: str) -> tuple[str, ...]:
    """Read globs; each must be one that names files of the work tree alone."""
    patterns = table.texts(key)
    for pattern in patterns:
        parts = pattern.split("/")
        if not all(parts) or ".." in parts or "." in parts:
            raise table.wrong(key, f"{pattern!r}: write a path below the work tree, such as build/*.elf or logs/**")
        if any("**" in part and part != "**" for part in parts):
            raise table.wrong(key, f"{pattern!r}: ** stands alone between slashes, such as out/**/*.map")
    if len(patterns) > MAX_PATTERNS:
        raise table.wrong(key, f"at most {MAX_PATTERNS} patterns")
    return patterns


def _limits(table: Table) -> Limits:
    default = Limits()
    given = {key: table.number(key, getattr(default, key), 0.1) for key in LIMITS}
    table.refuse_others()
    if (given["grace"] or 0) > MAX_GRACE:
        raise table.wrong("grace", f"must be at most {MAX_GRACE:g} seconds")
    return Limits(**given)  # type: ignore[arg-type]  # only `job` may be None, and stays so


def _refuse_shared_results(path: Path, boards: tuple[Board, ...]) -> None:
    """Each board has its own work tree, so only absolute paths can be shared."""
    owner: dict[str, str] = {}
    for board in boards:
        for each in board.configurations:
            if each.results is None or not Path(each.results).is_absolute():
                continue
            other = owner.setdefault(each.results, board.name)
            if other != board.name:
                raise ConfigError(
                    f"{path}: boards {other} and {board.name} share the results file {each.results}: "
                    "give each board its own"
                )


def _refuse_unknown_further(path: Path, boards: tuple[Board, ...]) -> None:
    """Insist that the boards that a configuration needs besides its own are others of this file, each named once."""
    names = {board.name for board in boards}
    for board in boards:
        for each in board.configurations:
            problem = _wrong_further(board.name, each.further, names)
            if problem:
                raise ConfigError(f'{path}: configuration {each.name} of board {board.name}: "with": {problem}')


def _wrong_further(own: str, further: tuple[str, ...], names: set[str]) -> str:
    if own in further:
        return f"{own} is the configuration's own board: name only others"
    if len(further) > MAX_FURTHER:
        return f"at most {MAX_FURTHER} boards"
    for name in further:
        if name not in names:
            return f"there is no board {name!r} in this file; it has {', '.join(sorted(names))}"
        if further.count(name) > 1:
            return f"{name} is named twice: name each board once"
    return ""
