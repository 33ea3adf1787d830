"""Find jobs, end them, do them again."""

from collections.abc import Iterator
from typing import cast

from app.client.answers import AttemptTold, JobTold, QueueRow
from app.client.answers.words import JobState
from app.client.asking import Asking


class Jobs(Asking):
    """What one may ask of jobs."""

    def list_jobs(
        self,
        *,
        commit: str | None = None,
        repository: str | None = None,
        state: JobState | None = None,
        board_type: str | None = None,
        most: int | None = None,
    ) -> Iterator[JobTold]:
        """List jobs, the newest first, those that a retry replaced too.

        Args:
            commit: full hash, or its beginning from four digits on.
        """
        found = self.items("/jobs", commit=commit, repository=repository, state=state, board_type=board_type, most=most)
        return cast(Iterator[JobTold], found)

    def list_queue(
        self,
        *,
        board_type: str | None = None,
        repository: str | None = None,
        state: JobState | None = None,
        most: int | None = None,
    ) -> Iterator[QueueRow]:
        """List the jobs that have not ended, by id, with their place in the line and what they wait for."""
        found = self.items("/queue", board_type=board_type, repository=repository, state=state, most=most)
        return cast(Iterator[QueueRow], found)

    def show_job(self, job_id: int) -> JobTold:
        """Read one job with its latest attempt, what it waits for, and how far it is."""
        return cast(JobTold, self.get(f"/jobs/{job_id}"))

    def cancel_job(self, job_id: int, *, reason: str = "") -> JobTold:
        """Cancel a job: a waiting one at once, a running one within the cancel grace. An ended one stays so."""
        return cast(JobTold, self.post(f"/jobs/{job_id}/cancel", {"reason": reason}))

    def retry_job(self, job_id: int) -> JobTold:
        """Queue a new job in the place of an ended one, and give it; refused if it is open or was retried."""
        return cast(JobTold, self.post(f"/jobs/{job_id}/retry"))

    def list_attempts(self, job_id: int, *, most: int | None = None) -> Iterator[AttemptTold]:
        """List all tries at a job, the latest first; logs, results and artefacts take their ids as `attempt`."""
        return cast(Iterator[AttemptTold], self.items(f"/jobs/{job_id}/attempts", most=most))
