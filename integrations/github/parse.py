"""GitHub's JSON to our events, purely. What leads to nothing is None; what cannot be read is Malformed."""

from collections.abc import Callable

from integrations import payload
from integrations.events import Event, Ping, PullRequestAction, PullRequestChanged, Push, RefDeleted
from integrations.github import bodies, talk, upkeep
from integrations.github.bodies import actor

MERGE_QUEUE = "refs/heads/gh-readonly-queue/"  # such pushes are announced as merge_group too
_ACTIONS = {
    "opened": PullRequestAction.OPENED,
    "reopened": PullRequestAction.REOPENED,
    "synchronize": PullRequestAction.SYNCHRONISED,
    "ready_for_review": PullRequestAction.READY,
    "converted_to_draft": PullRequestAction.DRAFTED,
    "edited": PullRequestAction.RETARGETED,  # only if the base is among the changes
    "labeled": PullRequestAction.LABELLED,
    "closed": PullRequestAction.CLOSED,
}


def to_event(kind: str, body: bytes) -> Event | None:
    """Translate one delivery; None for one that leads to nothing.

    Raises:
        Malformed: a field we need is missing, of a wrong type, or not what git allows.
    """
    reader = _READERS.get(kind)
    return None if reader is None else reader(body)


def repository_of(body: bytes) -> int | None:
    """Read the numeric id of the repository that a body speaks of; `to_event` reads the same."""
    return payload.id_in(body, "repository")


def installation_of(body: bytes) -> int | None:
    """Read the numeric id of the installation that a body comes through or speaks of."""
    return payload.id_in(body, "installation")


def _ping(body: bytes) -> Event | None:
    return Ping()


def _push(body: bytes) -> Event | None:
    said = payload.read(body, bodies.Push)
    if said.ref.startswith(MERGE_QUEUE):
        return None
    ref = payload.ref(said.ref)
    if payload.is_zero(said.after):
        return RefDeleted(
            repository=said.repository.id, repository_name=payload.full_name(said.repository.full_name), ref=ref
        )
    head = said.head_commit
    return Push(
        repository=said.repository.id,
        repository_name=payload.full_name(said.repository.full_name),
        ref=ref,
        before=None if payload.is_zero(said.before) else payload.commit(said.before),
        commit=payload.commit(head.id if head else said.after),  # `after` of an annotated tag is the tag's object
        forced=said.forced,
        title=payload.title(head.message if head else ""),
        message=(head.message if head else "")[:10_000],
        sender=actor(said.sender) if said.sender else None,
    )


def _pull_request(body: bytes) -> Event | None:
    action = _ACTIONS.get(payload.read(body, bodies.Action).action)
    if action is None:
        return None
    said = payload.read(body, bodies.PullRequest)
    if action is PullRequestAction.RETARGETED and (said.changes is None or said.changes.base is None):
        return None
    pull, source = said.pull_request, said.pull_request.head.repo
    return PullRequestChanged(
        repository=said.repository.id,
        repository_name=payload.full_name(said.repository.full_name),
        action=action,
        number=said.number,
        commit=payload.commit(pull.head.sha),
        before=payload.commit(said.before) if said.before else None,
        base_branch=payload.branch(pull.base.ref),
        head_branch=payload.branch(pull.head.ref),
        from_fork=source is None or source.id != said.repository.id,
        source_repository=source.id if source else None,
        source_owner=str(source.owner.id) if source and source.owner else "",
        title=payload.title(pull.title),
        draft=pull.draft,
        merged=bool(pull.merged),
        author=actor(pull.user),
        sender=actor(said.sender),
        fetch_ref=f"refs/pull/{said.number}/head",
        changed_at=payload.moment(pull.updated_at),
        **_labels(action, said),
    )


def _labels(action: PullRequestAction, said: bodies.PullRequest) -> payload.Labels:
    new = [said.label.name] if said.label and action is PullRequestAction.LABELLED else []
    return payload.labels(new, [label.name for label in said.pull_request.labels or ()])


_READERS: dict[str, Callable[[bytes], Event | None]] = {
    "ping": _ping,
    "push": _push,
    "pull_request": _pull_request,
    "issue_comment": talk.comment,
    "pull_request_review": talk.review,
    "pull_request_review_comment": talk.review_comment,
    "merge_group": upkeep.merge_group,
    "check_run": upkeep.check_run,
    "check_suite": upkeep.check_suite,
    "repository": upkeep.repository,
    "installation": upkeep.installation,
    "installation_repositories": upkeep.installation_repositories,
}
