"""Read an EJ `config.toml` as it is. Unknown keys are ignored there, as EJ does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builders.config import Board, Config, ConfigError, Configuration
from builders.config_table import Table, refuse_twins


def read(path: Path, data: dict[str, Any]) -> Config:
    """Turn the parsed file into values.

    Raises:
        ConfigError: a key is missing or wrong, a name appears twice, or boards share a results file.
    """
    file = Table(path, "", data)
    version = file.table("global").text("version")
    boards = tuple(_board(path, each) for each in file.tables("boards"))
    refuse_twins(path, "boards", [each.name for each in boards])
    _refuse_shared_results(path, boards)
    return Config(path=path, version=version, boards=boards)


def _board(path: Path, table: Table) -> Board:
    name = table.text("name")
    configurations = tuple(_configuration(path, each) for each in table.tables("configs"))
    refuse_twins(path, f"configurations of board {name}", [each.name for each in configurations])
    return Board(name=name, type=name, description=table.text("description", ""), configurations=configurations)


def _configuration(path: Path, table: Table) -> Configuration:
    return Configuration(
        name=table.text("name"),
        tags=table.texts("tags", required=True),
        build=(table.text("build_script"),),
        run=(table.text("run_script"),),
        results=str(_place(path, table.text("results_path"))),
        library=_place(path, table.text("library_path")),
        ej=True,
    )


def _place(path: Path, text: str) -> Path:
    """Make a path absolute: EJ reads a relative one from the folder the builder was started in."""
    place = Path(text).expanduser()
    return place if place.is_absolute() else Path.cwd() / place


def _refuse_shared_results(path: Path, boards: tuple[Board, ...]) -> None:
    """Boards run in parallel, so two that write one results file would report each other's numbers."""
    owner: dict[str, str] = {}
    for board in boards:
        for each in board.configurations:
            other = owner.setdefault(str(each.results), board.name)
            if other != board.name:
                raise ConfigError(
                    f"{path}: boards {other} and {board.name} share the results_path {each.results}: "
                    "give each board its own file"
                )
