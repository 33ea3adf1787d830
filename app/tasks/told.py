"""A wish to end, heard from a process's first moment on."""

import signal
from types import FrameType


class Told:
    """Hear SIGTERM and Ctrl-C while nobody else listens for them.

    Python's own way with Ctrl-C, an exception wherever the process is, gets lost where that is in a callback of the
    garbage collector: much of loading a worker is.
    """

    def __init__(self) -> None:
        self.to_stop = False
        self.listen()

    def listen(self) -> None:
        """Listen anew, after somebody else did."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.to_stop = True
