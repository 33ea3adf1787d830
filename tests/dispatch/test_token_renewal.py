"""A builder's token renews itself: the old one works a while longer, and no longer."""

import sqlalchemy as sa

from app.db.queries import builders
from app.db.tables import audit, builder
from tests.dispatch.world import FakeBuilder, World


async def age(world: World, **seconds: float) -> None:
    """Let columns of the builder be so much older."""
    async with world.deps.begin() as db:
        change = {name: builder.c[name] - sa.func.make_interval(0, 0, 0, 0, 0, 0, by) for name, by in seconds.items()}
        await db.execute(sa.update(builder).values(change))
    world.app.extensions["known_builders"].clear()


async def renewed(lab: FakeBuilder, token: str) -> str | None:
    answer = await lab.http.post("builders/me/token", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in (200, 204), answer.text
    found: str | None = None if answer.status_code == 204 else answer.json()["token"]
    return found


async def works(world: World, lab: FakeBuilder, token: str) -> bool:
    world.app.extensions["known_builders"].clear()  # as two seconds later
    answer = await lab.http.post("builders/me/claim", headers={"Authorization": f"Bearer {token}"}, json={})
    return answer.status_code != 401


async def test_a_young_token_is_not_renewed(world: World) -> None:
    lab = await world.builder()
    await age(world, token_at=22 * 86400)
    assert await renewed(lab, lab.token) is None


async def test_after_three_weeks_there_is_a_new_token_and_the_old_one_works_for_an_hour(world: World) -> None:
    lab = await world.builder()
    await age(world, token_at=23 * 86400)
    new = await renewed(lab, lab.token)
    assert new is not None
    assert await works(world, lab, new)
    async with world.deps.begin() as db:
        actions = list(await db.scalars(sa.select(audit.c.action).order_by(audit.c.id)))
    assert actions[-1] == "builder.token_renewed"
    assert await works(world, lab, lab.token)
    await age(world, former_until=3601)
    assert not await works(world, lab, lab.token)
    assert await works(world, lab, new)


async def test_a_new_token_whose_answer_was_lost_is_replaced_and_the_old_one_lives_no_longer_for_it(
    world: World,
) -> None:
    lab = await world.builder()
    await age(world, token_at=23 * 86400)
    lost = await renewed(lab, lab.token)
    await age(world, former_until=3000)
    second = await renewed(lab, lab.token)
    assert lost is not None
    assert second is not None
    assert (await works(world, lab, lost), await works(world, lab, second)) == (False, True)
    await age(world, former_until=601)
    assert not await works(world, lab, lab.token)


async def test_an_admins_rotation_ends_the_old_and_the_former_token_at_once(world: World) -> None:
    lab = await world.builder()
    await age(world, token_at=23 * 86400)
    new = await renewed(lab, lab.token)
    assert new is not None
    async with world.deps.begin() as db:
        await builders.rotate(db, lab.id, actor="me")
    assert not await works(world, lab, lab.token)
    assert not await works(world, lab, new)
