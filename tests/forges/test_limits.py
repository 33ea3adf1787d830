"""How fast, and when not at all, a forge is called."""

import pytest

from integrations import limits
from integrations.forge import Transient
from integrations.github.client import Client
from integrations.limits import READ, WRITE, Limiter


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = [1000.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


def test_silence_holds_for_one_credential_and_ends(clock):
    limiter = Limiter("GitHub")
    limiter.hold("installation 1", 30)
    limiter.enter("installation 2")
    with pytest.raises(Transient) as said:
        limiter.enter("installation 1")
    clock[0] += 30.1
    limiter.enter("installation 1")

    assert said.value.retry_after == 30


def test_a_shorter_silence_does_not_end_a_longer_one(clock):
    limiter = Limiter("GitHub")
    limiter.hold("one", 60)
    limiter.hold("one", 5)
    clock[0] += 10

    with pytest.raises(Transient):
        limiter.enter("one")


@pytest.mark.parametrize(("asked", "kept"), [(None, 60), (0, 1), (-5, 1), (10**9, 3600), (7, 7)])
def test_a_silence_is_bounded_and_has_a_length_where_none_is_named(clock, asked, kept):
    assert Limiter("GitHub").hold("one", asked).retry_after == kept


def test_a_pace_lets_a_minutes_worth_go_at_once_and_then_as_much_as_flows_back(clock):
    limiter = Limiter("GitHub", points_a_minute=900)
    for _ in range(180):
        limiter.enter("one", WRITE)
    with pytest.raises(Transient) as said:
        limiter.enter("one", WRITE)
    limiter.enter("two", WRITE)
    clock[0] += said.value.retry_after + 0.001
    limiter.enter("one", WRITE)

    assert said.value.retry_after == pytest.approx(WRITE / 15)
    with pytest.raises(Transient):
        limiter.enter("one", READ)


def test_what_is_remembered_of_credentials_is_bounded(clock):
    limiter = Limiter("GitHub", points_a_minute=900)
    for number in range(limits.KEYS + 10):
        limiter.enter(f"installation {number}")
        limiter.hold(f"installation {number}", 5)

    assert len(limiter._used) == len(limiter._silent_until) == limits.KEYS


@pytest.mark.parametrize(
    ("address", "paced"), [("https://api.github.com", True), ("https://ghe.example/api/v3", False)]
)
async def test_only_the_public_github_has_a_pace(address, paced):
    client = Client(address, "t")
    assert (client.limits._rate is not None) is paced
    await client.close()
