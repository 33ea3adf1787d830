"""The artefacts of a job: files that globs name, copied without following anything that a script has laid."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from builders.protocol import MAX_ARTEFACT, MAX_ARTEFACT_NAME, MAX_ARTEFACTS, MAX_ARTEFACTS_SIZE, MAX_CHUNK

MOST_LOOKED_AT = 100_000  # entries of folders; a pattern that asks for more is too wide
DEEPEST = 64  # folders below each other
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OWN = (".git",)  # at the top of a tree: ours, not the scripts'

Pattern = tuple[str, ...]  # a glob by its parts; `**` stands for any folders
Found = Generator[tuple[str, int, os.DirEntry[str]], None, None]  # path below the tree, open folder, entry in it
Note = Callable[[str], None]


class ArtefactError(Exception):
    """This file is not taken; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """One artefact, copied out of the work tree."""

    name: str
    copy: Path
    size: int
    sha256: str

    def pieces(self) -> Iterator[bytes]:
        """Read it in the pieces that the service takes."""
        with open(self.copy, "rb") as file:
            while piece := file.read(MAX_CHUNK):
                yield piece


def collect(tree: Path, patterns: Sequence[str], into: Path, note: Note) -> list[Artefact]:
    """Copy every file of a work tree that a pattern names, up to the limits; what is not taken is noted.

    No link is followed, neither at the end of a path nor on the way; hard links and special files are refused.

    Raises:
        OSError: the tree cannot be read, or the copies cannot be written.
    """
    taken: list[Artefact] = []
    room = MAX_ARTEFACTS_SIZE
    with contextlib.closing(_Walk(patterns).files(tree)) as found:
        for name, folder, entry in found:
            try:
                if len(taken) == MAX_ARTEFACTS:
                    raise ArtefactError(f"{MAX_ARTEFACTS} artefacts are taken of one job, no more")
                artefact = _copy(name, folder, entry, into / f"artefact-{len(taken)}", room)
            except ArtefactError as problem:
                note(f"warning: the artefact {_shown(name)} is not kept: {problem}")
                if len(taken) == MAX_ARTEFACTS:
                    break
            else:
                taken.append(artefact)
                room -= artefact.size
    return taken


class _Walk:
    """Finds files that patterns name, from folder to folder, each opened below the one before."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns: list[Pattern] = [tuple(each.split("/")) for each in patterns]
        self.looked_at = 0

    def files(self, tree: Path) -> Found:
        """Find the files, folder by folder, in the order of their names."""
        root = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield from self._below(root, "", self.patterns)
        finally:
            os.close(root)

    def _below(self, folder: int, path: str, patterns: list[Pattern]) -> Found:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            self.looked_at += 1
            if self.looked_at > MOST_LOOKED_AT:
                return
            left = [rest for pattern in patterns for rest in _after(pattern, entry.name)]
            if not left or (not path and entry.name in OWN):
                continue
            if not entry.is_dir(follow_symlinks=False):
                if () in left:
                    yield path + entry.name, folder, entry
            elif (deeper := [each for each in left if each]) and path.count("/") < DEEPEST:
                yield from self._into(folder, path, entry.name, deeper)

    def _into(self, folder: int, path: str, name: str, patterns: list[Pattern]) -> Found:
        try:
            opened = os.open(name, FOLDER, dir_fd=folder)
        except OSError:
            return  # it went away, or became a link
        try:
            yield from self._below(opened, f"{path}{name}/", patterns)
        finally:
            os.close(opened)


def _after(pattern: Pattern, name: str) -> list[Pattern]:
    """Say what is left of a pattern once it has met a name; an empty one is a match."""
    if pattern[:1] == ("**",):
        return [pattern, *(_after(pattern[1:], name) if pattern[1:] else [()])]
    return [pattern[1:]] if pattern and fnmatchcase(name, pattern[0]) else []


def _copy(name: str, folder: int, entry: os.DirEntry[str], copy: Path, room: int) -> Artefact:
    """Copy one file, as far as it is one and fits."""
    if not name.isprintable() or len(name) > MAX_ARTEFACT_NAME:
        raise ArtefactError(f"its path must be at most {MAX_ARTEFACT_NAME} printable characters of UTF-8")
    if entry.is_symlink():
        raise ArtefactError("it is a link")
    try:
        source = os.open(entry.name, FILE, dir_fd=folder)
    except OSError as problem:
        raise ArtefactError(problem.strerror or "it cannot be read") from problem
    with os.fdopen(source, "rb") as opened:
        _check(os.fstat(opened.fileno()), room)
        with open(copy, "wb") as written:
            digest, size = hashlib.sha256(), 0
            while data := opened.read(MAX_CHUNK):
                size += len(data)
                _check_size(size, room)
                digest.update(data)
                written.write(data)
    return Artefact(name=name, copy=copy, size=size, sha256=digest.hexdigest())


def _check(facts: os.stat_result, room: int) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise ArtefactError("it is no regular file")
    if facts.st_nlink > 1:
        raise ArtefactError("it has a second name (a hard link): let the script copy it")
    _check_size(facts.st_size, room)


def _check_size(size: int, room: int) -> None:
    if size > MAX_ARTEFACT:
        raise ArtefactError(f"it is larger than {MAX_ARTEFACT} bytes")
    if size > room:
        raise ArtefactError(f"all together are larger than {MAX_ARTEFACTS_SIZE} bytes")


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in name)[:MAX_ARTEFACT_NAME]
