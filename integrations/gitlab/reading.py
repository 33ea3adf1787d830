"""What GitLab says of a project's files, refs and merge requests."""

import base64
import binascii
from datetime import datetime
from typing import Any
from urllib.parse import quote

from integrations import payload
from integrations.events import Actor
from integrations.forge import Permanent, PullRequestFacts, RepositoryFacts, Transient
from integrations.gitlab.client import Client, Refused
from integrations.lineage import MOST_COMMITS, first_parents

MAX_FILE = 1 << 20  # bytes
MAX_FILES = 1000  # that GitLab compares; with so many it does not say whether there are more
PAGE, PAGES = 100, 3


class Reading:
    """Questions about a project. Each raises Transient or Permanent."""

    _client: Client

    async def file(self, repository: RepositoryFacts, path: str, commit: str) -> bytes | None:
        """Read one file at a commit."""
        try:
            found = await self._client.get(_address(repository, "files", path), ref=commit)
        except Refused as problem:
            if problem.status != 404:
                raise
            if "commit" in problem.said.lower():
                raise Transient(f"GitLab does not show commit {commit[:10]} yet") from None
            return None
        return _content(found, path)

    async def branch_head(self, repository: RepositoryFacts, branch: str) -> str | None:
        """Ask for the commit of a branch."""
        found = await self._or_none(_address(repository, "branches", branch))
        return None if found is None else str(_part(found, "commit", "id"))

    async def branches(self, repository: RepositoryFacts) -> list[tuple[str, str]]:
        """List branches, page by page, those that moved last first."""
        listed: list[tuple[str, str]] = []
        for page in range(1, PAGES + 1):
            path = f"/projects/{repository.id}/repository/branches"
            found = await self._client.page(path, sort="updated_desc", per_page=PAGE, page=page)
            listed += [(str(_part(each, "name")), str(_part(each, "commit", "id"))) for each in found]
            if len(found) < PAGE:
                break
        return listed

    async def committed_at(self, repository: RepositoryFacts, commit: str) -> datetime | None:
        """Ask for a commit's time."""
        found = await self._or_none(_address(repository, "commits", commit))
        return None if found is None else payload.moment(str(_part(found, "committed_date")))

    async def tag_commit(self, repository: RepositoryFacts, tag: str) -> str | None:
        """Ask for the commit of a tag; GitLab looks through annotated ones itself."""
        found = await self._or_none(_address(repository, "tags", tag))
        return None if found is None else str(_part(found, "commit", "id"))

    async def pull_request(self, repository: RepositoryFacts, number: int) -> PullRequestFacts | None:
        """Ask for one merge request."""
        found = await self._or_none(f"/projects/{repository.id}/merge_requests/{number}")
        if found is None:
            return None
        base = (found.get("diff_refs") or {}).get("start_sha") if isinstance(found, dict) else None
        return await self._described(repository, found, {}, base)

    async def open_pull_requests(self, repository: RepositoryFacts) -> list[PullRequestFacts]:
        """List the open ones, page by page. The list does not say where their targets are: each is asked for once."""
        listed: list[PullRequestFacts] = []
        heads: dict[str, str] = {}
        for page in range(1, PAGES + 1):
            order = {"state": "opened", "order_by": "created_at", "sort": "desc"}
            path = f"/projects/{repository.id}/merge_requests"
            found = await self._client.page(path, **order, per_page=PAGE, page=page)
            listed += [await self._described(repository, each, heads, None) for each in found]
            if len(found) < PAGE:
                break
        return listed

    async def _described(
        self, repository: RepositoryFacts, found: Any, heads: dict[str, str], base: str | None
    ) -> PullRequestFacts:
        target = str(_part(found, "target_branch"))
        if base is None and target not in heads:
            heads[target] = await self.branch_head(repository, target) or ""
        return _merge_request(found, base or heads[target])

    async def merge_base(self, repository: RepositoryFacts, base: str, head: str) -> str | None:
        """Ask for the commit where head left base."""
        found = await self._or_none(f"/projects/{repository.id}/repository/merge_base", **{"refs[]": [base, head]})
        return None if found is None else str(_part(found, "id"))

    async def between(self, repository: RepositoryFacts, base: str, head: str) -> list[str] | None:
        """Ask for the commits that head has and base has not, and follow first parents."""
        found = await self._or_none(f"/projects/{repository.id}/repository/compare", **{"from": base, "to": head})
        listed = [] if found is None else _part(found, "commits")
        if len(listed) > MOST_COMMITS:
            return None
        return first_parents(base, head, {str(_part(each, "id")): list(each["parent_ids"]) for each in listed})

    async def contains(self, repository: RepositoryFacts, branch: str, commit: str) -> bool:
        """See whether the branch's own head and the commit meet in the commit."""
        head = await self.branch_head(repository, branch)
        return head is not None and await self.merge_base(repository, head, commit) == commit

    async def changed_paths(self, repository: RepositoryFacts, base: str, head: str) -> list[str] | None:
        """List the paths that differ, a renamed file under both of its names."""
        found = await self._or_none(f"/projects/{repository.id}/repository/compare", **{"from": base, "to": head})
        if found is None or found.get("compare_timeout") or len(_part(found, "diffs")) >= MAX_FILES:
            return None
        return sorted({each[name] for each in found["diffs"] for name in ("old_path", "new_path") if each.get(name)})

    async def _or_none(self, path: str, **query: Any) -> Any:
        try:
            return await self._client.get(path, **query)
        except Refused as problem:
            if problem.status in (400, 404):
                return None
            raise


def _address(repository: RepositoryFacts, kind: str, name: str) -> str:
    return f"/projects/{repository.id}/repository/{kind}/{quote(name, safe='')}"


def _content(found: Any, path: str) -> bytes:
    try:
        if int(found["size"]) > MAX_FILE:
            raise Permanent(f"{path} is larger than {MAX_FILE} bytes")
        return base64.b64decode(str(found["content"]))
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise Transient("GitLab's answer is no file") from None


def _merge_request(found: Any, base: str) -> PullRequestFacts:
    try:
        source = found["source_project_id"]  # null: the fork was deleted
        return PullRequestFacts(
            number=int(found["iid"]),
            head=str(found["sha"]),
            head_branch=str(found["source_branch"]),
            base_branch=str(found["target_branch"]),
            base_commit=base,
            title=str(found["title"]),
            author=Actor(id=int(found["author"]["id"]), name=str(found["author"]["username"])),
            from_fork=source != found["target_project_id"],
            is_open=found["state"] == "opened",
            is_draft=bool(found.get("draft")),
            fetch_ref=f"refs/merge-requests/{int(found['iid'])}/head",
            source_repository=source,
            labels=tuple(str(each) for each in found.get("labels") or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Transient("GitLab's answer is no merge request") from None


def _part(found: Any, *names: str) -> Any:
    """Look inside an answer.

    Raises:
        Transient: it is not what it should be.
    """
    for name in names:
        if not isinstance(found, dict) or name not in found:
            raise Transient(f"GitLab's answer has no {'.'.join(names)}")
        found = found[name]
    return found
