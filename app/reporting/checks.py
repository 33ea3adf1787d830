"""GitHub's checks, for repositories that ask for them: richer than statuses, with a button to run again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import attempts, logs
from app.reporting import wording
from integrations.forge import Check, CommitStatus, StatusState

STYLE = "checks"  # of a pipeline's statuses
MOST = 50  # annotations that GitHub takes with one call
LOG_END = 128 * 1024  # bytes of a log's end that are searched
MESSAGE_LIMIT = 500  # characters of one annotation
_WRONG = (StatusState.FAILURE, StatusState.ERROR)
_SAID = re.compile(  # as compilers say it: src/main.c:12:5: error: expected ';'
    r"^(?P<path>[\w.+@-]+(?:/[\w.+@-]+)*):(?P<line>[0-9]{1,7})(?::[0-9]{1,7})?: "
    r"(?:fatal )?(?P<level>error|warning): (?P<message>.+)$"
)
_LEVELS = {"error": "failure", "warning": "warning"}
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, kw_only=True)
class About:
    """What a check is about beside its status."""

    pipeline_id: int
    job_id: int | None  # of one target
    summary: str = ""  # Markdown: what was compared; then no line of a log is to blame


async def check(db: AsyncConnection, status: CommitStatus, about: About) -> Check:
    """Make a check of a status; what went wrong is shown at the lines that the log names."""
    found: tuple[dict[str, Any], ...] = ()
    if about.job_id is not None and status.state in _WRONG and not about.summary:
        found = tuple(annotations(await _log_end(db, about.job_id)))
    return Check(
        status=status,
        external_id=f"job:{about.job_id}" if about.job_id is not None else f"pipeline:{about.pipeline_id}",
        title=status.description,
        summary=about.summary or wording.check_summary(status.description, status.target_url),
        annotations=found,
    )


async def _log_end(db: AsyncConnection, job_id: int) -> str:
    latest = await attempts.latest(db, job_id)
    if latest is None:
        return ""
    size = await logs.size(db, latest.id)
    return (await logs.read(db, latest.id, max(0, size - LOG_END), LOG_END)).decode(errors="replace")


def annotations(log: str) -> Iterator[dict[str, Any]]:
    """Find what compilers said about lines of the repository's own files, the first of each line.

    A path that leads out of the repository, or to nowhere in particular, is left alone.
    """
    seen: set[tuple[str, int]] = set()
    for text in log.splitlines():
        said = _SAID.match(_COLOUR.sub("", text[:2000]))
        if said is None or ".." in said["path"].split("/") or len(seen) >= MOST:
            continue
        place = (said["path"], int(said["line"]))
        if place in seen or place[1] == 0:
            continue
        seen.add(place)
        yield {
            "path": place[0],
            "start_line": place[1],
            "end_line": place[1],
            "annotation_level": _LEVELS[said["level"]],
            "message": wording.plain(said["message"])[:MESSAGE_LIMIT],
        }
