"""accept: what regressed is taken knowingly, with a reason."""

from collections.abc import Iterable
from difflib import get_close_matches

from app.db.queries import heard
from app.db.queries.acceptances import Said
from app.handlers import acceptance
from app.handlers.acceptance import Regression
from app.handlers.commands.scene import Refused, Scene, Step
from app.handlers.commands.verbs import Command
from app.reporting import replies, verdict_words
from app.results import verdicts

LONGEST = 100  # characters of names that are looked at for slips of the pen


async def prepare(command: Command, index: int, scene: Scene) -> Step:
    """Find what is to be accepted of the head.

    Raises:
        Refused: no reason is given, or what is named has not regressed.
    """
    async with scene.deps.begin() as db:
        views = await verdicts.of_pull_request(db, scene.repository_id, scene.pull.number, scene.head)
    waiting = acceptance.open_(views)
    benchmark, reason = _read(command.text, {each.row.benchmark for each in waiting})
    if not reason:
        raise Refused(replies.why_accept(scene.prefix))
    found = [each for each in waiting if benchmark in (None, each.row.benchmark)]
    said = Said(by=scene.event.author.name, by_id=scene.event.author.id, via="command", reason=reason)
    return lambda: _accept(index, scene, found, said)


def _read(text: str, benchmarks: set[str]) -> tuple[str | None, str]:
    """Tell the name of a benchmark, if the text begins with one, from the reason. What is nearly one is refused."""
    if text.startswith('"'):
        name, _, reason = text[1:].partition('"')
        if name not in benchmarks:
            raise Refused(replies.no_regression(name, _near(name, benchmarks)))
        return name, reason.strip()
    first, _, rest = text.partition(" ")
    if first in benchmarks:
        return first, rest.strip()
    if meant := _near(first, benchmarks):
        raise Refused(replies.no_regression(first, meant))
    return None, text.strip()


def _near(name: str, benchmarks: Iterable[str]) -> str:
    found = get_close_matches(name[:LONGEST], [each for each in benchmarks if len(each) <= LONGEST], n=1, cutoff=0.8)
    return found[0] if found else ""


async def _accept(index: int, scene: Scene, found: list[Regression], said: Said) -> str:
    """Accept and count as carried out in one transaction, so that a second try after a crash accepts nothing more."""
    rows = [(verdict_words.name(each.row), verdict_words.change(each.row)) for each in found]
    note = replies.accepted(scene.head, rows) if found else replies.nothing_to("accept")
    async with scene.deps.begin() as db:
        told: list[int] = []
        if await heard.progress(db, scene.hearing.id, index + 1, note):
            told = await acceptance.accept(db, scene.repository_id, found, said)
    await acceptance.publish(scene.deps, told)
    return note
