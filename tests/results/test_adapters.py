"""Every adapter reads what its tool writes: the same names, units, directions, params and samples."""

from pathlib import Path

import pytest

from app.results.adapters import ADAPTERS, FORMATS, Reading, read
from app.results.file import File
from app.results.parsed import Metric
from builders.protocol import WantedFormat

SAMPLES = Path(__file__).with_name("samples")
WANTED = {
    "pattern/boot.txt": WantedFormat(pattern=r"(?P<benchmark>\w+): (?P<value>[\d.]+) (?P<unit>\w+) \((?P<start>\w+)\)"),
    "pattern/table.csv": WantedFormat(
        name="pattern",
        pattern=r"^(?P<metric>[\w ]+);(?P<value>[\d.,]+);(?P<unit>\w+)$",
        benchmark="sleep",
        better="lower",
    ),
    "pattern/score.txt": WantedFormat(pattern=r"Score = (?P<value>\d+)", unit="points", better="higher"),
    "github-action-benchmark/bigger.json": WantedFormat(name="github-action-benchmark-bigger"),
    "github-action-benchmark/smaller.json": WantedFormat(name="github-action-benchmark-smaller"),
}
FILES = sorted(str(path.relative_to(SAMPLES)) for path in SAMPLES.glob("*/*"))


def sample(name: str) -> Reading:
    return read((SAMPLES / name).read_bytes(), WANTED.get(name))


def row(metric: Metric) -> str:
    params = " ".join(f"{name}={value}" for name, value in metric.params.items())
    numbers = " ".join(f"{each:.6g}" for each in metric.samples)
    step = "" if metric.resolution is None else f" ±{metric.resolution:g}"
    return f"{metric.benchmark} [{params}] {metric.name} = {numbers}{step} {metric.unit!r} {metric.better}"


def rows(reading: Reading) -> list[str]:
    assert reading.parsed is not None, reading.note
    unmeasured = [f"{name}: {why}" for name, why in reading.parsed.unmeasured.items()]
    return [reading.note.partition("; not measured")[0], *map(row, reading.parsed.metrics), *unmeasured]


def expected() -> dict[str, list[str]]:
    blocks = (SAMPLES / "expected.txt").read_text().split("\n\n")
    return {name: body for name, *body in (block.strip().split("\n") for block in blocks)}


@pytest.mark.parametrize("name", FILES)
def test_the_file_of_a_tool_is_read_to_the_names_units_directions_and_samples_that_the_tool_means(name):
    assert rows(sample(name)) == expected()[name]


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_recognised_by_its_content_and_by_one_adapter_alone(name):
    folder = name.partition("/")[0]
    if folder == "pattern":  # which only a configuration names
        assert read((SAMPLES / name).read_bytes()).format is None
        return

    data = (SAMPLES / name).read_bytes()
    assert [each.format for each in ADAPTERS if each.recognise(File(data))] == [folder]


def test_every_format_has_at_least_three_samples():
    for name in {name.removesuffix("-bigger").removesuffix("-smaller") for name in FORMATS}:
        assert len(list((SAMPLES / name).glob("*"))) >= 3, name


def test_repetitions_are_samples_and_means_of_the_tool_are_none():
    found = sample("google-benchmark/repetitions.json").parsed

    assert {len(metric.samples) for metric in found.metrics} == {3}
    assert {metric.benchmark for metric in found.metrics} == {"BM_Sort/1000"}


@pytest.mark.parametrize(
    ("unit", "better"),
    [
        ("ns", "lower"), ("seconds", "lower"), ("B", "lower"), ("KiB", "lower"), ("cycles", "lower"),
        ("ns/op", "lower"), ("ms/frame", "lower"), ("MB/s", "higher"), ("ops/sec", "higher"),
        ("items per second", "higher"), ("FPS", "higher"), ("GFLOPS", "higher"), ("1/s", "higher"),
        ("page faults", "lower"), ("points", None), ("", None), ("%", None),
        ("dB", None), ("/", None), ("s/", "lower"),
    ],
)  # fmt: skip
def test_where_the_tool_does_not_say_it_the_unit_tells_which_direction_is_better(unit, better):
    data = f'[{{"name": "boot", "unit": "{unit}", "value": 1}}]'.encode()

    assert read(data).parsed.metrics[0].better == better


def test_where_neither_tool_nor_unit_say_it_the_configuration_does_and_else_it_stays_unknown():
    data = b'[{"name": "score", "unit": "points", "value": 1}, {"name": "boot", "unit": "ms", "value": 1}]'

    told = read(data, WantedFormat(better="higher")).parsed.metrics

    assert [metric.better for metric in told] == ["higher", "lower"]
    assert [metric.better for metric in read(data).parsed.metrics] == [None, "lower"]


def test_a_configuration_forces_a_format_and_names_what_is_known_if_it_knows_none():
    data = b'[{"name": "queue", "unit": "ms", "value": 1}]'

    assert read(data, WantedFormat(name="github-action-benchmark-bigger")).parsed.metrics[0].better == "higher"
    assert read(data, WantedFormat(name="hyperfine")).note.startswith("not understood as hyperfine: it holds no")
    said = read(data, WantedFormat(name="hyperfin")).note
    assert said.startswith("not understood: the configuration names the format 'hyperfin'; known are native, google-")


def test_a_value_that_is_no_finite_number_is_counted_and_the_others_are_read():
    data = b'{"a": {"latency": {"value": NaN}}, "b": {"latency": {"value": -1}}, "c": {"latency": {"value": 2}}}'

    reading = read(data)

    assert reading.note == "1 measurement in format bencher, 2 values ignored"
    assert [metric.benchmark for metric in reading.parsed.metrics] == ["c"]


def test_a_name_without_end_is_cut_and_still_tells_two_benchmarks_apart():
    data = str([{"name": "x" * 600 + end, "unit": "s", "value": 1} for end in "ab"]).replace("'", '"').encode()

    names = [metric.benchmark for metric in read(data).parsed.metrics]

    assert len(set(names)) == 2 and {len(name) for name in names} == {500}


def test_broken_json_says_the_line_where_it_breaks():
    assert read(b'{"results": [\n{"command": }]}').note == "not understood: line 2: not JSON: Expecting value"


def test_text_before_a_result_is_passed_over_and_counted():
    log = b"[ 0.000000] Booting Linux\nboard login: root\n"

    found = read(log + (SAMPLES / "go/mem.txt").read_bytes())

    assert found.note == "8 measurements in format go, 2 lines ignored"
