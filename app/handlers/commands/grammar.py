"""The grammar of commands in comments. Pure; `verbs` has the table, `visible` says which lines count.

command = prefix verb (argument)*, on one line; argument = key=value or a word. Lists are a,b, and -a leaves one out;
"quotes" hold spaces.
"""

import re
from collections.abc import Iterable
from typing import Any

from app.handlers.commands import visible
from app.handlers.commands.verbs import RULES, Argument, Command, Rule, Verb, Wrong, listed, near, shown

PREFIX = "/rig"
MOST_COMMANDS = 5  # in one comment
LONGEST = 500  # characters of one command

_WORDS = re.compile(r'(?:[^\s"]|"[^"]*")+|"')
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"'})  # what phones make of them


def commands(text: str, *, prefix: str = PREFIX, names: Iterable[str] = ()) -> list[Command]:
    """Read the commands of a comment, in order; none if it holds none.

    Args:
        names: accounts of ours; `@name` does as the prefix does.
    Raises:
        Wrong: the first that cannot be understood. Then none of them is to be carried out.
    """
    marks = tuple(each.lower() for each in (prefix, *(f"@{name}" for name in names)))
    rests = [rest for line in visible.lines(text, marks) if (rest := _after_mark(line, marks)) is not None]
    if len(rests) > MOST_COMMANDS:
        raise Wrong(f"There are {len(rests)} commands in this comment; at most {MOST_COMMANDS} are taken.")
    return [_command(rest) for rest in rests]


def _after_mark(line: str, marks: tuple[str, ...]) -> str | None:
    """Give what stands behind the mark if that is a word of its own: `/rigline` is not `/rig`."""
    for mark in marks:
        rest = line[len(mark) :]
        if line.lower().startswith(mark) and (not rest or rest[0].isspace()):
            return rest.strip()
    return None


def _command(rest: str) -> Command:
    if len(rest) > LONGEST:
        raise Wrong(f"A command has at most {LONGEST} characters; this one has {len(rest)}.")
    first, _, text = " ".join(rest.split()).translate(_QUOTES).partition(" ")
    if first and any(each.is_text for each in RULES[_verb(first)].takes):
        return Command(verb=_verb(first), text=text)
    words = _split(rest.translate(_QUOTES))
    if not words:
        raise Wrong(f"Which verb? There are {listed(verb.value for verb in Verb)}.")
    verb = _verb(words[0])
    given: dict[str, Any] = {}
    for word in words[1:]:
        key, value = _argument(RULES[verb], word)
        if key in given:
            raise Wrong(f"{shown(word)}: `{key}` is said twice in one command.")
        given[key] = value
    if "job" in given and "scope" in given:
        raise Wrong(f"`{verb}` takes either a job or a word, not both.")
    return Command(verb=verb, **given)


def _split(text: str) -> list[str]:
    words = _WORDS.findall(text)
    if '"' in words or text.count('"') % 2:
        raise Wrong("A quote is opened and not closed.")
    loose = next((word for word in words if word.startswith("=") or word.endswith("=")), None)
    if loose is not None:
        raise Wrong(f"{shown(loose)}: write `key=value` without spaces around the `=`.")
    return words


def _verb(word: str) -> Verb:
    try:
        return Verb(word.lower())
    except ValueError:
        verbs = [verb.value for verb in Verb]
        raise Wrong(f"There is no verb {shown(word)}.{near(word, verbs)} There are {listed(verbs)}.") from None


def _argument(rule: Rule, word: str) -> tuple[str, Any]:
    """Read one argument; its value may be in quotes, which count as no part of it."""
    name, equals, value = word.partition("=")
    value = value.replace('"', "")
    argument = _keyed(rule, name) if equals else _bare(rule, word)
    try:
        return argument.key, argument.reads(value if equals else word.replace('"', ""))
    except Wrong as problem:
        raise Wrong(f"{shown(word)}: `{argument.form}` wants {problem}.") from None


def _keyed(rule: Rule, name: str) -> Argument:
    keyed = {each.key: each for each in rule.takes if not each.is_bare}
    found = keyed.get(name.lower()) or keyed.get(f"{name.lower()}s")  # board=, tag=, config=
    if found is None:
        raise Wrong(f"`{rule.verb}` has no {shown(name)}.{near(name, keyed)} It takes {_forms(rule)}.")
    return found


def _bare(rule: Rule, word: str) -> Argument:
    found = next((each for each in rule.takes if each.is_bare), None)
    if found is None:
        raise Wrong(f"`{rule.verb}` does not know what to do with {shown(word)}. It takes {_forms(rule)}.")
    return found


def _forms(rule: Rule) -> str:
    return ", ".join(f"`{each.form}`" for each in rule.takes) or "nothing more"
