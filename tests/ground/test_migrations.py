"""The schema's history leads to what the models say."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from app.db import schema
from app.db.session import arguments, engine

SHAPE = """
    SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
           || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
           || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '')
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
"""


@asynccontextmanager
async def empty_database(emptier, url):
    name = f"test_{uuid4().hex[:12]}"
    emptier.execute(f"CREATE DATABASE {name}")
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        emptier.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def shape(url):
    connection = await asyncpg.connect(**arguments(url))
    rows = await connection.fetch(SHAPE)
    await connection.close()
    return {tuple(row) for row in rows if row[1] != "alembic_version"}


async def test_an_empty_database_upgraded_to_the_newest_revision_equals_the_models(servers, emptier):
    async with (
        empty_database(emptier, servers.database_url) as migrated,
        empty_database(emptier, servers.database_url) as modelled,
    ):
        own = engine(modelled)
        async with own.begin() as db:
            await db.run_sync(SQLModel.metadata.create_all)
        await own.dispose()

        assert await schema.upgrade(migrated) == schema.head()

        by_migrations, by_models = await shape(migrated), await shape(modelled)
        assert sorted(by_models - by_migrations) == []
        assert sorted(by_migrations - by_models) == []


async def test_what_is_compressed_already_is_not_compressed_again_by_postgresql(servers, emptier):
    async with empty_database(emptier, servers.database_url) as url:
        await schema.upgrade(url)
        connection = await asyncpg.connect(**arguments(url))
        rows = await connection.fetch(
            "SELECT attrelid::regclass::text AS kept, attstorage FROM pg_attribute"
            " WHERE attname = 'data' AND attrelid::regclass::text = ANY ($1)",
            ["log_chunk", "artefact_piece", "result"],
        )
        await connection.close()

    assert {row["kept"]: row["attstorage"] for row in rows} == dict.fromkeys(
        ("log_chunk", "artefact_piece", "result"), b"e"
    )


async def test_upgrading_twice_changes_nothing_and_two_processes_at_once_do_not_collide(servers, emptier):
    async with empty_database(emptier, servers.database_url) as url:
        assert await schema.is_current(url) == (False, None)

        await asyncio.gather(schema.upgrade(url), schema.upgrade(url))

        assert await schema.is_current(url) == (True, schema.head())


async def test_a_downgrade_leaves_nothing_behind_and_an_upgrade_follows(servers, emptier):
    async with empty_database(emptier, servers.database_url) as url:
        await schema.upgrade(url)
        before = await shape(url)
        own = engine(url)
        async with own.begin() as db:
            await db.run_sync(down)
        await own.dispose()

        assert await shape(url) == set()
        await schema.upgrade(url)
        assert await shape(url) == before


def down(connection):
    config = schema.config()
    config.attributes["connection"] = connection
    command.downgrade(config, "base")


def test_the_history_has_one_head_and_the_files_are_named_as_their_revisions():
    history = ScriptDirectory.from_config(schema.config())

    assert history.get_heads() == [schema.head()]
    assert {step.revision for step in history.walk_revisions()} == schema.known()


@pytest.mark.parametrize("revision", [path.stem for path in schema.MIGRATIONS.glob("versions/*.py")])
def test_a_revision_says_in_its_name_where_it_stands(revision):
    assert revision[:4].isdigit()


async def test_small_tables_that_always_change_do_not_make_every_connection_plan_claims_anew(servers, emptier):
    async with empty_database(emptier, servers.database_url) as url:
        await schema.upgrade(url)
        connection = await asyncpg.connect(**arguments(url))
        rows = await connection.fetch(
            "SELECT relname FROM pg_class WHERE 'autovacuum_analyze_threshold=2000' = ANY (reloptions)"
        )
        await connection.close()

    assert {"board", "builder", "job", "attempt", "pipeline"} <= {row["relname"] for row in rows}
