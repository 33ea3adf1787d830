"""Help for build and run scripts: what to do, when to end, and how to report a measurement.

One file, standard library only, on the import path of every script that a builder starts:

    import rigline_sdk

    script = rigline_sdk.init(on_exit=power_off)
    if script.action == "run":
        with script.measure("startup"):
            start_the_board()
        script.report("draw", "fps", 58, 58, 57, unit="frames/s", better="higher")

A script in another language needs none of this: the environment says the same, and the result is a JSON file.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

EXIT, ACK = b'"Exit"', b'"Ack"\n'
EJ_ARGUMENTS = 5
Metric = dict[str, object]


class NotAScript(Exception):
    """This program was not started by a builder; the text says what is missing."""


def metric(name: str, *samples: float, unit: str, better: str) -> Metric:
    """Describe one metric with all its samples.

    Args:
        samples: raw measurements in the order they were taken; at least one, all finite.
        unit: "ms", "bytes", … or "" for a bare number; a metric keeps its unit for ever.
        better: "lower" or "higher".

    Raises:
        ValueError: a sample is no finite number, there is none, or `better` is another word.
    """
    if better not in ("lower", "higher"):
        raise ValueError(f'{name}: better must be "lower" or "higher", not {better!r}')
    if not samples or not all(isinstance(each, int | float) and math.isfinite(each) for each in samples):
        raise ValueError(f"{name}: samples must be finite numbers, at least one, not {samples!r}")
    return {"name": name, "unit": unit, "better": better, "samples": list(samples)}


def write(path: str, benchmarks: Mapping[str, Sequence[Metric]]) -> None:
    """Write the result file in one step: a killed script leaves a whole one or none."""
    found = [{"name": name, "metrics": list(metrics)} for name, metrics in benchmarks.items()]
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        json.dump({"version": 1, "benchmarks": found}, file, allow_nan=False)
    os.replace(f"{path}.part", path)


@dataclass
class Script:
    """What this script was started for."""

    action: str  # "build" or "run"
    board: str
    configuration: str
    config_path: str = ""  # EJ only
    results: str = ""  # where to write the result file; empty in an EJ configuration without RIGLINE_RESULTS
    worktree: str = ""
    commit: str = ""
    repository: str = ""
    job: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    benchmarks: dict[str, list[Metric]] = field(default_factory=dict)

    def report(self, benchmark: str, name: str, *samples: float, unit: str, better: str) -> None:
        """Add samples of one metric, and write the result file anew; the same metric again means more samples.

        Raises:
            ValueError: a sample is no finite number, or the metric had another unit or direction before.
            NotAScript: there is no place for results.
        """
        if not self.results:
            raise NotAScript("RIGLINE_RESULTS is not set: there is no place for results")
        new = metric(name, *samples, unit=unit, better=better)
        metrics = self.benchmarks.setdefault(benchmark, [])
        known = next((each for each in metrics if each["name"] == name), None)
        if known is None:
            metrics.append(new)
        elif (known["unit"], known["better"]) != (unit, better):
            raise ValueError(f"{benchmark}/{name}: was {known['unit']}, {known['better']} is better, before")
        else:
            known["samples"] = [*_samples(known), *samples]
        write(self.results, self.benchmarks)

    @contextlib.contextmanager
    def measure(self, benchmark: str, name: str = "time") -> Iterator[None]:
        """Report how many seconds a block took; nothing if it fails."""
        started = time.perf_counter()
        yield
        self.report(benchmark, name, time.perf_counter() - started, unit="s", better="lower")

    def skip(self) -> None:
        """Say that this run measures nothing, and that nobody is to blame."""
        with open(self.results, "w", encoding="utf-8") as file:
            file.write("Skip")


def init(on_exit: Callable[[], None] | None = None, argv: Sequence[str] | None = None) -> Script:
    """Find out what to do, and listen for the wish to end.

    Args:
        on_exit: called once, when the job is cancelled or its time is over: in a thread of its own when the
            builder's socket says so, in the main thread on SIGINT or SIGTERM. The script is killed after the
            grace (10 s unless configured). By default the main thread gets a KeyboardInterrupt.
        argv: the arguments, by default those of the program. Five, as EJ gives them, or none.

    Raises:
        NotAScript: neither arguments nor environment say what to do.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    outside = os.environ
    script = _from_words(words) if len(words) >= EJ_ARGUMENTS else _from_environment()
    script.results = outside.get("RIGLINE_RESULTS", "")
    script.worktree = outside.get("RIGLINE_WORKTREE", "")
    script.commit = outside.get("RIGLINE_COMMIT", "")
    script.repository = outside.get("RIGLINE_REPOSITORY", "")
    script.job = outside.get("RIGLINE_JOB", "")
    path = words[4] if len(words) >= EJ_ARGUMENTS else outside.get("RIGLINE_SOCKET", "")
    _Listener(script, on_exit or _interrupt).listen(path, signals=on_exit is not None)
    return script


def _from_words(words: list[str]) -> Script:
    return Script(action=words[0], config_path=words[1], board=words[2], configuration=words[3])


def _from_environment() -> Script:
    missing = [name for name in ("ACTION", "BOARD", "CONFIGURATION") if f"RIGLINE_{name}" not in os.environ]
    if missing:
        raise NotAScript(
            f"RIGLINE_{missing[0]} is not set and there are no arguments: "
            "start this program by a builder, or by `rigline-builder validate`"
        )
    outside = os.environ
    return Script(outside["RIGLINE_ACTION"], outside["RIGLINE_BOARD"], outside["RIGLINE_CONFIGURATION"])


def _samples(known: Metric) -> list[object]:
    samples = known["samples"]
    return samples if isinstance(samples, list) else []


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class _Listener:
    """Calls back once, whoever asks first: the socket or a signal."""

    def __init__(self, script: Script, on_exit: Callable[[], None]) -> None:
        self.script, self.on_exit, self.first = script, on_exit, threading.Lock()

    def listen(self, path: str, *, signals: bool) -> None:
        if signals and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: self.end())
        if path:
            threading.Thread(target=self._wait, args=(path,), daemon=True).start()

    def end(self) -> None:
        if self.first.acquire(blocking=False):  # never given back: once is enough
            self.script.cancelled.set()
            self.on_exit()

    def _wait(self, path: str) -> None:
        """Wait for the builder's line; a script without its socket still has the signals."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(path)
                data = b""
                while EXIT not in data:
                    more = connection.recv(64)
                    if not more:
                        return
                    data += more
                with contextlib.suppress(OSError):
                    connection.sendall(ACK)
                self.end()
        except OSError:
            return
