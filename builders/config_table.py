"""Read one TOML table key by key, with errors that name file, key and the way out."""

from __future__ import annotations

import difflib
import re
import shlex
from pathlib import Path
from typing import Any

from builders.config import ConfigError


class Table:
    """A table of a configuration file, and which of its keys were read."""

    def __init__(self, file: Path, where: str, data: object) -> None:
        if not isinstance(data, dict):
            raise ConfigError(f"{file}: {where} must be a table, not {_kind(data)}")
        self.file, self.where, self.data = file, where, data
        self.known: list[str] = []

    def name_of(self, key: str) -> str:
        """Say a key with its place, for messages."""
        return f"{self.where}.{key}" if self.where else key

    def wrong(self, key: str, text: str) -> ConfigError:
        """Make the error for one key."""
        return ConfigError(f"{self.file}: {self.name_of(key)}: {text}")

    def _take(self, key: str, required: bool) -> Any:
        self.known.append(key)
        if required and key not in self.data:
            raise ConfigError(f'{self.file}: missing key "{key}" in {self.where or "the file"}: add {key} = …')
        return self.data.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a text that is not empty; required if no default is given."""
        value = self._take(key, default is None)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            raise self.wrong(key, f"must be a text, not {_kind(value)}")
        return value

    def optional_text(self, key: str) -> str | None:
        """Read a text that may be left out."""
        return self.text(key) if self._take(key, False) is not None else None

    def number(self, key: str, default: float | None, least: float) -> float | None:
        """Read a number of at least `least`."""
        value = self._take(key, False)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < float("inf"):
            raise self.wrong(key, f"must be a number of at least {least:g}, not {value!r}")
        return float(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """Read true or false."""
        value = self._take(key, False)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, f"must be true or false, not {value!r}")
        return default if value is None else bool(value)

    def texts(self, key: str, required: bool = False) -> tuple[str, ...]:
        """Read a list of texts."""
        value = self._take(key, required)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(key, 'must be a list of texts, such as ["one", "two"]')
        return tuple(value)

    def argv(self, key: str) -> tuple[str, ...]:
        """Read a command: a list of words, or one text that is split as a shell would, without running one."""
        value = self._take(key, True)
        if isinstance(value, list):
            words = self.texts(key)
        else:
            try:
                words = tuple(shlex.split(self.text(key)))
            except ValueError as problem:
                raise self.wrong(key, f"cannot be split into words: {problem}") from problem
        if not words or not words[0]:
            raise self.wrong(key, "names no program")
        return words

    def command(self, key: str, placeholders: tuple[str, ...]) -> tuple[str, ...]:
        """Read a command in which some names in braces stand for something."""
        words = self.argv(key)
        for word in words:
            for found in re.findall(r"\{(\w*)\}", word):
                if found not in placeholders:
                    raise self.wrong(key, f"unknown placeholder {{{found}}}; valid: {', '.join(placeholders)}")
        return words

    def environment(self, key: str) -> dict[str, str]:
        """Read a table of texts."""
        table = Table(self.file, self.name_of(key), self._take(key, False) or {})
        return {name: table.text(name, "") for name in table.data}

    def table(self, key: str) -> Table:
        """Read a table that may be left out."""
        value = self._take(key, False)
        return Table(self.file, self.name_of(key), {} if value is None else value)

    def optional_table(self, key: str) -> Table | None:
        """Read a table whose absence means something."""
        return self.table(key) if key in self.data else self._take(key, False)

    def tables(self, key: str) -> list[Table]:
        """Read a list of tables with at least one entry."""
        value = self._take(key, True)
        if not isinstance(value, list) or not value:
            raise self.wrong(key, f"must be written as [[{self.name_of(key)}]], at least once")
        return [Table(self.file, f"{self.name_of(key)}[{number}]", each) for number, each in enumerate(value)]

    def refuse_others(self) -> None:
        """Refuse every key that was not asked for, with the nearest valid word.

        Raises:
            ConfigError: there is one.
        """
        for key in self.data:
            if key not in self.known:
                near = difflib.get_close_matches(key, self.known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(sorted(self.known))}"
                raise ConfigError(f'{self.file}: unknown key "{key}" in {self.where or "the file"}: {hint}')


def refuse_twins(file: Path, what: str, names: list[str]) -> None:
    """Refuse names that appear twice: a name is the identity that history is kept under.

    Raises:
        ConfigError: one does.
    """
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{file}: two {what} are named {name!r}: give each its own name")


def _kind(value: object) -> str:
    return {dict: "a table", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}.get(
        type(value), "a number"
    )
