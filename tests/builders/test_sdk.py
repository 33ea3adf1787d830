"""The help for scripts: one file, standard library only."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

from builders.protocol import Outcome
from builders.sdk import rigline_sdk
from tests.builders.conftest import Lab, Project
from tests.builders.fake_service import FakeService

SCRIPT = """#!{python}
import rigline_sdk

script = rigline_sdk.init()
if script.action == "run":
    script.report("draw", "fps", 58, unit="frames/s", better="higher")
    script.report("draw", "fps", 57, 58, unit="frames/s", better="higher")
    script.report("draw", "memory", 1024, unit="bytes", better="lower")
    with script.measure("startup"):
        pass
    print(script.board, script.configuration, script.commit, script.job, script.repository)
"""


async def test_a_script_reports_measurements_in_the_native_form(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board()
    for name in ("build.sh", "run.sh"):
        lab.script(name, SCRIPT.replace("{python}", sys.executable))
    await lab.connect()
    commit = project.commit()

    attempt = await service.job(project.source(commit), "b1", "c1")
    finish = await attempt.ended()

    assert finish.outcome is Outcome.PASSED, attempt.text
    result = json.loads(attempt.results[0])
    draw, startup = result["benchmarks"]
    assert result["version"] == 1
    assert draw == {
        "name": "draw",
        "metrics": [
            {"name": "fps", "unit": "frames/s", "better": "higher", "samples": [58, 57, 58]},
            {"name": "memory", "unit": "bytes", "better": "lower", "samples": [1024]},
        ],
    }
    assert (startup["name"], startup["metrics"][0]["unit"]) == ("startup", "s")
    assert f"b1 c1 {commit} {attempt.lease.job_id} team/project" in attempt.text


async def test_a_cancelled_script_is_interrupted_and_its_finally_runs(
    lab: Lab, service: FakeService, project: Project
) -> None:
    lab.board()
    lab.script(
        "run.sh",
        f"#!{sys.executable}\nimport time, rigline_sdk\nscript = rigline_sdk.init()\ntry:\n"
        "    print('begun', flush=True)\n    time.sleep(60)\nfinally:\n    print('board is off', flush=True)\n",
    )
    await lab.connect()
    attempt = await service.job(project.source(project.commit()), "b1", "c1")
    await attempt.logged("begun")

    await service.cancel(attempt)
    await attempt.ended(timeout=9)  # shorter than the grace

    assert "board is off" in attempt.text


def test_the_sdk_imports_the_standard_library_only() -> None:
    tree = ast.parse(Path(rigline_sdk.__file__).read_text())
    names = {each.name for node in ast.walk(tree) if isinstance(node, ast.Import) for each in node.names}
    names |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "12", None])
def test_a_sample_that_is_no_number_is_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="fps: samples must be finite numbers"):
        rigline_sdk.metric("fps", bad, unit="", better="higher")  # type: ignore[arg-type]


def test_a_direction_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match='better must be "lower" or "higher"'):
        rigline_sdk.metric("fps", 1, unit="", better="bigger")


def test_a_metric_keeps_its_unit(tmp_path: Path) -> None:
    script = rigline_sdk.Script("run", "b", "c", results=str(tmp_path / "r.json"))
    script.report("draw", "time", 1, unit="ms", better="lower")

    with pytest.raises(ValueError, match="draw/time: was ms, lower is better, before"):
        script.report("draw", "time", 1, unit="s", better="lower")


def test_ej_arguments_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIGLINE_SOCKET", raising=False)

    script = rigline_sdk.init(argv=["run", "config.toml", "pi", "release", "/nonexistent/socket"])

    assert (script.action, script.config_path, script.board, script.configuration) == (
        "run", "config.toml", "pi", "release"
    )  # fmt: skip


def test_a_program_that_no_builder_started_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIGLINE_ACTION", raising=False)

    with pytest.raises(rigline_sdk.NotAScript, match="RIGLINE_ACTION is not set"):
        rigline_sdk.init(argv=[])
