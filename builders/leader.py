"""Start one command, adopt whatever it leaves behind, and end only when nothing of it is left.

Runs as a program of its own (`python -I -S leader.py ARGV…`), one per command, with the environment,
folder and output of the command. It is a child subreaper: a process that escapes by `setsid` or a double
fork becomes its child, so "no child left" means "nothing left". Standard input is a socket to the agent:

    agent → leader   I, T, K   SIGINT, SIGTERM to all; SIGKILL until nothing is left. End of file means K.
    leader → agent   unstartable ERRNO | exited CODE | left NAMES | gone    one line each

Standard library only, and as little of it as possible: this start is part of every phase.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys

PR_SET_CHILD_SUBREAPER = 36
POLITE = {b"I": signal.SIGINT, b"T": signal.SIGTERM}
KILL_EVERY_MS = 20


def main(argv: list[str]) -> None:
    """Run the command to its end and everything it started to theirs."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.umask(0o077)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # only the agent ends a leader
    child = start(argv)
    if child:
        Watch(child).until_gone()
    say("gone")


def start(argv: list[str]) -> int:
    """Start the command; 0 if it cannot be started, which the agent is told."""
    problem_read, problem_write = os.pipe()  # both close on exec: silence means success
    child = os.fork()
    if child == 0:
        become(argv, problem_write)
    os.close(problem_write)
    problem = os.read(problem_read, 16)
    os.close(problem_read)
    if not problem:
        return child
    os.waitpid(child, 0)
    say(f"unstartable {problem.decode()}")
    return 0


def become(argv: list[str], problem: int) -> None:
    """Turn this forked process into the command."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(each, signal.SIG_DFL)
        os.execvp(argv[0], argv)  # noqa: S606  # the lab's own script: it is what we are for
    except OSError as error:
        os.write(problem, str(error.errno).encode())
    finally:
        os._exit(127)


def say(line: str) -> None:
    """Tell the agent, if it still lives."""
    with contextlib.suppress(OSError):
        os.write(0, line.encode() + b"\n")


class Watch:
    """The wait for the end of a command and of all that it started."""

    def __init__(self, child: int) -> None:
        self.child = child
        self.killing = False
        self.polite = False  # asked to end: what outlives the command keeps its grace
        self.wake, wake_write = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def until_gone(self) -> None:
        """Return when no process is left."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(self.wake, select.POLLIN)
        while self.reap():
            if self.killing:
                signal_all(signal.SIGKILL)
            for found, _ in poll.poll(KILL_EVERY_MS if self.killing else None):
                if found == self.wake:
                    os.read(self.wake, 512)
                elif not self.obey():
                    poll.unregister(0)

    def reap(self) -> bool:
        """Collect ended children; False when there is none left at all."""
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if ended == 0:
                return True
            if ended == self.child:
                say(f"exited {os.waitstatus_to_exitcode(status)}")
                self.leave_nothing()

    def leave_nothing(self) -> None:
        """Begin to kill what the command left behind, unless it was asked politely just now."""
        if not self.polite and not self.killing:
            names = [name for _, name in descendants()]
            if names:
                say(f"left {' '.join(sorted(set(names)))[:300]}")
            self.killing = True

    def obey(self) -> bool:
        """Do what the agent says; False when it is gone, and then kill."""
        try:
            order = os.read(0, 1)
        except OSError:
            order = b""
        if order in POLITE:
            self.polite = True
            signal_all(POLITE[order])
        else:
            self.killing = True
        return bool(order)


def signal_all(number: int) -> None:
    """Send a signal to every process below this one."""
    for pid, _ in descendants():
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def descendants() -> list[tuple[int, str]]:
    """List the living processes below this one with their names."""
    below: dict[int, list[tuple[int, str]]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    stat = file.read()
            except OSError:
                continue
            name = stat[stat.index(b"(") + 1 : stat.rindex(b")")].decode(errors="replace")
            state, parent = stat[stat.rindex(b")") + 2 :].split()[:2]
            if state != b"Z":
                below.setdefault(int(parent), []).append((int(entry), name.replace("\n", " ")))
            # A zombie has no children: they went to us already.
    found, todo = [], [os.getpid()]
    while todo:
        children = below.get(todo.pop(), [])
        found += children
        todo += [pid for pid, _ in children]
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
