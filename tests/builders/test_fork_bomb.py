"""A script that forks without end meets the limit of its processes, and its builder goes on giving signs of life."""

from __future__ import annotations

import re
import sys
from itertools import pairwise

from tests.builders.conftest import Lab, Project, gone
from tests.builders.fake_service import FakeService
from tests.crowd import crowd

MOST, BEAT_S, BOMB_S = 60, 0.2, 3.0
# Every process of it forks as fast as it can; the first one says how often it was refused. It ends by itself, should
# nothing stop it.
BOMB = f"""
import os, sys, time
until, first, refused = time.monotonic() + {BOMB_S}, os.getpid(), 0
while time.monotonic() < until:
    if sum(each.isdigit() for each in os.listdir("/proc")) > {2 * MOST}:
        print("ESCAPED", flush=True)
        os._exit(3)
    try:
        os.fork()
    except BlockingIOError:
        refused += 1
if os.getpid() == first:
    print("refused", refused, flush=True)
    sys.exit(refused > 0)
time.sleep(60)
"""
BOARD = """
[[boards]]
name = "b1"
[[boards.configurations]]
name = "c1"
build = ["{python}", "bomb.py", "fork-bomb-here"]
run = "true"
limits.grace = 0.3
"""


async def test_a_fork_bomb_ends_at_the_limit_of_processes_while_beats_come_in_time(
    lab: Lab, service: FakeService, project: Project
) -> None:
    service.beat_s = BEAT_S
    lab.config(BOARD.format(python=sys.executable), sandbox=f"processes = {MOST}")
    await lab.connect()

    attempt = await service.job(project.source(project.commit(bomb__py=BOMB)), "b1", "c1", trusted=True)
    finish = await attempt.ended()

    await gone("fork-bomb-here")
    refused = re.search(r"refused (\d+)", attempt.text)
    by_the_kernel, by_us = refused is not None and int(refused[1]) > 0, "too many processes" in finish.reason
    assert finish.outcome == "failed" and (by_the_kernel or by_us), attempt.text
    assert "ESCAPED" not in attempt.text
    gaps = [after - before for before, after in pairwise(attempt.beaten_at)]
    assert len(gaps) >= 5 or by_us, attempt.beaten_at
    assert max(gaps, default=0.0) < BEAT_S + 2 * crowd(), gaps
