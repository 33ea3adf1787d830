"""What the API takes and answers.

Written by scripts/write_client.py from the declarations of the API: change those, and run `make format`.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

AnnotationKind = Literal["tag", "toolchain", "board", "note"]

BuilderState = Literal["active", "paused", "draining", "retired"]

Channel = Literal["mail", "webhook"]

ComparisonKind = Literal["interleaved", "apart"]

Health = Literal["unknown", "good", "bad", "quarantined", "maintenance"]

JobState = Literal[
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

Kind = Literal["build", "run", "health"]

Level = Literal["none", "subreaper", "namespaces", "cgroup"]

News = Literal[
    "opened",
    "improved",
    "reopened",
    "recovered",
    "triaged",
    "withdrawn",
    "pipeline_failed",
    "board_out",
    "board_good",
    "test",
]

Phase = Literal["fetch", "build", "run", "collect"]

Priority = Literal["release", "branch", "pull_request", "nightly"]

Right = Literal["account", "read", "dispatch", "control", "approve", "triage", "configure", "lab", "administer"]

Role = Literal["admin", "maintainer", "committer", "reviewer", "observer"]

Search = Literal["running", "found", "narrowed", "not_reproduced", "failed", "cancelled"]

Stage = Literal["pending", "running", "done", "never"]

Triage = Literal["new", "acknowledged", "expected", "noise", "infrastructure", "fixed", "wont_fix", "recovered"]

Trigger = Literal["push", "pull_request", "dispatch", "merge_group", "schedule", "command", "health"]

Verdict = Literal[
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

app__history__bisection__Tried = Literal["old", "new", "unknown"]


class AlertFilter(TypedDict):
    """Which alerts."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    resolved: NotRequired[bool]


class AlertTold(TypedDict):
    """Something of the service that a person has to look at."""

    id: int
    kind: str
    subject: str
    text: str
    repository: str | None
    forge: str | None
    raised_at: str
    times: int
    resolved_at: str | None


class AnnotationFilter(TypedDict):
    """Which annotations: those of one repository."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    repository: str
    board_type: NotRequired[str | None]
    configuration: NotRequired[str | None]


class AnnotationTold(TypedDict):
    """One remark at a commit."""

    id: int
    forge: str
    repository: str
    commit: str
    kind: AnnotationKind
    text: str
    cuts: bool
    board_type: str | None
    configuration: str | None
    said_by: str
    said_at: str


class Approving(TypedDict):
    """Which commit somebody looked at."""

    sha: str


class ArtefactList(TypedDict):
    """The artefacts of one attempt: never so many that they are paged."""

    items: list[ArtefactTold]
    next: NotRequired[str | None]
    removed_at: str | None


class ArtefactTold(TypedDict):
    """One artefact."""

    number: int
    name: str
    size: int
    sha256: str
    stored_at: str


class AttemptTold(TypedDict):
    """One try at a job."""

    id: int
    epoch: int
    builder: str
    board: str
    phase: Phase | None
    phases: list[PhaseTold]
    opened_at: str
    accepted_at: str | None
    ended_at: str | None
    outcome: JobState | None
    reason: str
    exit_code: int | None
    log_size: int
    log_dropped: int
    log_removed_at: str | None
    results: int


class AuditFilter(TypedDict):
    """Which lines; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    actor: NotRequired[str | None]
    action: NotRequired[str | None]
    origin: NotRequired[str | None]
    repository: NotRequired[str | None]
    since: NotRequired[str | None]
    until: NotRequired[str | None]
    by_itself: NotRequired[bool]


class AuditTold(TypedDict):
    """One thing that was done."""

    id: int
    at: str
    actor: str
    action: str
    origin: str
    means: str
    detail: str
    repository: str | None
    pipeline_id: int | None
    job_id: int | None


class Backfilled(TypedDict):
    """What was queued."""

    pipelines: list[int]


class BackupRow(TypedDict):
    """One backup by the clock."""

    id: int
    file: str
    machine: str
    begun_at: str
    ended_at: str | None
    size: int | None
    rows: int | None
    error: str
    removed_at: str | None


class Belongings(TypedDict):
    """How much belongs to a repository."""

    rows: dict[str, int]


