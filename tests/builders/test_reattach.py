"""A job outlives its agent: the next agent finds it, and nothing of it is lost or done twice."""

import asyncio
import os
import signal

from builders.protocol import Outcome
from tests.builders.conftest import Lab, Project, gone, processes
from tests.builders.fake_service import FakeService

COUNT = "i=0; while [ ! -e $HOME/enough ]; do i=$((i+1)); echo line $i; sleep 0.05; done; echo the end"


async def kill(agent: asyncio.subprocess.Process) -> None:
    agent.send_signal(signal.SIGKILL)
    await agent.wait()


async def test_a_job_goes_on_when_its_agent_is_killed_and_the_next_agent_knows_that_its_board_is_busy(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run=COUNT)
    job = await service.job(project.source(project.commit(a="1")), "b1", "c1")
    agent = await lab.connect()
    await job.logged("line 3")
    await kill(agent)
    asked = len(service.claims)
    await job.logged("line 20")
    await lab.connect()
    await job.logged("line 40")
    assert service.claims[asked:] == []
    (lab.folder / "enough").touch()
    assert (await job.ended()).outcome is Outcome.PASSED
    lines = [each for each in job.text.splitlines() if each.startswith("line ")]
    assert lines == [f"line {number}" for number in range(1, len(lines) + 1)]
    await service.until(lambda: len(service.claims) > asked)
    assert service.claims[-1].boards_free == ["b1"]
    assert len(job.beats) > 0


async def test_a_job_without_an_agent_reports_by_itself(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run=COUNT)
    job = await service.job(project.source(project.commit(a="1")), "b1", "c1")
    agent = await lab.connect()
    await job.logged("line 3")
    await kill(agent)
    (lab.folder / "enough").touch()
    assert (await job.ended()).outcome is Outcome.PASSED
    assert "the end" in job.text
    async with asyncio.timeout(10):
        while lab.job_processes():
            await asyncio.sleep(0.02)


async def test_the_next_agent_ends_the_jobs_that_it_found(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run=COUNT, grace=1.0)
    job = await service.job(project.source(project.commit(a="1")), "b1", "c1")
    agent = await lab.connect()
    await job.logged("line 3")
    await kill(agent)
    agent = await lab.connect()
    await job.logged("line 20")
    agent.send_signal(signal.SIGINT)
    finish = await job.ended()
    assert (finish.outcome, finish.reason) == (Outcome.ERRORED, "infra:agent the builder was stopped")
    assert await asyncio.wait_for(agent.wait(), 30) == 0


async def test_of_a_killed_job_process_nothing_is_left_and_its_board_gets_the_next_job(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="sleep 4333 & setsid sleep 4333 & echo started; wait")
    source = project.source(project.commit(a="1"))
    job = await service.job(source, "b1", "c1")
    await lab.connect()
    await job.logged("started")
    assert len(processes("sleep 4333")) == 2
    [pid] = lab.job_processes()
    asked = len(service.claims)
    os.kill(pid, signal.SIGKILL)
    await gone("sleep 4333")
    await service.until(lambda: len(service.claims) > asked)
    assert service.claims[-1].boards_free == ["b1"]


async def test_a_script_cannot_speak_to_the_agent_in_its_jobs_name(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.script(
        "speak.py",
        "#!/usr/bin/env python3\n"
        "import os, socket\n"
        "place = os.open(os.environ['HOME'] + '/state', os.O_PATH)\n"
        "line = socket.socket(socket.AF_UNIX)\n"
        "line.connect(f'/proc/self/fd/{place}/agent.sock')\n"
        'line.sendall(b\'{"attempt": 1}\\n{"off_board": true, "finished": null, "claimed": null}\\n\')\n'
        "print('heard', line.recv(1), flush=True)\n",
    )
    lab.board(run="$HOME/scripts/speak.py; " + COUNT)
    job = await service.job(project.source(project.commit(a="1")), "b1", "c1")
    await lab.connect()
    await job.logged("heard b''")
    asked = len(service.claims)
    await job.logged("line 5")
    assert service.claims[asked:] == []
    (lab.folder / "enough").touch()
    assert (await job.ended()).outcome is Outcome.PASSED
