"""The range of a search gets narrower until nothing more can be told."""

import math

from hypothesis import given
from hypothesis import strategies as st

from app.history.bisection import Tried, narrow, spread


@given(st.data(), st.integers(1, 300))
def test_the_culprit_is_found_in_logarithmically_many_tries_among_commits_that_can_be_told(data, commits):
    culprit = data.draw(st.integers(0, commits - 1))
    tried = {commits - 1: Tried.NEW}
    while (rest := narrow(commits, tried)).next is not None:
        assert rest.next not in tried
        tried[rest.next] = Tried.NEW if rest.next >= culprit else Tried.OLD

    assert rest.is_found and rest.new == culprit
    assert len(tried) <= 1 + math.ceil(math.log2(commits + 1))


@given(st.data(), st.integers(2, 60))
def test_commits_that_tell_nothing_never_hide_the_culprit(data, commits):
    culprit = data.draw(st.integers(0, commits - 1))
    dumb = data.draw(st.sets(st.integers(0, commits - 2)))
    tried = {commits - 1: Tried.NEW}
    while (rest := narrow(commits, tried)).next is not None:
        known = Tried.NEW if rest.next >= culprit else Tried.OLD
        tried[rest.next] = Tried.UNKNOWN if rest.next in dumb else known

    assert culprit in {*rest.between, rest.new}
    assert set(rest.between) <= dumb


@given(st.integers(1, 500), st.integers(1, 20))
def test_commits_to_be_measured_are_spread_evenly(commits, wanted):
    chosen = spread(commits, wanted)

    assert len(chosen) == min(commits, wanted) and set(chosen) <= set(range(commits))
    gaps = [b - a for a, b in zip([-1, *chosen], [*chosen, commits], strict=True)]
    assert max(gaps) - min(gaps) <= 1 or wanted >= commits
