"""Read rules: the text of `.rigline.toml` becomes a policy, or an error that names its line."""

import re
import tomllib
from collections.abc import Sequence

from app.policy import cron, globs
from app.policy.places import lines_of
from app.policy.rules import (
    BUILT_IN,
    FILE,
    Filter,
    Group,
    On,
    Policy,
    Rule,
    Supersede,
    Work,
)
from app.policy.section import PolicyError, Section

LONGEST = 64 * 1024  # characters of the file
MOST_RULES, MOST_GROUPS, MOST_FILTERS, MOST_REPEATS = 50, 20, 20, 100
KINDS = ("run", "build")
PRIORITIES = ("release", "branch", "pull_request", "nightly")
STATUS_STYLES = ("aggregate", "per_target", "checks", "none")
SKIPPED_STYLES = ("pending", "success")
COMMENT_STYLES = ("none", "changes", "always")
COMPARISONS = ("merge-base", "history", "none")
FAILURES = ("never", "regression")
FACTS = ("os", "platform", "platform_family", "platform_version", "machine")
TARGET_KEYS = ("boards", "types", "tags", "configurations")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_LABELLED = (On.PULL_REQUEST, On.LABEL)
_BRANCHED = (On.PUSH, On.PULL_REQUEST, On.LABEL, On.MERGE_GROUP, On.SCHEDULE)


def policy(text: str, file: str = FILE) -> Policy:
    """Read a whole file. Without any `[[on]]` the built-in rules stand, with the defaults of the file.

    Raises:
        PolicyError: it is no TOML, has a key or value that is not known, or contradicts itself.
    """
    if len(text) > LONGEST:
        raise PolicyError(file, 1, f"{len(text)} characters; {LONGEST} are allowed")
    try:
        data = tomllib.loads(text)
        top = Section(file, lines_of(text), (), data)
    except tomllib.TOMLDecodeError as problem:
        raise _not_toml(file, text, str(problem)) from None
    except RecursionError:
        raise PolicyError(file, 1, "nested too deeply") from None
    return _policy(top)


def decoded(data: bytes, file: str = FILE) -> Policy:
    """Read the bytes of a file.

    Raises:
        PolicyError: as `policy`; also if it is not UTF-8.
    """
    try:
        return policy(data.decode(), file)
    except UnicodeDecodeError as problem:
        line = data[: problem.start].count(b"\n") + 1
        raise PolicyError(file, line, "is not UTF-8") from None


def _not_toml(file: str, text: str, problem: str) -> PolicyError:
    found = _AT.search(problem)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    return PolicyError(file, line, f"is not TOML: {_AT.sub('', problem)}")


def _policy(top: Section) -> Policy:
    if top.take("version") not in (None, 1):
        raise top.wrong("version", "only version 1 is known")
    defaults = top.table("defaults")
    work, drafts, supersede = _work(defaults, Work()), _drafts(defaults, False), _supersede(defaults, None)
    defaults.refuse_others()
    trust = top.table("trust")
    labels, files = trust.words("approve_labels"), _files(trust)
    trust.refuse_others()
    has_rules = "on" in top.data
    rules = [_rule(each, work, drafts=drafts, supersede=supersede) for each in top.tables("on", MOST_RULES)]
    top.refuse_others()
    if not has_rules:
        built_in = BUILT_IN.rules[0]
        rules = [
            Rule(name=work.kind, events=built_in.events, work=work, drafts=drafts, supersede=supersede),
        ]
    _refuse_twins(top, rules)
    return Policy(rules=tuple(rules), approve_labels=labels, trusted_files=files, file=top.file)


def _files(trust: Section) -> tuple[str, ...]:
    """Read globs of files, as git reads them on a builder; each must be one that names files of the tree alone."""
    patterns = trust.words("files")
    for number, pattern in enumerate(patterns):
        parts = pattern.split("/")
        if not all(parts) or {".", ".."} & set(parts) or pattern.startswith("!"):
            raise trust.wrong(
                "files", f"{pattern!r}: write a path below the root, such as cmake/** or Makefile", number
            )
        if any("**" in part and part != "**" for part in parts):
            raise trust.wrong(
                "files", f"{pattern!r}: ** stands alone between slashes, such as **/CMakeLists.txt", number
            )
    return patterns


def _work(section: Section, base: Work) -> Work:
    return Work(
        kind=section.word("kind", KINDS, base.kind),
        groups=_groups(section, base),
        timeout_s=section.seconds("timeout", base.timeout_s),
        priority=section.word("priority", PRIORITIES, base.priority) if base.priority else _priority(section),
        repeat=section.count("repeat", base.repeat, MOST_REPEATS),
        status=section.word("status", STATUS_STYLES, base.status),
        skipped=section.word("skipped", SKIPPED_STYLES, base.skipped),
        comment=section.word("comment", COMMENT_STYLES, base.comment),
        compare=section.word("compare", COMPARISONS, base.compare),
        budget_s=section.seconds("compare_budget", base.budget_s),
        fail=section.word("fail", FAILURES, base.fail),
    )


def _priority(section: Section) -> str | None:
    return section.word("priority", PRIORITIES, "branch") if "priority" in section.data else section.take("priority")


def _drafts(section: Section, default: bool) -> bool:
    return section.flag("drafts", default)


def _supersede(section: Section, default: Supersede | None) -> Supersede | None:
    words = [each.value for each in Supersede]
    found = section.word("supersede", words, default.value if default else "none")
    return Supersede(found) if "supersede" in section.data else default


