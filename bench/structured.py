#!/usr/bin/python3
"""Structured layers: einc's emitted C against what a user would otherwise call, one thread each, interleaved in one run.

    structured.py [--only=NAME,...] [--peers=blas,numpy,torch] [--rounds=5] [--json=FILE] [--svg=FOLDER] [--target=host] [--engine=c]

A line a layer gives rates by the flops of the factored form, medians over the rounds; `blas` is the best of the forms that GEMM allows
(structures.py has them), through NumPy's stacks of matrices, with results in arrays that are there; the roof is the peak, or what memory
gives by the speed of a copy; `of peak` einc's share of the peak, measured in the same rounds. Results are checked against numpy."""
import json
import sys

import options
import peers
import report

PEERS = ("blas", "numpy", "torch")


def main():
    parser = options.parser(__doc__, PEERS)
    parser.add_argument("--engine", choices=("c", "llvm"), default="c", help="what compiles einc's kernels")
    arguments = parser.parse_args()
    peers.settle(1)
    import comparison  # and numpy, which reads the settings
    import structures
    from native import Driver
    found, missing = peers.find([name for name in PEERS if name in arguments.peers and name != "blas"], None, None)
    found = ["blas"] * ("blas" in arguments.peers) + list(found)
    for name, reason in missing.items():
        print(f"without {name}: {reason}", file=sys.stderr)
    rows = []
    with options.Folders(arguments) as folders:
        driver = Driver(folders.of("native"))
        copy = 1e-9 * driver.copy_rate(arguments.rounds)
        table = report.Table("structured", "GFLOP/s", found)
        for layer in options.chosen(structures.all_layers(), arguments):
            rows.append(comparison.measure_layer(layer, arguments, driver, found, copy, folders.of(layer.name)))
            table.row(rows[-1])
    table.means(rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(report.document("structured", "GFLOP/s", rows, missing, arguments), indent=1) + "\n")
    if arguments.svg and rows:
        import plots
        plots.draw("structured", "GFLOP/s", rows, arguments.svg)


if __name__ == "__main__":
    main()
