#!/usr/bin/python3
"""Runs every example of pages about the language: a block marked `ein` is a file whose kernels agree with the reference on random input, unless the line
above it says `Error Exxxx`: then it is refused with that code and no other. Beside it lies `w.npy`, f32[2, 3].

    language_examples.py --einc build/einc docs/language.md docs/operators.md
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
    parser.add_argument("pages", type=pathlib.Path, nargs="+")
    arguments = parser.parse_args()
    einc = str(pathlib.Path(arguments.einc).resolve())
    passed = failed = 0
    for page in arguments.pages:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            wanted, source = match.groups()
            status, errors = run(einc, source)
            codes = set(re.findall(r"^error\[(E\d{4})\]", errors, re.M))
            if (status, codes) == ((1, {wanted}) if wanted else (0, set())):
                passed += 1
                continue
            failed += 1
            line = text.count("\n", 0, match.start(2)) + 1
            print(f"FAILED {page}:{line}: wanted {wanted or 'no error'}, status {status}\n{errors}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
