"""How far a job is, by how long its phases usually take."""

import pytest

from app.history.durations import Stage, of_ended, of_running, so_far, usual
from builders.protocol import Kind, Phase

FETCH, BUILD, RUN, COLLECT = Phase
USUAL = {FETCH: 2.0, BUILD: 30.0, RUN: 10.0, COLLECT: 0.5}


def phases(**seconds):
    return [{"phase": name, "seconds": each} for name, each in seconds.items()]


def test_the_usual_time_of_a_phase_is_the_middle_of_what_the_last_jobs_took():
    jobs = [phases(fetch=1, build=30), phases(fetch=2, build=500), phases(fetch=9, build=31)]

    assert usual(jobs) == {FETCH: 2, BUILD: 31}


def test_phases_that_come_several_times_count_together():
    (job,) = [[*phases(run=3, collect=0.5), *phases(run=4, collect=0.5)]]

    assert usual([job]) == {RUN: 7, COLLECT: 1}


def test_a_running_job_says_what_is_done_what_runs_and_what_is_left():
    taken = so_far({FETCH: 17.0, BUILD: 15.0}, again=False)

    told = of_running(Kind.RUN, taken, BUILD, USUAL, jobs=3)

    assert [each.stage for each in told.phases] == [Stage.DONE, Stage.RUNNING, Stage.PENDING, Stage.PENDING]
    assert [each.seconds for each in told.phases] == [2.0, 15.0, None, None]
    assert (told.left_s, told.expected_s, told.over_s) == (15 + 10 + 0.5, 42.5, 0)
    assert told.share == pytest.approx(17 / 42.5)


def test_a_job_that_takes_longer_than_usual_says_so_and_is_never_at_a_hundred_percent():
    told = of_running(Kind.BUILD, so_far({FETCH: 100.0, BUILD: 98.0}, again=False), BUILD, USUAL, jobs=3)

    assert told.share == 0.99 and told.left_s == 0
    assert told.over_s == 100 - 32
    assert [(each.share, each.over_s) for each in told.phases] == [(1.0, 0), (0.99, 68)]


def test_run_phases_that_alternate_with_collecting_are_one_until_the_end():
    taken = so_far({FETCH: 50.0, BUILD: 40.0, RUN: 30.0, COLLECT: 20.0}, again=True)

    assert taken == {FETCH: 10, BUILD: 10, RUN: 30}


def test_a_phase_that_no_beat_fell_into_leaves_no_gap():
    assert so_far({FETCH: 12.0, RUN: 3.0}, again=False) == {FETCH: 9, RUN: 3}


def test_without_a_history_nothing_is_promised():
    told = of_running(Kind.RUN, {FETCH: 1.0}, FETCH, {}, jobs=0)

    assert (told.share, told.left_s, told.expected_s) == (None, None, None)


def test_a_job_that_waits_tells_how_long_it_will_take():
    told = of_running(Kind.RUN, {}, None, USUAL, jobs=3)

    assert (told.share, told.left_s) == (0.0, 42.5)
    assert {each.stage for each in told.phases} == {Stage.PENDING}


def test_a_job_that_ended_early_says_which_phases_it_never_came_to():
    told = of_ended(Kind.RUN, {FETCH: 2.0, BUILD: 45.0}, USUAL, jobs=3)

    assert [each.stage for each in told.phases] == [Stage.DONE, Stage.DONE, Stage.NEVER, Stage.NEVER]
    assert (told.share, told.left_s) == (1.0, 0) and told.phases[1].over_s == 15
