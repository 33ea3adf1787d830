"""Read what a job printed and left. `attempt` is the id of one of its tries; None: the latest one."""

from collections.abc import Iterator
from typing import cast

from app.client.answers import ArtefactList
from app.client.asking import Asking
from app.client.events import Event


class JobFiles(Asking):
    """What one may read of a job; what was kept long enough is refused with the code `removed`."""

    def read_log(self, job_id: int, *, attempt: int | None = None, strip: bool = False) -> bytes:
        """Read a log as far as it is now.

        Args:
            strip: without colours and other escape sequences.
        """
        return self.text(f"/jobs/{job_id}/log", attempt=attempt, strip=strip)

    def stream_log(self, job_id: int, *, at: str | None = None) -> Iterator[Event]:
        """Follow a log until the job ends: events `log` hold `{"text": …}`; `attempt` says that one starts over.

        Args:
            at: id of an event, to go on behind it.
        """
        return self.events(f"/jobs/{job_id}/log/stream", at=at)

    def read_result(self, job_id: int, *, number: int = 0, attempt: int | None = None) -> bytes:
        """Read a result file as it is.

        Args:
            number: of the run phase, 0 … repeat - 1.
        """
        return self.text(f"/jobs/{job_id}/result", number=number, attempt=attempt)

    def list_artefacts(self, job_id: int, *, attempt: int | None = None) -> ArtefactList:
        """List the artefacts."""
        return cast(ArtefactList, self.get(f"/jobs/{job_id}/artefacts", attempt=attempt))

    def read_artefact(self, job_id: int, number: int, *, attempt: int | None = None) -> bytes:
        """Read an artefact byte by byte."""
        return self.text(f"/jobs/{job_id}/artefacts/{number}", attempt=attempt)
