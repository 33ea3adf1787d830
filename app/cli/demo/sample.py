"""The demo's repository: a small real program with a benchmark, and a history in which things happen.

`raster` draws into a canvas of grey pixels. Its speed truly changes twice, one commit does not build,
and one never ends on the large canvas. A fork offers a change of its own.
"""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

AUTHOR = "Ada Example <ada@example.org>"
STRANGER = "Sam Stranger <sam@example.net>"
FIRST_COMMIT_AT = 1_780_000_000  # seconds since 1970; later commits are an hour apart
SLOWER, BROKEN, FASTER, ENDLESS = 9, 13, 17, 21  # positions in the history, from 0
COMMITS = 26

BLEND_PLAIN = "canvas[at] = (canvas[at] * (255 - alpha) + grey * alpha) // 255"
BLEND_EXACT = "canvas[at] = int(round((canvas[at] * float(255 - alpha) + grey * float(alpha)) / 255.0))"
BLEND_TABLE = "canvas[at] = table[canvas[at]]"
TABLE = "    table = bytes((old * (255 - alpha) + grey * alpha) // 255 for old in range(256))\n"

RASTER = '''\
"""Draw into a canvas of grey pixels."""


def canvas_of(width, height):
    """Return a white canvas."""
    return bytearray([255]) * (width * height)


def fill(canvas, width, left, top, right, bottom, grey):
    """Fill a rectangle."""
    for row in range(top, bottom):
        start = row * width
        canvas[start + left : start + right] = bytes([grey]) * (right - left)


def blend(canvas, width, left, top, right, bottom, grey, alpha):
    """Lay a translucent rectangle over what is there."""
{table}    for row in range(top, bottom):
        for at in range(row * width + left, row * width + right):
            {blend}


def checksum(canvas):
    """Sum up a picture, to tell whether two are alike."""
{checksum}
'''

CHECKSUM_PLAIN = "    return sum(canvas) % 65521\n"
CHECKSUM_ENDLESS = """\
    total, left, step = 0, len(canvas), 4096 // len(canvas)
    while left > 0:
        total, left = total + sum(canvas[left - step : left]), left - step
    return total % 65521
"""

BENCH = '''\
"""Measure the scenes of one configuration and leave a result file for Rigline."""

import os
import sys
import time

import rigline_sdk

sys.path.insert(0, "out")  # where make.py put the compiled program
from raster import blend, canvas_of, checksum, fill

SIZES = {"small": 64, "large": 144}
SAMPLES = 9


def scene_fill(size):
    """Cover the canvas with solid rectangles."""
    canvas = canvas_of(size, size)
    for grey in range(0, 240, 2):
        fill(canvas, size, 0, 0, size, size, grey)
    return canvas


def scene_blend(size):
    """Cover the canvas with translucent rectangles."""
    canvas = canvas_of(size, size)
    for alpha in range(32, 160, 32):
        blend(canvas, size, 0, 0, size, size, 40, alpha)
    return canvas


def measure(scene, size):
    """Return samples of the scene's own CPU time in milliseconds; warm-up left out."""
    samples = []
    for turn in range(SAMPLES + 1):
        begun = time.process_time()
        canvas = scene(size)
        if turn:
            samples.append((time.process_time() - begun) * 1000)
    print(f"{scene.__name__} {size}x{size}: best {min(samples):.3f} ms, checksum {checksum(canvas)}", flush=True)
    return samples


def main():
    """Measure all scenes at the size that the configuration names."""
    size = SIZES[os.environ["RIGLINE_CONFIGURATION"]]
    found = {}
    for scene in (scene_fill, scene_blend):
        samples = measure(scene, size)
        found[scene.__name__.removeprefix("scene_")] = [
            rigline_sdk.metric("time", *samples, unit="ms", better="lower")
        ]
    rigline_sdk.write(os.environ["RIGLINE_RESULTS"], found)
    return 0


sys.exit(main())
'''

MAKE = '''\
"""Build the program: compile the sources into the folder `out`."""

import pathlib
import py_compile
import sys

target = pathlib.Path("out")
target.mkdir(exist_ok=True)
for source in ("raster.py",):
    print(f"compile {source}", flush=True)
    try:
        py_compile.compile(source, cfile=str(target / f"{source}c"), doraise=True)
    except py_compile.PyCompileError as problem:
        sys.exit(f"{source} does not compile:\\n{problem.msg}")
print("built", flush=True)
'''

