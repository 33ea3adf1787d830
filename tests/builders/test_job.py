"""What becomes of one job, from the lease to the finish."""

from __future__ import annotations

import os
from pathlib import Path

from builders.protocol import Cancel, Kind, Outcome, Phase
from tests.builders.conftest import Lab, Project, processes
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
    assert finish.commit is not None
    assert (finish.commit.title, finish.commit.author, finish.commit.parents) == ("Say hello", "An Author", [])


async def test_a_build_job_runs_nothing_and_has_no_result(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(build="echo built", run="echo never")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1", kind=Kind.BUILD)
    finish = await attempt.ended()

    assert finish.outcome is Outcome.PASSED
    assert [each.phase for each in finish.phases] == [Phase.FETCH, Phase.BUILD]
    assert "built" in attempt.text and "never" not in attempt.text
    assert attempt.results == {}


async def test_a_failed_build_ends_the_job_with_its_exit_status(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(build="echo no such header; exit 7", run="echo never")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert (finish.outcome, finish.phase, finish.exit_code) == (Outcome.FAILED, Phase.BUILD, 7)
    assert finish.reason == "build: exit status 7"
    assert "no such header" in attempt.text and "never" not in attempt.text


async def test_a_failed_run_fails_its_job_and_no_other(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run='grep -q good state.txt || kill -9 $$; echo "{}" > "$RIGLINE_RESULTS"')
    bad = project.commit(state__txt="bad")
    good = project.commit(state__txt="good")
    await lab.connect()

    first = await service.job(project.source(bad), "b1", "c1")
    second = await service.job(project.source(good), "b1", "c1")

    finish = await first.ended()
    assert (finish.outcome, finish.reason, finish.exit_code) == (Outcome.FAILED, "run: killed by signal 9", -9)
    assert first.results == {}
    assert (await second.ended()).outcome is Outcome.PASSED


async def test_a_missing_script_is_the_configurations_fault(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board()
    (lab.folder / "scripts" / "run.sh").unlink()
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason.startswith(f"config: the script {lab.folder}/scripts/run.sh is missing")


async def test_a_script_that_is_not_executable_is_the_configurations_fault(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board()
    (lab.folder / "scripts" / "build.sh").chmod(0o644)
    await lab.connect()

    finish = await (await service.job(project.source(project.commit()), "b1", "c1")).ended()

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason == f"config: the script {lab.folder}/scripts/build.sh is not executable: chmod +x it"


async def test_a_configuration_that_this_builder_does_not_have_is_said_so(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board()
    await lab.connect()

    finish = await (await service.job(project.source(project.commit()), "b1", "gone")).ended()

    assert finish.outcome is Outcome.ERRORED
    assert finish.reason.startswith("config: board b1 has no configuration named 'gone'")


async def test_a_phase_limit_ends_the_job_as_timed_out(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run="echo begun; sleep 4321", more="limits.run = 0.3")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert (finish.outcome, finish.phase) == (Outcome.TIMED_OUT, Phase.RUN)
    assert finish.reason == "limit: run took longer than 0.3 s"
    assert "begun" in attempt.text
    assert processes("sleep 4321") == []


async def test_a_result_that_takes_too_long_to_read_ends_the_job(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="head -c 16000000 /dev/zero > $RIGLINE_RESULTS", more="limits.collect = 0.1")
    slow = "from builders.results import ResultPlace as P; import time; read = P.read\n"
    slow += "P.read = lambda self: (time.sleep(1), read(self))[1]\nfrom builders.cli import main; main()"
    agent = await lab.start(code=slow)

    finish = await (await service.job(project.source(project.commit()), "b1", "c1")).ended()

    assert (finish.outcome, finish.phase) == (Outcome.TIMED_OUT, Phase.COLLECT)
    assert finish.reason == "limit: collect took longer than 0.1 s"
    assert agent.returncode is None


async def test_the_time_limit_of_a_dispatch_is_the_jobs(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(build="sleep 0.2", run="sleep 4322")
    await lab.connect()

    finish = await (await service.job(project.source(project.commit()), "b1", "c1", limit_s=0.8)).ended()

    assert (finish.outcome, finish.reason) == (
        Outcome.TIMED_OUT,
        "limit: the job took longer than 0.8 s (in run)",
    )
    assert sum(each.seconds for each in finish.phases) < 2


async def test_a_script_that_falls_silent_is_ended_with_its_last_lines(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(build="for i in $(seq 1 30); do echo line $i; done; sleep 4323", no_output=0.5)
    await lab.connect()

    finish = await (await service.job(project.source(project.commit()), "b1", "c1")).ended()

    assert (finish.outcome, finish.phase) == (Outcome.TIMED_OUT, Phase.BUILD)
    first, *lines = finish.reason.splitlines()
    assert first == "limit: no output of build for 0.5 s; the last lines were"
    assert lines == [f"line {number}" for number in range(11, 31)]


async def test_a_repeated_run_is_one_job_with_one_build_and_all_results(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(build="echo 0 > count", run='n=$(cat count); echo $((n+1)) > count; echo "$n" > "$RIGLINE_RESULTS"')
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1", repeat=3)
    finish = await attempt.ended()

    assert attempt.results == {0: b"0\n", 1: b"1\n", 2: b"2\n"}
    phases = [each.phase for each in finish.phases]
    assert (phases.count(Phase.BUILD), phases.count(Phase.RUN)) == (1, 3)


async def test_results_before_a_cancel_are_kept(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run='test -e done && { echo waits; sleep 4324; }; touch done; echo "first" > "$RIGLINE_RESULTS"', grace=2)
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1", repeat=2)
    await attempt.logged("waits")

    await service.cancel(attempt)
    finish = await attempt.ended()

    assert (finish.outcome, attempt.results) == (Outcome.CANCELLED, {0: b"first\n"})


async def test_a_running_sleep_is_cancelled_within_moments(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run="echo begun; exec sleep 4325")
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    await service.cancel(attempt)
    finish = await attempt.ended(timeout=9)  # shorter than the grace

    assert (finish.outcome, finish.reason) == (Outcome.CANCELLED, "cancel: asked for during run")
    assert "begun" in attempt.text
    assert processes("sleep 4325") == []


async def test_a_script_that_refuses_to_end_is_killed_after_the_grace(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="trap '' INT TERM; echo begun; while :; do sleep 4326; done", grace=0.6)
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    await service.cancel(attempt)
    finish = await attempt.ended(timeout=9)

    assert finish.outcome is Outcome.CANCELLED
    assert processes("sleep 4326") == []


async def test_a_forced_cancel_does_not_wait_for_the_grace(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run="trap '' INT TERM; echo begun; while :; do sleep 4327; done", grace=60)
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    await service.cancel(attempt, Cancel.FORCE)

    assert (await attempt.ended(timeout=30)).outcome is Outcome.CANCELLED


async def test_a_script_that_cleans_up_after_an_interrupt_has_the_time_to(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="trap 'sleep 0.3; echo board is off; exit 1' INT\necho begun\nwhile :; do sleep 0.05; done")
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    await service.cancel(attempt)
    await attempt.ended()

    assert "board is off" in attempt.text


async def test_nothing_that_a_job_starts_outlives_it(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(
        run="setsid sleep 4328 &\n(setsid sh -c 'trap \"\" TERM INT HUP; sleep 4328; sleep 4328' &)\n"
        'nohup sleep 4328 >/dev/null 2>&1 &\nsleep 0.1; echo "{}" > "$RIGLINE_RESULTS"'
    )
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.PASSED
    assert processes("sleep 4328") == []
    assert "left processes behind, killed: " in attempt.text


async def test_a_script_that_kills_its_leader_fails_and_leaves_nothing(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="setsid sleep 4329 & kill -9 $PPID; sleep 4329")
    await lab.connect()

    finish = await (await service.job(project.source(project.commit()), "b1", "c1")).ended()

    assert finish.outcome is Outcome.FAILED
    assert processes("sleep 4329") == []


async def test_an_old_result_is_never_reported_again(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run='test -e ran || echo "{}" > "$RIGLINE_RESULTS"; touch ran', more='results = "out.json"')
    await lab.connect()

    first = await service.job(project.source(project.commit()), "b1", "c1")
    await first.ended()
    second = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await second.ended()

    assert first.results == {0: b"{}\n"}
    assert (finish.outcome, second.results) == (Outcome.PASSED, {})
    assert "[rigline] warning: the run wrote no result" in second.text


async def test_a_result_that_is_no_json_is_kept_as_it_is(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run="printf 'Results:\\n\\0\\377 SEQ: 12' > \"$RIGLINE_RESULTS\"")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")

    assert (await attempt.ended()).outcome is Outcome.PASSED
    assert attempt.results == {0: b"Results:\n\0\xff SEQ: 12"}


async def test_a_result_of_a_gigabyte_is_refused_without_reading_it(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run='truncate -s 1G "$RIGLINE_RESULTS"')
    agent = await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert (finish.outcome, finish.phase, attempt.results) == (Outcome.FAILED, Phase.COLLECT, {})
    assert f"has {1 << 30} bytes: at most {16 << 20} are taken" in finish.reason
    assert resident(agent.pid) < 60 << 20


async def test_a_result_is_never_read_through_a_link(
    lab: Lab, service: FakeService, project: Project, tmp_path: Path
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "out.json").write_text("a secret of the lab")
    lab.board(run=f"rm -rf results; ln -s {tmp_path}/private results")
    text = (lab.folder / "builder.toml").read_text()
    other = text.split("[[boards]]")[1].replace("b1", "b2") + 'results = "results/out.json"\n'
    (lab.folder / "builder.toml").write_text(text + 'results = "results"\n[[boards]]' + other)
    await lab.connect()

    whole = await service.job(project.source(project.commit()), "b1", "c1")
    folder = await service.job(project.source(project.commit()), "b2", "c1")

    assert (await whole.ended()).outcome is Outcome.FAILED
    assert (await folder.ended()).outcome is Outcome.FAILED
    assert (whole.results, folder.results) == ({}, {})
    assert (tmp_path / "private" / "out.json").exists()


async def test_a_run_that_reports_skip_is_skipped(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run='echo Skip > "$RIGLINE_RESULTS"')
    await lab.connect()

    finish = await (await service.job(project.source(project.commit()), "b1", "c1")).ended()

    assert finish.outcome is Outcome.SKIPPED


async def test_a_script_sees_its_job_and_nothing_of_the_builder(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.config(
        '[[boards]]\nname = "b1"\n[[boards.configurations]]\nname = "c1"\nenvironment = { MODE = "fast" }\n'
        f'build = ["sh", "-c", "env > {lab.folder}/seen; pwd >> {lab.folder}/seen; umask >> {lab.folder}/seen"]\n'
        'run = ["true", "{worktree}", "{board}", "{configuration}", "{config_dir}"]\n',
        head='environment = ["LAB_TOOLS", "RIGLINE_BUILDER_TOKEN", "MISSING"]',
    )
    await lab.connect(LAB_TOOLS="/opt/tools", OTHER="not for scripts")

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.ended()

    *lines, folder, mask = (lab.folder / "seen").read_text().splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    tree = str(lab.folder / "state" / "work" / "trees" / "b1" / "fake-1")
    assert (folder, mask) == (tree, "0077")
    assert {name: seen[name] for name in ("LAB_TOOLS", "MODE", "RIGLINE_ACTION", "RIGLINE_BOARD", "RIGLINE_JOB")} == {
        "LAB_TOOLS": "/opt/tools",
        "MODE": "fast",
        "RIGLINE_ACTION": "build",
        "RIGLINE_BOARD": "b1",
        "RIGLINE_JOB": str(attempt.lease.job_id),
    }
    allowed = {"PATH", "HOME", "LANG", "LAB_TOOLS", "MODE", "PYTHONPATH", "PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"}
    assert {name for name in seen if name not in allowed and not name.startswith("RIGLINE_")} == set()
    assert not any(name.startswith("RIGLINE_BUILDER") for name in seen)
    assert f"[rigline] run: true {tree} b1 c1 {lab.folder}" in attempt.text


async def test_builds_are_incremental_between_commits(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(build="test -e object && echo reused; cat source.txt > object", run="cat object")
    one, two = project.commit(source__txt="one\n"), project.commit(source__txt="two\n")
    await lab.connect()

    await (await service.job(project.source(one), "b1", "c1")).ended()
    second = await service.job(project.source(two), "b1", "c1")
    await second.ended()

    assert "reused\n" in second.text and "\ntwo\n" in second.text


async def test_clean_removes_what_earlier_builds_left(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(build="test -e object && echo reused; touch object", more="clean = true")
    await lab.connect()

    await (await service.job(project.source(project.commit()), "b1", "c1")).ended()
    second = await service.job(project.source(project.commit()), "b1", "c1")
    await second.ended()

    assert "reused" not in second.text


async def test_the_log_and_results_stay_on_the_builder_too(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(build="echo built", run='echo "{}" > "$RIGLINE_RESULTS"')
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.ended()

    kept = lab.folder / "state" / "jobs" / str(attempt.lease.attempt_id)
    assert (kept / "log").read_bytes() == bytes(attempt.log)
    assert (kept / "result-0").read_bytes() == b"{}\n"


async def test_an_idle_agent_is_small(lab: Lab) -> None:
    lab.board()
    agent = await lab.connect()

    assert resident(agent.pid) < 60 << 20


def resident(pid: int) -> int:
    """Give the resident size of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
