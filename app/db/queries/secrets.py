"""Webhook secrets of single repositories and installations. Sealed: the database alone gives none away."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import installation, repository, webhook_secret

SECRET, SIGNING = "secret", "signing"
MOST = 10  # of one repository or installation: enough for any change of secrets

# A repository's own come first, then those of the installation that it is known to belong to. What a body says
# of its installation counts only where it speaks of no repository that we know: anybody with a secret of another
# installation could claim it.
_OF = """
    WITH known AS (SELECT id, installation_id FROM repository WHERE forge = $1 AND forge_id = $2),
    wanted AS (
        SELECT id FROM installation WHERE forge = $1 AND forge_id = CASE
            WHEN EXISTS (SELECT FROM known) THEN (SELECT installation_id FROM known) ELSE $3 END
    )
    SELECT s.kind, s.sealed, s.repository_id IS NOT NULL AS own FROM webhook_secret s
    WHERE s.repository_id = (SELECT id FROM known) OR s.installation_id = (SELECT id FROM wanted)
"""


@dataclass(frozen=True, kw_only=True)
class SecretView:
    """A secret as an admin sees it: not at all, but for when it was added."""

    id: int
    kind: str
    added_at: datetime


async def of(
    db: "asyncpg.Connection[Any]", forge: str, repository_id: int | None, installation_id: int | None
) -> list[tuple[str, bytes]]:
    """List kind and sealed text of the secrets that count for a delivery; none: those of the whole forge count.

    Args:
        repository_id: of the forge, that the body speaks of.
        installation_id: of the forge, that the body speaks of.
    """
    found = await db.fetch(_OF, forge, repository_id, installation_id)
    narrowest = [row for row in found if row["own"]] or found
    return [(row["kind"], row["sealed"]) for row in narrowest]


async def add(
    db: AsyncConnection,
    kind: str,
    sealed: bytes,
    *,
    repository_id: int | None = None,
    installation_id: int | None = None,
) -> int | None:
    """Add one to a repository or installation of ours; None if it has as many as it may have."""
    if len(await list_(db, repository_id=repository_id, installation_id=installation_id)) >= MOST:
        return None
    new = sa.insert(webhook_secret).values(
        kind=kind, sealed=sealed, repository_id=repository_id, installation_id=installation_id
    )
    return int((await db.execute(new.returning(webhook_secret.c.id))).scalar_one())


async def list_(
    db: AsyncConnection, *, repository_id: int | None = None, installation_id: int | None = None
) -> list[SecretView]:
    """List those of a repository or of an installation, the oldest first."""
    columns = (webhook_secret.c.id, webhook_secret.c.kind, webhook_secret.c.added_at)
    asked = sa.select(*columns).where(_of(repository_id, installation_id)).order_by(webhook_secret.c.id)
    return [SecretView(**row) for row in (await db.execute(asked)).mappings()]


async def remove(
    db: AsyncConnection, secret_id: int, *, repository_id: int | None = None, installation_id: int | None = None
) -> bool:
    """Forget one of a repository or installation; False if it has no such one."""
    gone = sa.delete(webhook_secret).where(webhook_secret.c.id == secret_id, _of(repository_id, installation_id))
    return await db.scalar(gone.returning(webhook_secret.c.id)) is not None


async def installation_of(db: AsyncConnection, repository_id: int) -> int | None:
    """Find our row of the installation that a repository belongs to."""
    asked = sa.select(installation.c.id).join(
        repository,
        sa.and_(installation.c.forge == repository.c.forge, installation.c.forge_id == repository.c.installation_id),
    )
    found: int | None = await db.scalar(asked.where(repository.c.id == repository_id))
    return found


def _of(repository_id: int | None, installation_id: int | None) -> sa.ColumnElement[bool]:
    if (repository_id is None) == (installation_id is None):
        raise ValueError("a webhook secret is of a repository or of an installation")
    if repository_id is not None:
        return webhook_secret.c.repository_id == repository_id
    return webhook_secret.c.installation_id == installation_id
