"""What came of holding a commit against its baseline is computed once, and said in the same words everywhere."""

import math
from dataclasses import replace

import pytest

from app.history import verdicts
from app.history.verdict import Verdict
from app.history.verdicts import Accepted, ComparedRow, ComparedTarget, Tally
from app.reporting import verdict_words
from app.reporting.wording import MAX_DESCRIPTION

WORSE = {"change": 0.049, "low": 0.031, "high": 0.067, "base": 61.0, "head": 64.0}
LARGER = {"change": 0.10, "low": 0.02, "high": 0.19}  # a larger change, of which less is certain
BETTER = {"change": -0.2, "low": -0.22, "high": -0.18}


def row(name="draw", verdict=Verdict.REGRESSED, *, better="lower", **more):
    given = {"identity": name, "benchmark": name, "metric": "time", "unit": "ms"} | more
    return ComparedRow(verdict=verdict, better=better, **given)


def target(*rows, board_type="nucleo", is_interleaved=True, **more):
    found = ComparedTarget(
        comparison_id=1,
        pipeline_id=2,
        job_id=3,
        board_type=board_type,
        configuration="fast",
        is_interleaved=is_interleaved,
        is_over=True,
        pairs=16,
        **more,
    )
    return verdicts.target(found, rows, verdicts.tally(rows))


def whole(*targets):
    return verdicts.whole("b" * 40, "merge base with main", "c" * 40, targets)


def test_rows_stand_by_verdict_then_by_size_beside_their_noise():
    found = target(
        row("same", Verdict.UNCHANGED, change=0.001, low=-0.01, high=0.01),
        row("better", Verdict.IMPROVED, **BETTER),
        row("large and loose", **LARGER),
        row("small and sure", **WORSE),
        row("broken", Verdict.FAILED),
    )

    names = [each.benchmark for each in found.rows]
    assert names == ["small and sure", "large and loose", "broken", "better", "same"]


def test_a_value_that_fell_to_nothing_is_the_largest_change_of_all():
    found = target(row("halved", change=-0.5, low=-0.6, high=-0.4), row("gone", better="higher", change=-1.0))

    assert [each.benchmark for each in found.rows] == ["gone", "halved"]
    assert found.ratio == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([Verdict.REGRESSED, Verdict.IMPROVED, Verdict.UNCHANGED], Verdict.REGRESSED),
        ([Verdict.IMPROVED, Verdict.UNDECIDED], Verdict.IMPROVED),
        ([Verdict.UNCHANGED, Verdict.UNDECIDED], Verdict.UNDECIDED),
        ([Verdict.UNCHANGED, Verdict.NEW, Verdict.REMOVED, Verdict.NO_BASELINE], Verdict.UNCHANGED),
        ([Verdict.NO_BASELINE, Verdict.NEW], Verdict.NO_BASELINE),
        ([], None),
    ],
)
def test_the_whole_is_called_what_its_worst_news_is(said, expected):
    assert whole(target(*(row(str(index), each) for index, each in enumerate(said)))).verdict is expected


def test_every_verdict_has_a_place_and_words():
    assert set(verdicts.ORDER) == set(Verdict)
    for words in (verdict_words.WORDS, verdict_words.SIGNS, verdict_words.CERTAINTY, verdict_words.EXPLAINED):
        assert set(words) == set(Verdict)


def test_the_mean_says_worse_and_better_in_the_metrics_own_direction():
    slower, fewer = row("time", change=0.25), row("fps", better="higher", change=-0.2)
    assert whole(target(slower), target(fewer)).ratio == pytest.approx(1.25)

    unknown = row("odd", Verdict.UNJUDGED, better=None, change=9.0)
    new = row("new", Verdict.NEW, head=5.0)
    assert target(slower, unknown, new).in_mean == 1


def test_two_targets_weigh_in_the_mean_by_their_rows():
    many = target(*(row(str(index), Verdict.UNCHANGED, change=0.0) for index in range(3)))
    found = whole(many, target(row(change=math.e - 1), board_type="pi"))

    assert found.ratio == pytest.approx(math.exp(1 / 4))
    assert found.in_mean == 4


def test_what_was_measured_apart_never_fails():
    assert target(row(fails=True)).fails
    assert not target(row(fails=True), is_interleaved=False).fails


def test_what_was_measured_apart_is_a_hint_and_never_certain():
    rows = [row("a", **WORSE), row("b", Verdict.IMPROVED, **BETTER, note="capped at 61"), row("c", Verdict.UNCHANGED)]
    found = target(*rows, row("d", Verdict.ONCE), row("e", Verdict.NEW), is_interleaved=False)

    assert found.counts == {Verdict.UNDECIDED: 3, Verdict.ONCE: 1, Verdict.NEW: 1}
    assert found.verdict is Verdict.UNDECIDED
    notes = {each.benchmark: each.note for each in found.rows}
    assert [notes[name] for name in "abc"] == ["looks worse", "looks better, capped at 61", ""]
    assert whole(found).worst == ()
    assert found.ratio == target(*rows).ratio


def test_an_accepted_regression_stands_behind_those_that_nobody_accepted():
    known = replace(row("known", **WORSE), accepted=Accepted(why="accepted by ann", reason="needed"))
    found = whole(target(known, row("new", **LARGER)))

    assert [each.row.benchmark for each in found.worst] == ["new", "known"]
    assert found.accepted == 1
    assert verdict_words.headline(found) == "all 2 regressed (1 accepted)"
    assert verdict_words.certainty(known) == "certainly worse, accepted by ann"


