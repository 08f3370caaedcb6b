#!/usr/bin/python3
"""Transforms and what takes their path: einc's emitted C against FFTW and numpy, one thread each, interleaved in one run.

    transforms.py [--only=NAME,...] [--peers=fftw,loop,numpy,torch] [--rounds=5] [--json=FILE] [--svg=FOLDER] [--target=host] [--engine=c]

A line a transform gives rates by 5 n log2 n flops (half of that of real data), medians over the rounds; FFTW with the fastest of three
plannings by FFTW_MEASURE; `loop` is radix 2 in C, compiled -O3. Results are checked against numpy. Below stand the means that are wanted,
and of the lengths in the table how many flops einc takes against split radix and what its C measures in bytes and seconds."""
import json
import math
import re
import subprocess
import sys
import time

import options
import peers
import report

PEERS = ("fftw", "loop", "numpy", "torch")
WANTED = [("c2c_f32", "fftw", 1), ("c2c_f64", "fftw", 1), *((f"{kind}_{elem}", "fftw", 1) for kind in ("r2c", "dct2", "dst2")
                                                            for elem in ("f32", "f64"))]
BYTES, SECONDS, FLOPS = 200_000, 1, 1.05  # at most: of emitted C, from source to C, times split radix


def made_by_einc(layer, folder, target):
    """Seconds from source to C, bytes of C, flops."""
    from kernel import EINC, build
    begin = time.monotonic()
    made = build(layer, folder, target)
    seconds = time.monotonic() - begin
    told = json.loads(subprocess.run([EINC, "explain", folder / "kernel.ein", "--json"], check=True, capture_output=True).stdout)
    return {"seconds_to_c": seconds, "bytes_of_c": made.stat().st_size, "flops_of_einc": told["kernels"][0]["flops"]}


def count(rows):
    """What the compiler made of complex transforms of powers of two, and what is too long or too slow of all."""
    for row in rows:
        found = re.fullmatch(r"c2c_(\d+)_f32", row["name"])
        n = int(found[1]) if found else 0
        if n and n & (n - 1) == 0:
            least = 4 * n * math.log2(n) - 6 * n + 8
            ratio = row["flops_of_einc"] / least
            verdict = " MISSED" if n <= 4096 and ratio > FLOPS else ""
            print(f"flops of {n}: {row['flops_of_einc']}, {ratio:.2f} x split radix{verdict}; {row['bytes_of_c']} bytes of C in "
                  f"{row['seconds_to_c']:.2f} s")
    for row in rows:
        if row["bytes_of_c"] > BYTES or row["seconds_to_c"] > SECONDS:
            print(f"{row['name']}: {row['bytes_of_c']} bytes of C in {row['seconds_to_c']:.2f} s, wanted {BYTES} and {SECONDS}")


def main():
    parser = options.parser(__doc__, PEERS)
    parser.add_argument("--engine", choices=("c", "llvm"), default="c", help="what compiles einc's kernels")
    arguments = parser.parse_args()
    peers.settle(1)
    import comparison  # and numpy, which reads the settings
    import transform_cases
    from native import Driver
    found, missing = peers.find([name for name in ("numpy", "torch") if name in arguments.peers], None, None)
    rows = []
    with options.Folders(arguments) as folders:
        driver, fftw = Driver(folders.of("native")), None
        if {"fftw", "loop"} & set(arguments.peers):
            try:
                fftw = transform_cases.Fftw(driver, folders.of("fftw"))
            except peers.Missing as error:
                missing["fftw"] = str(error)
        found = [name for name in ("fftw", "loop") if fftw and name in arguments.peers] + list(found)
        for name, reason in missing.items():
            print(f"without {name}: {reason}", file=sys.stderr)
        copy = 1e-9 * driver.copy_rate(arguments.rounds)
        table = report.Table("transforms", "GFLOP/s", found)
        for layer in options.chosen(list(transform_cases.all_layers(fftw)), arguments):
            folder = folders.of(layer.name)
            row = comparison.measure_layer(layer, arguments, driver, found, copy, folder)
            rows.append({**row, **made_by_einc(layer, folder, arguments.target)})
            table.row(rows[-1])
    table.means(rows, WANTED)
    count(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(report.document("transforms", "GFLOP/s", rows, missing, arguments), indent=1) + "\n")
    if arguments.svg and rows:
        import plots
        plots.draw("transforms", "GFLOP/s", rows, arguments.svg)


if __name__ == "__main__":
    main()
