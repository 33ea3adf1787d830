"""Signed deliveries as GitHub and GitLab send them: the bytes, and the headers that go with them."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from integrations.fake.world import FakeRepository
from integrations.github import signature as github_signature

ZERO = "0" * 40


@dataclass(frozen=True)
class Delivery:
    """One webhook request; `path` is where Rigline takes it."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Person:
    """An account that acts."""

    id: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A pull request as deliveries describe it."""

    number: int
    head: str
    branch: str
    author: Person
    fork: FakeRepository | None = None  # None: a branch of the repository itself
    fork_is_gone: bool = False
    base: str = "main"
    base_sha: str = "b" * 40
    title: str = "Make it faster"
    draft: bool = False
    merged: bool = False
    updated_at: str = "2026-01-31T12:00:00Z"
    extra: dict[str, Any] = field(default_factory=dict)


def github(kind: str, data: Any, secret: str, *, key: str | None = None) -> Delivery:
    """Sign a body as GitHub does."""
    body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/fake",
        "X-GitHub-Event": kind,
        "X-GitHub-Delivery": key or str(uuid4()),
        "X-GitHub-Hook-ID": "1",
        "X-Hub-Signature-256": github_signature.sign(body, secret.encode()),
    }
    return Delivery("/webhooks/github", headers, body)


def gitlab(kind: str, data: Any, secret: str, *, key: str | None = None) -> Delivery:
    """Add GitLab's token to a body."""
    body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitLab/fake",
        "X-Gitlab-Event": kind,
        "X-Gitlab-Token": secret,
        "X-Gitlab-Event-UUID": str(uuid4()),
        "Idempotency-Key": key or str(uuid4()),
    }
    return Delivery("/webhooks/gitlab", headers, body)


def github_ping(secret: str) -> Delivery:
    """Say that a hook was made."""
    return github("ping", {"zen": "Design for failure.", "hook_id": 1, "hook": {"events": ["push"]}}, secret)


