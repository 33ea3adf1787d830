"""What would cost every test a tenth of a second and comes out the same each time: made once in a process."""

import os
import ssl
from collections.abc import Callable
from typing import Any

import httpcore2
from werkzeug.routing import Rule

TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def share() -> None:
    """Share the machine's certificates among all HTTP clients, and compiled addresses among all applications."""
    httpcore2.default_ssl_context = shared(httpcore2.default_ssl_context, _trust)
    Rule._compile_builder = shared(Rule._compile_builder, _address)  # type: ignore[method-assign]


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


def _address(rule: Rule, append_unknown: bool = True) -> tuple[object, ...]:
    """Name all that the function depends on which builds an address; the rule itself is its argument."""
    return (rule.rule, append_unknown, tuple(rule._trace), repr(sorted((rule.defaults or {}).items())))
