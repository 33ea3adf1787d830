"""One GitLab as python-gitlab speaks with it, for threads.

The library's own sleeping on 429 is off, as are redirects (its token header would go along) and the environment's
proxies and netrc.
"""

import threading
from typing import Any

import gitlab
import requests

from integrations.forge import ForgeError, NotLetIn, Permanent, Transient
from integrations.gitlab.client import ME, Refused
from integrations.limits import Limiter

TIMEOUT = 8.0  # seconds to connect, and for each wait for bytes
WRONG_TOKEN_S = 300.0  # a refused token is our fault, and heals when somebody corrects it


class Session:
    """Connections to one GitLab; any number of threads may call."""

    def __init__(self, url: str, token: str | None, ca_file: str | None, limits: Limiter) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.max_redirects = 0
        self._session.hooks["response"].append(self._remember)
        self._api = gitlab.Gitlab(
            url, private_token=token, timeout=TIMEOUT, ssl_verify=ca_file or True, session=self._session
        )
        self._last = threading.local()
        self._limits = limits

    def close(self) -> None:
        """Close connections."""
        self._session.close()

    def call(self, method: str, path: str, **given: Any) -> Any:
        """Make one call.

        Args:
            method: of python-gitlab, such as http_get.
        Raises:
            Transient, Refused: as `Client` says.
        """
        self._last.retry_after = None
        try:
            return getattr(self._api, method)(path, obey_rate_limit=False, **given)
        except gitlab.GitlabError as problem:
            raise self._said(problem) from None
        except requests.TooManyRedirects:
            raise Permanent("GitLab redirects: RIGLINE_GITLAB_URL is not its canonical address") from None
        except (requests.RequestException, OSError) as problem:
            raise Transient(f"GitLab does not answer: {type(problem).__name__}") from None

    def _remember(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Keep the header that python-gitlab's errors leave out."""
        text = response.headers.get("retry-after", "")
        self._last.retry_after = float(text) if text.isdigit() else None

    def _said(self, problem: gitlab.GitlabError) -> ForgeError:
        status, message = int(problem.response_code or 0), str(problem.error_message)
        wait_s = getattr(self._last, "retry_after", None)
        if status == 429:
            return self._limits.hold(ME, wait_s)
        if status == 401:
            return NotLetIn("GitLab answered 401 (RIGLINE_GITLAB_TOKEN is missing or wrong)", retry_after=WRONG_TOKEN_S)
        if status >= 500 or status in (0, 408):
            return Transient(f"GitLab answered {status}", retry_after=wait_s)
        return Refused(status, message)
