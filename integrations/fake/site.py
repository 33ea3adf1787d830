"""A whole forge under one address: its API, and git over HTTP for the repositories of a folder."""

import re
from collections.abc import Collection, MutableMapping
from pathlib import Path
from typing import Any

from integrations.fake.git_http import GitHttp
from integrations.fake.server import FakeServer
from integrations.fake.world import World

_GIT = re.compile(r"^/(?:github|gitlab)(?P<rest>/.+\.git/.*)$")


class Site:
    """GitHub below `/github`, GitLab below `/gitlab`: `/github/owner/name.git` is `folder/owner/name.git`.

    Repositories named as private, as `owner/name.git`, are fetched with the token only.
    """

    def __init__(self, world: World, folder: Path, *, token: str | None = None, private: Collection[str] = ()) -> None:
        self._api = FakeServer(world, token=token)
        self._git = GitHttp(folder, private=dict.fromkeys(private, token or ""))

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Tell git from the API by the address."""
        found = _GIT.match(scope["path"]) if scope["type"] == "http" else None
        if found:
            await self._git({**scope, "path": found["rest"]}, receive, send)
        else:
            await self._api(scope, receive, send)
