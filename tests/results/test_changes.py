"""Which known change point a cut is, when a level came back, and what becomes of a group: without any service."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.history import changes
from app.history.changes import SAME_WITHIN, Known
from app.history.detector import Cut
from app.history.shifts import Facts, Range, Standing, Turn, joined, turn

NOW = datetime(2026, 11, 3, tzinfo=UTC)


def cut(index, before=100.0, after=110.0):
    change = (after - before) / abs(before) if before else None
    return Cut(
        index=index, previous=index - 1, before=before, after=after, change=change, low=None, high=None, points=3, z=4.0
    )


def known(number, index, *, is_gone=False, **levels):
    return Known(id=number, shift_id=1, cut=cut(index, **levels), is_gone=is_gone)


def place(number):
    return NOW + timedelta(hours=number), number


def span(after, until):
    return Range(after=place(after), until=place(until))


def facts(**more):
    return Facts(**{"change_points": 1, "is_worse": True, "has_recovered": False, "worst": 0.1, "surely": 0.08, **more})


def standing(state, by_itself=False, agreed=0.1):
    return Standing(
        is_new=state == "new",
        is_open=state in ("new", "acknowledged"),
        by_itself=by_itself,
        has_recovered=state == "recovered",
        agreed=agreed,
    )


def test_the_nearest_cut_in_the_same_direction_is_the_known_one():
    matched = changes.match([known(1, 40), known(2, 60, before=110, after=100)], [cut(38), cut(42), cut(61)])

    assert [(each.id, at.index) for each, at in matched.kept] == [(1, 38)]
    assert [at.index for at in matched.fresh] == [42, 61]
    assert [each.id for each in matched.gone] == [2]


def test_one_that_counts_goes_before_one_that_is_gone_and_that_one_may_come_back():
    matched = changes.match([known(1, 40, is_gone=True), known(2, 43)], [cut(41)])
    assert [each.id for each, _ in matched.kept] == [2]

    matched = changes.match([known(1, 40, is_gone=True)], [cut(41)])
    assert [each.id for each, _ in matched.kept] == [1]


PLACES = st.lists(st.integers(1, 60), max_size=8, unique=True)


@given(PLACES, PLACES, st.lists(st.booleans(), min_size=8, max_size=8))
def test_every_cut_is_kept_or_fresh_once_and_every_known_one_is_accounted_for(before, now, gone):
    given_ = [known(number, at, is_gone=gone[number]) for number, at in enumerate(before)]
    cuts = [cut(at) for at in sorted(now)]

    matched = changes.match(given_, cuts)

    assert sorted([at.index for _, at in matched.kept] + [at.index for at in matched.fresh]) == sorted(now)
    kept = [each.id for each, _ in matched.kept]
    assert len(set(kept)) == len(kept)
    assert {each.id for each in matched.gone} == {each.id for each in given_ if not each.is_gone} - set(kept)
    assert all(abs(each.cut.index - at.index) <= SAME_WITHIN for each, at in matched.kept)


@pytest.mark.parametrize(
    ("later", "resolution", "back"),
    [(100.9, 0, True), (101.2, 0, False), (99.1, 0, True), (102, 2, True), (110, 0, False)],
)
def test_a_level_has_come_back_within_one_percent_or_the_finest_step(later, resolution, back):
    cuts = [cut(40), cut(60, before=110, after=later)]

    assert changes.recovered(cuts, resolution) == [back, False]


def test_a_change_from_zero_counts_as_whole_and_an_unknown_direction_is_neither_better_nor_worse():
    assert (changes.size(cut(4, 0, 5)), changes.size(cut(4, 0, -5))) == (1.0, -1.0)
    assert [changes.is_worse(cut(4), better) for better in ("lower", "higher", None)] == [True, False, None]


def test_a_group_lies_where_all_its_ranges_overlap_or_from_the_first_to_the_last():
    assert joined([span(1, 9), span(3, 12), span(2, 7)]) == span(3, 7)
    assert joined([span(1, 3), span(5, 7)]) == span(1, 7)
    assert span(1, 3).overlaps(span(2, 5)) and not span(1, 3).overlaps(span(3, 5))
    with pytest.raises(ValueError, match="at least one range"):
        joined([])


@pytest.mark.parametrize(
    ("state", "now", "becomes"),
    [
        (standing("new"), facts(), None),
        (standing("new"), facts(change_points=0), Turn.WITHDRAWN),
        (standing("expected"), facts(change_points=0), None),
        (standing("acknowledged"), facts(has_recovered=True), Turn.RECOVERED),
        (standing("wont_fix"), facts(has_recovered=True), None),
        (standing("wont_fix"), facts(surely=0.1), None),
        (standing("wont_fix"), facts(surely=0.101), Turn.REOPENED),
        (standing("acknowledged"), facts(surely=0.2), Turn.REOPENED),
        (standing("fixed"), facts(surely=0.2), Turn.REOPENED),
        (standing("expected", agreed=None), facts(surely=0.2), None),
        (standing("recovered", by_itself=True), facts(has_recovered=True), None),
        (standing("recovered", by_itself=True), facts(), Turn.REOPENED),
        (standing("noise", by_itself=True), facts(), Turn.REOPENED),
        (standing("noise"), facts(), None),
        (standing("new", by_itself=True), facts(), None),
    ],
)
def test_what_becomes_of_a_group_by_the_numbers_alone(state, now, becomes):
    assert turn(state, now) is becomes
