"""Two commits of a real program, built and run by turns on this machine as board, through service and builder."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import Service

C = """\
#include <stdio.h>
#include <time.h>

int main(void) {
    volatile unsigned long sum = 0;
    struct timespec from, to;
    for (int sample = 0; sample < 5; sample++) {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        for (unsigned long step = 0; step < %(steps)dUL; step++) sum += step;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
        printf("%%.9f\\n", (to.tv_sec - from.tv_sec) + (to.tv_nsec - from.tv_nsec) / 1e9);
    }
    return 0;
}
"""
PYTHON = """\
import time
for sample in range(5):
    began = time.process_time()
    total = 0
    for step in range(%(steps)d // 50):
        total += step
    print(f"{time.process_time() - began:.9f}")
"""
HAS_C = shutil.which("cc") is not None
BUILD = "cc -O1 -o program program.c" if HAS_C else "cp program.py program"
RUN = "./program" if HAS_C else "python3 program"
RESULT = (
    f"samples=$({RUN} | paste -sd, -)\n"
    """metric='{"name":"time","unit":"s","better":"lower","samples":['$samples']}'
echo '{"version":1,"benchmarks":[{"name":"count","metrics":['$metric']}]}' > "$RIGLINE_RESULTS"
"""
)
STEPS = 400_000  # about a millisecond each


class Program:
    """A repository whose commits differ in how much the program has to count."""

    def __init__(self, service: Service) -> None:
        self.service, self.tree = service, service.folder / "tree"
        self.tree.mkdir()
        self.url = f"{service.git_url}/acme/count.git"
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        named = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        return subprocess.run(
            ["git", *named, *words], cwd=self.tree, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, title: str, steps: int) -> str:
        name, text = ("program.c", C) if HAS_C else ("program.py", PYTHON)
        (self.tree / name).write_text(text % {"steps": steps})
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", title)
        return self.git("rev-parse", "HEAD")

    def publish(self) -> None:
        bare = self.service.folder / "git" / "acme" / "count.git"
        self.git("clone", "--quiet", "--bare", str(self.tree), str(bare))

    async def compare(self, base: str, head: str, *words: str) -> tuple[int, Any]:
        ended = await self.service.rigline(
            "compare", base, head, "--remote-url", self.url, "--json", "--quiet", *words, limit=300
        )
        assert ended.out, ended.err
        return ended.status, json.loads(ended.out)


def board(folder: Path) -> Path:
    """Configure this machine as the one board."""
    for name, text in (("build.sh", BUILD), ("run.sh", RESULT)):
        (folder / name).write_text(f"#!/bin/sh\nset -e\n{text}\n")
        (folder / name).chmod(0o755)
    file = folder / "builder.toml"
    file.write_text(
        'version = 1\n[builder.sandbox]\nuse = "untrusted"\n[[boards]]\nname = "here"\n[[boards.configurations]]\n'
        'name = "count"\nbuild = "./build.sh"\nrun = "./run.sh"\nbinary = "program"\n'
    )
    return file


def only_row(found: Any) -> Any:
    (comparison,) = found["comparisons"]
    (row,) = comparison["rows"]
    return comparison, row


async def test_a_slowdown_of_a_fifth_is_certain_within_16_pairs(service: Service) -> None:
    program = Program(service)
    base, head = program.commit("Count", STEPS), program.commit("Count more", STEPS * 6 // 5)
    program.publish()

    async with service.builder("lab", board(service.folder)):
        status, found = await program.compare(base, head, "--fail-on-regression")

    comparison, row = only_row(found)
    assert (status, row["verdict"], row["fails"]) == (1, "regressed", True)
    assert comparison["pairs"] <= 16
    assert 0.1 < row["low"] < 0.2 < row["high"] + 0.02
