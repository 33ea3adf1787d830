"""The verbs of commands in comments: a table of what each takes, who may use it, and what it does. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

MOST_REPEATS = 50
MOST_NAMES = 50  # in one list
LEAST_HEX = 16  # digits that name a commit; fewer can be met on purpose
SHOWN = 40  # characters of somebody's word in our answer

_NAME = re.compile(r"-?[\w.+/:-]{1,100}")
_REF = re.compile(r"[^\s~^:?*\[\\\x00-\x1f\x7f<>]{1,200}")
_HEX = re.compile(r"[0-9a-f]{4,64}")
PRIORITIES = ("release", "branch", "pull_request", "nightly")


class Verb(StrEnum):
    """What a command asks for."""

    RUN = "run"
    BUILD = "build"
    COMPARE = "compare"
    RETRY = "retry"
    CANCEL = "cancel"
    STATUS = "status"
    APPROVE = "approve"
    REVOKE = "revoke"
    ACCEPT = "accept"
    HELP = "help"


class Wrong(Exception):
    """A command that cannot be understood. The message quotes what is wrong, and says what would be right."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """What a comparison is held against."""

    kind: str  # merge-base, last, branch, tag or sha
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command, understood. What was not said has the value that the table names."""

    verb: Verb
    boards: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    repeat: int = 1
    priority: str | None = None
    sha: str | None = None
    base: Base = field(default_factory=lambda: Base(kind="merge-base"))
    job: int | None = None
    scope: str = ""  # failed or all, mine or all
    topic: Verb | None = None
    text: str = ""  # all that follows the verb, where that is for people


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One thing a verb takes: by its key, or as a bare word."""

    key: str  # of the command's field
    form: str  # for people
    explains: str
    reads: Callable[[str], Any]
    is_bare: bool = False
    is_text: bool = False  # a part of what follows the verb, which is taken as it is


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One verb: its arguments, who may use it, and what it does."""

    verb: Verb
    takes: tuple[Argument, ...] = ()
    who: str
    effect: str


def shown(text: str) -> str:
    """Quote somebody's word as code: no mark-up, no mention, no end of the quote within."""
    flat = " ".join(text.replace("`", "'").split())
    return f"`{flat[:SHOWN]}{'…' if len(flat) > SHOWN else ''}`" if flat else "nothing"


def listed(words: Iterable[str]) -> str:
    """List words as code."""
    return ", ".join(f"`{word}`" for word in words)


def near(word: str, valid: Iterable[str]) -> str:
    """Ask whether the nearest valid word was meant, if one is near."""
    found = get_close_matches(word.lower()[:100], list(valid), n=1)
    return f" Did you mean `{found[0]}`?" if found else ""


