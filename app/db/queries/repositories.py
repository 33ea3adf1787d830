"""Repositories that are served. On a forge the numeric id counts; names follow it."""

import datetime
import re
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from app.db.models import Repository
from app.db.tables import repository_name
from integrations.forge import RepositoryFacts

HEARD_EVERY = datetime.timedelta(seconds=60)
PLAIN = "git"  # the forge of a remote that a dispatch named
BOARDS = "boards:"  # an address that nothing can be fetched from
_TABLE: sa.Table = Repository.__table__  # type: ignore[attr-defined]
_IS_IT = (_TABLE.c.forge == sa.bindparam("forge_"), _TABLE.c.forge_id == sa.bindparam("forge_id_"))
_hear = (
    sa.update(_TABLE)
    .where(*_IS_IT, _TABLE.c.heard_at.is_(None) | (_TABLE.c.heard_at < sa.func.now() - HEARD_EVERY))
    .values(heard_at=sa.func.now())
)


async def add(db: AsyncConnection, forge: str, facts: RepositoryFacts) -> int:
    """Serve a repository of a forge, or serve it again; facts that changed are taken over."""
    values: dict[str, Any] = {
        "full_name": facts.full_name,
        "clone_url": facts.clone_url,
        "default_branch": facts.default_branch,
        "private": facts.private,
        **({} if facts.installation is None else {"installation_id": facts.installation}),
    }
    new = insert(Repository).values(forge=forge, forge_id=facts.id, **values)
    new = new.on_conflict_do_update(index_elements=["forge", "forge_id"], set_={**values, "removed_at": None})
    return int((await db.execute(new.returning(col(Repository.id)))).scalar_one())


async def add_remote(db: AsyncConnection, clone_url: str) -> int:
    """Find or make the repository of a plain remote; the address has no credentials."""
    new = insert(Repository).values(
        forge=PLAIN, clone_url=clone_url, full_name=re.sub(r"^\w+://", "", clone_url)[:512], removed_at=None
    )
    new = new.on_conflict_do_update(
        index_elements=["clone_url"], index_where=sa.text("forge = 'git'"), set_={"removed_at": None}
    )
    return int((await db.execute(new.returning(col(Repository.id)))).scalar_one())


async def hide_remote(db: AsyncConnection, repository_id: int) -> None:
    """Make a plain remote private, for it is fetched with a token."""
    mine = (col(Repository.id) == repository_id, col(Repository.forge) == PLAIN, col(Repository.private).is_(False))
    await db.execute(sa.update(Repository).where(*mine).values(private=True))


async def of_boards(db: AsyncConnection) -> int:
    """Find or make what the checks of boards stand under, in the place of a repository; it is never served."""
    new = insert(Repository).values(forge=PLAIN, clone_url=BOARDS, full_name="boards", removed_at=sa.func.now())
    new = new.on_conflict_do_update(
        index_elements=["clone_url"], index_where=sa.text("forge = 'git'"), set_={"full_name": "boards"}
    )
    return int((await db.execute(new.returning(col(Repository.id)))).scalar_one())


async def remove(db: AsyncConnection, repository_id: int) -> bool:
    """Stop serving a repository; its history stays. False if it was not served."""
    change = sa.update(Repository).where(col(Repository.id) == repository_id, col(Repository.removed_at).is_(None))
    return await db.scalar(change.values(removed_at=sa.func.now()).returning(col(Repository.id))) is not None


async def get(db: AsyncConnection, repository_id: int) -> sa.RowMapping | None:
    """Read a repository, also one that is no longer served."""
    return (await db.execute(sa.select(_TABLE).where(col(Repository.id) == repository_id))).mappings().one_or_none()


async def fork_isolation(db: AsyncConnection, repository_id: int) -> str | None:
    """Say how well the repository wants the code of forks kept apart; None: as the service does."""
    wanted = sa.select(col(Repository.fork_isolation)).where(col(Repository.id) == repository_id)
    found: str | None = await db.scalar(wanted)
    return found


async def served(db: AsyncConnection, forge: str, forge_id: int, *, hears: bool = False) -> sa.RowMapping | None:
    """Find the served repository with this numeric id on a forge.

    Args:
        hears: note also that the forge spoke of it, as `hear` does.
    """
    asked = await db.execute(_served(hears=hears), {"forge_": forge, "forge_id_": forge_id})
    found: sa.RowMapping | None = asked.mappings().one_or_none()
    return found


@cache
def _served(*, hears: bool) -> sa.Select[Any]:
    asked = sa.select(_TABLE).where(*_IS_IT, col(Repository.removed_at).is_(None))
    return asked.add_cte(_hear.cte("heard")) if hears else asked


