"""The dispatcher of the examples: a program of one's own with the client."""

import asyncio
import os
import sys
from pathlib import Path

from tests.api.service import HASH, REMOTE, Service
from tests.cli.commands import Ended, ended

SCRIPT = Path(__file__).parents[2] / "examples" / "dispatcher" / "run_everywhere.py"


async def start(service: Service, token: str) -> asyncio.subprocess.Process:
    env = {"PATH": os.environ["PATH"], "RIGLINE_URL": service.url, "RIGLINE_TOKEN": token}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), HASH, REMOTE, env=env, stdout=pipe, stderr=pipe
    )


async def test_it_prints_what_each_job_left_and_fails_with_one_of_them(service: Service) -> None:
    builder = await service.builder(desk=["fast", "slow"])
    token = await service.token()

    told: list[Ended] = []
    for outcome in ("passed", "failed"):
        program = await start(service, token)
        await builder.work(result=b"SEQ: 1")
        await builder.work(outcome, result=b"SEQ: 2")
        told.append(await ended(program))

    assert [each.status for each in told] == [0, 1]
    assert told[0].out.splitlines()[:-1] == ["desk fast passed ", "SEQ: 1", "desk slow passed ", "SEQ: 2"]
    assert told[1].out.splitlines()[2] == "desk slow failed "
    assert "/pipelines/" in told[0].out.splitlines()[-1]


async def test_it_says_why_it_was_refused(service: Service) -> None:
    await service.builder()

    told = await ended(await start(service, "rlu_wrong"))

    assert (told.status, told.out) == (1, "")
    assert told.err.startswith("Error: ") and "Traceback" not in told.err
