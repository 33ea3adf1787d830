"""Connections to PostgreSQL, from an address as people and hosting services write it.

SQLAlchemy's asyncpg dialect knows neither `postgres://` nor `?sslmode=`: so one function
turns an address into asyncpg's own arguments, for engines and plain pools alike.
"""

import ssl
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.db import sight
from app.db.compiled import Compiled
from app.errors import StartupError

CONNECT_TIMEOUT = 10  # seconds
COMMAND_TIMEOUT = 60  # seconds; no query of ours should need one
POOL, OVERFLOW = 10, 10
INTAKE_POOL = 5  # an insert takes under a millisecond
SESSION = {
    "application_name": "rigline",
    "timezone": "UTC",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",  # compiling costs more than our queries
    "max_parallel_workers_per_gather": "0",  # workers read far ahead of a page that needs a few rows
    "idle_in_transaction_session_timeout": "20000",  # milliseconds: a frozen process must not hold locks
}
SCHEMES = {"postgres", "postgresql", "postgresql+asyncpg"}
SSL_FILES = {"sslrootcert", "sslcert", "sslkey"}
UNSUPPORTED_HINTS = {"channel_binding", "connect_timeout", "target_session_attrs"}  # dropped: asyncpg has none or we do
GONE = (  # what asyncpg raises while the server goes away, is away or comes back, beside OSError
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
)
SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}


def engine(url: str, *, command_timeout: float | None = COMMAND_TIMEOUT) -> AsyncEngine:
    """Make an engine for an address; connects at first use."""
    given = arguments(url) | {"command_timeout": command_timeout}
    made = create_async_engine(
        "postgresql+asyncpg://",  # bare, so that no error text can hold the password
        connect_args=given,
        execution_options={"compiled_cache": Compiled()},
        pool_use_lifo=True,  # few connections stay warm: their plans are made, their caches filled
        pool_size=POOL,
        max_overflow=OVERFLOW,
        pool_recycle=1800,
        pool_timeout=CONNECT_TIMEOUT,
    )
    sight.install(made)
    return made


async def intake_pool(url: str) -> asyncpg.Pool:
    """Open a pool of plain connections, for the few hot paths."""
    given = arguments(url) | {"command_timeout": COMMAND_TIMEOUT}
    return await asyncpg.create_pool(min_size=1, max_size=INTAKE_POOL, reset=_leave, **given)


async def _leave(_connection: Any) -> None:
    """Give a connection back as it is: lone statements leave nothing behind that a trip would have to undo."""


def is_away(problem: BaseException | None) -> bool:
    """Tell whether an error says that the server is away; SQLAlchemy keeps asyncpg's own as the cause of its own."""
    while problem is not None and not isinstance(problem, GONE):
        problem = problem.__cause__
    return problem is not None


def arguments(url: str) -> dict[str, Any]:
    """Translate an address into arguments for `asyncpg.connect`.

    Raises:
        StartupError: not a PostgreSQL address, or it asks for something we do not know;
            never repeats the address, which may hold a password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise StartupError("DATABASE_URL is not an address. Write postgresql://user:password@host/name.") from None
    if parts.scheme not in SCHEMES:
        raise StartupError("DATABASE_URL must begin with postgresql:// or postgres://; other databases do not work.")
    query = dict(parse_qsl(parts.query))
    found: dict[str, Any] = {
        "user": unquote(parts.username or "") or None,
        "password": unquote(parts.password) if parts.password else None,
        "host": _host(parts.hostname, query),
        "port": port or _number(query.pop("port", None)),
        "database": unquote(parts.path.lstrip("/")) or None,
        "timeout": CONNECT_TIMEOUT,
        "server_settings": _session(query),
    }
    encryption = _encryption(query)
    if encryption is not None:
        found["ssl"] = encryption
    if unknown := query.keys() - UNSUPPORTED_HINTS:
        raise StartupError(f"DATABASE_URL holds {', '.join(sorted(unknown))}, which Rigline does not know. Remove it.")
    return {name: value for name, value in found.items() if value is not None}


def _host(given: str | None, query: dict[str, str]) -> str | None:
    """Take a host, also a folder with a Unix socket, as `?host=/run/postgresql` or `@%2Frun%2F…`."""
    return query.pop("host", None) or (unquote(given) if given else None)


def _number(given: str | None) -> int | None:
    return int(given) if given and given.isdigit() else None


def _session(query: dict[str, str]) -> dict[str, str]:
    name = query.pop("application_name", None)
    return SESSION | ({"application_name": name} if name else {})


def _encryption(query: dict[str, str]) -> ssl.SSLContext | str | bool | None:
    """Translate libpq's sslmode and its files; None leaves asyncpg's default, which is prefer."""
    mode = query.pop("sslmode", None) or query.pop("ssl", None)
    files = {name: query.pop(name) for name in SSL_FILES & query.keys()}
    if mode is not None and mode not in SSL_MODES:
        raise StartupError(f"DATABASE_URL holds sslmode={mode}; it must be one of {', '.join(sorted(SSL_MODES))}.")
    if mode == "disable":
        return False
    verifies = mode in ("verify-ca", "verify-full")
    return _context(files, mode or "require") if files or verifies else mode


def _context(files: dict[str, str], mode: str) -> ssl.SSLContext:
    """Make a context as libpq would: with a root certificate the chain is checked in any mode."""
    root = files.get("sslrootcert")
    try:
        context = ssl.create_default_context(cafile=None if root == "system" else root)
        if "sslcert" in files:
            context.load_cert_chain(files["sslcert"], files.get("sslkey"))
    except (OSError, ssl.SSLError) as error:
        raise StartupError(f"DATABASE_URL names a certificate that cannot be read: {error}") from None
    context.check_hostname = mode == "verify-full"
    if root is None and mode not in ("verify-ca", "verify-full"):
        context.verify_mode = ssl.CERT_NONE  # as libpq: require without a root encrypts only
    return context
