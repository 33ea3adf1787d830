"""Who a builder is: its token and the protocol it speaks, checked before anything else."""

import hmac
import time
from dataclasses import replace

from quart import current_app, g, request

from app.db.models import BuilderState
from app.db.queries import builders
from app.deps import Deps
from app.dispatch.claim import Claimant
from app.errors import ProtocolUnknown, Unauthorized
from builders.protocol import PROTOCOL

KNOWN_S = 2.0
KNOWN_LIMIT = 10_000  # builders
ID_DIGITS = 9  # a longer number is no id
SECRET_LIMIT = 200  # characters


class Known:
    """The builders this process has checked a moment ago: a job's calls come in bursts."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, bytes], tuple[float, Claimant]] = {}

    def get(self, builder_id: int, digest: bytes) -> Claimant | None:
        """Find a builder whose token was right within `KNOWN_S`."""
        checked_at, found = self._found.get((builder_id, digest), (0.0, None))
        return found if time.monotonic() - checked_at < KNOWN_S else None

    def put(self, digest: bytes, found: Claimant) -> None:
        """Remember a builder; those remembered longer than needed are forgotten."""
        now = time.monotonic()
        if len(self._found) >= KNOWN_LIMIT:
            self._found = {key: value for key, value in self._found.items() if now - value[0] < KNOWN_S}
        self._found[found.id, digest] = (now, found)

    def clear(self) -> None:
        """Forget all, as after a hello: its answer changes what a builder is."""
        self._found.clear()


async def authenticate() -> None:
    """Put the asking builder into `g.builder`. A revoked token works for `KNOWN_S` seconds at most.

    Raises:
        ProtocolUnknown: it speaks another protocol.
        Unauthorized: the token is missing, malformed, wrong or revoked.
    """
    if request.headers.get("Rigline-Protocol") != str(PROTOCOL):
        raise ProtocolUnknown(
            f"This service speaks protocol {PROTOCOL}, named in the Rigline-Protocol header. "
            "Install the builder of the same release as the service."
        )
    builder_id, secret = _token(request.headers.get("Authorization", ""))
    digest = builders.digest(secret)
    known: Known = current_app.extensions["known_builders"]
    found = known.get(builder_id, digest)
    if found is None:
        found = await _check(builder_id, digest)
        known.put(digest, replace(found, is_stale=False))
    g.builder, g.token_digest = found, digest


async def _check(builder_id: int, digest: bytes) -> Claimant:
    """Ask the database whose token this is."""
    deps: Deps = current_app.extensions["deps"]
    async with deps.autocommit() as db:
        found = await builders.known(db, builder_id)
    hashes = (b"", b"") if found is None else (found.token_hash, found.former_hash or b"")
    is_genuine = any([hmac.compare_digest(each, digest) for each in hashes])  # both, whichever it is
    if found is None or not is_genuine or found.state == BuilderState.RETIRED:
        raise _wrong()
    return Claimant(id=found.id, name=found.name, instance=found.instance, is_stale=found.is_stale)


def _token(header: str) -> tuple[int, str]:
    """Take `Bearer rlb_<id>.<secret>` apart."""
    kind, _, token = header.partition(" ")
    number, _, secret = token.strip().removeprefix(builders.PREFIX).partition(".")
    is_id = number.isascii() and number.isdigit() and len(number) <= ID_DIGITS
    is_ours = kind.lower() == "bearer" and token.strip().startswith(builders.PREFIX)
    if not (is_ours and is_id and 0 < len(secret) <= SECRET_LIMIT):
        raise _wrong()
    return int(number), secret


def _wrong() -> Unauthorized:
    return Unauthorized(
        "No builder has this token. `rigline builder create` or `rigline builder rotate-token` makes one; "
        "give it to the agent as RIGLINE_BUILDER_TOKEN.",
        headers={"WWW-Authenticate": "Bearer"},
    )
