"""Times of several functions that do the same, taken in turn."""
import math
import statistics
import time

SHORTEST = 1e-3  # seconds: what is faster is run several times


def seconds(run, times):
    """Seconds of this process and all its threads, so that others who share the machine do not count; native code is timed without
    Python in between."""
    if hasattr(run, "seconds"):
        return run.seconds(times)
    begin = time.process_time()
    for _ in range(times):
        run()
    return (time.process_time() - begin) / times


def repeats(run):
    """So many that they last long enough; the first run, which may prepare something, does not count."""
    run()
    times = 1
    while (taken := seconds(run, times)) * times < SHORTEST / 4:
        times *= 4
    return max(1, round(SHORTEST / taken))


def interleaved(runs, rounds):
    """The median seconds of each of the named functions, which take turns in every round."""
    times = {name: repeats(run) for name, run in runs.items()}
    taken = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(seconds(run, times[name]))
    return {name: statistics.median(each) for name, each in taken.items()}


def mean(values):
    """The geometric mean."""
    values = list(values)
    return math.exp(statistics.fmean(math.log(value) for value in values)) if values else float("nan")
