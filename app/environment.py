"""The environment of this process: the only reader of `os.environ`. Standard library only, as client commands are.

A process of an installed instance has `RIGLINE_PREFIX`, and its settings from the files below that folder instead: what
the shell of whoever starts it happens to hold for another instance must not count.
"""

import os
from pathlib import Path

PREFIX = "RIGLINE_PREFIX"
OF_CLIENTS = ("RIGLINE_TOKEN", "RIGLINE_URL", "RIGLINE_PASSWORD")  # of whoever types a command, also of an instance's
SETTINGS = ("DATABASE_URL", "DATABASE_URL_FILE", "REDIS_URL", "REDIS_URL_FILE", "PORT")


class BadFile(ValueError):
    """A file of settings cannot be read; the text names it, and the line."""


def everything() -> dict[str, str]:
    """Copy all of it, for settings and for processes that get the same.

    Raises:
        BadFile: the settings of the instance cannot be read.
    """
    folder = prefix()
    return dict(os.environ) if folder is None else of_instance(folder)


def of_instance(folder: Path) -> dict[str, str]:
    """Give the settings of an instance's files, and of our own environment what is no setting.

    Raises:
        BadFile: one of them cannot be read.
    """
    found = {"RIGLINE_LOG_DIR": str(folder / "logs")}
    for file in (folder / "etc" / "ports", folder / "etc" / "rigline.env"):
        found |= read(file)
    return for_instance(folder) | found | {"RIGLINE_DATA_DIR": str(folder / "data")}


def for_instance(folder: Path) -> dict[str, str]:
    """Give what a process of an instance needs to find its settings: ours without any, and where they are."""
    ours = {name: value for name, value in os.environ.items() if name in OF_CLIENTS or not _is_setting(name)}
    return ours | {PREFIX: str(folder)}


def read(file: Path) -> dict[str, str]:
    """Read lines of NAME=value; quotes around a value fall away, `#` begins a comment, nothing is expanded.

    Raises:
        BadFile: there is no such file, or a line of another form.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadFile(f"{file} cannot be read: {problem}") from None
    found = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        if not equals or not name.isidentifier():
            raise BadFile(f"{file}, line {number}: write NAME=value")
        found[name] = _unquoted(value.strip())
    return found


def prefix() -> Path | None:
    """Name the folder of the instance that this process belongs to; None outside of any."""
    given = os.environ.get(PREFIX)
    return Path(given) if given else None


def named(*names: str) -> dict[str, str]:
    """Copy those variables of these names that are set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def token() -> str | None:
    """Give the user's token; it has no option, as other users of the machine can read those of a process."""
    return os.environ.get("RIGLINE_TOKEN")


def data_dir() -> Path:
    """Name the folder in which a service of this machine keeps its data and its socket."""
    folder = prefix()
    return folder / "data" if folder else Path(os.environ.get("RIGLINE_DATA_DIR") or ".rigline")


def wants_colours() -> bool:
    """Tell whether nobody has said NO_COLOR."""
    return not os.environ.get("NO_COLOR")


def _is_setting(name: str) -> bool:
    return name in SETTINGS or (name.startswith("RIGLINE_") and name not in OF_CLIENTS)


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
