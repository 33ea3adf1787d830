"""Verdicts in Markdown, for comments, checks and files. Whatever others named stands in code, where it is only text."""

from collections.abc import Iterator, Sequence

from app.history.verdicts import ComparedRow, ComparedTarget, Verdicts, Worst
from app.reporting import verdict_words as words
from app.reporting.wording import SHORT_SHA, clip, code, span

MOST_ROWS = 200  # of one table
LONGEST = 60_000  # characters; GitHub takes 65,536 in a comment and 65,535 in a check
_HEAD = "| | Benchmark | Base → head | Change, interval | Certainty |\n|---|---|---|---|---|"
_CELL = 140  # characters of a name or note


def worst(found: Worst, *, with_target: bool) -> str:
    """Name one of the worst rows in a line: what, how sure, how much."""
    row = found.row
    where = f" on {place(found.board_type, found.configuration)}" if with_target else ""
    taken = f", {span(row.accepted.why)}" if row.accepted is not None else ""
    sure = words.CERTAINTY[row.verdict]
    return f"{words.SIGNS[row.verdict]} {span(words.name(row))}{where}: {sure}, {words.change(row)}{taken}"


def place(board_type: str, configuration: str) -> str:
    """Name a target."""
    return span(f"{board_type}/{configuration}")


def target_line(target: ComparedTarget) -> str:
    """Say what one target says, in a line."""
    return f"{place(target.board_type, target.configuration)}: {words.target_line(target)}"


def baseline(view: Verdicts) -> str:
    """Name the baseline with its hash and how it was found."""
    return " ".join(each for each in (span(view.base_why), code(view.base[:SHORT_SHA])) if each)


def table(targets: Sequence[ComparedTarget], room: int) -> str:
    """List the rows of targets as a table, as far as the room (characters) goes; what is left out is counted."""
    lines, left = [_HEAD], room - len(_HEAD) - 60
    total = sum(len(each.rows) + each.left_out for each in targets)
    shown = 0
    for line in _lines(targets):
        left -= len(line) + 1
        if left < 0 or shown >= MOST_ROWS:
            break
        lines.append(line)
        shown += 1
    text = "\n".join(lines) if shown else ""
    rest = f"… and {total - shown:,} more rows." if shown < total else ""
    return "\n\n".join(each for each in (text, rest) if each)


def _lines(targets: Sequence[ComparedTarget]) -> Iterator[str]:
    several = len(targets) > 1
    for target in targets:
        where = f" on {code(f'{target.board_type}/{target.configuration}')}" if several else ""
        for row in target.rows:
            yield _line(row, where)


def _line(row: ComparedRow, where: str) -> str:
    name = f"{code(clip(words.name(row), _CELL))}{where}"
    values = f"{_amounts(row)}"
    sure = clip(words.certainty(row), _CELL)
    shown = sure if sure == words.CERTAINTY[row.verdict] else code(sure)
    return f"| {words.SIGNS[row.verdict]} | {name} | {values} | {words.change(row)} | {shown} |"


def _amounts(row: ComparedRow) -> str:
    said = words.values(row)
    return code(said) if said else ""


def whole(view: Verdicts, page: str | None = None) -> str:
    """Write all of a comparison: for a check's summary, or a file.

    Args:
        page: address of the compare page.
    """
    several = len(view.targets) > 1
    link = f" · [all numbers]({page})" if page else ""
    head = [
        f"**{_sentence(words.headline(view))}**",
        f"Commit {code(view.head[:SHORT_SHA])} against {baseline(view)}{link}",
    ]
    named = [f"- {worst(each, with_target=several)}" for each in view.worst]
    boards = [f"- {target_line(each)}" for each in view.targets]
    parts = ["\n\n".join(head), "\n".join(named), "\n".join(boards)]
    text = clip("\n\n".join(each for each in parts if each), LONGEST // 2)
    rows = table(view.targets, LONGEST - len(text) - 10)
    return "\n\n".join(each for each in (text, rows) if each) + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
