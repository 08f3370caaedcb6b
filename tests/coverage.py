#!/usr/bin/python3
"""Line and branch coverage of ir, frontend and passes by the fast tier, as gcovr counts it.

    cmake --preset coverage && ninja -C build-coverage && tests/coverage.py --build build-coverage [--worst 30]

Runs every test of the tier once, in the build folder of preset `coverage`, then prints the figures of each folder and of the worst
files. Left out are the sanitizing and fuzzing tests, and those that compile mutants or other people's code, which say nothing more, and
io_suite, which fails every write in turn, those of the counts too.
Generated lexers and parsers are not counted. Branches that the compiler makes of one condition count one by one, as gcovr has them;
nothing is marked as not to be counted.
"""
import argparse
import json
import pathlib
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("ir", "frontend", "passes")
LEFT_OUT = "planted_faults|emitted|format|fuzz|io_suite|readme"


def share(covered, total):
    return 100.0 * covered / total if total else 100.0


def summary(build):
    run = subprocess.run(["gcovr", "--root", str(SOURCE), "--json-summary", "--gcov-ignore-parse-errors", *[word for folder in FOLDERS
                          for word in ("--filter", str(SOURCE / folder) + "/")], str(build)], capture_output=True, text=True, cwd=build)
    if run.returncode != 0:
        sys.exit(run.stderr)
    return json.loads(run.stdout)["files"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--worst", type=int, default=15, help="files to list")
    parser.add_argument("--no-run", action="store_true", help="count what has run already")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    if not arguments.no_run:
        for data in build.rglob("*.gcda"):
            data.unlink()
        subprocess.run(["ctest", "--test-dir", str(build), "-LE", "long", "-E", LEFT_OUT, "-j", "2"], check=False)
    files = summary(build)
    for folder in FOLDERS:
        mine = [file for file in files if file["filename"].startswith(folder + "/")]
        lines = share(sum(file["line_covered"] for file in mine), sum(file["line_total"] for file in mine))
        branches = share(sum(file["branch_covered"] for file in mine), sum(file["branch_total"] for file in mine))
        print(f"{folder:10} lines {lines:5.1f} %  branches {branches:5.1f} %")
    lines = share(sum(file["line_covered"] for file in files), sum(file["line_total"] for file in files))
    branches = share(sum(file["branch_covered"] for file in files), sum(file["branch_total"] for file in files))
    print(f"{'all':10} lines {lines:5.1f} %  branches {branches:5.1f} %")
    worst = sorted(files, key=lambda file: file["branch_covered"] - file["branch_total"])[:arguments.worst]
    for file in worst:
        print(f"  {file['filename']:36} lines {share(file['line_covered'], file['line_total']):5.1f} %  "
              f"branches {share(file['branch_covered'], file['branch_total']):5.1f} %, {file['branch_total'] - file['branch_covered']} missed")


if __name__ == "__main__":
    main()
