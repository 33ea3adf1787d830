"""Bring results from elsewhere into series: one file for one commit and place, once."""

import asyncio
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import structlog

from app.db.queries import imports, measurements
from app.db.queries.measurements import Origin
from app.db.queries.series import Place
from app.deps import Deps
from app.errors import Invalid
from app.results.adapters import FORMATS, Reading, read
from app.results.parsed import Metric
from app.results.store import store
from builders.protocol import WantedFormat

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Dated:
    """A commit, and what the history that it comes from says of it."""

    sha: str
    committed_at: datetime | None = None
    measured_at: datetime | None = None  # None: now
    title: str = ""
    author: str = ""


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What became of a file."""

    import_id: int
    format: str
    note: str
    measurements: int
    is_new: bool  # False: the same file was brought for the same place before


async def bring(
    deps: Deps, place: Place, commit: Dated, data: bytes, wanted: WantedFormat, *, imported_by: str
) -> Brought:
    """Read a file and store what it measured. The same file for the same commit and place again changes nothing.

    Raises:
        Invalid: no adapter understands it; the text names the formats that are known.
    """
    reading = await asyncio.to_thread(read, data, wanted)
    if reading.format is None or reading.parsed is None:
        raise Invalid(f"{reading.note}. Known formats: {', '.join(FORMATS)}")
    key = _key(place, commit, data, wanted)
    async with deps.begin() as db:
        import_id = await imports.add(
            db, place.repository_id, key, format=reading.format, note=reading.note, imported_by=imported_by
        )
        if import_id is None:
            found = await imports.taken_before(db, place.repository_id, key)
            return Brought(import_id=found[0], format=found[1], note=found[2], measurements=found[3], is_new=False)
        where = await measurements.at(db, place.repository_id, commit.sha)
        made_at = await imports.know(
            db, where.commit_id, committed_at=commit.committed_at, title=commit.title, author=commit.author
        )
        where = replace(where, made_at=made_at or where.made_at)
        origin = Origin(import_id=import_id, measured_at=commit.measured_at)
        stored = await store(db, place, where, origin, _measured(reading))
    log.info("results_imported", import_id=import_id, format=reading.format, measurements=len(stored))
    return Brought(import_id=import_id, format=reading.format, note=reading.note, measurements=len(stored), is_new=True)


def _measured(reading: Reading) -> tuple[Metric, ...]:
    return reading.parsed.metrics if reading.parsed and reading.parsed.status == "ok" else ()


def _key(place: Place, commit: Dated, data: bytes, wanted: WantedFormat) -> str:
    """Hash a file with everything that decides what is read from it and where that goes."""
    words = json.dumps([asdict(place), commit.sha, asdict(wanted)], sort_keys=True).encode()
    return hashlib.sha256(len(words).to_bytes(8) + words + data).hexdigest()
