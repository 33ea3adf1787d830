"""What a forge in memory knows: accounts, repositories, rights, statuses, and how it is told to misbehave."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.fake.app import FakeApp
from integrations.fake.repository import FakeRepository
from integrations.fake.sign_in import FakeSignIn
from integrations.forge import Permission

__all__ = ["Call", "Failure", "FakeRepository", "Gate", "PostedStatus", "World"]

Gate = Callable[[str, str], Awaitable[None]]  # with method and path


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request that reached the forge."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any  # decoded JSON, None without a body
    answer: int
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PostedStatus:
    """One status as it was posted, in the forge's own words."""

    repository: int
    commit: str
    context: str
    state: str
    description: str
    target_url: str
    ref: str | None = None
    pipeline_id: int | None = None
    row: int = 0  # GitLab's: kept while it is open, and for the account that began it
    author: str = ""


@dataclass
class Failure:
    """An answer to give instead of the right one."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "told to fail"
    times: int = 1
    path: str = ""  # only for paths that hold this


class World:
    """All of it. Not for several threads."""

    def __init__(self) -> None:
        self.accounts: dict[str, int] = {}
        self.repositories: dict[int, FakeRepository] = {}
        self.statuses: list[PostedStatus] = []
        self.calls: list[Call] = []
        self.failures: deque[Failure] = deque()
        self.gate: Gate | None = None  # waits before each answer, so that a test can act in between
        self.app: FakeApp | None = None  # if there is one, GitHub takes its tokens
        self.manifests: dict[str, dict[str, Any]] = {}  # what the code of a new App gives, once
        self.sign_in = FakeSignIn(self.account)
        self.token_user = "rigline"  # noqa: S105 - a name: whose token GitLab sees
        self.pipelines = 0  # GitLab's: one per project, commit and ref

    def take(self, call: Call) -> None:
        """Note a request, before it is answered: also one whose answer gets lost."""
        self.calls.append(call)

    def account(self, name: str) -> int:
        """Give the id of an account, made at its first use."""
        return self.accounts.setdefault(name, 1000 + len(self.accounts))

    def add(self, repository: FakeRepository) -> FakeRepository:
        """Host a repository."""
        self.repositories[repository.id] = repository
        return repository

    def grant(self, repository_id: int, name: str, permission: Permission) -> int:
        """Give an account a right in a repository; return the account's id."""
        account = self.account(name)
        self.repositories[repository_id].members[account] = permission
        return account

    def fail(self, status: int, *, times: int = 1, path: str = "", message: str = "", **headers: str) -> None:
        """Answer the next requests with a failure; underscores in header names become dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.failures.append(Failure(status, named, message or "told to fail", times, path))

    def failure_for(self, path: str) -> Failure | None:
        """Take the failure that is due for a path, if there is one."""
        for failure in self.failures:
            if failure.path in path:
                failure.times -= 1
                if failure.times <= 0:
                    self.failures.remove(failure)
                return failure
        return None

    def by_name(self, full_name: str) -> FakeRepository | None:
        """Find a repository by its name."""
        return next((each for each in self.repositories.values() if each.full_name == full_name), None)

    def permission(self, repository: FakeRepository, account: int | None) -> Permission:
        """Say what an account may do; everybody reads what is public."""
        anybody = Permission.NONE if repository.private else Permission.READ
        return max(anybody, repository.members.get(account or 0, Permission.NONE))

    def latest(self, commit: str) -> dict[str, PostedStatus]:
        """Give the newest status of each context of a commit."""
        return {each.context: each for each in self.statuses if each.commit == commit}
