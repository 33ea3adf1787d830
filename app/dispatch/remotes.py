"""Which addresses a dispatch may fetch from: the configured forges and what RIGLINE_ALLOWED_REMOTES names."""

import posixpath
from urllib.parse import urlsplit

from app.errors import Invalid
from app.settings import Settings

SCHEMES = ("https", "http", "file")  # http and file only below an address that names them


def checked(remote: str, settings: Settings, *, name: str = "remote_url") -> str:
    """Give the address back if a dispatch may use it, without a slash at its end.

    Git reads more into an address than its place: `ext::` runs commands, a leading dash is an option,
    a user name before the host may be a token. None of that gets further than here.

    Args:
        name: what the caller calls it, for the message.
    Raises:
        Invalid: it is malformed, holds credentials, or lies outside of what is allowed; says what is.
    """
    _refuse_what_git_would_misread(remote, name)
    try:
        parts = urlsplit(remote)
    except ValueError:
        raise Invalid(f"{name}: is no address") from None
    if parts.scheme not in SCHEMES or (parts.scheme != "file" and not parts.hostname):
        raise Invalid(f"{name}: must be an https: address, as https://github.com/owner/name.git")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise Invalid(f"{name}: must hold no user, password, query or fragment; a token has a field of its own")
    address = remote.rstrip("/")
    allowed = prefixes(settings)
    if not any(_lies_below(address, prefix) for prefix in allowed):
        raise Invalid(
            f"{name}: is on no configured forge and below none of RIGLINE_ALLOWED_REMOTES. "
            f"Allowed: {', '.join(allowed) or 'nothing'}"
        )
    return address


def prefixes(settings: Settings) -> list[str]:
    """List the addresses below which a dispatch may fetch."""
    return [web_address("github", settings), web_address("gitlab", settings), *settings.allowed_remotes]


def web_address(forge: str, settings: Settings) -> str:
    """Name the address below which a forge's repositories are. api.github.com serves github.com, HOST/api/v3 HOST."""
    if forge != "github":
        return settings.gitlab_url
    api_url = settings.github_api_url
    return "https://github.com" if api_url == "https://api.github.com" else api_url.removesuffix("/api/v3")


def _refuse_what_git_would_misread(remote: str, name: str) -> None:
    if not remote.isascii() or not remote.isprintable() or any(sign in remote for sign in " \\\"'`%"):
        raise Invalid(f"{name}: must be plain ASCII without spaces, quotes, backslashes and percent signs")
    if remote.startswith("-") or "::" in remote.partition("/")[0]:
        raise Invalid(f"{name}: git would read this as something else than an address")
    path = remote.partition("://")[2].partition("/")[2].rstrip("/")
    if any(part in (".", "..") or part.startswith("-") for part in path.split("/")) or "//" in path:
        raise Invalid(f"{name}: its path must hold no empty, `.` or `..` part and none that starts with a dash")


def _lies_below(address: str, prefix: str) -> bool:
    """Compare scheme, host, port and whole parts of the path: /acme does not cover /acme-evil."""
    given, allowed = urlsplit(address), urlsplit(prefix)
    same = (given.scheme, given.netloc.lower()) == (allowed.scheme, allowed.netloc.lower())
    path = posixpath.normpath(allowed.path or "/").rstrip("/")
    return same and (given.path == path or given.path.startswith(f"{path}/"))
