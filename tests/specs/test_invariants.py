"""What no row and no module may ever be, whatever the code around it does."""

import ast
from pathlib import Path

import asyncpg
import pytest

from app.db.session import arguments
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DECIDING = ("app/db", "app/dispatch", "app/handlers", "app/reporting", "app/results", "app/tasks", "builders")
CLOCKS = ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today")
SCENE = """
INSERT INTO repository (id, forge, forge_id, full_name, clone_url, default_branch, private)
    VALUES (1, 'github', 1, 'a/b', 'https://x', 'main', false);
INSERT INTO pipeline (id, repository_id, commit, kind, trigger, from_fork, title, requested_by)
    VALUES (1, 1, 'c', 'run', 'push', false, '', '');
INSERT INTO builder (id, name, token_hash, version, isolation) VALUES (1, 'lab', '', '', 'none');
INSERT INTO board (id, builder_id, name, type, description, health_reason, offered)
    VALUES (1, 1, 'b', 'b', '', '', true), (2, 1, 'b2', 'b', '', '', true);
INSERT INTO job (id, pipeline_id, board_type, configuration, replaced, state, reason, priority, cancel_reason, epoch)
    VALUES (1, 1, 'b', 'c', false, 'running', '', 'branch', '', 1),
           (2, 1, 'b', 'd', false, 'running', '', 'branch', '', 1);
INSERT INTO attempt (job_id, epoch, builder_id, board_id, claim_id, lease_until, reason, log_sha256)
    VALUES (1, 1, 1, 1, gen_random_uuid(), now(), '', '');
"""
OPEN_ATTEMPT = (
    "INSERT INTO attempt (job_id, epoch, builder_id, board_id, claim_id, lease_until, reason, log_sha256) "
    "VALUES ({}, {}, 1, {}, gen_random_uuid(), now(), '', '')"
)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE job SET state = 'passed' WHERE id = 1",
        "UPDATE job SET ended_at = now() WHERE id = 1",
        "UPDATE job SET epoch = 0 WHERE id = 1",
        "UPDATE job SET state = 'nearly_done' WHERE id = 1",
        "UPDATE attempt SET outcome = 'passed'",
        "UPDATE attempt SET ended_at = now()",
        OPEN_ATTEMPT.format(1, 2, 2),
        OPEN_ATTEMPT.format(2, 1, 1),
        "UPDATE job SET configuration = 'c' WHERE id = 2",
        "UPDATE repository SET forge_id = NULL",
    ],
    ids=[
        "ended without an end",
        "open with an end",
        "held without an attempt",
        "no such state",
        "an outcome of an open attempt",
        "an ended attempt without an outcome",
        "two open attempts of one job",
        "two open attempts on one board",
        "one target twice in a pipeline",
        "a forge's repository without its id",
    ],
)
async def test_an_illegal_state_cannot_be_stored(settings: Settings, statement: str) -> None:
    db = await asyncpg.connect(**arguments(settings.database_url))
    try:
        await db.execute(SCENE)
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await db.execute(statement)
    finally:
        await db.close()


def test_no_decision_is_made_by_the_clock_of_a_process() -> None:
    read = [found for folder in DECIDING for path in (ROOT / folder).rglob("*.py") for found in _clocks(path)]

    assert read == []


def test_one_module_of_the_service_reads_the_environment() -> None:
    readers = {path.name for path in (ROOT / "app").rglob("*.py") if _reads_the_environment(path)}

    assert readers == {"environment.py"}


def _reads_the_environment(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv"):
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os" and {"environ", "getenv"} & _names(node):
            return True
    return False


def _names(node: ast.ImportFrom) -> set[str]:
    return {each.name for each in node.names}


def _clocks(path: Path) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [f"{path.name}:{call.lineno}" for call in calls if ast.unparse(call.func).endswith(CLOCKS)]
