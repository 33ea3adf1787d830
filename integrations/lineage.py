"""The line of first parents from one commit to another, of what a forge lists between them. Pure."""

from collections.abc import Mapping, Sequence

MOST_COMMITS = 1000  # that are asked for between two commits


def first_parents(base: str, head: str, parents: Mapping[str, Sequence[str]]) -> list[str] | None:
    """List the commits after base up to head, each the next one's first parent, the oldest first.

    Args:
        parents: of the commits between them, as far as they are known.
    Returns:
        None if base is not on that line, or a commit of it is not known.
    """
    line: list[str] = []
    at = head
    while at != base:
        if not parents.get(at) or len(line) > len(parents):
            return None
        line.append(at)
        at = parents[at][0]
    return line[::-1]
