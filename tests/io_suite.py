#!/usr/bin/python3
"""Files that fail: each call `einc` makes for a file, folder or process fails in turn (failing_files.c), and odd files are given.

Whatever fails, one of two things is true afterwards. Either the command exits with 0, then every output is there, complete and the
same as without the failure. Or it exits with a documented status and says why on standard error, then the folder is as it was
before, byte for byte, old outputs included. Nothing is left in the temporary folder, and the next run works.
"""
import argparse
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

import suites

SOURCE = 'const w: f64[3] = file("w.npy")\nkernel scaled(x: f64[3]) -> (y: f64[3], s: f64) {\n    y[i] = w[i] * x[i]\n    s = sum[i](y[i])\n}\n'
SCENARIOS = {
    "run with the reference": ("run", "good.ein", "x=x.npy", "-o", "y=y.npy", "-o", "s=s.npy", "--engine=ref"),
    "run with the C compiler": ("run", "good.ein", "x=x.npy", "-o", "y=y.npy", "-o", "s=s.npy", "--engine=c"),
    "run to standard output": ("run", "good.ein", "x=x.npy", "--engine=ref"),
    "einsum": ("einsum", "i,i->", "x.npy", "x.npy", "-o", "s.npy", "--engine=ref"),
    "build C": ("build", "good.ein", "--emit=c", "-o", "good.c"),
    "build C with weights beside": ("build", "good.ein", "--emit=c", "--weights=file", "-o", "good.c"),
    "build source": ("build", "good.ein", "--emit=ein", "-o", "again.ein"),
    "explain": ("explain", "good.ein", "--json"),
    "pass": ("pass", "simplify", "good.eir"),
}


def npy(*numbers):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(numbers)},), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack(f"<{len(numbers)}d", *numbers)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and not path.is_symlink()}


class IoSuite(suites.Suite):
    def __init__(self, einc, shim):
        super().__init__(einc)
        self.shim, self.points = str(pathlib.Path(shim).resolve()), 0

    def call(self, folder, words, **environment):
        return subprocess.run([self.einc, *words], cwd=folder, capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
                              env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder.parent / "temporary"), **environment})

    def prepare(self, folder, old):
        for path in folder.iterdir():
            path.unlink()
        (folder / "good.ein").write_text(SOURCE)
        (folder / "w.npy").write_bytes(npy(1, 2, 3))
        (folder / "x.npy").write_bytes(npy(4, 5, 6))
        self.call(folder, ("build", "good.ein", "--emit=tensor", "-o", "good.eir"))
        if old:
            for name in ("y.npy", "s.npy"):
                (folder / name).write_bytes(b"old")
            self.call(folder, ("build", "good.ein", "--emit=c", "--weights=extern", "-o", "good.c"))

    def one_failure(self, what, folder, words, number, name, complete):
        before = contents(folder)
        done = self.call(folder, words, LD_PRELOAD=self.shim, EINC_FAIL_AT=str(number))
        after, said = contents(folder), done.stderr.decode(errors="replace")
        self.points += 1
        if done.returncode == 0:
            good = after == complete[0] and done.stdout == complete[1]
        else:
            delivered = "einc: standard output" in said and after == complete[0]  # the last call of all
            good = done.returncode in (1, 4) and ("error" in said or "einc: " in said) and (after == before or delivered)
        changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        left = list((folder.parent / "temporary").iterdir())
        self.check(f"{what}: call {number}, {name}", good and not left, f"status {done.returncode}, changed {changed}, left {left}\n{said}")

    def scenario(self, what, folder, words, old):
        what = f"{what}, {'old' if old else 'no old'} outputs"
        self.prepare(folder, old)
        log = folder.parent / "calls"
        done = self.call(folder, words, LD_PRELOAD=self.shim, EINC_FAIL_LOG=str(log))
        self.check(f"{what}: works", done.returncode == 0, done.stderr.decode())
        complete, names = (contents(folder), done.stdout), log.read_text().split()
        self.check(f"{what}: calls are seen", len(names) >= 3, str(names))
        for number, name in enumerate(names, 1):
            self.prepare(folder, old)
            self.one_failure(what, folder, words, number, name, complete)
        again = self.call(folder, words)
        self.check(f"{what}: works again", again.returncode == 0 and contents(folder) == complete[0], again.stderr.decode())


def odd_files(suite, folder):
    """Folders, pipes without end, links in a circle, headers that promise too much: refused, with the path, at once."""
    suite.prepare(folder, False)
    (folder / "loop.npy").symlink_to("loop.npy")
    (folder / "none.npy").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.npy")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,), }\n"
    (folder / "large.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    (folder / "header.npy").write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", 0xFFFFFFFF) + b"{" * 100)
    for name in ("loop.npy", "none.npy", "/", "large.npy", "header.npy", "/proc/self/mem"):
        done = suite.call(folder, ("run", "good.ein", f"x={name}", "--engine=ref"))
        suite.check(f"x={name}", done.returncode == 1 and name in done.stderr.decode(), done.stderr.decode())
    for name, status in (("/", 1), ("/dev/zero", 4), ("loop.npy", 1)):  # the second is past the limit of a source
        done = suite.call(folder, ("explain", name))
        suite.check(f"explain {name}", done.returncode == status and name in done.stderr.decode(), done.stderr.decode())
    # opened for writing as well, so that neither side waits
    descriptor = os.open(folder / "pipe.npy", os.O_RDWR | os.O_NONBLOCK)
    os.write(descriptor, npy(4, 5, 6))
    reader = subprocess.Popen([suite.einc, "run", "good.ein", "x=pipe.npy", "--engine=ref"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while reader.poll() is None and not os.path.realpath(folder / "pipe.npy") in {os.path.realpath(f"/proc/{reader.pid}/fd/{fd}") for fd in listing(reader.pid)}:
        pass
    os.close(descriptor)
    out, said = reader.communicate(timeout=60)
    suite.check("an array through a pipe", reader.returncode == 0, said.decode())


def listing(pid):
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []


def standard_output(suite, folder):
    """Closed, full, or a pipe that nobody reads: no success, no signal that kills without a word where one can be said."""
    suite.prepare(folder, False)
    for words in ("run good.ein x=x.npy --engine=ref", "explain good.ein", "build good.ein -o -", "--version", "--help"):
        for target in (">&-", "> /dev/full"):
            done = subprocess.run(f"'{suite.einc}' {words} {target}", shell=True, cwd=folder, capture_output=True, timeout=60)
            suite.check(f"{words} {target}", done.returncode == 1 and done.stderr, f"{done.returncode} {done.stderr}")
    done = subprocess.run(f"'{suite.einc}' explain good.ein | true", shell=True, cwd=folder, capture_output=True, timeout=60)
    suite.check("a pipe nobody reads", done.returncode == 0, done.stderr.decode())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--shim", required=True)
    arguments = parser.parse_args()
    suite = IoSuite(arguments.einc, arguments.shim)
    with tempfile.TemporaryDirectory() as fresh:
        folder = pathlib.Path(fresh) / "work"
        folder.mkdir()
        (folder.parent / "temporary").mkdir()
        for what, words in SCENARIOS.items():
            for old in (False, True):
                suite.scenario(what, folder, words, old)
        odd_files(suite, folder)
        standard_output(suite, folder)
    print(f"{suite.points} calls failed in turn")
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
