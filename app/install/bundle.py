"""What a lab machine gets: the agent and the packages it needs, taken from this installation.

Nothing is fetched on the lab machine, so it needs no package index and gets the agent that this service speaks with.
"""

import gzip
import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

import builders

OWN = "rigline"
COMPILED = (".so", ".pyd", ".dll")
NOT_NEEDED = ("__pycache__", "tests")
OLDEST = {
    "extra": "",
    "python_version": "3.11",
    "python_full_version": "3.11.0",
}  # a lab's Python may be older than ours


class BundleError(Exception):
    """The agent cannot be packed; the text says why."""


@dataclass(frozen=True)
class Bundle:
    """A gzipped tar archive with `packages/…` in it, and the name of its contents."""

    data: bytes
    version: str  # of Rigline and of the packages together: the same files have the same version


def pack() -> Bundle:
    """Pack the agent; takes a tenth of a second.

    Raises:
        BundleError: a package is not installed, or is not pure Python.
    """
    files = dict(sorted(_files()))
    digest = hashlib.sha256()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            entry = tarfile.TarInfo(f"packages/{name}")
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    version = f"{metadata.version(OWN)}-{digest.hexdigest()[:12]}"
    return Bundle(gzip.compress(archive.getvalue(), mtime=0), version)


def _files() -> Iterator[tuple[str, bytes]]:
    package = Path(builders.__file__).parent
    for path in package.rglob("*"):
        if path.is_file() and not set(path.relative_to(package).parts) & set(NOT_NEEDED):
            yield f"builders/{path.relative_to(package).as_posix()}", path.read_bytes()
    for distribution in needed():
        yield from _files_of(distribution)


def _files_of(distribution: metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    for file in distribution.files or ():
        if file.parts[0] in ("..", "/") or set(file.parts) & set(NOT_NEEDED):
            continue  # commands, and what this machine compiled
        if file.suffix in COMPILED:
            raise BundleError(f"{distribution.name} is compiled for this machine, at {file}: install its pure form")
        yield file.as_posix(), Path(str(file.locate())).read_bytes()


def needed(root: str = OWN) -> list[metadata.Distribution]:
    """Find what the base install depends on, directly and through others; no extras, no other systems' packages."""
    found: dict[str, metadata.Distribution] = {}
    open_ = [Requirement(each) for each in metadata.requires(root) or ()]
    while open_:
        wish = open_.pop()
        name = re.sub(r"[-_.]+", "-", wish.name).lower()
        if name in found or (wish.marker and not wish.marker.evaluate(OLDEST)):
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise BundleError(f"{name} is not installed here; install Rigline anew with its packages") from None
        open_ += [Requirement(each) for each in found[name].requires or ()]
    return [found[name] for name in sorted(found)]
