import os

import pytest

from tests.builders.conftest import project  # noqa: F401  # a repository that builders fetch
from tests.builders.test_workspace import server, work  # noqa: F401  # where it is served, and where to
from tests.specs.conftest import world  # noqa: F401  # the whole service, as in the specs

OUTAGE = "RIGLINE_TEST_OUTAGE"  # seconds for which a forge is broken; `make test-all` takes ten minutes


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what waits for minutes, unless it is asked for."""
    if OUTAGE in os.environ:
        return
    long = [item for item in items if "outage_s" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in long]
    config.hook.pytest_deselected(items=long)


@pytest.fixture
def outage_s() -> float:
    """Say for how long a forge is broken, in real time."""
    return float(os.environ[OUTAGE])
