"""Install, upgrade or remove the agent on this machine. Runs before anything is installed: standard library alone.

Usage: python3 setup_host.py facts | install | undo | remove

The folder of this file's archive holds `request.json` (see `Request`) and, where there are any, `token` and
`builder.toml`. Prints one JSON object; what went wrong goes to standard error, with exit status 1.
"""

from __future__ import annotations

import grp
import json
import os
import platform
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]  # the unpacked archive: packages/builders/setup_host.py is in it
ACCOUNT = "rigline-builder"
DEVICE_GROUPS = ("dialout", "plugdev", "gpio", "video", "i2c", "spi")
KEPT_VERSIONS = 2  # this one, and the one to go back to


class SetupError(Exception):
    """A step failed; the text says which and why."""


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    name: str
    server: str
    version: str
    system: bool  # for the whole machine, with an account of its own; else for the user who asks

    @property
    def root(self) -> Path:
        """Folder of the versions."""
        return (Path("/opt") if self.system else _home("XDG_DATA_HOME", ".local/share")) / ACCOUNT / self.name

    @property
    def settings(self) -> Path:
        """Folder of the configuration and the token."""
        return (Path("/etc") if self.system else _home("XDG_CONFIG_HOME", ".config")) / ACCOUNT / self.name

    @property
    def unit(self) -> Path:
        """File of the systemd unit."""
        folder = Path("/etc/systemd/system") if self.system else _home("XDG_CONFIG_HOME", ".config") / "systemd/user"
        return folder / f"{ACCOUNT}-{self.name}.service"

    @property
    def current(self) -> Path:
        """Link to the version that runs."""
        return self.root / "current"

    @property
    def program(self) -> Path:
        """The agent's command."""
        return self.current / "bin" / "rigline-builder"


def facts(request: Request) -> dict[str, object]:
    """Say what this machine is and has, and which version of the agent; changes nothing."""
    free = shutil.disk_usage("/opt" if request.system and Path("/opt").exists() else Path.home())
    return {
        "system": platform.system(),
        "free_mb": free.free // 2**20,
        "before": os.readlink(request.current) if request.current.is_symlink() else None,
    }


def install(request: Request) -> dict[str, object]:
    """Bring this version into place and start it; what was there before stays until it runs."""
    account = _account() if request.system else None
    _unpack(request)
    _configure(request, account)
    _point(request, f"versions/{request.version}")
    _check_configuration(request)
    _write_unit(request, account)
    started = _start(request)
    return {"started": started, "program": str(request.program), "settings": str(request.settings)}


def undo(request: Request, before: str | None) -> dict[str, object]:
    """Go back to the version before and its configuration; without one, remove everything."""
    if before is None or not (request.root / before).is_dir():
        return remove(request)
    _point(request, before)
    if (HERE / "builder.toml").exists() and (kept := request.settings / "builder.toml.before").exists():
        kept.replace(request.settings / "builder.toml")
    return {"started": _start(request), "left": []}


def remove(request: Request) -> dict[str, object]:
    """Stop the agent and remove all that `install` made but the account, which may own other builders' files."""
    managed = _has_systemd(request.system)
    if managed and request.unit.exists():
        _systemctl(request, "disable", "--now", request.unit.name, may_fail=True)
    request.unit.unlink(missing_ok=True)
    for folder in (request.root, request.settings):
        shutil.rmtree(folder, ignore_errors=True)
    if managed:
        _systemctl(request, "daemon-reload", may_fail=True)
    return {"started": False, "left": [str(each) for each in (request.root, request.settings) if each.exists()]}


