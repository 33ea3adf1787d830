"""What others embed or follow: the Atom feed of a repository's alerts, and badges. No page, so no JSON beside them."""

from datetime import datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as Xml

from quart import Response
from sqlalchemy import RowMapping

from app.db.models import Triage
from app.db.queries import points, repositories, series, shifts
from app.db.queries.shifting import OPEN
from app.db.queries.shifts import EVERY, ChangePointView, ShiftView
from app.history import plot
from app.notify.wording import percent
from app.web.api.conditional import kept
from app.web.pages import badge as drawing
from app.web.pages.answer import deps, found, pages, text
from app.web.pages.badge import Badge
from app.web.pages.repositories import FORGES

ATOM = "http://www.w3.org/2005/Atom"
ENTRIES = 50
BADGE_S = 300  # that a badge may be kept
TREND = 40  # commits of a badge's line
_CHOICES = ("benchmark", "metric", "board_type", "configuration")


@pages.get(f"/<{FORGES}:forge>/<path:full_name>/alerts.atom")
async def feed(forge: str, full_name: str) -> Response:
    """Tell feed readers of the newest alerts. An entry keeps its id for ever, and is updated by what people say."""
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        wanted = shifts.Wanted(repository_id=row["id"], states=EVERY.states, is_muted=None)
        rows = await shifts.list_(db, wanted, limit=ENTRIES)
    home = f"{deps().settings.public_url}/{row['forge']}/{quote(row['full_name'])}/alerts"
    return kept(_feed(rows, home, row), "application/atom+xml; charset=utf-8")


def _feed(rows: list[ShiftView], home: str, repository: RowMapping) -> str:
    """Write a feed.

    Source:
        RFC 4287; ids are tag URIs (RFC 4151), which do not change when a repository is renamed.
    """
    host = urlsplit(home).hostname or "rigline"
    whole = Xml.Element("feed", {"xmlns": ATOM})
    _add(whole, "id", f"tag:{host},2026:rigline/repositories/{repository['id']}/alerts")
    _add(whole, "title", f"Alerts of {repository['full_name']}")
    _add(whole, "updated", _moment(max([_updated(each) for each in rows], default=repository["added_at"])))
    _add(_add(whole, "author"), "name", "Rigline")
    _add(whole, "link", rel="self", type="application/atom+xml", href=f"{home}.atom")
    _add(whole, "link", rel="alternate", type="text/html", href=home)
    for each in rows:
        entry = _add(whole, "entry")
        _add(entry, "id", f"tag:{host},2026:rigline/alerts/{each.id}")
        _add(entry, "title", _title(each))
        _add(entry, "published", _moment(each.opened_at))
        _add(entry, "updated", _moment(_updated(each)))
        _add(entry, "link", rel="alternate", type="text/html", href=f"{home}/{each.id}")
        _add(entry, "category", term=each.state.value)
        _add(entry, "content", _content(each), type="text")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(whole, encoding="unicode")


def _add(parent: Xml.Element, name: str, content: str = "", **attributes: str) -> Xml.Element:
    made = Xml.SubElement(parent, name, attributes)
    if content:
        made.text = drawing.clean(content)
    return made


def _title(of: ShiftView) -> str:
    about = f"{of.benchmark} {of.metric}".strip() or "nothing is left"
    change = f" {percent(of.change)}" if of.change is not None else ""
    more = f" and {of.change_points - 1} more" if of.change_points > 1 else ""
    return f"{about}{change}{_direction(of.change_is_worse)}{more}"


def _content(of: ShiftView) -> str:
    state = of.state.replace("_", " ")
    lines = [f"Behind {of.after}, at the latest in {of.until} {of.title} on {of.branch}: {state}."]
    if of.said_by:
        lines.append(": ".join(filter(None, [f"{of.said_by} said so", of.reason])))
    return "\n".join([*lines, of.link]).strip()


def _direction(is_worse: bool | None) -> str:
    return "" if is_worse is None else " worse" if is_worse else " better"


def _updated(of: ShiftView) -> datetime:
    return max(filter(None, (of.opened_at, of.said_at, of.closed_at)))


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@pages.get(f"/<{FORGES}:forge>/<path:full_name>/badge.svg")
async def badge(forge: str, full_name: str) -> Response:
    """Draw the trend of one series of the default branch, and what is to be thought of it."""
    given = {name: value for name in _CHOICES if (value := text(name)) is not None}
    async with deps().begin() as db:
        row = found(await repositories.by_name(db, full_name, forge=forge), f"repository {forge}/{full_name} here")
        chosen = {**given, "branch": row["default_branch"]}
        first = next(iter(await series.list_(db, row["id"], chosen, limit=1)), None)
        values, moved = [], None
        if first is not None:
            for column in await points.latest(db, [first["id"]], commits=TREND):
                values = column.values
            moved = _open(await shifts.of_series(db, [first["id"]]))
    shown = _badge(given, first, values, moved)
    response = kept(drawing.svg(shown), "image/svg+xml; charset=utf-8")
    response.headers["Cache-Control"] = f"public, max-age={BADGE_S}"
    return response


def _open(known: list[ChangePointView]) -> ChangePointView | None:
    """Find the last shift that waits for somebody."""
    waiting = [each for each in known if each.state in OPEN and each.recovered_at is None and not each.is_muted]
    return waiting[-1] if waiting else None


def _badge(
    given: dict[str, str], first: RowMapping | None, values: list[float], moved: ChangePointView | None
) -> Badge:
    if first is None or not values:
        return Badge(
            label=given.get("benchmark", "benchmark"), value="not measured", verdict="", tone="unknown", line=""
        )
    label = f"{first['benchmark']} {first['metric']}"
    verdict, tone = "steady", "good"
    if moved is not None:
        verdict = f"{percent(moved.change)}{_direction(moved.is_worse)}"
        tone = "unknown" if moved.is_worse is None else "bad" if moved.is_worse else "good"
        if moved.state is Triage.ACKNOWLEDGED:
            verdict += ", seen"
    value = f"{values[-1]:.4g} {first['unit']}".strip()
    return Badge(label=label, value=value, verdict=verdict, tone=tone, line=plot.spark(values).line)
