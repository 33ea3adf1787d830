"""This builder's name and token: read once, then gone from everything a script could look at."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("RIGLINE_BUILDER_TOKEN", "EJB_TOKEN")
PR_SET_DUMPABLE = 4


class CredentialsError(Exception):
    """There is no usable token; the text says how to give one."""


@dataclass(frozen=True)
class Credentials:
    """Who this builder is."""

    name: str
    token: str = field(repr=False)
    file: Path | None = None  # where the token came from, if from a file


def read(outside: MutableMapping[str, str] = os.environ) -> Credentials:
    """Take name and token out of the environment or a file.

    Raises:
        CredentialsError: there is no token, or the file cannot be read.
    """
    name = outside.get("RIGLINE_BUILDER_ID") or outside.get("EJB_ID") or ""
    file = outside.get("RIGLINE_BUILDER_TOKEN_FILE")
    token = next((outside[each] for each in NAMES if outside.get(each)), "")
    is_from_file = bool(file and not token)
    if file and is_from_file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise CredentialsError(f"RIGLINE_BUILDER_TOKEN_FILE: {file} cannot be read: {problem}") from problem
    if not token:
        raise CredentialsError(
            "no token: set RIGLINE_BUILDER_TOKEN or RIGLINE_BUILDER_TOKEN_FILE "
            "(`rigline builder create NAME` prints the lines)"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError("the token is not one: it is of the form rlb_ID.SECRET, on one line")
    hide(token)
    for each in NAMES:
        outside.pop(each, None)
    source = Path(file) if file and is_from_file else None
    return Credentials(name or token.removeprefix("rlb_").partition(".")[0], token, source)


def hide(token: str) -> None:
    """Remove the token from what `/proc` shows of this process.

    The kernel shows the environment as it was at the start, so the bytes themselves are overwritten; and the
    process is made undumpable, so that other processes of the same user can read neither it nor its memory.
    """
    with open("/proc/self/stat", "rb") as file:
        stat = file.read()
    start, end = (int(each) for each in stat[stat.rindex(b")") + 2 :].split()[47:49])
    with open("/proc/self/environ", "rb") as file:
        shown = file.read()
    secret, place = token.encode(), -1
    while start and len(shown) <= end - start and (place := shown.find(secret, place + 1)) >= 0:
        ctypes.memset(start + place, ord("x"), len(secret))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def folders(outside: Mapping[str, str] = os.environ) -> list[Path]:
    """Name the folder of the token's file, if it has one: no job may see it."""
    file = outside.get("RIGLINE_BUILDER_TOKEN_FILE")
    return [Path(file).absolute().parent] if file else []
