"""The agent and the service: losses, refusals, restarts."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from builders.protocol import MAX_REST, Level, Outcome
from tests.builders.conftest import Lab, Project, gone, processes
from tests.builders.fake_service import FakeService, refuse


async def test_a_claim_whose_answer_was_lost_is_asked_again_with_the_same_id(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="echo ran")
    service.fault("POST .*/claim", "lose")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.ended()
    await service.until(lambda: len(service.claims) == 3)

    first, second, third = (each.claim_id for each in service.claims)
    assert first == second != third
    assert attempt.text.count("\nran\n") == 1


@pytest.mark.parametrize("how", ["lose", "cut", 503])
@pytest.mark.parametrize("call", ["POST .*/beat", "PATCH .*/log", "PUT .*/results/0", "PUT .*/result$"])
async def test_a_call_that_goes_wrong_is_repeated_and_counts_once(
    lab: Lab, service: FakeService, project: Project, call: str, how: str | int
) -> None:
    lab.board(run='seq 1 20000; echo ran; echo "{}" > "$RIGLINE_RESULTS"')  # more log than a finish brings along
    fault = service.fault(call, how)
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert fault.hits == 1
    assert finish.outcome is Outcome.PASSED
    assert attempt.text.count("\nran\n") == 1
    assert attempt.results == {0: b"{}\n"}


async def test_a_job_is_unharmed_by_a_short_network_cut(lab: Lab, project: Project) -> None:
    async with FakeService(lease_s=6.0, beat_s=0.4) as service:
        lab.service = service
        lab.board(run=f"echo before; while ! test -e {lab.folder}/go; do sleep 0.05; done; seq 1 2000; echo after")
        await lab.connect()
        attempt = await service.job(project.source(project.commit()), "b1", "c1")
        await attempt.logged("before")

        service.go_offline()
        (lab.folder / "go").touch()
        await asyncio.sleep(1.2)  # three beats are missed
        service.offline = False
        finish = await attempt.ended()

        assert finish.outcome is Outcome.PASSED
        assert "1\n2\n3\n" in attempt.text and "1999\n2000\nafter\n" in attempt.text


async def test_a_finish_is_delivered_after_an_outage_longer_than_the_lease(lab: Lab, project: Project) -> None:
    async with FakeService(lease_s=1.0, beat_s=0.2) as service:
        lab.service = service
        lab.board(
            run=f'echo begun; while ! test -e {lab.folder}/go; do sleep 0.02; done; echo "{{}}" > "$RIGLINE_RESULTS"'
        )
        await lab.connect()
        attempt = await service.job(project.source(project.commit()), "b1", "c1")
        await attempt.logged("begun")

        service.go_offline()
        (lab.folder / "go").touch()
        await asyncio.sleep(2)
        service.offline = False
        finish = await attempt.ended()

        assert (finish.outcome, attempt.results) == (Outcome.PASSED, {0: b"{}\n"})
        assert attempt.text.count("begun") == 1


async def test_a_builder_without_contact_lets_go_of_the_board_before_its_lease_ends(lab: Lab, project: Project) -> None:
    async with FakeService(lease_s=1.8, beat_s=0.3) as service:
        lab.service = service
        lab.board(run=f"echo begun; while :; do date +%s.%N > {lab.folder}/touched; sleep 0.02; done", grace=60)
        await lab.connect()
        attempt = await service.job(project.source(project.commit()), "b1", "c1")
        await attempt.logged("begun")

        service.go_offline()
        cut_at = asyncio.get_running_loop().time()
        await gone(f"{lab.folder}/scripts/run.sh")
        took = asyncio.get_running_loop().time() - cut_at
        service.offline = False
        finish = await attempt.ended()

        assert 0.8 < took < 1.8
        assert (finish.outcome, finish.reason) == (
            Outcome.ERRORED,
            "infra:lost the builder had no contact with the service",
        )


async def test_a_builder_without_contact_goes_on_building_but_does_not_run(lab: Lab, project: Project) -> None:
    async with FakeService(lease_s=1.0, beat_s=0.2) as service:
        lab.service = service
        lab.board(build=f"echo begun; sleep 2; touch {lab.folder}/built", run=f"touch {lab.folder}/ran; echo ran")
        await lab.connect()
        attempt = await service.job(project.source(project.commit()), "b1", "c1")
        await attempt.logged("begun")

        service.go_offline()
        await gone(f"{lab.folder}/scripts/build.sh")
        await asyncio.sleep(0.3)
        ran_offline = (lab.folder / "ran").exists()
        service.offline = False
        finish = await attempt.ended()

        assert ((lab.folder / "built").exists(), ran_offline) == (True, False)
        assert finish.outcome is Outcome.PASSED
        assert "ran" in attempt.text


async def test_a_lost_lease_kills_the_job_and_drops_it(lab: Lab, project: Project) -> None:
    async with FakeService(lease_s=5.0, beat_s=0.2) as service:
        lab.service = service
        lab.board(run="echo begun; trap '' INT TERM; while :; do sleep 4330; done", grace=60)
        await lab.connect()
        attempt = await service.job(project.source(project.commit()), "b1", "c1")
        await attempt.logged("begun")
        size = len(attempt.log)

        attempt.lost = True
        await gone("sleep 4330")
        following = await service.job(project.source(project.commit()), "b1", "c1")
        await following.logged("begun")

        assert attempt.finish is None
        assert len(attempt.log) == size
        assert not [each for each in service.requests if "attempts/1/result?" in each]


async def test_a_builder_whose_token_is_revoked_stops_its_jobs_and_ends(lab: Lab, project: Project) -> None:
    async with FakeService(lease_s=5.0, beat_s=0.2) as service:
        lab.service = service
        lab.board(run="echo begun; sleep 4331")
        agent = await lab.connect()
        attempt = await service.job(project.source(project.commit()), "b1", "c1")
        await attempt.logged("begun")

        service.refusal = refuse(401, "unauthorized")

        assert await asyncio.wait_for(agent.wait(), 30) == 1
        assert processes("sleep 4331") == []
        assert "refuses the token of lab1" in lab.said


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (401, "unauthorized", "refuses the token of lab1"),
        (409, "builder_in_use", "another agent is connected as lab1"),
        (426, "upgrade_required", "refuses this builder: refused: upgrade_required"),
    ],
)
async def test_a_refusal_at_the_start_ends_the_agent_with_a_clear_text(
    lab: Lab, service: FakeService, status: int, code: str, text: str
) -> None:
    lab.board()
    service.refusal = refuse(status, code)

    agent = await lab.start()

    assert await asyncio.wait_for(agent.wait(), 30) == 1
    assert text in lab.said
    assert "Traceback" not in lab.said


async def test_a_wrong_token_ends_the_agent(lab: Lab) -> None:
    lab.board()

    agent = await lab.start(RIGLINE_BUILDER_TOKEN="rlb_lab1.wrong-secret")

    assert await asyncio.wait_for(agent.wait(), 30) == 1
    assert "refuses the token of lab1" in lab.said
    assert "wrong-secret" not in lab.said


async def test_two_agents_cannot_share_one_state_folder(lab: Lab) -> None:
    lab.board()
    await lab.connect()

    second = await lab.start()

    assert await asyncio.wait_for(second.wait(), 10) == 1
    assert "another agent uses" in lab.said


async def test_a_restarted_agent_is_the_same_instance(lab: Lab, service: FakeService) -> None:
    lab.board()
    first = await lab.connect()
    first.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(first.wait(), 10) == 0

    await lab.connect()

    assert service.hellos[0].instance == service.hellos[1].instance


async def test_the_hello_names_boards_types_tags_and_configurations(lab: Lab, service: FakeService) -> None:
    lab.config(
        '[[boards]]\nname = "b1"\ntype = "nucleo"\ntags = ["arm"]\n[[boards.configurations]]\nname = "c1"\n'
        'tags = ["debug"]\nbuild = "true"\nrun = "true"\nlimits.job = 90\n'
    )
    await lab.connect()

    (board,) = service.hellos[0].boards
    assert (board.name, board.type, board.tags) == ("b1", "nucleo", ["arm"])
    assert [(each.name, each.tags, each.limit_s) for each in board.configurations] == [("c1", ["debug"], 90.0)]
    assert service.hellos[0].isolation in (Level.NAMESPACES, Level.CGROUP)
    assert service.hellos[0].facts["network_isolation"] == "yes"


async def test_ending_the_agent_ends_its_jobs_politely_and_reports_them(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="trap 'echo board is off; exit 1' INT\necho begun\nwhile :; do sleep 0.05; done")
    agent = await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    agent.send_signal(signal.SIGTERM)

    assert await asyncio.wait_for(agent.wait(), 30) == 0
    assert attempt.finish is not None
    assert (attempt.finish.outcome, attempt.finish.reason) == (
        Outcome.ERRORED,
        "infra:agent the builder was stopped",
    )
    assert "board is off" in attempt.text


async def test_a_second_ctrl_c_kills_at_once(lab: Lab, service: FakeService, project: Project) -> None:
    lab.board(run="trap '' INT TERM; echo begun; while :; do sleep 4332; done", grace=60)
    agent = await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    agent.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        while "again to kill" not in lab.said:
            await asyncio.sleep(0.02)
    agent.send_signal(signal.SIGINT)

    await asyncio.wait_for(agent.wait(), 30)
    assert processes("sleep 4332") == []


async def test_boards_work_in_parallel_and_jobs_of_one_board_one_by_one(
    lab: Lab, service: FakeService, project: Project
) -> None:
    meet = lab.script(
        "meet.sh",
        f'echo "$RIGLINE_BOARD begins" >> {lab.folder}/order\n'
        f"n=0; while [ $(grep -c begins {lab.folder}/order) -lt 2 ] && [ $n -lt 3000 ]; do\n"
        "n=$((n+1)); sleep 0.02; done\n"
        f'echo "$RIGLINE_BOARD ends" >> {lab.folder}/order',
    )
    lab.config(
        "".join(
            f'[[boards]]\nname = "{name}"\n[[boards.configurations]]\nname = "c"\nbuild = "true"\nrun = "{meet}"\n'
            for name in ("b1", "b2")
        )
    )
    await lab.connect()
    commit = project.commit()

    jobs = [await service.job(project.source(commit), board, "c") for board in ("b1", "b2", "b1")]
    for each in jobs:
        await each.ended()

    order = (lab.folder / "order").read_text().splitlines()
    assert set(order[:2]) == {"b1 begins", "b2 begins"}
    assert order.index("b1 ends") < len(order) - 1 - order[::-1].index("b1 begins")


async def test_builds_wait_for_each_other_so_that_each_has_the_machine(
    lab: Lab, service: FakeService, project: Project
) -> None:
    build = lab.script("build.sh", f"echo + >> {lab.folder}/order; sleep 0.2; echo - >> {lab.folder}/order")
    lab.config(
        "".join(
            f'[[boards]]\nname = "{name}"\n[[boards.configurations]]\nname = "c"\nbuild = "{build}"\nrun = "true"\n'
            for name in ("b1", "b2")
        )
    )
    await lab.connect()
    commit = project.commit()

    jobs = [await service.job(project.source(commit), board, "c") for board in ("b1", "b2")]
    for each in jobs:
        await each.ended()

    assert (lab.folder / "order").read_text().split() == ["+", "-", "+", "-"]


async def test_one_poll_covers_all_free_boards_and_only_them(lab: Lab, service: FakeService, project: Project) -> None:
    lab.config(
        "".join(
            f'[[boards]]\nname = "{name}"\n[[boards.configurations]]\nname = "c"\nbuild = "true"\n'
            "run = \"sh -c 'echo begun; sleep 4334'\"\n"
            for name in ("b1", "b2")
        )
    )
    await lab.connect()
    await service.until(lambda: len(service.claims) == 1)
    attempt = await service.job(project.source(project.commit()), "b1", "c")
    await attempt.logged("begun")
    await service.until(lambda: len(service.claims) == 2)

    await service.cancel(attempt)
    await attempt.ended()
    another = await service.job(project.source(project.commit()), "b1", "c")
    await another.logged("begun")

    assert [each.boards_free for each in service.claims[:2]] == [["b1", "b2"], ["b2"]]
    assert service.given[service.claims[1].claim_id] is another


async def test_a_poll_that_the_service_does_not_hold_any_more_is_made_again_for_all_boards(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.config(
        "".join(
            f'[[boards]]\nname = "{name}"\n[[boards.configurations]]\nname = "c"\nbuild = "true"\nrun = "true"\n'
            for name in ("b1", "b2")
        )
    )
    await lab.connect()
    service.forgets_polls = True

    await (await service.job(project.source(project.commit()), "b1", "c")).ended()
    await service.until(lambda: len(service.claims) == 3)

    assert [each.boards_free for each in service.claims] == [["b1", "b2"], ["b2"], ["b1", "b2"]]
    assert service.claims[1].claim_id == service.claims[2].claim_id


async def test_the_next_job_of_a_board_comes_with_the_answer_to_the_finish(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="echo ran")
    commit = project.commit()
    jobs = [await service.job(project.source(commit), "b1", "c1") for _ in range(3)]
    await lab.connect()

    for each in jobs:
        await each.ended()

    assert [each.claim.boards_free for each in service.finishes if each.claim] == [["b1"]] * 3
    assert sum("/claim" in each for each in service.requests) <= 2  # the first, and one when nothing is left


@pytest.mark.parametrize("how", ["lose", "cut", 503])
async def test_a_lease_whose_answer_to_the_finish_was_lost_is_given_again(
    lab: Lab, service: FakeService, project: Project, how: str | int
) -> None:
    lab.board(run="echo ran")
    commit = project.commit()
    first, second = [await service.job(project.source(commit), "b1", "c1") for _ in range(2)]
    service.fault("PUT .*/attempts/1/result$", how)
    await lab.connect()

    await first.ended()
    await second.ended()

    assert [each.text.count("\nran\n") for each in (first, second)] == [1, 1]
    assert sum("/claim" in each for each in service.requests) <= 2


async def test_a_short_rest_of_the_log_comes_with_the_finish_and_a_long_one_before_it(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="seq 1 20000; echo the end")
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    sent = sum(size for _, size in attempt.appends)
    assert finish.log_size - MAX_REST <= sent
    assert attempt.text.count("the end\n") == 1


async def test_a_rest_of_the_log_that_got_lost_is_sent_again_by_itself(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board(run="echo ran")
    service.drops_rests = True
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    finish = await attempt.ended()

    assert len(attempt.log) == finish.log_size
    assert attempt.text.count("\nran\n") == 1


async def test_the_token_is_nowhere_a_script_can_look(lab: Lab, service: FakeService, project: Project) -> None:
    secret = "a-very-secret-value-of-this-one-test"  # other agents of this machine show theirs while they begin
    service.tokens = [f"rlb_lab1.{secret}"]
    lab.board(
        run="cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' "
        f"| grep -c 'a-very-secret-[v]alue-of-this-one' > {lab.folder}/count; echo {secret}; true"
    )
    agent = await lab.connect(RIGLINE_BUILDER_TOKEN=service.tokens[0])

    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.ended()

    assert secret.encode() not in Path(f"/proc/{agent.pid}/environ").read_bytes()
    assert int((lab.folder / "count").read_text()) == 0
    assert secret not in attempt.text and "[masked]" in attempt.text
    assert secret not in lab.said
    for file in lab.folder.rglob("*"):
        if file.is_file() and file.name != "run.sh":
            assert secret.encode() not in file.read_bytes(), file
