"""What we say on a pull request of GitHub's: comments, reactions, labels."""

from integrations.forge import Reaction, RepositoryFacts, Transient
from integrations.github.client import Client, Refused
from integrations.github.names import address

MAX_COMMENT = 65_000  # characters; GitHub takes 65,536
PAGE, PAGES = 100, 10  # of comments
_REACTED = {"comment": "issues/comments", "review_comment": "pulls/comments"}


class Conversation:
    """Words on pull requests. Each method raises Transient or Permanent."""

    _client: Client

    async def comment(self, repository: RepositoryFacts, number: int, text: str) -> int:
        """Write a comment."""
        path = address(repository.full_name, "issues", str(number), "comments")
        made = await self._client.post(path, {"body": text[:MAX_COMMENT]})
        try:
            return int(made["id"])
        except (KeyError, TypeError, ValueError):
            raise Transient("GitHub's answer is no comment") from None

    async def edit_comment(self, repository: RepositoryFacts, number: int, comment: int, text: str) -> bool:
        """Change a comment; GitHub knows it without the pull request's number."""
        path = address(repository.full_name, "issues/comments", str(comment))
        try:
            await self._client.patch(path, {"body": text[:MAX_COMMENT]})
        except Refused as problem:
            if problem.status in (404, 410):
                return False
            raise
        return True

    async def find_comment(self, repository: RepositoryFacts, number: int, mark: str) -> int | None:
        """Look through the comments, the oldest first."""
        path = address(repository.full_name, "issues", str(number), "comments")
        for page in range(1, PAGES + 1):
            found = await self._client.get(f"{path}?per_page={PAGE}&page={page}")
            for each in found:
                if str(each.get("body") or "").startswith(mark):
                    return int(each["id"])
            if len(found) < PAGE:
                break
        return None

    async def react(self, repository: RepositoryFacts, number: int, key: str, reaction: Reaction) -> None:
        """React to what the key names. A review has no reactions: the pull request gets the friendly one instead."""
        kind, _, found = key.partition(":")
        if kind == "review" and reaction is not Reaction.SEEN:
            return
        about = (_REACTED[kind], found) if kind in _REACTED else ("issues", str(number))
        try:
            await self._client.post(address(repository.full_name, *about, "reactions"), {"content": reaction.value})
        except Refused as problem:
            if problem.status not in (404, 410):  # the comment is gone: nobody to tell
                raise

    async def remove_label(self, repository: RepositoryFacts, number: int, label: str) -> None:
        """Take a label off."""
        owner_and_issue = address(repository.full_name, "issues", str(number), "labels")
        try:
            await self._client.delete(owner_and_issue + "/{name}", name=label)
        except Refused as problem:
            if problem.status not in (404, 410):
                raise
