"""Tell our own forms from those of other sites (CSRF).

Browsers send a cookie with a form wherever the form stands. So where a cookie counts three things must hold: the
browser names our own origin as that of the form, as far as it says one (`Sec-Fetch-Site`, `Origin`); the cookie is
`SameSite=Lax`; and the form holds a token that only a page of the same session shows. `FormTokens` puts it into
every form of a template that posts, so that no form can lack it.
"""

import hashlib
import hmac
import re
import secrets
from urllib.parse import urlsplit

from jinja2.ext import Extension
from markupsafe import Markup
from quart import g, request

from app.errors import Forbidden

FIELD = "form"  # of a form, for its token
SIZE = 16  # bytes of a token
OURS = ("same-origin", "none")  # of Sec-Fetch-Site; none: typed, or a bookmark
_INSIDE = r"(?:\{\{(?:(?!\}\}).)*+\}\}|\{%(?:(?!%\}).)*+%\}|[^>{])"  # of a tag; each text is read in one way only
_POSTS = re.compile(rf"""<form\b{_INSIDE}*?\bmethod="post"{_INSIDE}*>""", re.DOTALL)


class FormTokens(Extension):
    """Put the token's field into each form that posts, when a template is read: names and texts are not in it yet."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Write the field behind each opening tag."""
        return _POSTS.sub(r"\g<0>{{ form_token() }}", source)


def form_token() -> Markup:
    """Give the field with the token of the session that looks at the page; nothing without one.

    The bytes differ at each call: the length of a compressed page tells nothing about the token (BREACH).
    """
    key: bytes | None = g.get("form_key")
    if key is None:
        return Markup()
    pad = secrets.token_bytes(SIZE)
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, (pad + _mixed(pad, key)).hex())


def key_of(secret_key: str, session_id: str) -> bytes:
    """Derive what the forms of a session prove."""
    return hmac.digest(secret_key.encode(), b"rigline form " + session_id.encode(), hashlib.sha256)[:SIZE]


def check_origin(public_url: str) -> None:
    """Refuse what a page of another site sent.

    Raises:
        Forbidden: the browser says so.
    """
    public = urlsplit(public_url)
    ours = (f"{public.scheme}://{public.netloc}", request.host_url.rstrip("/"))
    if request.headers.get("Origin", ours[0]) not in ours or request.headers.get("Sec-Fetch-Site", OURS[0]) not in OURS:
        raise Forbidden("This form belongs to another site.")


def check_token(given: str, key: bytes) -> None:
    """Insist that a form was on a page of this session.

    Raises:
        Forbidden: it was not, or the session was another one then.
    """
    try:
        whole = bytes.fromhex(given)
    except ValueError:
        whole = b""
    if not hmac.compare_digest(_mixed(whole[:SIZE], whole[SIZE:]), key):
        raise Forbidden("This page is older than your session. Look at it as it is now, and press again.")


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))
