"""Presets and schedules: work that is asked for by name or by the clock."""

from typing import NotRequired, TypedDict

from app.client.answers.words import WorkKind


class PresetWork(TypedDict):
    """The fields of a dispatch; `{name}` in a text stands for an argument."""

    kind: WorkKind
    repository: NotRequired[str | None]
    remote_url: NotRequired[str | None]
    commit: NotRequired[str | None]  # None: the one that the branch is at
    branch: NotRequired[str | None]  # None: the default branch
    boards: NotRequired[list[str]]
    tags: NotRequired[list[str]]
    configurations: NotRequired[list[str]]
    seconds: NotRequired[float | str | None]
    repeat: NotRequired[int | str]


class PresetArgument(TypedDict):
    """What may be given for one argument."""

    default: NotRequired[str | None]  # None: it must be given
    patterns: NotRequired[list[str]]  # globs, of which one must fit; none: anything
    description: NotRequired[str]


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
    paused_at: str | None  # since when it rests; None: it does not
    paused_by: str


class Ran(TypedDict):
    """What running a rule opened."""

    pipelines: list[int]  # one for each branch of the rule
