"""Copies of the code with a migration more or less, and environments that run them: what an instance is upgraded to."""

import shutil
import subprocess
import sys
from pathlib import Path

from app.db import schema
from tests.ground.processes import ROOT, SITE_PACKAGES

PARTS = ("app", "builders", "integrations", "templates")
FILES = ("pyproject.toml", "requirements-server.lock", "README.md", "scripts/bootstrap.py")
VERSIONS = "app/db/migrations/versions"

GOOD = """
    op.create_table("moved_by_an_upgrade", sa.Column("id", sa.Integer(), primary_key=True))
"""
BROKEN = """
    op.create_table("half_made", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("SELECT no_such_function()")
"""
MIGRATION = '''"""Invented."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{number}", "{after}", None, None


def upgrade() -> None:{body}
'''


def copied(folder, *, head, migration=None, broken_start=False):
    """Copy the code, with a migration more, and perhaps a web that cannot start."""
    folder.mkdir()
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    if migration:
        migrate(folder, number="9999", after=head, body=migration)
    if broken_start:
        main = folder / "app/main.py"
        broken = 'def create_app(deps: Deps) -> Quart:\n    raise RuntimeError("a bug of the new version")\n'
        main.write_text(main.read_text() + "\n\n" + broken)
    return folder


def of_before(folder):
    """Copy the code without its newest migration: what an instance has that was installed before that came.

    What a test asks of it must not need what the migration brings.
    """
    copied(folder, head=None)
    (newest,) = (folder / VERSIONS).glob(f"{schema.head()}_*.py")
    newest.unlink()
    return folder


def before():
    """Name the revision that `of_before` has."""
    return sorted(schema.known())[-2]


def migrate(folder, *, number, after, body):
    """Add a migration to a tree."""
    (folder / VERSIONS / f"{number}_invented.py").write_text(MIGRATION.format(number=number, after=after, body=body))


def environment(folder, tree):
    """Make an environment that runs a tree with the packages of the tests: in a fifth of a second."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", folder], check=True)
    site = next(folder.glob("lib/python3*/site-packages"))
    (site / "tree.pth").write_text(f"{tree}\n{SITE_PACKAGES}\n")
    return Path(folder)
