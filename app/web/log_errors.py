"""Which lines of a log say that something went wrong: a guess by the words that tools use. Pure.

Every pattern is read in linear time, and of a long line only the beginning is looked at.
"""

import re

LONGEST = 1000  # characters of a line that are looked at
# A line without any of these is none, which is found out ten times faster.
_HINTS: tuple[str, ...] = (
    "err",
    "fail",
    "fatal",
    "panic",
    "exception",
    "trace",
    "not ok",
    "fault",
    "dumped",
    "undefined",
    "killed",
)
_HINTS += ("assert", "exit", "***", "denied", "not found", "no such", "timed out", "stopped")
_HINTS_AS_BYTES = tuple(each.encode() for each in (*_HINTS, "e  "))
_SIGNS = re.compile(
    r"(?<![\w-])(?:error|fatal|panic|exception)(?:\[\w{1,20}\])?\s?:(?! ?(?:0|none)\b)"
    r"|\[ ?(?:error|fatal|fail|failed|err) ?\]"
    r"|^(?:\d\S{0,30} ){0,3}(?:error|fatal|critical)\b(?! ?(?:rate|count|margin)\b|\s?: ?0\b)"
    r"|^traceback \(most recent"
    r"|^\s{0,8}(?:---? )?fail(?:ed|ure)?\b(?!\w|[:= ]{1,3}0\b)"
    r"|(?<!0 )\bfailed$|\b[1-9]\d{0,8} (?:failed|failures?|errors?)\b"
    r"|^not ok\b|\*\*\* (?:\[[^\]]{0,80}\] ?)?(?:error|stop|no rule)"
    r"|\bundefined reference to\b|\bsegmentation fault\b|\bcore dumped\b|\bassertion (?:failed|['`\"])"
    r"|\bpanicked at\b|\bbuild stopped\b|\bcommand not found\b|: no such file or directory|: permission denied\b"
    r"|\bexit(?:ed with)? (?:code|status)[ :]{1,2}-?[1-9]|\bnon-zero exit\b|^killed\b|\btimed out\b"
    r"|\bnpm err!",
    re.IGNORECASE,
)
_CLASSES = re.compile(r"^(?:\w{1,60}\.){0,5}[A-Z]\w{0,60}(?:Error|Exception)\b(?!s)")  # Python, Java, JavaScript
_PYTEST = re.compile(r"^E {2,}\S")
_OF_RIGLINE = re.compile(r"^\[rigline\] (?:fetch failed|\w{1,20}: (?:failed|limit|no output|killed|exit))")

_ALL = (_SIGNS, _CLASSES, _PYTEST, _OF_RIGLINE)
FOR_BROWSERS = [(each.pattern, "i" if each.flags & re.IGNORECASE else "") for each in _ALL]  # means the same there


def may_be_error(raw: bytes) -> bool:
    """Say in a microsecond whether a line is worth a closer look."""
    lowered = raw[:LONGEST].lower()
    return any(hint in lowered for hint in _HINTS_AS_BYTES)


def is_error(line: str) -> bool:
    """Say whether a line, without its colours, looks like an error."""
    line = line[:LONGEST].rstrip()
    lowered = line.lower()
    if not line.startswith("E  ") and not any(hint in lowered for hint in _HINTS):
        return False
    return any(each.search(line) for each in _ALL)
