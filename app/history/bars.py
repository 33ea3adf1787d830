"""Grouped bars of one metric out of several files, as an SVG that needs nothing else. Pure.

Every bar has its value beside it, and the files are named in the order of their bars: colour alone says nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from app.history.amounts import amount

WIDTH, LEAST_HEIGHT = 1200, 800
MOST_FILES, MOST_ROWS = 8, 200
LONGEST_LABEL = 44  # characters
# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000")
_LEFT, _RIGHT, _TOP, _BOTTOM = 340, 110, 70, 30
_BAR, _GAP = 14, 12  # height of a bar, and between groups
_LINE = 22  # of the legend
_STYLE = "text{font:14px sans-serif;fill:#222}.t{font-size:20px;font-weight:bold}.v{font-size:12px}.e{text-anchor:end}"


@dataclass(frozen=True, kw_only=True)
class Bars:
    """What is drawn: one value at most for each file and benchmark."""

    title: str
    unit: str
    better: str | None  # lower, higher, or unknown
    files: tuple[str, ...]
    values: Mapping[str, Mapping[str, float]]  # file → benchmark → value


def draw(bars: Bars) -> str:
    """Draw all files beside each other for each benchmark; the same input gives the same bytes.

    Raises:
        ValueError: there is nothing to draw, or more than fits.
    """
    names = list(dict.fromkeys(name for file in bars.files for name in bars.values[file]))
    if not names:
        raise ValueError("no file has this metric")
    if len(bars.files) > MOST_FILES or len(names) > MOST_ROWS:
        raise ValueError(f"at most {MOST_FILES} files and {MOST_ROWS} benchmarks can be drawn in one chart")
    legend = _LINE * len(bars.files)
    group = len(bars.files) * _BAR + _GAP
    height = max(LEAST_HEIGHT, _TOP + legend + len(names) * group + _BOTTOM)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label={quoteattr(_plain(bars.title))}>',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        f'<text class="t" x="20" y="34">{escape(_plain(bars.title))}</text>',
        f'<text x="20" y="56">{escape(_subtitle(bars))}</text>',
        *(_key(index, file) for index, file in enumerate(bars.files)),
    ]
    largest = max((abs(value) for each in bars.values.values() for value in each.values()), default=0.0)
    scale = (WIDTH - _LEFT - _RIGHT) / largest if largest else 0.0
    for row, name in enumerate(names):
        lines += _group(bars, name, _TOP + legend + row * group, scale)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _subtitle(bars: Bars) -> str:
    direction = {"lower": "less is better", "higher": "more is better"}.get(bars.better or "", "")
    return ", ".join(each for each in (_plain(bars.unit), direction) if each)


def _key(index: int, file: str) -> str:
    y = _TOP + index * _LINE
    mark = f'<rect x="20" y="{y}" width="14" height="14" fill="{COLOURS[index]}"/>'
    return f'{mark}<text x="42" y="{y + 12}">{escape(_clip(file))}</text>'


def _group(bars: Bars, name: str, top: float, scale: float) -> Sequence[str]:
    middle = top + len(bars.files) * _BAR / 2 + 5
    lines = [f'<text class="e" x="{_LEFT - 10}" y="{middle:.1f}">{escape(_clip(name))}</text>']
    for index, file in enumerate(bars.files):
        value = bars.values[file].get(name)
        if value is None:
            continue
        y, width = top + index * _BAR, abs(value) * scale
        told = f"<title>{escape(f'{_plain(name)}, {_plain(file)}: {amount(value)} {_plain(bars.unit)}')}</title>"
        lines.append(
            f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR - 2}" fill="{COLOURS[index]}">{told}</rect>'
            f'<text class="v" x="{_LEFT + width + 6:.1f}" y="{y + 10}">{amount(value)}</text>'
        )
    return lines


def _clip(text: str) -> str:
    shown = _plain(text)
    return shown if len(shown) <= LONGEST_LABEL else f"{shown[: LONGEST_LABEL - 1]}…"


def _plain(text: str) -> str:
    """Keep what XML can hold and a reader can see."""
    return "".join(each for each in text if each.isprintable())
