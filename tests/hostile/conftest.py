from tests.specs.conftest import world  # noqa: F401  # the whole service, as in the specs
