"""Times of several functions that do the same, taken in turn."""
import math
import statistics
import time


SHORTEST = 1e-3  # seconds: what is faster is run several times


def seconds(run, times):
    begin = time.perf_counter()
    for _ in range(times):
        run()
    return (time.perf_counter() - begin) / times


def interleaved(runs, rounds):
    """The median seconds of each of the named functions, which take turns in every round."""
    repeats = {name: max(1, round(SHORTEST / seconds(run, 1))) for name, run in runs.items()}
    taken = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(seconds(run, repeats[name]))
    return {name: statistics.median(each) for name, each in taken.items()}


def mean(values):
    """The geometric mean."""
    return math.exp(statistics.fmean(math.log(value) for value in values)) if values else float("nan")
