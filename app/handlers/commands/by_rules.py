"""run and build without names: what the rules at the base ask for, with their groups; not simply every target."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.db.models import Priority
from app.db.queries import commanded
from app.db.queries.offers import Offer
from app.dispatch import groups, selection
from app.dispatch.plan import PipelineRequest, open_pipeline
from app.dispatch.selection import Selection
from app.handlers.commands.scene import Refused, Scene
from app.handlers.commands.verbs import Command, Verb
from app.handlers.policy import Base, Found, based, ruled, rules_at
from app.policy.rules import Happening, On, Policy, Rule, matching
from app.policy.section import PolicyError
from app.reporting import replies


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The rules that a command means, and how much that is."""

    policy: Policy
    rules: Sequence[Rule]
    happening: Happening
    targets: int
    runs: int  # targets times repeats
    is_all: bool  # every target there is, without groups


async def asked(command: Command, offered: list[Offer], scene: Scene) -> Asked | None:
    """Find the rules for pull requests to this base that do what the command says.

    Returns:
        None: the command names what it wants, or no rule does such a thing: then it means all targets.
    Raises:
        Refused: the rules cannot be used.
        Transient: the forge does not say.
    """
    if command.verb is Verb.COMPARE or command.boards or command.configs or command.tags:
        return None
    pull, found = scene.pull, await _rules(scene)
    happening = Happening(event=On.PULL_REQUEST, branch=pull.base_branch, labels=frozenset(pull.labels))
    rules = [each for each in matching(found.policy, happening) if each.work.kind == command.verb]
    rules = list({each.name: each for each in rules}.values())
    if not rules or found.source == "built-in":
        return None
    sizes = [_size(each, offered, found.policy) for each in rules]
    everything = len(selection.select(offered, Selection()))
    return Asked(
        policy=found.policy,
        rules=rules,
        happening=happening,
        targets=sum(sizes),
        runs=sum(size * repeats(command, each) for size, each in zip(sizes, rules, strict=True)),
        is_all=len(rules) == 1 and sizes[0] == everything and len(rules[0].work.groups) == 1,
    )


async def with_base(request: PipelineRequest, scene: Scene) -> PipelineRequest:
    """Say whose build files count for a fork's commit, also where no rule asked for it before.

    Raises:
        Refused: the rules that name them cannot be used.
        Transient: the forge does not say.
    """
    return based(request, await _rules(scene)) if request.from_fork else request


async def _rules(scene: Scene) -> Found:
    branch = scene.pull.base_branch
    try:
        return await rules_at(Base(branch=branch), scene.occasion, scene.deps)
    except PolicyError as problem:
        raise Refused(replies.rules_unusable(branch, str(problem))) from None


def _size(rule: Rule, offered: list[Offer], policy: Policy) -> int:
    found, problem = groups.chosen(offered, rule.work.groups, policy.file)
    if problem is not None:
        raise Refused(replies.unknown(problem))
    return len(found)


def repeats(command: Command, rule: Rule) -> int:
    """Say how often each target runs: as the command says, else as the rule does."""
    return command.repeat if command.repeat > 1 else rule.work.repeat


async def run(command: Command, index: int, scene: Scene, request: PipelineRequest, found: Asked) -> str:
    """Open a pipeline for each rule, under its status; say what that covers, unless it is everything."""
    for rule in found.rules:
        made = replace(
            ruled(request, rule, found.happening, found.policy),
            dedupe_key=commanded.dedupe_key(scene.hearing.id, index, rule.name),
            repeat=repeats(command, rule),
            comment_style="always",
        )
        if command.priority:
            made = replace(made, priority=Priority(command.priority))
        await open_pipeline(scene.deps, made)
    if found.is_all:
        return ""
    return replies.by_rules(scene.pull.base_branch, [each.name for each in found.rules], found.targets)