def _names(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if not all(_NAME.fullmatch(name) for name in found):
        raise Wrong("names, separated by commas and without spaces")
    if len(found) > MOST_NAMES:
        raise Wrong(f"at most {MOST_NAMES} names")
    return found


def _repeat(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MOST_REPEATS:
        raise Wrong(f"a number from 1 to {MOST_REPEATS}")
    return int(text)


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
        raise Wrong("the number of a job")
    return int(text)


def _word_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise Wrong(f"{listed(words)}{near(text, words)}")
        return text.lower()

    return read


def _whole_sha(text: str) -> str:
    if len(text) not in (40, 64) or not _HEX.fullmatch(text.lower()):
        raise Wrong("the full hash of a commit, 40 or 64 hex digits")
    return text.lower()


def _sha(text: str) -> str:
    if not _HEX.fullmatch(text.lower()) or len(text) < LEAST_HEX:
        raise Wrong(f"the hash of the commit you looked at, in full or at least its first {LEAST_HEX} hex digits")
    return text.lower()


def _base(text: str) -> Base:
    kind, colon, name = text.partition(":")
    kind = kind.lower()
    if not colon and kind in ("merge-base", "last"):
        return Base(kind=kind)
    if kind == "sha" and colon:
        return Base(kind=kind, name=_whole_sha(name))
    if kind in ("branch", "tag") and _REF.fullmatch(name):
        return Base(kind=kind, name=name)
    raise Wrong("`merge-base`, `last`, `branch:NAME`, `tag:NAME` or `sha:HASH`")


def _topic(text: str) -> Verb:
    return Verb(_word_of(*(verb.value for verb in Verb))(text))


BOARDS = Argument(
    key="boards", form="boards=a,b", explains="Boards or board types; `-a` leaves one out. All.", reads=_names
)
CONFIGS = Argument(
    key="configs", form="configs=a,b", explains="Configurations; `-a` leaves one out. All.", reads=_names
)
TAGS = Argument(
    key="tags", form="tags=a,-b", explains="Those with all of these tags and none with a dash.", reads=_names
)
REPEAT = Argument(
    key="repeat", form="repeat=N", explains=f"Run phases whose samples add up, 1 to {MOST_REPEATS}. 1.", reads=_repeat
)
PRIORITY = Argument(
    key="priority",
    form="priority=WORD",
    explains=f"{', '.join(PRIORITIES)}. pull_request.",
    reads=_word_of(*PRIORITIES),
)
SHA = Argument(
    key="sha",
    form="sha=HASH",
    explains="A full hash: the head, an approved commit, or one of the base branch. The head.",
    reads=_whole_sha,
)
BASE = Argument(
    key="base",
    form="base=WHAT",
    explains="`branch:NAME`, `tag:NAME`, `sha:HASH`, `merge-base` or `last` (measured there). `merge-base`.",
    reads=_base,
)
JOB = Argument(key="job", form="job=ID", explains="This job alone.", reads=_number)
LOOKED_AT = Argument(
    key="sha",
    form="HASH",
    explains=f"The commit you looked at, in full or {LEAST_HEX} digits of it. In a review it may be left out.",
    reads=_sha,
    is_bare=True,
)
RUNNER = "who may write; the author, on an approved commit"
WRITER = "who may write"

RULES: Mapping[Verb, Rule] = {
    rule.verb: rule
    for rule in (
        Rule(
            verb=Verb.RUN,
            takes=(BOARDS, CONFIGS, TAGS, REPEAT, PRIORITY, SHA),
            who=RUNNER,
            effect="Builds and runs the commit, also if that was done before.",
        ),
        Rule(
            verb=Verb.BUILD,
            takes=(BOARDS, CONFIGS, TAGS, PRIORITY, SHA),
            who=RUNNER,
            effect="Builds the commit without running it.",
        ),
        Rule(
            verb=Verb.COMPARE,
            takes=(BASE, BOARDS, CONFIGS, TAGS, REPEAT, PRIORITY, SHA),
            who=RUNNER,
            effect="Runs the commit and a base by turns on the same targets, until it is known whether they differ.",
        ),
        Rule(
            verb=Verb.RETRY,
            takes=(
                Argument(
                    key="scope",
                    form="failed or all",
                    explains="What ended without passing, or all that ended. failed.",
                    reads=_word_of("failed", "all"),
                    is_bare=True,
                ),
                JOB,
            ),
            who=RUNNER,
            effect="Tries jobs of the head anew, with the same parameters.",
        ),
        Rule(
            verb=Verb.CANCEL,
            takes=(
                Argument(
                    key="scope",
                    form="mine or all",
                    explains="What you asked for by a command, or all of the pull request. mine.",
                    reads=_word_of("mine", "all"),
                    is_bare=True,
                ),
                JOB,
            ),
            who="your own: anyone; the rest: who may write",
            effect="Cancels what waits and what runs.",
        ),
        Rule(
            verb=Verb.STATUS,
            takes=(JOB,),
            who="anyone, once a minute per pull request",
            effect="Says how the head stands.",
        ),
        Rule(
            verb=Verb.APPROVE,
            takes=(LOOKED_AT,),
            who=WRITER,
            effect="Trusts exactly this commit: what awaits approval runs. A later push needs an approval of its own.",
        ),
        Rule(
            verb=Verb.REVOKE,
            who=WRITER,
            effect="Takes the approvals of this pull request back and cancels what they let wait.",
        ),
        Rule(
            verb=Verb.ACCEPT,
            takes=(
                Argument(
                    key="text",
                    form="BENCHMARK",
                    explains='The regressions of this benchmark alone; in "quotes" if its name has spaces. All.',
                    reads=str,
                    is_text=True,
                ),
                Argument(
                    key="text", form="REASON", explains="Why; it must be given, and is shown.", reads=str, is_text=True
                ),
            ),
            who=WRITER,
            effect="Takes what regressed knowingly: it fails no status of this pull request until it grows.",
        ),
        Rule(
            verb=Verb.HELP,
            takes=(Argument(key="topic", form="VERB", explains="One of the verbs.", reads=_topic, is_bare=True),),
            who="anyone, once in ten minutes per pull request",
            effect="Shows this table.",
        ),
    )
}
