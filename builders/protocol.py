"""Everything a builder and the service may say to each other, and what each call promises.

All calls are HTTPS requests of the builder, with its token in the `Authorization` header and the
number below in `Rigline-Protocol`. Times are durations in seconds: a builder measures them with
its monotonic clock, the service with the clock of its database; neither trusts the other's.

PUT /api/v1/builders/me: `Hello` → `Welcome`
    Names the boards and configurations. May be repeated. 409 `builder_in_use` while another agent
    lives under the same name, `board_in_use` if another builder offers a board with one of the devices.
POST /api/v1/builders/me/token → `NewToken`, or 204 while the token is young
    The token that the request showed works for another hour; after a lost answer the agent asks with it again.
POST /api/v1/builders/me/claim: `Claim` → `Lease`, or 204
    Waits ≤ `wait_s`. The same `claim_id` gets the same lease until it is accepted by a first beat; a
    lease not accepted in `ACCEPT_S` lapses. 409 `drained`: the builder is to end, and has no job any more.
POST /api/v1/attempts/{id}/beat: `Beat` → `BeatAnswer`
    Accepts or extends the lease. 409 `lease_lost`: stop everything, drop the job.
GET /api/v1/attempts/{id}/wait?epoch=: → `Signal`
    Held ≤ `MAX_WAIT_S`; answers as soon as the job is to be cancelled.
PATCH /api/v1/attempts/{id}/log?epoch=&start=: bytes → `LogSize`
    Appends ≤ `MAX_CHUNK` bytes at an offset. Repeats change nothing, overlaps add the new part, a gap
    is 416 with the size to go back to, 413 once the log is full. 507 `log_store_full`: the service keeps no
    more logs now; `size` bytes of this one are kept, and its last words may follow: `&last=1` with ≤ `LAST_WORDS`.
PUT /api/v1/attempts/{id}/results/{number}?epoch=&side=&pair=&binary=: bytes → 200
    Stores the result file of one run phase (0 … repeat - 1; of a comparison as many as its pairs have). Of which
    side and pair it is only a comparison says; `binary` is the SHA-256 of what was run, where the builder knows it.
    Repeats change nothing.
POST /api/v1/attempts/{id}/look: `Look` → `Looked`
    Only of a comparison, after so many pairs as were wanted: judges what was measured so far, and says how many
    pairs are to follow. Asked again it gives the same answer. 412 `incomplete`: a result file is not stored as named.
PUT /api/v1/attempts/{id}/artefacts/{number}/{piece}?epoch=: bytes → 200
    Stores one piece of an artefact; every piece but the last has `MAX_CHUNK` bytes. Repeats change nothing;
    the finish says what the artefacts are called.
PUT /api/v1/attempts/{id}/result: `Finish` → `Finished`
    The first finish wins; the same again is 200, another is 409. 412 `incomplete`: the log, a result
    file or an artefact did not arrive whole; send it again. It may bring the last bytes of the log along,
    and the claim for the board that it frees: both are no part of what is said of the attempt.

Errors are `{"error": {"code", "message"}}`: 401 unknown or revoked token, 403 another builder's
attempt, 409 as above, 426 a protocol the service does not speak, 503 with `Retry-After`: later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

PROTOCOL = 1
LEASE_S = 45.0  # a lease not extended for so long is lost
BEAT_S = 10.0  # how often a builder extends it
ACCEPT_S = 15.0  # a lease without a first beat lapses after this
REUSE_S = 15.0  # the service waits so much longer than the lease before a board is given away
MAX_WAIT_S = 50.0  # the longest held request
MAX_CHUNK = 1 << 20  # bytes of log in one request
CHECK = "health check"  # what a check of a board is called where jobs have a configuration; no configuration's name
FURTHER = "infra:further"  # what a reason starts with where one of a job's further boards was in trouble
DISK_FLOOR = 2 << 30  # bytes free for work trees: with less a builder is offered no jobs
MAX_PROBLEM = 1000  # characters of what a builder says is wrong with it
MAX_LOG = 64 << 20  # bytes of log kept of one attempt
MAX_REST = 64 << 10  # bytes of log that a finish may bring along
LAST_WORDS = MAX_REST  # bytes of log that a service whose store is full still takes of one attempt
LOG_RATE = 8 << 20  # bytes of log in a second that one attempt may send
MAX_RESULT = 16 << 20  # bytes of one result file
MAX_ARTEFACT = 64 << 20  # bytes of one artefact
MAX_ARTEFACTS_SIZE = 256 << 20  # bytes of all artefacts of one attempt
MAX_ARTEFACTS = 100  # artefacts of one attempt
MAX_ARTEFACT_NAME = 400  # characters
MAX_JOB_S = 24 * 3600.0  # the longest limit of a job, whoever asks for it
COMPARE_S = 1800.0  # of a comparison whose budget nobody named
MAX_FORMAT_NAME = 50  # characters; likewise of a unit
MAX_PATTERN = 500  # characters of the regular expression that reads a result file
MAILBOX_LIMIT = 255  # characters
MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")  # of an owner; RFC 5322's atoms
MAX_REASON = 4000  # characters of why an attempt ended so
CANCEL_GRACE_S = 10.0  # from the polite request to the kill
FORCE_UNCONFIRMED_S = 60.0  # from then until the service itself declares the job cancelled


class Level(StrEnum):
    """How well a builder keeps a job apart from its machine; each holds what the one before holds."""

    NONE = "none"
    SUBREAPER = "subreaper"  # nothing of a job outlives it, but it sees what the agent sees
    NAMESPACES = "namespaces"  # a sandbox: own files, processes, network, devices
    CGROUP = "cgroup"  # and the kernel limits its memory, processes and CPU


class Kind(StrEnum):
    """What a job does: fetch and build; fetch, build and run; or look whether its board is well."""

    BUILD = "build"
    RUN = "run"
    HEALTH = "health"  # the builder's own check of the board: no code, no configuration


class Phase(StrEnum):
    """The parts of a job, in their order."""

    FETCH = "fetch"
    BUILD = "build"
    RUN = "run"
    COLLECT = "collect"


class Side(StrEnum):
    """Which commit of a comparison a run phase measured."""

    BASE = "base"
    HEAD = "head"


class Outcome(StrEnum):
    """How an attempt ended. `failed` is the commit's fault, `errored` ours."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Cancel(StrEnum):
    """What the service wants of a running job."""

    NONE = "none"
    POLITE = "polite"  # hook and SIGINT, then SIGTERM, then kill after the grace
    FORCE = "force"  # kill now


