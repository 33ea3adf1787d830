"""What a web process does without, it does not load: each of these takes megabytes that builders' polls could have."""

import subprocess
import sys


def test_a_web_process_that_starts_loads_no_statistics_no_migrations_and_no_client_of_gitlab():
    code = "import sys, app.cli.web; print(sorted({'alembic', 'gitlab', 'numpy', 'requests'} & set(sys.modules)))"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said == "[]\n"
