"""Two commits held against each other: every row with its verdict, interval and samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from quart import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.queries import commits, repositories
from app.errors import NotFound
from app.handlers import acceptance
from app.history.verdict import Verdict
from app.history.verdicts import ComparedRow, ComparedTarget, Verdicts, Worst
from app.reporting import verdict_words
from app.results import side_by_side
from app.results import verdicts as compared
from app.web import admission
from app.web.pages import places
from app.web.pages.answer import answer, deps, found, go_to, page, pages, renamed, text
from app.web.pages.asked import Asked
from app.web.pages.dots import dots
from app.web.pages.exports import Sheet
from app.web.pages.facets import facets
from app.web.pages.repositories import FORGES

NAMES = ("verdict", "magnitude", "target", "q", "sort", "after")
ROWS = 500
MAGNITUDES = {"≥ 1 %": 0.01, "≥ 2 %": 0.02, "≥ 5 %": 0.05, "≥ 10 %": 0.1, "≥ 25 %": 0.25}
SEPARATOR = "..."


@dataclass(frozen=True, kw_only=True)
class TargetRow:
    """What one board type and configuration says."""

    board_type: str
    configuration: str
    job_id: int
    verdict: Verdict | None
    said: str
    fails: bool


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A row, and where it was measured."""

    board_type: str
    configuration: str
    row: ComparedRow


@dataclass(frozen=True, kw_only=True)
class ComparePage:
    """`/{forge}/{owner…}/{name}/compare/{base}...{head}`."""

    forge: str
    full_name: str
    clone_url: str
    base: str
    head: str
    base_title: str
    head_title: str
    baseline: str  # named with its hash, and why it is this one
    verdict: Verdict | None
    headline: str
    counts: Mapping[Verdict, int]
    ratio: float | None  # geometric mean of head to base; above 1 is worse
    mean: str  # the same in words
    fails: bool
    is_over: bool
    targets: list[TargetRow]
    worst: tuple[Worst, ...]
    filters: dict[str, list[str]]
    q: str
    sort: str
    matching: int  # rows that the filters leave
    items: list[Compared]
    after: int
    next: int | None


@pages.get(f"/<{FORGES}:forge>/<path:full_name>/compare")
async def choose(forge: str, full_name: str) -> Response:
    """Lead to the comparison of the two commits that a form names as `base` and `head`."""
    base, head = text("base"), text("head")
    if base is None or head is None:
        raise NotFound("Choose two commits: a base, and a head that is held against it.")
    return go_to(f"/{forge}/{quote(full_name)}/compare/{quote(base)}{SEPARATOR}{quote(head)}")


@page(f"/<{FORGES}:forge>/<path:full_name>/compare/<path:pair>", csv=True)
async def compare(forge: str, full_name: str, pair: str) -> Response:
    """Compare two commits, each a hash, the beginning of one, or a branch."""
    base, separator, head = pair.partition(SEPARATOR)
    if not separator or not base or not head:
        raise NotFound("A comparison is named BASE...HEAD: two hashes or branches with three dots between.")
    asked = Asked.of_request(NAMES)
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        if row["full_name"].lower() != full_name.lower():
            return renamed(forge, row["full_name"], f"/compare/{pair}")
        known = [await _resolved(db, row["id"], name) for name in (base, head)]
        verdicts = await _compared(db, row["id"], *known)
        titles = [await commits.facts(db, row["id"], sha) for sha in known]
    view = _view(row, verdicts, [each["title"] if each else "" for each in titles], asked)
    return await answer(
        "compare.html",
        view,
        sheet=sheet(view),
        asked=asked,
        facets=_facets(verdicts, view, asked),
        words=verdict_words,
        dots=dots,
        places=places,
        waiting=len(acceptance.open_([verdicts])),
        visitor=await admission.visitor(),
        repository_id=row["id"],
    )


async def _resolved(db: AsyncConnection, repository_id: int, name: str) -> str:
    sha: str = found(await commits.resolve(db, repository_id, name), f"commit or measured branch {name}")
    return sha


async def _compared(db: AsyncConnection, repository_id: int, base: str, head: str) -> Verdicts:
    by_turns = await compared.of_commits(db, repository_id, base, head, with_values=True)
    return by_turns if by_turns.targets else await side_by_side.compare(db, repository_id, base, head)