TITLES = (
    "Add the rasteriser and its benchmark",
    "Say what the program is for",
    "Describe the canvas",
    "Explain how to build",
    "Name the configurations",
    "Note the units",
    "Thank the first users",
    "Write down the coordinate system",
    "Fix a typo in the introduction",
    "Round the blended grey exactly",
    "Explain rounding",
    "Mention the checksum",
    "Add a note on alpha",
    "Simplify fill()",
    "Repair fill()",
    "List the scenes",
    "Say how long a run takes",
    "Blend through a table",
    "Explain the table",
    "Tidy the notes",
    "Add a question and an answer",
    "Sum the checksum in steps",
    "Go back to the plain checksum",
    "Sort the notes",
    "Prepare the release",
    "Update the release notes",
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The finished repository: commits of `main` in order, and the head of the fork's branch."""

    path: Path  # bare
    commits: list[str] = field(default_factory=list)
    fork_commit: str = ""


def create(path: Path) -> Sample:
    """Write the bare repository with its history; a folder that is there is an error."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(path)], check=True)
    for key, value in (("http.uploadpack", "true"), ("uploadpack.allowAnySHA1InWant", "true")):
        subprocess.run(["git", "-C", str(path), "config", key, value], check=True)
    subprocess.run(["git", "-C", str(path), "fast-import", "--quiet"], input=_stream().encode(), check=True)
    commits = _git(path, "rev-list", "--reverse", "refs/heads/main").split()
    return Sample(path=path, commits=commits, fork_commit=_git(path, "rev-parse", "refs/pull/1/head").strip())


def sources(position: int) -> dict[str, str]:
    """Give the files as they are at a position of the history."""
    blend, table = BLEND_PLAIN, ""
    if SLOWER <= position < FASTER:
        blend = BLEND_EXACT
    elif position >= FASTER:
        blend, table = BLEND_TABLE, TABLE
    checksum = CHECKSUM_ENDLESS if position == ENDLESS else CHECKSUM_PLAIN
    raster = RASTER.format(blend=blend, table=table, checksum=checksum.rstrip("\n"))
    if position == BROKEN:
        raster = raster.replace(
            "    for row in range(top, bottom):\n        start", "    for row in range(top, bottom)\n        start"
        )
    notes = "".join(f"- {title}\n" for title in TITLES[: position + 1])
    return {
        "raster.py": raster,
        "bench.py": BENCH,
        "make.py": MAKE,
        "README.md": f"# raster\n\n{notes}",
        ".gitignore": "out/\n__pycache__/\n",
    }


def _stream() -> str:
    history = [
        _commit("refs/heads/main", position, sources(position), author=AUTHOR, title=title)
        for position, title in enumerate(TITLES)
    ]
    files = dict(sources(COMMITS - 1), **{"CONTRIBUTORS": "Sam Stranger\n"})
    offer = {"author": STRANGER, "title": "Offer a faster fill", "parent": "refs/heads/main"}
    return "".join([*history, _commit("refs/pull/1/head", COMMITS, files, **offer), "done\n"])


def _commit(ref: str, position: int, files: dict[str, str], *, author: str, title: str, parent: str = "") -> str:
    when = f"{FIRST_COMMIT_AT + position * 3600} +0000"
    head = f"commit {ref}\nauthor {author} {when}\ncommitter {author} {when}\n{_data(title)}"
    origin = f"from {parent}\n" if parent else ""
    return head + origin + "".join(f"M 100644 inline {name}\n{_data(text)}" for name, text in files.items()) + "\n"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _git(path: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(path), *words], check=True, capture_output=True, text=True).stdout


def builder_configuration(python: str) -> str:
    """Write the builder's configuration: this machine as two boards, each with two configurations."""
    board = """
        [[boards]]
        name = "{name}"
        description = "This machine, standing in for a board"
        tags = ["local"]
    """
    configuration = """
        [[boards.configurations]]
        name = "{name}"
        tags = ["{name}-canvas"]
        build = ["{python}", "make.py"]
        run = ["{python}", "bench.py"]
        limits = {{ run = 6, job = 120, grace = 1 }}
    """
    parts = ["version = 1\n"]
    for name in BOARDS:
        parts.append(dedent(board).format(name=name))
        parts += [dedent(configuration).format(name=each, python=python) for each in CONFIGURATIONS]
    return "".join(parts)


BOARDS = ("shelf-1", "shelf-2")
CONFIGURATIONS = ("small", "large")
