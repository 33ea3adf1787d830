"""What we say on a merge request of GitLab's: notes, award emoji, labels."""

from typing import Any

from integrations.forge import Check, Permanent, Reaction, RepositoryFacts, Transient
from integrations.gitlab.client import Client, Refused

MAX_NOTE = 900_000  # characters; GitLab takes 1,000,000
PAGE, PAGES = 100, 10  # of notes
_AWARDS = {Reaction.SEEN: "eyes", Reaction.REFUSED: "thumbsdown"}


class Conversation:
    """Words on merge requests. Each method raises Transient or Permanent."""

    _client: Client

    async def comment(self, repository: RepositoryFacts, number: int, text: str) -> int:
        """Write a note."""
        made = await self._client.post(_about(repository, number, "notes"), {"body": text[:MAX_NOTE]})
        try:
            return int(made["id"])
        except (KeyError, TypeError, ValueError):
            raise Transient("GitLab's answer is no note") from None

    async def edit_comment(self, repository: RepositoryFacts, number: int, comment: int, text: str) -> bool:
        """Change a note."""
        try:
            await self._client.put(_about(repository, number, f"notes/{comment}"), {"body": text[:MAX_NOTE]})
        except Refused as problem:
            if problem.status == 404:
                return False
            raise
        return True

    async def find_comment(self, repository: RepositoryFacts, number: int, mark: str) -> int | None:
        """Look through the notes, the oldest first."""
        for page in range(1, PAGES + 1):
            query = f"notes?sort=asc&order_by=created_at&per_page={PAGE}&page={page}"
            found = await self._client.get(_about(repository, number, query))
            for each in found:
                if str(each.get("body") or "").startswith(mark):
                    return int(each["id"])
            if len(found) < PAGE:
                break
        return None

    async def react(self, repository: RepositoryFacts, number: int, key: str, reaction: Reaction) -> None:
        """Award an emoji to a note. GitLab refuses the same again, in a way that depends on its version."""
        path = _about(repository, number, f"notes/{key.rpartition(':')[2]}/award_emoji")
        try:
            await self._client.post(path, {"name": _AWARDS[reaction]})
        except Refused as problem:
            if problem.status not in (400, 404, 409, 422):
                raise

    async def remove_label(self, repository: RepositoryFacts, number: int, label: str) -> None:
        """Take a label off; GitLab minds nothing that is not there."""
        await self._client.put(_about(repository, number), {"remove_labels": label})

    async def set_check(self, check: Check) -> dict[str, Any]:
        """Refuse: GitLab has no checks."""
        raise Permanent("GitLab has commit statuses, and no checks")


def _about(repository: RepositoryFacts, number: int, rest: str = "") -> str:
    return f"/projects/{repository.id}/merge_requests/{number}" + (f"/{rest}" if rest else "")
