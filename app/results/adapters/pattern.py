"""A regular expression from the configuration, for texts that nothing else reads.

Python's expressions may take exponential time on texts that were made for it, so they never run in the
service's own process: a child with limits of its own applies the pattern, line by line.
"""

import json
import subprocess
import sys
from pathlib import Path

from app.results import pattern_child
from app.results.collecting import Collected, decimal
from app.results.file import File
from app.results.parsed import NotUnderstood, Parsed
from builders.protocol import MAX_PATTERN

FORMAT = "pattern"

PATIENCE_S = 20.0  # of the clock, for a child that the machine lets wait; its processor time is limited by itself
_NAMED = ("value", "benchmark", "metric", "unit")


def recognise(_: File) -> bool:
    """Know nothing: only a configuration names it."""
    return False


def parse(file: File) -> Parsed:
    """Take the group `value` of every match; the groups `benchmark`, `metric` and `unit` name it, others are params.

    Raises:
        NotUnderstood: there is no pattern, it is wrong or too slow, or it found nothing.
    """
    wanted = file.wanted
    matches, ignored = _found(_checked(wanted.pattern), file.data)
    found = Collected(file, counts="lines")
    found.ignore(ignored)
    for groups in matches:
        value = decimal(groups.get("value") or "")
        taken = value is not None and found.add(
            groups.get("benchmark") or wanted.benchmark or "benchmark",
            groups.get("metric") or "value",
            groups.get("unit") or wanted.unit or "",
            [value],
            better=wanted.better,
            params={name: text for name, text in groups.items() if name not in _NAMED},
        )
        if not taken:
            found.ignore()
    return found.parsed()


def _checked(pattern: str | None) -> str:
    if not pattern:
        raise NotUnderstood("the configuration gives no pattern; write one with the group (?P<value>…)")
    if len(pattern) > MAX_PATTERN:
        raise NotUnderstood(f"the pattern has {len(pattern)} characters; at most {MAX_PATTERN}")
    if "(?P<value>" not in pattern:
        raise NotUnderstood("the pattern has no group (?P<value>…) around the number")
    return pattern


def _found(pattern: str, data: bytes) -> tuple[list[dict[str, str | None]], int]:
    """Let a child apply the pattern; give the groups of each match, and how many lines had none."""
    order = json.dumps(pattern).encode() + b"\n" + data
    # Isolated: neither the environment nor a folder of the caller decides what it imports.
    argv = [sys.executable, "-I", "-S", str(Path(pattern_child.__file__))]
    try:
        done = subprocess.run(argv, input=order, capture_output=True, timeout=PATIENCE_S, env={}, check=False)  # noqa: S603 - our own program
    except subprocess.TimeoutExpired:
        raise NotUnderstood(f"the pattern took more than {PATIENCE_S:g} s") from None
    if done.returncode:
        raise NotUnderstood(
            f"the pattern took more than {pattern_child.PROCESSOR_S} s of processor or "
            f"{pattern_child.MEMORY >> 20} MB on this file; make it simpler"
        )
    told = json.loads(done.stdout)
    if "problem" in told:
        raise NotUnderstood(told["problem"].replace("\n", " ")[:300])
    return told["matches"], told["ignored"]
