"""Wait for a pipeline with its logs passing by, and compare what its jobs left behind."""

import time
from dataclasses import dataclass, field

import click

from app.cli.job import ENDED
from app.cli.output import cell, plain
from app.client import Client, Json
from app.errors import Unreachable
from app.results.adapters import read

LOOK_EVERY_S = 0.5
PATIENCE_S = 120.0  # the service may be restarted meanwhile


@dataclass(frozen=True)
class Outcome:
    """The result files of one job, as text."""

    job: Json
    texts: list[str]


@dataclass
class LiveLogs:
    """How far the log of each attempt was shown."""

    client: Client
    shown: dict[int, int] = field(default_factory=dict)
    rest: dict[int, bytes] = field(default_factory=dict)  # a line that has no end yet

    def show(self, pipeline: Json) -> None:
        """Print the lines that are new, each after the name of its job."""
        for job in current(pipeline):
            attempt = job["attempt"]
            if attempt is not None and attempt["log_size"] > self.shown.get(attempt["id"], 0):
                self._show_more(job, attempt["id"])

    def flush(self, pipeline: Json) -> None:
        """Print what has no end of line."""
        for job in current(pipeline):
            rest = self.rest.pop(job["attempt"]["id"], b"") if job["attempt"] else b""
            if rest:
                _say_line(job, rest)

    def _show_more(self, job: Json, attempt_id: int) -> None:
        start = self.shown.get(attempt_id, 0)
        new = self.client.text(f"/jobs/{job['id']}/log", start=start, attempt=attempt_id)
        self.shown[attempt_id] = start + len(new)
        *lines, self.rest[attempt_id] = (self.rest.get(attempt_id, b"") + new).split(b"\n")
        for line in lines:
            _say_line(job, line)


def until_ended(client: Client, pipeline_id: int, *, quiet: bool) -> Json:
    """Wait until no job of the pipeline is open; show the logs meanwhile, on the error output.

    Raises:
        Unreachable: the service was away for longer than `PATIENCE_S`.
    """
    live, away_since = LiveLogs(client), None
    while True:
        try:
            found: Json = client.get(f"/pipelines/{pipeline_id}")
            if not quiet:
                live.show(found)
            away_since = None
        except Unreachable:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > PATIENCE_S:
                raise
        else:
            if (found["state"] in ENDED and found["ended_at"]) or not found["jobs"]:
                live.flush(found)
                return found
        time.sleep(LOOK_EVERY_S)


def current(pipeline: Json) -> list[Json]:
    """List the jobs that no retry replaced."""
    return [job for job in pipeline["jobs"] if not job["replaced"]]


def name(job: Json) -> str:
    """Name a job for people."""
    return f"{cell(job['board_type'])}/{cell(job['configuration'])}"


def results(client: Client, pipeline: Json) -> list[Outcome]:
    """Read the result files of all jobs that have some."""
    return [
        Outcome(
            job,
            [
                client.text(f"/jobs/{job['id']}/result", number=number).decode(errors="replace")
                for number in range(job["attempt"]["results"])
            ],
        )
        for job in current(pipeline)
        if job["attempt"] and job["attempt"]["results"]
    ]


def are_equal(outcomes: list[Outcome]) -> bool | None:
    """Say whether all jobs left the same text; None if there is nothing to compare.

    Measurements differ anyway, and a run that said `Skip` has no say.
    """
    texts = [each.texts for each in outcomes if not any(_are_measurements(text) for text in each.texts)]
    return None if len(texts) < 2 else all(text == texts[0] for text in texts)


def comparison(outcomes: list[Outcome]) -> list[str]:
    """Say in words which jobs left other results than the rest."""
    equal = are_equal(outcomes)
    if equal is None:
        return []
    free = [each for each in outcomes if not any(_are_measurements(text) for text in each.texts)]
    if equal:
        return [f"The results of {len(free)} jobs are equal."]
    groups: dict[str, list[str]] = {}
    for each in free:
        groups.setdefault("\0".join(each.texts), []).append(name(each.job))
    return [f"The results differ: {'; '.join(', '.join(names) for names in groups.values())}."]


def _are_measurements(text: str) -> bool:
    """Say whether a text holds measurements in any known format, or the word of a run that has none."""
    parsed = read(text.encode()).parsed
    return parsed is not None and bool(parsed.metrics or parsed.unmeasured or parsed.status != "ok")


def _say_line(job: Json, line: bytes) -> None:
    click.echo(f"{name(job)} | {plain(line.decode(errors='replace').rstrip(chr(13)))}", err=True)
