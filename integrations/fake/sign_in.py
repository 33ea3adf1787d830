"""How the forges in memory sign people in: OAuth's authorization code with PKCE, as strict as the real ones."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from integrations.fake.answer import Answer

GITHUB_WEB, GITLAB_WEB = "/github/login/oauth", "/gitlab/oauth"
GITHUB_USER, GITLAB_USER = "/github/api/v3/user", "/gitlab/api/v4/user"


@dataclass(frozen=True)
class _Given:
    """What a code was given for."""

    login: str
    client_id: str
    challenge: str
    back: str


@dataclass
class FakeSignIn:
    """Clients that are registered, who sits at the browser, and the codes and tokens that are out."""

    account: Callable[[str], int]  # gives an account's number
    clients: dict[str, tuple[str, str]] = field(default_factory=dict)  # id → secret, and where it may lead back to
    browser: str | None = None  # the login of who is signed in at the forge; None: says no
    blocked: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)  # the login now
    _codes: dict[str, _Given] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _made: int = 0

    def answer(self, method: str, path: str, given: Any, bearer: str) -> Answer | None:
        """Answer what belongs to signing in; None for anything else."""
        given = given if isinstance(given, dict) else {}
        if (method, path) in (("GET", f"{GITHUB_WEB}/authorize"), ("GET", f"{GITLAB_WEB}/authorize")):
            return self._authorize(given)
        if (method, path) == ("POST", f"{GITHUB_WEB}/access_token"):
            token = self._token(given)
            return Answer(200, {"access_token": token, "scope": ""} if token else {"error": "bad_verification_code"})
        if (method, path) == ("POST", f"{GITLAB_WEB}/token"):
            token = self._token(given)
            return Answer(200, {"access_token": token}) if token else Answer(400, {"error": "invalid_grant"})
        if method == "GET" and path in (GITHUB_USER, GITLAB_USER) and bearer in self._tokens:
            return self._user(self._tokens[bearer], "login" if path == GITHUB_USER else "username")
        return None

    def _authorize(self, given: Mapping[str, str]) -> Answer:
        client = self.clients.get(given.get("client_id", ""))
        back = given.get("redirect_uri", "")
        if client is None or not back.startswith(client[1]) or given.get("code_challenge_method") != "S256":
            return Answer(400, {"error": "invalid_request"})
        told = {"state": given["state"]}
        if self.browser is None:
            return Answer(302, {}, {"location": f"{back}?{urlencode({'error': 'access_denied', **told})}"})
        self._made += 1
        code = f"code-{self._made}"
        self._codes[code] = _Given(self.browser, given["client_id"], given["code_challenge"], back)
        return Answer(302, {}, {"location": f"{back}?{urlencode({'code': code, **told})}"})

    def _token(self, given: Mapping[str, str]) -> str | None:
        """Give a token for a code, once, to the client and browser that asked for it."""
        found = self._codes.pop(given.get("code", ""), None)
        if found is None or given.get("grant_type") != "authorization_code":
            return None
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        proved = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        client = (found.client_id, self.clients[found.client_id][0])
        if (given.get("client_id"), given.get("client_secret")) != client:
            return None
        if (proved, given.get("redirect_uri")) != (found.challenge, found.back):
            return None
        self._made += 1
        self._tokens[f"user-token-{self._made}"] = found.login
        return f"user-token-{self._made}"

    def _user(self, login: str, key: str) -> Answer:
        state = "blocked" if login in self.blocked else "active"
        return Answer(200, {"id": self.account(login), key: self.renamed.get(login, login), "state": state})
