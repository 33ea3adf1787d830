"""The process that keeps a started instance going where no systemd does: starts it again, and writes its log.

Usage: python -P -m app.instance.keeper PREFIX

It holds `tmp/keeper.lock` as long as it lives, so that nobody has to believe a number in a file; it says in
`tmp/state.json` how far the service is, as the service tells it (sd_notify(3)), and writes what the service writes to
`logs/rigline.log`.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app import environment
from app.instance.place import Place, written
from app.instance.rotating import BYTES, FILES, RotatingLog, amount

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
LOOK_S = 0.25  # between two looks at the service when nothing is heard
LONGEST_PAUSE_S = 30.0  # before another start of what keeps dying
WELL_AFTER_S = 60.0  # a service that worked for so long may die for the first time again
SILENT_S = 90.0  # a service that was ready and silent for so long hangs
STOP_S = 60.0  # for the end of the service, which bounds its own parts
LAST_WORDS = 2048  # bytes of a service that could not start, for whoever started it
STEPS = 12  # words of the service that are shown to whoever starts it
LOCK, STATE, NOTIFY, LOG = "keeper.lock", "state.json", "notify.sock", "rigline.log"


class Keeper:
    """One service, over all its starts."""

    def __init__(self, place: Place) -> None:
        self._place = place
        settings = environment.read(place.settings)
        size = amount(settings.get("RIGLINE_LOG_BYTES"), BYTES)
        files = amount(settings.get("RIGLINE_LOG_FILES"), FILES)
        self._log = RotatingLog(place.logs / LOG, limit=max(size, 4096), files=files)
        self._heard = selectors.DefaultSelector()
        self._told = _bound(place.temporary(NOTIFY))
        self._heard.register(self._told, selectors.EVENT_READ, self._hear)
        self._woken = _signals(self._signalled)
        self._heard.register(self._woken, selectors.EVENT_READ, lambda: self._woken.recv(64))
        self._service: subprocess.Popen[bytes] | None = None
        self._steps: deque[str] = deque(maxlen=STEPS)
        self._state, self._restarts, self._since = "starting", 0, time.time()
        self._was_ready = self._to_stop = False
        self._heard_at = 0.0
        self._words = b""

    def run(self) -> int:
        """Keep the service going until a signal; return its exit status."""
        pause = 0.0
        while True:
            begun = time.monotonic()
            status = self._one_life()
            if self._to_stop or status == 0:
                self._set("stopped", exit=status)
                return status
            if not self._was_ready:  # it cannot start, and trying again would not help
                self._set("failed", exit=status, words=self._words.decode(errors="replace"))
                return status
            pause = 1.0 if time.monotonic() - begun > WELL_AFTER_S else min(2 * pause or 1.0, LONGEST_PAUSE_S)
            self._note(f"the service ended with status {status}; starting it again in {pause:g} s")
            self._restarts += 1
            self._set("starting")
            self._wait(pause)
            if self._is_told_to_stop():
                return status

    def _is_told_to_stop(self) -> bool:
        """Say whether a signal came meanwhile."""
        return self._to_stop

    def _one_life(self) -> int:
        """Start the service and see it through to its end."""
        self._steps.clear()
        self._words = b""
        self._since, self._heard_at = time.time(), time.monotonic()
        self._service = self._launch()
        out = self._service.stdout
        assert out is not None
        os.set_blocking(out.fileno(), False)
        self._heard.register(out, selectors.EVENT_READ, lambda: self._copy(out))
        self._set("starting")
        deadline = 0.0
        while self._service.poll() is None:
            self._wait(LOOK_S)
            deadline = self._pressed(deadline)
        while self._copy(out):
            pass
        self._heard.unregister(out)
        out.close()
        return self._service.returncode

    def _pressed(self, deadline: float) -> float:
        """Force the end of what does not end, or hangs; return by when it has to have ended, 0.0 if it may go on."""
        assert self._service is not None
        now = time.monotonic()
        if self._to_stop and not deadline:
            return now + STOP_S
        hangs = self._state == "running" and now - self._heard_at > SILENT_S
        if hangs or (deadline and now > deadline):
            self._note("the service does not answer; ending it by force" if hangs else "the service does not end")
            self._service.kill()
        return deadline

    def _launch(self) -> subprocess.Popen[bytes]:
        parent = os.getpid()

        def prepare() -> None:
            if sys.platform == "linux":  # however we end, the service hears of it
                LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
                if os.getppid() != parent:
                    os._exit(1)

        ours = environment.for_instance(self._place.prefix)
        told = {"NOTIFY_SOCKET": str(self._place.temporary(NOTIFY)), "WATCHDOG_USEC": str(int(SILENT_S * 1e6))}
        return subprocess.Popen(  # our own argument list
            [sys.executable, "-P", "-m", "app.cli", "serve"],
            cwd=self._place.prefix,
            env={**ours, **told, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509  # there is one thread
        )

    def _wait(self, seconds: float) -> None:
        """Handle what is heard within some time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for key, _ in self._heard.select(left):
                key.data()
            if self._to_stop or (self._service is not None and self._service.poll() is not None):
                return

    def _copy(self, out: IO[bytes]) -> bool:
        """Write what the service said to the log; False at its end."""
        try:
            text = os.read(out.fileno(), 65536)
        except BlockingIOError:
            return False
        self._log.write(text)
        self._words = (self._words + text)[-LAST_WORDS:]
        return bool(text)

    def _hear(self) -> None:
        """Read what the service says about itself."""
        self._heard_at = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            for line in self._told.recv(4096).decode(errors="replace").splitlines():
                name, _, value = line.partition("=")
                if name == "STATUS":
                    self._steps.append(value)
                self._was_ready |= name == "READY"
                states = {"READY": "running", "STOPPING": "stopping"}
                self._set(states.get(name, self._state)) if name != "WATCHDOG" else None

    def _signalled(self, number: int) -> None:
        if number == signal.SIGHUP:
            if self._service is not None and self._service.poll() is None:
                self._service.send_signal(number)
            return
        self._to_stop = True
        if self._service is not None and self._service.poll() is None:
            self._service.terminate()

    def _note(self, text: str) -> None:
        self._log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} [keeper] {text}\n".encode())

    def _set(self, state: str, **more: object) -> None:
        self._state = state
        told = {
            "state": state,
            "keeper": os.getpid(),
            "service": self._service.pid if self._service else None,
            "since": self._since,
            "restarts": self._restarts,
            "steps": list(self._steps),
            **more,
        }
        with contextlib.suppress(OSError):  # a full disk is not the end of the service
            written(self._place.temporary(STATE), json.dumps(told), mode=0o644)


def main(prefix: str) -> int:
    """Keep the instance of a folder going."""
    place = Place(Path(prefix))
    os.umask(0o077)
    with held(place) as is_ours:
        return Keeper(place).run() if is_ours else 1


@contextmanager
def held(place: Place) -> Iterator[bool]:
    """Hold the keeper's lock; False: another one has it. The kernel frees it however we end."""
    with place.temporary(LOCK).open("a+") as lock:
        for _ in range(20):  # whoever looks who holds it, holds it for a moment
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                lock.truncate(0)
                lock.write(f"{os.getpid()}\n")
                lock.flush()
                yield True
                return
            time.sleep(0.05)
        yield False


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(str(path))
    made.setblocking(False)
    return made


def _signals(heard: object) -> socket.socket:
    """Handle the signals between two steps; a byte in the returned socket ends a wait for them."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    assert callable(heard)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: heard(number))
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    return ours


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