@dataclass(frozen=True, kw_only=True)
class ConfigurationOffer:
    """One way to build and run on a board, as the service needs to know it."""

    name: str
    tags: list[str] = field(default_factory=list)
    limit_s: float | None = None  # the whole job's time limit; None: the service's default
    further: list[str] = field(default_factory=list)  # names of other boards of this builder that its jobs hold too
    compares: bool = False  # it can build two commits and run them by turns


@dataclass(frozen=True, kw_only=True)
class CheckOffer:
    """The health check that a builder has for a board."""

    every_s: float  # a good board is looked at so often
    limit_s: float


@dataclass(frozen=True, kw_only=True)
class BoardOffer:
    """One board of a builder. Its name is its identity within the builder."""

    name: str
    type: str  # boards of one type are interchangeable; by default the board's own name
    description: str = ""
    tags: list[str] = field(default_factory=list)
    configurations: list[ConfigurationOffer] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)  # names no other device in the world has: one builder hosts each
    power: bool = False  # the builder can switch it
    check: CheckOffer | None = None
    owner: str = ""  # the mailbox that is told when it is out, and when it is good again


@dataclass(frozen=True, kw_only=True)
class Hello:
    """What an agent says when it starts and when its configuration changed."""

    instance: str  # random, kept in the state folder: tells a restart from a second agent
    version: str
    isolation: str = Level.NONE  # of `Level`; one that the service does not know counts as none
    facts: dict[str, str] = field(default_factory=dict)  # os, platform, machine, …
    boards: list[BoardOffer] = field(default_factory=list)
    problem: str = ""  # what its owner should know, such as a configuration that cannot be used


@dataclass(frozen=True, kw_only=True)
class Welcome:
    """The answer to a hello."""

    builder: str
    lease_s: float = LEASE_S
    beat_s: float = BEAT_S


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """The token from now on, shown this once."""

    token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Ask for one job for any of the free boards."""

    claim_id: str  # a UUID made by the builder; the same id gets the same answer
    instance: str
    boards_free: list[str]
    wait_s: float = MAX_WAIT_S
    disk_free: int | None = None  # bytes where the work trees are


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the code of a job comes from."""

    repository: str  # stable key for mirror and cache, safe as a folder name
    name: str  # for people: owner/name, or the remote's address
    url: str  # what to fetch from, without credentials
    commit: str  # full hash; the work tree's HEAD must equal it
    ref: str | None = None  # a ref that holds the commit, where a bare hash is not served
    token: str | None = None  # for https remotes; never in argv, URL, log or git configuration
    username: str = "x-access-token"  # the user name that goes with the token
    base: str | None = None  # full hash of the commit whose build files are trusted; None: not known
    trusted_files: list[str] = field(default_factory=list)  # of the rules at the base: patterns of such files


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """The other side of a job: its base is built too, and both run by turns, B H H B B H H B …, a pair each."""

    base: Source
    pairs: int  # after so many, the warm-up not counted, the service wants to look
    budget_s: float  # no pair is begun so long after the first run phase
    warm_up: int = 1  # pairs thrown away, before the first one that counts


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to run one attempt on one board until it is no longer extended."""

    attempt_id: int
    job_id: int
    pipeline_id: int
    epoch: int
    board: str
    configuration: str
    kind: Kind
    source: Source
    trusted: bool = False  # written by those who may write to the repository; what is not said is not trusted
    repeat: int = 1  # run phases, of a comparison in each turn of a side; their samples accumulate
    compare: Comparing | None = None
    limit_s: float | None = None  # from claim to end; None: the configuration's own limits only
    further: list[str] = field(default_factory=list)  # boards that the job holds besides, sorted
    arguments: dict[str, str] = field(default_factory=dict)  # of a saved dispatch: scripts get them as RIGLINE_ARG_…
    keep_power: bool = False  # if the job ends badly the board stays on: somebody wants to look at it
    lease_s: float = LEASE_S
    beat_s: float = BEAT_S
    log_offset: int = 0


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A sign of life. The first one accepts the lease."""

    epoch: int
    phase: Phase | None = None
    log_offset: int = 0
    disk_free: int | None = None