def _groups(section: Section, base: Work) -> tuple[Group, ...]:
    """A filter of the rule itself, or groups with filters of their own; else what the defaults say."""
    filters = _filters(section)
    groups = section.tables("group", MOST_GROUPS)
    if not groups:
        return (Group(filters=filters),) if filters else base.groups
    fallback = filters or base.groups[0].filters
    found = [_group(each, fallback) for each in groups]
    _check_needs(groups, found)
    return tuple(found)


def _group(section: Section, fallback: tuple[Filter, ...]) -> Group:
    name = section.text("name")
    if not NAME.fullmatch(name):
        raise section.wrong("name", "a group needs a name of small letters, digits, '.', '_' and '-'")
    group = Group(name=name, filters=_filters(section) or fallback, needs=section.words("needs"))
    section.refuse_others()
    return group


def _check_needs(sections: Sequence[Section], groups: Sequence[Group]) -> None:
    names = [each.name for each in groups]
    for section, group in zip(sections, groups, strict=True):
        if names.count(group.name) > 1:
            raise section.wrong("name", f"two groups are named {group.name!r}")
        section.known.clear()
        section.words("needs", [each for each in names if each != group.name] or ["(another group)"])
    met: set[str] = set()
    while ready := {each.name for each in groups if each.name not in met and set(each.needs) <= met}:
        met |= ready
    for section, group in zip(sections, groups, strict=True):
        if group.name not in met:
            raise section.wrong("needs", f"group {group.name!r} waits, by way of others, for itself")


def _filters(section: Section) -> tuple[Filter, ...]:
    return tuple(_filter(each) for each in section.tables("filter", MOST_FILTERS))


def _filter(section: Section) -> Filter:
    names = {key: section.words(key) for key in TARGET_KEYS}
    facts = {key: found for key in FACTS if (found := section.words(key))}
    section.refuse_others()
    if not section.data:
        raise section.wrong(None, "a filter without any key: leave it out to take all targets")
    return Filter(**names, facts=facts, lines={key: section.line(key) for key in section.data})


def _rule(section: Section, work: Work, *, drafts: bool, supersede: Supersede | None) -> Rule:
    events = tuple(On(each) for each in section.words("event", [each.value for each in On]))
    schedule, line = section.text("schedule"), section.line()
    if not events and not schedule:
        raise section.wrong(None, f"[[on]] needs an event: one or some of {', '.join(On)}")
    asked = _work(section, work)
    rule = Rule(
        name=section.text("name", asked.kind),
        events=events or (On.SCHEDULE,),
        work=asked,
        branches=section.words("branches"),
        tag_names=section.words("tag_names"),
        paths=section.words("paths"),
        labels=section.words("labels"),
        remove_label=section.flag("remove_label", False),
        drafts=_drafts(section, drafts),
        supersede=_supersede(section, supersede),
        schedule=schedule,
        zone=section.text("zone", "UTC"),
        catch_up=section.flag("catch_up", True),
        line=line,
    )
    for key in {*TARGET_KEYS, *FACTS} & set(section.data):
        raise section.wrong(key, f"belongs into a filter: filter = {{ {key} = … }}")
    section.refuse_others()
    _check(section, rule)
    return rule


def _check(section: Section, rule: Rule) -> None:
    """Refuse what could never have an effect: it would be a mistake that nobody sees."""
    if not NAME.fullmatch(rule.name):
        raise section.wrong("name", "at most 60 small letters, digits, '.', '_' and '-'")
    needed: dict[str, Sequence[On]] = {
        "branches": _BRANCHED,
        "tag_names": (On.TAG,),
        "paths": (On.PUSH, On.PULL_REQUEST),
        "labels": _LABELLED,
        "remove_label": (On.LABEL,),
        "drafts": (On.PULL_REQUEST,),
        "schedule": (On.SCHEDULE,),
        "zone": (On.SCHEDULE,),
        "catch_up": (On.SCHEDULE,),
    }
    for key, events in needed.items():
        if key in section.data and not set(events) & set(rule.events):
            raise section.wrong(key, f"has a meaning for the event {' or '.join(events)} only")
    if On.LABEL in rule.events and not rule.labels:
        raise section.wrong("event", "label needs `labels`: which ones")
    if On.SCHEDULE in rule.events:
        _check_schedule(section, rule)


def _check_schedule(section: Section, rule: Rule) -> None:
    if not rule.schedule:
        raise section.wrong("event", f"schedule needs `schedule`: five fields or one of {', '.join(cron.NAMED)}")
    if len(rule.schedule) > cron.LONGEST:
        raise section.wrong("schedule", f"must have at most {cron.LONGEST} characters")
    for key, check in (("schedule", cron.parse), ("zone", cron.zone)):
        try:
            check(getattr(rule, key))
        except ValueError as problem:
            raise section.wrong(key, str(problem)) from None
    if set(rule.events) == {On.SCHEDULE} and not all(globs.is_plain(each) for each in rule.branches):
        raise section.wrong("branches", "a schedule needs whole names of branches")


def _refuse_twins(top: Section, rules: Sequence[Rule]) -> None:
    """A name stands for one kind of work: it is what a commit's pipelines and statuses are told apart by."""
    seen: dict[str, Rule] = {}
    for number, rule in enumerate(rules):
        twin = seen.setdefault(rule.name, rule)
        if twin.work != rule.work or (twin is not rule and twin.schedule and rule.schedule):
            text = f"two rules are named {rule.name!r} and ask for different work: give one another name"
            raise PolicyError(top.file, top.line("on", number), text)
