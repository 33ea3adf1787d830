"""Globs of branches, tags and paths: `*` stays within a part, `**` crosses slashes, `?` is one sign, `!` takes out.

Matching walks the text once with a set of states, so that no pattern can make it slow.
"""

from collections.abc import Iterable, Sequence

_ONE, _PART, _ALL = object(), object(), object()  # ?, *, **
_MAYBE = object()  # what `**/` means: the next two tokens, or nothing


def matches(patterns: Sequence[str], text: str) -> bool:
    """Tell whether a text fits. The last pattern that fits decides; only `!` patterns begin with everything."""
    decided = bool(patterns) and all(each.startswith("!") for each in patterns)
    for each in patterns:
        is_negative = each.startswith("!")
        if _fits(each.removeprefix("!"), text):
            decided = not is_negative
    return decided


def any_matches(patterns: Sequence[str], texts: Iterable[str]) -> bool:
    """Tell whether one of the texts fits."""
    return any(matches(patterns, each) for each in texts)


def is_plain(pattern: str) -> bool:
    """Tell whether a pattern is a plain name."""
    return not pattern.startswith("!") and not any(sign in pattern for sign in "*?")


def _fits(pattern: str, text: str) -> bool:
    if "*" not in pattern and "?" not in pattern:
        return pattern == text
    tokens = _tokens(pattern)
    states = _closed({0}, tokens)
    for sign in text:
        states = _closed(set(_stepped(states, tokens, sign)), tokens)
        if not states:
            return False
    return len(tokens) in states


def _tokens(pattern: str) -> list[object]:
    tokens: list[object] = []
    rest = pattern
    while rest:
        if rest.startswith("**/"):  # also no folder at all
            tokens += [_MAYBE, _ALL, "/"]
            rest = rest[3:]
        elif rest.startswith("**"):
            tokens.append(_ALL)
            rest = rest[2:]
        else:
            tokens.append({"*": _PART, "?": _ONE}.get(rest[0], rest[0]))
            rest = rest[1:]
    return tokens


def _closed(states: set[int], tokens: list[object]) -> set[int]:
    """Add the states that are reached without taking a sign."""
    found, fresh = set(states), list(states)
    while fresh:
        state = fresh.pop()
        token = tokens[state] if state < len(tokens) else None
        reached = {state + 1} if token in (_PART, _ALL) else {state + 1, state + 3} if token is _MAYBE else set()
        fresh += reached - found
        found |= reached
    return found


def _stepped(states: set[int], tokens: list[object], sign: str) -> Iterable[int]:
    for state in states:
        token = tokens[state] if state < len(tokens) else None
        if token is _ALL or (token is _PART and sign != "/"):
            yield state
        elif token == sign or (token is _ONE and sign != "/"):
            yield state + 1
