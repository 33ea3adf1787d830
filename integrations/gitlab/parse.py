"""GitLab's JSON to our events, purely. `object_kind` counts: system hooks all say "System Hook" in their header."""

from collections.abc import Callable

from integrations import payload
from integrations.events import Actor, Event, PullRequestAction, PullRequestChanged, Push, RefDeleted
from integrations.forge import Malformed
from integrations.gitlab import bodies, talk, upkeep
from integrations.gitlab.bodies import actor, author, project_id

_ACTIONS = {
    "open": PullRequestAction.OPENED,
    "reopen": PullRequestAction.REOPENED,
    "close": PullRequestAction.CLOSED,
    "merge": PullRequestAction.CLOSED,
}


def to_event(kind: str, body: bytes) -> Event | None:
    """Translate one delivery; None for one that leads to nothing. The header's kind is not needed.

    Raises:
        Malformed: a field we need is missing, of a wrong type, or not what git allows.
    """
    said = payload.read(body, bodies.Kind)
    reader = _READERS.get(said.object_kind or said.event_name)
    return None if reader is None else reader(body)


def repository_of(body: bytes) -> int | None:
    """Read the numeric id of the project that a body speaks of; `to_event` reads the same."""
    return payload.id_in(body, "project", "project_id")


def _push(body: bytes) -> Event | None:
    said = payload.read(body, bodies.Push)
    ref, name = payload.ref(said.ref), payload.full_name(said.project.path_with_namespace)
    project = project_id(said.project, said.project_id)
    if payload.is_zero(said.after):
        return RefDeleted(repository=project, repository_name=name, ref=ref)
    if said.checkout_sha is None and ref.startswith("refs/tags/"):
        return None  # GitLab did not find the tag any more; `after` may be the tag's own object
    commit = payload.commit(said.checkout_sha or said.after)
    head = next((each for each in said.commits or () if each.id == commit), None)
    sender = said.user_username or ""
    return Push(
        repository=project,
        repository_name=name,
        ref=ref,
        before=None if payload.is_zero(said.before) else payload.commit(said.before),
        commit=commit,
        forced=None,
        title=payload.title(head.message or head.title) if head else "",
        message=head.message[:10_000] if head else "",
        sender=None if said.user_id is None else Actor(id=said.user_id, name=payload.title(sender)[:100]),
    )


def _merge_request(body: bytes) -> Event | None:
    said = payload.read(body, bodies.MergeRequest)
    attributes, new = said.object_attributes, _new_labels(said)
    action = _action(attributes, said.changes, new)
    if action is None:
        return None
    project = project_id(said.project, said.project_id)
    if project != attributes.target_project_id:  # a token is good for the project it belongs to, and for no other
        raise Malformed("the merge request is for another project than the body")
    return PullRequestChanged(
        repository=project,
        repository_name=payload.full_name(said.project.path_with_namespace),
        action=action,
        number=attributes.iid,
        commit=payload.commit(attributes.last_commit.id),
        before=payload.commit(attributes.oldrev) if attributes.oldrev else None,
        base_branch=payload.branch(attributes.target_branch),
        head_branch=payload.branch(attributes.source_branch),
        from_fork=attributes.source_project_id != attributes.target_project_id,
        source_repository=attributes.source_project_id,
        source_owner=_namespace(attributes.source),
        title=payload.title(attributes.title),
        draft=attributes.draft,
        merged=attributes.action == "merge",
        # The names on the commit are text of whoever made it: only GitLab's own ids count.
        author=author(attributes.author_id, said.user),
        sender=actor(said.user),
        fetch_ref=f"refs/merge-requests/{attributes.iid}/head",
        changed_at=payload.moment(attributes.updated_at),
        **payload.labels(new, [label.title for label in said.labels or ()]),
    )


def _namespace(source: bodies.Project | None) -> str:
    """Name whose a project is: GitLab gives no number for that here."""
    return source.path_with_namespace.rpartition("/")[0] if source else ""


def _new_labels(said: bodies.MergeRequest) -> list[str]:
    """List the labels that an update added; GitLab tells of several at once."""
    changed = said.changes.labels if said.changes else None
    if changed is None:
        return []
    before = {label.title for label in changed.previous or ()}
    return [label.title for label in changed.current or () if label.title not in before]


def _action(
    attributes: bodies.Merge, changes: bodies.Changes | None, new_labels: list[str]
) -> PullRequestAction | None:
    """Tell news from noise: an update moved the head only if it names the old one. The weightiest news counts."""
    if attributes.action != "update":
        return _ACTIONS.get(attributes.action)
    if attributes.oldrev:
        return PullRequestAction.SYNCHRONISED
    if changes is None:
        return None
    if changes.draft is not None:
        return PullRequestAction.DRAFTED if attributes.draft else PullRequestAction.READY
    if changes.target_branch is not None:
        return PullRequestAction.RETARGETED
    return PullRequestAction.LABELLED if new_labels else None


_READERS: dict[str, Callable[[bytes], Event | None]] = {
    "push": _push,
    "tag_push": _push,
    "merge_request": _merge_request,
    "note": talk.note,
    **upkeep.READERS,
}