async def by_name(db: AsyncConnection, full_name: str, *, forge: str | None = None) -> sa.RowMapping | None:
    """Find a served repository by name, as a person types it; the newest if several forges have one.

    A name that a repository left leads to it too, as long as no other one has it.
    """
    same = sa.func.lower(col(Repository.full_name)) == full_name.lower()
    asked = sa.select(_TABLE).where(same, col(Repository.removed_at).is_(None))
    if forge is not None:
        asked = asked.where(col(Repository.forge) == forge)
    found = (await db.execute(asked.order_by(col(Repository.id).desc()).limit(1))).mappings().one_or_none()
    return found or await _by_old_name(db, full_name, forge)


async def _by_old_name(db: AsyncConnection, full_name: str, forge: str | None) -> sa.RowMapping | None:
    asked = (
        sa.select(_TABLE)
        .join(repository_name, repository_name.c.repository_id == col(Repository.id))
        .where(sa.func.lower(repository_name.c.full_name) == full_name.lower(), col(Repository.removed_at).is_(None))
    )
    if forge is not None:
        asked = asked.where(repository_name.c.forge == forge)
    return (await db.execute(asked.order_by(repository_name.c.left_at.desc()).limit(1))).mappings().one_or_none()


async def by_clone_url(db: AsyncConnection, clone_url: str) -> sa.RowMapping | None:
    """Find the served repository with this address; `.git` and a slash at its end do not matter."""
    plain = clone_url.rstrip("/").removesuffix(".git")
    ours = sa.func.regexp_replace(col(Repository.clone_url), r"(\.git)?/*$", "")
    asked = sa.select(_TABLE).where(ours == plain, col(Repository.removed_at).is_(None))
    asked = asked.order_by((col(Repository.forge) == PLAIN), col(Repository.id).desc())
    return (await db.execute(asked.limit(1))).mappings().one_or_none()


async def list_(db: AsyncConnection, *, after: int = 0, limit: int = 50, removed: bool = False) -> list[sa.RowMapping]:
    """List the served repositories by id; `removed` adds those no longer served."""
    asked = sa.select(_TABLE).where(col(Repository.id) > after).order_by(col(Repository.id)).limit(limit)
    if not removed:
        asked = asked.where(col(Repository.removed_at).is_(None))
    return list((await db.execute(asked)).mappings())


async def only(db: AsyncConnection) -> sa.RowMapping | None:
    """Find the one repository of a forge that is served; None if there is none, or several."""
    asked = sa.select(_TABLE).where(_TABLE.c.forge_id.is_not(None), _TABLE.c.removed_at.is_(None)).limit(2)
    found = list((await db.execute(asked)).mappings())
    return found[0] if len(found) == 1 else None


async def names(db: AsyncConnection) -> dict[int, str]:
    """Name all repositories, also those no longer served."""
    rows = await db.execute(sa.select(col(Repository.id), col(Repository.full_name)))
    return {row[0]: row[1] for row in rows}


async def forges_served(db: AsyncConnection) -> set[str]:
    """Name the forges of which a repository is served."""
    wanted = sa.select(_TABLE.c.forge).where(_TABLE.c.forge_id.is_not(None), _TABLE.c.removed_at.is_(None))
    return set(await db.scalars(wanted.distinct()))


async def rename(db: AsyncConnection, repository_id: int, *, full_name: str, clone_url: str) -> None:
    """Take over a repository's new name; its history stays with the id, and the old name leads to it."""
    old = sa.select(col(Repository.forge), col(Repository.full_name), col(Repository.id)).where(
        col(Repository.id) == repository_id, col(Repository.full_name) != full_name
    )
    kept = insert(repository_name).from_select(["forge", "full_name", "repository_id"], old)
    again = {"repository_id": repository_id, "left_at": sa.func.now()}
    await db.execute(kept.on_conflict_do_update(index_elements=["forge", "full_name"], set_=again))
    await change(db, repository_id, full_name=full_name, clone_url=clone_url)


async def change(db: AsyncConnection, repository_id: int, **values: Any) -> None:
    """Write down what is new of a repository."""
    if values:
        await db.execute(sa.update(Repository).where(col(Repository.id) == repository_id).values(**values))


async def hear(db: AsyncConnection, forge: str, forge_id: int) -> None:
    """Note that a delivery spoke of a repository; once in a while is enough."""
    await db.execute(_hear, {"forge_": forge, "forge_id_": forge_id})


async def set_policy(db: AsyncConnection, repository_id: int, text: str | None) -> None:
    """Keep rules on the service, or none; the schedules are read anew."""
    change = sa.update(Repository).where(col(Repository.id) == repository_id)
    await db.execute(change.values(policy=text, policy_commit=None))
