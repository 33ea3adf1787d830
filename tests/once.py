"""What would cost every test a tenth of a second and comes out the same each time: made once in a process."""

import copy
import os
import ssl
import threading
from collections.abc import Callable
from typing import Any

import httpcore2
from jinja2 import Environment
from werkzeug.routing import Map, Rule, RuleFactory
from werkzeug.routing.matcher import StateMachineMatcher

from app.db import session
from app.db.compiled import Compiled

TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
CHANGES = {"_matcher", "_rules_by_endpoint", "_remap", "_remap_lock", "noted"}  # of a map of addresses
PLAIN = (  # of a rule of such a map
    *("rule", "endpoint", "strict_slashes", "merge_slashes", "subdomain", "host"),
    *("build_only", "alias", "websocket", "provide_automatic_options"),
)
STATEMENTS = 20_000  # more than all tests run


def share() -> None:
    """Share the machine's certificates among all HTTP clients, and what is compiled among all applications."""
    httpcore2.default_ssl_context = shared(httpcore2.default_ssl_context, _trust)
    Map.add, Map.update = _note, _compile  # type: ignore[method-assign]
    Environment.compile = shared(Environment.compile, _template)  # type: ignore[method-assign]
    session.Compiled = shared(lambda: OfAnyEngine(STATEMENTS), threading.get_ident)  # type: ignore[misc]


def shared(make: Callable[..., Any], key: Callable[..., object]) -> Callable[..., Any]:
    """Make what a key names the first time only."""
    made: dict[object, Any] = {}

    def found(*given: Any, **named: Any) -> Any:
        name = key(*given, **named)
        if name not in made:
            made[name] = make(*given, **named)
        return made[name]

    return found


def _trust(**how: bool) -> tuple[object, ...]:
    return (tuple(how.items()), *(os.environ.get(name) for name in TRUST), ssl.get_default_verify_paths())


def _template(environment: Environment, source: object, *how: object, **named: object) -> tuple[object, ...]:
    """Name the text of a template, and all of its environment that its code depends on."""
    words = [(name, word.__module__, word.__qualname__) for name, word in sorted(environment.filters.items())]
    escapes = getattr(environment.autoescape, "__qualname__", environment.autoescape)
    about = (escapes, environment.is_async, environment.trim_blocks, environment.lstrip_blocks)
    return (source, how, *named.items(), *words, *sorted(environment.tests), *about)


class OfAnyEngine(Compiled):
    """Statements in the server's words, for all engines of a thread: they are of one kind and speak to one server."""

    def get(self, key: tuple[Any, ...]) -> Any:
        return super().get((type(key[0]), *key[1:]))

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


_add, _update = Map.add, Map.update
_compiled: dict[object, Map] = {}


def _note(addresses: Map, rules: RuleFactory) -> None:
    """Note what an application answers to; it is compiled when the first address is looked up."""
    vars(addresses).setdefault("noted", []).extend(rules.get_rules(addresses))
    addresses._remap = True


def _compile(addresses: Map) -> None:
    """Take what was compiled for an application that answers to the same, else compile it."""
    if not addresses._remap:
        return
    kind = _kind(addresses)
    if kind not in _compiled:
        _compiled[kind] = _filled(addresses)
    addresses._matcher = _compiled[kind]._matcher
    addresses._rules_by_endpoint = _compiled[kind]._rules_by_endpoint
    addresses._remap = False


def _filled(addresses: Map) -> Map:
    made = copy.copy(addresses)
    made._matcher, made._rules_by_endpoint = StateMachineMatcher(addresses.merge_slashes), {}
    for rule in vars(addresses)["noted"]:
        _add(made, copy.copy(rule))
    _update(made)
    return made


def _kind(addresses: Map) -> tuple[object, ...]:
    """Name all that the compiled addresses depend on."""
    about = {name: value for name, value in vars(addresses).items() if name not in CHANGES}
    return (addresses.merge_slashes, repr(about), *map(_rule, vars(addresses)["noted"]))


def _rule(rule: Rule) -> tuple[object, ...]:
    plain = map(vars(rule).get, PLAIN)
    return (type(rule), *plain, frozenset(rule.methods or ()), repr(rule.defaults), repr(rule.redirect_to))
