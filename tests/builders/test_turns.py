"""Two commits that run by turns on one board: what the builder does, and what becomes of the job."""

from __future__ import annotations

import hashlib
import json
import os
import signal

from builders.protocol import Comparing, Finish, Kind, Outcome, Phase
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import Attempt, FakeService

BUILD = "cp number.txt made"
RUN = """
echo "$RIGLINE_SIDE $RIGLINE_PAIR $RIGLINE_RUN $(cat made)" >> "$HOME/turns"
cp made "$RIGLINE_RESULTS"
"""


class Scene:
    """A project with a base and a head, and a board that writes down who ran on it."""

    def __init__(self, lab: Lab, service: FakeService, project: Project) -> None:
        self.lab, self.service, self.project = lab, service, project
        self.base = project.commit("The base", number__txt="1")
        self.head = project.commit("The head", number__txt="2")

    def board(self, build: str = BUILD, run: str = RUN, more: str = "") -> None:
        self.lab.board(build, run, more)

    async def job(
        self, *, pairs: int = 2, budget_s: float = 60.0, more: dict[int, int] | None = None, **also: object
    ) -> Attempt:
        """Queue a comparison; `more` says how many pairs the service wants after a look at so many."""
        compare = Comparing(base=self.project.source(self.base), pairs=pairs, budget_s=budget_s)
        attempt = await self.service.job(self.project.source(self.head), "b1", "c1", compare=compare, **also)
        attempt.more = more or {}
        return attempt

    @property
    def turns(self) -> list[str]:
        """List who ran: side, pair, run of the turn, and the number that it built."""
        return (self.lab.folder / "turns").read_text().splitlines()


def sides(attempt: Attempt) -> list[tuple[str, str, bytes]]:
    return [(attempt.of[n]["side"], attempt.of[n]["pair"], data) for n, data in sorted(attempt.results.items())]


async def ended(attempt: Attempt) -> Finish:
    return await attempt.ended(120.0)


