"""A real builder with four boards, its repository mirrored before, and a script that notes when it began."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded import child
from benchmarks.service import Service

BOARDS = 4
# The first thing a job's script does. The clock is the machine's, as the load generator's is.
SCRIPT = '#!/bin/sh\nnow=$(date +%s%N)\necho "$RIGLINE_COMMIT $now" >> "$(dirname "$0")/began"\n'


def make_repository(path: Path, commits: int) -> list[str]:
    """Write a bare repository with that many commits on `main`; give them, the oldest first."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(path)], check=True)
    _git(path, "config", "uploadpack.allowAnySHA1InWant", "true")
    _git(path, "fast-import", "--quiet", given="".join(_commit(number) for number in range(commits)) + "done\n")
    return _git(path, "rev-list", "--reverse", "main").split()


def _commit(number: int) -> str:
    who = f"Ada <ada@example.org> {1_780_000_000 + number} +0000"
    text, title = f"{number}\n", f"Change {number}"
    return (
        f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(title)}\n{title}\n"
        f"M 100644 inline number\ndata {len(text)}\n{text}\n"
    )


def _git(path: Path, *words: str, given: str = "") -> str:
    done = subprocess.run(["git", "-C", str(path), *words], input=given, check=True, capture_output=True, text=True)
    return done.stdout


@contextmanager
def connected(service: Service, folder: Path, token: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `rigline-builder connect` with the boards."""
    script = folder / "build"
    script.write_text(SCRIPT)
    script.chmod(0o700)
    config = folder / "builder.toml"
    config.write_text(_configuration(script))
    argv = [sys.executable, "-m", "builders.cli", "--config", str(config), "connect"]
    argv += ["--server", f"http://127.0.0.1:{service.port}"]
    env = os.environ | {"RIGLINE_BUILDER_TOKEN": token, "RIGLINE_BUILDER_ID": token.partition(".")[0]}
    process = child.start(argv, dies_by=signal.SIGTERM, env=env, log=folder / "agent.log")
    try:
        yield process
    finally:
        child.stop(process, by=signal.SIGTERM, limit=15)


def _configuration(script: Path) -> str:
    board = (
        '[[boards]]\nname = "board-{}"\ntype = "bench"\n'
        '[[boards.configurations]]\nname = "c0"\nbuild = ["{}"]\nrun = ["true"]\nlimits = {{ job = 60 }}\n'
    )
    head = f'version = 1\n[builder]\nparallel_builds = {BOARDS}\nstate_dir = "state"\nwork_dir = "work"\n'
    head += '[builder.sandbox]\nuse = "untrusted"\n'  # a sandboxed script could not note its time beside itself
    return head + "".join(board.format(number, script) for number in range(BOARDS))


def began(folder: Path) -> dict[str, float]:
    """Read when each commit's script began, in seconds since 1970."""
    with contextlib.suppress(FileNotFoundError):
        lines = (folder / "began").read_text().splitlines()
        return {commit: int(at) / 1e9 for commit, at in (line.split() for line in lines)}
    return {}