class BisectionFilter(TypedDict):
    """Which searches; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    repository: NotRequired[str | None]
    shift: NotRequired[int | None]


class BisectionTold(TypedDict):
    """One search, and how far it is."""

    id: int
    repository: str
    shift_id: int | None
    benchmark: str
    metric: str
    board_type: str
    board: str | None
    configuration: str
    good: str
    bad: str
    commits: int
    state: Search
    culprit: str | None
    is_worse: bool | None
    note: str
    asked_by: str
    asked_at: str
    ended_at: str | None
    steps: list[StepTold]


class BoardShown(TypedDict):
    """A board with its past."""

    id: int
    name: str
    type: str
    builder: str
    description: str
    owner: str
    tags: list[str]
    health: Health
    health_reason: str
    health_at: str | None
    fail_streak: int
    checked_at: str | None
    check_every_s: float | None
    power: bool
    devices: list[str]
    held_until: str | None
    held_by: str
    hold_on_failure_s: float | None
    configurations: list[str]
    is_busy: bool
    job_id: int | None
    beside: str | None
    checks: list[CheckTold]
    output: str
    history: list[HappenedTold]


class BoardTold(TypedDict):
    """A board that a builder offers."""

    id: int
    name: str
    type: str
    builder: str
    description: str
    owner: str
    tags: list[str]
    health: Health
    health_reason: str
    health_at: str | None
    fail_streak: int
    checked_at: str | None
    check_every_s: float | None
    power: bool
    devices: list[str]
    held_until: str | None
    held_by: str
    hold_on_failure_s: float | None
    configurations: list[str]
    is_busy: bool
    job_id: int | None
    beside: str | None


class BuilderSummary(TypedDict):
    """A builder in a list."""

    id: int
    name: str
    state: BuilderState
    version: str
    isolation: str
    facts: dict[str, str]
    created_at: str
    seen_at: str | None
    disk_free: int | None
    problem: str
    boards: int
    busy: int


class BuilderToken(TypedDict):
    """What the agent needs, shown this once."""

    id: int
    name: str
    token: str


class BuilderTold(TypedDict):
    """A builder with its boards."""

    id: int
    name: str
    state: BuilderState
    version: str
    isolation: str
    facts: dict[str, str]
    created_at: str
    seen_at: str | None
    disk_free: int | None
    problem: str
    boards: list[BoardTold]


class Caps(TypedDict):
    """The caps of a repository of its own."""

    fork_owner: NotRequired[int | None]
    pull_request: NotRequired[int | None]
    repository: NotRequired[int | None]


class CapsTold(TypedDict):
    """What counts for a repository, and which of it is its own."""

    fork_owner: int
    pull_request: int
    repository: int
    own: Caps


class ChangePointTold(TypedDict):
    """The commit range in which one series shifted."""

    id: int
    shift_id: int
    series_id: int
    branch: str
    board_type: str
    configuration: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str
    better: str | None
    after_commit: str
    until_commit: str
    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    is_worse: bool | None
    points_after: int
    found_at: str
    recovered_at: str | None
    is_muted: bool


class CheckAsked(TypedDict):
    """A check that will tell."""

    board: str
    builder: str
    job_id: int


class CheckTold(TypedDict):
    """One check of a board: an ordinary job, whose log is what the check printed."""

    id: int
    state: JobState
    reason: str
    created_at: str
    started_at: str | None
    ended_at: str | None


class Compare(TypedDict):
    """Two commits of one repository, and where they are held against each other."""

    repository: NotRequired[str | None]
    remote_url: NotRequired[str | None]
    seconds: NotRequired[float | None]
    boards: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    configurations: NotRequired[list[str]]
    token: NotRequired[str | None]
    base: str
    head: str
    pairs: NotRequired[int]
    budget_s: NotRequired[float]
    repeat: NotRequired[int]


class ComparisonFilter(TypedDict):
    """Which comparisons; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    repository: NotRequired[str | None]
    base: NotRequired[str | None]
    head: NotRequired[str | None]
    pipeline: NotRequired[int | None]
    job: NotRequired[int | None]


class ComparisonTold(TypedDict):
    """One commit held against another on one target."""

    id: int
    repository: str
    pipeline_id: int
    job_id: int
    board: str | None
    board_type: str
    configuration: str
    kind: ComparisonKind
    base: str
    head: str
    pairs: int
    looks: int
    base_binary: str | None
    head_binary: str | None
    is_over: bool
    note: str
    counts: dict[str, int]
    ratio: float | None
    started_at: str
    judged_at: str | None


