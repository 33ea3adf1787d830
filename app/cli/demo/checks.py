"""Look at what the demo claims: each claim is read from the service's own pages and API, or from the forge."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx2

from app.cli.demo import sample
from app.cli.demo.stage import NAME, OWNER, Stage
from app.client import Client

CONTEXT = "rigline/run"
HISTORY = f"/github/{OWNER}/{NAME}/history"
STATUSES_LIMIT = 30.0  # seconds until the forge shows the last state
ON_FORGE = {"passed": "success", "failed": "failure", "timed_out": "error", "awaiting_approval": "pending"}
STEP = 0.3  # relative; what the two commits change is far more, the noise of a busy machine less


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One thing the demo shows, and whether it is so."""

    what: str
    holds: bool
    found: str = ""


class Findings:
    """What the service says after the demo, read once."""

    def __init__(self, stage: Stage, client: Client) -> None:
        self.stage = stage
        pipelines = [client.get(f"/pipelines/{each['id']}") for each in client.items("/pipelines")]
        self.of_commit: dict[str, dict[str, Any]] = {each["commit"]: each for each in pipelines}
        self.client = client
        with httpx2.Client(base_url=stage.url) as http:
            blend = {"benchmark": "blend", "metric": "time"}
            self.history = http.get(f"{HISTORY}.json", params=blend).raise_for_status().json()
            self.page = http.get(HISTORY, params=blend).raise_for_status().text

    def jobs(self, position: int) -> dict[tuple[str, str], str]:
        """Give the states of a commit's jobs by board and configuration."""
        pipeline = self.of_commit[self.stage.sample.commits[position]]
        return {(job["board_type"], job["configuration"]): job["state"] for job in pipeline["jobs"]}

    def logs(self, position: int, state: str) -> list[str]:
        """Read the logs of a commit's jobs that ended in a state."""
        pipeline = self.of_commit[self.stage.sample.commits[position]]
        ids = [job["id"] for job in pipeline["jobs"] if job["state"] == state]
        return [self.client.text(f"/jobs/{each}/log").decode(errors="replace") for each in ids]


async def all_claims(stage: Stage) -> list[Claim]:
    """Check everything, once the forge had time to hear the last status."""
    await _statuses_there(stage)
    return await asyncio.to_thread(_check, stage)


async def _statuses_there(stage: Stage) -> None:
    expected, until = set(stage.sample.commits), time.monotonic() + STATUSES_LIMIT
    while time.monotonic() < until:
        shown = {each.commit for each in stage.world.statuses if each.state != "pending"}
        if shown >= expected:
            return
        await asyncio.sleep(0.2)


def _check(stage: Stage) -> list[Claim]:
    with stage.client() as client:
        findings = Findings(stage, client)
        checks: tuple[Callable[[Findings], Iterator[Claim]], ...] = (_verdicts, _fork, _statuses, _steps, _leftovers)
        return [claim for check in checks for claim in check(findings)]


def _verdicts(found: Findings) -> Iterator[Claim]:
    everywhere = {(board, configuration) for board in sample.BOARDS for configuration in sample.CONFIGURATIONS}
    odd = {sample.BROKEN, sample.ENDLESS}
    good = [position for position in range(sample.COMMITS) if position not in odd]
    wrong = [each for each in good if found.jobs(each) != dict.fromkeys(everywhere, "passed")]
    yield Claim(what=f"{len(good)} commits were built and run on both boards", holds=not wrong, found=str(wrong or ""))
    logs = found.logs(sample.BROKEN, "failed")
    told = len(logs) == len(everywhere) and all("does not compile" in log for log in logs)
    yield Claim(what="the commit that does not build failed everywhere, and its logs say why", holds=told)
    expected = {each: "timed_out" if each[1] == "large" else "passed" for each in everywhere}
    ended = found.jobs(sample.ENDLESS) == expected and all(found.logs(sample.ENDLESS, "timed_out"))
    yield Claim(what="the endless configuration timed out, and took no other with it", holds=ended)


def _fork(found: Findings) -> Iterator[Claim]:
    pipeline = found.of_commit.get(found.stage.sample.fork_commit, {"state": "missing", "jobs": []})
    waits = pipeline["state"] == "awaiting_approval" and not any(job["attempt"] for job in pipeline["jobs"])
    yield Claim(
        what="the stranger's pull request waits for approval; nothing of it ran", holds=waits, found=pipeline["state"]
    )


def _statuses(found: Findings) -> Iterator[Claim]:
    wrong = []
    for commit, pipeline in found.of_commit.items():
        shown = found.stage.world.latest(commit).get(CONTEXT)
        if shown is None or shown.state != ON_FORGE.get(pipeline["state"]):
            wrong.append(f"{commit[:8]}: {pipeline['state']} here, {shown.state if shown else 'nothing'} there")
    text = f"the forge shows the verdict of all {len(found.of_commit)} commits"
    yield Claim(what=text, holds=not wrong, found="; ".join(wrong[:3]))


def _steps(found: Findings) -> Iterator[Claim]:
    rows = found.history["items"]
    series = [
        {row["sha"]: row["cells"][number]["value"] for row in rows if row["cells"][number]}
        for number in range(len(found.history["series"]))
    ]
    order = {commit: position for position, commit in enumerate(found.stage.sample.commits)}
    changes = [(_step(each, order, sample.SLOWER), _step(each, order, sample.FASTER)) for each in series]
    shown = ", ".join(f"{slower:+.0%} then {faster:+.0%}" for slower, faster in changes)
    seen = len(series) == len(sample.BOARDS) * len(sample.CONFIGURATIONS)
    steps = all(slower > STEP and faster < -STEP for slower, faster in changes)
    yield Claim(
        what="the history shows both changes of speed in every series of blend", holds=seen and steps, found=shown
    )
    yield Claim(what="the history page draws them", holds="<svg" in found.page and "blend" in found.page)


def _step(series: dict[str, float], order: dict[str, int], position: int) -> float:
    """Compare the level of a series from a commit on with the level before it, up to the next change."""
    bounds = [0, sample.SLOWER, sample.FASTER, sample.COMMITS]
    at = bounds.index(position)
    values = {order[sha]: value for sha, value in series.items() if sha in order}
    before = [value for where, value in values.items() if bounds[at - 1] <= where < position]
    after = [value for where, value in values.items() if position <= where < bounds[at + 1]]
    return median(after) / median(before) - 1 if before and after else 0.0


def _leftovers(found: Findings) -> Iterator[Claim]:
    left = list(_processes_below(found.stage.folder / "work"))
    yield Claim(what="no process of any job is left", holds=not left, found=", ".join(left))


def _processes_below(folder: Path) -> Iterator[str]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            where = (entry / "cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(folder):
            yield entry.name
