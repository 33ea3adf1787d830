"""Carry one repository's rows out of a service as lines of JSON, and into another one under new ids.

Lines, not PostgreSQL's own form: whoever takes their data along should be able to read it, and rows that get new ids
have to be looked into anyway. People, tokens, secrets and subscriptions stay where they are.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from app.db import belonging, tables
from app.db.queries import archive, belongings
from app.db.tables import approval, attempt, attempt_board, board, comparison, heard, job, pipeline

STAYS = frozenset({"webhook_secret", "subscription", "notification", "schedule", "role_grant", "forge_role"})
FOUND = ("builder", "board", "delivery")  # of the service: found again there by their names
NAMES = (*FOUND, "repository", *(each.table for each in belonging.ALL if each.table not in STAYS))  # parents first
ONLY = {"builder": ("id", "name"), "board": ("id", "builder_id", "name", "type", "description", "tags")}
WITHOUT = {"pipeline": {"token"}}
SOFT = {("pull_request", "delivery_id"): "delivery"}  # a reference that no foreign key says
LINES = {"format": "csv", "quote": "\x01", "delimiter": "\x02"}  # JSON holds neither: a line is a row as it is
OVER = "'it was not over when its repository was exported'"
KNOWN_BY = {"builder": ("name",), "board": ("builder_id", "name"), "delivery": ("forge", "key")}
NEW = {
    "builder": {
        "token_hash": "sha256(gen_random_uuid()::text::bytea)",
        "state": "'retired'",
        "version": "''",
        "isolation": "'none'",
    },
    "board": {"offered": "false", "health": "'maintenance'", "health_reason": "'known from an import'"},
}

# What a row must say in a service in which nobody works at it and nobody was told of it by us.
CHANGES = {
    "repository": "hook_id = NULL, policy_commit = NULL",
    "job": "lost_on = '{}', reason = CASE WHEN ended_at IS NULL THEN " + OVER + " ELSE reason END,"
    " state = CASE WHEN ended_at IS NULL THEN 'cancelled' ELSE state END, ended_at = coalesce(ended_at, now())",
    "attempt": "claim_id = gen_random_uuid(), outcome = coalesce(outcome, 'cancelled'),"
    " ended_at = coalesce(ended_at, now())",
    "attempt_board": "is_open = false",
    "status": "sent_version = version",
    "conversation": "sent_version = version",
    "heard": "answered_at = coalesce(answered_at, now()), done_at = coalesce(done_at, now())",
    "shift": "told_version = version",
    "comparison": "is_over = true",
    "bisection": "state = CASE WHEN ended_at IS NULL THEN 'cancelled' ELSE state END,"
    " ended_at = coalesce(ended_at, now())",
}


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A table as it is carried: its columns."""

    name: str
    columns: tuple[str, ...]


def carried(name: str) -> Carried:
    """Say which columns of a table are carried."""
    table = tables.named(name)
    kept = ONLY.get(name) or tuple(
        each.name for each in table.c if each.computed is None and each.name not in WITHOUT.get(name, set())
    )
    return Carried(name=name, columns=kept)


async def copy_out(connection: Any, name: str, repository_id: int, write: archive.Write) -> int:
    """Hand on the rows of a table that belong to a repository or that these refer to; return how many."""
    table, of = tables.named(name), carried(name)
    rows = sa.select(*(table.c[each] for each in of.columns)).where(_whose(name, repository_id))
    rows = rows.order_by(*table.primary_key.columns)
    lines = sa.select(sa.func.row_to_json(sa.literal_column("t"))).select_from(rows.subquery("t"))
    text = str(lines.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]
    done = await connection.copy_from_query(text, output=write, **LINES)
    return int(done.rpartition(" ")[2])


async def copy_in(connection: Any, name: str, data: AsyncIterator[bytes]) -> int:
    """Stage the lines of a table in this transaction; return how many."""
    await connection.execute("CREATE TEMP TABLE lines (doc text) ON COMMIT DROP")
    done = await connection.copy_to_table("lines", source=data, **LINES)
    await connection.execute(
        f'CREATE TEMP TABLE "stage_{name}" ON COMMIT DROP AS'  # noqa: S608
        f' SELECT (json_populate_record(NULL::"{name}", doc::json)).* FROM lines; DROP TABLE lines'
    )
    if name in CHANGES:
        await connection.execute(f'UPDATE "stage_{name}" SET {CHANGES[name]}')  # noqa: S608  # ours
    return int(done.rpartition(" ")[2])


async def add(connection: Any, name: str) -> None:
    """Add the staged rows of a table under new ids, with references to the new ids of others."""
    if name in FOUND:
        await _find_or_add(connection, name)
        return
    if "id" in tables.named(name).c:
        await _map(connection, name, "true")
    await _insert(connection, name, carried(name).columns)


