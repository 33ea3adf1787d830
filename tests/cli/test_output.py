"""What commands print cannot steer a terminal, and colours only what is a terminal."""

import os
import pty
import subprocess

from app.cli import output
from tests.cli.commands import RIGLINE, ROOT

SHOW = "from app.cli.output import coloured; import click; click.echo(coloured('passed'))"


def _on_a_terminal(**env: str) -> bytes:
    ours, theirs = pty.openpty()
    words = [RIGLINE[0], "-c", SHOW]
    subprocess.run(words, cwd=ROOT, env={"PATH": os.environ["PATH"], **env}, stdout=theirs, check=True)
    os.close(theirs)
    said = os.read(ours, 1000)
    os.close(ours)
    return said


def test_states_are_coloured_on_a_terminal_unless_nobody_wants_colours() -> None:
    assert _on_a_terminal() == b"\x1b[32mpassed\x1b[0m\r\n"
    assert _on_a_terminal(NO_COLOR="1") == b"passed\r\n"


def test_strangers_text_is_made_harmless() -> None:
    assert output.plain("\x1b]0;evil\x07a\x1b[2Jb\x9b31mc\r\nd\te\x00") == "ab31mc\nd\te"
    assert output.cell("two\nlines") == "two lines"
    assert output.cell("2026-11-22T04:04:49.729833Z") == "2026-11-22 04:04:49Z"


def test_durations_are_written_for_people() -> None:
    start = "2026-01-01T00:00:00+00:00"

    assert output.duration(start, "2026-01-01T00:00:01.500000+00:00") == "1.5 s"
    assert output.duration(start, "2026-01-01T00:02:03+00:00") == "2 min 03 s"
    assert output.duration(start, "2026-01-01T05:02:03Z") == "5 h 02 min"
    assert output.duration(None, None) == "–"
