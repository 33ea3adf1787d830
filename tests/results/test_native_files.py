"""The native result file, read without any service."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.results import adapters, native
from app.results.file import File
from app.results.parsed import Metric, NotUnderstood


def file(**benchmark):
    metric = {"name": "time", "unit": "ms", "better": "lower", "samples": [8, 9]}
    return {"version": 1, "benchmarks": [{"name": "boot", "metrics": [metric], **benchmark}]}


def with_metric(**metric):
    return file(metrics=[{"name": "time", "unit": "ms", "better": "lower", "samples": [8, 9], **metric}])


def read(document) -> list[Metric]:
    return list(native.parse(File(json.dumps(document).encode())).metrics)


def refusal(document) -> str:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(NotUnderstood) as caught:
        native.parse(File(data))
    return str(caught.value)


def test_the_shortest_file_of_the_manual_is_read():
    (metric,) = read(file())

    assert (metric.benchmark, metric.name, metric.unit, metric.better, metric.samples) == (
        "boot", "time", "ms", "lower", (8.0, 9.0)
    )  # fmt: skip


def test_every_optional_key_is_read_and_unknown_ones_are_let_be():
    document = with_metric(resolution=1, cap=61, colour="blue")
    document["benchmarks"][0] |= {"params": {"size": 3, "mode": "fast"}, "version": "b1946ac9"}
    document |= {"env": {"temp_c": 41.5}, "host": {"any": ["thing"]}}

    parsed = native.parse(File(json.dumps(document).encode()))

    assert parsed.metrics[0].params == {"mode": "fast", "size": 3}
    assert (parsed.metrics[0].resolution, parsed.metrics[0].cap, parsed.metrics[0].version) == (1, 61, "b1946ac9")
    assert parsed.env == {"temp_c": 41.5}


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_refused_with_its_line(constant):
    text = json.dumps(with_metric(name="NaN here is a name"), indent=1).replace("9\n", f"{constant}\n")

    said = refusal(text.encode())

    line = 1 + text[: text.index(f" {constant}\n")].count("\n")
    assert said == f"line {line}: {constant} is not a number that can be measured"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (with_metric(samples=[3, -1]), "benchmarks[0].metrics[0].samples[1]: -1 ms is a negative time"),
        (with_metric(samples=[3, True]), "benchmarks[0].metrics[0].samples[1]: expected a number, got true or false"),
        (with_metric(samples=["3"]), "benchmarks[0].metrics[0].samples[0]: expected a number, got text"),
        (with_metric(samples=[]), "benchmarks[0].metrics[0].samples: empty; a metric has at least one sample"),
        (with_metric(better="smaller"), 'benchmarks[0].metrics[0].better: "smaller" is not one of lower, higher'),
        (with_metric(unit=None), "benchmarks[0].metrics[0].unit: expected text, got null"),
        (with_metric(resolution=0), "benchmarks[0].metrics[0].resolution: 0 is not above 0"),
        (with_metric(name="a\0b"), "benchmarks[0].metrics[0].name: holds a character that is no text (NUL or half"),
        (file(name=""), "benchmarks[0].name: empty"),
        (file(name="x" * 501), "benchmarks[0].name: 501 characters; at most 500"),
        (file(metrics=[]), "benchmarks[0].metrics: empty, but the benchmark's status is ok"),
        (file(metrics="none"), "benchmarks[0].metrics: expected a list, got text"),
        (file(params={"deep": {}}), "benchmarks[0].params.deep: expected a number, got an object"),
        ({"version": 2, "benchmarks": []}, "version: 2 is not known; known is 1"),
        ({"version": True, "benchmarks": []}, "version: true is not known; known is 1"),
        ({"version": 1, "benchmarks": []}, "benchmarks: empty; say"),
        ({"version": 1}, "benchmarks: missing"),
        ([], "expected a JSON object, got a list"),
        (b'{"version": 1, "benchmarks": [}', "line 1: not JSON"),
        (b"\xff{}", "not UTF-8 at byte 0"),
        (b'{"version": 1, "benchmarks": ' + b"[" * 200_000, "nested too deeply"),
        (json.dumps(with_metric(samples=[0])).replace("[0]", "[1e999]").encode(), "beyond ±1e+100, too large"),
        (json.dumps(with_metric(samples=[0])).replace("[0]", "[" + "9" * 5000 + "]").encode(), "too many digits"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key_and_the_reason(document, said):
    assert said in refusal(document)


def test_a_negative_value_that_is_no_time_is_a_measurement():
    (metric,) = read(with_metric(unit="dB", samples=[-3.5]))

    assert metric.samples == (-3.5,)


def test_a_skipped_benchmark_has_a_reason_and_no_measurement():
    document = file()
    document["benchmarks"].append({"name": "argb", "status": "skipped", "reason": "no memory", "metrics": []})

    reading = adapters.read(json.dumps(document).encode())

    assert reading.parsed.unmeasured == {"argb": "skipped: no memory"}
    assert reading.note == "1 measurement in format native; not measured: argb: skipped: no memory"


def test_a_file_of_more_than_five_megabytes_is_not_read():
    assert "at most 5242880 are read" in refusal(json.dumps(file()).encode() + b" " * native.MAX_BYTES)


def test_identity_is_name_params_version_metric_unit_and_direction_and_nothing_else():
    (usual,) = read(file(params={"a": 1, "b": 2}))
    (same,) = read({**file(params={"b": 2, "a": 1}), "env": {"temp_c": 50}})
    others = [
        read(file(name="other", params={"a": 1, "b": 2})), read(file(params={"a": 1})),
        read(file(params={"a": 1, "b": 2}, version="2")),
        read(with_metric(unit="s")), read(with_metric(better="higher")),
    ]  # fmt: skip

    assert same.identity == usual.identity
    assert len({usual.identity, *(metric.identity for (metric,) in others)}) == 6


def test_free_text_as_other_tools_write_it_is_kept_and_said_to_be_not_understood():
    reading = adapters.read(b"Benchmark, Avg. CPU, Avg. FPS\nWidgets demo, 41%, 58\n")

    assert (reading.format, reading.parsed, reading.note) == (
        None, None, "not understood: no known format; kept as it is"
    )  # fmt: skip


def test_the_file_of_another_tool_with_the_same_keys_is_not_taken_for_native():
    data = json.dumps({"machine_info": {}, "version": "5.1.0", "benchmarks": [{"stats": {}}]}).encode()

    assert adapters.read(data).note.startswith("not understood as pytest-benchmark: it holds no measurement")


NUMBERS = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
TEXTS = st.text(max_size=20)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=20,
)
METRICS = st.fixed_dictionaries(
    {
        "name": TEXTS | VALUES,
        "unit": TEXTS,
        "better": st.sampled_from(["lower", "higher", "up"]),
        "samples": st.lists(NUMBERS) | VALUES,
    },
    optional={"resolution": VALUES, "cap": VALUES},
)
BENCHMARKS = st.fixed_dictionaries(
    {"name": TEXTS, "metrics": st.lists(METRICS, max_size=3) | VALUES},
    optional={"params": VALUES, "version": VALUES, "status": VALUES},
)


FILES = st.fixed_dictionaries({"version": st.just(1), "benchmarks": st.lists(BENCHMARKS, max_size=3)})


@given(VALUES | FILES)
def test_any_json_is_either_refused_or_read_into_finite_numbers(document):
    try:
        parsed = native.parse(File(json.dumps(document).encode()))
    except NotUnderstood:
        return

    for metric in parsed.metrics:
        assert metric.samples and all(math.isfinite(sample) for sample in metric.samples)
        assert metric.better in ("lower", "higher") and metric.name.strip() and len(metric.identity) == 64


@given(st.binary(max_size=300))
def test_any_bytes_get_a_note_and_no_error(data):
    reading = adapters.read(data)

    assert reading.note and len(reading.note) <= adapters.NOTE_LIMIT


def test_the_sample_of_the_documentation_is_what_the_parser_reads():
    sample = Path(__file__).with_name("sample.json").read_bytes()

    parsed = native.parse(File(sample))

    assert [metric.name for metric in parsed.metrics] == ["fps", "render"]
    assert parsed.unmeasured == {"Rotated ARGB image": "skipped: no memory for the layer"}
