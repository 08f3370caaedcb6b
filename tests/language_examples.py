#!/usr/bin/python3
"""Runs every example of docs/language.md: a block marked `ein` is a file whose kernels agree with the reference on random input, unless the line
above it says `Error Exxxx`: then it is refused with that code and no other. Beside it lies `w.npy`, f32[2, 3].

    language_examples.py --einc build/einc docs/language.md
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

BLOCK = re.compile(r"(?:^Error (E\d{4})\n)?^```ein\n(.*?)^```$", re.M | re.S)


def run(einc, text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "example.ein"
        path.write_text(text)
        numpy.save(path.with_name("w.npy"), numpy.arange(6, dtype=numpy.float32).reshape(2, 3))
        done = subprocess.run([einc, "check", str(path)], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("page", type=pathlib.Path)
    arguments = parser.parse_args()
    page = arguments.page.read_text()
    passed = failed = 0
    for match in BLOCK.finditer(page):
        wanted, text = match.groups()
        status, errors = run(str(pathlib.Path(arguments.einc).resolve()), text)
        codes = set(re.findall(r"^error\[(E\d{4})\]", errors, re.M))
        if (status, codes) == ((1, {wanted}) if wanted else (0, set())):
            passed += 1
            continue
        failed += 1
        line = page.count("\n", 0, match.start(2)) + 1
        print(f"FAILED {arguments.page}:{line}: wanted {wanted or 'no error'}, status {status}\n{errors}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
