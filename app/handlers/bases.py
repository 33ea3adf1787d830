"""Which commit a rule wants a pull request held against, and how: by turns on the board, or by what is known of it."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from app.dispatch.plan import PipelineRequest
from app.handlers.occasion import Occasion
from app.policy.rules import Happening, On, Rule
from builders.protocol import Kind
from integrations.forge import Permanent, Transient

BY_TURNS, KNOWN, NONE = "merge-base", "history", "none"  # words of a rule's `compare`
WHY_LIMIT = 200  # characters, of the column

log = structlog.get_logger()


async def merge_base(
    asked: Sequence[Rule], happening: Happening, branch: str, commit: str, occasion: Occasion
) -> str | None:
    """Ask the forge where a commit left its base, if a rule wants to know it. Not knowing it stops nothing."""
    if happening.event not in (On.PULL_REQUEST, On.LABEL) or all(each.work.compare == NONE for each in asked):
        return None
    try:
        return await occasion.forge.merge_base(occasion.facts(), branch, commit)
    except (Permanent, Transient) as problem:
        log.info("merge_base_not_known", repository=occasion.repository_id, commit=commit, error=str(problem)[:200])
        return None


def held_against(request: PipelineRequest, rule: Rule, base: str | None, branch: str) -> PipelineRequest:
    """Add to what a rule asks for the commit that it is held against.

    By turns is work of its own: a push of the same commit measures that alone, under the same name. So the pipeline has
    a meaning of its own, and where the rule listens to pushes too, a status of its own.
    """
    if base is None or rule.work.compare == NONE:
        return request
    request = replace(request, compare_with=base, compare_why=f"merge base with {branch}"[:WHY_LIMIT])
    if rule.work.compare != BY_TURNS or request.kind is not Kind.RUN or base == request.commit:
        return request
    context = f"{request.context}:compare" if On.PUSH in rule.events else request.context
    return replace(
        request,
        interleaved=True,
        budget_s=rule.work.budget_s,
        apart=(request.dedupe_key, request.context),
        dedupe_key=f"{request.dedupe_key}:{base}"[:WHY_LIMIT],
        context=context,
    )
