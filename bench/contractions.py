#!/usr/bin/python3
"""einc's emitted C against what a user would otherwise call, one thread each, interleaved in one run.

    contractions.py SUITE [--only=NAME,...] [--peers=NAME,...] [--rounds=5] [--json=FILE] [--svg=FOLDER] [--target=host]

A line a case gives the rates of einc and its peers, medians over the rounds; the roof, what the machine could reach on it by its peak,
measured in the same rounds, or by the speed of a copy of memory in the same run; the ratios; and the rate that is wanted, where there is
one. Geometric means by group, the least ratios and what was missed stand below. Results are checked against numpy.

Suites:
"""
import json
import sys

import options
import peers
import report
from cases import SUITES


def main():
    words = __doc__ + "".join(f"  {name:14}{suite.words}\n" for name, suite in SUITES.items())
    parser = options.parser(words, peers.MAKERS)
    parser.add_argument("--engine", choices=("c", "llvm"), default="c", help="what compiles einc's kernels; llvm: beside `c`, by cc -O3")
    parser.add_argument("suite", choices=SUITES, metavar="SUITE")
    arguments = parser.parse_args()
    suite = SUITES[arguments.suite]
    peers.settle(1)
    import comparison  # and numpy, which reads the settings
    from native import Driver
    rows = []
    with options.Folders(arguments) as folders:
        driver = Driver(folders.of("native"))
        chosen = [name for name in suite.peers if name in arguments.peers] + ["c"] * (arguments.engine != "c")
        found, missing = peers.find(chosen, driver, folders.of("native"))
        for name, reason in missing.items():
            print(f"without {name}: {reason}", file=sys.stderr)
        copy = 1e-9 * driver.copy_rate(arguments.rounds)
        table = report.Table(arguments.suite, suite.unit, found)
        for case in options.chosen(suite.cases(), arguments):
            rows.append(comparison.measure(case, suite, arguments, driver, found, copy, folders.of(case.name)))
            table.row(rows[-1])
    table.means(rows, suite.means)
    if arguments.json:
        arguments.json.write_text(json.dumps(report.document(arguments.suite, suite.unit, rows, missing, arguments), indent=1) + "\n")
    if arguments.svg and rows:
        import plots
        plots.draw(arguments.suite, suite.unit, rows, arguments.svg)


if __name__ == "__main__":
    main()
