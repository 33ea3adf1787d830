"""Why a piece of news did not arrive: whether to try again is the sender's, from these three."""


class Later(Exception):
    """Not now: it is tried again, after `wait_s` seconds if the other side said so."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Refused(Exception):
    """The other side does not want it; a few of these in a row end the subscription."""


class Gone(Refused):
    """The other side wants nothing any more: the subscription ends at once."""
