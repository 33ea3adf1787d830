"""`rigline import`: results from elsewhere, a single file of one commit or a whole history."""

import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from app.cli.asking import BAD, as_json, asks
from app.cli.output import plain, say_json
from app.client import Client, Json, Refused
from app.results import histories
from app.results.adapters import FORMATS, read
from app.results.histories.piece import History, Piece
from builders.protocol import MAX_RESULT, WantedFormat

MOST_FILES = 20_000  # of a folder or archive
LARGEST_HISTORY = 512 << 20  # bytes of all files together
UNREADABLE = 422


@click.command("import")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--repository", required=True, metavar="OWNER/NAME", help="One that is served.")
@click.option("--commit", metavar="HASH", help="Full hash of what a single file is of. A history names its own.")
@click.option("--board-type", help="Where it was measured. Default: the machine that the history names.")
@click.option("--configuration", default="default", show_default=True, help="How it was built and run.")
@click.option("--branch", help="Default: what the history names, else the repository's default branch.")
@click.option("--format", "format_", metavar="NAME", help="Default: the content decides.")
@click.option("--pattern", help="A regular expression with the group (?P<value>…), for the format `pattern`.")
@click.option("--benchmark", help="Name of a benchmark whose file tells none.")
@click.option("--unit", help="Of values whose file tells none.")
@click.option("--better", type=click.Choice(["lower", "higher"]), help="Where neither file nor unit say it.")
@as_json
@asks
def import_(client: Client, file: Path, *, commit: str | None, as_json: bool, **given: Any) -> None:
    """Bring results from elsewhere: FILE is one result file, or the history of asv (its results folder, also as a zip
    file), of Bencher (`bencher perf`) or of github-action-benchmark (data.js). The same again changes nothing.

    \b
    Example:
      rigline import result.json --repository acme/app --commit "$(git rev-parse HEAD)" --board-type nucleo
      rigline import .asv/results --repository acme/app
      rigline import gh-pages/dev/bench/data.js --repository acme/app --board-type runner
    """
    files = _files(file)
    history = histories.split(files) if commit is None else None
    if history is None:
        history = _single(file, files, commit, _wanted(given))
    brought = _bring(client, history, given)
    if as_json:
        say_json(brought)
    else:
        _say(history, brought)
    sys.exit(BAD if brought["refused"] or not brought["imported"] + brought["known"] else 0)


def _wanted(given: Json) -> WantedFormat:
    names = ("pattern", "benchmark", "unit", "better")
    return WantedFormat(name=given["format_"], **{name: given[name] for name in names})


def _files(path: Path) -> dict[str, bytes]:
    """Read what was named: one file, or all of a folder or zip file that a history can hold."""
    if path.is_dir():
        found = (
            (str(each.relative_to(path)), each.stat().st_size, each.read_bytes) for each in sorted(path.rglob("*.json"))
        )
        return _bounded(found)
    if zipfile.is_zipfile(path):
        return _of_archive(path)
    return _bounded([(path.name, path.stat().st_size, path.read_bytes)])


def _of_archive(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if each.filename.endswith(".json")]
            return _bounded((each.filename, each.file_size, lambda each=each: archive.read(each)) for each in members)
    except (zipfile.BadZipFile, RuntimeError) as problem:  # broken, encrypted or packed in a way that nobody knows
        raise click.ClickException(f"{path} cannot be unpacked: {problem}") from None


def _bounded(found: Iterable[tuple[str, int, Any]]) -> dict[str, bytes]:
    files, size = dict[str, bytes](), 0
    for name, bytes_, content in found:
        size += bytes_
        if size > LARGEST_HISTORY or len(files) >= MOST_FILES:
            raise click.ClickException(
                f"more than {MOST_FILES} files or {LARGEST_HISTORY >> 20} MiB: import it in parts"
            )
        files[name] = content()
    return files


def _single(path: Path, files: Mapping[str, bytes], commit: str | None, wanted: WantedFormat) -> History:
    """Make a history of one file. What nobody understands is told before the service is asked."""
    known = f"Known histories: {', '.join(histories.NAMES)}. Known formats: {', '.join(FORMATS)}."
    if path.is_dir() or len(files) != 1:
        raise click.ClickException(f"{path} holds no history that is known. {known}")
    (data,) = files.values()
    if len(data) > MAX_RESULT:
        raise click.ClickException(f"{path} has {len(data)} bytes; at most {MAX_RESULT} are taken. {known}")
    reading = read(data, wanted)
    if reading.parsed is None:
        raise click.ClickException(f"{path}: {plain(reading.note)}. {known}")
    if commit is None:
        raise click.UsageError(f"{path} is a result in format {reading.format}: say with --commit what it is of.")
    return History(name=reading.format or "", pieces=(Piece(commit=commit.lower(), data=data, format=wanted.name),))


def _bring(client: Client, history: History, given: Json) -> Json:
    """Send the pieces one after the other; what the service does not understand is passed over and told."""
    told: Json = {"imported": 0, "known": 0, "measurements": 0, "nameless": history.nameless, "refused": []}
    with click.progressbar(
        history.pieces, label=f"{history.name}: {_amount(len(history.pieces), 'commit')}", file=sys.stderr
    ) as bar:
        for piece in bar:
            try:
                answer = client.upload("/imports", piece.data, **_query(piece, given))
            except Refused as refused:
                if refused.status != UNREADABLE or len(history.pieces) == 1:
                    raise
                told["refused"].append({"commit": piece.commit, "message": str(refused)})
            else:
                told["imported" if answer["is_new"] else "known"] += 1
                told["measurements"] += answer["measurements"] if answer["is_new"] else 0
    return told


def _query(piece: Piece, given: Json) -> Json:
    board_type = given["board_type"] or piece.board_type
    if board_type is None:
        raise click.UsageError("Nothing names where this was measured: say it with --board-type.")
    times = {
        name: value and value.isoformat()
        for name, value in vars(piece).items()
        if name in ("committed_at", "measured_at")
    }
    names = ("repository", "configuration", "pattern", "benchmark", "unit", "better")
    return {
        **{name: given[name] for name in names},
        **times,
        "commit": piece.commit,
        "board_type": board_type,
        "branch": given["branch"] or piece.branch,
        "format": given["format_"] or piece.format,
        "title": piece.title or None,
        "author": piece.author or None,
    }


def _say(history: History, told: Json) -> None:
    for each in told["refused"]:
        click.echo(f"{each['commit'][:12]}: {plain(each['message'])}", err=True)
    brought = f"{_amount(told['measurements'], 'measurement')} of {_amount(told['imported'], 'commit')}"
    click.echo(f"{history.name}: imported {brought}", nl=False)
    click.echo(f", {told['known']} were here before" if told["known"] else "", nl=False)
    click.echo(f", {len(told['refused'])} were not understood" if told["refused"] else "", nl=False)
    click.echo(f", {told['nameless']} named no commit" if told["nameless"] else "")


def _amount(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
