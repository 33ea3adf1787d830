"""Times of schedules, in zones whose clocks change."""

import datetime
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.policy import cron

BERLIN = cron.zone("Europe/Berlin")


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def following(text, start, zone=datetime.UTC, times=1):
    found, moment = [], at(start)
    for _ in range(times):
        moment = cron.parse(text).after(moment, zone)
        found.append(moment.strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("0 3 * * *", "2026-01-31 12:00", "2026-02-01 03:00"),
        ("nightly", "2026-01-31 03:00", "2026-02-01 03:00"),
        ("*/20 * * * *", "2026-01-31 23:41", "2026-02-01 00:00"),
        ("5-10/5,30 8 * * *", "2026-01-31 08:05", "2026-01-31 08:10"),
        ("0 0 29 feb *", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("0 12 * * sat,sun", "2026-01-26 00:00", "2026-01-31 12:00"),
        ("0 12 * * 7", "2026-01-26 00:00", "2026-02-01 12:00"),
        ("0 0 13 * fri", "2026-02-14 00:00", "2026-02-20 00:00"),  # either day is enough
        ("0 0 1 * *", "2026-12-31 23:59", "2027-01-01 00:00"),
        ("weekly", "2026-01-31 12:00", "2026-02-01 03:00"),
    ],
)
def test_the_next_time_is_found(text, start, expected):
    assert following(text, start) == [expected]


def test_a_time_that_the_clock_jumps_over_happens_once_all_the_same():
    assert following("30 2 * * *", "2026-03-28 12:00", BERLIN, 2) == ["2026-03-29 01:30", "2026-03-30 00:30"]


def test_a_time_that_comes_twice_happens_once():
    assert following("30 2 * * *", "2026-10-24 12:00", BERLIN, 2) == ["2026-10-25 00:30", "2026-10-26 01:30"]


def test_a_night_keeps_its_local_hour_over_a_change_of_the_clock():
    assert following("0 3 * * *", "2026-03-28 00:00", BERLIN, 2) == ["2026-03-28 02:00", "2026-03-29 01:00"]


@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 3 1,15 * mon", "59 23 * * *", "0 0 * * *"]),
    st.integers(1_580_000_000, 1_890_000_000),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_times_only_go_forward_and_none_is_left_out(text, start, zone):
    place, moment = cron.zone(zone), datetime.datetime.fromtimestamp(start, datetime.UTC)
    first = cron.parse(text).after(moment, place)
    second = cron.parse(text).after(first, place)

    assert moment < first < second
    between = first + (second - first) / 2
    assert cron.parse(text).after(between, place) == second


@pytest.mark.parametrize(
    "text", ["", "* * * *", "* * * * * *", "a * * * *", "5-1 * * * *", "*/0 * * * *", "1/ * * * *"]
)
def test_what_is_no_schedule_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        cron.parse(text)


def test_a_machine_without_time_zones_of_its_own_knows_them_all_the_same():
    asked = "from app.policy import cron; print(cron.zone('Europe/Berlin').key)"
    bare = {**os.environ, "PYTHONTZPATH": ""}
    said = subprocess.run([sys.executable, "-c", asked], env=bare, capture_output=True, text=True, check=True)
    assert said.stdout == "Europe/Berlin\n"
