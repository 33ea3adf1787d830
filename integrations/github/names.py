"""Names of things on GitHub, as addresses need them."""

from urllib.parse import quote

from integrations.forge import Permanent


def parts(full_name: str) -> tuple[str, str]:
    """Split a repository's name into owner and name.

    Raises:
        Permanent: it is no such name.
    """
    owner, _, name = full_name.partition("/")
    if not owner or not name or "/" in name or {owner, name} & {".", ".."}:
        raise Permanent(f"not OWNER/NAME: {full_name[:100]!r}")
    return owner, name


def address(full_name: str, *rest: str) -> str:
    """Write the address of something in a repository; a part may hold slashes, and cannot climb out.

    Raises:
        Permanent: the repository's name is none, or a part climbs.
    """
    owner, name = parts(full_name)
    if any(step in (".", "..") for part in rest for step in part.split("/")):
        raise Permanent(f"not a name GitHub has: {'/'.join(rest)[:100]!r}")
    return "/".join(["/repos", quote(owner, safe=""), quote(name, safe=""), *(quote(part) for part in rest)])