def github_push(
    repository: FakeRepository,
    commit: str,
    secret: str,
    *,
    ref: str = "refs/heads/main",
    before: str = ZERO,
    sender: Person,
    message: str = "Change something",
    forced: bool = False,
    tag_object: str | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a branch or tag moved.

    Args:
        tag_object: the object of an annotated tag, which GitHub names as `after`.
    """
    head = _commit(repository, commit, message, sender)
    gone = commit == ZERO
    data = {
        "ref": ref,
        "before": before,
        "after": tag_object or commit,
        "created": before == ZERO,
        "deleted": gone,
        "forced": forced,
        "base_ref": None,
        "compare": f"http://169.254.169.254/{repository.full_name}/compare",
        "commits": [] if gone else [head],
        "head_commit": None if gone else head,
        "repository": _repository(repository),
        "pusher": {"name": sender.name, "email": f"{sender.name}@users.example"},
        "sender": _account(sender),
    }
    return github("push", data, secret, key=key)


def github_pull_request(
    repository: FakeRepository,
    action: str,
    pull: Pull,
    secret: str,
    *,
    sender: Person | None = None,
    before: str | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a pull request was opened, synchronize(d), closed, …"""
    data = {
        "action": action,
        "number": pull.number,
        "pull_request": _pull(repository, pull, closed=action == "closed"),
        "repository": _repository(repository),
        "sender": _account(sender or pull.author),
        **({"before": before, "after": pull.head} if before else {}),
        **pull.extra,
    }
    return github("pull_request", data, secret, key=key)


def gitlab_push(
    project: FakeRepository,
    commit: str,
    secret: str,
    *,
    ref: str = "refs/heads/main",
    before: str = ZERO,
    sender: Person,
    message: str = "Change something",
    tag_object: str | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a branch or tag moved."""
    kind, gone = ("tag_push" if ref.startswith("refs/tags/") else "push"), commit == ZERO
    data = {
        "object_kind": kind,
        "event_name": kind,
        "before": before,
        "after": tag_object or commit,
        "ref": ref,
        "checkout_sha": None if gone else commit,
        "user_id": sender.id,
        "user_username": sender.name,
        "project_id": project.id,
        "project": _project(project),
        "commits": [] if gone else [{"id": commit, "message": message, "title": message.partition("\n")[0]}],
        "total_commits_count": 0 if gone else 1,
    }
    return gitlab("Tag Push Hook" if kind == "tag_push" else "Push Hook", data, secret, key=key)


def gitlab_merge_request(
    project: FakeRepository,
    action: str,
    pull: Pull,
    secret: str,
    *,
    sender: Person | None = None,
    oldrev: str | None = None,
    changes: dict[str, Any] | None = None,
    key: str | None = None,
) -> Delivery:
    """Say that a merge request changed: open, update, close, merge, reopen."""
    person = sender or pull.author
    attributes = {
        "id": 9000 + pull.number,
        "iid": pull.number,
        "action": action,
        "state": "closed" if action == "close" else "opened",
        "title": pull.title,
        "draft": pull.draft,
        "source_project_id": None if pull.fork_is_gone else (pull.fork or project).id,
        "target_project_id": project.id,
        "source_branch": pull.branch,
        "target_branch": pull.base,
        "author_id": pull.author.id,
        "updated_at": pull.updated_at,
        "last_commit": {"id": pull.head, "message": pull.title, "author": {"name": "Anybody", "email": "a@example"}},
        **({"oldrev": oldrev} if oldrev else {}),
    }
    data = {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {"id": person.id, "username": person.name, "name": person.name},
        "project": _project(project),
        "object_attributes": attributes,
        "labels": [],
        "changes": changes or {},
        **pull.extra,
    }
    return gitlab("Merge Request Hook", data, secret, key=key)


def _account(person: Person) -> dict[str, Any]:
    return {
        "login": person.name,
        "id": person.id,
        "type": "User",
        "site_admin": False,
        "avatar_url": "http://169.254.169.254/avatar",
        "html_url": f"https://github.example/{person.name}",
    }


def _repository(repository: FakeRepository) -> dict[str, Any]:
    owner, _, name = repository.full_name.partition("/")
    return {
        "id": repository.id,
        "name": name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": {"login": owner, "id": 1, "type": "Organization"},
        "default_branch": repository.default_branch,
        # No address of a delivery is ever called; this one would be the cloud's own secrets.
        "clone_url": "http://169.254.169.254/latest/meta-data",
        "statuses_url": "http://169.254.169.254/statuses/{sha}",
    }


def _commit(repository: FakeRepository, commit: str, message: str, person: Person) -> dict[str, Any]:
    author = {"name": person.name, "email": f"{person.name}@users.example", "username": person.name}
    return {
        "id": commit,
        "tree_id": "c" * 40,
        "distinct": True,
        "message": message,
        "timestamp": "2026-01-31T12:00:00Z",
        "url": f"https://github.example/{repository.full_name}/commit/{commit}",
        "author": author,
        "committer": author,
        "added": [],
        "removed": [],
        "modified": ["src/main.c"],
    }


def _pull(repository: FakeRepository, pull: Pull, *, closed: bool) -> dict[str, Any]:
    source = None if pull.fork_is_gone else _repository(pull.fork or repository)
    return {
        "id": 7000 + pull.number,
        "number": pull.number,
        "state": "closed" if closed else "open",
        "title": pull.title,
        "body": "What a stranger writes.",
        "draft": pull.draft,
        "merged": pull.merged,
        "user": _account(pull.author),
        "author_association": "CONTRIBUTOR",
        "updated_at": pull.updated_at,
        "head": {"ref": pull.branch, "sha": pull.head, "repo": source, "label": f"x:{pull.branch}"},
        "base": {"ref": pull.base, "sha": pull.base_sha, "repo": _repository(repository)},
        "merge_commit_sha": None,
        "statuses_url": "http://169.254.169.254/statuses",
    }


def _project(project: FakeRepository) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.full_name.rpartition("/")[2],
        "path_with_namespace": project.full_name,
        "default_branch": project.default_branch,
        "web_url": f"https://gitlab.example/{project.full_name}",
        "git_http_url": "http://169.254.169.254/latest/meta-data",
        "visibility_level": 0 if project.private else 20,
    }
