"""Which walls stand around the scripts of one job, by the builder's configuration, the machine and the job's trust."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builders import cgroup, mount_points, profile, seccomp
from builders.cgroup import Groups
from builders.config import Board, Config, Use
from builders.environment import SDK_FOLDER, Scene
from builders.isolation import Isolation
from builders.process import Cage, Command
from builders.protocol import FURTHER, Lease, Phase


class Refusal(Exception):
    """This builder does not run such a job; the text names the area and the way out."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """Folders that a job has to itself."""

    home: Path
    temporary: Path
    out: Path
    socket: Path  # folder of the child socket


class Sandbox:
    """The walls of one builder's jobs.

    Args:
        hidden: the agent's own folders, which no job sees: of state, work trees and token. The configuration's is too.
    """

    def __init__(self, config: Config, isolation: Isolation, hidden: Sequence[Path] = ()) -> None:
        self.config, self.isolation = config, isolation
        self.hidden = tuple(dict.fromkeys(each.absolute() for each in (*hidden, config.folder)))

    def under(self, config: Config) -> Sandbox:
        """Go by another configuration, on the machine as it was found at the start."""
        return Sandbox(config, self.isolation, self.hidden)

    @property
    def groups(self) -> Groups | None:
        """The control groups to put commands into."""
        return self.isolation.groups

    def covers(self, *, trusted: bool, ej: bool) -> bool:
        """Tell whether a job's scripts are sandboxed.

        Raises:
            Refusal: it is untrusted, and this machine has no sandbox for it.
        """
        use = self.config.sandbox.use
        if use is Use.NEVER or (trusted and (use is Use.UNTRUSTED or ej)):
            return False
        if self.isolation.bwrap is None and not trusted:
            raise Refusal(f"infra:isolation untrusted code is not run without a sandbox: {self.isolation.problem}")
        return self.isolation.bwrap is not None

    def caged(self, wanted: Command, scene: Scene, room: Room, phase: Phase) -> Command:
        """Put a phase's command behind its walls.

        Raises:
            Refusal: it must be sandboxed and cannot be, or a device of its board is missing.
            OSError: the kernel makes no group for it.
        """
        limits = self.config.sandbox
        trusted, ej = scene.lease.trusted, scene.configuration.ej
        cage = Cage() if ej and trusted else Cage(file=limits.disk, processes=limits.processes)
        if self.covers(trusted=trusted, ej=ej):
            refused = b"" if self.isolation.unfiltered else seccomp.program(trusted=trusted)
            cage = replace(cage, sandbox=self._words(wanted, scene, room, phase), filter=refused)
            wanted = replace(wanted, env={"HOME": profile.HOME} | _own_home(wanted, scene), cwd=scene.tree)
        if self.groups is not None:
            wants = cgroup.Limits(processes=limits.processes, memory=limits.memory, cpus=limits.cpus)
            cage = replace(cage, group=self.groups.make(scene.lease.attempt_id, wants), processes=0)
        return replace(wanted, cage=cage)

    def _words(self, wanted: Command, scene: Scene, room: Room, phase: Phase) -> tuple[str, ...]:
        assert self.isolation.bwrap is not None
        devices = _devices(self.config, scene.lease) if phase is Phase.RUN else ()
        view = profile.View(
            tree=scene.tree,
            at=scene.seen,
            placed=_placed(scene, room),
            home=room.home,
            temporary=room.temporary,
            writable=[room.out, *_results_elsewhere(scene)],
            readable=list(dict.fromkeys(self._readable(wanted, scene, room))),
            devices=devices,
            network=scene.lease.trusted and self.config.sandbox.network,
            hidden=self.hidden,
        )
        own = [(room.temporary, Path("/tmp")), (room.home, Path(profile.HOME)), *view.placed]  # noqa: S108  # its own
        for outside, inside in own:
            mount_points.clear(profile.targets(view), inside, outside)
        return profile.words(self.isolation.bwrap, view, root=os.geteuid() == 0)

    def _readable(self, wanted: Command, scene: Scene, room: Room) -> Iterator[Path]:
        """List what a command needs: its tools, the lab's scripts that it names, the SDK, its socket."""
        yield from self.config.sandbox.readable
        folders = [Path(each) for each in wanted.env.get("PATH", "").split(os.pathsep) if each.startswith("/")]
        programs = [each / "program" for each in folders if os.path.isdir(each)]  # False also where we may not look
        for word in wanted.argv:
            place = Path(word)
            if not place.is_absolute() or not os.path.exists(place) or place.is_relative_to(scene.tree):
                continue
            if scene.seen is not None and place == self.config.path:
                continue  # EJ's scripts are told where it is; strangers' need not read it
            if place.is_relative_to(self.config.folder):
                yield self._beside(place)
            if word == wanted.argv[0]:
                yield from [place] if scene.seen is not None else []
                programs += [place, place.resolve()]
        for program in programs:
            if (found := profile.installation(program, self.hidden)) is not None:
                yield found
        yield from (SDK_FOLDER, room.socket)

    def _beside(self, place: Path) -> Path:
        """Name the folder of a lab's script, or the script alone where the folder holds what is ours."""
        folder = place if os.path.isdir(place) else place.parent
        return place if any(each.is_relative_to(folder) for each in self.hidden) else folder


