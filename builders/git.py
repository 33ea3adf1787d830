"""Run git so that nothing in a repository, a URL or a home folder can make it do more than asked.

Secrets go through the environment only: never an argument, a URL or a configuration file.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from builders import process
from builders.protocol import Source

MAX_OUTPUT = 256 << 10  # bytes kept of what git says
SLOWEST = 1000  # bytes in a second; a transfer that is slower
SLOW_S = 60  # for so many seconds has failed
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
REF = re.compile(r"refs/[A-Za-z0-9._/+@=-]+")
SCHEMES = ("https", "http", "ssh", "file")
FSCK_TOLERATED = (  # old commits of honest projects have these; refusing them would refuse Linux and CPython
    "zeroPaddedFilemode",
    "badTimezone",
    "badTimezoneOverflow",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingNameBeforeEmail",
)


class GitError(Exception):
    """Git said no. The text is what git said, without secrets."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a git command printed and returned."""

    code: int
    text: str


def scheme_of(url: str) -> str:
    """Say by which transport git would fetch the URL.

    Raises:
        GitError: it is none that a builder uses, such as `ext::`, or the URL looks like an option.
    """
    if url.startswith("/"):
        return "file"
    scheme = urlsplit(url).scheme if "://" in url else ""
    if not scheme and re.fullmatch(r"[A-Za-z0-9._-]+@[A-Za-z0-9.][A-Za-z0-9.-]*:[^:]\S*", url):
        return "ssh"
    host = (urlsplit(url).hostname or "") if scheme else ""
    if scheme not in SCHEMES or host.startswith("-") or not url.isprintable() or "::" in url.partition("/")[0]:
        raise GitError(128, f"a remote must be an https, ssh or allowed http or file address, not {url[:200]!r}")
    return scheme


def environment(source: Source | None = None, tree: Path | None = None) -> dict[str, str]:
    """Make the whole environment of a git command, with the source's token if there is one."""
    scheme = scheme_of(source.url) if source is not None else "file"
    settings = [
        ("core.hooksPath", os.devnull),
        ("core.fsmonitor", "false"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("submodule.recurse", "false"),
        ("fetch.recurseSubmodules", "false"),
        ("transfer.fsckObjects", "true"),
        ("protocol.version", "2"),
        ("advice.detachedHead", "false"),
        # A server that hangs or trickles is given up, to be asked again.
        ("http.lowSpeedLimit", str(SLOWEST)),
        ("http.lowSpeedTime", str(SLOW_S)),
        ("credential.helper", ""),
        # A header of ours would follow a redirect to another host.
        ("http.followRedirects", "false" if source is not None and source.token else "initial"),
        *((f"fetch.fsck.{name}", "ignore") for name in FSCK_TOLERATED),
    ]
    if tree is not None:
        settings.append(("safe.directory", str(tree)))
    if source is not None and source.token and scheme in ("https", "http"):
        settings.append((f"http.{_origin(source.url)}.extraHeader", _header(source)))
    return _fixed(scheme) | _as_variables(settings)


def _fixed(scheme: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK") if name in os.environ}
    return kept | {
        "GIT_ALLOW_PROTOCOL": scheme,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "LC_ALL": "C",  # errors are told apart by their text
    }


def _as_variables(settings: list[tuple[str, str]]) -> dict[str, str]:
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _origin(url: str) -> str:
    """Give the part of a URL that a token is for: it is sent to no other host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"


def _header(source: Source) -> str:
    pair = base64.b64encode(f"{source.username}:{source.token}".encode()).decode()
    return f"Authorization: Basic {pair}"


async def run(*words: str, at: Path, env: dict[str, str]) -> Answer:
    """Run git in a folder and wait; its output is bounded. Cancelling kills it with all its helpers.

    Raises:
        OSError: git is not installed, or the folder is missing.
    """
    child = await process.start_own(("git", "-C", str(at), *words), cwd=None, env=env)
    try:
        assert child.stdout is not None
        text = b""
        while data := await child.stdout.read(65536):
            text = (text + data)[-MAX_OUTPUT:]
        return Answer(code=await child.wait(), text=text.decode(errors="replace"))
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        process.own.discard(child.pid)


async def demand(*words: str, at: Path, env: dict[str, str]) -> str:
    """Run git and return what it printed.

    Raises:
        GitError: it failed.
    """
    answer = await run(*words, at=at, env=env)
    if answer.code != 0:
        raise GitError(answer.code, answer.text.strip()[-2000:])
    return answer.text
