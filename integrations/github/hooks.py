"""Webhooks of GitHub, of a repository or of our App, and the requests they could not bring."""

from typing import Any
from urllib.parse import quote

from integrations.events import Actor
from integrations.forge import FailedDelivery, RepositoryFacts, Transient
from integrations.github.auth import App
from integrations.github.client import Client, Refused
from integrations.github.names import address

EVENTS = [
    "push",
    "pull_request",
    "issue_comment",
    "pull_request_review",
    "pull_request_review_comment",
    "merge_group",
    "repository",
]
PAGE = 100


class Hooks:
    """Webhooks, and who we are. Each method raises Transient or Permanent."""

    _client: Client
    _app: App | None
    _me: Actor | None = None

    async def create_webhook(self, repository: RepositoryFacts, url: str, secret: str) -> int:
        """Make the webhook with this address, or give the one there is the new secret."""
        path = address(repository.full_name, "hooks")
        config = {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
        data = {"active": True, "events": EVENTS, "config": config}
        there = await self._client.get(path + f"?per_page={PAGE}")
        same = [each for each in there if each.get("config", {}).get("url") == url]
        if same:
            made = await self._client.patch(f"{path}/{same[0]['id']}", data)
        else:
            made = await self._client.post(path, {"name": "web", **data})
        return _id(made)

    async def failed_deliveries(self, repository: RepositoryFacts, hook: int | None) -> list[FailedDelivery]:
        """List what failed of the repository's webhook; the App has one for all that it is installed on."""
        if hook is None and self._app is None:
            return []
        query = f"?per_page={PAGE}"
        if hook is None:
            found = await self._client.as_app("GET", "/app/hook/deliveries" + query, None)
        else:
            found = await self._client.get(address(repository.full_name, "hooks", str(hook), "deliveries") + query)
        well = {each.get("guid") for each in found if _is_well(each)}
        failed = list({each.get("guid"): each for each in found if each.get("guid") not in well}.values())
        if hook is None:
            failed = [each for each in failed if each.get("repository_id") in (repository.id, None)]
        return [
            FailedDelivery(id=_id(each), key=str(each.get("guid")), kind=str(each.get("event")))
            for each in failed[::-1]
        ]

    async def redeliver(self, repository: RepositoryFacts, hook: int | None, delivery: FailedDelivery) -> None:
        """Ask for one again."""
        attempts = ("deliveries", str(delivery.id), "attempts")
        if hook is None:
            await self._client.as_app("POST", "/app/hook/" + "/".join(attempts), {})
        else:
            await self._client.post(address(repository.full_name, "hooks", str(hook), *attempts), {})

    async def whoami(self) -> Actor | None:
        """Name the token's account, or the account that GitHub gives our App. Asked once."""
        if self._me is None:
            try:
                self._me = await self._asked_who()
            except Refused as problem:
                if problem.status not in (403, 404):
                    raise
        return self._me

    async def _asked_who(self) -> Actor | None:
        if self._app is None:
            return account_of(await self._client.get("/user"))
        bearer = await self._app.anyone()
        app = await self._client.as_app("GET", "/app", None)
        name = f"{app.get('slug')}[bot]"
        return None if bearer is None else account_of(await self._client.get_with(bearer, f"/users/{quote(name)}"))


def _is_well(delivery: Any) -> bool:
    return 200 <= int(delivery.get("status_code") or 0) < 300


def account_of(found: Any) -> Actor:
    """Read an account out of an answer.

    Raises:
        Transient: it is none.
    """
    try:
        return Actor(id=int(found["id"]), name=str(found["login"]))
    except (KeyError, TypeError, ValueError):
        raise Transient("GitHub's answer is no account") from None


def _id(made: Any) -> int:
    try:
        return int(made["id"])
    except (KeyError, TypeError, ValueError):
        raise Transient("GitHub's answer has no id") from None
