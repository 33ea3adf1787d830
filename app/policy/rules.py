"""Rules as values: what a repository wants to run when, and which of it a happening asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.policy import globs

FILE = ".rigline.toml"


class On(StrEnum):
    """What a rule can wait for."""

    PUSH = "push"  # a branch was made or moved
    TAG = "tag"
    PULL_REQUEST = "pull_request"
    LABEL = "label"  # somebody with the right to write set a label
    MERGE_GROUP = "merge_group"
    SCHEDULE = "schedule"


class Supersede(StrEnum):
    """What becomes of older commits of a branch or pull request when a newer one comes."""

    NONE = "none"
    WAITING = "waiting"  # what nobody has started is cancelled
    ALL = "all"  # what runs too


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which targets: every part that is given must fit, by any one of its words."""

    boards: tuple[str, ...] = ()  # names of boards or of board types
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()  # `-tag`: not this one
    configurations: tuple[str, ...] = ()
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the builder
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)  # where each part stands in the file

    @property
    def asks(self) -> bool:
        """Tell whether it leaves anything out."""
        return bool(self.boards or self.types or self.tags or self.configurations or self.facts)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Targets that run together; no filter means all targets, several mean what any of them chooses."""

    name: str = ""
    filters: tuple[Filter, ...] = ()
    needs: tuple[str, ...] = ()  # groups that must pass first


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a rule asks for: the part of it that says what runs, and how it is shown."""

    kind: str = "run"
    groups: tuple[Group, ...] = (Group(),)
    timeout_s: float | None = None  # of each job, from claim to end
    priority: str | None = None  # None: as the event has it
    repeat: int = 1
    status: str = "aggregate"
    skipped: str = "pending"  # what a commit status says where nothing was measured since a board was away
    comment: str = "changes"
    compare: str = "history"  # merge-base: by turns on the board; history: with what is known of the base; none
    budget_s: float | None = None  # for the pairs of a comparison; None: as protocol.COMPARE_S has it
    fail: str = "never"  # or regression: a certain one fails the status


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One `[[on]]`."""

    name: str
    events: tuple[On, ...]
    work: Work = Work()
    branches: tuple[str, ...] = ()
    tag_names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    remove_label: bool = False
    drafts: bool = False
    supersede: Supersede | None = None  # None: as the event has it
    schedule: str = ""  # five fields, as `cron.parse` takes them
    zone: str = "UTC"
    catch_up: bool = True
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """All rules of a repository."""

    rules: tuple[Rule, ...]
    approve_labels: tuple[str, ...] = ()  # set by somebody who may write, they approve the head
    trusted_files: tuple[str, ...] = ()  # globs: a fork's commit does not bring them along, the base does
    file: str = FILE  # for messages

    def named(self, name: str) -> Rule | None:
        """Find a rule by its name; those of one name ask for the same work."""
        return next((each for each in self.rules if each.name == name), None)

    def rule(self, name: str) -> Rule | None:
        """Find the rule with a schedule by its name."""
        return next((each for each in self.rules if each.name == name and each.schedule), None)


EVENTS_BY_ITSELF = (On.PUSH, On.TAG, On.PULL_REQUEST, On.MERGE_GROUP)
BUILT_IN = Policy(rules=(Rule(name="run", events=EVENTS_BY_ITSELF),), file="the built-in rules")


@dataclass(frozen=True, kw_only=True)
class Happening:
    """What happened, as far as rules ask about it."""

    event: On
    branch: str | None = None  # pushed; of a pull request or merge group: the one it goes to
    tag: str | None = None
    before: str | None = None  # the commit that a pushed branch was at
    labels: frozenset[str] = frozenset()  # that the pull request has now
    label: str | None = None  # that was just set
    draft: bool = False


def matching(policy: Policy, happening: Happening) -> list[Rule]:
    """List the rules that a happening asks for, as far as can be said without the changed paths."""
    return [each for each in policy.rules if happening.event in each.events and _fits(each, happening)]


def with_paths(rules: Sequence[Rule], changed: Sequence[str] | None) -> list[Rule]:
    """Keep the rules whose paths were touched. What is not known to be untouched counts as touched."""
    if changed is None:
        return list(rules)
    return [each for each in rules if not each.paths or globs.any_matches(each.paths, changed)]


def _fits(rule: Rule, happening: Happening) -> bool:
    if rule.branches and happening.branch is not None and not globs.matches(rule.branches, happening.branch):
        return False
    if rule.tag_names and happening.tag is not None and not globs.matches(rule.tag_names, happening.tag):
        return False
    if happening.event is On.LABEL:  # a wish: also for a draft
        return happening.label in rule.labels
    if happening.draft and not rule.drafts:
        return False
    return not (rule.labels and happening.event is On.PULL_REQUEST) or bool(happening.labels & set(rule.labels))
