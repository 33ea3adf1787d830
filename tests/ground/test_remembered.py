"""The memory of a process is bounded, and keeps what is asked for."""

from app.remembered import Remembered


def test_what_was_not_asked_for_the_longest_is_forgotten_first():
    known: Remembered[str, int | None] = Remembered(2)
    known["a"], known["b"] = 1, None
    assert known["a"] == 1
    known["c"] = 3

    assert ("a" in known, "b" in known, "c" in known, len(known)) == (True, False, True, 2)
