"""Two commits of a real program, built and run by turns on this machine as board, through service and builder."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.acceptance.conftest import Service

C = """\
#include <stdio.h>
#include <time.h>

const char *volatile title = "%(title)s";

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
# %(title)s
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
    """A repository whose commits differ in how much the program has to count, and in a text that it does not print."""

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
        (self.tree / name).write_text(text % {"steps": steps, "title": title})
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", title)
        return self.git("rev-parse", "HEAD")

    def publish(self) -> None:
        bare = self.service.folder / "git" / "acme" / "count.git"
        self.git("clone", "--quiet", "--bare", str(self.tree), str(bare))

    async def compare(self, base: str, head: str, *words: str) -> tuple[int, Any, Any]:
        """Run the command; give its exit status, the one comparison and its one row."""
        asked = ("--remote-url", self.url, "--json", "--quiet", *words)
        ended = await self.service.rigline("compare", base, head, *asked, limit=300)
        assert ended.out, ended.err
        (comparison,) = json.loads(ended.out)["comparisons"]
        (row,) = comparison["rows"]
        return ended.status, comparison, row


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


async def test_a_real_slowdown_is_found_by_turns_and_equal_work_never_called_worse(
    service: Service, campaign: int
) -> None:
    """A fifth more is certain within 16 pairs; equal work is never worse, three percent more never better.

    `make test-all` compares equal work 200 times by 16 pairs, and three percent more ten times; else once by 8.
    """
    repeats, pairs = (10 * campaign, "16") if campaign > 1 else (1, "8")
    program = Program(service)
    base, same = program.commit("Count", STEPS), program.commit("Count the same in other words", STEPS)
    slow, slower = program.commit("A little more", STEPS * 103 // 100), program.commit("A fifth more", STEPS * 6 // 5)
    program.publish()

    async with service.builder("lab", board(service.folder)):
        status, found, row = await program.compare(base, slower, "--fail-on-regression")
        unchanged = [(await program.compare(base, same, "--pairs", pairs))[2]["verdict"] for _ in range(repeats)]
        little = [(await program.compare(base, slow, "--pairs", pairs))[2]["verdict"] for _ in range(repeats // 20)]
        calibrated = await service.rigline(
            "board", "calibrate", "here", "--remote-url", program.url, "--commit-hash", base, "--pairs", "8"
        )

    assert (status, row["verdict"], row["fails"], found["pairs"] <= 16) == (1, "regressed", True, True)
    assert (0.1 if campaign > 1 else 0) < row["low"] < 0.2 < row["high"] + 0.02  # other tests run beside this one
    assert found["base_binary"] != found["head_binary"]
    sys.stdout.write(f"equal work: {Counter(unchanged)}; three percent more: {Counter(little)}\n")
    assert "regressed" not in unchanged
    assert "improved" not in little
    assert calibrated.status == 0, calibrated.err
    [line] = [line.split() for line in calibrated.out.splitlines() if " count " in line]
    assert line[1:5] == ["count", "count", "time", "8"]
    assert "of 1 comparisons of equal builds were called changed" in calibrated.out
