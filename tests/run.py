#!/usr/bin/python3
"""Runs ctest in a build folder and closes with one line: N passed, N failed, N skipped.

The counts are those inside the programs: cmocka's, and the same closing line of the Python suites. A program that fails without
having counted a failure (a crash, a sanitizer report, no end within the limit) counts as one.

A test that runs longer than the limit is killed with all processes below it, and named; tests with a limit of their own (TIMEOUT in
tests/CMakeLists.txt) have that. What a test left running in the background is killed when all tests are done.
"""
import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys

CMOCKA_PASSED = re.compile(r"^\[  PASSED  \] (\d+) test\(s\)\.", re.M)
CMOCKA_FAILED = re.compile(r"^\[  FAILED  \] (?:.*?)(\d+) test\(s\)", re.M)
CMOCKA_SKIPPED = re.compile(r"^\[  SKIPPED \] (\d+) test\(s\)", re.M)
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
SECTION = re.compile(r"^\d+/\d+ Testing: (\S+)$", re.M)
TIMEOUT = re.compile(r"Test +#\d+: (\S+) \.+\*{3}Timeout +([\d.]+) sec")
# The longest test of the fast tier takes a minute alone and optimised; under sanitizers, with other work on the machine, ten.
LIMIT = 1800


def counts(text):
    passed = sum(map(int, CMOCKA_PASSED.findall(text)))
    failed = sum(map(int, CMOCKA_FAILED.findall(text)))
    skipped = sum(map(int, CMOCKA_SKIPPED.findall(text)))
    for more_passed, more_failed, more_skipped in CLOSING.findall(text):
        passed, failed, skipped = passed + int(more_passed), failed + int(more_failed), skipped + int(more_skipped or 0)
    return passed, failed, skipped


def run_ctest(words):
    """Its exit status, and the tests that did not end. Its process group is its own and all its tests'."""
    late = []
    ctest = subprocess.Popen(["ctest", *words], stdout=subprocess.PIPE, text=True, errors="replace", bufsize=1, start_new_session=True)
    try:
        for line in ctest.stdout:
            print(line, end="", flush=True)
            late += TIMEOUT.findall(line)
        return ctest.wait(), late
    finally:
        try:
            os.killpg(ctest.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--label", default=None, help="run only tests with this ctest label (default: all but `long`)")
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds a test may take (default: %(default)s)")
    arguments = parser.parse_args()

    selection = ["-L", arguments.label] if arguments.label else ["-LE", "long"]
    jobs = str(max(2, os.cpu_count() or 2) + 1)  # one more, since tests start processes and wait for files
    status, late = run_ctest(["--test-dir", str(arguments.build), "-j", jobs, "--timeout", str(arguments.limit), "--output-on-failure",
                              "--no-tests=error", *selection])

    log = (arguments.build / "Testing/Temporary/LastTest.log").read_text(errors="replace")
    pieces = SECTION.split(log)
    total = [0, 0, 0]
    for name, text in zip(pieces[1::2], pieces[2::2]):
        found = list(counts(text))
        if "Test Failed." in text and found[1] == 0:
            found[1] = 1
        if sum(found) == 0 and "Test Passed." in text:
            found[0] = 1
        total = [a + b for a, b in zip(total, found)]
    if status != 0 and total[1] == 0:
        total[1] = 1
    for name, seconds in late:
        print(f"FAILED {name}: no end after {seconds} s, killed")
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] or status else 0


if __name__ == "__main__":
    sys.exit(main())
