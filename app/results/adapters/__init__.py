"""Which format a result file has, decided by its content, never by its name, unless the configuration names it. Pure.

Another format is one more module here with `FORMAT`, `recognise(file) -> bool` and `parse(file) -> Parsed`,
and one more row in ADAPTERS. The first that recognises a file reads it: what is known by more goes first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from app.results import native
from app.results.adapters import (
    asv,
    bencher,
    benchmark_dotnet,
    benchmark_js,
    catch2,
    criterion,
    github_action_benchmark,
    go_bench,
    google_benchmark,
    hyperfine,
    iai,
    jmh,
    julia,
    junit,
    lnt,
    lvgl,
    openmetrics,
    pattern,
    pytest_benchmark,
    shell_time,
    vitest,
)
from app.results.file import File
from app.results.parsed import NotUnderstood, Parsed
from builders.protocol import WantedFormat

NOTE_LIMIT = 500  # characters, of the column


@dataclass(frozen=True)
class Adapter:
    """How to tell one format, and how to read it."""

    format: str
    recognise: Callable[[File], bool]
    parse: Callable[[File], Parsed]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a file turned out to be, and a sentence on it for the job's page."""

    format: str | None  # None: kept as it is, not understood
    parsed: Parsed | None
    note: str


def _only_named(_: File) -> bool:
    return False


ADAPTERS = (
    Adapter(native.FORMAT, native.recognise, native.parse),
    Adapter(google_benchmark.FORMAT, google_benchmark.recognise, google_benchmark.parse),
    Adapter(pytest_benchmark.FORMAT, pytest_benchmark.recognise, pytest_benchmark.parse),
    Adapter(hyperfine.FORMAT, hyperfine.recognise, hyperfine.parse),
    Adapter(criterion.FORMAT, criterion.recognise, criterion.parse),
    Adapter(jmh.FORMAT, jmh.recognise, jmh.parse),
    Adapter(benchmark_dotnet.FORMAT, benchmark_dotnet.recognise, benchmark_dotnet.parse),
    Adapter(vitest.FORMAT, vitest.recognise, vitest.parse),
    Adapter(julia.FORMAT, julia.recognise, julia.parse),
    Adapter(asv.FORMAT, asv.recognise, asv.parse),
    Adapter(lnt.FORMAT, lnt.recognise, lnt.parse),
    Adapter(iai.FORMAT, iai.recognise, iai.parse),
    Adapter(benchmark_js.FORMAT, benchmark_js.recognise, benchmark_js.parse),
    Adapter(github_action_benchmark.FORMAT, github_action_benchmark.recognise, github_action_benchmark.parse),
    Adapter(f"{github_action_benchmark.FORMAT}-bigger", _only_named, github_action_benchmark.parse_bigger),
    Adapter(f"{github_action_benchmark.FORMAT}-smaller", _only_named, github_action_benchmark.parse_smaller),
    Adapter(bencher.FORMAT, bencher.recognise, bencher.parse),
    Adapter(catch2.FORMAT, catch2.recognise, catch2.parse),
    Adapter(junit.FORMAT, junit.recognise, junit.parse),
    Adapter(lvgl.FORMAT, lvgl.recognise, lvgl.parse),
    Adapter(go_bench.FORMAT, go_bench.recognise, go_bench.parse),
    Adapter(openmetrics.FORMAT, openmetrics.recognise, openmetrics.parse),
    Adapter(shell_time.FORMAT, shell_time.recognise, shell_time.parse),
    Adapter(pattern.FORMAT, pattern.recognise, pattern.parse),
)
FORMATS = tuple(adapter.format for adapter in ADAPTERS)


def read(data: bytes, wanted: WantedFormat | None = None) -> Reading:
    """Read a result file; one that cannot be read has a note that says why, and is no error.

    Args:
        wanted: what the configuration says of the format; None: content decides.
    """
    if not data.strip():
        return Reading(format=None, parsed=None, note="empty file")
    file = File(data, wanted)
    adapter = _chosen(file)
    if isinstance(adapter, str):
        return Reading(format=None, parsed=None, note=f"not understood: {adapter}"[:NOTE_LIMIT])
    try:
        parsed = adapter.parse(file)
    except NotUnderstood as problem:
        said = f"not understood as {adapter.format}: {file.problem or problem}"
        return Reading(format=None, parsed=None, note=said[:NOTE_LIMIT])
    return Reading(format=adapter.format, parsed=parsed, note=_note(adapter.format, parsed)[:NOTE_LIMIT])


def _chosen(file: File) -> Adapter | str:
    """Find the adapter, or say why there is none."""
    name = file.wanted.name or (pattern.FORMAT if file.wanted.pattern else None)
    if name is not None:
        named = next((each for each in ADAPTERS if each.format == name), None)
        return named or f"the configuration names the format {name[:50]!r}; known are {', '.join(FORMATS)}"
    try:
        found = next((each for each in ADAPTERS if each.recognise(file)), None)
    except NotUnderstood as problem:
        return str(problem)
    if found is not None:
        return found
    return str(file.problem or "no known format; kept as it is")


def _note(format: str, parsed: Parsed) -> str:
    count = len(parsed.metrics)
    said = f"{count} measurement{'' if count == 1 else 's'} in format {format}"
    if parsed.ignored or parsed.ignored_are == "lines":
        what = parsed.ignored_are.removesuffix("s") if parsed.ignored == 1 else parsed.ignored_are
        said = f"{said}, {parsed.ignored} {what} ignored"
    if parsed.status != "ok":
        said = f"{parsed.status}: {parsed.reason or 'no reason given'}; {said}"
    if parsed.unmeasured:
        rows = "; ".join(f"{name}: {why}" for name, why in parsed.unmeasured.items())
        said = f"{said}; not measured: {rows}"
    return said