def _unpack(request: Request) -> None:
    """Make an environment of this machine's Python with the sent packages in it; whole or not at all."""
    place = request.root / "versions" / request.version
    if (place / "complete").exists():
        return
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    _run([sys.executable, "-m", "venv", "--without-pip", str(place)])
    packages = next((place / "lib").glob("python3*")) / "site-packages"
    shutil.copytree(HERE / "packages", packages, dirs_exist_ok=True)
    program = place / "bin" / "rigline-builder"
    program.write_text(f"#!{request.current}/bin/python\nfrom builders.cli import main\n\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    (place / "complete").touch()


def _configure(request: Request, account: pwd.struct_passwd | None) -> None:
    """Write the token and, where one was sent, the configuration; an existing configuration is kept as a copy."""
    request.settings.mkdir(parents=True, exist_ok=True, mode=0o755)
    if account is not None:
        os.chown(request.settings, account.pw_uid, account.pw_gid)  # the agent renews its token there
    if (HERE / "token").exists():
        _place(HERE / "token", request.settings / "token", 0o600, account)
    sent, config = HERE / "builder.toml", request.settings / "builder.toml"
    if sent.exists():
        if config.exists() and config.read_bytes() != sent.read_bytes():
            shutil.copy2(config, config.with_suffix(".toml.before"))
        _place(sent, config, 0o640, account)
    if not (request.settings / "token").exists():
        raise SetupError(f"there is no token in {request.settings}: give the builder a new one with --new-token")


def _place(source: Path, target: Path, mode: int, account: pwd.struct_passwd | None) -> None:
    """Copy a file so that nobody sees it half written, nor with wider rights for a moment."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(source.read_bytes())
    if account is not None:
        os.chown(part, account.pw_uid, account.pw_gid)
    part.replace(target)


def _point(request: Request, version: str) -> None:
    """Let `current` name a version, in one step; older ones but the last are removed."""
    part = request.root / "current.part"
    part.unlink(missing_ok=True)
    part.symlink_to(version)
    part.replace(request.current)
    versions = sorted((request.root / "versions").iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in [each for each in versions if each != (request.root / version)][KEPT_VERSIONS - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


def _check_configuration(request: Request) -> None:
    config = request.settings / "builder.toml"
    if not config.exists():
        raise SetupError(f"there is no {config}: give one with --config FILE")
    _run([str(request.program), "--config", str(config), "parse"])


def _write_unit(request: Request, account: pwd.struct_passwd | None) -> None:
    sys.path.insert(0, str(HERE / "packages"))
    from builders.unit import unit

    text = unit(
        name=request.name,
        program=request.program,
        config=request.settings / "builder.toml",
        token=request.settings / "token",
        server=request.server,
        user=account.pw_name if account else None,
    )
    request.unit.parent.mkdir(parents=True, exist_ok=True)
    request.unit.write_text(text, encoding="utf-8")


def _start(request: Request) -> bool:
    """Start or restart the agent by systemd; False where there is none."""
    if not _has_systemd(request.system):
        return False
    if not request.system:
        _run(["loginctl", "enable-linger"])  # else the agent ends when its user logs out
    _systemctl(request, "daemon-reload")
    _systemctl(request, "enable", request.unit.name)
    _systemctl(request, "restart", request.unit.name)
    return True


def _has_systemd(system: bool) -> bool:
    """Ask whether there is a systemd that answers us: in a container there is often only its command."""
    words = ["systemctl", *([] if system else ["--user"]), "show-environment"]
    return (
        shutil.which("systemctl") is not None
        and subprocess.run(words, capture_output=True, check=False).returncode == 0  # noqa: S603  # ours
    )


def _systemctl(request: Request, *words: str, may_fail: bool = False) -> None:
    try:
        _run(["systemctl", *([] if request.system else ["--user"]), *words])
    except SetupError:
        if not may_fail:
            raise


def _account() -> pwd.struct_passwd:
    """Find or make the account that the agent runs as: no password, no shell, the groups of board devices."""
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        home = f"/var/lib/{ACCOUNT}"
        _run(
            [
                "useradd",
                "--system",
                "--user-group",
                "--home-dir",
                home,
                "--create-home",
                "--shell",
                "/bin/false",
                ACCOUNT,
            ]
        )
    here = {each.gr_name for each in grp.getgrall()}
    for group in (each for each in DEVICE_GROUPS if each in here):
        _run(["usermod", "--append", "--groups", group, ACCOUNT])
    return pwd.getpwnam(ACCOUNT)


def _home(variable: str, below: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / below)


def _run(words: list[str]) -> None:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False)  # noqa: S603  # ours
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise SetupError(f"{words[0]}: {problem}") from None
    if done.returncode:
        raise SetupError(f"{' '.join(words)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")


STEPS = {"facts": facts, "install": install, "remove": remove}


def main(words: list[str]) -> int:
    """Do one step and print what came of it."""
    try:
        given = json.loads((HERE / "request.json").read_text(encoding="utf-8"))
        before = given.pop("before", None)
        request = Request(**given)
        told = undo(request, before) if words[0] == "undo" else STEPS[words[0]](request)
    except (SetupError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