@dataclass(frozen=True, kw_only=True)
class BeatAnswer:
    """What the service wants of the attempt."""

    cancel: Cancel = Cancel.NONE
    lease_s: float = LEASE_S
    deadline_s: float | None = None  # left of the job's limit
    log_credit: int = int(LOG_RATE * BEAT_S)  # bytes of log that may be sent until the next beat


@dataclass(frozen=True, kw_only=True)
class Signal:
    """The answer of a held wait; `none` means ask again."""

    cancel: Cancel = Cancel.NONE


@dataclass(frozen=True, kw_only=True)
class LogSize:
    """How many bytes of log are stored: where the next append starts."""

    size: int


@dataclass(frozen=True, kw_only=True)
class PhaseEnd:
    """How one phase went. Run phases appear once per repeat."""

    phase: Phase
    seconds: float
    exit_code: int | None = None  # None: no command of its own, or killed before it ended


@dataclass(frozen=True, kw_only=True)
class CommitFacts:
    """What git says of the commit. Text an author wrote: for display and order only, never trust."""

    parents: list[str] = field(default_factory=list)
    committed_at: int = 0  # seconds since 1970
    title: str = ""
    author: str = ""


@dataclass(frozen=True, kw_only=True)
class WantedFormat:
    """What a configuration says of its result file, where content does not decide or shall not."""

    name: str | None = None  # of an adapter of the service; None: content decides
    pattern: str | None = None  # regular expression with the group `value`, for the format `pattern`
    benchmark: str | None = None  # name of a benchmark whose file tells none
    unit: str | None = None  # of values whose file tells none
    better: str | None = None  # lower or higher, where neither file nor unit say it; of a pattern in any case


@dataclass(frozen=True, kw_only=True)
class ResultFile:
    """One result file that was sent before the finish."""

    number: int
    size: int
    sha256: str
    side: Side = Side.HEAD
    pair: int | None = None  # of a comparison: 0 … are the warm-up, thrown away
    wanted: WantedFormat | None = None  # how to read it; None: content decides


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was measured so far of a comparison."""

    epoch: int
    pairs: int  # complete ones, without the warm-up
    results: list[ResultFile]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The answer to a look."""

    more: int  # pairs to come before the next look; 0: enough is known, or will never be


@dataclass(frozen=True, kw_only=True)
class ArtefactFile:
    """One artefact that was sent before the finish."""

    number: int
    name: str  # its path below the work tree: text of a stranger
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Finish:
    """How the attempt ended. `reason` starts with its area: `config:`, `infra:`, `limit:`, `run:`, …"""

    epoch: int
    outcome: Outcome
    reason: str = ""
    phase: Phase | None = None  # where it ended, if not passed
    exit_code: int | None = None
    log_size: int = 0
    log_sha256: str = ""
    log_dropped: int = 0  # bytes cut out of the middle because the log was over the cap
    results: list[ResultFile] = field(default_factory=list)
    artefacts: list[ArtefactFile] = field(default_factory=list)
    phases: list[PhaseEnd] = field(default_factory=list)
    no_base: str = ""  # of a comparison: why its base was not measured, and the head alone was
    commit: CommitFacts | None = None
    log_rest: str = ""  # base64: the last bytes of the log, ≤ `MAX_REST`, that no append brought
    # With `wait_s` 0: claim this now, once the attempt has ended. Else this claim is being held: let it
    # cover these boards from now on.
    claim: Claim | None = None


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The outcome that stands, and what came of the claim. With neither lease nor held claim: claim anew."""

    outcome: Outcome
    lease: Lease | None = None
    is_held: bool = False  # the claim is held here, and covers the boards it named
