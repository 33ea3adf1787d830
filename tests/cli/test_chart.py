"""`rigline chart` draws one metric of several result files, the same files always the same way."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from app.cli.chart import chart
from app.history.bars import MOST_ROWS

SVG = "{http://www.w3.org/2000/svg}"


def results(
    folder: Path, name: str, values: dict[str, float], *, unit: str = "frames/s", better: str = "higher"
) -> Path:
    """Write a result file with one metric, fps."""
    metric: dict[str, Any] = {"name": "fps", "unit": unit, "better": better}
    benchmarks = [{"name": key, "metrics": [{**metric, "samples": [value]}]} for key, value in values.items()]
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"version": 1, "benchmarks": benchmarks}))
    return path


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(chart, [str(word) for word in words])


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_folder_is_drawn_in_the_order_of_names_and_always_the_same_way(tmp_path: Path) -> None:
    results(tmp_path, "b-new", {"arcs": 30.0, "text": 58.5})
    results(tmp_path, "a-old", {"arcs": 60.0})
    out = tmp_path / "fps.svg"

    assert run(tmp_path, "--metric", "fps", "--title", "800 x 480", "--output", out).exit_code == 0
    svg = out.read_text()
    assert texts(svg) == ["800 x 480", "frames/s, more is better", "a-old", "b-new", "arcs", "60", "30", "text", "58.5"]
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("1200", "800")
    bars = [float(each.get("width", "0")) for each in root.iter(f"{SVG}rect") if each.find(f"{SVG}title") is not None]
    assert bars == [750.0, 375.0, 731.2]
    out.unlink()
    assert run(tmp_path, "--metric", "fps", "--title", "800 x 480").output == svg


def test_times_in_other_units_are_drawn_in_the_first_ones(tmp_path: Path) -> None:
    results(tmp_path, "a", {"arcs": 2.0}, unit="ms", better="lower")
    results(tmp_path, "b", {"arcs": 3_000_000.0}, unit="ns", better="lower")

    assert texts(run(tmp_path, "--metric", "fps").output)[1:] == ["ms, less is better", "a", "b", "arcs", "2", "3"]


@pytest.mark.parametrize(
    ("unit", "better", "said"),
    [("KiB", "lower", "no common unit"), ("frames/s", "lower", "better when higher in one file and lower")],
)
def test_what_cannot_be_drawn_together_is_refused(tmp_path: Path, unit: str, better: str, said: str) -> None:
    results(tmp_path, "a", {"arcs": 2.0})
    results(tmp_path, "b", {"arcs": 2.0}, unit=unit, better=better)

    ended = run(tmp_path, "--metric", "fps")
    assert (ended.exit_code, said in ended.output) == (1, True)


def test_a_metric_that_no_file_has_and_too_many_benchmarks_are_said(tmp_path: Path) -> None:
    path = results(tmp_path, "a", {f"b{number}": 1.0 for number in range(MOST_ROWS + 1)})

    assert "no file has this metric" in run(path, "--metric", "fpx").output
    assert f"{MOST_ROWS} benchmarks can be drawn" in run(path, "--metric", "fps").output


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("nothing of use\n")

    ended = run(tmp_path, "--metric", "fps")
    assert (ended.exit_code, "a.txt" in ended.output) == (1, True)


def test_hostile_names_are_text_of_a_well_formed_picture(tmp_path: Path) -> None:
    name = "</text><script>alert(1)</script>\x1b\u202e&\"'"
    results(tmp_path, "a", {name: 1.0, "zero": 0.0, "below": -1.0}, unit='"><&')

    svg = run(tmp_path, "--metric", "fps", "--title", name).output
    assert "<script" not in svg
    assert "</text><script>alert(1)</script>&\"'" in texts(svg)
