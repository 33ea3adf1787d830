"""The detector of shifts on invented histories: how often it is wrong, what it finds, how long it takes."""

import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from app.history.detector import detect, refit
from benchmarks.injected import CASES, Injected, many, score
from benchmarks.odd import ODD
from benchmarks.report import Figure

SEED = 20  # not that of the tests
STEPS = {0.02: 0.75, 0.05: 0.95, 0.10: 0.98}  # relative size, and the F1 that is promised where it is
PROMISED_ALARMS = 4  # cases, from the first on
PROMISED_FOUND = 2


def run(*, quick: bool) -> list[Figure]:
    """Score every case of the generator and every odd series, and take the time."""
    count = 60 if quick else 500
    return [*_injected(count), *_fresh(50 if quick else 1000), *_odd(count), *_times()]


def found(series: Injected) -> list[int]:
    """Give the cuts of one series."""
    return [cut.index for cut in detect(series.values, resolution=series.resolution).cuts]


def _injected(count: int) -> Iterator[Figure]:
    for number, case in enumerate(CASES):
        calm = score(found, many(SEED, case, count))
        yield Figure(
            what=f"{case.name}: false alarms per unchanged series",
            value=calm.false_per_series,
            unit="",
            target=0.05 if number < PROMISED_ALARMS else None,
        )
        for step, promised in STEPS.items():
            result = score(found, many(SEED, case, count, step=step))
            yield Figure(
                what=f"{case.name}: F1 at {step:.0%}",
                value=result.f1,
                unit="",
                target=promised if number < PROMISED_FOUND else None,
                more_is_better=True,
            )
        yield Figure(
            what=f"{case.name}: median distance at 10 %", value=result.median_distance, unit="commits", target=1
        )


def _fresh(count: int) -> Iterator[Figure]:
    """Put a step of five sigma at the end of 100 white points."""
    for points in (2, 3, 5):
        opened = 0
        for seed in range(count):
            values = 1000 * np.exp(0.01 * np.random.default_rng([SEED, seed]).normal(size=100))
            values[100 - points :] *= math.exp(0.05)
            opened += [cut.index for cut in detect(values).cuts] == [100 - points]
        yield Figure(
            what=f"step of 5 σ opened after {points} points",
            value=100 * opened / count,
            unit="%",
            target=90 if points == 3 else None,
            more_is_better=True,
        )


def _odd(count: int) -> Iterator[Figure]:
    for name, make in ODD.items():
        random = np.random.default_rng(SEED)
        cuts = [len(detect(make(random)).cuts) for _ in range(count)]
        yield Figure(what=f"{name}: cuts per series", value=float(np.mean(cuts)), unit="")


def _times() -> Iterator[Figure]:
    series = next(iter(many(SEED, CASES[0], 1, size=10_000, step=0.05))).values
    known = detect(series[:4999]).cuts
    yield Figure(what="CPU of 100 points", value=1000 * cpu(lambda: detect(series[:100])), unit="ms")
    yield Figure(what="CPU of 1,000 points", value=1000 * cpu(lambda: detect(series[:1000])), unit="ms", target=60)
    appended = 1000 * cpu(lambda: refit(series[:5000], known))
    yield Figure(what="CPU of one more point, of 5,000", value=appended, unit="ms", target=60)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield Figure(what="CPU of 10,000 points", value=1000 * cpu(lambda: detect(series)), unit="ms", target=1500)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    yield Figure(what="memory for 10,000 points", value=grown, unit="MB", target=50)
    code = "import time; t = time.process_time(); import app.history.detector; print(time.process_time() - t)"
    imports = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    yield Figure(what="CPU of the import, with numpy", value=1000 * min(imports), unit="ms", target=300)


def cpu(run: Callable[[], object], times: int = 5) -> float:
    """Give the processor time of the quickest of some runs, in seconds."""
    spent = []
    for _ in range(times):
        begun = time.process_time()
        run()
        spent.append(time.process_time() - begun)
    return min(spent)
