"""A repository of a forge in memory: rights, commits, pull requests, and the conversation on them."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from integrations.forge import Permission

FIRST_HEAD = "b" * 40  # of the default branch, until something else is pushed


class Account(Protocol):
    """Who did something."""

    @property
    def id(self) -> int:
        """The number."""

    @property
    def name(self) -> str:
        """The name."""


class Shown(Protocol):
    """A pull request as the forge shows it; `deliveries.Pull` is one."""

    @property
    def number(self) -> int:
        """The number."""

    @property
    def head(self) -> str:
        """Its newest commit."""

    @property
    def branch(self) -> str:
        """The branch it comes from."""

    @property
    def author(self) -> Account:
        """Who opened it."""

    @property
    def fork(self) -> "FakeRepository | None":
        """Where the branch lives; None: in the repository itself."""

    @property
    def fork_is_gone(self) -> bool:
        """Whether that fork was deleted."""

    @property
    def base(self) -> str:
        """The branch it goes to."""

    @property
    def base_sha(self) -> str:
        """That branch's commit."""

    @property
    def title(self) -> str:
        """Text of its author."""

    @property
    def draft(self) -> bool:
        """Whether it is a draft."""


@dataclass
class FakeComment:
    """A comment on a pull request."""

    id: int
    number: int
    text: str
    edits: int = 0


@dataclass(frozen=True)
class FakeCommit:
    """A commit and the files it changed."""

    parents: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class FakeHook:
    """A webhook as it was made, and the requests it sent: `id`, `guid`, `event`, `status_code`, `age_s`."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...] = ()
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    asked_again: list[int] = field(default_factory=list)

    def failed(self) -> list[dict[str, Any]]:
        """List the requests that never were answered well, not even later."""
        well = {each["guid"] for each in self.deliveries if 200 <= each["status_code"] < 300}
        return list({each["guid"]: each for each in self.deliveries[::-1] if each["guid"] not in well}.values())[::-1]


@dataclass
class FakeRepository:
    """A repository with the rights of its members.

    Commits that nobody made with `grow` exist too, without parents, and hold `files`.
    """

    id: int
    full_name: str
    clone_url: str = ""
    default_branch: str = "main"
    private: bool = False
    members: dict[int, Permission] = field(default_factory=dict)
    forbidden: bool = False  # answers 403 to our token, as a stranger's fork does
    installation: int | None = None  # of our App
    files: dict[str, bytes] = field(default_factory=dict)  # at every commit, unless one changed it
    commits: dict[str, FakeCommit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    annotated: set[str] = field(default_factory=set)  # tags that are objects of their own
    unknown: set[str] = field(default_factory=set)  # commits that the forge does not show yet
    pulls: dict[int, Shown] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)  # numbers of pull requests
    labels: dict[int, list[str]] = field(default_factory=dict)
    comments: dict[int, FakeComment] = field(default_factory=dict)
    reactions: dict[str, list[str]] = field(default_factory=dict)  # by the key of the comment's event
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    hooks: dict[int, FakeHook] = field(default_factory=dict)
    made: int = 0  # comments, checks and hooks so far: their ids

    def next_id(self) -> int:
        """Give the next id of a comment, check or hook."""
        self.made += 1
        return self.id * 10_000 + self.made

    def grow(
        self,
        commit: str,
        *parents: str,
        branch: str | None = None,
        files: Mapping[str, bytes] | None = None,
        **more: datetime,
    ) -> str:
        """Make a commit that changes files (`made_at`: now); the branch, if one is named, is at it then."""
        self.commits[commit] = FakeCommit(parents, dict(files or {}), **more)
        if branch is not None:
            self.branches[branch] = commit
        return commit

    def head(self, branch: str) -> str | None:
        """Say where a branch is; the default branch always is somewhere."""
        return self.branches.get(branch) or (FIRST_HEAD if branch == self.default_branch else None)

    def resolve(self, name: str) -> str | None:
        """Find the commit of a branch, tag or hash."""
        if name in self.unknown:
            return None
        is_hash = len(name) in (40, 64) and not name.strip("0123456789abcdef")
        return self.head(name) or self.tags.get(name) or (name if is_hash else None)

    def ancestors(self, commit: str) -> Iterator[str]:
        """List a commit and all before it, the nearest first."""
        seen, waiting = {commit}, deque([commit])
        while waiting:
            current = waiting.popleft()
            yield current
            for parent in self.commits.get(current, FakeCommit()).parents:
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)

    def made_at(self, commit: str) -> datetime | None:
        """Say when a commit was made with `grow`."""
        return self.commits[commit].made_at if commit in self.commits else None

    def content(self, path: str, commit: str) -> bytes | None:
        """Read a file as it is at a commit."""
        for each in self.ancestors(commit):
            if path in self.commits.get(each, FakeCommit()).files:
                return self.commits[each].files[path]
        return self.files.get(path)

    def merge_base(self, base: str, head: str) -> str | None:
        """Find the nearest commit that both have."""
        of_base = set(self.ancestors(base))
        return next((each for each in self.ancestors(head) if each in of_base), None)

    def parents(self, base: str, head: str) -> dict[str, list[str]]:
        """Give the parents of what head has and base has not."""
        before = set(self.ancestors(base))
        new = [each for each in self.ancestors(head) if each not in before]
        return {each: list(self.commits.get(each, FakeCommit()).parents) for each in new}

    def changed(self, base: str, head: str) -> list[str]:
        """List the files that differ between the merge base and head."""
        before = set(self.ancestors(base))
        new = [each for each in self.ancestors(head) if each not in before]
        return sorted({path for each in new for path in self.commits.get(each, FakeCommit()).files})

    def write(self, number: int, text: str) -> FakeComment:
        """Add a comment to a pull request."""
        comment = FakeComment(self.next_id(), number, text)
        self.comments[comment.id] = comment
        return comment

    def react(self, key: str, reaction: str) -> bool:
        """Give a reaction; False if it is there already."""
        given = self.reactions.setdefault(key, [])
        if reaction in given:
            return False
        given.append(reaction)
        return True
