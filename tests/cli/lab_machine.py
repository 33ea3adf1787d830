"""A lab machine to install on: a real SSH server, real commands below a home of its own, a stand-in for systemd."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from builders import isolation

USER, PASSWORD = "lab", "open sesame"
NEEDED = ("sh", "mktemp", "tar", "rm", "gzip", "cat", "env", "id", "kill", "git")
ETC = ("ld.so.cache", "nsswitch.conf", "localtime")  # what commands need of the real one
OURS = ("etc", "opt", "proc", "dev")  # folders of the root that a machine with a root of its own does not share

# Starts what a unit says, as systemd would, the machine's or a user's; journalctl and loginctl do their part of it.
SYSTEMCTL = """#!{python}
import os, re, signal, subprocess, sys
home = os.environ["HOME"]
words = [word for word in sys.argv[1:] if not word.startswith("--")]
folder = home + "/.config/systemd/user/" if "--user" in sys.argv else "/etc/systemd/system/"
def stop():
    try:
        os.killpg(int(open(home + "/agent.pid").read()), signal.SIGTERM)
    except (OSError, ValueError):
        pass
if words[0] in ("restart", "disable"):
    stop()
if words[0] == "restart":
    text = open(folder + words[1]).read()
    env = dict(each.split("=", 1) for each in re.findall(r'^Environment="(.*)"$', text, re.M))
    command = re.findall(r'"([^"]*)"', re.search(r"^ExecStart=(.*)$", text, re.M)[1])
    log = open(home + "/journal", "a")
    child = subprocess.Popen(command, env={{**os.environ, **env}}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True)
    open(home + "/agent.pid", "w").write(str(child.pid))
"""
JOURNALCTL = "#!/bin/sh\ncat $HOME/journal\n"
# Makes an account that is root under another name: a machine in a user namespace has no other number.
USERADD = """#!/bin/sh
for name; do :; done
echo "$@" >> $HOME/accounts
echo "$name:x:0:0::/var/lib/$name:/bin/false" >> /etc/passwd
"""
SUDO = """#!{python}
import sys
sys.exit("sudo: a wrong password")
"""


@dataclass
class LabMachine:
    """A machine that can be reached by SSH."""

    home: Path
    port: int
    host_key: str
    known_hosts: Path
    root: Path | None = None  # folder of its /etc and /opt, if it lets root in

    @property
    def programs(self) -> Path:
        """Folder of all programs it has."""
        return self.home / "bin"

    def program(self, name: str, text: str) -> None:
        """Give it a program."""
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(text.format(python=sys.executable) if "{python}" in text else text)
        path.chmod(0o755)

    def left(self) -> set[str]:
        """List the files of Rigline that are on it."""
        places = [self.home / each for each in (".local", ".config", "tmp")]
        places += [] if self.root is None else [self.root / "opt", *self.root.glob("etc/*/")]
        top = self.home if self.root is None else self.root
        return {
            os.path.relpath(each, top)
            for place in places
            for each in place.rglob("*")
            if each.is_file() and "state" not in each.parts
        }

    def words(self) -> tuple[str, ...]:
        """Name it to a command."""
        words = ("--port", str(self.port), "--known-hosts", str(self.known_hosts), "-y")
        return ("root@127.0.0.1", *words) if self.root is not None else (f"{USER}@127.0.0.1", *words, "--user")


class _Gate(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username in (USER, "root") and password == PASSWORD


@asynccontextmanager
async def lab_machine(folder: Path, *, lets_root_in: bool = False) -> AsyncIterator[LabMachine]:
    """Start it; its agent ends with it.

    Args:
        lets_root_in: commands are root's, in a namespace with an /etc and /opt of the machine's own.
    """
    home = folder / "home"
    for each in (home / "bin", home / "tmp"):
        each.mkdir(parents=True)
    for name in NEEDED:
        (home / "bin" / name).symlink_to(str(shutil.which(name)))
    key = asyncssh.generate_private_key("ssh-ed25519")
    env = {"HOME": str(home), "PATH": str(home / "bin"), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8"}

    inside = _rooted(folder / "root") if lets_root_in else []

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        shell = await asyncio.create_subprocess_exec(
            *inside, "/bin/sh", "-c", process.command or "", env=env, stdin=-1, stdout=-1, stderr=-1, cwd=home
        )
        out, err = await shell.communicate(await process.stdin.read())
        process.stdout.write(out)
        process.stderr.write(err)
        process.exit(shell.returncode or 0)

    server = await asyncssh.create_server(
        _Gate, "127.0.0.1", 0, server_host_keys=[key], process_factory=run, sftp_factory=True, encoding=None
    )
    port = server.get_port()
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
    machine = LabMachine(home, port, key.get_fingerprint(), known, folder / "root" if lets_root_in else None)
    _give_programs(machine)
    try:
        yield machine
    finally:
        server.close()
        await server.wait_closed()
        stop(home)


def _give_programs(machine: LabMachine) -> None:
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    (machine.programs / "python3").symlink_to(base)
    for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL), ("loginctl", "#!/bin/sh\n"),
                       ("useradd", USERADD), ("usermod", "#!/bin/sh\n")):  # fmt: skip
        machine.program(name, text)


def _rooted(root: Path) -> list[str]:
    """Give the words before a command that make it root's, on this machine but for /etc and /opt."""
    _furnish(root)
    words = [str(next(iter(isolation.candidates()))), "--unshare-user", "--uid", "0", "--gid", "0"]
    for each in sorted(Path("/").iterdir()):
        if each.is_symlink():
            words += ["--symlink", str(each.readlink()), str(each)]
        elif each.name not in OURS and each.is_dir():
            words += ["--dev-bind", str(each), str(each)]
    words += ["--dev-bind", "/dev", "/dev", "--bind", "/proc", "/proc"]
    words += ["--bind", str(root / "etc"), "/etc", "--bind", str(root / "opt"), "/opt"]
    if Path(sys.base_prefix).is_relative_to("/opt"):
        words += ["--ro-bind", sys.base_prefix, sys.base_prefix]
    return [*words, "--"]


def _furnish(root: Path) -> None:
    for name in ("etc/systemd/system", "opt"):
        (root / name).mkdir(parents=True)
    for name in ETC:
        if (real := Path("/etc") / name).exists():
            shutil.copy(real, root / "etc" / name)
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\ndialout:x:20:\n")


def stop(home: Path) -> None:
    """End the agent that the machine's systemd would have ended."""
    if (home / "agent.pid").exists():
        words: list[Any] = [home / "bin" / "systemctl", "disable", "x"]
        os.spawnve(os.P_WAIT, words[0], [str(each) for each in words], {"HOME": str(home)})