def _view(row: Mapping[str, Any], of: Verdicts, titles: Sequence[str], asked: Asked) -> ComparePage:
    filters = {name: values for name in NAMES[:3] if (values := asked.all(name))}
    q, sort = asked.one("q") or "", asked.one("sort") or ""
    rows = _sorted([each for each in _all(of) if _passes(each, filters, q)], sort)
    text = asked.one("after") or ""
    after = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    return ComparePage(
        **{name: row[name] for name in ("forge", "full_name", "clone_url")},
        base=of.base,
        head=of.head,
        base_title=titles[0],
        head_title=titles[1],
        baseline=verdict_words.baseline(of),
        verdict=of.verdict,
        headline=verdict_words.headline(of),
        counts=of.counts,
        ratio=of.ratio,
        mean=verdict_words.mean(of.ratio, of.in_mean),
        fails=of.fails,
        is_over=of.is_over,
        targets=[target_row(each) for each in of.targets],
        worst=of.worst,
        filters=filters,
        q=q,
        sort=sort,
        matching=len(rows),
        items=rows[after : after + ROWS],
        after=after,
        next=after + ROWS if after + ROWS < len(rows) else None,
    )


def target_row(target: ComparedTarget) -> TargetRow:
    """Say what one target comes to."""
    return TargetRow(
        **{name: getattr(target, name) for name in ("board_type", "configuration", "job_id", "verdict", "fails")},
        said=verdict_words.target_line(target),
    )


def _all(of: Verdicts) -> list[Compared]:
    """List the rows of all targets: by verdict, then by size."""
    rows = [
        Compared(board_type=each.board_type, configuration=each.configuration, row=row)
        for each in of.targets
        for row in each.rows
    ]
    order = {verdict: number for number, verdict in enumerate(verdict_words.WORDS)}
    rows.sort(key=lambda each: (not each.row.fails, order[each.row.verdict], -each.row.size))
    return rows


def _name(of: Compared | ComparedTarget) -> str:
    return f"{of.board_type} · {of.configuration}"


def _passes(each: Compared, filters: Mapping[str, Sequence[str]], q: str) -> bool:
    row = each.row
    least = min((MAGNITUDES.get(value, 0.0) for value in filters.get("magnitude", [])), default=0.0)
    return (
        ("verdict" not in filters or row.verdict.value in filters["verdict"])
        and ("target" not in filters or _name(each) in filters["target"])
        and (not least or abs(row.change or 0.0) >= least)
        and q.lower() in f"{row.benchmark} {row.metric}".lower()
    )


def _sorted(rows: list[Compared], sort: str) -> list[Compared]:
    """Sort by `name` or `change`, with a minus the other way round; else they stay by verdict and size."""
    back = sort.startswith("-")
    if sort.lstrip("-") == "name":
        return sorted(rows, key=lambda each: (each.row.benchmark, each.row.metric, _name(each)), reverse=back)
    if sort.lstrip("-") == "change":
        known = [each for each in rows if each.row.change is not None]
        known.sort(key=lambda each: each.row.change or 0.0, reverse=back)
        return known + [each for each in rows if each.row.change is None]
    return rows


def _facets(of: Verdicts, view: ComparePage, asked: Asked) -> list[Any]:
    choices = {
        "verdict": [each.value for each in of.counts],
        "magnitude": list(MAGNITUDES),
        "target": [_name(each) for each in of.targets],
    }
    labels = {each.value: f"{verdict_words.WORDS[each]} ({number})" for each, number in of.counts.items()}
    return facets(asked, choices, view.filters, single=("magnitude",), forget=("after",), labels=labels)


def sheet(view: ComparePage) -> Sheet:
    """Give the rows as a sheet."""
    own = (
        "benchmark",
        "metric",
        "unit",
        "better",
        "verdict",
        "base",
        "head",
        "change",
        "low",
        "high",
        "p",
        "pairs",
        "note",
    )
    lines = [
        (each.board_type, each.configuration, *(getattr(each.row, name) for name in own), _params(each.row.params))
        for each in view.items
    ]
    return Sheet(fields=("board_type", "configuration", *own, "params"), lines=lines)


def _params(params: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in params.items())
