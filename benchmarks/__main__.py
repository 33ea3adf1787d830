"""`python -m benchmarks [NAME …] [--quick]`: measure, and print one table."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import uvloop

from benchmarks import (
    backup,
    claims,
    detector,
    first_command,
    fleet,
    forge,
    history,
    idle,
    live,
    logs,
    pages,
    report,
    resident,
    service,
    shifts,
    verdicts,
    webhooks,
)
from benchmarks.report import Figure
from benchmarks.service import Service

TITLES = {
    "webhooks": "webhooks: signed pushes of 10 KB, eight connections, stored and queued",
    "first_command": "push → first command: a real builder with four boards, the commit mirrored",
    "claims": "claim → finish: fake builders over HTTP",
    "idle": "idle builders on long polls",
    "builder": "the builder's memory: its agent, the process that forks its jobs' processes, and those",
    "live": "500 open pages on one web process, and jobs that come and go",
    "logs": "log ingest: pieces of 1 MiB",
    "fleet": "fleet: 10,000 boards and 1,000,000 jobs simulated, 10,000 jobs by the claim's own statements",
    "shifts": "shifts: 10,000 series after one push, by the service's own worker",
    "verdicts": "verdicts: pairs whose truth is known (docs/statistics.md)",
    "detector": "detector: invented histories (docs/statistics.md)",
    "pages": "pages: lists over a million pipelines (only by name)",
    "backup": "backup: a million measurements and a gigabyte of logs, saved, checked and restored (only by name)",
    "history": "history: pages over ten million measurements, and over a hundredth of them (only by name)",
}

Run = Callable[..., Awaitable[list[Figure]]]
RUNS: dict[str, Run] = {
    "webhooks": webhooks.run,
    "first_command": first_command.run,
    "claims": claims.run,
    "idle": idle.run,
    "builder": resident.run,
    "live": live.run,
    "logs": logs.run,
    "fleet": fleet.run,
    "shifts": shifts.run,
}
ALONE: dict[str, Callable[..., list[Figure]]] = {  # need no service
    "verdicts": verdicts.run,
    "detector": detector.run,
    "backup": backup.run,
}
BY_NAME = ("history", "pages", "backup")  # take minutes


def main() -> int:
    """Run the named benchmarks, each on a service of its own; 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *TITLES], metavar="NAME", help=", ".join(TITLES))
    parser.add_argument("--quick", action="store_true", help="fewer and shorter: shows that it works, no figures")
    parser.add_argument("--rows", type=int, default=history.MANY, help="history: so many measurements")
    parser.add_argument(
        "--keep", type=Path, help="history, pages: folder in which their databases stay and are found again"
    )
    parser.add_argument("--explain", action="store_true", help="history, pages: print the plans of all statements")
    given = parser.parse_args()
    ALONE["history"] = partial(history.run, rows=given.rows, keep=given.keep, explain=given.explain)
    ALONE["pages"] = partial(pages.run, keep=given.keep, explain=given.explain)
    names = given.names or [name for name in TITLES if name not in BY_NAME]
    sections = [(TITLES[name], _measure(name, quick=given.quick)) for name in names]
    print(report.table(sections))
    return int(any(figure.missed for _, figures in sections for figure in figures))


def _measure(name: str, *, quick: bool) -> list[Figure]:
    print(f"{TITLES[name]} …", end=" ", file=sys.stderr, flush=True)
    begun = time.monotonic()
    figures = ALONE[name](quick=quick) if name in ALONE else _with_service(RUNS[name], quick=quick)
    print(f"{time.monotonic() - begun:.0f} s, load average {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    return figures


def _with_service(run: Run, *, quick: bool) -> list[Figure]:
    with service.running() as running, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_with_forge(running, run, quick=quick))


async def _with_forge(running: Service, run: Run, *, quick: bool) -> list[Figure]:
    async with forge.listening(running.forge_port, running.statuses):
        return await run(running, quick=quick)


if __name__ == "__main__":
    sys.exit(main())