class Confirmed(TypedDict):
    """That somebody means it."""

    confirm: str


class ConnectionTold(TypedDict):
    """Whether a forge reaches us, and we it."""

    forge: str
    full_name: str
    url: str
    account: str | None
    shows_repository: bool
    problem: str | None
    hook_id: int | None
    secrets: int
    heard_at: str | None
    lost: int | None


class ConversationFilter(TypedDict):
    """Which conversations."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    repository: NotRequired[str | None]


class ConversationTold(TypedDict):
    """Our comment on a pull request."""

    id: int
    forge: str
    repository: str
    pipeline_id: int | None
    waits: bool
    tries: int
    next_at: str
    error: str
    closed: str | None
    pull_request: int
    comment_id: int | None


class DeliveryFilter(TypedDict):
    """Which deliveries."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    forge: NotRequired[str | None]


class DeliveryRow(TypedDict):
    """A delivery without its body."""

    id: int
    forge: str
    key: str
    kind: str
    received_at: str
    handled_at: str | None
    verdict: str | None
    tries: int


class DeliveryTold(TypedDict):
    """A delivery with its headers and what it led to, without its body."""

    id: int
    forge: str
    key: str
    kind: str
    received_at: str
    handled_at: str | None
    verdict: str | None
    tries: int
    headers: dict[str, str]
    pipelines: list[OpenedRow]


class Dispatch(TypedDict):
    """What is to be built, or built and run, where."""

    repository: NotRequired[str | None]
    remote_url: NotRequired[str | None]
    seconds: NotRequired[float | None]
    boards: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    configurations: NotRequired[list[str]]
    token: NotRequired[str | None]
    kind: Literal["build", "run"]
    commit: str
    repeat: NotRequired[int]


class Ended(TypedDict):
    """How much ended."""

    ended: int


class Execution(TypedDict):
    """What one execution says besides its numbers."""

    job_id: int
    number: int
    side: str
    pair: int | None
    format: str | None
    note: str
    env: dict[str, Any]
    unmeasured: dict[str, str]


class FirstUser(TypedDict):
    """The first user, an admin."""

    name: str
    password: str


class ForgeTold(TypedDict):
    """One forge."""

    name: str
    webhooks: str
    connected: bool


class Forges(TypedDict):
    """The forges this service knows; never so many that they are paged."""

    items: list[ForgeTold]
    next: NotRequired[None]


class GrantFilter(TypedDict):
    """Which grants; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    user: NotRequired[str | None]
    repository: NotRequired[str | None]


class GrantTold(TypedDict):
    """One role in one repository."""

    id: int
    user: str
    role: Role
    repository_id: int
    forge: str
    repository: str
    by: Literal["grant", "forge"]
    counts: bool
    granted_by: str
    granted_at: str


class HappenedTold(TypedDict):
    """Something that was done to a board, or found out about it."""

    at: str
    actor: str
    action: str
    detail: str


class Hold(TypedDict):
    """How long a board is kept, and from when."""

    minutes: float
    on_failure: NotRequired[bool]
    reason: NotRequired[str]


class IdentityTold(TypedDict):
    """An account on a forge that signs a user in."""

    forge: str
    forge_id: int
    login: str
    linked_at: str


class ImportTold(TypedDict):
    """What became of the file."""

    id: int
    format: str
    note: str
    measurements: int
    is_new: bool


class Imported(TypedDict):
    """What a file is of, and how it is to be read."""

    repository: str
    commit: str
    board_type: str
    configuration: str
    branch: NotRequired[str | None]
    format: NotRequired[str | None]
    pattern: NotRequired[str | None]
    benchmark: NotRequired[str | None]
    unit: NotRequired[str | None]
    better: NotRequired[Literal["lower", "higher"] | None]
    committed_at: NotRequired[str | None]
    measured_at: NotRequired[str | None]
    title: NotRequired[str]
    author: NotRequired[str]


class Isolation(TypedDict):
    """What a repository asks for of its own."""

    forks: NotRequired[Level | None]


class IsolationTold(TypedDict):
    """What counts for a repository, and whether that is its own."""

    forks: str
    own: Isolation


class JobFilter(TypedDict):
    """Which jobs; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    commit: NotRequired[str | None]
    repository: NotRequired[str | None]
    state: NotRequired[JobState | None]
    board_type: NotRequired[str | None]


