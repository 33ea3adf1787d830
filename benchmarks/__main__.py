"""`python -m benchmarks [NAME …] [--quick]`: measure, and print one table."""

import argparse
import asyncio
import sys
import time

import uvloop

from benchmarks import claims, first_command, idle, logs, report, service, webhooks
from benchmarks.report import Figure

TITLES = {
    "webhooks": "webhooks: signed pushes of 10 KB, eight connections, stored and queued",
    "first_command": "push → first command: a real builder with four boards, the commit mirrored",
    "claims": "claim → finish: fake builders over HTTP",
    "idle": "idle builders on long polls",
    "logs": "log ingest: chunks of 256 KiB",
}


def main() -> int:
    """Run the named benchmarks, each on a service of its own; 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *TITLES], metavar="NAME", help=", ".join(TITLES))
    parser.add_argument("--quick", action="store_true", help="fewer and shorter: shows that it works, no figures")
    given = parser.parse_args()
    sections = [(TITLES[name], _measure(name, quick=given.quick)) for name in given.names or TITLES]
    print(report.table(sections))
    return int(any(figure.missed for _, figures in sections for figure in figures))


def _measure(name: str, *, quick: bool) -> list[Figure]:
    print(f"{TITLES[name]} …", end=" ", file=sys.stderr, flush=True)
    begun, forge_port = time.monotonic(), service.free_port()
    with service.running(forge_port) as running, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if name == "first_command":
            figures = runner.run(first_command.run(running, quick=quick, forge_port=forge_port))
        else:
            module = {"webhooks": webhooks, "claims": claims, "idle": idle, "logs": logs}[name]
            figures = runner.run(module.run(running, quick=quick))
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main())
