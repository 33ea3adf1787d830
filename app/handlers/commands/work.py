"""run, build and compare: checked as a whole first, then opened as pipelines that a second try finds again."""

from dataclasses import dataclass, replace

from app.db.models import Priority, Trigger
from app.db.queries import commanded, offers
from app.db.queries.offers import Offer
from app.dispatch import selection, sides
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.dispatch.selection import Selection
from app.errors import Invalid
from app.handlers import bases
from app.handlers.commands import by_rules, subject
from app.handlers.commands.scene import RIGHT, Refused, Scene, Step
from app.handlers.commands.subject import Subject
from app.handlers.commands.verbs import Command, Verb
from app.reporting import replies
from builders.protocol import Kind

MOST_RUNS = 400  # targets times repeats of one command


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to run, with names that are offered."""

    boards: tuple[str, ...]
    tags: tuple[str, ...]
    configurations: tuple[str, ...]

    @property
    def selection(self) -> Selection:
        """Give the choice that they are."""
        return Selection(boards=self.boards, tags=self.tags, configurations=self.configurations)


async def prepare(command: Command, index: int, scene: Scene) -> Step:
    """Check everything that a run, build or comparison needs.

    Raises:
        Refused: a name that nobody offers, a commit that nobody trusted, or too much at once.
        Transient: the forge does not say.
    """
    if command.priority is not None and not scene.may_write:
        raise Refused(replies.not_allowed("priority=", "who may write"), kind=RIGHT)
    async with scene.deps.begin() as db:
        offered = await offers.all_(db)
    wanted = _wanted(command, offered)
    ruled = await by_rules.asked(command, offered, scene)
    if ruled is None:
        _check_cost(offered, wanted, command, 2 if command.verb is Verb.COMPARE else 1)
    elif ruled.runs > MOST_RUNS:
        raise Refused(replies.too_much_by_rules(ruled.runs, MOST_RUNS))
    head = await subject.of(command, scene)
    request = await by_rules.with_base(_request(command, index, scene, wanted, head), scene)
    if ruled is not None:
        return lambda: by_rules.run(command, index, scene, request, ruled)
    if command.verb is not Verb.COMPARE:
        return lambda: _run(scene, request)
    base = await subject.base_of(command.base, head.commit, scene)
    if _by_turns(offered, wanted):
        return lambda: _compare(scene, request, base)
    return lambda: _compare_apart(scene, request, _base_request(command, index, scene, wanted, base), base)


async def _run(scene: Scene, request: PipelineRequest) -> str:
    await open_pipeline(scene.deps, request)
    return ""


async def _compare(scene: Scene, head: PipelineRequest, base: Subject) -> str:
    """Run both by turns, in jobs of the head that build the base too."""
    await open_pipeline(scene.deps, replace(_held_against(head, base), interleaved=True))
    return replies.comparing(head.commit, base.commit, base.why)


async def _compare_apart(scene: Scene, head: PipelineRequest, other: PipelineRequest, base: Subject) -> str:
    """Run each in jobs of its own, where a builder cannot do better."""
    await open_pipeline(scene.deps, other)
    await open_pipeline(scene.deps, _held_against(head, base))
    return replies.comparing_apart(head.commit, base.commit, base.why)


def _held_against(head: PipelineRequest, base: Subject) -> PipelineRequest:
    return replace(head, compare_with=base.commit, compare_why=base.why.replace("`", "")[: bases.WHY_LIMIT])


def _by_turns(offered: list[Offer], wanted: Wanted) -> bool:
    return not sides.lacking(offered, selection.select(offered, wanted.selection))


def _request(command: Command, index: int, scene: Scene, wanted: Wanted, about: Subject) -> PipelineRequest:
    return PipelineRequest(
        repository_id=scene.repository_id,
        commit=about.commit,
        kind=Kind.BUILD if command.verb is Verb.BUILD else Kind.RUN,
        trigger=Trigger.COMMAND,
        dedupe_key=commanded.dedupe_key(scene.hearing.id, index),
        branch=about.branch,
        pull_request=scene.pull.number,
        from_fork=about.from_fork,
        fetch_ref=about.fetch_ref,
        title=scene.pull.title,
        trust=about.trust,
        requested_by=scene.event.author.name,
        delivery_id=scene.occasion.delivery_id,
        repeat=command.repeat,
        boards=wanted.boards,
        tags=wanted.tags,
        configurations=wanted.configurations,
        priority=Priority(command.priority or Priority.PULL_REQUEST),
        comment_style="always",
        reports=True,
        status_memory=dict(about.status_memory),
    )


def _base_request(command: Command, index: int, scene: Scene, wanted: Wanted, base: Subject) -> PipelineRequest:
    """Ask for the other side: it belongs to its branch, and shows no status of its own."""
    return PipelineRequest(
        repository_id=scene.repository_id,
        commit=base.commit,
        kind=Kind.RUN,
        trigger=Trigger.COMMAND,
        dedupe_key=commanded.dedupe_key(scene.hearing.id, index, "base"),
        branch=base.branch,
        fetch_ref=base.fetch_ref,
        trust=base.trust,
        requested_by=scene.event.author.name,
        delivery_id=scene.occasion.delivery_id,
        repeat=command.repeat,
        boards=wanted.boards,
        tags=wanted.tags,
        configurations=wanted.configurations,
        priority=Priority(command.priority or Priority.PULL_REQUEST),
    )


def _wanted(command: Command, offered: list[Offer]) -> Wanted:
    if not offered:
        raise Refused(replies.no_board())
    types = [each.board_type for each in offered]
    boards = [each.board for each in offered]
    return Wanted(
        boards=_without(command.boards, types, also=boards, kind="board"),
        configurations=_without(command.configs, [each.configuration for each in offered], kind="configuration"),
        tags=command.tags,
    )


def _without(names: tuple[str, ...], valid: list[str], *, kind: str, also: list[str] | None = None) -> tuple[str, ...]:
    """Take away what is named with a dash: from the others that are named, or from all."""
    left_out = [name[1:] for name in names if name.startswith("-")]
    kept = [name for name in names if not name.startswith("-")]
    if not left_out:
        return tuple(kept)
    unknown = [name for name in left_out if name not in {*valid, *(also or [])}]
    rest = [name for name in dict.fromkeys(kept or valid) if name not in left_out]
    if not unknown and not rest:
        raise Refused(replies.wrong(f"Without those no {kind} is left."))
    return tuple([*unknown, *rest])  # an unknown name is refused where all names are


def _check_cost(offered: list[Offer], wanted: Wanted, command: Command, both: int) -> None:
    try:
        targets = len(selection.select(offered, wanted.selection))
    except Invalid as problem:
        raise Refused(replies.unknown(problem.message)) from None
    if targets * command.repeat * both > MOST_RUNS:
        raise Refused(replies.too_much(targets, command.repeat, both, MOST_RUNS))