class JobTold(TypedDict):
    """A job with its latest attempt."""

    id: int
    pipeline_id: int
    board_type: str
    board: str | None
    configuration: str
    tags: list[str]
    facts: dict[str, list[str]]
    target_group: str
    needs: list[str]
    state: JobState
    reason: str
    priority: Priority
    generation: int
    replaced: bool
    cancel_requested_at: str | None
    cancel_reason: str
    created_at: str
    queued_at: str | None
    started_at: str | None
    ended_at: str | None
    attempt: AttemptTold | None
    waits: NotRequired[WaitsTold | None]
    progress: NotRequired[ProgressTold | None]
    url: str


class Keeping(TypedDict):
    """The rules of a repository of its own."""

    logs: NotRequired[int | None]
    artefacts: NotRequired[int | None]
    samples: NotRequired[int | None]
    results: NotRequired[int | None]
    pipelines: NotRequired[int | None]


class KeepingTold(TypedDict):
    """What counts for a repository in days, and which of it is its own; 0: for ever."""

    logs: int
    artefacts: int
    samples: int
    results: int
    pipelines: int
    own: Keeping


class LineTold(TypedDict):
    """One line."""

    line: int
    text: str


class LinesTold(TypedDict):
    """What a search found."""

    hits: list[LineTold]
    is_all: bool
    lines: int


class Login(TypedDict):
    """Who wants a token."""

    name: str
    password: str


class Maintenance(TypedDict):
    """What is done to a board."""

    reason: str


class Measured(TypedDict):
    """One page of measurements, in the order they were stored."""

    items: list[MeasurementRow]
    next: int | None
    executions: list[Execution]


class MeasurementRow(TypedDict):
    """What one attempt measured of one series, in the series' unit."""

    id: int
    series_id: int
    job_id: int | None
    branch: str
    board_type: str
    configuration: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str
    better: str | None
    value: float
    low: float
    high: float
    count: int
    samples: list[float] | None
    resolution: float | None
    cap: float | None
    measured_at: str


class Move(TypedDict):
    """A level that begins at a commit."""

    before: float
    after: float
    change: float
    low: float | None
    high: float | None
    is_worse: bool | None
    state: str
    alert: int


