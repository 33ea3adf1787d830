"""A configuration as text and as JSON."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Any

from builders.config import Board, Config, Configuration, Serial


def as_value(config: Config) -> dict[str, Any]:
    """Turn a configuration into plain values."""
    return {
        "file": str(config.path),
        "version": config.version,
        "parallel_builds": config.parallel_builds,
        "environment": list(config.environment),
        "boards": [
            {
                "name": board.name,
                "type": board.type,
                "description": board.description,
                "owner": board.owner,
                "tags": list(board.tags),
                "devices": [str(each) for each in board.devices],
                "serial": _serial(board.serial),
                "power": None if board.power is None else asdict(board.power),
                "health": None if board.health is None else asdict(board.health),
                "configurations": [_value(each) for each in board.configurations],
            }
            for board in config.boards
        ],
    }


def _serial(serial: Serial | None) -> dict[str, Any] | None:
    if serial is None:
        return None
    marks = {
        name: None if mark is None else mark.pattern for name, mark in (("end", serial.end), ("fail", serial.fail))
    }
    return {"device": str(serial.device), "baud": serial.baud, "silence": serial.silence, **marks}


def _value(each: Configuration) -> dict[str, Any]:
    return {
        "name": each.name,
        "tags": list(each.tags),
        "build": list(each.build),
        "run": list(each.run),
        "results": each.results,
        "format": None if each.format is None else asdict(each.format),
        "artefacts": list(each.artefacts),
        "library": None if each.library is None else str(each.library),
        "limits": asdict(each.limits),
        "environment": sorted(each.environment),  # names only: a value may be a secret
        "clean": each.clean,
        "ej": each.ej,
    }


def as_lines(config: Config) -> list[str]:
    """Turn a configuration into lines for people."""
    count = sum(len(board.configurations) for board in config.boards)
    lines = [f"{config.path}: version {config.version}, {len(config.boards)} boards, {count} configurations"]
    for board in config.boards:
        lines += _board(board)
    return lines


def _board(board: Board) -> list[str]:
    kind = "" if board.type == board.name else f" (type {board.type})"
    lines = ["", f"board {board.name}{kind}{_tags(board.tags)}"]
    if board.description:
        lines.append(f"  {board.description}")
    if board.owner:
        lines.append(f"  owner      {board.owner}")
    lines += [f"  device     {each}" for each in board.devices]
    if board.serial is not None:
        lines.append(f"  serial     {board.serial.device}, {board.serial.baud} baud")
    if board.power is not None:
        lines.append(f"  power      {shlex.join(board.power.on)}; {shlex.join(board.power.off)}")
    if board.health is not None:
        lines.append(f"  health     {shlex.join(board.health.check)}, every {board.health.every / 3600:g} h")
    for each in board.configurations:
        lines += [
            f"  configuration {each.name}{_tags(each.tags)}",
            f"    build    {shlex.join(each.build)}",
            f"    run      {shlex.join(each.run)}",
            f"    results  {each.results or 'the file RIGLINE_RESULTS names'}",
        ]
        lines += [f"    {name:<8} {text}" for name, text in _more(each).items() if text]
    return lines


def _more(each: Configuration) -> dict[str, str]:
    """Name what a configuration may have besides."""
    return {
        "format": "" if each.format is None else each.format.name or "as its content says",
        "keeps": ", ".join(each.artefacts),
        "library": "" if each.library is None else str(each.library),
    }


def _tags(tags: tuple[str, ...]) -> str:
    return f" [{','.join(tags)}]" if tags else ""
