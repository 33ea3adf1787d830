"""What signed deliveries are made of: the bytes, and the headers that go with them."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4
from zlib import crc32

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
    is_bot: bool = False


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
    labels: tuple[str, ...] = ()
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


def account_body(person: Person) -> dict[str, Any]:
    """Describe an account as GitHub does."""
    return {
        "login": person.name,
        "id": person.id,
        "type": "Bot" if person.is_bot else "User",
        "site_admin": False,
        "avatar_url": "http://169.254.169.254/avatar",
        "html_url": f"https://github.example/{person.name}",
    }


def repository_body(repository: FakeRepository) -> dict[str, Any]:
    """Describe a repository as GitHub does, with addresses that nobody must call."""
    owner, _, name = repository.full_name.partition("/")
    return {
        "id": repository.id,
        "name": name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": {"login": owner, "id": crc32(owner.encode()), "type": "Organization"},
        "default_branch": repository.default_branch,
        # No address of a delivery is ever called; this one would be the cloud's own secrets.
        "clone_url": "http://169.254.169.254/latest/meta-data",
        "statuses_url": "http://169.254.169.254/statuses/{sha}",
    }


def commit_body(repository: FakeRepository, commit: str, message: str, person: Person) -> dict[str, Any]:
    """Describe a commit as GitHub does."""
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


def pull_body(repository: FakeRepository, pull: Pull, *, closed: bool) -> dict[str, Any]:
    """Describe a pull request as GitHub does."""
    source = None if pull.fork_is_gone else repository_body(pull.fork or repository)
    return {
        "id": 7000 + pull.number,
        "number": pull.number,
        "state": "closed" if closed else "open",
        "title": pull.title,
        "body": "What a stranger writes.",
        "draft": pull.draft,
        "merged": pull.merged,
        "user": account_body(pull.author),
        "author_association": "CONTRIBUTOR",
        "labels": [{"id": number, "name": name} for number, name in enumerate(pull.labels, 1)],
        "updated_at": pull.updated_at,
        "head": {"ref": pull.branch, "sha": pull.head, "repo": source, "label": f"x:{pull.branch}"},
        "base": {"ref": pull.base, "sha": pull.base_sha, "repo": repository_body(repository)},
        "merge_commit_sha": None,
        "statuses_url": "http://169.254.169.254/statuses",
    }


def project_body(project: FakeRepository) -> dict[str, Any]:
    """Describe a project as GitLab does."""
    return {
        "id": project.id,
        "name": project.full_name.rpartition("/")[2],
        "path_with_namespace": project.full_name,
        "default_branch": project.default_branch,
        "web_url": f"https://gitlab.example/{project.full_name}",
        "git_http_url": "http://169.254.169.254/latest/meta-data",
        "visibility_level": 0 if project.private else 20,
    }


def source_body(project: FakeRepository, pull: Pull) -> dict[str, Any]:
    """Describe where a merge request comes from as GitLab does; nowhere once the fork is gone."""
    source = None if pull.fork_is_gone else pull.fork or project
    return {"source_project_id": source.id if source else None, "source": project_body(source) if source else None}
