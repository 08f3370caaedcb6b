#!/usr/bin/python3
"""Kernels made for several threads, run by them and by one, beside the kernel that is made for one: interleaved in one run.

    threads.py [SUITE ...] [--threads=2] [--only=NAME,...] [--rounds=5] [--json=FILE] [--target=host]

Times here are what passes on the clock. Rounds in which others use the machine are taken again, up to eight times as many, and the
quietest count. A line a case of the suites (gemm and tccg unless said) gives GFLOP/s of the three, medians over the rounds; how many times
as fast the threads are as the kernel made for one; and what share of the machine others had. Below stand the geometric means by group
and what falls short of 0.9 a thread. Results are compared, bit by bit, with those of one more thread than the kernel was made for."""
import json
import sys

import options
import peers
from cases import SUITES

WANTED = 0.9  # of the number of threads, where multiplications bound the time and not memory
BOUND_BY_MEMORY = 16  # flops a byte, of all tensors once, that are fewer


def measure(case, arguments, driver, folders):
    import numpy
    from kernel import Kernel
    from measure import undisturbed
    from native import aligned
    fill = numpy.random.default_rng(7)
    inputs = [aligned([case.sizes[index] for index in part], case.elem, fill) for part in case.operands]
    output = aligned([case.sizes[index] for index in case.result], case.elem)
    alone = Kernel(case, driver, folders.of(f"{case.name}_alone"), arguments.target)
    shared = Kernel(case, driver, folders.of(case.name), arguments.target, made_for=arguments.threads)
    runs = {"alone": alone.run(inputs, output, passed=True)}
    for threads in (1, arguments.threads, arguments.threads + 1):
        runs[threads] = shared.run(inputs, output, threads, passed=True)
    results = []
    for run in runs.values():
        output[...] = numpy.nan
        run()
        results.append(output.copy())
    if any(not numpy.array_equal(results[1], other) for other in results[2:]):
        raise SystemExit(f"{case.name}: another number of threads gives another result")
    same = numpy.array_equal(results[0], results[1])
    del runs[arguments.threads + 1]
    seconds, others = undisturbed(runs, arguments.rounds)
    rates = {str(name): 1e-9 * case.flops / each for name, each in seconds.items()}
    return {"name": case.name, "group": case.group, "expression": case.expression, "sizes": case.sizes, "elem": case.elem,
            "intensity": case.flops / case.bytes, "seconds": {str(name): each for name, each in seconds.items()}, "rates": rates,
            "speedup": seconds["alone"] / seconds[arguments.threads], "others": others, "same_as_alone": same}


def print_means(rows, threads):
    from measure import mean
    for group in [*dict.fromkeys(row["group"] for row in rows), ""]:
        some = [row for row in rows if not group or row["group"] == group]
        rates = "".join(f"{mean(row['rates'][name] for row in some):9.1f}" for name in ("alone", "1", str(threads)))
        print(f"{'geometric mean ' + group:44}{rates}{mean(row['speedup'] for row in some):9.2f}")
    bound = [row for row in rows if row["intensity"] >= BOUND_BY_MEMORY]
    short = [f"{row['name']} {row['speedup']:.2f}" for row in bound if row["speedup"] < WANTED * threads]
    print(f"{len(bound) - len(short)} of {len(bound)} cases of {BOUND_BY_MEMORY} flops a byte or more are {WANTED * threads:.1f} times as fast; "
          f"missed: {', '.join(short) or 'none'}")


def main():
    parser = options.parser(__doc__, ())
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--threads", type=int, default=2, metavar="N", help="that kernels are made for (%(default)s)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.suites if name not in SUITES]
    if unknown or arguments.threads < 2:
        parser.error(f"no suite `{unknown[0]}`" if unknown else "--threads is 2 or more")
    peers.settle(arguments.threads)
    from native import Driver
    rows = []
    print(f"{'threads GFLOP/s':44}{'alone':>9}{'1':>9}{arguments.threads:>9}{'speedup':>9}{'others':>9}", flush=True)
    with options.Folders(arguments) as folders:
        driver = Driver(folders.of("native"))
        cases = [case for suite in arguments.suites or ("gemm", "tccg") for case in SUITES[suite].cases()]
        for case in options.chosen(cases, arguments):
            row = measure(case, arguments, driver, folders)
            rows.append(row)
            print(f"{case.name:18} {case.expression:24} " + "".join(f"{rate:9.1f}" for rate in row["rates"].values()) +
                  f"{row['speedup']:9.2f}{100 * row['others']:7.0f} %" + ("" if row["same_as_alone"] else "  other sums than alone"), flush=True)
    if not rows:
        print("no such case", file=sys.stderr)
        return 2
    print_means(rows, arguments.threads)
    if arguments.json:
        settings = {"rounds": arguments.rounds, "target": arguments.target, "threads": arguments.threads}
        arguments.json.write_text(json.dumps({"suite": "threads", "unit": "GFLOP/s", "settings": settings, "cases": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
