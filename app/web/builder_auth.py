"""Who a builder is: its token and the protocol it speaks, checked before anything else."""

import hmac

from quart import current_app, g, request

from app.db.models import BuilderState
from app.db.queries import builders
from app.deps import Deps
from app.dispatch.claim import Claimant
from app.errors import ProtocolUnknown, Unauthorized
from builders.protocol import PROTOCOL

ID_DIGITS = 9  # a longer number is no id
SECRET_LIMIT = 200  # characters


async def authenticate() -> None:
    """Put the asking builder into `g.builder`.

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
    deps: Deps = current_app.extensions["deps"]
    async with deps.begin() as db:
        found = await builders.known(db, builder_id)
        known_hash = found.token_hash if found is not None else b""
        is_genuine = hmac.compare_digest(known_hash, builders.digest(secret))
        if found is None or not is_genuine or found.state == BuilderState.RETIRED:
            raise _wrong()
    g.builder = Claimant(id=found.id, name=found.name, instance=found.instance, is_stale=found.is_stale)


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
