#!/usr/bin/python3
"""Runs the README: writes its blocks marked file=NAME into a fresh folder and runs its `sh` blocks there, in order.

Blocks `console` (the two commands, which run this test themselves) and `text` (pictures) are left alone.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True, type=pathlib.Path)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    environment = dict(os.environ, PATH=f"{arguments.einc.resolve().parent}:{os.environ['PATH']}")
    passed = failed = 0
    for file in arguments.files:
        with tempfile.TemporaryDirectory() as folder:
            for kind, name, text in BLOCK.findall(file.read_text()):
                if name:
                    (pathlib.Path(folder) / name).write_text(text)
                elif kind == "sh":
                    done = subprocess.run(["bash", "-eu", "-c", text], cwd=folder, env=environment, capture_output=True, text=True)
                    passed, failed = passed + (done.returncode == 0), failed + (done.returncode != 0)
                    if done.returncode:
                        print(f"FAILED {file}\n{text}{done.stdout}{done.stderr}")
    if passed + failed == 0:
        failed = 1
        print("there is no block to run")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
