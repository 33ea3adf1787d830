"""GitHub's JSON to our events, purely. What leads to nothing is None; what cannot be read is Malformed."""

from collections.abc import Callable

import msgspec

from integrations import payload
from integrations.events import Actor, Event, Ping, PullRequestAction, PullRequestChanged, Push, RefDeleted

MERGE_QUEUE = "refs/heads/gh-readonly-queue/"  # such pushes are announced as merge_group too
_ACTIONS = {
    "opened": PullRequestAction.OPENED,
    "ready_for_review": PullRequestAction.OPENED,
    "converted_to_draft": PullRequestAction.OPENED,  # `draft` says that nothing runs by itself
    "reopened": PullRequestAction.REOPENED,
    "synchronize": PullRequestAction.SYNCHRONISED,
    "closed": PullRequestAction.CLOSED,
}


class _Account(msgspec.Struct):
    id: payload.Id
    login: str = ""


class _Named(msgspec.Struct):
    id: payload.Id
    full_name: str = ""


class _Head(msgspec.Struct):
    id: str
    message: str = ""


class _PushBody(msgspec.Struct):
    ref: str
    before: str
    after: str
    repository: _Named
    created: bool = False
    deleted: bool = False
    forced: bool = False
    head_commit: _Head | None = None
    sender: _Account | None = None


class _End(msgspec.Struct):
    ref: str
    sha: str
    repo: _Named | None = None  # null once a fork is deleted


class _Pull(msgspec.Struct):
    head: _End
    base: _End
    user: _Account
    title: str = ""
    draft: bool = False
    merged: bool | None = False
    updated_at: str | None = None


class _PullBody(msgspec.Struct):
    action: str
    number: payload.Number
    pull_request: _Pull
    repository: _Named
    sender: _Account
    before: str | None = None


class _Action(msgspec.Struct):
    action: str = ""


def to_event(kind: str, body: bytes) -> Event | None:
    """Translate one delivery; None for one that leads to nothing.

    Raises:
        Malformed: a field we need is missing, of a wrong type, or not what git allows.
    """
    reader = _READERS.get(kind)
    return None if reader is None else reader(body)


def _ping(body: bytes) -> Event | None:
    return Ping()


def _push(body: bytes) -> Event | None:
    said = payload.read(body, _PushBody)
    if said.ref.startswith(MERGE_QUEUE):
        return None
    ref = payload.ref(said.ref)
    if payload.is_zero(said.after):
        return RefDeleted(repository=said.repository.id, repository_name=said.repository.full_name, ref=ref)
    head = said.head_commit
    return Push(
        repository=said.repository.id,
        repository_name=said.repository.full_name,
        ref=ref,
        before=None if payload.is_zero(said.before) else payload.commit(said.before),
        commit=payload.commit(head.id if head else said.after),  # `after` of an annotated tag is the tag's object
        forced=said.forced,
        title=payload.title(head.message if head else ""),
        message=(head.message if head else "")[:10_000],
        sender=_actor(said.sender) if said.sender else None,
    )


def _pull_request(body: bytes) -> Event | None:
    action = _ACTIONS.get(payload.read(body, _Action).action)
    if action is None:
        return None
    said = payload.read(body, _PullBody)
    pull, source = said.pull_request, said.pull_request.head.repo
    return PullRequestChanged(
        repository=said.repository.id,
        repository_name=said.repository.full_name,
        action=action,
        number=said.number,
        commit=payload.commit(pull.head.sha),
        before=payload.commit(said.before) if said.before else None,
        base_branch=payload.branch(pull.base.ref),
        head_branch=payload.branch(pull.head.ref),
        from_fork=source is None or source.id != said.repository.id,
        source_repository=source.id if source else None,
        title=payload.title(pull.title),
        draft=pull.draft,
        merged=bool(pull.merged),
        author=_actor(pull.user),
        sender=_actor(said.sender),
        fetch_ref=f"refs/pull/{said.number}/head",
        changed_at=payload.moment(pull.updated_at),
    )


def _actor(account: _Account) -> Actor:
    return Actor(id=account.id, name=payload.title(account.login)[:100])


_READERS: dict[str, Callable[[bytes], Event | None]] = {"ping": _ping, "push": _push, "pull_request": _pull_request}
