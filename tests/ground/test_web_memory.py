"""What a web process does without, it does not load: each of these takes megabytes that builders' polls could have."""

import subprocess
import sys

SIGNING = {"argon2", "cryptography.fernet", "cryptography.hazmat", "cryptography.x509"}
LOAD = "app.cli.main.get_command(click.Context(app.cli.main), 'web')"
DEAR = SIGNING | {"alembic", "gitlab", "markdown_it", "numpy", "requests", "rich"}


def test_a_web_process_that_starts_loads_no_cryptography_statistics_migrations_or_client_of_gitlab():
    code = f"import sys, click, app.cli; {LOAD}; print(sorted({DEAR} & set(sys.modules)))"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said == "[]\n"
