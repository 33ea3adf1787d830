"""The first step of `make install`, by a Python that has none of our packages: make the environment, go on in it."""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from app.instance import code
from app.instance.place import InstanceError, Place, chosen


def main(checkout: Path, arguments: Sequence[str]) -> int:
    """Install from a checkout; return the exit status of `rigline install`, which finds the environment made."""
    known = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--prefix", "--python", "--from", "--venv"):
        known.add_argument(name)
    given, _ = known.parse_known_args(arguments)
    try:
        place = chosen(Path(given.prefix).expanduser() if given.prefix else None)
        was_there = place.prefix.exists()
        python = _environment(place, Path(getattr(given, "from") or checkout), given)
    except InstanceError as problem:
        sys.stderr.write(f"Error: {problem}\n")
        return 1
    words = [python, "-P", "-m", "app.cli", "install", "--prefix", place.prefix]
    words += [] if getattr(given, "from") else ["--from", checkout]
    status = subprocess.run([str(word) for word in (*words, *_others(arguments))], check=False).returncode  # noqa: S603
    if status and not was_there:
        shutil.rmtree(place.prefix, ignore_errors=True)
    return status


def _environment(place: Place, source: Path, given: argparse.Namespace) -> Path:
    """Make the environment that the instance will have; return its Python."""
    if given.venv:
        return Path(given.venv) / "bin" / "python"
    wanted = code.usable_python(Path(given.python) if given.python else None)
    with code.opened(source.absolute(), wanted) as opened:
        folder = code.make(place, opened, python=wanted, tell=_tell)
    return folder / "bin" / "python"


def _tell(text: str) -> None:
    sys.stderr.write(f"- {text}\n")


def _others(arguments: Sequence[str]) -> list[str]:
    """Leave out --prefix, which is said in full."""
    found, words = [], iter(arguments)
    for word in words:
        if word == "--prefix":
            next(words, None)
        elif not word.startswith("--prefix="):
            found.append(word)
    return found
