"""The fields we need of GitLab's webhook bodies. What a body has beside them is skipped unread."""

import msgspec

from integrations import payload
from integrations.events import Actor
from integrations.forge import Malformed


class Kind(msgspec.Struct):
    """What a body is: system hooks of some events have the second name alone."""

    object_kind: str = ""
    event_name: str = ""


class Project(msgspec.Struct):
    """A project; bodies of system hooks may have its id beside it instead."""

    id: payload.Id | None = None
    path_with_namespace: str = ""


class Commit(msgspec.Struct):
    """A commit. The names on it are text of whoever made it."""

    id: str
    title: str = ""
    message: str = ""


class Push(msgspec.Struct):
    """`push` and `tag_push`."""

    ref: str
    before: str
    after: str
    project: Project
    project_id: payload.Id | None = None
    checkout_sha: str | None = None  # the commit, also of an annotated tag; null when the ref is deleted
    user_id: payload.Id | None = None
    user_username: str | None = ""
    commits: list[Commit] | None = None


class User(msgspec.Struct):
    """Who made an event."""

    id: payload.Id
    username: str = ""


class Label(msgspec.Struct):
    """A label by its name."""

    title: str = ""


class Merge(msgspec.Struct):
    """The attributes of a merge request."""

    iid: payload.Number
    source_project_id: payload.Id | None
    target_project_id: payload.Id
    source_branch: str
    target_branch: str
    last_commit: Commit
    author_id: payload.Id
    action: str = ""
    oldrev: str | None = None
    title: str = ""
    draft: bool = False
    updated_at: str | None = None
    source: Project | None = None


class Flag(msgspec.Struct):
    """What a yes or no became."""

    current: bool | None = None


class Labels(msgspec.Struct):
    """The labels before and after."""

    previous: list[Label] | None = None
    current: list[Label] | None = None


class Changes(msgspec.Struct):
    """What an update changed, as far as it matters."""

    draft: Flag | None = None
    target_branch: object = None
    labels: Labels | None = None


class MergeRequest(msgspec.Struct):
    """`merge_request`."""

    object_attributes: Merge
    user: User
    project: Project
    project_id: payload.Id | None = None
    labels: list[Label] | None = None
    changes: Changes | None = None


class Note(msgspec.Struct):
    """The attributes of a comment."""

    id: payload.Id
    author_id: payload.Id
    note: str | None = None
    noteable_type: str | None = ""
    action: str | None = None  # create or update; absent before GitLab 16.11
    system: bool | None = False
    internal: bool | None = False
    confidential: bool | None = False
    created_at: str | None = None


class Noted(msgspec.Struct):
    """The merge request that a comment stands on."""

    iid: payload.Number
    last_commit: Commit
    state: str = ""


class NotePosted(msgspec.Struct):
    """`note`."""

    object_attributes: Note
    user: User
    project: Project
    project_id: payload.Id | None = None
    merge_request: Noted | None = None
    event_type: str = ""


class ProjectChanged(msgspec.Struct):
    """A system hook about a project itself."""

    project_id: payload.Id
    path_with_namespace: str = ""
    project_visibility: str = ""


def project_id(project: Project, beside: int | None) -> int:
    """Give the id of the project a body is about.

    Raises:
        Malformed: it names none.
    """
    found = project.id or beside
    if found is None:
        raise Malformed("the body lacks what we need: the id of its project")
    return found


def actor(user: User) -> Actor:
    """Name who made the event."""
    return Actor(id=user.id, name=payload.title(user.username)[:100])


def author(author_id: int, user: User) -> Actor:
    """Name an author of whom the body has the id alone, unless it is who made the event."""
    return actor(user) if user.id == author_id else Actor(id=author_id, name=f"user {author_id}")
