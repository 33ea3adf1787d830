"""Ask for work, wait for it and read what came of it: what a dispatcher of one's own is written with."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

from app.client.answers import AttemptTold, JobTold
from app.client.client import Client
from app.client.pipelines import RunWork, Work

LOOK_EVERY_S = 1.0  # at most so long after the end of the last job it is noticed


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job, with its log and results where they were asked for."""

    id: int
    pipeline_id: int
    board_type: str
    board: str | None  # that it was on last; None: on none yet
    configuration: str
    tags: list[str]
    state: str
    reason: str
    started_at: datetime | None
    finished_at: datetime | None  # None: it has not ended
    log: str = ""
    results: tuple[str, ...] = ()  # the text of each run phase's result file

    @property
    def passed(self) -> bool:
        """Tell whether it passed."""
        return self.state == "passed"


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What came of a dispatch."""

    id: int
    commit: str
    state: str
    error: str | None  # why nothing could be planned
    url: str
    jobs: list[Job]  # that no retry replaced, by their end

    @property
    def passed(self) -> bool:
        """Tell whether every job passed."""
        return self.state == "passed"


class Unfinished(TimeoutError):
    """The jobs had not ended when the patience did; they go on."""

    def __init__(self, pipeline_id: int, patience_s: float) -> None:
        super().__init__(f"Pipeline {pipeline_id} has not ended after {patience_s:g} s; it goes on.")
        self.pipeline_id = pipeline_id


def dispatch_build(client: Client, commit: str, *, patience_s: float | None = None, **work: Unpack[Work]) -> Pipeline:
    """Fetch and build a commit, wait until all jobs have ended, and read their logs.

    Args:
        commit: full hash.
        patience_s: seconds to wait; None: as long as it takes, which `seconds` bounds for each job.
    Raises:
        Refused, Unreachable, Unfinished.
    """
    opened = client.dispatch(commit, kind="build", **work)
    return wait(client, opened["id"], patience_s=patience_s)


def dispatch_run(client: Client, commit: str, *, patience_s: float | None = None, **work: Unpack[RunWork]) -> Pipeline:
    """Fetch, build and run a commit, wait until all jobs have ended, and read their logs and results.

    Args:
        commit: full hash.
        patience_s: seconds to wait; None: as long as it takes.
    Raises:
        Refused, Unreachable, Unfinished.
    """
    return wait(client, client.dispatch(commit, **work)["id"], patience_s=patience_s)


def wait(client: Client, pipeline_id: int, *, patience_s: float | None = None) -> Pipeline:
    """Wait until all jobs of a pipeline have ended, and read their logs and results.

    Raises:
        Refused, Unreachable, Unfinished.
    """
    begun = time.monotonic()
    while True:
        found = client.show_pipeline(pipeline_id)
        if found["ended_at"] is not None or not found["jobs"]:
            jobs = [_job(each, client) for each in found["jobs"] if not each["replaced"]]
            return Pipeline(
                id=found["id"],
                commit=found["commit"],
                state=found["state"],
                error=found["error"],
                url=found["url"],
                jobs=by_finish(jobs),
            )
        if patience_s is not None and time.monotonic() - begun > patience_s:
            raise Unfinished(pipeline_id, patience_s)
        time.sleep(LOOK_EVERY_S)


def fetch_jobs(client: Client, commit: str, *, repository: str | None = None) -> list[Job]:
    """List all jobs of a commit by their end, those that have not ended last; without logs and results.

    Args:
        commit: full hash, or its beginning from four digits on.
    Raises:
        Refused, Unreachable.
    """
    return by_finish(_job(each) for each in client.list_jobs(commit=commit, repository=repository))


def fetch_results(client: Client, job_id: int) -> Job:
    """Read one job with its log and results.

    Raises:
        Refused, Unreachable.
    """
    return _job(client.show_job(job_id), client)


def by_finish(jobs: Iterable[Job]) -> list[Job]:
    """Sort jobs by their end, the first one first; those that have not ended come last, by their ids."""
    return sorted(jobs, key=lambda job: (job.finished_at is None, job.finished_at or 0, job.id))


def _job(found: JobTold, client: Client | None = None) -> Job:
    attempt = found["attempt"]
    log, results = ("", ()) if client is None or attempt is None else _texts(client, found["id"], attempt)
    return Job(
        id=found["id"],
        pipeline_id=found["pipeline_id"],
        board_type=found["board_type"],
        board=found["board"] if attempt is None else attempt["board"],
        configuration=found["configuration"],
        tags=found["tags"],
        state=found["state"],
        reason=found["reason"],
        started_at=_moment(found["started_at"]),
        finished_at=_moment(found["ended_at"]),
        log=log,
        results=results,
    )


def _texts(client: Client, job_id: int, attempt: AttemptTold) -> tuple[str, tuple[str, ...]]:
    """Read what a job printed, without colours, and what it left."""
    log = b"" if attempt["log_removed_at"] else client.read_log(job_id, strip=True)
    results = [client.read_result(job_id, number=number) for number in range(attempt["results"])]
    return log.decode(errors="replace"), tuple(each.decode(errors="replace") for each in results)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
