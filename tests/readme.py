#!/usr/bin/python3
"""Runs the README: writes its blocks marked file=NAME into a fresh folder and runs its `sh` blocks there, in order.

einc is installed first, so that what the README says of programs that use its library holds; their compiler gets the flags of the
build, which sanitizers need. Blocks `console` (the two commands, which run this test themselves), `cmake` and `text` (pictures) are left alone.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)


def install(build, prefix, flags):
    """The environment of who uses it."""
    subprocess.run(["cmake", "--install", build, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    if flags.strip():
        compiler = prefix / "bin" / "cc"
        compiler.write_text(f'#!/bin/sh\nexec {shutil.which("cc")} {flags} "$@"\n')
        compiler.chmod(0o755)
    libraries = next(prefix.rglob("libeinc.so")).parent
    return dict(os.environ, PATH=f"{prefix}/bin:{os.environ['PATH']}", PKG_CONFIG_PATH=str(libraries / "pkgconfig"),
                LD_LIBRARY_PATH=str(libraries))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--flags", default="")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as prefix:
        return run(arguments.files, install(arguments.build, pathlib.Path(prefix), arguments.flags))


def run(files, environment):
    """The exit status."""
    passed = failed = 0
    for file in files:
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