class MuteFilter(TypedDict):
    """Which mutes."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    repository: NotRequired[str | None]


class MuteTold(TypedDict):
    """One mute that is not over."""

    id: int
    forge: str
    repository: str
    benchmark: str | None
    metric: str | None
    board_type: str | None
    reason: str
    said_by: str
    said_at: str
    until_at: str


class NewAnnotation(TypedDict):
    """What happened at a commit besides the commit."""

    repository: str
    commit: str
    kind: NotRequired[AnnotationKind]
    text: str
    cuts: NotRequired[bool]
    board_type: NotRequired[str | None]
    configuration: NotRequired[str | None]


class NewBisection(TypedDict):
    """What to search: an alert says all of it, else it is said here."""

    shift: NotRequired[int | None]
    repository: NotRequired[str | None]
    remote_url: NotRequired[str | None]
    good: NotRequired[str | None]
    bad: NotRequired[str | None]
    commits: NotRequired[list[str] | None]
    benchmark: NotRequired[str | None]
    metric: NotRequired[str | None]
    board_type: NotRequired[str | None]
    configuration: NotRequired[str | None]
    board: NotRequired[str | None]
    budget_s: NotRequired[float]


class NewBuilder(TypedDict):
    """A builder to be."""

    name: str


class NewGrant(TypedDict):
    """A role in one repository."""

    role: Literal["maintainer", "committer", "reviewer", "observer"]


class NewIdentity(TypedDict):
    """An account to link."""

    forge: Literal["github", "gitlab"]
    login: str


class NewMute(TypedDict):
    """What raises no alarm, and for how long. A benchmark or a type of boards must be named."""

    repository: str
    benchmark: NotRequired[str | None]
    metric: NotRequired[str | None]
    board_type: NotRequired[str | None]
    days: NotRequired[float]
    reason: str


class NewPassword(TypedDict):
    """A password to be."""

    password: str


class NewPreset(TypedDict):
    """A dispatch to be saved under a new name."""

    description: NotRequired[str]
    work: PresetWork
    arguments: NotRequired[dict[str, Any]]
    name: str


class NewRepository(TypedDict):
    """A repository to serve: looked up at its forge, or described whole."""

    forge: str
    full_name: str
    id: NotRequired[int | None]
    clone_url: NotRequired[str | None]
    default_branch: NotRequired[str]
    private: NotRequired[bool]


class NewRole(TypedDict):
    """A role to be."""

    role: Role | None


class NewSecret(TypedDict):
    """A secret that the forge was given too."""

    text: str
    kind: NotRequired[Literal["secret", "signing"]]
    whose: NotRequired[Literal["repository", "installation"]]


class NewSubscription(TypedDict):
    """Whom to tell of what."""

    channel: Channel
    address: str
    repository: NotRequired[str | None]
    events: NotRequired[list[News]]


class NewToken(TypedDict):
    """A token, shown this once."""

    id: int
    token: str
    expires_in_s: int | None


class NewUser(TypedDict):
    """A user to be."""

    name: str
    password: NotRequired[str | None]
    role: NotRequired[Role | None]


class NoiseOf(TypedDict):
    """Which board, and which part of the list. It is ordered by what it is of, so the cursor counts rows."""

    builder: NotRequired[str | None]
    cursor: NotRequired[int]
    limit: NotRequired[int]


class NoiseRow(TypedDict):
    """What pairs of equal builds showed of one metric on a board. Sizes are relative: 0.01 is one percent."""

    repository: str
    configuration: str
    benchmark: str
    metric: str
    identity: str
    pairs: int
    sigma: float | None
    drift: float | None
    drifts: bool
    bias: float | None
    biased: bool
    needed: int | None
    too_noisy: bool
    trials: int
    false_alarms: int
    changed_at: str


class NoiseTold(TypedDict):
    """The noise of a board, and how often equal builds would have been called different on it."""

    items: list[NoiseRow]
    next: int | None
    trials: int
    false_alarms: int
    rate: float | None
    low: float
    high: float


class NotificationTold(TypedDict):
    """One piece of news on its way to a subscriber."""

    id: int
    delivery: str
    event: News
    shift_id: int | None
    pipeline_id: int | None
    created_at: str
    next_at: str
    tries: int
    error: str
    sent_at: str | None
    closed: str | None


class OfBuilder(TypedDict):
    """Which board is meant, if several builders have one of that name."""

    builder: NotRequired[str | None]


class Offset(TypedDict):
    """Which page of a list that is ordered by size."""

    cursor: NotRequired[int]
    limit: NotRequired[int]


class OpenedRow(TypedDict):
    """A pipeline that a delivery opened."""

    id: int
    forge: str
    full_name: str
    commit: str
    rule: str | None
    error: str | None


class Overview(TypedDict):
    """The service in sum."""

    jobs: dict[str, int]
    builders: dict[str, int]
    boards: dict[str, int]
    repositories: int
    alerts: int


class Page_IdentityTold_(TypedDict):
    """Page_IdentityTold_"""

    items: list[IdentityTold]
    next: int | None


class Paged(TypedDict):
    """Which page of a list."""

    cursor: NotRequired[int]
    limit: NotRequired[int]


class PhaseProgressTold(TypedDict):
    """How far one phase is."""

    phase: Phase
    stage: Stage
    seconds: float | None
    expected_s: float | None
    share: float | None
    over_s: float


class PhaseTold(TypedDict):
    """How one phase went."""

    phase: Phase
    seconds: float
    exit_code: NotRequired[int | None]


class PipelineFilter(TypedDict):
    """Which pipelines; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    commit: NotRequired[str | None]
    repository: NotRequired[str | None]
    state: NotRequired[JobState | None]
    branch: NotRequired[str | None]
    pull_request: NotRequired[int | None]
    requested_by: NotRequired[str | None]
    since: NotRequired[str | None]


class PipelineRow(TypedDict):
    """A pipeline without its jobs."""

    id: int
    state: JobState
    kind: Kind
    trigger: Trigger
    repository: str
    forge: str
    commit: str
    title: str
    branch: str | None
    pull_request: int | None
    from_fork: bool
    trust: str | None
    requested_by: str
    error: str | None
    limit_s: float | None
    repeat: int
    rule: str | None
    preset: str | None
    arguments: dict[str, str]
    compare_with: str | None
    compare_why: str
    interleaved: bool
    token_erased: bool
    counts: dict[str, int]
    created_at: str
    started_at: str | None
    ended_at: str | None
    url: str