def test_improvements_are_named_among_the_worst_rows_only_behind_regressions():
    found = whole(target(*(row(f"better {index}", Verdict.IMPROVED, **BETTER) for index in range(5)), row(**WORSE)))

    assert [each.row.verdict for each in found.worst] == [Verdict.REGRESSED, Verdict.IMPROVED, Verdict.IMPROVED]


def test_rows_that_are_not_listed_are_counted():
    counted = Tally(counts={Verdict.UNCHANGED: 1999, Verdict.REGRESSED: 1}, logs=0.0, in_mean=2000)
    found = verdicts.target(replace(target(), rows=()), [row(**WORSE)], counted)

    assert (found.left_out, found.verdict, sum(found.counts.values())) == (1999, Verdict.REGRESSED, 2000)


def test_a_target_alone_says_nothing_of_the_others():
    found = whole(target(row(**WORSE, fails=True)), target(row(verdict=Verdict.UNCHANGED), board_type="pi"))

    assert verdicts.only(found, "pi", "fast").verdict is Verdict.UNCHANGED
    assert not verdicts.only(found, "pi", "fast").fails
    assert found.fails


def test_size_and_certainty_are_said_apart():
    found = row(params={"color": "rgb565"}, **WORSE)

    assert verdict_words.name(found) == "draw [color=rgb565] time"
    assert verdict_words.change(found) == "+4.9 % (+3.1 % … +6.7 %)"
    assert verdict_words.certainty(found) == "certainly worse"
    assert verdict_words.values(found) == "61 → 64 ms"


def test_the_headline_says_the_verdict_and_counts_every_state():
    one = row(**WORSE)
    same = [row(str(index), Verdict.UNCHANGED) for index in range(3)]

    assert verdict_words.headline(whole(target(one, *same))) == "1 regressed, 3 unchanged"
    assert verdict_words.headline(whole(target(*same))) == "all 3 unchanged"
    undecided = [row(str(index), Verdict.UNDECIDED) for index in range(2)]
    assert verdict_words.headline(whole(target(*same, *undecided))) == "no certain change: 2 undecided, 3 unchanged"
    assert verdict_words.headline(whole()) == "nothing compared yet"


def test_a_target_says_its_mean_and_how_much_was_measured():
    found = target(row(change=0.02), row("b", change=0.02))

    assert verdict_words.target_line(found) == "all 2 regressed · 2.0 % worse on geometric average of 2 · 16 pairs"
    assert verdict_words.measured(replace(found, is_over=False)) == "16 pairs so far"
    assert verdict_words.measured(replace(found, same_binary=True)) == "the same firmware"
    assert verdict_words.measured(replace(found, is_interleaved=False)) == "measured apart"


def test_the_baseline_is_named_with_its_hash():
    assert verdict_words.baseline(whole()) == "merge base with main, bbbbbbbbbb"


@pytest.mark.parametrize("length", [1, 60, 139, 500])
def test_a_status_names_the_worst_row_within_140_characters(length):
    text = verdict_words.description(whole(target(row("x" * length, **WORSE))))

    assert len(text) <= MAX_DESCRIPTION
    assert text.startswith("regressed; x")
    assert "+4.9 %" in text


@pytest.mark.parametrize(
    ("now", "is_accepted"),
    [
        ({"change": 0.03, "low": 0.02, "high": 0.04}, True),
        ({"change": 0.058, "low": 0.055, "high": 0.06}, True),  # grown by less than the floor of 1 %
        ({"change": 0.08, "low": 0.03, "high": 0.13}, True),  # by more, and not surely at all
        ({"change": 0.08, "low": 0.07, "high": 0.09}, False),
        ({"change": 0.08, "low": 0.07, "high": 0.09, "resolution": 1.0, "base": 20.0}, True),  # less than a step
        ({"change": None}, False),  # from zero, of which nothing is a part
        ({"change": 0.08}, False),  # without an interval
    ],
)
def test_what_was_accepted_holds_until_it_has_surely_grown_by_enough_to_matter(now, is_accepted):
    agreed = Accepted(why="accepted by ann", change=0.05)
    found = verdicts.accept(row(fails=True, **now), [agreed])

    assert (found.accepted is agreed, found.fails) == (is_accepted, not is_accepted)


def test_growth_has_the_metrics_own_direction():
    agreed = Accepted(why="accepted by ann", change=-0.05)
    fallen = row(fails=True, better="higher", change=-0.2, low=-0.25, high=-0.15)
    gone = row(fails=True, better="higher", change=-1.0, low=-1.0, high=-1.0)

    assert verdicts.accept(fallen, [agreed]).fails
    assert verdicts.accept(gone, [agreed]).fails
    assert not verdicts.accept(replace(fallen, change=-0.04, low=-0.05, high=-0.03), [agreed]).fails


def test_the_newest_acceptance_that_covers_a_regression_holds():
    first, second = Accepted(why="accepted by ann", change=0.2), Accepted(why="accepted by bob", change=0.05)

    assert verdicts.accept(row(change=0.1, low=0.09, high=0.11), [first, second]).accepted is first
    assert verdicts.accept(row(change=0.05, low=0.04, high=0.06), [first, second]).accepted is second
    assert verdicts.accept(row(verdict=Verdict.IMPROVED, **BETTER), [first]).accepted is None
