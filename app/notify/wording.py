"""What a mail says: plain text, one subject line. Every sentence that subscribers read stands here."""

import shlex
from collections.abc import Mapping
from typing import Any

SUBJECT_LIMIT = 200  # characters
SENTENCES = {
    "opened": "got worse",
    "improved": "moved, and not for the worse",
    "reopened": "is open again: it grew, or came back",
    "recovered": "went back by itself",
    "triaged": "was judged",
    "withdrawn": "was nothing: later measurements spoke against it",
}


def mail(said: Mapping[str, Any]) -> tuple[str, str]:
    """Write subject and text of a mail."""
    if "alert" in said:
        subject, lines = _alert(said["event"], said["alert"])
    elif "pipeline" in said:
        subject, lines = _pipeline(said["pipeline"])
    elif "board" in said:
        subject, lines = _board(said["event"], said["board"])
    elif "builder" in said:
        subject, lines = _builder(said["event"], said["builder"])
    else:
        subject, lines = "Rigline can reach you", [f"This is a test that somebody asked for at {said['from']}."]
    return _line(subject)[:SUBJECT_LIMIT], "\n".join(lines) + "\n"


def _alert(event: str, alert: Mapping[str, Any]) -> tuple[str, list[str]]:
    largest = alert["largest"]
    first = largest[0] if largest else None
    about = f"{first['benchmark']} {first['metric']} {percent(first['change'])}" if first else "a history"
    more = f" and {alert['change_points'] - 1} more" if alert["change_points"] > 1 else ""
    subject = f"[{alert['repository']}] {about}{more} {SENTENCES[event]}"
    lines = [
        f"{_line(about)}{more} {SENTENCES[event]}",
        "",
        f"Behind commit {alert['after']}, at the latest in {alert['until']} on {_line(alert['branch'])}",
        _line(alert["title"]),
    ]
    if event == "triaged":
        said = f"{_line(alert['said_by'])} said {alert['state'].replace('_', ' ')}"
        lines += ["", ": ".join(filter(None, [said, _line(alert["reason"])])), _line(alert["link"])]
    lines += ["", *(_change_point(each) for each in largest)]
    if alert["change_points"] > len(largest):
        lines.append(f"and {alert['change_points'] - len(largest)} more")
    return subject, [*lines, "", alert["url"]]


def _change_point(of: Mapping[str, Any]) -> str:
    direction = {True: " worse", False: " better", None: ""}[of["is_worse"]]
    where = f"{of['board_type']}, {of['configuration']}"
    levels = f"{of['before']:.6g} → {of['after']:.6g} {of['unit']}".strip()
    return _line(f"  {of['benchmark']} {of['metric']}: {percent(of['change'])}{direction} ({levels}) on {where}")


def _pipeline(pipeline: Mapping[str, Any]) -> tuple[str, list[str]]:
    state = pipeline["state"].replace("_", " ")
    subject = f"[{pipeline['repository']}] {pipeline['branch']} {state} at {pipeline['commit'][:10]}"
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in pipeline["counts"].items())
    return subject, [f"{pipeline['commit']} {_line(pipeline['title'])}", f"Jobs: {counts}", "", pipeline["url"]]


def _board(event: str, board: Mapping[str, Any]) -> tuple[str, list[str]]:
    name = f"board {board['name']} of builder {board['builder']}"
    if event == "board_good":
        subject, lines = f"{name} is good again", ["It gets jobs again."]
    else:
        subject, lines = f"{name} gets no jobs any more", ["It gets none until somebody says that it is good:"]
        lines.append(_line(f"  rigline board good {shlex.quote(board['name'])}"))
    why = [f"Reason: {_line(board['reason'])}"] if board["reason"] else []
    return subject, [_line(subject), "", *why, *lines, "", board["url"]]


def _builder(event: str, builder: Mapping[str, Any]) -> tuple[str, list[str]]:
    boards = [f"Boards: {_line(', '.join(builder['boards']))}"] if builder["boards"] else []
    if event == "builder_back":
        subject, lines = f"builder {builder['name']} is back", ["Its boards get jobs again."]
    else:
        subject, lines = f"builder {builder['name']} is away", ["Its boards get no jobs. On its machine this says why:"]
        lines += ["  rigline-builder doctor", f"It was last heard of at {builder['last_seen']}."]
    return subject, [_line(subject), "", *lines, *boards, "", builder["url"]]


def percent(change: float) -> str:
    """Write a relative change with its sign."""
    return f"{change * 100:+.1f} %"


def _line(text: str) -> str:
    """Keep one line and no control character: what follows must be ours, in a header above all."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