class PipelineTold(TypedDict):
    """A pipeline with its jobs."""

    id: int
    state: JobState
    kind: Kind
    trigger: Trigger
    repository: str
    forge: str
    commit: str
    title: str
    branch: str | None
    pull_request: int | None
    from_fork: bool
    trust: str | None
    requested_by: str
    error: str | None
    limit_s: float | None
    repeat: int
    rule: str | None
    preset: str | None
    arguments: dict[str, str]
    compare_with: str | None
    compare_why: str
    interleaved: bool
    token_erased: bool
    counts: dict[str, int]
    created_at: str
    started_at: str | None
    ended_at: str | None
    url: str
    jobs: list[JobTold]


class PointRow(TypedDict):
    """One commit of a series, in the series' unit."""

    commit: str
    title: str
    committed_at: str
    job_id: int | None
    value: float
    low: float
    high: float
    samples: int
    change: float | None
    move: Move | None
    raw: list[float] | None


class Points(TypedDict):
    """A series with its points in commit order."""

    series: SeriesRow
    items: list[PointRow]
    next: int | None


class PolicyTold(TypedDict):
    """What a repository runs when."""

    source: str | None
    commit: str | None
    rules: list[RuleTold]
    error: str | None
    text: str | None
    schedules: list[ScheduleTold]


class Preset(TypedDict):
    """A dispatch to be saved."""

    description: NotRequired[str]
    work: PresetWork
    arguments: NotRequired[dict[str, Any]]


class PresetArgument(TypedDict):
    """What may be given for one argument."""

    default: NotRequired[str | None]
    patterns: NotRequired[list[str]]
    description: NotRequired[str]


class PresetDispatch(TypedDict):
    """What is to be filled in."""

    arguments: NotRequired[dict[str, str | int | float | bool]]
    token: NotRequired[str | None]


class PresetTold(TypedDict):
    """One preset."""

    id: int
    name: str
    description: str
    work: PresetWork
    arguments: dict[str, PresetArgument]
    made_by: str
    changed_at: str | None
    is_built_in: bool


class PresetWork(TypedDict):
    """The fields of a dispatch; `{name}` in a text stands for an argument."""

    kind: Literal["build", "run"]
    repository: NotRequired[str | None]
    remote_url: NotRequired[str | None]
    commit: NotRequired[str | None]
    branch: NotRequired[str | None]
    boards: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    configurations: NotRequired[list[str]]
    seconds: NotRequired[float | str | None]
    repeat: NotRequired[int | str]


class ProgressTold(TypedDict):
    """How far a job is, by how long the last ones like it took that passed."""

    phases: list[PhaseProgressTold]
    seconds: float
    expected_s: float | None
    share: float | None
    left_s: float | None
    over_s: float
    jobs: int


class QueueFilter(TypedDict):
    """Which open jobs; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    board_type: NotRequired[str | None]
    repository: NotRequired[str | None]
    state: NotRequired[JobState | None]


class QueueRow(TypedDict):
    """One job that has not ended."""

    id: int
    pipeline_id: int
    state: JobState
    kind: Kind
    board_type: str
    board: str | None
    configuration: str
    tags: list[str]
    priority: Priority
    queued_at: str | None
    forge: str
    repository: str
    commit: str
    branch: str | None
    pull_request: int | None
    place: int | None
    waits: WaitsTold | None
    builder: str | None
    on_board: str | None
    phase: Phase | None
    opened_at: str | None


class Ran(TypedDict):
    """What running a rule opened."""

    pipelines: list[int]


class Recipe(TypedDict):
    """One job as a builder needs to know it, without secrets."""

    job_id: int
    kind: Kind
    board_type: str
    board: str | None
    configuration: str
    repeat: int
    limit_s: float | None
    commit: str
    ref: str | None
    clone_url: str
    repository: str
    key: str
    private: bool
    trusted: bool
    base: str | None
    trusted_files: list[str]
    arguments: dict[str, str]


class RepositoryTold(TypedDict):
    """A repository that is served."""

    id: int
    forge: str
    forge_id: int | None
    full_name: str
    clone_url: str
    default_branch: str
    private: bool
    added_at: str


class ResetLink(TypedDict):
    """A link that sets a password, shown this once."""

    link: str
    expires_in_s: int


class RowFilter(TypedDict):
    """Which rows. They are ordered by what they are of, so the cursor counts rows."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    verdict: NotRequired[Verdict | None]


