"""Installed instances, driven by their commands as their owner would."""

import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2

from tests.ground.processes import ROOT, working_below

RIGLINE = (sys.executable, "-P", "-m", "app.cli")
OF_TESTS = Path(sys.prefix)  # the environment that the tests run in; it has Rigline
LIMIT = 300  # seconds for one command


class Instance:
    """One prefix."""

    def __init__(self, prefix):
        self.prefix = prefix
        ours = {"VIRTUAL_ENV", "PYTHONPATH"}  # what says where packages come from is the machine's own, and stays
        self.environ = {name: value for name, value in os.environ.items() if name not in ours} | {"NO_COLOR": "1"}

    def rigline(self, *words, program=None, given="", **environ):
        """Run a command of this instance, or another program's, with --prefix."""
        argv = [str(self.prefix / "bin/rigline")] if program is None else [str(word) for word in program]
        return subprocess.run(
            [*argv, *map(str, words)],
            cwd=self.prefix.parent,
            env=self.environ | environ,
            input=given,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def install(self, *words, venv=OF_TESTS):
        """Install, by default over the environment of the tests: making one takes half a minute."""
        chosen = ("--venv", venv) if venv else ()
        return self.rigline("install", "--prefix", self.prefix, *chosen, *words, program=RIGLINE)

    def must(self, *words, **how):
        """Run a command that has to work; return what it wrote."""
        done = self.rigline(*words, **how)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
        return done.stdout

    def status(self):
        """Read the status as a program would."""
        said = self.rigline("status", "--json")
        return json.loads(said.stdout) | {"exit": said.returncode}

    def log(self):
        """Read the service's log."""
        file = self.prefix / "logs/rigline.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def trust(self):
        """Trust the instance's own certificate alone, if it has one."""
        cert = self.prefix / "etc/ssl/cert.pem"
        return ssl.create_default_context(cafile=cert) if cert.exists() else True

    def get(self, path, at=0, **how):
        """Ask the service."""
        how.setdefault("verify", self.trust())
        return httpx2.get(self.status()["urls"][at] + path, timeout=30, trust_env=False, **how)

    def files(self):
        """List what is in the folder, without what the servers keep."""
        return sorted(str(each.relative_to(self.prefix)) for each in self.prefix.glob("*/*"))


@contextmanager
def folder():
    """Give an empty folder with a short path; whatever still works below it at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="rigline-") as found:
        Path(found).chmod(0o755)
        try:
            yield Path(found)
        finally:
            for pid in working_below(found):
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


__all__ = ["OF_TESTS", "RIGLINE", "ROOT", "Instance", "folder"]
