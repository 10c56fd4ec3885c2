"""Time several ways of doing one thing fairly: in turn, many times, judged by the median."""

import gc
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long each run of one contender took, in seconds and in the order of the runs."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle run: one slow run (a page fault, another process) does not move it."""
        return statistics.median(self.seconds)

    @property
    def best(self) -> float:
        """The fastest run: the least disturbed one."""
        return min(self.seconds)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One case (a query, a flow) and how long each contender took for it."""

    case: str
    timings: Mapping[str, Timing]

    def ratio(self, contender: str, baseline: str) -> float:
        """How many times as long as ``baseline`` the contender took, by medians: below 1 is faster."""
        return self.timings[contender].median / self.timings[baseline].median


def compare(
    case: str,
    contenders: Mapping[str, Work],
    *,
    rounds: int = 7,
    warmups: int = 1,
    before: Callable[[], object] | None = None,
) -> Comparison:
    """Run the contenders in turn, ``rounds`` times each after ``warmups`` runs that do not count.

    ``before`` is called ahead of each run and is not timed: it makes all runs start alike.

    They alternate, and every other round goes backwards, so that a machine that slows down or warms up in the
    meantime does so for all of them. Python's garbage collector waits while a contender runs.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, not {rounds}")
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(-warmups, rounds):
        for name in contenders if number % 2 == 0 else reversed(list(contenders)):
            if before is not None:
                before()
            taken = _time(contenders[name])
            if number >= 0:
                seconds[name].append(taken)
    return Comparison(case, {name: Timing(tuple(runs)) for name, runs in seconds.items()})


def geometric_mean(ratios: Iterable[float]) -> float:
    """The mean for ratios: twice as fast and twice as slow make 1. Not a number when there are none."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(statistics.fmean(logarithms)) if logarithms else math.nan


def _time(work: Work) -> float:
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        result = work()
        taken = time.perf_counter() - start
        del result  # freeing it is not part of the next contender's time
        return taken
    finally:
        if was_enabled:
            gc.enable()
