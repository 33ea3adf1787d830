"""GitLab's JSON to our events, purely. `object_kind` counts: system hooks all say "System Hook" in their header."""

from collections.abc import Callable
from typing import Any

import msgspec

from integrations import payload
from integrations.events import Actor, Event, PullRequestAction, PullRequestChanged, Push, RefDeleted

_ACTIONS = {
    "open": PullRequestAction.OPENED,
    "reopen": PullRequestAction.REOPENED,
    "close": PullRequestAction.CLOSED,
    "merge": PullRequestAction.CLOSED,
}


class _Kind(msgspec.Struct):
    object_kind: str = ""


class _Project(msgspec.Struct):
    id: payload.Id
    path_with_namespace: str = ""


class _Commit(msgspec.Struct):
    id: str
    title: str = ""
    message: str = ""


class _PushBody(msgspec.Struct):
    ref: str
    before: str
    after: str
    project: _Project
    checkout_sha: str | None = None  # the commit, also of an annotated tag; null when the ref is deleted
    user_id: payload.Id | None = None
    user_username: str = ""
    commits: list[_Commit] | None = None


class _User(msgspec.Struct):
    id: payload.Id
    username: str = ""


class _Attributes(msgspec.Struct):
    iid: payload.Number
    source_project_id: payload.Id | None
    target_project_id: payload.Id
    source_branch: str
    target_branch: str
    last_commit: _Commit
    author_id: payload.Id
    action: str = ""
    oldrev: str | None = None
    title: str = ""
    draft: bool = False
    updated_at: str | None = None


class _MergeBody(msgspec.Struct):
    object_attributes: _Attributes
    user: _User
    project: _Project
    changes: dict[str, Any] | None = None


def to_event(kind: str, body: bytes) -> Event | None:
    """Translate one delivery; None for one that leads to nothing. The header's kind is not needed.

    Raises:
        Malformed: a field we need is missing, of a wrong type, or not what git allows.
    """
    reader = _READERS.get(payload.read(body, _Kind).object_kind)
    return None if reader is None else reader(body)


def _push(body: bytes) -> Event | None:
    said = payload.read(body, _PushBody)
    ref, name = payload.ref(said.ref), said.project.path_with_namespace
    if payload.is_zero(said.after):
        return RefDeleted(repository=said.project.id, repository_name=name, ref=ref)
    commit = payload.commit(said.checkout_sha or said.after)
    head = next((each for each in said.commits or () if each.id == commit), None)
    return Push(
        repository=said.project.id,
        repository_name=name,
        ref=ref,
        before=None if payload.is_zero(said.before) else payload.commit(said.before),
        commit=commit,
        title=payload.title(head.message or head.title) if head else "",
        message=head.message[:10_000] if head else "",
        sender=None if said.user_id is None else Actor(id=said.user_id, name=payload.title(said.user_username)[:100]),
    )


def _merge_request(body: bytes) -> Event | None:
    said = payload.read(body, _MergeBody)
    attributes = said.object_attributes
    action = _action(attributes, said.changes or {})
    if action is None:
        return None
    return PullRequestChanged(
        repository=attributes.target_project_id,
        repository_name=said.project.path_with_namespace,
        action=action,
        number=attributes.iid,
        commit=payload.commit(attributes.last_commit.id),
        before=payload.commit(attributes.oldrev) if attributes.oldrev else None,
        base_branch=payload.branch(attributes.target_branch),
        head_branch=payload.branch(attributes.source_branch),
        from_fork=attributes.source_project_id != attributes.target_project_id,
        source_repository=attributes.source_project_id,
        title=payload.title(attributes.title),
        draft=attributes.draft,
        merged=attributes.action == "merge",
        # The names on the commit are text of whoever made it: only GitLab's own ids count.
        author=_author(attributes.author_id, said.user),
        sender=_actor(said.user),
        fetch_ref=f"refs/merge-requests/{attributes.iid}/head",
        changed_at=payload.moment(attributes.updated_at),
    )


def _action(attributes: _Attributes, changes: dict[str, Any]) -> PullRequestAction | None:
    """Tell news of the code from noise: an update moved the head only if it names the old one."""
    if attributes.action != "update":
        return _ACTIONS.get(attributes.action)
    if attributes.oldrev:
        return PullRequestAction.SYNCHRONISED
    return PullRequestAction.OPENED if "draft" in changes else None


def _actor(user: _User) -> Actor:
    return Actor(id=user.id, name=payload.title(user.username)[:100])


def _author(author_id: int, user: _User) -> Actor:
    return _actor(user) if user.id == author_id else Actor(id=author_id, name=f"user {author_id}")


_READERS: dict[str, Callable[[bytes], Event | None]] = {
    "push": _push,
    "tag_push": _push,
    "merge_request": _merge_request,
}
