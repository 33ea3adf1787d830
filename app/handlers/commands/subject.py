"""Which commit a command means, and why that one may run. Nothing here trusts a commit because it can be found."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.db.queries import approvals, commanded, pipelines
from app.handlers.commands.scene import RIGHT, WRONG, Refused, Scene
from app.handlers.commands.verbs import Base, Command
from app.reporting import replies
from app.reporting.wording import code
from integrations.forge import Permanent


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One commit that may run, as a pipeline wants it."""

    commit: str
    trust: str
    why: str = ""  # for people: which way it was named
    branch: str | None = None
    fetch_ref: str
    from_fork: bool = False
    status_memory: Mapping[str, Any]


async def of(command: Command, scene: Scene) -> Subject:
    """Take the head, or the commit that the command names.

    Raises:
        Refused: nobody trusted it.
        Transient: the forge does not say.
    """
    if command.sha is None or command.sha == scene.head:
        return _of_pull(scene.head, scene, await _trust_of_head(scene))
    trust = await _given_trust(command.sha, scene)
    if trust is not None:
        return _of_pull(command.sha, scene, trust)
    if scene.may_write and await _is_in(scene.pull.base_branch, command.sha, scene):
        return _of_base(command.sha, scene)
    raise Refused(replies.unreachable(command.sha, scene.pull.base_branch))


async def base_of(base: Base, head: str, scene: Scene) -> Subject:
    """Resolve what a comparison is held against, once, to a commit of the repository itself.

    Raises:
        Refused: there is none, or it is in no branch of the repository.
        Transient: the forge does not say.
    """
    try:
        commit, why, branch = await _BASES[base.kind](base, head, scene)
    except Permanent:
        commit, why, branch = None, "", ""
    if commit is None:
        raise Refused(replies.no_base(base.kind, base.name, scene.pull.base_branch))
    return _of_base(commit, scene, why=why, branch=branch)


async def _trust_of_head(scene: Scene) -> str:
    """Trust the head of a branch of ours; that of a fork only if a rule or a person trusted exactly this commit."""
    if not scene.pull.from_fork:
        return f"branch {scene.pull.head_branch[:100]} of the repository itself"
    trust = await _given_trust(scene.head, scene)
    if trust is None:
        raise Refused(replies.not_approved(scene.head, scene.prefix), kind=WRONG if scene.may_write else RIGHT)
    return trust


async def _given_trust(commit: str, scene: Scene) -> str | None:
    if commit in scene.approved:
        return f"{approvals.APPROVED_BY}{scene.event.author.name}"[: pipelines.TRUST_LIMIT]
    async with scene.deps.begin() as db:
        return await approvals.trust_of(db, scene.repository_id, commit)


async def _is_in(branch: str, commit: str, scene: Scene) -> bool:
    try:
        return await scene.occasion.forge.contains(scene.occasion.facts(), branch, commit)
    except Permanent:
        return False


def _of_pull(commit: str, scene: Scene, trust: str) -> Subject:
    pull = scene.pull
    memory = {
        "ref": pull.head_branch,
        "pull_request": pull.number,
        "source_repository": pull.source_repository,
    }
    return Subject(
        commit=commit,
        trust=trust,
        branch=None if pull.from_fork else pull.head_branch,
        fetch_ref=pull.fetch_ref,
        from_fork=pull.from_fork,
        status_memory=memory,
    )


def _of_base(commit: str, scene: Scene, *, why: str = "", branch: str = "") -> Subject:
    branch = branch or scene.pull.base_branch
    ref = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
    return Subject(
        commit=commit,
        trust=f"commit of {ref}"[: pipelines.TRUST_LIMIT],
        why=why,
        branch=ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None,
        fetch_ref=ref,
        status_memory={"ref": branch},
    )


Found = tuple[str | None, str, str]  # the commit, which way it was found, the branch or ref that holds it


async def _merge_base(_base: Base, head: str, scene: Scene) -> Found:
    branch = scene.pull.base_branch
    found = await scene.occasion.forge.merge_base(scene.occasion.facts(), branch, head)
    return found, f"merge base with {code(branch)}", branch


async def _branch(base: Base, _head: str, scene: Scene) -> Found:
    found = await scene.occasion.forge.branch_head(scene.occasion.facts(), base.name)
    return found, f"head of {code(base.name)}", base.name


async def _tag(base: Base, _head: str, scene: Scene) -> Found:
    found = await scene.occasion.forge.tag_commit(scene.occasion.facts(), base.name)
    return found, f"tag {code(base.name)}", f"refs/tags/{base.name}"


async def _sha(base: Base, _head: str, scene: Scene) -> Found:
    branch = scene.pull.base_branch
    if not await _is_in(branch, base.name, scene):
        raise Refused(replies.unreachable(base.name, branch))
    return base.name, f"in {code(branch)}", branch


async def _last(_base: Base, _head: str, scene: Scene) -> Found:
    branch = scene.pull.base_branch
    async with scene.deps.begin() as db:
        found = await commanded.last_measured(db, scene.repository_id, branch)
    return found, f"last measured of {code(branch)}", branch


_BASES: Mapping[str, Callable[[Base, str, Scene], Awaitable[Found]]] = {
    "merge-base": _merge_base,
    "branch": _branch,
    "tag": _tag,
    "sha": _sha,
    "last": _last,
}