def _devices(config: Config, lease: Lease) -> tuple[Path, ...]:
    """List the nodes that a run may open: its own board's but the console, which is the agent's, and all of others.

    Raises:
        Refusal: one is missing, or no device.
    """
    own, others = config.board(lease.board), [config.board(name) for name in lease.further]
    for each in own.devices:
        _check_device(each, own.name, "infra:board")
    for board in others:
        for each in board.nodes:
            _check_device(each, board.name, FURTHER)
    return (*own.devices, *(each for board in others for each in board.nodes))


def _check_device(path: Path, board: str, area: str) -> None:
    """Let a job have device nodes, and folders of them; no file of the machine's by mistake."""
    try:
        mode = path.stat().st_mode
    except OSError:
        raise Refusal(f"{area} the device {path} of {board} is not there: is it plugged in?") from None
    is_folder = stat.S_ISDIR(mode) and path.is_relative_to("/dev")
    if not (stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or is_folder):
        raise Refusal(f"config: {path} of {board} is no device")


def _results_elsewhere(scene: Scene) -> Iterator[Path]:
    """A results file that the lab placed outside of the tree: its folder may be written, by trusted code alone."""
    results = scene.configuration.results
    if results is None or not Path(results).is_absolute() or scene.seen is not None:
        return
    if not scene.lease.trusted:
        raise Refusal(f"config: untrusted code may not write to {results}: make `results` relative to the work tree")
    yield Path(results).parent


def _placed(scene: Scene, room: Room) -> list[tuple[Path, Path]]:
    """Show the job's own folder where EJ's form has the results file, unless that is in the tree.

    Raises:
        Refusal: the system's folders are there.
    """
    results, tree = scene.configuration.results, scene.seen
    if results is None or tree is None or Path(results).is_relative_to(tree):
        return []
    folder = Path(results).parent
    if any(Path(each).is_relative_to(folder) for each in (*profile.SYSTEM, "/dev", "/proc", "/sys", "/etc")):
        raise Refusal(f"config: untrusted code may not write to {folder}: give results_path a folder of its own")
    return [(room.out, folder)]


def _own_home(wanted: Command, scene: Scene) -> dict[str, str]:
    """Keep the environment, but a home that the configuration did not choose."""
    chosen = "HOME" in scene.configuration.environment
    return {name: value for name, value in wanted.env.items() if name != "HOME" or chosen}


def told(sandbox: Sandbox, boards: Sequence[Board], *, trusted: bool) -> str:
    """Say in the log what surrounds the scripts, so that a missing tool or device explains itself."""
    network = "a network" if trusted and sandbox.config.sandbox.network else "no network"
    nodes = [*boards[0].devices, *(each for board in boards[1:] for each in board.nodes)]
    devices = f"; run: {shlex.join(map(str, nodes))}" if nodes else ""
    return f"sandboxed with {network}{devices}" + ("" if trusted else "; untrusted: no secrets, nothing kept")
