from tests.builders.conftest import project  # noqa: F401  # a repository that builders fetch
from tests.builders.test_workspace import server, work  # noqa: F401  # where it is served, and where to
from tests.specs.conftest import world  # noqa: F401  # the whole service, as in the specs
