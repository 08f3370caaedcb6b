"""Times of several functions that do the same, taken in turn."""
import math
import os
import pathlib
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


def busy():
    """Seconds that the processors have worked, for anybody."""
    words = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _, _, interrupts, soft, stolen = words
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


QUIET = 0.03    # of the machine's time, that others may take in a round
PATIENCE = 8    # times as many rounds as count are tried
LONG = 0.1      # seconds a function takes in a round: the system counts in hundredths


def undisturbed(runs, rounds):
    """As `interleaved`, for times that pass on the clock: rounds in which others use the machine are taken again, and the quietest count.
    Gives the medians and the share of the machine that others had in the last round that counts."""
    times = {name: max(1, round(LONG / run.seconds(1))) for name, run in runs.items() if run() is None}
    taken = []
    while len(taken) < PATIENCE * rounds and sum(others < QUIET for others, _ in taken) < rounds:
        begin, own, worked = time.monotonic(), time.process_time(), busy()
        each = {name: run.seconds(times[name]) for name, run in runs.items()}
        others = busy() - worked - (time.process_time() - own)
        taken.append((others / (os.cpu_count() * (time.monotonic() - begin)), each))
    taken.sort(key=lambda one: one[0])
    counted = [each for _, each in taken[:rounds]]
    return {name: statistics.median(each[name] for each in counted) for name in runs}, max(0.0, taken[len(counted) - 1][0])


def mean(values):
    """The geometric mean."""
    values = list(values)
    return math.exp(statistics.fmean(math.log(value) for value in values)) if values else float("nan")
