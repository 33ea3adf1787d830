"""Cancel what a newer head of a branch or pull request makes pointless, as far as the rules want that."""

from dataclasses import dataclass

from app.db.queries import jobs, pipelines
from app.deps import Deps
from app.dispatch.cancel import cancel_jobs
from app.policy.rules import On, Policy, Supersede


@dataclass(frozen=True, kw_only=True)
class Head:
    """The newest commit of a branch, or of a pull request."""

    repository_id: int
    commit: str
    branch: str | None = None
    pull_request: int | None = None


def names(policy: Policy, event: On) -> dict[str, Supersede]:
    """Say for each rule of an event what becomes of older commits. By itself a push keeps them: history needs each."""
    default = Supersede.WAITING if event is On.PULL_REQUEST else Supersede.NONE
    of_event = {each.name: each.supersede or default for each in policy.rules if event in each.events}
    return of_event if event is On.PULL_REQUEST else {n: how for n, how in of_event.items() if how is not default}


async def older(deps: Deps, policy: Policy, head: Head | None) -> list[int]:
    """Cancel the jobs of older heads; return their ids."""
    if head is None:
        return []
    said = names(policy, On.PULL_REQUEST if head.pull_request is not None else On.PUSH)
    async with deps.begin() as db:
        found = await jobs.superseded(
            db,
            head.repository_id,
            but=head.commit,
            branch=head.branch,
            pull_request=head.pull_request,
            waiting=None if head.pull_request is not None else [n for n, how in said.items() if how != Supersede.NONE],
            kept=[name for name, how in said.items() if how is Supersede.NONE],
            running=[name for name, how in said.items() if how is Supersede.ALL],
        )
    if found:
        await cancel_jobs(deps, found, actor="service", reason=f"{pipelines.SUPERSEDED}{head.commit}")
    return found
