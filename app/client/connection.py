"""One connection to a service: requests that survive a lost answer, a restart and a busy moment.

Every write carries an `Idempotency-Key`: when its answer is lost it is sent again, and the service acts once.
"""

import json
import random
import time
import uuid
from http import HTTPStatus
from typing import Any, NoReturn

import httpx2

from app.client.place import Json, Place, Refused
from app.errors import Unreachable

API = "/api/v1"
TIMEOUT = httpx2.Timeout(30, connect=5)  # seconds
RETRIES = 4  # after the first try
BACKOFF_S = 0.2  # seconds before the second try at most, twice as long before each further one
LONGEST_WAIT_S = 30.0  # a `Retry-After` beyond it is for a person to decide
IN_PROGRESS = "idempotency_in_progress"
_AGAIN = (429, 502, 503, 504)


class Connection:
    """Sends requests. Every call raises `Unreachable` or `Refused`."""

    def __init__(self, place: Place, *, retries: int = RETRIES, backoff_s: float = BACKOFF_S) -> None:
        if place.socket is not None and not place.socket.is_socket():
            raise Unreachable(f"There is no socket {place.socket}. Start the service with `rigline serve`.")
        self.place, self._retries, self._backoff_s = place, retries, backoff_s
        self._was_there = False
        headers = {"Authorization": f"Bearer {place.token}"} if place.token and place.socket is None else {}
        transport = None if place.socket is None else httpx2.HTTPTransport(uds=str(place.socket))
        self.http = httpx2.Client(base_url=place.base_url, headers=headers, timeout=TIMEOUT, transport=transport)

    def send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **what: Any) -> httpx2.Response:
        """Send one request below /api/v1, again while that may help; give the answer if it is no refusal."""
        key = {} if method == "GET" else {"Idempotency-Key": str(uuid.uuid4())}
        tries = 0
        while True:
            answer = self._try(method, API + path, self._retries - tries, headers=key | (headers or {}), **what)
            wait_s = 0.0 if answer is None else _again_in(answer)
            if answer is not None and (wait_s is None or tries == self._retries):
                break
            backoff_s = self._backoff_s * 2**tries * random.uniform(0.5, 1)  # noqa: S311  # spreads retries only
            time.sleep(max(wait_s or 0.0, backoff_s))
            tries += 1
        if answer.is_error or answer.is_redirect:
            refuse(answer)
        return answer

    def _try(self, method: str, url: str, tries_left: int, **what: Any) -> httpx2.Response | None:
        """Send it once; None if the line broke and another try may do better."""
        try:
            answer = self.http.request(method, url, **what)
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as problem:
            raise Unreachable(f"{self.place} is no address of a service: {problem}") from None
        except httpx2.TransportError as problem:
            # Where nothing ever answered the address is wrong, or nothing runs: say so at once.
            if not tries_left or (isinstance(problem, httpx2.ConnectError) and not self._was_there):
                self.give_up(problem)
            return None
        self._was_there = True
        return answer

    def give_up(self, problem: httpx2.TransportError) -> NoReturn:
        """Say that the service is not there, and what to do.

        Raises:
            Unreachable.
        """
        raise Unreachable(
            f"{self.place} does not answer ({problem or type(problem).__name__}). Start it with `rigline serve`, "
            "or say where it is with --server or --socket."
        ) from None

    def json(self, answer: httpx2.Response) -> Any:
        """Read an answer; None if it has no body."""
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return answer.json()
        except ValueError:
            raise Unreachable(f"{self.place} answers, but not as Rigline does. Is the address right?") from None

    def close(self) -> None:
        """Give the connection back."""
        self.http.close()


def refuse(answer: httpx2.Response) -> NoReturn:
    """Turn a refusal into an exception.

    Raises:
        Refused: as Rigline refuses.
        Unreachable: something else answers there.
    """
    try:
        error = json.loads(answer.content)["error"]
        raise Refused(answer.status_code, str(error["code"]), str(error["message"]))
    except (ValueError, TypeError, KeyError):
        raise Unreachable(
            f"{answer.url.copy_with(query=None)} answers {answer.status_code}, but not as Rigline does. "
            "Is the address right?"
        ) from None


def _again_in(answer: httpx2.Response) -> float | None:
    """Say in how many seconds the same may be asked again; None: the answer stands."""
    waits = answer.status_code in _AGAIN
    waits |= answer.status_code == HTTPStatus.CONFLICT and _code(answer) == IN_PROGRESS
    if not waits:
        return None
    said = answer.headers.get("Retry-After", "0")
    seconds = float(said) if said.isdigit() else 0.0
    return seconds if seconds <= LONGEST_WAIT_S else None


def _code(answer: httpx2.Response) -> str:
    try:
        error: Json = answer.json()["error"]
        return str(error["code"])
    except (ValueError, TypeError, KeyError):
        return ""
