"""The client commands work where only the base install is."""

import os
import subprocess
import tomllib

from tests.cli.commands import RIGLINE, ROOT

SCRIPT = """
import sys
sys.modules.update(dict.fromkeys({missing!r}))  # None there makes an import fail
import app.cli.admin, app.cli.builder, app.cli.chart, app.cli.compare, app.cli.dispatch, app.cli.job
import app.cli.api, app.cli.pipeline, app.cli.preset, app.cli.replay, app.cli.repo, app.cli.schedule
"""


def test_client_commands_import_nothing_of_the_server() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [each.split(">")[0].split("[")[0].strip() for each in extras["server"]]
    missing = {"argon2" if name == "argon2-cffi" else name.replace("-", "_") for name in named} | {"pydantic"}

    ended = subprocess.run(
        [RIGLINE[0], "-c", SCRIPT.format(missing=sorted(missing))],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
