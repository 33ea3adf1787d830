"""What subscribers are told, as programs read it. A payload says what was true when it happened, and where to look."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.db.models import News
from app.db.queries.pipelines import PipelineView
from app.db.queries.shifts import ChangePointView, ShiftView

LARGEST = 10  # change points that are told


def of_shift(event: News, shift: ShiftView, largest: Sequence[ChangePointView], *, public_url: str) -> dict[str, Any]:
    """Say what became of an alert of a history. Changes are relative: 0.05 is five percent more."""
    names = ["id", "forge", "repository", "branch", "after", "until", "title", "state", "is_worse", "said_by"]
    names += ["reason", "link", "assignee", "change_points", "boards"]
    return {
        "event": event.value,
        "alert": {
            **{name: getattr(shift, name) for name in names},
            "url": f"{public_url}/{shift.forge}/{shift.repository}/alerts/{shift.id}",
            "largest": [_change_point(each) for each in largest[:LARGEST]],
        },
    }


def _change_point(of: ChangePointView) -> dict[str, Any]:
    names = ("benchmark", "metric", "board_type", "configuration", "before", "after", "unit", "change", "is_worse")
    return {name: getattr(of, name) for name in names}


def of_pipeline(pipeline: PipelineView, *, public_url: str) -> dict[str, Any]:
    """Say that a pipeline of the default branch did not pass."""
    names = ("id", "forge", "repository", "branch", "commit", "title", "state", "counts")
    return {
        "event": News.PIPELINE_FAILED.value,
        "pipeline": {
            **{name: getattr(pipeline, name) for name in names},
            "url": f"{public_url}/pipelines/{pipeline.id}",
        },
    }


def of_board(event: News, board: Mapping[str, Any], *, public_url: str) -> dict[str, Any]:
    """Say that a board gets no jobs any more, or gets some again."""
    since = board["health_at"]
    place = f"/builders/{quote(board['builder'], safe='')}/boards/{quote(board['name'], safe='')}"
    return {
        "event": event.value,
        "board": {
            **{name: board[name] for name in ("id", "name", "type", "builder", "owner")},
            "health": str(board["health"]),
            "reason": board["health_reason"],
            "since": None if since is None else since.isoformat(),
            "url": f"{public_url}{place}",
        },
    }


def of_builder(event: News, builder: Mapping[str, Any], boards: Sequence[str], *, public_url: str) -> dict[str, Any]:
    """Say that a builder is not heard of any more, or is again."""
    return {
        "event": event.value,
        "builder": {
            "id": builder["id"],
            "name": builder["name"],
            "boards": list(boards),
            "last_seen": builder["seen_at"].isoformat(),
            "url": f"{public_url}/builders/{quote(builder['name'], safe='')}",
        },
    }


def of_test(*, public_url: str) -> dict[str, Any]:
    """Say nothing but that this arrives."""
    return {"event": News.TEST.value, "from": public_url}
