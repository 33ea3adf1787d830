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

USER, PASSWORD = "lab", "open sesame"
NEEDED = ("sh", "mktemp", "tar", "rm", "gzip", "cat", "env", "id", "kill", "git")

# Starts what a unit says, as `systemctl --user` would; journalctl and loginctl do their part of it.
SYSTEMCTL = """#!{python}
import os, re, signal, subprocess, sys
home = os.environ["HOME"]
words = [word for word in sys.argv[1:] if not word.startswith("--")]
folder = home + "/.config/systemd/user/"
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
        folders = (".local", ".config", "tmp")
        return {
            str(each.relative_to(self.home))
            for folder in folders
            for each in (self.home / folder).rglob("*")
            if each.is_file() and "state" not in each.parts
        }

    def words(self) -> tuple[str, ...]:
        """Name it to a command."""
        return (f"{USER}@127.0.0.1", "--port", str(self.port), "--known-hosts", str(self.known_hosts), "--user", "-y")


class _Gate(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


@asynccontextmanager
async def lab_machine(folder: Path) -> AsyncIterator[LabMachine]:
    """Start it; its agent ends with it."""
    home = folder / "home"
    for each in (home / "bin", home / "tmp"):
        each.mkdir(parents=True)
    for name in NEEDED:
        (home / "bin" / name).symlink_to(str(shutil.which(name)))
    key = asyncssh.generate_private_key("ssh-ed25519")
    env = {"HOME": str(home), "PATH": str(home / "bin"), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8"}

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        shell = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", process.command or "", env=env, stdin=-1, stdout=-1, stderr=-1, cwd=home
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
    machine = LabMachine(home, port, key.get_fingerprint(), known)
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    (machine.programs / "python3").symlink_to(base)
    for name, text in (("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL), ("loginctl", "#!/bin/sh\n")):
        machine.program(name, text)
    try:
        yield machine
    finally:
        server.close()
        await server.wait_closed()
        stop(home)


def stop(home: Path) -> None:
    """End the agent that the machine's systemd would have ended."""
    if (home / "agent.pid").exists():
        words: list[Any] = [home / "bin" / "systemctl", "disable", "x"]
        os.spawnve(os.P_WAIT, words[0], [str(each) for each in words], {"HOME": str(home)})
