"""Work trees at an exact commit: a mirror per repository, a tree per board, few cheap git commands."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builders import git
from builders.file_lock import FileLock
from builders.git import GitError
from builders.protocol import CommitFacts, Source

RETRY_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)  # between tries at a remote that is away
LAG_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # between looks for a commit that a forge announced and does not show yet
NOT_SERVED = re.compile(r"not our ref|unadvertised object|couldn't find remote ref|no such ref|Server does not allow")
REFUSED = re.compile(
    r"Authentication failed|could not read Username|Repository not found|returned error: 40[134]|not found\s*$"
    r"|does not appear to be a git repository|does not exist|unable to update url base from redirection"
    r"|transport '\w+' not allowed|fsck error|Permission denied|Host key verification failed|error: 30\d"
)
FACTS = "%H%x00%P%x00%ct%x00%an%x00%s"
MAX_TITLE = 200  # characters
BASE = "~base"  # what the folder of a comparison's base ends with; no name that `safe` makes has a tilde
SEPARATOR = "\0"

Note = Callable[[str], None]


class FetchError(Exception):
    """The commit could not be had. `infra`, because nothing says that the commit itself is bad."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A work tree with the wanted commit checked out."""

    path: Path
    facts: CommitFacts


class Workspace:
    """The mirrors and work trees of one builder. One job at a time may use a tree; callers see to that."""

    def __init__(
        self, root: Path, retry_s: Sequence[float] = RETRY_S, lag_s: Sequence[float] = LAG_S, ending: str = ""
    ) -> None:
        self.root, self.retry_s, self.lag_s, self.ending = root, retry_s, lag_s, ending

    def of_bases(self) -> Workspace:
        """Give the workspace of the bases of comparisons: the same mirrors, and for each board a tree of its own."""
        return Workspace(self.root, self.retry_s, self.lag_s, BASE)

    async def prepare(self, board: str, source: Source, note: Note, *, clean: bool = False) -> Tree:
        """Check the commit out in the board's own tree.

        What earlier builds left behind stays, so that the next one is incremental, unless `clean`.

        Raises:
            FetchError: the commit cannot be had.
        """
        mirror = self.root / "mirrors" / f"{safe(source.repository)}.git"
        facts = await self._obtain(mirror, source, note, bare=True)
        tree = self._tree(board, source)
        try:
            await self._check_out(tree, source.commit, mirror, clean)
        except (GitError, OSError) as problem:
            note(f"the work tree is made anew: {problem}")
            await asyncio.to_thread(remove, tree)
            await self._last_try(tree, source.commit, mirror)
        return self._done(tree, source, facts, note)

    async def prepare_anew(self, board: str, source: Source, note: Note) -> Tree:
        """Check the commit out in a tree that nothing was ever built in.

        Raises:
            FetchError: the commit cannot be had, or what was there cannot be removed.
        """
        await self.forget(board, source)
        return await self.prepare(board, source, note)

    async def forget(self, board: str, source: Source) -> None:
        """Remove a board's tree and home, whatever a script has made of them."""
        for folder in (self._tree(board, source), self.home(board, source)):
            await asyncio.to_thread(remove, folder)

    def home(self, board: str, source: Source) -> Path:
        """Name the folder that the scripts of a board find as their home: caches that stay as the tree does."""
        return self.root / "homes" / safe(board) / f"{safe(source.repository)}{self.ending}"

    def _tree(self, board: str, source: Source) -> Path:
        return self.root / "trees" / safe(board) / f"{safe(source.repository)}{self.ending}"

    async def lay_over(self, tree: Path, source: Source, patterns: Sequence[str], note: Note) -> None:
        """Take the files that match from the trusted base, and none from the commit.

        Raises:
            FetchError: the base is not known or cannot be had.
        """
        if source.base is None:
            raise FetchError("the base whose build files are trusted is not known to the service")
        mirror = self.root / "mirrors" / f"{safe(source.repository)}.git"
        await self._obtain(mirror, replace(source, commit=source.base, ref=None), note, bare=True)
        env, wanted = git.environment(tree=tree), [f":(glob){each}" for each in patterns]
        try:
            await git.demand("rm", "-rfq", "--ignore-unmatch", "--", *wanted, at=tree, env=env)
            for each in wanted:
                taken = await git.run("checkout", source.base, "--", each, at=tree, env=env)
                if taken.code != 0 and "did not match any file" not in taken.text:
                    raise GitError(taken.code, taken.text)
        except (GitError, OSError) as problem:
            raise FetchError(f"cannot take build files from {source.base}: {problem}") from problem
        note(f"taken from the base {source.base}: {' '.join(patterns)}")

    async def prepare_library(self, path: Path, source: Source, note: Note) -> Tree:
        """Check the commit out in a work tree of the lab's own, which is made when it is missing.

        Raises:
            FetchError: the commit cannot be had, or the folder is in use for something else.
        """
        if path.exists() and not (path / ".git").exists() and any(path.iterdir()):
            raise FetchError(f"{path} is no git work tree: name another library_path, or empty it")
        facts = await self._obtain(path, source, note, bare=False)
        await self._last_try(path, source.commit, None)
        return self._done(path, source, facts, note)

    def _done(self, tree: Path, source: Source, facts: CommitFacts, note: Note) -> Tree:
        title = "".join(char if char.isprintable() else "?" for char in facts.title)
        note(f"commit {source.commit} is checked out: {title}")
        return Tree(path=tree, facts=facts)

    async def _obtain(self, folder: Path, source: Source, note: Note, *, bare: bool) -> CommitFacts:
        """Have the commit in the repository at this folder; the network is asked only if it is missing."""
        if not git.COMMIT.fullmatch(source.commit):
            raise FetchError(f"{source.commit!r} is not a full commit hash")
        try:
            git.scheme_of(source.url)
        except GitError as problem:
            raise FetchError(str(problem)) from problem
        note(f"remote {source.url}")
        # git refuses two writers in one folder, we let the second wait
        async with FileLock(self.root / "locks" / safe(str(folder))).held():
            try:
                await self._init(folder, bare)
                facts = await self._facts(folder, source.commit)
                if facts is None:
                    facts = await self._fetch(folder, source, note)
                else:
                    note("the commit is here already")
            except (GitError, OSError) as problem:
                raise FetchError(f"cannot fetch {source.commit} from {source.url}: {problem}") from problem
        return facts

    async def _init(self, folder: Path, bare: bool) -> None:
        if (folder / ("HEAD" if bare else ".git")).exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        words = ("init", "--quiet", "--template=", *(["--bare"] if bare else []))
        await git.demand(*words, at=folder, env=git.environment())

    async def _facts(self, folder: Path, commit: str) -> CommitFacts | None:
        options = ("-1", "--no-show-signature", "--encoding=UTF-8", f"--format={FACTS}")
        words = ("log", *options, "--end-of-options", commit)
        answer = await git.run(*words, at=folder, env=git.environment(tree=folder))
        parts = answer.text.rstrip("\n").split(SEPARATOR)
        if answer.code != 0 or len(parts) < 5 or parts[0] != commit:
            return None
        _, parents, seconds, author, *title = parts
        return CommitFacts(
            parents=parents.split(),
            committed_at=int(seconds),
            author=author[:MAX_TITLE],
            title=" ".join(title)[:MAX_TITLE],
        )

    async def _fetch(self, folder: Path, source: Source, note: Note) -> CommitFacts:
        """Fetch with retries: by hash, by the ref that holds it, then every branch.

        A remote that is away is asked again. So is one whose ref is still at an older commit than its forge told
        of; without a ref nobody promised that the commit is there.
        """
        away, behind = iter(self.retry_s), iter(self.lag_s if source.ref else ())
        while True:
            try:
                return await self._fetch_once(folder, source, note)
            except GitError as problem:
                wait = next(behind if NOT_SERVED.search(str(problem)) else away, None)
                if wait is None or REFUSED.search(str(problem)):
                    raise
                note(f"fetch failed, trying again in about {wait:g} s: {_last_line(str(problem))}")
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))

    async def _fetch_once(self, folder: Path, source: Source, note: Note) -> CommitFacts:
        for refspecs in _ways(source):
            try:
                await self._ask(folder, source, refspecs)
            except GitError as problem:
                if not NOT_SERVED.search(str(problem)):
                    raise
                note(f"the server does not give {refspecs[0].split(':')[0].lstrip('+')} by itself")
            facts = await self._facts(folder, source.commit)
            if facts is not None:
                return facts
        raise GitError(128, "commit not found, neither by its hash nor on any branch: couldn't find remote ref")

    async def _ask(self, folder: Path, source: Source, refspecs: list[str]) -> None:
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
        words = ("fetch", *options, "--end-of-options", source.url, *refspecs)
        await git.demand(*words, at=folder, env=git.environment(source, tree=folder))

    async def _last_try(self, tree: Path, commit: str, mirror: Path | None) -> None:
        try:
            await self._check_out(tree, commit, mirror, False)
        except (GitError, OSError) as problem:
            raise FetchError(f"cannot check out {commit} in {tree}: {problem}") from problem

    async def _check_out(self, tree: Path, commit: str, mirror: Path | None, clean: bool) -> None:
        env = git.environment(tree=tree)
        if mirror is not None:
            await self._link(tree, mirror, env)
        (tree / ".git" / "index.lock").unlink(missing_ok=True)  # a killed git left it; the tree is ours alone
        if clean:
            await git.demand("clean", "-ffdxq", at=tree, env=env)
        await git.demand("checkout", "--quiet", "--force", "--detach", commit, "--", at=tree, env=env)
        head = (await git.demand("rev-parse", "--verify", "HEAD", at=tree, env=env)).strip()
        if head != commit:
            raise GitError(128, f"the work tree is at {head}")

    async def _link(self, tree: Path, mirror: Path, env: dict[str, str]) -> None:
        """Let the tree's own repository read the mirror's objects: scripts cannot write to the mirror by git."""
        if (tree / ".git").exists():
            return
        tree.mkdir(parents=True, exist_ok=True)
        await git.demand("init", "--quiet", "--template=", at=tree, env=env)
        alternates = tree / ".git" / "objects" / "info" / "alternates"
        alternates.parent.mkdir(exist_ok=True)
        alternates.write_text(f"{(mirror / 'objects').absolute()}\n")


def _ways(source: Source) -> list[list[str]]:
    """List what to ask a remote for, the cheapest first. Fetched commits stay under refs of ours."""
    ways = [[f"+{source.commit}:refs/rigline/{source.commit}"]]
    if source.ref is not None and git.REF.fullmatch(source.ref) and ".." not in source.ref:
        ways.append([f"+{source.ref}:refs/rigline/ref/{source.commit}"])
    ways.append(["+refs/heads/*:refs/rigline/heads/*"])
    return ways


def remove(folder: Path) -> None:
    """Remove a folder in which scripts had free hand: without permissions, deeper than any path may be long.

    Raises:
        FetchError: it is there still.
    """
    for words in (("chmod", "-R", "u+rwX"), ("rm", "-rf")) if os.path.lexists(folder) else ():
        subprocess.run([*words, "--", str(folder)], stderr=subprocess.DEVNULL, check=False)  # noqa: S603  # ours
    if os.path.lexists(folder):
        raise FetchError(f"{folder} cannot be removed: look what it holds, and remove it by hand")


def safe(name: str) -> str:
    """Make a folder name of any text: readable if it can be, and different texts stay different."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", name) and ".." not in name:
        return name
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:40]
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:300]