async def known(connection: Any) -> str | None:
    """Name the repository that is here already and that the staged one would be; None: there is none."""
    found: str | None = await connection.fetchval(
        "SELECT r.full_name FROM repository r JOIN stage_repository s ON r.forge = s.forge"
        " AND (r.forge_id = s.forge_id OR (s.forge = 'git' AND r.clone_url = s.clone_url)) LIMIT 1"
    )
    return found


async def named(connection: Any) -> str:
    """Name the staged repository."""
    return str(await connection.fetchval("SELECT full_name FROM stage_repository"))


async def _find_or_add(connection: Any, name: str) -> None:
    """Take what the service knows under the same name; the rest is added, out of work."""
    by = KNOWN_BY[name]
    if name == "board":
        await connection.execute(
            "UPDATE stage_board s SET builder_id = m.new FROM map_builder m WHERE m.old = s.builder_id"
        )
    same = " AND ".join(f"s.{each} = k.{each}" for each in by)
    await _map(connection, name, f'NOT EXISTS (SELECT FROM "{name}" k WHERE {same})')
    added = NEW.get(name, {})
    columns = [each for each in carried(name).columns if each != "id"]
    into = ", ".join(f'"{each}"' for each in ("id", *columns, *added))
    what = ", ".join(("m.new", *(f's."{each}"' for each in columns), *added.values()))
    await connection.execute(
        f'INSERT INTO "{name}" ({into}) SELECT {what} FROM "stage_{name}" s JOIN "map_{name}" m ON m.old = s.id;'  # noqa: S608
        f'INSERT INTO "map_{name}" SELECT s.id, k.id FROM "stage_{name}" s JOIN "{name}" k ON {same}'
        f' WHERE NOT EXISTS (SELECT FROM "map_{name}" m WHERE m.old = s.id)'
    )


async def _map(connection: Any, name: str, which: str) -> None:
    await connection.execute(
        f'CREATE TEMP TABLE "map_{name}" ON COMMIT DROP AS SELECT s.id::bigint AS old,'  # noqa: S608
        f" nextval(pg_get_serial_sequence('\"{name}\"', 'id')) AS new"
        f' FROM "stage_{name}" s WHERE {which} ORDER BY s.id;'
        f'CREATE INDEX ON "map_{name}" (old); ANALYZE "map_{name}"'
    )


async def _insert(connection: Any, name: str, columns: Sequence[str]) -> None:
    what: list[str] = []
    joins: list[str] = []
    for column in columns:
        parent = _parent(name, column)
        if parent is None:
            what.append(f's."{column}"')
            continue
        joined = f"m{len(joins)}"
        joins.append(f' LEFT JOIN "map_{parent}" {joined} ON {joined}.old = s."{column}"')
        what.append(f"coalesce({joined}.new, 0)" if (name, column) in SOFT else f"{joined}.new")
    into = ", ".join(f'"{each}"' for each in columns)
    text = f'INSERT INTO "{name}" ({into}) SELECT {", ".join(what)} FROM "stage_{name}" s{"".join(joins)}'  # noqa: S608
    await connection.execute(text)


def _parent(name: str, column: str) -> str | None:
    """Say to the ids of which table a column refers; its own for the id itself."""
    if column == "id":
        return name
    if (name, column) in SOFT:
        return SOFT[name, column]
    keys = [key.column for key in tables.named(name).c[column].foreign_keys]
    found = [key.table.name for key in keys if key.name == "id" and key.table.name in NAMES]
    return found[0] if found else None


def _whose(name: str, repository_id: int) -> sa.ColumnElement[bool]:
    if name not in FOUND:
        return belongings.of_repository(name, repository_id)
    table = tables.named(name)
    if name == "delivery":
        return table.c.id.in_(_said(repository_id, *((each, "delivery_id") for each in (pipeline, approval, heard))))
    if name == "builder":
        boards = sa.select(board.c.builder_id).where(_whose("board", repository_id))
        return table.c.id.in_(sa.union(_said(repository_id, (attempt, "builder_id")), boards))
    noise = tables.named("board_noise")
    return table.c.id.in_(
        _said(repository_id, *((each, "board_id") for each in (attempt, attempt_board, job, comparison, noise)))
    )


def _said(repository_id: int, *of: tuple[sa.Table, str]) -> Any:
    """Collect the ids that rows of a repository refer to."""
    asked = [
        sa.select(table.c[column]).where(belongings.of_repository(table.name, repository_id)) for table, column in of
    ]
    return sa.union(*asked) if len(asked) > 1 else asked[0]
