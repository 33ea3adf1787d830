"""Real processes of the service, started and watched from outside, as a person with a shell would."""

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import httpx2

ROOT = Path(__file__).parents[2]
SITE_PACKAGES = Path(asyncpg.__file__).parents[1]
LIMIT = 60  # seconds for anything that has to happen


def pythons_for(user, wanted="app.cli.serve"):
    """List an interpreter of our version that a user can reach with our packages; this one may be in a closed home."""
    environment = {"PYTHONPATH": f"{ROOT}:{SITE_PACKAGES}", "PATH": os.defpath}
    asked = f"import {wanted}, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for candidate in (sys.executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            found = subprocess.run(
                [candidate, "-c", asked],
                cwd="/",
                env=environment,
                user=user,
                extra_groups=[],
                capture_output=True,
                check=False,
            )
            if found.returncode == 0:
                return [candidate]
    return []


def free_port():
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


def wait_for(what, limit=LIMIT):
    """Ask until the answer is true; return it."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {limit} s")


class Rigline:
    """One `rigline` process."""

    def __init__(self, data_dir, *arguments, user=None, python=sys.executable, **environment):
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [python, "-m", "app.cli", *arguments],
            cwd=data_dir.parent,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(data_dir.parent),
                "PYTHONPATH": f"{ROOT}:{SITE_PACKAGES}",
                "RIGLINE_DATA_DIR": str(data_dir),
                "RIGLINE_BIND": "127.0.0.1",
                "PORT": str(self.port),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def answers(self, path="/healthz"):
        with contextlib.suppress(httpx2.HTTPError):
            return httpx2.get(self.url + path, timeout=5).status_code == 200
        return False

    def until_ready(self):
        wait_for(lambda: self.answers("/readyz") or self.process.poll() is not None)
        assert self.process.poll() is None, self.ended()
        return self

    def tell(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self

    def ended(self, limit=LIMIT):
        """Wait for its end; return its exit status and all its words."""
        out, err = self.process.communicate(timeout=limit)
        return self.process.returncode, out + err

    def children(self):
        """Map the names of its living child processes to their ids."""
        found = {}
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError, IndexError):
                if entry.name.isdigit() and self._is_child(entry):
                    name = (
                        "worker"
                        if "\0worker" in (entry / "cmdline").read_text()
                        else Path(entry / "exe").readlink().name
                    )
                    found[name] = int(entry.name)
        return found

    def _is_child(self, entry):
        state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        return state != "Z" and int(parent) == self.process.pid


def working_below(folder):
    """List the processes whose working directory or arguments name a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if str(folder) in os.readlink(entry / "cwd") + (entry / "cmdline").read_text():
                    found.append(entry.name)
    return found
