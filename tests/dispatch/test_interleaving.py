"""Claims, beats, ends, cancels, retries, faults and sweeps in any order: what must always be so stays so."""

import os

import pytest

from tests.dispatch.interleaving import Driver
from tests.dispatch.world import World

STEPS = 1000
SEEDS = 1 if int(os.environ.get("RIGLINE_TEST_CAMPAIGN", "1")) == 1 else 100  # `make test-all`: 100,000 steps


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_any_order_of_events_leaves_the_rows_in_order(world: World, seed: int) -> None:
    await Driver(world, seed).run(STEPS)
