"""`rigline chart`: one picture of one metric out of several result files, without a service."""

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import click

from app.history import bars
from app.history.bars import Bars
from app.results.adapters import read
from app.results.file import LARGEST_DOCUMENT
from app.results.parsed import Metric


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--metric", required=True, help="Which one, such as fps or render_time.")
@click.option("--title", help="Above the bars. Without it the metric.")
@click.option("--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="A file, not stdout.")
def chart(paths: tuple[Path, ...], metric: str, title: str | None, output: Path | None) -> None:
    """Draw result files beside each other as an SVG: grouped bars, one metric, a colour for each file.

    PATHS are result files in any known format, or folders of them; they are drawn in the order of their names.

    \b
    Example:
      rigline chart results/ --metric fps --title "800 x 480" --output fps.svg
    """
    found = {path.stem: list(_metrics(path, metric)) for path in _files(paths)}
    drawn = {name: metrics for name, metrics in found.items() if metrics}
    first = next((each for metrics in drawn.values() for each in metrics), None)
    unit, better = (first.unit, first.better) if first else ("", None)
    values = {name: {_name(each): _value(each, unit, better) for each in metrics} for name, metrics in drawn.items()}
    try:
        svg = bars.draw(Bars(title=title or metric, unit=unit, better=better, files=tuple(drawn), values=values))
    except ValueError as problem:
        raise click.ClickException(f"Nothing was drawn of {metric}: {problem}.") from None
    if output is None:
        sys.stdout.write(svg)
    else:
        output.write_text(svg, encoding="utf-8")


def _files(paths: tuple[Path, ...]) -> list[Path]:
    """List files by name, so that the same folder gives the same picture."""
    inside = [each for path in paths for each in (path.iterdir() if path.is_dir() else [path]) if each.is_file()]
    found = sorted(set(inside), key=lambda path: (path.stem, str(path)))
    if len({path.stem for path in found}) < len(found):
        raise click.UsageError("Two files have one name: their bars could not be told apart.")
    return found


def _metrics(path: Path, wanted: str) -> Iterator[Metric]:
    if path.stat().st_size > LARGEST_DOCUMENT:
        raise click.ClickException(f"{path}: at most {LARGEST_DOCUMENT} bytes are read.")
    reading = read(path.read_bytes())
    if reading.parsed is None:
        raise click.ClickException(f"{path}: {reading.note}")
    yield from (each for each in reading.parsed.metrics if each.name == wanted)


def _name(metric: Metric) -> str:
    given = ", ".join(f"{key}={value}" for key, value in sorted(metric.params.items()))
    return f"{metric.benchmark} [{given}]" if given else metric.benchmark


def _value(metric: Metric, unit: str, better: str | None) -> float:
    """Give the median in the unit of all; ns and ms are one unit, ms and bytes are not."""
    try:
        same = metric.in_unit(unit)
    except ValueError:
        raise click.ClickException(f"{metric.name} is in {unit!r} and in {metric.unit!r}: no common unit.") from None
    if same.better != better:
        raise click.ClickException(f"{metric.name} is better when {better} in one file and {same.better} in another.")
    return median(same.samples)
