"""Read one table of the rules key by key, with errors that name the line and the nearest valid word."""

import datetime
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from app.policy.places import Path
from builders.protocol import MAX_JOB_S

LONGEST_TEXT = 200  # characters of a name or pattern
MOST_WORDS = 100  # in one list
SHOWN = 40  # characters of a wrong value in a message
_DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?")


class PolicyError(ValueError):
    """The rules cannot be used: says file, line, what is wrong and the nearest valid word."""

    def __init__(self, file: str, line: int, text: str) -> None:
        super().__init__(f"{file}:{line}: {text}")
        self.line = line


class Section:
    """A table of the file. Everything is read at most once; `refuse_others` ends it."""

    def __init__(self, file: str, lines: Mapping[Path, int], path: Path, data: object) -> None:
        self.file, self.lines, self.path = file, lines, path
        if not isinstance(data, dict):
            raise self.wrong(None, f"{self.name} must be a table, not {_kind(data)}")
        self.data: dict[str, Any] = data
        self.known: list[str] = []

    @property
    def name(self) -> str:
        """Say the table as the file writes it."""
        words = ".".join(str(part) for part in self.path if isinstance(part, str))
        if not words:
            return "the file"
        return f"[[{words}]]" if self.path and isinstance(self.path[-1], int) else f"[{words}]"

    def line(self, key: str | int | None = None, *more: str | int) -> int:
        """Say on which line a key, or the table itself, stands."""
        path = self.path if key is None else (*self.path, key, *more)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def wrong(self, key: str | None, text: str, *more: str | int) -> PolicyError:
        """Make the error for a key, or for the table."""
        return PolicyError(self.file, self.line(key, *more), f"{key}: {text}" if key else text)

    def take(self, key: str) -> Any:
        """Read a value as it is; None if it is left out."""
        self.known.append(key)
        return self.data.get(key)

    def text(self, key: str, default: str = "") -> str:
        """Read a text that is not empty."""
        value = self.take(key)
        return default if value is None else self._text(value, key)

    def _text(self, value: object, key: str, *more: str | int) -> str:
        if not isinstance(value, str) or not value:
            raise self.wrong(key, f"must be a text, not {_shown(value)}", *more)
        if len(value) > LONGEST_TEXT or not value.isprintable():
            raise self.wrong(key, f"must be one line of at most {LONGEST_TEXT} characters", *more)
        return value

    def word(self, key: str, valid: Sequence[str], default: str) -> str:
        """Read one of some words."""
        value = self.text(key, default)
        self._check(value, key, valid)
        return value

    def _check(self, value: str, key: str, valid: Sequence[str], *more: str | int) -> None:
        if value not in valid:
            raise self.wrong(key, f"{value[:SHOWN]!r} is none of its words; {nearest(value, valid)}", *more)

    def words(self, key: str, valid: Sequence[str] | None = None) -> tuple[str, ...]:
        """Read a list of texts, or one text alone, of some words if any are named."""
        value = self.take(key)
        if value is None:
            return ()
        listed = value if isinstance(value, list) else [value]
        if len(listed) > MOST_WORDS:
            raise self.wrong(key, f"has {len(listed)} entries; {MOST_WORDS} are allowed")
        if not listed:
            raise self.wrong(key, "is empty, which would fit nothing; leave it out to take all")
        for number, each in enumerate(listed):
            more = (number,) if isinstance(value, list) else ()
            self._text(each, key, *more)
            if valid is not None:
                self._check(each, key, valid, *more)
        return tuple(dict.fromkeys(listed))

    def flag(self, key: str, default: bool) -> bool:
        """Read true or false."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, f"must be true or false, not {_shown(value)}")
        return value

    def count(self, key: str, default: int, most: int) -> int:
        """Read a whole number from 1 on."""
        value = self.take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise self.wrong(key, f"must be a whole number from 1 to {most}, not {_shown(value)}")
        return value

    def seconds(self, key: str, default: float | None) -> float | None:
        """Read a duration: seconds, or a text such as 90s, 45m, 1h30m."""
        value = self.take(key)
        if value is None:
            return default
        found = _seconds(value)
        if found is None or not 0 < found <= MAX_JOB_S:
            raise self.wrong(
                key, f'must be seconds or a text such as "45m" or "1h30m", at most 24h, not {_shown(value)}'
            )
        return found

    def table(self, key: str) -> "Section":
        """Read a table that may be left out."""
        value = self.take(key)
        return Section(self.file, self.lines, (*self.path, key), {} if value is None else value)

    def tables(self, key: str, most: int) -> list["Section"]:
        """Read a list of tables, or one table alone; none if it is left out."""
        value = self.take(key)
        if value is None:
            return []
        if isinstance(value, dict):
            return [Section(self.file, self.lines, (*self.path, key), value)]
        if not isinstance(value, list):
            raise self.wrong(key, f"must be a table or a list of tables, not {_kind(value)}")
        if len(value) > most:
            raise self.wrong(key, f"there are {len(value)}; {most} are allowed")
        return [Section(self.file, self.lines, (*self.path, key, n), each) for n, each in enumerate(value)]

    def refuse_others(self) -> None:
        """Refuse every key that was not read.

        Raises:
            PolicyError: there is one; names the nearest valid key.
        """
        for key in self.data:
            if key not in self.known:
                raise PolicyError(
                    self.file, self.line(key), f"unknown key {key[:SHOWN]!r} in {self.name}; {nearest(key, self.known)}"
                )


def nearest(word: str, valid: Sequence[str]) -> str:
    """Say which valid word was probably meant, else which there are."""
    near = get_close_matches(word, valid, n=1)
    return f"did you mean {near[0]!r}?" if near else f"valid are {', '.join(sorted(valid))}"


def _seconds(value: object) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(datetime.timedelta(hours=hours, minutes=minutes, seconds=seconds).total_seconds())


def _shown(value: object) -> str:
    return _kind(value) if isinstance(value, dict | list) or value == "" else repr(value)[:SHOWN]


def _kind(value: object) -> str:
    names: dict[type, str] = {dict: "a table", list: "a list", str: "an empty text" if value == "" else "a text"}
    return names.get(type(value), repr(value)[:SHOWN])
