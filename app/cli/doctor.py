"""`rigline doctor`: could this service work? Each finding that is bad says what to do."""

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import click
import redis

from app.cli import start
from app.db import schema
from app.db.queries import gauges
from app.db.session import engine
from app.dispatch import presence
from app.errors import StartupError
from app.settings import Settings

LOW_DISK = 1 << 30  # bytes


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Something that may wait for a while and no longer."""

    gauge: str
    limit_s: float
    late: str  # with {s}
    well: str
    remedy: str


WAITS = (
    Wait(
        gauge="rigline_deliveries_oldest_seconds",
        limit_s=120,
        late="a webhook has waited for {s:.0f} s to be handled",
        well="no webhook waits to be handled",
        remedy="look at /deliveries: one that keeps failing says why",
    ),
    Wait(
        gauge="rigline_outbox_lag_seconds",
        limit_s=300,
        late="something that a forge or subscriber should know is {s:.0f} s late",
        well="forges and subscribers know what they should",
        remedy="look at the problems on the start page",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    what: str
    remedy: str = ""


Findings = Iterator[Finding]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def doctor(as_json: bool) -> None:
    """Check that this service could work. Exits 1 if a check fails."""
    settings = Settings.load(keeps_secret_key=False)
    found = [finding for check in CHECKS for finding in check(settings)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found]))
    else:
        for finding in found:
            click.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}")
            if not finding.ok:
                click.echo(f"     try: {finding.remedy}", err=True)
    sys.exit(0 if all(finding.ok for finding in found) else 1)


def database(settings: Settings) -> Findings:
    """Check that the database answers and has our schema."""
    try:
        asyncio.run(start.check_schema(settings.database_url))
    except StartupError as error:
        remedy = "rigline serve" if settings.embeds_postgres else "rigline db upgrade, or correct DATABASE_URL"
        yield Finding(name="database", ok=False, what=str(error), remedy=remedy)
    else:
        yield Finding(name="database", ok=True, what="the database answers, and its schema is the newest")


def queue(settings: Settings) -> Findings:
    """Check that Redis answers, is new enough, and neither forgets nor evicts."""
    try:
        facts = start.check_redis(settings.redis_url)
    except StartupError as error:
        remedy = "rigline serve" if settings.embeds_redis else "start Redis, or correct REDIS_URL"
        yield Finding(name="redis", ok=False, what=str(error), remedy=remedy)
        return
    version = str(facts["redis_version"])
    new = tuple(int(part) for part in version.split(".")[:2]) >= (6, 2)
    yield Finding(name="redis", ok=new, what=f"Redis answers, version {version}", remedy="install Redis 6.2 or newer")
    evicts = facts.get("maxmemory_policy") != "noeviction"
    what = f"Redis evicts by {facts.get('maxmemory_policy')}" if evicts else "Redis evicts nothing"
    yield Finding(name="eviction", ok=not evicts, what=what, remedy="set maxmemory-policy noeviction")
    keeps = bool(facts.get("aof_enabled"))
    what = "Redis keeps its queues over a restart" if keeps else "Redis may lose its queues at a restart"
    yield Finding(
        name="persistence", ok=keeps, what=what, remedy="set appendonly yes; until then the sweep queues again"
    )
    yield _worker(settings)


def _worker(settings: Settings) -> Finding:
    with redis.Redis.from_url(settings.redis_url, socket_timeout=start.REDIS_TIMEOUT) as client:
        seconds, _ = client.time()
        seen = int(client.zcount(presence.WORKERS, int(seconds) - presence.DEAD_S, "+inf"))
    what = f"{seen} workers take tasks" if seen else "no worker takes tasks: deliveries and statuses wait"
    return Finding(name="worker", ok=bool(seen), what=what, remedy="rigline worker, or rigline serve")


def backlog(settings: Settings) -> Findings:
    """Check that nothing has waited for long: webhooks, what forges should know, and what a person has to look at."""
    try:
        found = asyncio.run(_gauges(settings.database_url))
    except (StartupError, *schema.AWAY):  # `database` says it
        return
    for wait in WAITS:
        longest_s = max((number for _, number in found[wait.gauge]), default=0.0)
        is_late = longest_s > wait.limit_s
        what = wait.late.format(s=longest_s) if is_late else wait.well
        yield Finding(name=wait.gauge, ok=not is_late, what=what, remedy=wait.remedy)
    open_ = sum(number for _, number in found["rigline_problems_open"])
    what = f"{open_:.0f} problems are open" if open_ else "no problem is open"
    yield Finding(name="problems", ok=not open_, what=what, remedy="look at the start page, or rigline api GET /alerts")


async def _gauges(database_url: str) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    own = engine(database_url)
    try:
        async with own.connect() as db:
            return {gauge.name: lines for gauge, lines in await gauges.read(db)}
    finally:
        await own.dispose()


def forges(settings: Settings) -> Findings:
    """Check that what was set for a forge is enough to serve it."""
    github, gitlab = _set(settings, "github"), _set(settings, "gitlab")
    if not github and not gitlab:
        yield Finding(name="forges", ok=True, what="no forge is set up: only dispatches work")
    if github:
        yield _forge("github", _github_lacks(settings))
    if gitlab:
        yield _forge("gitlab", _gitlab_lacks(settings))


def _set(settings: Settings, forge: str) -> bool:
    return any(name.startswith(forge) for name in settings.model_fields_set)


def _github_lacks(settings: Settings) -> list[str]:
    app = settings.github_app_id and settings.github_private_key
    half = bool(settings.github_app_id) != bool(settings.github_private_key)
    wanted = {
        "RIGLINE_GITHUB_WEBHOOK_SECRETS": bool(settings.github_webhook_secrets),
        "RIGLINE_GITHUB_TOKEN, or RIGLINE_GITHUB_APP_ID with RIGLINE_GITHUB_PRIVATE_KEY": bool(
            (settings.github_token or app) and not half
        ),
    }
    return [name for name, there in wanted.items() if not there]


def _gitlab_lacks(settings: Settings) -> list[str]:
    hooks = settings.gitlab_webhook_secrets or settings.gitlab_signing_keys
    wanted = {
        "RIGLINE_GITLAB_WEBHOOK_SECRETS or RIGLINE_GITLAB_SIGNING_KEYS": bool(hooks),
        "RIGLINE_GITLAB_TOKEN": settings.gitlab_token is not None,
    }
    return [name for name, there in wanted.items() if not there]


def _forge(name: str, lacks: list[str]) -> Finding:
    what = f"{name} lacks a setting" if lacks else f"{name} is set up"
    return Finding(name=name, ok=not lacks, what=what, remedy=f"set {' and '.join(lacks)}")


def data(settings: Settings) -> Findings:
    """Check that the data directory is ours alone, and that the disk has room."""
    folder = settings.data_dir
    if not folder.exists():
        yield Finding(name="data", ok=True, what=f"{folder} will be made at the first start")
        return
    mode = folder.stat().st_mode & 0o777
    closed = not mode & 0o077
    what = f"{folder} has mode {mode:04o}" + ("" if closed else ": others may read it")
    yield Finding(name="data", ok=closed, what=what, remedy=f"chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    what = f"{free / 2**30:.1f} GiB are free at {folder}"
    yield Finding(name="disk", ok=free > LOW_DISK, what=what, remedy="make room, or move RIGLINE_DATA_DIR")


CHECKS: tuple[Callable[[Settings], Findings], ...] = (database, queue, backlog, forges, data)
