"""airspeed velocity: its folder of results, with a folder for each machine, or single result files of it. Pure."""

from collections.abc import Mapping
from typing import Any

from app.results.file import members
from app.results.histories.piece import History, Piece, document, encoded, full_hash, moment

NAME = "asv"

_BESIDE = ("benchmarks.json", "machine.json", "asv.conf.json")


def split(files: Mapping[str, bytes]) -> History | None:
    """Give each result file, with the names of parameters and the units that `benchmarks.json` says."""
    described = next(
        (members(document(data)) for name, data in files.items() if name.rpartition("/")[2] == _BESIDE[0]), {}
    )
    found, nameless = list[Piece](), 0
    for name, data in sorted(files.items()):
        content = document(data) if name.endswith(".json") and name.rpartition("/")[2] not in _BESIDE else None
        match content:
            case {"results": dict(), "result_columns": [*_]}:
                piece = _piece(members(content), described)
                nameless += piece is None
                found += [piece] if piece else []
    if not found and not nameless:
        return None
    found.sort(key=lambda piece: (str(piece.committed_at), piece.commit))
    return History(name=NAME, pieces=tuple(found), nameless=nameless)


def _piece(content: dict[str, Any], described: Mapping[str, Any]) -> Piece | None:
    commit = full_hash(content.get("commit_hash"))
    if commit is None:
        return None
    names = members(content.get("results"))
    benchmarks = {
        name: {key: described[name].get(key) for key in ("unit", "param_names")}
        for name in names
        if isinstance(described.get(name), dict)
    }
    machine = members(content.get("params")).get("machine")
    return Piece(
        commit=commit,
        data=encoded(content | {"benchmarks": benchmarks}),
        format=NAME,
        committed_at=moment(content.get("date")),
        board_type=machine if isinstance(machine, str) else None,
    )
