"""Signed deliveries about what people write on pull requests."""

from typing import Any

from integrations.fake.parts import (
    Delivery,
    Person,
    Pull,
    account_body,
    github,
    gitlab,
    project_body,
    pull_body,
    repository_body,
)
from integrations.fake.world import FakeRepository

WRITTEN_AT = "2026-01-31T12:30:00Z"


def github_comment(
    repository: FakeRepository,
    pull: Pull,
    text: str,
    secret: str,
    *,
    author: Person,
    comment: int = 1,
    action: str = "created",
    sender: Person | None = None,
    on_issue: bool = False,
    closed: bool = False,
    written_at: str = WRITTEN_AT,
    key: str | None = None,
) -> Delivery:
    """Say that somebody commented on a pull request, or on an issue; GitHub names no commit with it."""
    issue = {
        "id": 6000 + pull.number,
        "number": pull.number,
        "state": "closed" if closed else "open",
        "title": pull.title,
        "user": account_body(pull.author),
    }
    if not on_issue:
        issue["pull_request"] = {"url": "http://169.254.169.254/pulls"}
    data = {
        "action": action,
        "issue": issue,
        "comment": _comment(comment, text, author, written_at),
        "repository": repository_body(repository),
        "sender": account_body(sender or author),
        **({"changes": {"body": {"from": "before"}}} if action == "edited" else {}),
    }
    return github("issue_comment", data, secret, key=key)


def github_review(
    repository: FakeRepository,
    pull: Pull,
    text: str | None,
    secret: str,
    *,
    author: Person,
    commit: str | None = None,
    review: int = 1,
    state: str = "commented",
    action: str = "submitted",
    closed: bool = False,
    key: str | None = None,
) -> Delivery:
    """Say that somebody reviewed a pull request.

    Args:
        commit: what the reviewer saw; None: the head.
        state: commented, approved or changes_requested.
    """
    data = {
        "action": action,
        "review": {
            "id": review,
            "user": account_body(author),
            "body": text,
            "commit_id": commit or pull.head,
            "state": state,
            "submitted_at": WRITTEN_AT,
        },
        "pull_request": pull_body(repository, pull, closed=closed),
        "repository": repository_body(repository),
        "sender": account_body(author),
    }
    return github("pull_request_review", data, secret, key=key)


def github_review_comment(
    repository: FakeRepository,
    pull: Pull,
    text: str,
    secret: str,
    *,
    author: Person,
    commit: str | None = None,
    comment: int = 1,
    action: str = "created",
    key: str | None = None,
) -> Delivery:
    """Say that somebody commented on a line of a pull request; `commit` is what they saw, by default the head."""
    written = {**_comment(comment, text, author, WRITTEN_AT), "commit_id": commit or pull.head, "path": "src/main.c"}
    data = {
        "action": action,
        "comment": written,
        "pull_request": pull_body(repository, pull, closed=False),
        "repository": repository_body(repository),
        "sender": account_body(author),
    }
    return github("pull_request_review_comment", data, secret, key=key)


def gitlab_note(
    project: FakeRepository,
    pull: Pull,
    text: str,
    secret: str,
    *,
    author: Person,
    note: int = 1,
    action: str | None = "create",
    sender: Person | None = None,
    on: str = "MergeRequest",
    system: bool = False,
    confidential: bool = False,
    state: str = "opened",
    key: str | None = None,
) -> Delivery:
    """Say that somebody commented.

    Args:
        action: None as before GitLab 16.11, which did not say.
        on: MergeRequest, Issue, Commit or Snippet.
    """
    person, kind = sender or author, "confidential_note" if confidential else "note"
    data: dict[str, Any] = {
        "object_kind": "note",
        "event_type": kind,
        "user": {"id": person.id, "username": person.name, "name": person.name},
        "project_id": project.id,
        "project": project_body(project),
        "object_attributes": {
            **{"id": note, "note": text, "noteable_type": on, "author_id": author.id, "project_id": project.id},
            **{"system": system, "created_at": "2026-01-31 12:30:00 UTC"},
            **({"action": action} if action else {}),
        },
        "repository": {"name": project.full_name.rpartition("/")[2], "homepage": "http://169.254.169.254/"},
    }
    if on == "MergeRequest":
        data["merge_request"] = _noted_merge_request(project, pull, state)
    return gitlab("Confidential Note Hook" if confidential else "Note Hook", data, secret, key=key)


def _noted_merge_request(project: FakeRepository, pull: Pull, state: str) -> dict[str, Any]:
    return {
        "id": 9000 + pull.number,
        "iid": pull.number,
        "state": state,
        "title": pull.title,
        "target_project_id": project.id,
        "source_project_id": None if pull.fork_is_gone else (pull.fork or project).id,
        "last_commit": {"id": pull.head, "message": pull.title},
    }


def _comment(comment: int, text: str, author: Person, written_at: str) -> dict[str, Any]:
    return {
        "id": comment,
        "user": account_body(author),
        "body": text,
        "author_association": "NONE",
        "created_at": written_at,
        "updated_at": written_at,
    }
