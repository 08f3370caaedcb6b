"""Times of several functions that do the same, taken in turn."""
import math
import statistics
import time


def seconds(run):
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def interleaved(runs, rounds):
    """The median seconds of each of the named functions, which take turns in every round."""
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run))
    return {name: statistics.median(taken) for name, taken in times.items()}


def mean(values):
    """The geometric mean."""
    return math.exp(statistics.fmean(math.log(value) for value in values)) if values else float("nan")
