"""Files that were made to hurt are refused or read: no other exception, no second of processor, no heap of memory."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from app.results import histories
from app.results.adapters import FORMATS, NOTE_LIMIT, pattern, read
from app.results.parsed import MOST_METRICS
from builders.protocol import WantedFormat
from tests.results.test_adapters import FILES, SAMPLES, WANTED

MUTATED = 1000  # of all adapters together, per run; twenty times as many in a campaign
MOST_SECONDS = 1.0  # of processor
MOST_MEMORY = 50 << 20

# What breaks parsers: other types, numbers without end, names that a database refuses, depth.
TREASURE = [
    b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"-1", b"0", b"null", b"true", b"{}", b"[]", b'""', b'"\\ud800"',
    b"\x00", b"\xff\xfe", b"[[" * 40, b"{" * 40, b"]", b"}", b"<!DOCTYPE a>", b"<a>", b"&b;", b"\n", b"\r", b"::", b",",
    b"%", b"\xc3\xa9",
    b'"name"', b'"version": 1', b"Benchmark", b"\x1b[31m", b"1,2,3", b"0m0", b"e+", b"\xe2\x80\xa8", b"1" * 5000,
]  # fmt: skip


def mutated(data: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Change a file in one to eight places, of which each is a way in which files break."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at, length = chance.randrange(len(found) + 1), chance.choice([0, 1, 1, 3, 20, 200])
        match chance.randrange(6):
            case 0:
                found[at : at + length] = chance.choice(TREASURE)
            case 1:
                del found[at : at + length]
            case 2:
                found[at:at] = found[at : at + length] * chance.choice([1, 2, 50])
            case 3:
                found[at : at + length] = chance.randbytes(length)
            case 4:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                found[at:at] = other[start : start + length]
            case _:
                digits = [number for number, byte in enumerate(found) if 48 <= byte <= 57]
                if digits:
                    number = chance.choice(digits)
                    found[number : number + 1] = chance.choice(TREASURE)
    return bytes(found)


def check(data: bytes, wanted: WantedFormat | None) -> None:
    started = time.thread_time()
    reading = read(data, wanted)
    assert time.thread_time() - started < MOST_SECONDS
    assert 0 < len(reading.note) <= NOTE_LIMIT
    for metric in reading.parsed.metrics if reading.parsed else ():
        assert metric.samples and all(-1e100 <= sample <= 1e100 for sample in metric.samples)
        assert metric.better in ("lower", "higher", None) and metric.benchmark.strip() and metric.name.strip()
        assert len(metric.benchmark) <= 500 and len(metric.name) <= 200 and len(metric.unit) <= 50
        assert len(metric.identity) == 64 and json.dumps(dict(metric.params), allow_nan=False).isprintable()


def test_a_thousand_broken_files_are_refused_or_read(campaign):
    seeds = [(name, (SAMPLES / name).read_bytes()) for name in FILES]
    contents = [data for _, data in seeds]
    for number in range(MUTATED * campaign):
        name, data = seeds[number % len(seeds)]
        broken = mutated(data, contents, random.Random(number))
        wanted = WANTED.get(name) if number % 2 else None
        # Half of the time its own adapter has to take it, whatever it looks like by now.
        folder = name.partition("/")[0]
        forced = WantedFormat(name=folder) if number % 4 == 0 and folder != "pattern" else wanted
        try:
            check(broken, forced)
        except Exception as problem:  # whichever it is: the seed is what is worth knowing
            raise AssertionError(f"mutation {number} of {name}: {problem!r}") from problem


COMMIT = {"id": "a" * 40, "message": "Go", "timestamp": "2024-03-01T10:00:00Z", "author": {"name": "Ada"}}
ENTRY = {"commit": COMMIT, "date": 1709280000000, "tool": "go", "benches": [{"name": "a", "unit": "ns", "value": 1.5}]}
METRIC = {
    "report": "r",
    "iteration": 0,
    "start_time": "2024-03-01T10:00:00Z",
    "version": {"number": 1, "hash": "a" * 40},
}
RESULT = {
    "branch": {"name": "main"},
    "testbed": {"name": "pi"},
    "benchmark": {"name": "a"},
    "measure": {"slug": "latency"},
}
OLD = (
    b"window.BENCHMARK_DATA = " + json.dumps({"entries": {"suite": [ENTRY, ENTRY]}}).encode(),
    json.dumps({"results": [{**RESULT, "metrics": [{**METRIC, "metric": {"value": 1}}]}]}).encode(),
    (SAMPLES / "asv" / "quick.json").read_bytes(),
)


DESCRIBED = b'{"b.time_join": {"unit": "seconds", "param_names": []}, "b.mem_list": 5, "version": 2}'


def test_broken_histories_are_taken_apart_or_are_none(campaign):
    assert all(histories.split({"old.json": data}).pieces for data in OLD)
    for number in range(300 * campaign):
        chance = random.Random(number)
        whole = {"old.json": OLD[number % 3]} | ({"benchmarks.json": DESCRIBED} if number % 3 == 2 else {})
        # Most broken JSON is none at all; the other file stays whole, so that what is left of one meets it.
        broken = chance.choice(list(whole))
        found = histories.split({**whole, broken: mutated(whole[broken], list(OLD), chance)})
        for piece in found.pieces if found else ():
            assert len(piece.commit) in (40, 64) and piece.title.isprintable()
            read(piece.data, WantedFormat(name=piece.format))


HEAVY: dict[str, Callable[[int], bytes]] = {
    "empty lists": lambda size: b"[" + b"[]," * (size // 3) + b"0]",
    "empty objects": lambda size: b"[" + b"{}," * (size // 3) + b"0]",
    "objects one after the other": lambda size: b"{}" * (size // 2),
    "lists that never end": lambda size: b"[" * size,
    "objects that never end": lambda size: b'{"a":' * (size // 5),
    "lines that look like JSON": lambda size: b'x\n{"a": [\n' + b'{"a": [1,\n' * (size // 10),
    "numbers": lambda size: b'{"results": [{"command": "a", "times": [' + b"1," * (size // 2) + b"1]}]}",
    "a number without end": lambda size: b'{"results": [{"command": "a", "median": ' + b"1" * size + b"}]}",
    "one text": lambda size: b'{"a": "' + "\U0001f600".encode() * (size // 4) + b'"}',
    "one wide text": lambda size: (
        b'{"\\n' + "\U0001f600".encode() + b"a" * (size // 2) + b'\\n": "\\n' + b"a" * (size // 2) + b'\\n"}'
    ),
    "many keys": lambda size: b"{" + b",".join(b'"%x":1' % number for number in range(size // 10)) + b"}",
    "measures": lambda size: (
        b'{"a": {' + b",".join(b'"%x":{"value":1}' % number for number in range(size // 20)) + b"}}"
    ),
    "combinations": lambda size: json.dumps(
        {"result_columns": ["result", "params"], "results": {"a": [[1] * 9, [["1"] * 99] * 9]}}
    ).encode(),
    "groups in groups": lambda size: (
        b'[{"Julia": "1", "BenchmarkTools": "1"}, ['
        + b'["BenchmarkGroup", {"data": {"a": ' * 150
        + b"0"
        + b"}}]" * 150
        + b"]]"
    ),
    "attributes": lambda size: b"<testsuite " + b" ".join(b'a%x=""' % number for number in range(size // 10)) + b"/>",
    "elements in elements": lambda size: b"<testsuite>" + b"<a>" * (size // 3),
    "elements": lambda size: b"<testsuite>" + b"<a/>" * (size // 4) + b"</testsuite>",
    "a comment": lambda size: b"<testsuite><!-- " + b"a" * size + b"--></testsuite>",
    "tests": lambda size: b"<testsuite>" + b'<testcase name="a" time="1"/>' * (size // 30) + b"</testsuite>",
    "blank lines": lambda size: b"Benchmark Summary\n" + b"\n" * size,
    "a line": lambda size: b"Benchmark Summary\n" + b"a," * (size // 2),
    "a benchmark's line": lambda size: b"BenchmarkA 1 1 ns/op\nBenchmarkA 1" + b" 1 x" * (size // 4),
    "benchmarks": lambda size: b"".join(b"BenchmarkA%x 1 1 ns/op\n" % number for number in range(size // 24)),
    "labels": lambda size: b"# TYPE a gauge\na{" + b'b="\\' * (size // 4) + b"} 1\n",
    "spaces": lambda size: b"  Instructions: 1\n" + b" " * size + b"x\n  Estimated Cycles:" + b" " * size,
    "words of go": lambda size: b"BenchmarkA 1 1 ns/op\nUnit a " + b"b " * (size // 2),
    "times of zsh": lambda size: b"a  0.1s user 0.1s system 1% cpu 0.1 total\n" + b"a  " * (size // 3),
    "nothing but letters": lambda size: b"a" * size,
    "escapes": lambda size: b"BenchmarkA 1 1 ns/op\n" + b"\x1b[" * (size // 2),
}

# Expressions that look at every rest of a line take quadratic time: a text full of the longest lines shows it.
LINES = {
    "labels": (b"# TYPE a gauge\n", b"a{" + b"b" * 3900 + b"} 1"),
    "quotes": (b"# TYPE a gauge\n", b"a{" + b'b="\\' * 900 + b"} 1"),
    "escaped quotes": (b"# TYPE a gauge\n", b"a{" + b'b="\\"' * 700 + b"} 1"),
    "braces": (b"# TYPE a gauge\n", b"a{" + b"}" * 3900 + b" 1 1 1"),
    "digits of GNU time": (b"\tCommand being timed: \n", b"0.1user 0.1system 0:00.1elapsed 1%CPU " + b"1" * 3900),
    "spaces of GNU time": (b"\tCommand being timed: \n", b"0.1user 0.1system 0:00.1elapsed 1%CPU" + b" 1" * 1900),
    "fields of GNU time": (b"\tCommand being timed: \n", b"\tA" + b":a" * 1900),
    "spaces of zsh": (b"a  0.1s user 0.1s system 1% cpu 0.1 total\n", b"a  1" * 950),
    "digits of zsh": (b"a  0.1s user 0.1s system 1% cpu 0.1 total\n", b"a  " + b"1" * 3900),
    "spaces": (b"  Instructions: 1\n", b" " * 3900 + b"x"),
    "words of a metric": (b"  Instructions: 1\n", b"  A" + b" a" * 1900 + b":"),
    "equals": (b"  Instructions: 1\n", b"  " + b"=" * 3900),
    "names": (b"  Instructions: 1\n", b"a::b " * 780),
    "dashes of go": (b"BenchmarkA 1 1 ns/op\n", b"Benchmark" + b"-1" * 1900),
    "words of go": (b"BenchmarkA 1 1 ns/op\n", b"Unit a " + b"b " * 1900),
    "spaces of go": (b"BenchmarkA 1 1 ns/op\n", b"Unit a" + b"  b" * 1250),
    "pairs of go": (b"BenchmarkA 1 1 ns/op\n", b"BenchmarkA 1" + b" 1 x" * 950),
    "crosses of benchmark.js": (b"a x 1 ops/sec \xc2\xb11% (1 run sampled)\n", b"a x 1," * 600),
    "digits of benchmark.js": (b"a x 1 ops/sec \xc2\xb11% (1 run sampled)\n", b"a x " + b"1" * 3900),
    "commas": (b"Benchmark Summary\nName, Avg. CPU, Avg. FPS\n", b"a," * 1900),
}
PATTERNED = {
    "letters that match": (lambda size: b"a" * 20 * (size // 20), "(?P<value>a)"),
    "lines that match": (lambda size: b"1234567890 123456789\n" * min(size // 21, 199_000), "(?P<value>[0-9]+)"),
    "groups that match": (
        lambda size: (b"x" * 3999 + b"\n") * (size // 4000),
        "(?P<value>.*)" + "".join(f"(?P<a{number}>(?<=(?=(?P<b{number}>.)).).*)" for number in range(2)),
    ),
    "lines without end": (lambda size: b"x" + b"\n" * size, "(?P<value>.)"),
    "wide letters": (lambda size: ("\U0001f600" * 100 + "\n").encode() * (size // 401), "(?P<value>[0-9])"),
}

# A process of its own for each, for memory that was once taken is not given back to be measured again. Each file is
# made as large as a document may be, and as large as it may be without being refused for what it weighs.
MEASURE = """
import os, time
from app.results import file
from app.results.adapters import read
from builders.protocol import WantedFormat
from tests.results.test_hostile_files import HEAVY, LINES, PATTERNED
def peak():
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmHWM"))
def lightest(make):
    return min(5_000_000, 4_900_000 * file.LARGEST_WEIGHT // file.weight(make(5_000_000)))
def measure(name, data, wanted=None):
    if os.fork():
        return os.wait()
    before, started = peak(), time.process_time()
    note = read(data, wanted).note
    print(f"{name}|{time.process_time() - started}|{peak() - before}|{note}", flush=True)
    os._exit(0)
read(b"warm"); read(b"<a/>"); read(b"[0]")
for name in HEAVY:
    measure(name, HEAVY[name](5_000_000))
    measure(name, HEAVY[name](lightest(HEAVY[name])))
for name, (first, line) in LINES.items():
    measure(f"lines of {name}", first + (line + b"\\n") * ((8_000_000 - len(first)) // (len(line) + 1)))
for name, (make, pattern) in PATTERNED.items():
    measure(name, make(16 << 20), WantedFormat(pattern=pattern))
"""


def test_large_hostile_files_cost_neither_a_second_nor_fifty_megabytes():
    said = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True).stdout

    costs = [line.split("|", 3) for line in said.splitlines()]
    assert len(costs) == 2 * len(HEAVY) + len(LINES) + len(PATTERNED)
    for name, seconds, memory, note in costs:
        assert float(seconds) < MOST_SECONDS, (name, note)
        assert int(memory) < MOST_MEMORY, (name, note)


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><testsuite name="&b;"><testcase name="a" time="1"/></testsuite>',
        '<!DOCTYPE testsuite SYSTEM "file:///etc/passwd"><testsuite><testcase name="a" time="1"/></testsuite>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:9/x"> %b;]><testsuite/>',
        '<!DOCTYPE a [<!ENTITY b "' + "c" * 1000 + '"><!ENTITY d "' + "&b;" * 1000 + '">]><testsuite name="&d;"/>',
    ],
)
def test_xml_that_declares_a_document_type_or_an_entity_is_refused(document):
    assert read(document.encode(), WantedFormat(name="junit")).note == (
        "not understood as junit: declares a document type or an entity, which no tool's result does"
    )


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (r"(?P<value>(\d+)+)x$", "1" * 60),
        (r"(?P<value>(a|aa)+)$", "a" * 60 + "!"),
        (r"(?P<value>.*.*.*.*=.*)", "x" * 3900),
    ],
)
def test_a_pattern_that_backtracks_without_end_is_ended_and_named(expression, text):
    reading = read(text.encode(), WantedFormat(pattern=expression))

    assert reading.note.startswith("not understood as pattern: the pattern took more than 1 s of processor")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("(?P<value>[0-9]+", "the pattern is wrong: missing ), unterminated subpattern"),
        ("[0-9]+", "the pattern has no group (?P<value>…) around the number"),
        ("(?P<value>" + "a" * 500 + ")", "the pattern has 511 characters; at most 500"),
        ("(?P<value>x)", "it holds no measurement (lines that could not be read: 1)"),
    ],
)
def test_a_wrong_pattern_is_refused_with_what_is_wrong(expression, said):
    assert read(b"512 points\n", WantedFormat(pattern=expression)).note.startswith(f"not understood as pattern: {said}")


def test_a_pattern_sees_nothing_of_the_services_environment(monkeypatch):
    monkeypatch.setenv("PYTHONSTARTUP", "/nowhere")
    seen: list[dict] = []
    real = subprocess.run

    def watched(*words, **given):
        seen.append(given)
        return real(*words, **given)

    monkeypatch.setattr(pattern.subprocess, "run", watched)

    read(b"1\n", WantedFormat(pattern="(?P<value>[0-9])"))

    assert [given["env"] for given in seen] == [{}]


def test_a_file_of_more_measurements_than_are_taken_is_refused_and_says_so():
    rows = [{"name": f"b{number}", "unit": "s", "value": 1} for number in range(MOST_METRICS + 1)]

    said = read(json.dumps(rows).encode()).note

    assert said == "not understood as github-action-benchmark: more than 20000 measurements"


def test_what_no_adapter_knows_is_kept_and_every_format_refuses_an_alien_file_in_words():
    assert read(b"hello, world\n").note == "not understood: no known format; kept as it is"
    for name in FORMATS:
        reading = read(b"hello, world\n", WantedFormat(name=name))
        assert reading.parsed is None and reading.note.startswith(f"not understood as {name}: ")
