"""A method for each operation of the API.

Written by scripts/write_client.py from the declarations of the API: change those, and run `make format`.
"""

from collections.abc import Iterator
from typing import Literal, cast

from app.client.asking import Asking, part
from app.client.events import Event
from app.client.generated.answers import (
    AlertTold,
    AnnotationTold,
    Approving,
    ArtefactList,
    AttemptTold,
    AuditTold,
    Backfilled,
    BackupRow,
    Belongings,
    BisectionTold,
    BoardShown,
    BoardTold,
    BuilderSummary,
    BuilderToken,
    BuilderTold,
    Caps,
    CapsTold,
    ChangePointTold,
    CheckAsked,
    Compare,
    ComparisonTold,
    Confirmed,
    ConnectionTold,
    ConversationTold,
    DeliveryRow,
    DeliveryTold,
    Dispatch,
    Ended,
    FirstUser,
    Forges,
    GrantTold,
    Hold,
    ImportTold,
    Isolation,
    IsolationTold,
    JobTold,
    Keeping,
    KeepingTold,
    LinesTold,
    Login,
    Maintenance,
    Measured,
    MuteTold,
    NewAnnotation,
    NewBisection,
    NewBuilder,
    NewGrant,
    NewIdentity,
    NewMute,
    NewPassword,
    NewPreset,
    NewRepository,
    NewRole,
    NewSecret,
    NewSubscription,
    NewToken,
    NewUser,
    NoiseTold,
    NotificationTold,
    Overview,
    Page_IdentityTold_,
    PipelineRow,
    PipelineTold,
    Points,
    PolicyTold,
    Preset,
    PresetDispatch,
    PresetTold,
    QueueRow,
    Ran,
    Recipe,
    RepositoryTold,
    ResetLink,
    RowTold,
    Rules,
    ScheduleRow,
    SecretsTold,
    SecretTold,
    SeriesRow,
    SessionRow,
    ShiftTold,
    StatusTold,
    SubscriptionMade,
    SubscriptionTold,
    TokenRow,
    TokenWish,
    Triaged,
    UserAdded,
    UserRow,
    WebhookTold,
    Wish,
    app__web__api__boards__Reason,
    app__web__api__pipelines__Reason,
    app__web__api__subscriptions__Tried,
)


