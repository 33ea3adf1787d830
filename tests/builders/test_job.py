"""What becomes of one job, from the lease to the finish."""

from __future__ import annotations

import json

from builders.protocol import Kind, Outcome, Phase
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import FakeService


async def test_a_job_is_fetched_built_run_and_reported(lab: Lab, service: FakeService, project: Project) -> None:
    commit = project.commit("Say hello", hello__txt="hello")
    lab.board(build="cat hello.txt; echo; echo to stderr >&2", run='echo "{}" > "$RIGLINE_RESULTS"; echo ran')
    await lab.connect()

    attempt = await service.job(project.source(commit), "b1", "c1")
    finish = await attempt.ended()

    assert (finish.outcome, finish.reason) == (Outcome.PASSED, "")
    assert [each.phase for each in finish.phases] == [Phase.FETCH, Phase.BUILD, Phase.RUN, Phase.COLLECT]
    assert attempt.results == {0: b"{}\n"}
    lines = attempt.text.splitlines()
    assert lines[0] == f"[rigline] remote file://{project.path}"
    assert f"[rigline] commit {commit} is checked out: Say hello" in lines
    assert lines.index("hello") < lines.index("to stderr") < lines.index("ran")
    assert finish.commit is not None and finish.commit.title == "Say hello"
