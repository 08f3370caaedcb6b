#!/usr/bin/python3
"""How long einc takes from source to C, process start included, and the C compiler behind it.

    compile_time.py [--only=NAME,...] [--rounds=5] [--json=FILE] [--target=host]

A line a contraction of the suites tccg, gemm, small and elements: milliseconds of the processor, medians over the rounds; below them the
median, the largest, and what is wanted of the largest."""
import json
import resource
import statistics
import subprocess

import kernel
import options
from cases import SUITES
from native import FLAGS

WANTED = 20  # milliseconds
MEASURED = ("tccg", "gemm", "small", "elements")


def milliseconds(run):
    """Of the processor, by the processes that the run starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(case, arguments, folder):
    times = [milliseconds(lambda: kernel.build(case, folder, arguments.target)) for _ in range(arguments.rounds)]
    words = ["cc", *FLAGS, "-c", f"-I{folder}", str(folder / "kernel.c"), "-o", str(folder / "kernel.o")]
    return {"name": case.name, "group": case.group, "expression": case.expression, "einc": statistics.median(times), "least": min(times),
            "cc": milliseconds(lambda: subprocess.run(words, check=True))}


def main():
    arguments = options.parser(__doc__, ()).parse_args()
    cases = [case for suite in MEASURED for case in SUITES[suite].cases()]
    rows = []
    print(f"{'milliseconds':44}{'einc':>9}{'least':>9}{'cc':>9}")
    with options.Folders(arguments) as folders:
        for case in options.chosen(cases, arguments):
            row = measure(case, arguments, folders.of(case.name))
            rows.append(row)
            print(f"{case.name:18} {case.expression:24} {row['einc']:9.1f}{row['least']:9.1f}{row['cc']:9.0f}", flush=True)
    largest = max(rows, key=lambda row: row["einc"])
    median = statistics.median(row["einc"] for row in rows)
    print(f"median {median:.1f}, largest {largest['einc']:.1f} ({largest['name']}), wanted {WANTED}" +
          (" MISSED" if largest["einc"] > WANTED else ""))
    if arguments.json:
        arguments.json.write_text(json.dumps({"suite": "compile_time", "unit": "ms", "wanted": WANTED, "cases": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
