"""Start one command, adopt whatever it leaves behind, and end only when nothing of it is left.

Runs as a program of its own (`python -I -S leader.py [NAME=VALUE…] -- ARGV…`), one per command, with the
environment, folder and output of the command. It is a child subreaper: a process that escapes by `setsid` or
a double fork becomes its child, so "no child left" means "nothing left". What may be asked for:

    sandboxed=1        the command is bubblewrap's: what it starts gets the signals, not it
    group=FOLDER       control group that the command is put into, and that is killed at the end
    processes=NUMBER   how many the command may have, where no group counts them
    file=BYTES         size of the largest file it may write
    filter=HEX         program that refuses system calls, for the command in the sandbox

Standard input is a socket to the agent:

    agent → leader   I, T, K   SIGINT, SIGTERM to all; SIGKILL until nothing is left. End of file means K.
    leader → agent   unstartable ERRNO | unentered | exited CODE | left NAMES | crowded | gone    one line each

Standard library only, and as little of it as possible: this start is part of every phase.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys

PR_SET_CHILD_SUBREAPER = 36
COUNT_EVERY_MS = 50
POLITE = {b"I": signal.SIGINT, b"T": signal.SIGTERM}
KILL_EVERY_MS = 20


class Asked:
    """What the agent asks for beside the command."""

    def __init__(self, words: list[str]) -> None:
        given = dict(word.split("=", 1) for word in words)
        self.sandboxed = "sandboxed" in given
        self.group = given.get("group")
        self.processes = int(given.get("processes", 0))
        self.file = int(given.get("file", 0))
        self.filter = bytes.fromhex(given.get("filter", ""))
        self.entered, self.entered_write = os.pipe() if self.sandboxed else (-1, -1)

    def command(self, argv: list[str]) -> list[str]:
        """Let bubblewrap say whether the command was started in the sandbox, and how it ended."""
        if not self.sandboxed:
            return argv
        os.set_inheritable(self.entered_write, True)
        words = [argv[0], "--json-status-fd", str(self.entered_write)]
        return [*words, *(["--seccomp", str(readable(self.filter))] if self.filter else []), *argv[1:]]

    def was_entered(self) -> bool:
        """Tell whether there was a command in the sandbox at all; called when bubblewrap has ended."""
        if not self.sandboxed:
            return True
        os.set_blocking(self.entered, False)
        with contextlib.suppress(BlockingIOError):
            return b'"exit-code"' in os.read(self.entered, 65536)
        return False


def readable(data: bytes) -> int:
    """Give a file that a started program reads this from; it fits into a pipe."""
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    os.set_inheritable(read, True)
    return read


def main(words: list[str]) -> None:
    """Run the command to its end and everything it started to theirs."""
    end = words.index("--")
    asked, argv = Asked(words[:end]), words[end + 1 :]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.umask(0o077)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # only the agent ends a leader
    child = start(asked, argv)
    if child:
        Watch(child, asked).until_gone()
    say("gone")


def start(asked: Asked, argv: list[str]) -> int:
    """Start the command; 0 if it cannot be started, which the agent is told."""
    problem_read, problem_write = os.pipe()  # both close on exec: silence means success
    child = os.fork()
    if child == 0:
        become(asked, argv, problem_write)
    os.close(problem_write)
    if asked.sandboxed:
        os.close(asked.entered_write)
    problem = os.read(problem_read, 16)
    os.close(problem_read)
    if not problem:
        return child
    os.waitpid(child, 0)
    say(f"unstartable {problem.decode()}")
    return 0


def become(asked: Asked, argv: list[str], problem: int) -> None:
    """Turn this forked process into the command."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(each, signal.SIG_DFL)
        confine(asked)
        os.execvp(argv[0], asked.command(argv))  # noqa: S606  # the lab's own script: it is what we are for
    except OSError as error:
        os.write(problem, str(error.errno).encode())
    finally:
        os._exit(127)


def confine(asked: Asked) -> None:
    """Set the limits of this process and of all that come from it."""
    if asked.group is not None:
        with open(f"{asked.group}/cgroup.procs", "w") as file:
            file.write("0")
    if asked.file:
        lower(resource.RLIMIT_FSIZE, asked.file)
        lower(resource.RLIMIT_CORE, 0)
    if asked.processes:
        lower(resource.RLIMIT_NPROC, running() + asked.processes)  # it counts all of the user's, so it is generous


def lower(which: int, value: int) -> None:
    """Lower a limit for good; one that is lower stays."""
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def say(line: str) -> None:
    """Tell the agent, if it still lives."""
    with contextlib.suppress(OSError):
        os.write(0, line.encode() + b"\n")


class Watch:
    """The wait for the end of a command and of all that it started."""

    def __init__(self, child: int, asked: Asked) -> None:
        self.child, self.asked = child, asked
        self.most = running() + asked.processes if asked.processes else 0  # of this machine, to look closer at
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
                self.kill()
            for found, _ in poll.poll(self.patience()):
                if found == self.wake:
                    os.read(self.wake, 512)
                elif not self.obey():
                    poll.unregister(0)

    def patience(self) -> int | None:
        """Say for how long nothing needs to be looked at, in milliseconds."""
        if self.killing:
            return KILL_EVERY_MS
        if self.most and running() > self.most and len(descendants()) > self.asked.processes:
            say("crowded")
            self.kill()
            self.killing = True
            return KILL_EVERY_MS
        return COUNT_EVERY_MS if self.most else None

    def kill(self) -> None:
        """Kill everything; a group at once, a sandbox with its first process, all else one by one."""
        if self.asked.group is not None:
            with contextlib.suppress(OSError), open(f"{self.asked.group}/cgroup.kill", "w") as file:
                file.write("1")
        if self.asked.sandboxed:
            with contextlib.suppress(OSError):
                os.kill(self.child, signal.SIGKILL)
        signal_all(signal.SIGKILL)

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
                code = os.waitstatus_to_exitcode(status)
                say(f"exited {code}" if code < 0 or self.asked.was_entered() else "unentered")
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
            signal_all(POLITE[order], spared=self.child if self.asked.sandboxed else 0)
        else:
            self.killing = True
        return bool(order)


def signal_all(number: int, spared: int = 0) -> None:
    """Send a signal to every process below this one, but not to a sandbox that others are to end in."""
    for pid, _ in descendants():
        if pid != spared:
            with contextlib.suppress(OSError):
                os.kill(pid, number)


def running() -> int:
    """Count the threads of this machine, which costs one small read."""
    with open("/proc/loadavg", "rb") as file:
        return int(file.read().split()[3].partition(b"/")[2])


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