async def test_both_commits_are_built_and_run_by_turns_and_each_is_first_as_often(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board()
    await lab.connect()

    attempt = await scene.job(pairs=2, more={2: 1})
    finish = await ended(attempt)

    assert (finish.outcome, finish.no_base) == (Outcome.PASSED, "")
    assert scene.turns == [
        "base 0 0 1", "head 0 0 2", "head 1 0 2", "base 1 0 1", "base 2 0 1", "head 2 0 2", "head 3 0 2", "base 3 0 1"
    ]  # fmt: skip
    assert sides(attempt)[:4] == [("base", "0", b"1"), ("head", "0", b"2"), ("head", "1", b"2"), ("base", "1", b"1")]
    assert [(each.side, each.pair) for each in finish.results[:2]] == [("base", 0), ("head", 0)]
    assert [look.pairs for look in attempt.looks] == [2, 3]
    phases = [each.phase for each in finish.phases]
    assert phases == [Phase.FETCH, Phase.BUILD, Phase.FETCH, Phase.BUILD, Phase.RUN, Phase.COLLECT]
    assert "[rigline] 3 pairs were measured" in attempt.text
    assert finish.commit is not None and finish.commit.title == "The head"


async def test_a_side_runs_as_often_in_its_turn_as_the_job_repeats(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board()
    await lab.connect()

    await ended(await scene.job(pairs=1, repeat=2))

    assert scene.turns == [f"{side} {pair} {run} {made}" for pair, order in enumerate(("bh", "hb")) for who in order
                           for side, made in [{"b": ("base", 1), "h": ("head", 2)}[who]] for run in (0, 1)]  # fmt: skip


async def test_the_builder_hashes_what_each_commit_takes_to_the_board(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board(more='binary = "made"')
    await lab.connect()

    attempt = await scene.job(pairs=1)
    await ended(attempt)

    assert {attempt.of[n]["side"]: attempt.of[n]["binary"] for n in attempt.results} == {
        "base": hashlib.sha256(b"1").hexdigest(), "head": hashlib.sha256(b"2").hexdigest()
    }  # fmt: skip


async def test_a_link_is_not_hashed_in_place_of_what_was_built(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board("ln -sf /etc/passwd made", 'echo {} > "$RIGLINE_RESULTS"', 'binary = "made"')
    await lab.connect()

    attempt = await service.job(project.source(project.commit()), "b1", "c1")

    assert (await ended(attempt)).outcome is Outcome.PASSED
    assert "binary" not in attempt.of[0]
    assert "made: is no file below the work tree" in attempt.text


async def test_no_pair_is_begun_when_the_budget_is_over(lab: Lab, service: FakeService, project: Project) -> None:
    scene = Scene(lab, service, project)
    scene.board(run=RUN + "sleep 0.3")
    await lab.connect()

    attempt = await scene.job(pairs=50, budget_s=1.0)
    finish = await ended(attempt)

    assert finish.outcome is Outcome.PASSED
    assert 2 <= len(scene.turns) < 20 and len(scene.turns) % 2 == 0  # a pair that was begun is ended
    assert attempt.looks == [] and len(attempt.results) == len(scene.turns)
    assert "the comparison's 1 s are over" in attempt.text


async def test_no_pair_is_begun_that_the_jobs_time_would_not_hold(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board(run=RUN + "sleep 1")
    await lab.connect()

    attempt = await scene.job(pairs=50, limit_s=9.0)
    finish = await ended(attempt)

    assert finish.outcome is Outcome.PASSED
    assert 2 <= len(scene.turns) < 12 and len(scene.turns) % 2 == 0
    assert "the job's time does not hold another pair" in attempt.text


async def test_a_base_that_does_not_build_lets_the_head_be_measured_alone(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board(build=BUILD + "; test $RIGLINE_SIDE = head")
    await lab.connect()

    attempt = await scene.job(repeat=2)
    finish = await ended(attempt)

    assert (finish.outcome, finish.no_base) == (Outcome.PASSED, "ended badly: build: exit status 1")
    assert [(each.side, each.pair) for each in finish.results] == [("head", None)] * 2
    assert "there is nothing to compare with: the base ended badly: build: exit status 1" in attempt.text


async def test_a_base_that_cannot_be_had_lets_the_head_be_measured_alone(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.base = "0" * 40
    scene.board()
    await lab.connect()

    finish = await ended(await scene.job())

    assert finish.outcome is Outcome.PASSED
    assert finish.no_base.startswith("ended badly: infra:fetch cannot fetch 000000")


async def test_a_base_whose_run_fails_in_the_midst_ends_the_comparison_and_not_the_job(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board(run=RUN + 'test "$RIGLINE_SIDE $RIGLINE_PAIR" != "base 2"')
    await lab.connect()

    finish = await ended(await scene.job(pairs=8))

    assert (finish.outcome, finish.no_base) == (Outcome.PASSED, "ended badly: run: exit status 1")
    assert scene.turns[-2:] == ["base 2 0 1", "head  0 2"]


async def test_a_head_that_fails_fails_its_job_whatever_the_base_does(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board(run=RUN + "test $RIGLINE_SIDE = base")
    await lab.connect()

    finish = await ended(await scene.job())

    assert (finish.outcome, finish.reason, finish.no_base) == (Outcome.FAILED, "run: exit status 1", "")


async def test_a_cancel_between_two_pairs_ends_the_job_with_what_it_had(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board()
    await lab.connect()

    attempt = await scene.job(pairs=1, more={pairs: 1 for pairs in range(1, 2000)})
    await attempt.until(lambda: len(attempt.looks) >= 3)
    await service.cancel(attempt)
    finish = await ended(attempt)

    assert (finish.outcome, finish.no_base) == (Outcome.CANCELLED, "")
    assert len(finish.results) >= 8


async def test_an_answer_of_a_look_that_got_lost_is_asked_for_again(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board()
    service.fault("POST .*/look", "lose")
    service.fault("POST .*/look", 503)
    await lab.connect()

    attempt = await scene.job(pairs=1)

    assert (await ended(attempt)).outcome is Outcome.PASSED
    assert [look.pairs for look in attempt.looks] == [1, 1]
    assert len(scene.turns) == 4


async def test_a_result_that_did_not_arrive_is_sent_again_for_a_look(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board()
    await lab.connect()
    attempt = await scene.job(pairs=2, more={2: 1})
    await attempt.until(lambda: bool(attempt.looks))
    attempt.results.clear()

    finish = await ended(attempt)

    assert finish.outcome is Outcome.PASSED
    assert len(attempt.results) == len(finish.results) == 8


async def test_the_base_has_a_tree_of_its_own_that_an_untrusted_head_cannot_reach(
    lab: Lab, service: FakeService, project: Project
) -> None:
    spoil = "for each in ../* ../../*/*; do echo 9 > $each/made; done 2> /dev/null; cp made $RIGLINE_RESULTS"
    scene = Scene(lab, service, project)
    scene.head = project.commit("Spoil the base", number__txt="2", spoil__sh=f"#!/bin/sh\n{spoil}\n")
    run = "if [ -e spoil.sh ]; then sh spoil.sh; fi; cp made $RIGLINE_RESULTS; pwd > where; cat where"
    scene.board(run=run)
    await lab.connect()

    attempt = await scene.job(pairs=3, trusted=False)
    finish = await ended(attempt)

    assert finish.outcome is Outcome.PASSED, finish.reason
    assert {side: {data for which, _, data in sides(attempt) if which == side} for side in ("base", "head")} == {
        "base": {b"1"},
        "head": {b"9\n"},  # which shows that it tried
    }
    trees = lab.folder / "state" / "work" / "untrusted" / "trees" / "b1"
    assert list(trees.glob("*")) == []  # of untrusted code nothing stays, of either side


async def test_an_agent_that_dies_between_two_pairs_leaves_a_job_that_goes_on(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board()
    agent = await lab.connect()
    attempt = await scene.job(pairs=1, more={1: 1, 2: 1, 3: 1})
    await attempt.until(lambda: bool(attempt.looks))
    os.kill(agent.pid, signal.SIGKILL)
    await agent.wait()

    assert (await ended(attempt)).outcome is Outcome.PASSED
    assert len(scene.turns) == 10


async def test_a_configuration_with_one_tree_for_all_commits_says_that_it_cannot_compare(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.script("noop.sh", "true")
    file = lab.folder / "config.toml"
    shared = f'library_path = "{lab.folder}/shared"\nresults_path = "{lab.folder}/out.json"'
    scripts = f'build_script = "{lab.folder}/scripts/noop.sh"\nrun_script = "{lab.folder}/scripts/noop.sh"'
    file.write_text(
        f'[global]\nversion = "1"\n[[boards]]\nname = "b1"\ndescription = ""\n'
        f'[[boards.configs]]\nname = "c1"\ntags = []\n{scripts}\n{shared}\n'
    )
    await lab.connect(file)
    scene = Scene(lab, service, project)

    finish = await ended(await scene.job())

    assert not service.hellos[0].boards[0].configurations[0].compares
    assert finish.outcome is Outcome.ERRORED and "cannot hold two to compare them" in finish.reason


async def test_what_is_kept_of_a_lease_holds_no_token_of_either_side(
    lab: Lab, service: FakeService, project: Project
) -> None:
    scene = Scene(lab, service, project)
    scene.board()
    await lab.connect()
    secret = "a-token-for-the-remote"
    compare = Comparing(base=project.source(scene.base, token=secret), pairs=1, budget_s=60.0)
    head = project.source(scene.head, token=secret)

    attempt = await service.job(head, "b1", "c1", compare=compare, kind=Kind.RUN)
    await ended(attempt)

    kept = (lab.folder / "state" / "jobs" / str(attempt.lease.attempt_id) / "lease.json").read_text()
    assert json.loads(kept)["lease"]["compare"]["base"]["commit"] == scene.base
    assert secret not in kept
