"""Read what a configuration file says of a board as a thing: devices, serial console, power, health check."""

from __future__ import annotations

import re
import termios
from collections.abc import Iterable, Sequence
from pathlib import Path

from builders.config import Board, ConfigError, HealthCheck, Power, Serial
from builders.config_table import Table

PLACEHOLDERS = ("board", "config_dir")
MAX_DEVICES = 16
MIN_EVERY_S = 60.0
MAX_CHECK_S = 3600.0
MAX_POWER_S = 300.0
# Names that go to whatever was plugged in first.
UNSTABLE = re.compile(r"/dev/(tty(USB|ACM)\d+|hidraw\d+|sd[a-z]+\d*|video\d+|mmcblk\d+\w*)")
BY_ID = (Path("/dev/serial/by-id"), Path("/dev/disk/by-id"), Path("/dev/v4l/by-id"))


def devices(table: Table) -> tuple[Path, ...]:
    """Read the device nodes that a board needs besides its console."""
    found = tuple(_device(table, "devices", text) for text in table.texts("devices"))
    if len(found) > MAX_DEVICES:
        raise table.wrong("devices", f"at most {MAX_DEVICES}")
    return found


def serial(table: Table | None) -> Serial | None:
    """Read the console."""
    if table is None:
        return None
    made = Serial(
        device=_device(table, "device", table.text("device")),
        baud=int(table.number("baud", 115200, 50) or 0),
        end=_pattern(table, "end"),
        fail=_pattern(table, "fail"),
        silence=table.number("silence", None, 0.1),
    )
    table.refuse_others()
    if not hasattr(termios, f"B{made.baud}"):
        known = sorted(int(name[1:]) for name in dir(termios) if re.fullmatch(r"B\d+", name))
        raise table.wrong("baud", f"{made.baud} is no speed of a serial line; valid: {', '.join(map(str, known[1:]))}")
    return made


def power(table: Table | None) -> Power | None:
    """Read how a board is switched: one command for all, told what to do, or one for each."""
    if table is None:
        return None
    limit = table.number("limit", 20.0, 0.1) or 0
    if "command" in table.data:
        words = table.command("command", PLACEHOLDERS)
        made = Power(on=(*words, "on"), off=(*words, "off"), cycle=(*words, "cycle"), limit=limit)
    else:
        cycle = table.command("cycle", PLACEHOLDERS) if "cycle" in table.data else None
        on, off = (table.command(key, PLACEHOLDERS) for key in ("on", "off"))
        made = Power(on=on, off=off, cycle=cycle, limit=limit)
    table.refuse_others()
    if limit > MAX_POWER_S:
        raise table.wrong("limit", f"must be at most {MAX_POWER_S:g} seconds")
    return made


def health(table: Table | None) -> HealthCheck | None:
    """Read the check that says whether a board is well."""
    if table is None:
        return None
    made = HealthCheck(
        check=table.command("check", PLACEHOLDERS),
        every=table.number("every", 86400.0, MIN_EVERY_S) or 0,
        limit=table.number("limit", 60.0, 0.1) or 0,
    )
    table.refuse_others()
    if made.limit > MAX_CHECK_S:
        raise table.wrong("limit", f"must be at most {MAX_CHECK_S:g} seconds")
    return made


def refuse_shared(path: Path, boards: Iterable[Board]) -> None:
    """Refuse a device that two boards name: two jobs would talk to it at once.

    Raises:
        ConfigError: one does.
    """
    owner: dict[Path, str] = {}
    for board in boards:
        for device in board.nodes:
            other = owner.setdefault(device, board.name)
            if other != board.name:
                raise ConfigError(f"{path}: boards {other} and {board.name} both name {device}: give each its own")


def _device(table: Table, key: str, text: str) -> Path:
    if not text.startswith("/"):
        raise table.wrong(key, f"{text} must be an absolute path, such as /dev/serial/by-id/…")
    if UNSTABLE.fullmatch(text):
        raise table.wrong(
            key, f"{text} is the name of whatever was plugged in first: write its name below {_stable(Path(text))}"
        )
    return Path(text)


def _stable(device: Path) -> str:
    """Find the stable name of a device, to be proposed."""
    for folder in (*BY_ID, Path("/dev/serial/by-path")):
        for link in _entries(folder):
            if link.resolve() == device:
                return f"{folder}: {link}"
    return "/dev/serial/by-id (or by-path)"


def _entries(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return ()


def _pattern(table: Table, key: str) -> re.Pattern[str] | None:
    text = table.optional_text(key)
    if text is None:
        return None
    try:
        return re.compile(text)
    except re.error as problem:
        raise table.wrong(key, f"{text!r} is no regular expression: {problem}") from problem
