"""The environment of this process: the only reader of `os.environ`. Standard library only, as client commands are."""

import os
from pathlib import Path


def everything() -> dict[str, str]:
    """Copy all of it, for settings and for processes that get the same."""
    return dict(os.environ)


def named(*names: str) -> dict[str, str]:
    """Copy those variables of these names that are set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def token() -> str | None:
    """Give the user's token; it has no option, as other users of the machine can read those of a process."""
    return os.environ.get("RIGLINE_TOKEN")


def data_dir() -> Path:
    """Name the folder in which a service of this machine keeps its data and its socket."""
    return Path(os.environ.get("RIGLINE_DATA_DIR") or ".rigline")


def wants_colours() -> bool:
    """Tell whether nobody has said NO_COLOR."""
    return not os.environ.get("NO_COLOR")
