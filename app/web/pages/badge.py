"""The picture of a badge: a label, a small trend, the latest value and a verdict, all of it as text too. Pure."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from app.history import plot

SVG = "http://www.w3.org/2000/svg"
LETTER = 6.3  # units that a letter of the font is wide on average; `textLength` makes it fit exactly
EDGE, HEIGHT, LONGEST = 8.0, 20.0, 40  # LONGEST: letters of one text
TONES = {"good": "#1f6f5c", "bad": "#b3261e", "unknown": "#5c6b66"}  # white text on each: above 4.5 : 1
LABEL = "#2f3b37"
# What XML 1.0 cannot hold, even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True)
class Badge:
    """What a badge shows."""

    label: str
    value: str
    verdict: str
    tone: str  # of TONES: the words say the same
    line: str  # the trend, as of `plot.spark`; empty: none


def svg(badge: Badge) -> str:
    """Draw it. Texts are cut; the title holds them for those who do not see the picture."""
    label = _short(badge.label)
    value = _short(", ".join(filter(None, (badge.value, badge.verdict))))
    left, trend, right = _wide(label), (plot.SPARK_WIDTH / 2 + EDGE if badge.line else 0.0), _wide(value)
    width = round(left + trend + right, 1)
    said = f"{label}: {value}"
    picture = Xml.Element(
        "svg",
        {
            "xmlns": SVG,
            "width": str(width),
            "height": f"{HEIGHT:g}",
            "viewBox": f"0 0 {width} {HEIGHT:g}",
            "role": "img",
        },
    )
    picture.set("aria-label", said)
    _add(picture, "title", said)
    _box(picture, 0, left + trend, LABEL)
    _box(picture, left + trend, right, TONES[badge.tone])
    _text(picture, label, EDGE, left - 2 * EDGE)
    if badge.line:
        scale = f"translate({left:.1f} {(HEIGHT - plot.SPARK_HEIGHT / 2) / 2:.1f}) scale(.5)"
        drawn = {"d": badge.line, "fill": "none", "stroke": "#fff", "stroke-width": "3", "transform": scale}
        _add(picture, "path", **drawn)
    _text(picture, value, left + trend + EDGE, right - 2 * EDGE)
    return Xml.tostring(picture, encoding="unicode")


def clean(text: str) -> str:
    """Take out what XML cannot hold."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _short(text: str) -> str:
    line = " ".join(clean(text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _wide(text: str) -> float:
    return round(len(text) * LETTER + 2 * EDGE, 1)


def _box(picture: Xml.Element, x: float, width: float, colour: str) -> None:
    _add(picture, "rect", x=f"{x:.1f}", width=f"{width:.1f}", height=f"{HEIGHT:g}", fill=colour)


def _text(picture: Xml.Element, text: str, x: float, width: float) -> None:
    font = {"font-family": "Verdana,DejaVu Sans,sans-serif", "font-size": "11", "fill": "#fff"}
    where = {"x": f"{x:.1f}", "y": "14", "textLength": f"{width:.1f}", "lengthAdjust": "spacingAndGlyphs"}
    _add(picture, "text", text, **font, **where)


def _add(parent: Xml.Element, name: str, content: str = "", **attributes: str) -> Xml.Element:
    made = Xml.SubElement(parent, name, attributes)
    made.text = content or None
    return made