class Operations(Asking):
    """All operations. Lists are read page by page, at most `most` items."""

    def list_alerts(self, *, most: int | None = None, resolved: bool | None = None) -> Iterator[AlertTold]:
        """List what somebody has to look at, the newest first: refusals of a forge, conflicts, things that are gone."""
        return cast(Iterator[AlertTold], self.listed("/alerts", {"resolved": resolved}, most))

    def list_annotations(
        self,
        *,
        most: int | None = None,
        repository: str,
        board_type: str | None = None,
        configuration: str | None = None,
    ) -> Iterator[AnnotationTold]:
        """List the remarks at commits of a repository, said last first."""
        return cast(
            Iterator[AnnotationTold],
            self.listed(
                "/annotations",
                {"repository": repository, "board_type": board_type, "configuration": configuration},
                most,
            ),
        )

    def annotate(self, body: NewAnnotation) -> AnnotationTold:
        """Say something at a commit of a history. One that cuts has the series it is about looked at anew."""
        return cast(AnnotationTold, self.asked("POST", "/annotations", {}, body=body))

    def remove_annotation(self, annotation_id: int) -> None:
        """Take a remark back; what it cut is one again."""
        self.asked("DELETE", f"/annotations/{part(annotation_id)}", {})

    def read_audit(
        self,
        *,
        most: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        origin: str | None = None,
        repository: str | None = None,
        since: str | None = None,
        until: str | None = None,
        by_itself: bool | None = None,
    ) -> Iterator[AuditTold]:
        """List who did what, when and from where, the newest first."""
        return cast(
            Iterator[AuditTold],
            self.listed(
                "/audit",
                {
                    "actor": actor,
                    "action": action,
                    "origin": origin,
                    "repository": repository,
                    "since": since,
                    "until": until,
                    "by_itself": by_itself,
                },
                most,
            ),
        )

    def list_backups(self, *, most: int | None = None) -> Iterator[BackupRow]:
        """List the backups that were made by the clock, the newest first."""
        return cast(Iterator[BackupRow], self.listed("/backups", {}, most))

    def begin_bisection(self, body: NewBisection | None = None) -> BisectionTold:
        """Search for the commit, about log2(commits) + 1 comparisons one after the other.
        422 if the ends do not lie on one line, 404 for an unknown repository or alert, 503 while the forge does not answer.
        """
        return cast(BisectionTold, self.asked("POST", "/bisections", {}, body=body))

    def list_bisections(
        self, *, most: int | None = None, repository: str | None = None, shift: int | None = None
    ) -> Iterator[BisectionTold]:
        """List searches, the newest first."""
        return cast(
            Iterator[BisectionTold], self.listed("/bisections", {"repository": repository, "shift": shift}, most)
        )

    def show_bisection(self, bisection_id: int) -> BisectionTold:
        """Read one search with its steps."""
        return cast(BisectionTold, self.asked("GET", f"/bisections/{part(bisection_id)}", {}))

    def cancel_bisection(self, bisection_id: int) -> BisectionTold:
        """End a search, and cancel what runs for it. 409 if it has ended."""
        return cast(BisectionTold, self.asked("POST", f"/bisections/{part(bisection_id)}/cancel", {}))

    def list_boards(self, *, most: int | None = None) -> Iterator[BoardTold]:
        """List the boards that builders offer, with the configurations on them and the job they run."""
        return cast(Iterator[BoardTold], self.listed("/boards", {}, most))

    def show_board(self, name: str, *, builder: str | None = None) -> BoardShown:
        """Read one board: its health, its last checks with what the last one printed, and what was done to it."""
        return cast(BoardShown, self.asked("GET", f"/boards/{part(name)}", {"builder": builder}))

    def check_board(self, name: str, *, builder: str | None = None) -> CheckAsked:
        """Have the board checked by its builder, whatever its health; the job tells how it went.
        409 while a job runs on it or a person holds it, and if its builder has no check for it.
        """
        return cast(CheckAsked, self.asked("POST", f"/boards/{part(name)}/check", {"builder": builder}))

    def call_board_good(
        self, name: str, body: app__web__api__boards__Reason | None = None, *, builder: str | None = None
    ) -> BoardShown:
        """Say that a board is good: it gets jobs again, and its troubles so far are forgotten."""
        return cast(BoardShown, self.asked("POST", f"/boards/{part(name)}/good", {"builder": builder}, body=body))

    def hold_board(self, name: str, body: Hold, *, builder: str | None = None) -> BoardShown:
        """Keep a board for a person for some minutes, now or after the next job on it that goes wrong."""
        return cast(BoardShown, self.asked("POST", f"/boards/{part(name)}/hold", {"builder": builder}, body=body))

    def maintain_board(self, name: str, body: Maintenance, *, builder: str | None = None) -> BoardShown:
        """Take a board out to work on it, until somebody says that it is good. A job that runs on it ends normally."""
        return cast(
            BoardShown, self.asked("POST", f"/boards/{part(name)}/maintenance", {"builder": builder}, body=body)
        )

    def show_noise(
        self, name: str, *, builder: str | None = None, cursor: int | None = None, limit: int | None = None
    ) -> NoiseTold:
        """Say how well a board can tell a change, by benchmark, and how often equal builds seemed to differ on it."""
        return cast(
            NoiseTold,
            self.asked("GET", f"/boards/{part(name)}/noise", {"builder": builder, "cursor": cursor, "limit": limit}),
        )

    def release_board(self, name: str, *, builder: str | None = None) -> BoardShown:
        """Give a held board back, also one that was only to be held."""
        return cast(BoardShown, self.asked("POST", f"/boards/{part(name)}/release", {"builder": builder}))

    def list_builders(self, *, most: int | None = None) -> Iterator[BuilderSummary]:
        """List the builders that are not retired."""
        return cast(Iterator[BuilderSummary], self.listed("/builders", {}, most))

    def create_builder(self, body: NewBuilder) -> BuilderToken:
        """Make a builder. The answer holds its token, this once. 409 if the name is taken."""
        return cast(BuilderToken, self.asked("POST", "/builders", {}, body=body))

    def show_builder(self, name: str) -> BuilderTold:
        """Read one builder with the boards it offers."""
        return cast(BuilderTold, self.asked("GET", f"/builders/{part(name)}", {}))

    def delete_builder(self, name: str, *, if_match: str | None = None) -> None:
        """Delete a builder that never had a job; one with history is retired: its token is refused, its history stays.
        409 while it holds a job.
        """
        self.asked("DELETE", f"/builders/{part(name)}", {}, if_match=if_match)

    def drain_builder(self, name: str) -> BuilderTold:
        """Give it no new jobs, because it is going away once the running ones have ended. 409 once it is retired."""
        return cast(BuilderTold, self.asked("POST", f"/builders/{part(name)}/drain", {}))

    def pause_builder(self, name: str) -> BuilderTold:
        """Give it no new jobs; running ones go on. 409 once it is retired."""
        return cast(BuilderTold, self.asked("POST", f"/builders/{part(name)}/pause", {}))

    def resume_builder(self, name: str) -> BuilderTold:
        """Give it jobs again. 409 once it is retired."""
        return cast(BuilderTold, self.asked("POST", f"/builders/{part(name)}/resume", {}))

    def revoke_builder_token(self, name: str) -> BuilderTold:
        """Refuse its token from now on, because somebody else may have it.
        Its jobs end and are tried elsewhere; its boards get none until somebody says that they are good. 409 once it is
        retired.
        """
        return cast(BuilderTold, self.asked("POST", f"/builders/{part(name)}/revoke-token", {}))

    def rotate_builder_token(self, name: str) -> BuilderToken:
        """Make a new token; the old one is refused from now on. 409 once it is retired."""
        return cast(BuilderToken, self.asked("POST", f"/builders/{part(name)}/rotate-token", {}))

    def compare(self, body: Compare) -> PipelineTold:
        """Build two commits and run them by turns on the same boards, until enough is known or the budget ends.
        The pipeline's comparisons appear at the first look, after 8 pairs. 422 for a board, configuration or remote that
        does not exist or is not allowed, or that cannot compare; 404 for an unknown repository; 409 while no board is
        registered.
        """
        return cast(PipelineTold, self.asked("POST", "/comparisons", {}, body=body))

    def list_comparisons(
        self,
        *,
        most: int | None = None,
        repository: str | None = None,
        base: str | None = None,
        head: str | None = None,
        pipeline: int | None = None,
        job: int | None = None,
    ) -> Iterator[ComparisonTold]:
        """List comparisons, the newest first."""
        return cast(
            Iterator[ComparisonTold],
            self.listed(
                "/comparisons",
                {"repository": repository, "base": base, "head": head, "pipeline": pipeline, "job": job},
                most,
            ),
        )

    def show_comparison(self, comparison_id: int) -> ComparisonTold:
        """Read one comparison; its rows are a list of their own."""
        return cast(ComparisonTold, self.asked("GET", f"/comparisons/{part(comparison_id)}", {}))

    def list_comparison_rows(
        self,
        comparison_id: int,
        *,
        most: int | None = None,
        verdict: Literal[
            "regressed",
            "improved",
            "unchanged",
            "undecided",
            "no_baseline",
            "new",
            "removed",
            "failed",
            "skipped",
            "measured_once",
            "unjudged",
        ]
        | None = None,
    ) -> Iterator[RowTold]:
        """List the metrics of a comparison by name, each with its verdict, its change and the pairs."""
        return cast(
            Iterator[RowTold], self.listed(f"/comparisons/{part(comparison_id)}/rows", {"verdict": verdict}, most)
        )

    def list_conversations(
        self, *, most: int | None = None, repository: str | None = None
    ) -> Iterator[ConversationTold]:
        """List our comments on pull requests, those begun last first."""
        return cast(Iterator[ConversationTold], self.listed("/conversations", {"repository": repository}, most))

    def list_deliveries(self, *, most: int | None = None, forge: str | None = None) -> Iterator[DeliveryRow]:
        """List deliveries, the newest first."""
        return cast(Iterator[DeliveryRow], self.listed("/deliveries", {"forge": forge}, most))

    def show_delivery(self, delivery_id: int) -> DeliveryTold:
        """Read one delivery with what it led to, without its body."""
        return cast(DeliveryTold, self.asked("GET", f"/deliveries/{part(delivery_id)}", {}))

    def replay_delivery(self, delivery_id: int) -> DeliveryTold:
        """Handle a delivery once more, as if it had just come. What it led to before is found, not doubled.
        Without its body, which is kept for some time only, that is not possible: `removed`.
        """
        return cast(DeliveryTold, self.asked("POST", f"/deliveries/{part(delivery_id)}/replay", {}))

    def list_forges(self) -> Forges:
        """List the forges, without asking them; `GET /repositories/{repository_id}/connection` asks one."""
        return cast(Forges, self.asked("GET", "/forges", {}))

    def list_grants(
        self, *, most: int | None = None, user: str | None = None, repository: str | None = None
    ) -> Iterator[GrantTold]:
        """List who has which role in which repository: granted here, or of the rights on a forge."""
        return cast(Iterator[GrantTold], self.listed("/grants", {"user": user, "repository": repository}, most))

    def import_results(
        self,
        data: bytes,
        *,
        repository: str,
        commit: str,
        board_type: str,
        configuration: str,
        branch: str | None = None,
        format: str | None = None,
        pattern: str | None = None,
        benchmark: str | None = None,
        unit: str | None = None,
        better: Literal["lower", "higher"] | None = None,
        committed_at: str | None = None,
        measured_at: str | None = None,
        title: str | None = None,
        author: str | None = None,
    ) -> ImportTold:
        """Store what a result file says of one commit; the body is the file. May be repeated. 422: no format fits it."""
        return cast(
            ImportTold,
            self.sent(
                "/imports",
                data,
                {
                    "repository": repository,
                    "commit": commit,
                    "board_type": board_type,
                    "configuration": configuration,
                    "branch": branch,
                    "format": format,
                    "pattern": pattern,
                    "benchmark": benchmark,
                    "unit": unit,
                    "better": better,
                    "committed_at": committed_at,
                    "measured_at": measured_at,
                    "title": title,
                    "author": author,
                },
            ),
        )

    def list_jobs(
        self,
        *,
        most: int | None = None,
        commit: str | None = None,
        repository: str | None = None,
        state: Literal[
            "awaiting_approval",
            "queued",
            "leased",
            "running",
            "passed",
            "failed",
            "errored",
            "timed_out",
            "cancelled",
            "skipped",
        ]
        | None = None,
        board_type: str | None = None,
    ) -> Iterator[JobTold]:
        """List jobs, the newest first, those that a retry replaced too."""
        return cast(
            Iterator[JobTold],
            self.listed(
                "/jobs", {"commit": commit, "repository": repository, "state": state, "board_type": board_type}, most
            ),
        )

    def show_job(self, job_id: int) -> JobTold:
        """Read one job with its latest attempt, what it waits for, and how far it is."""
        return cast(JobTold, self.asked("GET", f"/jobs/{part(job_id)}", {}))

    def delete_job(self, job_id: int, *, if_match: str | None = None) -> None:
        """Delete an ended job with its logs, results and measurements. 409 if it is open or its pipeline's only one."""
        self.asked("DELETE", f"/jobs/{part(job_id)}", {}, if_match=if_match)

    def list_artefacts(self, job_id: int, *, attempt: int | None = None) -> ArtefactList:
        """List the artefacts of a job's attempt."""
        return cast(ArtefactList, self.asked("GET", f"/jobs/{part(job_id)}/artefacts", {"attempt": attempt}))

    def read_artefact(self, job_id: int, number: int, *, attempt: int | None = None) -> bytes:
        """Read an artefact byte by byte, as a download. 410 once it was removed."""
        return self.read(f"/jobs/{part(job_id)}/artefacts/{part(number)}", {"attempt": attempt})

    def list_attempts(self, job_id: int, *, most: int | None = None) -> Iterator[AttemptTold]:
        """List all tries at a job, the latest first; `?attempt=` of its log, results and artefacts takes their ids."""
        return cast(Iterator[AttemptTold], self.listed(f"/jobs/{part(job_id)}/attempts", {}, most))

    def cancel_job(self, job_id: int, body: app__web__api__pipelines__Reason | None = None) -> JobTold:
        """Cancel a job: a waiting one at once, a running one within the cancel grace. An ended one stays as it ended."""
        return cast(JobTold, self.asked("POST", f"/jobs/{part(job_id)}/cancel", {}, body=body))

    def read_log(self, job_id: int, *, attempt: int | None = None, strip: bool | None = None) -> bytes:
        """Read a log as far as it is now; `Range: bytes=START-` reads on. The header Rigline-Attempt names the attempt.
        410 once it was removed; `no_such_range` while nothing is behind START.
        """
        return self.read(f"/jobs/{part(job_id)}/log", {"attempt": attempt, "strip": strip})

    def search_log(
        self,
        job_id: int,
        *,
        text: str | None = None,
        errors: bool | None = None,
        after: int | None = None,
        attempt: int | None = None,
    ) -> LinesTold:
        """Search a log as far as it is now, line by line."""
        return cast(
            LinesTold,
            self.asked(
                "GET",
                f"/jobs/{part(job_id)}/log/lines",
                {"text": text, "errors": errors, "after": after, "attempt": attempt},
            ),
        )

    def stream_log(self, job_id: int, *, at: str | None = None) -> Iterator[Event]:
        """Follow a log: events `log` with `{"text": …}`, `attempt` when a new attempt starts over, `end` with the state.
        `at` beside a text says when it came, in seconds since 1970.
        """
        return self.followed(f"/jobs/{part(job_id)}/log/stream", {"at": at})

    def read_recipe(self, job_id: int) -> Recipe:
        """Read what it takes to do a job again elsewhere: commit, configuration and board, without secrets."""
        return cast(Recipe, self.asked("GET", f"/jobs/{part(job_id)}/recipe", {}))

    def read_result(self, job_id: int, *, number: int | None = None, attempt: int | None = None) -> bytes:
        """Read a result file verbatim, as a download: text/plain if it is text, else application/octet-stream.
        A file that was kept long enough is gone: `removed`.
        """
        return self.read(f"/jobs/{part(job_id)}/result", {"number": number, "attempt": attempt})

    def retry_job(self, job_id: int) -> JobTold:
        """Queue a new job in the place of an ended one; it is the answer. 409 if open or retried.
        `token_erased` if it was dispatched with a token, which is gone.
        """
        return cast(JobTold, self.asked("POST", f"/jobs/{part(job_id)}/retry", {}))

    def login(self, body: Login) -> NewToken:
        """Get a token for twelve hours by name and password.
        401 if one is wrong. After 10 tries of one name, or 60 in all, from one address in five minutes: 429
        `too_many_tries`, with the headers `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
        """
        return cast(NewToken, self.asked("POST", "/login", {}, body=body))

    def list_mutes(self, *, most: int | None = None, repository: str | None = None) -> Iterator[MuteTold]:
        """List what raises no alarm now."""
        return cast(Iterator[MuteTold], self.listed("/mutes", {"repository": repository}, most))

    def add_mute(self, body: NewMute) -> MuteTold:
        """Let a benchmark or a type of boards raise no alarm, and fail no status, for some days."""
        return cast(MuteTold, self.asked("POST", "/mutes", {}, body=body))

    def end_mute(self, mute_id: int) -> None:
        """End a mute now."""
        self.asked("DELETE", f"/mutes/{part(mute_id)}", {})

    def show_overview(self) -> Overview:
        """Count what there is now: open jobs, builders, boards, repositories, alerts."""
        return cast(Overview, self.asked("GET", "/overview", {}))

    def list_pipelines(
        self,
        *,
        most: int | None = None,
        commit: str | None = None,
        repository: str | None = None,
        state: Literal[
            "awaiting_approval",
            "queued",
            "leased",
            "running",
            "passed",
            "failed",
            "errored",
            "timed_out",
            "cancelled",
            "skipped",
        ]
        | None = None,
        branch: str | None = None,
        pull_request: int | None = None,
        requested_by: str | None = None,
        since: str | None = None,
    ) -> Iterator[PipelineRow]:
        """List pipelines, the newest first."""
        return cast(
            Iterator[PipelineRow],
            self.listed(
                "/pipelines",
                {
                    "commit": commit,
                    "repository": repository,
                    "state": state,
                    "branch": branch,
                    "pull_request": pull_request,
                    "requested_by": requested_by,
                    "since": since,
                },
                most,
            ),
        )

    def dispatch(self, body: Dispatch) -> PipelineTold:
        """Open a pipeline for one commit.
        422 for a board, configuration, tag or remote that does not exist or is not allowed; 404 for an unknown
        repository; 409 while no board is registered.
        """
        return cast(PipelineTold, self.asked("POST", "/pipelines", {}, body=body))

    def show_pipeline(self, pipeline_id: int) -> PipelineTold:
        """Read one pipeline with its jobs; retried jobs are listed too, as `replaced`."""
        return cast(PipelineTold, self.asked("GET", f"/pipelines/{part(pipeline_id)}", {}))

    def delete_pipeline(self, pipeline_id: int, *, if_match: str | None = None) -> None:
        """Delete an ended pipeline with its jobs, logs, results and measurements. 409 while a job is open."""
        self.asked("DELETE", f"/pipelines/{part(pipeline_id)}", {}, if_match=if_match)

    def approve_pipeline(self, pipeline_id: int, body: Approving) -> PipelineTold:
        """Trust exactly this commit: its jobs are queued. 409 if the pipeline is for another commit."""
        return cast(PipelineTold, self.asked("POST", f"/pipelines/{part(pipeline_id)}/approve", {}, body=body))

    def cancel_pipeline(self, pipeline_id: int, body: app__web__api__pipelines__Reason | None = None) -> PipelineTold:
        """Cancel all jobs that have not ended; running ones end within the cancel grace. Repeating it changes nothing."""
        return cast(PipelineTold, self.asked("POST", f"/pipelines/{part(pipeline_id)}/cancel", {}, body=body))

    def retry_pipeline(self, pipeline_id: int) -> PipelineTold:
        """Retry every job that ended without passing. 409 if there is none, `token_erased` if its token is gone."""
        return cast(PipelineTold, self.asked("POST", f"/pipelines/{part(pipeline_id)}/retry", {}))

    def list_presets(self, *, most: int | None = None) -> Iterator[PresetTold]:
        """List presets, those that are built in first."""
        return cast(Iterator[PresetTold], self.listed("/presets", {}, most))

    def add_preset(self, body: NewPreset) -> PresetTold:
        """Save a dispatch under a new name. 409 if the name is taken."""
        return cast(PresetTold, self.asked("POST", "/presets", {}, body=body))

    def show_preset(self, name: str) -> PresetTold:
        """Read one preset."""
        return cast(PresetTold, self.asked("GET", f"/presets/{part(name)}", {}))

    def change_preset(self, name: str, body: Preset, *, if_match: str | None = None) -> PresetTold:
        """Replace a preset that somebody saved."""
        return cast(PresetTold, self.asked("PUT", f"/presets/{part(name)}", {}, body=body, if_match=if_match))

    def remove_preset(self, name: str, *, if_match: str | None = None) -> None:
        """Forget a preset that somebody saved; what it opened stays."""
        self.asked("DELETE", f"/presets/{part(name)}", {}, if_match=if_match)

    def dispatch_preset(self, name: str, body: PresetDispatch | None = None) -> PipelineTold:
        """Open the pipeline that a preset describes.
        422 for an argument that is unknown, missing or fits none of its patterns; else as `POST /pipelines`, with 409
        also where the preset names no repository and more than one is served. Without a commit it is the one that its
        branch is at now.
        """
        return cast(PipelineTold, self.asked("POST", f"/presets/{part(name)}/dispatch", {}, body=body))

    def list_queue(
        self,
        *,
        most: int | None = None,
        board_type: str | None = None,
        repository: str | None = None,
        state: Literal[
            "awaiting_approval",
            "queued",
            "leased",
            "running",
            "passed",
            "failed",
            "errored",
            "timed_out",
            "cancelled",
            "skipped",
        ]
        | None = None,
    ) -> Iterator[QueueRow]:
        """List the jobs that have not ended, by id, with their place in the line and what they wait for."""
        return cast(
            Iterator[QueueRow],
            self.listed("/queue", {"board_type": board_type, "repository": repository, "state": state}, most),
        )

    def list_repositories(self, *, most: int | None = None) -> Iterator[RepositoryTold]:
        """List the repositories that are served, and the remotes that dispatches named."""
        return cast(Iterator[RepositoryTold], self.listed("/repositories", {}, most))

    def add_repository(self, body: NewRepository) -> RepositoryTold:
        """Serve a repository. With `id` the forge is not asked; else it is looked up by its name. May be repeated.
        `forge_refuses` if the forge does not show it.
        """
        return cast(RepositoryTold, self.asked("POST", "/repositories", {}, body=body))

    def show_repository(self, repository_id: int) -> RepositoryTold:
        """Read one repository."""
        return cast(RepositoryTold, self.asked("GET", f"/repositories/{part(repository_id)}", {}))

    def remove_repository(self, repository_id: int, *, if_match: str | None = None) -> None:
        """Stop serving a repository; its history stays."""
        self.asked("DELETE", f"/repositories/{part(repository_id)}", {}, if_match=if_match)

    def show_caps(self, repository_id: int) -> CapsTold:
        """Read the caps that count for a repository."""
        return cast(CapsTold, self.asked("GET", f"/repositories/{part(repository_id)}/caps", {}))

    def set_caps(self, repository_id: int, body: Caps | None = None, *, if_match: str | None = None) -> CapsTold:
        """Give a repository caps of its own; what is left out is as the settings say. The next claim obeys them."""
        return cast(
            CapsTold, self.asked("PUT", f"/repositories/{part(repository_id)}/caps", {}, body=body, if_match=if_match)
        )

    def show_connection(self, repository_id: int) -> ConnectionTold:
        """Ask the forge whether it shows us the repository, and tell when it last reached us."""
        return cast(ConnectionTold, self.asked("GET", f"/repositories/{part(repository_id)}/connection", {}))

    def count_repository_data(self, repository_id: int) -> Belongings:
        """Count what `erase` would delete, also of a repository that is no longer served."""
        return cast(Belongings, self.asked("GET", f"/repositories/{part(repository_id)}/data", {}))

    def erase_repository(self, repository_id: int, body: Confirmed) -> None:
        """Stop serving a repository and delete all that belongs to it: nobody finds it any more, and its rows go soon."""
        self.asked("POST", f"/repositories/{part(repository_id)}/erase", {}, body=body)

    def show_isolation(self, repository_id: int) -> IsolationTold:
        """Read how well a builder must keep the code of a repository's forks apart."""
        return cast(IsolationTold, self.asked("GET", f"/repositories/{part(repository_id)}/isolation", {}))

    def set_isolation(
        self, repository_id: int, body: Isolation | None = None, *, if_match: str | None = None
    ) -> IsolationTold:
        """Let a repository ask for more or less than the settings; `null` takes that back. Counts for new pipelines."""
        return cast(
            IsolationTold,
            self.asked("PUT", f"/repositories/{part(repository_id)}/isolation", {}, body=body, if_match=if_match),
        )

    def show_policy(self, repository_id: int) -> PolicyTold:
        """Read the rules that count for the default branch now, as the forge shows them; 503 if it does not answer."""
        return cast(PolicyTold, self.asked("GET", f"/repositories/{part(repository_id)}/policy", {}))

    def set_policy(self, repository_id: int, body: Rules, *, if_match: str | None = None) -> PolicyTold:
        """Keep rules on the service for a repository. 422 if they cannot be used: it says the line and the nearest word."""
        return cast(
            PolicyTold,
            self.asked("PUT", f"/repositories/{part(repository_id)}/policy", {}, body=body, if_match=if_match),
        )

    def delete_policy(self, repository_id: int, *, if_match: str | None = None) -> None:
        """Forget the rules kept on the service; without a `.rigline.toml` the built-in ones count then."""
        self.asked("DELETE", f"/repositories/{part(repository_id)}/policy", {}, if_match=if_match)

    def show_retention(self, repository_id: int) -> KeepingTold:
        """Read how long logs, artefacts, raw samples, result files and pipelines of a repository are kept."""
        return cast(KeepingTold, self.asked("GET", f"/repositories/{part(repository_id)}/retention", {}))

    def set_retention(
        self, repository_id: int, body: Keeping | None = None, *, if_match: str | None = None
    ) -> KeepingTold:
        """Give a repository rules of its own; what is left out is as the settings say. Workers obey within minutes."""
        return cast(
            KeepingTold,
            self.asked("PUT", f"/repositories/{part(repository_id)}/retention", {}, body=body, if_match=if_match),
        )

    def list_secrets(self, repository_id: int) -> SecretsTold:
        """List the webhook secrets of a repository and of its installation, without the secrets themselves."""
        return cast(SecretsTold, self.asked("GET", f"/repositories/{part(repository_id)}/secrets", {}))

    def add_secret(self, repository_id: int, body: NewSecret) -> SecretTold:
        """Take one more secret. From the first on, those of the settings count no more for this repository.
        To change a secret: add the new one, give it to the forge, remove the old one. 409 if there are too many, or there
        is no installation that it could be of.
        """
        return cast(SecretTold, self.asked("POST", f"/repositories/{part(repository_id)}/secrets", {}, body=body))

    def remove_secret(self, repository_id: int, secret_id: int) -> None:
        """Forget a secret: a delivery that is signed with it is refused from now on."""
        self.asked("DELETE", f"/repositories/{part(repository_id)}/secrets/{part(secret_id)}", {})

    def create_webhook(self, repository_id: int) -> WebhookTold:
        """Make the repository's webhook on its forge, with a new secret for it alone. Again: give it another secret.
        `forge_refuses` if it may not.
        """
        return cast(WebhookTold, self.asked("POST", f"/repositories/{part(repository_id)}/webhook", {}))

    def list_results(
        self,
        *,
        repository: str | None = None,
        branch: str | None = None,
        board_type: str | None = None,
        configuration: str | None = None,
        benchmark: str | None = None,
        metric: str | None = None,
        commit: str | None = None,
        job: int | None = None,
        samples: bool | None = None,
        cursor: int | None = None,
        limit: int | None = None,
    ) -> Measured:
        """List what was measured at a commit, or by a job, in the order it was stored; and what each execution said."""
        return cast(
            Measured,
            self.asked(
                "GET",
                "/results",
                {
                    "repository": repository,
                    "branch": branch,
                    "board_type": board_type,
                    "configuration": configuration,
                    "benchmark": benchmark,
                    "metric": metric,
                    "commit": commit,
                    "job": job,
                    "samples": samples,
                    "cursor": cursor,
                    "limit": limit,
                },
            ),
        )

    def list_schedules(self, *, most: int | None = None, repository: str | None = None) -> Iterator[ScheduleRow]:
        """List the rules of repositories that go by the clock."""
        return cast(Iterator[ScheduleRow], self.listed("/schedules", {"repository": repository}, most))

    def show_schedule(self, schedule_id: int) -> ScheduleRow:
        """Read one schedule."""
        return cast(ScheduleRow, self.asked("GET", f"/schedules/{part(schedule_id)}", {}))

    def pause_schedule(self, schedule_id: int) -> ScheduleRow:
        """Let a schedule rest until somebody resumes it."""
        return cast(ScheduleRow, self.asked("POST", f"/schedules/{part(schedule_id)}/pause", {}))

    def resume_schedule(self, schedule_id: int) -> ScheduleRow:
        """Let a schedule go on at its next time; what it slept through is passed over."""
        return cast(ScheduleRow, self.asked("POST", f"/schedules/{part(schedule_id)}/resume", {}))

    def run_schedule(self, schedule_id: int) -> Ran:
        """Run the rule now, at the newest commits of its branches; its next time stays. Twice in one minute is once.
        409 if the rule is gone or cannot be used.
        """
        return cast(Ran, self.asked("POST", f"/schedules/{part(schedule_id)}/run", {}))

    def list_series(
        self,
        *,
        most: int | None = None,
        repository: str | None = None,
        branch: str | None = None,
        board_type: str | None = None,
        configuration: str | None = None,
        benchmark: str | None = None,
        metric: str | None = None,
        default_branch: bool | None = None,
    ) -> Iterator[SeriesRow]:
        """List series by benchmark, metric, board type, configuration and branch.
        A series that is added or removed meanwhile moves no page.
        """
        return cast(
            Iterator[SeriesRow],
            self.listed(
                "/series",
                {
                    "repository": repository,
                    "branch": branch,
                    "board_type": board_type,
                    "configuration": configuration,
                    "benchmark": benchmark,
                    "metric": metric,
                    "default_branch": default_branch,
                },
                most,
            ),
        )

    def list_points(
        self, series_id: int, *, limit: int | None = None, cursor: int | None = None, samples: bool | None = None
    ) -> Points:
        """Read the points of a series' latest commits, in commit order; with `If-None-Match`, 304 while nothing changed."""
        return cast(
            Points,
            self.asked(
                "GET", f"/series/{part(series_id)}/points", {"limit": limit, "cursor": cursor, "samples": samples}
            ),
        )

    def list_points_as_csv(
        self, series_id: int, *, limit: int | None = None, cursor: int | None = None, samples: bool | None = None
    ) -> bytes:
        """Read the same as CSV, a row for each commit; raw samples are one cell, with spaces between."""
        return self.read(
            f"/series/{part(series_id)}/points.csv", {"limit": limit, "cursor": cursor, "samples": samples}
        )

    def list_sessions(self, *, most: int | None = None, user: str | None = None) -> Iterator[SessionRow]:
        """List the browsers that are signed in: one's own, or all as an admin."""
        return cast(Iterator[SessionRow], self.listed("/sessions", {"user": user}, most))

    def revoke_session(self, session_id: int) -> None:
        """End a session: one's own, or any as an admin. Its browser's next request is nobody's."""
        self.asked("DELETE", f"/sessions/{part(session_id)}", {})

    def list_shifts(
        self,
        *,
        most: int | None = None,
        repository: str | None = None,
        state: Literal["new", "acknowledged", "expected", "noise", "infrastructure", "fixed", "wont_fix", "recovered"]
        | None = None,
        every: bool | None = None,
        worse: bool | None = None,
        muted: bool | None = None,
        overdue: bool | None = None,
        branch: str | None = None,
        benchmark: str | None = None,
        board_type: str | None = None,
        assignee: str | None = None,
    ) -> Iterator[ShiftTold]:
        """List where histories moved, the newest first: what waits for somebody, unless another state is asked for."""
        return cast(
            Iterator[ShiftTold],
            self.listed(
                "/shifts",
                {
                    "repository": repository,
                    "state": state,
                    "every": every,
                    "worse": worse,
                    "muted": muted,
                    "overdue": overdue,
                    "branch": branch,
                    "benchmark": benchmark,
                    "board_type": board_type,
                    "assignee": assignee,
                },
                most,
            ),
        )

    def show_shift(self, shift_id: int) -> ShiftTold:
        """Read one shift."""
        return cast(ShiftTold, self.asked("GET", f"/shifts/{part(shift_id)}", {}))

    def judge_shift(self, shift_id: int, body: Triaged | None = None) -> ShiftTold:
        """Say what is to be thought of a shift. It holds until the shift grows by more than its tolerance.
        409 for `recovered`, which only measurements say.
        """
        return cast(ShiftTold, self.asked("POST", f"/shifts/{part(shift_id)}", {}, body=body))

    def backfill_shift(self, shift_id: int, body: Wish | None = None) -> Backfilled:
        """Measure some of the untested commits of an alert's range. 409 if there are none."""
        return cast(Backfilled, self.asked("POST", f"/shifts/{part(shift_id)}/backfill", {}, body=body))

    def list_change_points(self, shift_id: int, *, most: int | None = None) -> Iterator[ChangePointTold]:
        """List the change points of a shift, the largest change first."""
        return cast(Iterator[ChangePointTold], self.listed(f"/shifts/{part(shift_id)}/change-points", {}, most))

    def list_statuses(
        self,
        *,
        most: int | None = None,
        repository: str | None = None,
        commit: str | None = None,
        pipeline: int | None = None,
    ) -> Iterator[StatusTold]:
        """List what forges show, or are to show, on commits: the newest first."""
        return cast(
            Iterator[StatusTold],
            self.listed("/statuses", {"repository": repository, "commit": commit, "pipeline": pipeline}, most),
        )

    def list_subscriptions(self, *, most: int | None = None, ended: bool | None = None) -> Iterator[SubscriptionTold]:
        """List who is told of what."""
        return cast(Iterator[SubscriptionTold], self.listed("/subscriptions", {"ended": ended}, most))

    def subscribe(self, body: NewSubscription) -> SubscriptionMade:
        """Tell an address of alerts, failed pipelines or boards that are out. A webhook's secret is told this once.
        409 for mail where no mail server is configured.
        """
        return cast(SubscriptionMade, self.asked("POST", "/subscriptions", {}, body=body))

    def show_subscription(self, subscription_id: int) -> SubscriptionTold:
        """Read one subscription, also one that has ended."""
        return cast(SubscriptionTold, self.asked("GET", f"/subscriptions/{part(subscription_id)}", {}))

    def unsubscribe(self, subscription_id: int, *, if_match: str | None = None) -> None:
        """End a subscription; what is on its way is not sent any more."""
        self.asked("DELETE", f"/subscriptions/{part(subscription_id)}", {}, if_match=if_match)

    def list_notifications(self, subscription_id: int, *, most: int | None = None) -> Iterator[NotificationTold]:
        """List what a subscriber was told, or is to be told, the newest first, with the tries it took."""
        return cast(
            Iterator[NotificationTold], self.listed(f"/subscriptions/{part(subscription_id)}/notifications", {}, most)
        )

    def resume_subscription(self, subscription_id: int) -> SubscriptionTold:
        """Let a subscription go on that has ended, as one that was given up; what happened meanwhile is not told."""
        return cast(SubscriptionTold, self.asked("POST", f"/subscriptions/{part(subscription_id)}/resume", {}))

    def try_subscription(self, subscription_id: int) -> app__web__api__subscriptions__Tried:
        """Send a test now, once, and say whether it arrived."""
        return cast(
            app__web__api__subscriptions__Tried, self.asked("POST", f"/subscriptions/{part(subscription_id)}/test", {})
        )

    def add_token(self, body: TokenWish) -> NewToken:
        """Make a token for oneself, or for anybody as an admin; its text is shown this once.
        It may never do more than its owner, whatever it is narrowed to. A narrowed token makes none that may do more or
        lives longer.
        409 if there is one of this name, 404 for an unknown user, 403 for more than one's own token may.
        """
        return cast(NewToken, self.asked("POST", "/tokens", {}, body=body))

    def list_tokens(self, *, most: int | None = None) -> Iterator[TokenRow]:
        """List tokens: one's own, or all as an admin."""
        return cast(Iterator[TokenRow], self.listed("/tokens", {}, most))

    def revoke_token(self, token_id: int) -> None:
        """Revoke a token: one's own, or any as an admin. The next request with it is refused."""
        self.asked("DELETE", f"/tokens/{part(token_id)}", {})

    def add_user(self, body: NewUser) -> UserAdded:
        """Make a user; 409 if the name is taken."""
        return cast(UserAdded, self.asked("POST", "/users", {}, body=body))

    def list_users(self, *, most: int | None = None) -> Iterator[UserRow]:
        """List users."""
        return cast(Iterator[UserRow], self.listed("/users", {}, most))

    def add_root(self, body: FirstUser) -> UserAdded:
        """Make the first user, an admin; 409 once there is any user."""
        return cast(UserAdded, self.asked("POST", "/users/root", {}, body=body))

    def remove_user(self, name: str) -> None:
        """Delete a user with its tokens and sessions; the last admin stays (409)."""
        self.asked("DELETE", f"/users/{part(name)}", {})

    def grant(self, name: str, repository_id: int, body: NewGrant) -> GrantTold:
        """Give a user a role in one repository, in the place of an earlier grant there. It counts at once."""
        return cast(GrantTold, self.asked("PUT", f"/users/{part(name)}/grants/{part(repository_id)}", {}, body=body))

    def revoke(self, name: str, repository_id: int) -> None:
        """Take back what was granted to a user in a repository. It counts at once; 404 if nothing was."""
        self.asked("DELETE", f"/users/{part(name)}/grants/{part(repository_id)}", {})

    def list_identities(self, name: str) -> Page_IdentityTold_:
        """List the accounts on forges that sign a user in: one's own, or anybody's as an admin."""
        return cast(Page_IdentityTold_, self.asked("GET", f"/users/{part(name)}/identities", {}))

    def link_identity(self, name: str, body: NewIdentity) -> Page_IdentityTold_:
        """Let a user sign in with an account on a forge; 409 if it is somebody's, 503 if the forge cannot be asked."""
        return cast(Page_IdentityTold_, self.asked("POST", f"/users/{part(name)}/identities", {}, body=body))

    def unlink_identity(self, name: str, forge: str) -> None:
        """Let a user sign in with an account on this forge no more; sessions that began with it end."""
        self.asked("DELETE", f"/users/{part(name)}/identities/{part(forge)}", {})

    def set_password(self, name: str, body: NewPassword) -> None:
        """Replace a password: one's own, or any as an admin. All sessions of the user end; tokens stay valid."""
        self.asked("PUT", f"/users/{part(name)}/password", {}, body=body)

    def make_reset_link(self, name: str) -> ResetLink:
        """Make a link with which the user sets a password, once and within 24 hours; an earlier one is worth nothing."""
        return cast(ResetLink, self.asked("POST", f"/users/{part(name)}/reset", {}))

    def set_role(self, name: str, body: NewRole) -> None:
        """Give a user another role in the whole service; the last admin stays one (409). It counts at once."""
        self.asked("PUT", f"/users/{part(name)}/role", {}, body=body)

    def revoke_sessions(self, name: str) -> Ended:
        """End all sessions of a user: one's own, or anybody's as an admin."""
        return cast(Ended, self.asked("DELETE", f"/users/{part(name)}/sessions", {}))