class RowTold(TypedDict):
    """One metric of a comparison. Changes are relative, of head to base as measured: 0.05 is five percent more."""

    identity: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str
    better: str | None
    verdict: Verdict
    change: float | None
    low: float | None
    high: float | None
    p: float | None
    fails: bool
    note: str
    base_values: list[float]
    head_values: list[float]


class RuleTold(TypedDict):
    """One rule."""

    name: str
    events: list[str]
    kind: str
    schedule: str


class Rules(TypedDict):
    """Rules in the form of `.rigline.toml`."""

    text: str


class ScheduleFilter(TypedDict):
    """Which schedules."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    repository: NotRequired[str | None]


class ScheduleRow(TypedDict):
    """One rule that goes by the clock."""

    id: int
    repository_id: int
    forge: str
    repository: str
    rule: str
    cron: str
    zone: str
    next_at: str
    last_at: str | None
    paused_at: str | None
    paused_by: str


class ScheduleTold(TypedDict):
    """When a rule runs by the clock."""

    rule: str
    cron: str
    zone: str
    next_at: str
    last_at: str | None


class SecretTold(TypedDict):
    """That there is a secret."""

    id: int
    kind: str
    whose: Literal["repository", "installation"]
    added_at: str


class SecretsTold(TypedDict):
    """The secrets that count for a repository's deliveries; none: those of the settings count."""

    items: list[SecretTold]
    next: NotRequired[None]


class SeriesFilter(TypedDict):
    """Which series. The cursor is the last one of the page before: what is added meanwhile moves no page."""

    repository: NotRequired[str | None]
    branch: NotRequired[str | None]
    board_type: NotRequired[str | None]
    configuration: NotRequired[str | None]
    benchmark: NotRequired[str | None]
    metric: NotRequired[str | None]
    default_branch: NotRequired[bool]
    cursor: NotRequired[int | None]
    limit: NotRequired[int]


class SeriesRow(TypedDict):
    """What one series is of."""

    id: int
    forge: str
    repository: str
    branch: str
    board_type: str
    configuration: str
    benchmark: str
    params: dict[str, Any]
    version: str
    metric: str
    unit: str
    better: str | None


class SessionFilter(TypedDict):
    """Which sessions."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    user: NotRequired[str | None]


class SessionRow(TypedDict):
    """A browser that is signed in."""

    id: int
    user: str
    way: str
    made_at: str
    used_at: str
    ends_at: str
    address: str
    agent: str


class ShiftFilter(TypedDict):
    """Which shifts; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    repository: NotRequired[str | None]
    state: NotRequired[Triage | None]
    every: NotRequired[bool]
    worse: NotRequired[bool | None]
    muted: NotRequired[bool | None]
    overdue: NotRequired[bool | None]
    branch: NotRequired[str | None]
    benchmark: NotRequired[str | None]
    board_type: NotRequired[str | None]
    assignee: NotRequired[str | None]


class ShiftTold(TypedDict):
    """A shift: change points whose commit ranges overlap. Changes are relative, as measured: 0.05 is 5 % more."""

    id: int
    forge: str
    repository: str
    branch: str
    after: str
    until: str
    title: str
    state: Triage
    is_worse: bool
    is_overdue: bool
    is_muted: bool
    said_by: str
    said_at: str | None
    reason: str
    link: str
    assignee: str
    agreed_change: float | None
    opened_at: str
    closed_at: str | None
    change_points: int
    boards: list[str]
    benchmark: str
    metric: str
    change: float | None
    series_id: int | None
    url: str


