"""Ask for pipelines, find and end them."""

from collections.abc import Iterator
from typing import TypedDict, Unpack, cast

from app.client.answers import PipelineRow, PipelineTold
from app.client.answers.words import JobState, WorkKind
from app.client.asking import Asking


class Work(TypedDict, total=False):
    """Where code comes from, and which targets it is for; either repository or remote_url."""

    repository: str  # full name of one that is served
    remote_url: str
    token: str  # for a private remote
    boards: list[str]  # names or types; none: all
    tags: list[str]  # all of these; `-tag`: not this one
    configurations: list[str]
    seconds: float  # each job's limit, from claim to end


class RunWork(Work, total=False):
    """The same for a run."""

    repeat: int  # run phases whose samples accumulate


class Pipelines(Asking):
    """What one may ask of pipelines."""

    def dispatch(self, commit: str, *, kind: WorkKind = "run", **work: Unpack[RunWork]) -> PipelineTold:
        """Open a pipeline for one commit, and do not wait for it.

        Args:
            commit: full hash.
            kind: build: fetch and build; run: also run.
        """
        return cast(PipelineTold, self.post("/pipelines", {"kind": kind, "commit": commit, **work}))

    def list_pipelines(
        self,
        *,
        commit: str | None = None,
        repository: str | None = None,
        state: JobState | None = None,
        branch: str | None = None,
        pull_request: int | None = None,
        requested_by: str | None = None,
        since: str | None = None,
        most: int | None = None,
    ) -> Iterator[PipelineRow]:
        """List pipelines, the newest first.

        Args:
            commit: full hash, or its beginning from four digits on.
            since: opened then or later, in ISO 8601 with a zone.
        """
        found = self.items(
            "/pipelines",
            commit=commit,
            repository=repository,
            state=state,
            branch=branch,
            pull_request=pull_request,
            requested_by=requested_by,
            since=since,
            most=most,
        )
        return cast(Iterator[PipelineRow], found)

    def show_pipeline(self, pipeline_id: int) -> PipelineTold:
        """Read one pipeline with its jobs."""
        return cast(PipelineTold, self.get(f"/pipelines/{pipeline_id}"))

    def cancel_pipeline(self, pipeline_id: int, *, reason: str = "") -> PipelineTold:
        """Cancel all jobs that have not ended; running ones end within the cancel grace."""
        return cast(PipelineTold, self.post(f"/pipelines/{pipeline_id}/cancel", {"reason": reason}))

    def retry_pipeline(self, pipeline_id: int) -> PipelineTold:
        """Retry every job that ended without passing; refused where there is none."""
        return cast(PipelineTold, self.post(f"/pipelines/{pipeline_id}/retry"))
