"""Series become change points, change points shifts: what the worker finds after each point."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.db import tables
from app.db.queries import analysing, analysis
from app.db.queries.forgiven import Compared
from app.db.queries.forgiven import forgiven as read_forgiven
from app.results import analysing as analyser
from tests.pages.site import sha
from tests.results.lines import steady, stepped


async def test_a_step_opens_one_alert_once_three_points_confirm_it(history):
    boot = await history.series("boot")
    await history.learn(boot, steady(100, 40))
    await history.learn(boot, steady(110, 2, seed=2), first=40)
    assert await history.alerts() == []

    await history.learn(boot, steady(110, 1, seed=3), first=42)

    (alert,) = await history.alerts()
    assert (alert.after, alert.until, alert.state, alert.is_worse) == (sha(39), sha(40), "new", True)
    assert (alert.benchmark, alert.metric, alert.boards, alert.change) == (
        "boot", "time", ["nucleo-f7"], pytest.approx(0.1, abs=0.01)
    )  # fmt: skip


async def test_an_unchanged_history_has_no_alert(history):
    boot = await history.series("boot")

    for first in range(0, 60, 20):
        await history.learn(boot, steady(100, 20, seed=first), first=first)

    assert await history.alerts() == []
    (about,) = await history.rows_of("analysis")
    assert (about["points"], about["due_at"]) == (60, None)
    assert about["level"] == pytest.approx(100, rel=0.01) and about["sigma"] == pytest.approx(0.002, rel=0.5)


async def test_a_step_for_the_better_is_an_alert_that_is_not_for_the_worse(history):
    await stepped(history, "fps", better="higher", before=60, after=66)
    await stepped(history, "size", better=None, at=30)

    size, fps = await history.alerts()

    assert (fps.is_worse, fps.change_is_worse, fps.change) == (False, False, pytest.approx(0.1, abs=0.01))
    assert (size.is_worse, size.change_is_worse) == (False, None)


async def test_series_that_moved_at_the_same_commit_are_one_alert_and_others_are_not(history):
    await stepped(history, "boot")
    await stepped(history, "draw", seed=7)
    await stepped(history, "draw", seed=9, configuration="debug")
    await stepped(history, "sleep", at=30, seed=11)

    later, together = await history.alerts()

    assert (together.until, together.change_points) == (sha(40), 3)
    assert (later.until, later.change_points) == (sha(30), 1)


async def test_a_series_with_gaps_joins_the_alert_that_can_have_the_same_cause(history):
    seldom = await history.series("seldom")
    for number in range(0, 84, 3):  # every third commit only
        await history.measure(seldom, steady(100 if number < 70 else 120, 1, seed=number), first=number)
    await history.analyse()
    (wide,) = await history.alerts()
    assert (wide.after, wide.until) == (sha(69), sha(72))

    await stepped(history, "boot", at=71)

    (alert,) = await history.alerts()
    assert (alert.id, alert.after, alert.until, alert.change_points) == (wide.id, sha(70), sha(71), 2)


async def test_analysing_again_changes_nothing_also_by_several_workers_at_once(history):
    made = [await stepped(history, f"b{number}", seed=number) for number in range(6)]
    before = await history.rows("shift"), await history.rows("change_point")
    async with history.site.deps.begin() as db:
        await analysis.mark_due(db, made)

    looked_at = await asyncio.gather(*(history.analyse() for _ in range(4)))

    assert (await history.rows("shift"), await history.rows("change_point")) == before
    assert sum(looked_at) == 6  # each by one of them


async def test_ten_series_analysed_by_several_workers_at_once_open_one_alert(history, monkeypatch):
    monkeypatch.setattr(analyser, "AT_ONCE", 2)
    for number in range(10):
        series = await history.series(f"b{number}")
        await history.measure(series, steady(100, 40, seed=number) + steady(110, 4, seed=50 + number))

    await asyncio.gather(*(history.analyse() for _ in range(4)))

    (alert,) = await history.alerts()
    assert alert.change_points == 10


async def test_a_point_that_comes_while_a_series_is_analysed_makes_it_due_again(history):
    boot = await history.series("boot")
    await history.measure(boot, steady(100, 10))
    async with history.site.deps.begin() as db:
        (claimed,) = await analysing.claim(db, 5)
        assert await analysing.claim(db, 5) == []  # it is in somebody's hands

    await history.measure(boot, [100], first=10)

    async with history.site.deps.begin() as db:
        assert await analysing.still_held(db, [claimed]) == set()
        (again,) = await analysing.claim(db, 5)
        assert await analysing.still_held(db, [again]) == {boot}


async def test_a_worker_that_died_holds_nobody_up(history):
    boot = await history.series("boot")
    await history.measure(boot, steady(100, 10))
    async with history.site.deps.begin() as db:
        assert len(await analysing.claim(db, 5)) == 1
    assert await history.analyse() == 0

    async with history.site.deps.begin() as db:  # two minutes later
        await db.execute(sa.update(tables.analysis).values(due_at=tables.analysis.c.due_at - timedelta(minutes=3)))

    assert await history.analyse() == 1


async def test_a_cut_that_moves_a_little_stays_the_same_change_point_and_its_alert_follows(history):
    boot = await history.series("boot")
    await history.measure(boot, steady(100, 40))
    await history.measure(boot, steady(110, 6, seed=2), first=44)
    await history.analyse()
    (before,) = await history.alerts()
    (point,) = await history.rows("change_point")
    assert (before.after, before.until) == (sha(39), sha(44))

    await history.learn(boot, steady(100, 2, seed=3), first=40)  # back-filled
    await history.learn(boot, steady(110, 1, seed=4), first=43)

    (after,) = await history.alerts()
    (same,) = await history.rows("change_point")
    assert (after.id, after.after, after.until) == (before.id, sha(41), sha(43))
    assert (same["id"], same["found_at"], same["points_after"]) == (point["id"], point["found_at"], 7)


async def test_a_change_point_that_vanishes_takes_its_new_alert_along_and_gets_it_back_when_it_returns(history):
    boot = await stepped(history, count=6)
    (alert,) = await history.alerts()

    for number in range(40, 46):  # measured again: it was the board
        await history.remeasure(boot, number, 100)
    await history.analyse()

    (withdrawn,) = await history.alerts()
    assert (withdrawn.state, withdrawn.said_by, withdrawn.change_points) == ("noise", "rigline", 0)
    assert withdrawn.reason == "Later measurements spoke against it." and withdrawn.closed_at is not None
    assert (await history.rows("change_point"))[0]["gone_at"] is not None

    for number in range(40, 46):
        await history.remeasure(boot, number, 110)
    await history.analyse()

    (back,) = await history.alerts()
    assert (back.id, back.state, back.change_points, back.closed_at) == (alert.id, "new", 1, None)


async def test_a_level_that_comes_back_is_noticed_and_closes_the_alert_by_itself(history):
    boot = await stepped(history, count=10)
    (alert,) = await history.alerts()
    await history.say(alert.id, "acknowledged", reason="looking")

    await history.learn(boot, steady(100.2, 6, seed=5), first=50)

    back, recovered = await history.alerts()
    assert (recovered.id, recovered.state, recovered.said_by) == (alert.id, "recovered", "rigline")
    assert recovered.closed_at is not None
    assert (back.until, back.is_worse, back.state) == (sha(50), False, "new")


async def test_a_level_that_comes_half_way_back_has_not_recovered(history):
    boot = await stepped(history, count=10)

    await history.learn(boot, steady(104, 8, seed=5), first=50)

    assert [each.state for each in await history.alerts()] == ["new", "new"]


async def test_an_alert_recovers_only_when_every_series_of_it_has(history):
    boot = await stepped(history, "boot", count=10)
    draw = await stepped(history, "draw", count=10, seed=5)

    await history.learn(boot, steady(100, 6, seed=6), first=50)
    assert {each.until: each.state for each in await history.alerts()}[sha(40)] == "new"
    await history.learn(draw, steady(100, 6, seed=7), first=50)

    assert {each.until: each.state for each in await history.alerts()} == {sha(40): "recovered", sha(50): "new"}


async def test_a_person_who_said_expected_is_not_overruled_by_a_recovery(history):
    boot = await stepped(history, count=10)
    await history.say((await history.alerts())[0].id, "expected", reason="more features")

    await history.learn(boot, steady(100, 6, seed=5), first=50)

    assert (await history.alerts())[-1].state == "expected"


async def test_an_acknowledged_alert_stays_so_on_the_same_range_until_it_grows_by_more_than_it_may(history):
    boot = await stepped(history, count=6)
    (alert,) = await history.alerts()
    await history.say(alert.id, "acknowledged", reason="known")

    await history.learn(boot, steady(110.4, 6, seed=5), first=46)
    await stepped(history, "draw", after=109, seed=20)
    assert [(each.state, each.said_by, each.change_points) for each in await history.alerts()] == [
        ("acknowledged", "ada", 2)
    ]  # another series at the same commit is no second alarm

    await stepped(history, "sleep", after=125, seed=30)

    (grown,) = await history.alerts()
    assert (grown.id, grown.state, grown.said_by, grown.change_points) == (alert.id, "new", "rigline", 3)
    assert grown.agreed_change == pytest.approx(0.1, abs=0.01)


async def test_a_second_step_after_an_acknowledged_one_is_an_alert_of_its_own(history):
    boot = await stepped(history, count=10)
    await history.say((await history.alerts())[0].id, "acknowledged")

    await history.learn(boot, steady(121, 5, seed=5), first=50)

    assert [each.state for each in await history.alerts()] == ["new", "acknowledged"]


async def test_an_annotation_that_cuts_starts_a_new_level_without_an_alert(history):
    (commit,) = await history.commits(40, 1)
    note = {"repository_id": history.repository, "commit_id": commit, "text": "gcc 14", "said_by": "ada"}
    await history.site.insert("annotation", kind="toolchain", cuts=True, board_type="nucleo-f7", **note)

    await stepped(history, "boot")
    await stepped(history, "boot", board_type="stm32h7")

    (other,) = await history.alerts()
    assert other.boards == ["stm32h7"]


async def test_a_series_that_is_cut_by_hand_later_loses_its_alert(history):
    await stepped(history)
    (commit,) = await history.commits(40, 1)
    note = {"repository_id": history.repository, "commit_id": commit, "text": "gcc 14", "said_by": "ada"}
    await history.site.insert("annotation", kind="toolchain", cuts=True, **note)
    async with history.site.deps.begin() as db:
        await analysis.mark_cut(db, history.repository, board_type=None, configuration="release")

    assert await history.analyse() == 1

    assert [(each.state, each.change_points) for each in await history.alerts()] == [("noise", 0)]


async def test_only_the_default_branch_and_named_ones_are_watched(history, site):
    deps = site.deps
    named = deps.settings.model_copy(update={"history_branches": ("release/*",)})
    object.__setattr__(deps, "settings", named)
    for number, branch in enumerate(("pull/7", "topic", "release/2.0")):
        await stepped(history, "boot", branch=branch, seed=number)

    assert [each.branch for each in await history.alerts()] == ["release/2.0"]
    assert [row["due_at"] for row in await history.rows_of("analysis")] == [None] * 3


async def test_samples_of_several_jobs_at_one_commit_are_one_point(history):
    for number in range(12):
        await history.push(number, 10, 11, 12)
    await history.push(12, 100, 100, 100)  # a job that went wrong, …
    await history.push(12, 10, 11, 12, 11)  # … and its repetition
    await history.analyse()

    assert await history.alerts() == []
    (about,) = await history.rows_of("analysis")
    assert (about["points"], about["level"]) == (13, 11)


async def test_what_lies_far_back_when_a_history_is_first_seen_is_listed_but_not_told(history):
    await stepped(history, at=40, count=80)
    await stepped(history, "draw", at=110, count=10, seed=5)

    old, recent = sorted(await history.rows("shift"), key=lambda row: row["until_commit_id"])

    assert (recent["told_version"], recent["version"]) == (0, 1)
    assert (old["told_version"], old["version"]) == (1, 1)


async def test_a_broken_series_does_not_keep_the_others_from_being_analysed(history):
    await history.measure(await history.series("odd"), [1.0] * 9 + [float("inf")] * 3 + [1e308, -1e308] * 5)
    await history.measure(await history.series("boot"), steady(100, 40) + steady(110, 5, seed=2))

    assert await history.analyse() == 2

    assert [each.benchmark for each in await history.alerts() if each.benchmark == "boot"] == ["boot"]
    assert [row["due_at"] for row in await history.rows_of("analysis")] == [None, None]


async def test_a_measured_commit_is_analysed_without_anybody_asking(history):
    before = datetime.now(UTC)
    for number in range(3):
        await history.push(number, 10, 11, 12)

    due = [row["due_at"] for row in await history.rows_of("analysis")]

    assert len(due) == 1 and due[0] is not None and due[0] >= before


async def forgiven(history, base, head, worse=0.1, *, benchmark="boot", **more):
    compared = Compared(
        repository_id=history.repository, base=sha(base), head=sha(head),
        **{"board_type": "nucleo-f7", "configuration": "release", **more},
    )  # fmt: skip
    async with history.site.deps.begin() as db:
        found = await read_forgiven(db, compared)
    return found.why(identity=f"{benchmark} time", benchmark=benchmark, metric="time", worse=worse)


async def test_a_judged_change_is_forgiven_on_its_range_only_and_only_up_to_its_size(history):
    await stepped(history)
    (alert,) = await history.alerts()
    assert await forgiven(history, 39, 40) == ""

    await history.say(alert.id, "acknowledged")

    assert await forgiven(history, 39, 40) == f"acknowledged by ada (alert {alert.id})"
    assert await forgiven(history, 30, 44) != ""
    assert await forgiven(history, 40, 44) == await forgiven(history, 30, 39) == ""  # the range is not in there
    assert await forgiven(history, 39, 40, 0.105) != "" and await forgiven(history, 39, 40, 0.13) == ""
    assert await forgiven(history, 39, 40, board_type="stm32h7") == await forgiven(history, 39, 40, benchmark="x") == ""
    await history.say(alert.id, "fixed")
    assert await forgiven(history, 39, 40) == ""


async def test_a_pull_request_that_does_not_hold_the_judged_commit_is_not_forgiven(history):
    await stepped(history)
    await history.say((await history.alerts())[0].id, "expected")
    await history.commits(50, 1)  # its head: later than the shift, but begun before
    await history.site.pipeline(history.repository, sha(50), branch="main", pull_request=7)

    assert await forgiven(history, 30, 50) == ""

    await history.site.pipeline(history.repository, sha(50), branch="main")  # and now it is merged
    assert await forgiven(history, 30, 50) != ""


async def test_a_deleted_pipeline_takes_the_change_point_along_that_hung_on_its_points(history, site):
    for number in range(20):
        await history.push(number, 100 + number % 3)
    for number in range(20, 26):
        await history.push(number, 120 + number % 3)
    await history.analyse()
    (alert,) = await history.alerts()
    await site.admin()

    for pipeline in await history.rows("pipeline"):
        if pipeline["commit"] in {sha(number) for number in range(20, 26)}:
            deleted = await site.http.delete(f"/api/v1/pipelines/{pipeline['id']}")
            assert deleted.status_code == 204, deleted.text
    await history.analyse()

    (after,) = await history.alerts()
    assert (after.id, after.state, after.change_points) == (alert.id, "noise", 0)


async def test_of_a_long_series_only_the_end_is_looked_at_again_and_older_change_points_stay(history):
    boot = await history.series("boot")
    await history.learn(boot, steady(100, 100) + steady(110, 1300, seed=2))
    (old,) = await history.rows("change_point")

    await history.learn(boot, steady(121, 6, seed=3), first=1400)

    same, new = await history.rows("change_point")
    assert same == old and new["points_after"] == 6
    (about,) = await history.rows_of("analysis")
    assert (about["points"], about["level"]) == (1406, pytest.approx(121, rel=0.01))
    for alert, until in zip(await history.alerts(), (sha(1400), sha(100)), strict=True):
        assert (alert.until, alert.state) == (until, "new")