class StatusFilter(TypedDict):
    """Which statuses; every condition must hold."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    repository: NotRequired[str | None]
    commit: NotRequired[str | None]
    pipeline: NotRequired[int | None]


class StatusTold(TypedDict):
    """A status of a commit."""

    id: int
    forge: str
    repository: str
    pipeline_id: int | None
    waits: bool
    tries: int
    next_at: str
    error: str
    closed: str | None
    commit: str
    context: str
    sent_state: str | None
    sent_description: str
    sent_at: str | None


class StepTold(TypedDict):
    """One commit, run by turns with the good one. Changes are relative, as measured."""

    number: int
    commit: str
    pipeline_id: int | None
    tried: app__history__bisection__Tried | None
    change: float | None
    low: float | None
    high: float | None
    note: str
    begun_at: str
    ended_at: str | None


class SubscriptionFilter(TypedDict):
    """Which subscriptions."""

    cursor: NotRequired[int]
    limit: NotRequired[int]
    ended: NotRequired[bool]


class SubscriptionMade(TypedDict):
    """A new subscription with what its webhooks are signed with."""

    id: int
    channel: Channel
    address: str
    repository: str | None
    of_owner: bool
    events: list[News]
    said_by: str
    said_at: str
    ended_at: str | None
    ended_why: str
    sent_at: str | None
    waiting: int
    error: str
    secret: str | None


class SubscriptionTold(TypedDict):
    """A subscription. Of a webhook's address only the server is told: the rest may hold a secret."""

    id: int
    channel: Channel
    address: str
    repository: str | None
    of_owner: bool
    events: list[News]
    said_by: str
    said_at: str
    ended_at: str | None
    ended_why: str
    sent_at: str | None
    waiting: int
    error: str


class TokenRow(TypedDict):
    """A token, without its secret."""

    id: int
    user: str
    name: str
    created_at: str
    expires_at: str | None
    used_at: str | None
    revoked_at: str | None
    rights: list[str] | None
    repository: str | None


class TokenWish(TypedDict):
    """A token to be."""

    name: str
    user: NotRequired[str | None]
    days: NotRequired[int | None]
    rights: NotRequired[list[Right] | None]
    repository: NotRequired[str | None]


class Triaged(TypedDict):
    """What somebody says of a shift. What is left out stays as it is."""

    state: NotRequired[Triage | None]
    reason: NotRequired[str | None]
    link: NotRequired[str | None]
    assignee: NotRequired[str | None]


class UserAdded(TypedDict):
    """A user that was made."""

    id: int
    name: str
    role: Role | None


class UserRow(TypedDict):
    """A user, without secrets."""

    id: int
    name: str
    role: Role | None
    created_at: str
    tokens: int


class WaitsTold(TypedDict):
    """What a queued job waits for."""

    name: str
    text: str


class WebhookTold(TypedDict):
    """The webhook of a repository that leads here."""

    id: int
    url: str


class WhereFrom(TypedDict):
    """Where to begin."""

    at: NotRequired[str]


class WhichAttempt(TypedDict):
    """Of which attempt."""

    attempt: NotRequired[int | None]


class WhichLines(TypedDict):
    """What is looked for: a text, or errors."""

    text: NotRequired[str | None]
    errors: NotRequired[bool]
    after: NotRequired[int]
    attempt: NotRequired[int | None]


class WhichLog(TypedDict):
    """Which log, and how."""

    attempt: NotRequired[int | None]
    strip: NotRequired[bool]


class WhichMeasurements(TypedDict):
    """Which measurements: of a commit or of a job. The cursor is the last one of the page before."""

    repository: NotRequired[str | None]
    branch: NotRequired[str | None]
    board_type: NotRequired[str | None]
    configuration: NotRequired[str | None]
    benchmark: NotRequired[str | None]
    metric: NotRequired[str | None]
    commit: NotRequired[str | None]
    job: NotRequired[int | None]
    samples: NotRequired[bool]
    cursor: NotRequired[int | None]
    limit: NotRequired[int]


class WhichPoints(TypedDict):
    """Which part of a series."""

    limit: NotRequired[int]
    cursor: NotRequired[int | None]
    samples: NotRequired[bool]


class WhichResult(TypedDict):
    """Which result file."""

    number: NotRequired[int]
    attempt: NotRequired[int | None]


class Wish(TypedDict):
    """How much of a range is to be measured."""

    most: NotRequired[int]


class app__web__api__boards__Reason(TypedDict):
    """Why something is done; other people read it."""

    reason: NotRequired[str]


class app__web__api__pipelines__Reason(TypedDict):
    """Why."""

    reason: NotRequired[str]


class app__web__api__subscriptions__Tried(TypedDict):
    """What came of a test."""

    arrived: bool
    error: str
