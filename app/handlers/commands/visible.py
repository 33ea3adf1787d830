"""The lines of a comment that a reader sees as plain text: top-level paragraphs and list items, nothing else.

Pure, and bounded: whatever a comment holds, reading it takes milliseconds. What is code, quoted, hidden in HTML, struck
out, a heading, a link's title or an image's text is no line. In doubt a line is left out.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_TEXT = 16_000  # characters read of a comment; GitHub allows 65,536
MAX_LINES = 1_000
MAX_PARAGRAPH = 1_000  # characters; a longer one is prose, and holds no command
MAX_INLINE = 4_000  # characters of all paragraphs that are looked into
MAX_HTML = 2_000  # characters of one piece of HTML; after a longer one everything counts as hidden

_OPENERS = {"bullet_list_open", "ordered_list_open", "list_item_open"}
_OTHERS = {"blockquote_open", "heading_open"}
_MARKS = {"em_open", "em_close", "strong_open", "strong_close", "s_open", "s_close"}
_END = re.compile(r"\r\n?|\n")  # of a line, for Markdown; Python knows more of them
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"""<(/?)([a-zA-Z][a-zA-Z0-9-]{0,20})((?:[^<>"']|"[^"]*"|'[^']*'){0,100})>""")
_MARKUP = re.compile(r"<[a-zA-Z/!]")
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_HIDES_ALL = "!"  # an HTML tag that nothing closes


def lines(text: str, marks: Iterable[str]) -> list[str]:
    """List the visible lines that begin with one of the marks, in order, each without the space around it.

    Args:
        marks: beginnings in lower case, as `/rig`; compared without regard to case.
    """
    starts = tuple(marks)
    text = "\n".join(_END.split(text[:MAX_TEXT], MAX_LINES)[:MAX_LINES])
    if not _mentions(text, starts):
        return []
    found, hidden, budget = list[str](), list[str](), MAX_INLINE
    for token, top_level in _walk(_blocks().parse(text)):
        if token.type == "html_block":
            _follow(token.content, hidden)
        elif token.type == "inline" and (_mentions(token.content, starts) or _MARKUP.search(token.content)):
            if len(token.content) > min(MAX_PARAGRAPH, budget):
                hidden += [_HIDES_ALL] if _MARKUP.search(token.content) else []
                continue
            budget -= len(token.content)
            found += [line for line in _plain(token.content, hidden) if top_level and _begins(line, starts)]
    return found


@cache
def _blocks() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # at the first command: web, which loads this too, reads none  # noqa: PLC0415

    made = MarkdownIt("commonmark")
    made.core.ruler.disable("inline")
    return made


@cache
def _inline() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # see above  # noqa: PLC0415

    made = MarkdownIt("commonmark").enable("strikethrough")
    made.core.ruler.disable("text_join")  # keeps apart what was escaped: `\/rig` is no command
    return made


def _mentions(text: str, marks: tuple[str, ...]) -> bool:
    low = text.lower()
    return any(mark in low for mark in marks)


def _begins(line: str, marks: tuple[str, ...]) -> bool:
    return line.lower().startswith(marks)


def _walk(tokens: list["Token"]) -> Iterator[tuple["Token", bool]]:
    """Give each token, and whether nothing but lists is around it."""
    quoted = 0
    for token in tokens:
        if token.type in _OTHERS:
            quoted += 1
        elif token.type.replace("_close", "_open") in _OTHERS:
            quoted -= 1
        yield token, quoted == 0


def _plain(content: str, hidden: list[str]) -> Iterator[str]:
    """Split a paragraph into lines of plain text; one that does not begin as plain text is left out."""
    line, is_plain = "", not hidden
    for token in _inline().parseInline(content)[0].children or []:
        if token.type in ("softbreak", "hardbreak"):
            if is_plain:
                yield line.strip()
            line, is_plain = "", not hidden and token.level == 0
            continue
        if token.type == "html_inline":
            _follow(token.content, hidden)
        if not line and token.content != "":
            is_plain = is_plain and token.type == "text" and token.level == 0 and not hidden
        line += _written(token)
    if is_plain:
        yield line.strip()


def _written(token: "Token") -> str:
    """Give a piece of a line as its author wrote it: stars and underscores belong to names as to emphasis."""
    if token.type in ("text", "text_special", "code_inline"):
        return token.content
    return token.markup if token.type in _MARKS else "<>"  # no argument holds these two


def _follow(html: str, hidden: list[str]) -> None:
    """Take over which tags are open after a piece of HTML: what stands inside them is not a plain line."""
    if len(html) > MAX_HTML:
        hidden.append(_HIDES_ALL)
        return
    for close, name, rest in _TAG.findall(_COMMENT.sub("", html)):
        tag = name.lower()
        if not close and tag not in _VOID and not rest.endswith("/"):
            hidden.append(tag)
        elif close and tag in hidden:
            del hidden[len(hidden) - 1 - hidden[::-1].index(tag) :]
