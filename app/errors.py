"""What a caller did wrong or has to wait for: an HTTP status, a stable code and a text with the way out."""

from http import HTTPStatus


class ApiError(Exception):
    """A refusal. The message says what, the value, and what to do; it never holds a secret."""

    status: HTTPStatus = HTTPStatus.BAD_REQUEST
    code: str = "bad_request"

    def __init__(
        self,
        message: str = "",
        *,
        headers: dict[str, str] | None = None,
        **extra: object,
    ) -> None:
        super().__init__(message or self.status.phrase)
        self.message = message or self.status.phrase
        self.headers = headers or {}
        self.extra = extra  # more keys of the error object, as `size` of a log gap


class Invalid(ApiError):
    """A value is missing, malformed or out of its bounds."""

    status, code = HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"


class KeyReused(Invalid):
    """The Idempotency-Key came with another query or body before."""

    code = "idempotency_key_reused"


class Unauthorized(ApiError):
    """Nobody in particular asks: no credentials, or wrong, revoked or expired ones."""

    status, code = HTTPStatus.UNAUTHORIZED, "unauthorized"


class Forbidden(ApiError):
    """Known, but without the right to do this."""

    status, code = HTTPStatus.FORBIDDEN, "forbidden"


class NotFound(ApiError):
    """There is no such thing, or the caller may not know of it."""

    status, code = HTTPStatus.NOT_FOUND, "not_found"


class Removed(ApiError):
    """It was here, and was removed because the settings keep it no longer."""

    status, code = HTTPStatus.GONE, "removed"


class Conflict(ApiError):
    """The thing is not in a state for this."""

    status, code = HTTPStatus.CONFLICT, "conflict"


class TokenErased(Conflict):
    """The remote's token, without which the commit cannot be fetched, was erased when the work had ended."""

    code = "token_erased"


class InProgress(Conflict):
    """A request with this Idempotency-Key is at work; `Retry-After` says when to ask again."""

    code = "idempotency_in_progress"


class OutcomeUnknown(Conflict):
    """A request with this Idempotency-Key was cut off in the middle, and nobody knows whether it acted."""

    code = "outcome_unknown"


class LeaseLost(Conflict):
    """The lease ran out, or another finish stands: the builder must drop the job."""

    code = "lease_lost"


class BuilderInUse(Conflict):
    """Another agent lives under this builder's name."""

    code = "builder_in_use"


class BoardInUse(Conflict):
    """Another builder hosts the same device."""

    code = "board_in_use"


class Drained(Conflict):
    """The builder is to go away, and holds no job any more: its agent ends."""

    code = "drained"


class TooLarge(ApiError):
    """The body is over the limit of this call."""

    status, code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"


class WrongMediaType(ApiError):
    """The body is of another content type than this call takes."""

    status, code = HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "wrong_media_type"


class LogStoreFull(ApiError):
    """No more logs are kept now; `size` bytes of this one are, and its last words may follow."""

    status, code = HTTPStatus.INSUFFICIENT_STORAGE, "log_store_full"


class LogGap(ApiError):
    """The append starts behind the end of the log; `size` says where to go back to."""

    status, code = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "log_gap"


class Incomplete(ApiError):
    """The log or a result file that the finish names did not arrive whole."""

    status, code = HTTPStatus.PRECONDITION_FAILED, "incomplete"


class ChangedMeanwhile(ApiError):
    """It is not any more what `If-Match` names: read it again."""

    status, code = HTTPStatus.PRECONDITION_FAILED, "changed_meanwhile"


class ProtocolUnknown(ApiError):
    """The builder speaks a protocol that this service does not."""

    status, code = HTTPStatus.UPGRADE_REQUIRED, "protocol_unknown"


class Unavailable(ApiError):
    """The database or Redis is away; `Retry-After` says when to come back."""

    status, code = HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"

    def __init__(self, message: str = "", *, retry_after: int = 2) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class StartupError(Exception):
    """The process cannot start as it is set up; the message says what to do. Ends the command with exit status 2."""


class Unreachable(StartupError):
    """Something that should answer does not. Ends the command with exit status 3."""
