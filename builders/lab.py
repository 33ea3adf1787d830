"""What the jobs of one builder share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builders import isolation
from builders.config import Board, Config, ConfigError, Configuration
from builders.file_lock import FileLock, Slots
from builders.protocol import Lease
from builders.sandbox import Sandbox
from builders.workspace import Workspace, safe


@dataclass(kw_only=True)
class Lab:
    """Configuration, work trees, walls and locks of one builder."""

    config: Config
    workspace: Workspace
    strangers: Workspace  # mirrors and trees of untrusted code
    sandbox: Sandbox
    builds: Slots
    locks: Path  # folder of the locks between jobs

    @classmethod
    def of(cls, config: Config, work: Path, state: Path, hidden: Sequence[Path]) -> Lab:
        """Furnish a lab: look what this machine can do, and where its trees are.

        Args:
            state: folder of the agent's state, which no job may see either.
            hidden: more of the agent's folders like that, besides the work trees and the configuration's.
        """
        locks = state / "locks"
        return cls(
            config=config,
            workspace=Workspace(work),
            strangers=Workspace(work / "untrusted"),
            sandbox=Sandbox(config, isolation.for_jobs(config), [work, state, *hidden]),
            builds=Slots(locks, config.parallel_builds),
            locks=locks,
        )

    def under(self, config: Config) -> Lab:
        """Go by another configuration."""
        builds = Slots(self.locks, config.parallel_builds)
        return replace(self, config=config, builds=builds, sandbox=self.sandbox.under(config))

    def library_lock(self, path: Path) -> FileLock:
        """Name the lock of a work tree that configurations share."""
        return FileLock(self.locks / f"library-{safe(str(path))}")

    def further(self, lease: Lease) -> list[Board]:
        """Find the boards that a job holds besides its own.

        Raises:
            ConfigError: the file has one of them no more.
        """
        return [self.config.board(name) for name in lease.further]

    def configuration(self, lease: Lease) -> Configuration:
        """Find what a job is to do on its board.

        Raises:
            ConfigError: the file says it no more, or otherwise.
        """
        found = self.config.board(lease.board).configuration(lease.configuration)
        if sorted(found.further) != [each.name for each in self.further(lease)]:
            raise ConfigError(f"the boards of {found.name!r} were changed; retry the job")
        if lease.compare is not None and not found.compares:
            raise ConfigError(
                f"{found.name!r} has one work tree for all commits (library_path): it cannot hold two to compare them"
            )
        return found
