"""How far a long command is: one line on a terminal that is written over, and nothing into a file or pipe."""

import sys
import time

import click

EVERY_S = 0.2
CLEAR = "\r\x1b[K"


class Line:
    """A line of progress on stderr."""

    def __init__(self, what: str) -> None:
        self._what, self._shows, self._at = what, sys.stderr.isatty(), 0.0

    def tell(self, done: int, of: int | None = None, also: str = "") -> None:
        """Show how many bytes are done; too often is not shown."""
        now = time.monotonic()
        if not self._shows or now - self._at < EVERY_S:
            return
        self._at = now
        whole = f" of about {amount(max(of, done))}" if of else ""
        click.echo(f"{CLEAR}{self._what}: {amount(done)}{whole}{also and f', {also}'}", err=True, nl=False)

    def end(self) -> None:
        """Take the line away."""
        if self._shows and self._at:
            click.echo(CLEAR, err=True, nl=False)


def amount(size: int) -> str:
    """Write a number of bytes for people."""
    value, units = float(size), ["B", "KB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
