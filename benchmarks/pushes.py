"""Signed pushes as GitHub sends them: distinct, about 10 KB, from one repository or a stranger's."""

import hashlib
import hmac
import json
import uuid
from functools import cache
from typing import Any

SECRET = "only for benchmarks"
REPOSITORY, UNSERVED = 4711, 4712  # numeric ids
NAME = "bench/sample"
SIZE = 10_000  # bytes, what a push of a few commits has


def commit() -> str:
    """Make up a commit that nobody has seen."""
    return uuid.uuid4().hex + "0" * 8


def push(commit: str, branch: str, *, repository: int = REPOSITORY) -> tuple[bytes, str]:
    """Make one push: its body and its header lines."""
    data = {
        "ref": f"refs/heads/{branch}",
        "before": "1" * 40,
        "after": commit,
        "created": False,
        "deleted": False,
        "forced": False,
        "compare": f"https://forge.example/{NAME}/compare",
        "repository": _repository(repository),
        "sender": {"id": 7, "login": "ada", "type": "User"},
        "pusher": {"name": "ada", "email": "ada@example.org"},
        "head_commit": {"id": commit, "message": "Measure it\n\nWith care.", "author": {"name": "Ada"}},
    }
    body = json.dumps(data | {"commits": _commits(SIZE - len(json.dumps(data)))}).encode()
    return body, _headers(body)


def _headers(body: bytes) -> str:
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return (
        f"Content-Type: application/json\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: {uuid.uuid4()}\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nUser-Agent: GitHub-Hookshot/bench\r\n"
    )


@cache
def _repository(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "full_name": NAME,
        "name": NAME.partition("/")[2],
        "private": False,
        "default_branch": "main",
        "owner": {"id": 7, "login": "bench"},
        "clone_url": f"https://forge.example/{NAME}.git",
    }


@cache
def _commits(size: int) -> list[dict[str, Any]]:
    """Fill the body up with commits that differ, as real ones do."""
    made: list[dict[str, Any]] = []
    while len(json.dumps(made)) < size:
        sha = hashlib.sha1(str(len(made)).encode()).hexdigest()
        made.append(
            {"id": sha, "message": f"Change {sha[:9]}", "author": {"name": "Ada"}, "modified": [f"src/{sha}.c"]}
        )
    return made
