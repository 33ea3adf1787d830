"""What GitHub says of a repository's files, refs and pull requests."""

import base64
import binascii
from datetime import datetime
from typing import Any

from integrations import payload
from integrations.events import Actor
from integrations.forge import Permanent, PullRequestFacts, RepositoryFacts, Transient
from integrations.github.client import Client, Refused
from integrations.github.names import address
from integrations.lineage import MOST_COMMITS, first_parents

MAX_FILE = 1 << 20  # bytes: what GitHub gives as a part of its JSON
MAX_FILES = 300  # that a comparison lists; with so many it does not say whether there are more
PAGE, PAGES = 100, 3
TAG_DEPTH = 5  # tags of tags


class Reading:
    """Questions about a repository. Each raises Transient or Permanent."""

    _client: Client

    async def file(self, repository: RepositoryFacts, path: str, commit: str) -> bytes | None:
        """Read one file at a commit."""
        try:
            found = await self._client.get(address(repository.full_name, "contents", path) + f"?ref={commit}")
        except Refused as problem:
            if problem.status != 404:
                raise
            if "no commit found" in problem.said.lower():
                raise Transient(f"GitHub does not show commit {commit[:10]} yet") from None
            return None
        return _content(found, path)

    async def branch_head(self, repository: RepositoryFacts, branch: str) -> str | None:
        """Ask for the commit of a branch."""
        found = await self._or_none(address(repository.full_name, "git/ref/heads", branch))
        return None if found is None else str(_part(found, "object", "sha"))

    async def branches(self, repository: RepositoryFacts) -> list[tuple[str, str]]:
        """List branches, page by page."""
        listed: list[tuple[str, str]] = []
        for page in range(1, PAGES + 1):
            found = await self._client.get(address(repository.full_name, "branches") + f"?per_page={PAGE}&page={page}")
            listed += [(str(_part(each, "name")), str(_part(each, "commit", "sha"))) for each in found]
            if len(found) < PAGE:
                break
        return listed

    async def committed_at(self, repository: RepositoryFacts, commit: str) -> datetime | None:
        """Ask for a commit's time."""
        found = await self._or_none(address(repository.full_name, "git/commits", commit))
        return None if found is None else payload.moment(str(_part(found, "committer", "date")))

    async def tag_commit(self, repository: RepositoryFacts, tag: str) -> str | None:
        """Ask for the commit of a tag; an annotated one is an object of its own."""
        found = await self._or_none(address(repository.full_name, "git/ref/tags", tag))
        for _ in range(TAG_DEPTH):
            if found is None or _part(found, "object", "type") == "commit":
                return None if found is None else str(_part(found, "object", "sha"))
            found = await self._or_none(address(repository.full_name, "git/tags", str(_part(found, "object", "sha"))))
        return None

    async def pull_request(self, repository: RepositoryFacts, number: int) -> PullRequestFacts | None:
        """Ask for one pull request."""
        found = await self._or_none(address(repository.full_name, "pulls", str(number)))
        return None if found is None else _pull_request(found)

    async def open_pull_requests(self, repository: RepositoryFacts) -> list[PullRequestFacts]:
        """List the open ones, page by page."""
        listed: list[PullRequestFacts] = []
        for page in range(1, PAGES + 1):
            query = f"?state=open&sort=created&direction=desc&per_page={PAGE}&page={page}"
            found = await self._client.get(address(repository.full_name, "pulls") + query)
            listed += [_pull_request(each) for each in found]
            if len(found) < PAGE:
                break
        return listed

    async def merge_base(self, repository: RepositoryFacts, base: str, head: str) -> str | None:
        """Ask for the commit where head left base."""
        found = await self._compare(repository, base, head)
        return None if found is None else str(_part(found, "merge_base_commit", "sha"))

    async def between(self, repository: RepositoryFacts, base: str, head: str) -> list[str] | None:
        """Ask for the commits that head has and base has not, page by page, and follow first parents."""
        parents: dict[str, list[str]] = {}
        for page in range(1, MOST_COMMITS // PAGE + 1):
            found = await self._compare(repository, base, head, per_page=PAGE, page=page)
            listed = [] if found is None else _part(found, "commits")
            parents |= {str(_part(each, "sha")): [str(_part(one, "sha")) for one in each["parents"]] for each in listed}
            if len(listed) < PAGE:
                break
        return first_parents(base, head, parents)

    async def contains(self, repository: RepositoryFacts, branch: str, commit: str) -> bool:
        """Compare with the branch: a commit of a fork is found too, but is ahead of it or beside it."""
        found = await self._compare(repository, branch, commit)
        return found is not None and _part(found, "status") in ("identical", "behind")

    async def changed_paths(self, repository: RepositoryFacts, base: str, head: str) -> list[str] | None:
        """List the paths that differ, a renamed file under both of its names."""
        found = await self._compare(repository, base, head, per_page=100)
        files = [] if found is None else _part(found, "files")
        if found is None or len(files) >= MAX_FILES:
            return None
        return sorted({each[name] for each in files for name in ("filename", "previous_filename") if name in each})

    async def _compare(
        self, repository: RepositoryFacts, base: str, head: str, *, per_page: int = 1, page: int = 1
    ) -> Any:
        """Ask how two commits relate; None if one is unknown or they share nothing."""
        path = address(repository.full_name, "compare", f"{base}...{head}")
        return await self._or_none(f"{path}?per_page={per_page}&page={page}")

    async def _or_none(self, path: str) -> Any:
        try:
            return await self._client.get(path)
        except Refused as problem:
            if problem.status in (404, 422):
                return None
            raise


def _content(found: Any, path: str) -> bytes | None:
    if not isinstance(found, dict) or found.get("type") != "file":
        return None  # a folder, or a submodule
    if int(found.get("size", 0)) > MAX_FILE or found.get("encoding") != "base64":
        raise Permanent(f"{path} is larger than {MAX_FILE} bytes")
    try:
        return base64.b64decode(str(found["content"]))
    except (binascii.Error, ValueError, KeyError):
        raise Transient("GitHub's answer is no file") from None


def _pull_request(found: Any) -> PullRequestFacts:
    try:
        head, base = found["head"], found["base"]
        source = (head["repo"] or {}).get("id")  # null: the fork was deleted
        return PullRequestFacts(
            number=int(found["number"]),
            head=str(head["sha"]),
            head_branch=str(head["ref"]),
            base_branch=str(base["ref"]),
            base_commit=str(base["sha"]),
            title=str(found["title"]),
            author=Actor(id=int(found["user"]["id"]), name=str(found["user"]["login"])),
            from_fork=source != base["repo"]["id"],
            is_open=found["state"] == "open",
            is_draft=bool(found.get("draft")),
            fetch_ref=f"refs/pull/{int(found['number'])}/head",
            source_repository=source,
            labels=tuple(str(each["name"]) for each in found.get("labels") or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Transient("GitHub's answer is no pull request") from None


def _part(found: Any, *names: str) -> Any:
    """Look inside an answer.

    Raises:
        Transient: it is not what it should be.
    """
    for name in names:
        if not isinstance(found, dict) or name not in found:
            raise Transient(f"GitHub's answer has no {'.'.join(names)}")
        found = found[name]
    return found
