"""A process that has all modules loaded and forks one process per job, within milliseconds instead of half a second.

A job's process belongs to nobody: when the agent dies it goes on, and the next agent finds it by its folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import random
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any

from builders.file_lock import FileLock

SIZE = struct.Struct("!I")
ENDED = 70  # exit status of a job's process that fell over (sysexits(3): an internal fault)


class ZygoteError(Exception):
    """No process can be started: the zygote is gone."""


class Zygote:
    """The agent's end. Start it before the agent opens files or starts its event loop: a fork copies both."""

    def __init__(self, place: socket.socket, pid: int) -> None:
        self._socket, self.pid = place, pid
        self._turn = asyncio.Lock()

    @classmethod
    def start(cls, work: Callable[[Any], None]) -> Zygote:
        """Fork the zygote.

        Args:
            work: what a job's process does with its order, a value that pickles.
        """
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            _serve(theirs, work)
        theirs.close()
        ours.setblocking(False)
        return cls(ours, pid)

    async def spawn(self, order: Any, lock: FileLock) -> int:
        """Start a process for an order; return its id. It holds the lock from now on, for as long as it lives.

        Raises:
            ZygoteError: the zygote was killed.
        """
        data, loop = pickle.dumps(order), asyncio.get_running_loop()
        async with self._turn:
            try:
                socket.send_fds(self._socket, [SIZE.pack(len(data))], [lock.fileno()])
                await loop.sock_sendall(self._socket, data)
                answer = await loop.sock_recv(self._socket, SIZE.size)
            except OSError as problem:
                raise ZygoteError(str(problem)) from problem
        if len(answer) < SIZE.size:
            raise ZygoteError("it ended")
        pid: int = SIZE.unpack(answer)[0]
        return pid

    def close(self) -> None:
        """Let the zygote end; the jobs' processes stay."""
        self._socket.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _serve(place: socket.socket, work: Callable[[Any], None]) -> None:
    """Fork for every order until the agent is gone. Never returns."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C is for the agent, which tells its jobs
    signal.signal(signal.SIGCHLD, _bury)
    try:
        while True:
            head, locks, _, _ = socket.recv_fds(place, SIZE.size, 1)
            if not head:
                return
            data = _receive(place, SIZE.unpack(head)[0])
            pid = os.fork()
            if pid == 0:
                _become(place, work, data, locks)
            for each in locks:
                os.close(each)
            place.sendall(SIZE.pack(pid))
    finally:
        os._exit(0)


def _bury(*_: object) -> None:
    """Take note of what ended, so that the kernel counts its CPU as ours."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(place: socket.socket, work: Callable[[Any], None], data: bytes, locks: list[int]) -> None:
    """Turn this forked process into a job's. Never returns."""
    status = ENDED
    try:
        place.close()
        for each in locks:
            os.set_inheritable(each, False)  # scripts that stay must not hold what stands for this process
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        random.seed()  # else all would wait for the same random times
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        work(pickle.loads(data))  # noqa: S301  # from our own agent, over a socket that nobody else has
        status = 0
    finally:
        os._exit(status)


def _receive(place: socket.socket, count: int) -> bytes:
    """Read exactly so much, or what there was before the end."""
    parts = b""
    while len(parts) < count and (data := place.recv(count - len(parts))):
        parts += data
    return parts
