#!/usr/bin/python3
"""`einc check` of every program of tests/cases/scans: emitted C, compiled and run, against the reference, with sizes known at run time, and with no
step, one, and several as static ones."""
import argparse
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent / "cases/scans"
SIZES = [None, (0, 3, 2), (1, 1, 2), (5, 3, 2)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    einc = str(pathlib.Path(parser.parse_args().einc).resolve())
    passed = failed = 0
    for path in sorted(FOLDER.glob("*.ein")):
        names = "TNM" if "dim T, N, M" in path.read_text() else "TN"
        for sizes in SIZES:
            dims = ["--dims", ",".join(f"{name}={size}" for name, size in zip(names, sizes))] if sizes else []
            done = subprocess.run([einc, "check", str(path), *dims], capture_output=True, text=True, timeout=120)
            passed, failed = passed + (done.returncode == 0), failed + (done.returncode != 0)
            if done.returncode:
                print(f"FAILED {path.name} {' '.join(dims)}\n{done.stdout}{done.stderr}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
