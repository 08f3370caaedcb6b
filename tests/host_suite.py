#!/usr/bin/python3
"""Host programs of `--emit=main` under AddressSanitizer and UBSan, on arrays and arguments that are wrong: each must be refused with a message and
status 1 (a sanitizer's report is status 99), as `einc run` refuses it. Headers of .npy files are also cut and changed byte by byte; then any status
but a report's will do.

    host_suite.py --einc build/einc [--seed N]
"""
import argparse
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import numpy

import suites

SANITIZED = ["gcc", "-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall", "-Wextra", "-Wpedantic",
             "-Wconversion", "-Wsign-conversion", "-Werror"]
# A program that ends with a message frees nothing.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "exitcode=99:detect_leaks=0:allocator_may_return_null=1",
               "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99"}
SOURCE = """dim n, m, l, T <= 64, % 16 == 0, half = (n - m) / 2, ld
kernel square(x: f64[n, m], z: f64[n, l]) -> (y: f64) {
    let stored t[i,j] = x[r,i] * z[r,j]
    y = sum[i, j](t[i,j] * t[i,j])
}
kernel merged(a: f64[n], b: f64[m], c: f64[n*m]) -> (y: f64[n*m]) { y[(i,j)] = a[i] * b[j] + c[(i,j)] }
kernel blocks(a: f64[m, 3], b: f64[n, 3], x: f64[3]) -> (z: f64[n]) {
    z[i: m] = a[i,k] * x[k]
    z[m + i: n - m] = b[m + i,k] * x[k]
}
kernel halves(a: f64[n], b: f64[m]) -> (z: f64[half]) { z[i] = a[i + half] * sum[j](b[j]) }
kernel promised(a: f64[T], x: f64[T, 2]) -> (last: f64[2]) {
    scan t { h[t,i] = a[t] * h[t-1,i] + x[t,i] } from h[-1,i] = 0
    last[i] = h[T-1,i]
}
kernel spread(x: f64[n, 2] strides(ld, 1)) -> (y: f64[n]) { y[i] = x[i,0] + x[i,1] }
kernel bytes(a: i8[n]) -> (s: i8) { s = sum[i](a[i]) }
"""
HUGE = 2**60


def file_of(header, data=b"", version=1):
    header = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(header)) + header + data


def array(*shape, kind="<f8", data=None):
    """With as much data as the shape asks for, of ones; `data` where it is to be another."""
    written = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    data = numpy.ones(shape, kind).tobytes() if data is None else data
    return file_of(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({written}), }}", data)


# Kernel, arrays and words, and what stands in the message; None: a right call.
CASES = [
    ("square", dict(x=array(2, 3), z=array(2, 4)), [], None),
    ("square", dict(x=array(0, HUGE, data=b""), z=array(0, 16, data=b"")), [], "workspace: too large"),
    ("square", dict(x=array(0, HUGE + 1, data=b""), z=array(0, 2, data=b"")), [], "workspace: too large"),
    ("square", dict(x=array(2, 3), z=array(3, 4)), [], "n: axes that should have this size differ"),
    ("merged", dict(a=array(2), b=array(3), c=array(6)), [], None),
    ("merged", dict(a=array(2), b=array(3), c=array(5)), [], "c: an axis has another size"),
    ("blocks", dict(a=array(2, 3), b=array(2, 3), x=array(3)), [], None),
    ("blocks", dict(a=array(5, 3), b=array(3, 3), x=array(3)), [], "an extent is negative"),
    ("halves", dict(a=array(7), b=array(2)), [], None),
    ("halves", dict(a=array(2), b=array(3)), [], "an extent is negative"),
    ("promised", dict(a=array(32), x=array(32, 2)), [], None),
    ("promised", dict(a=array(10), x=array(10, 2)), [], "T: not a multiple"),
    ("promised", dict(a=array(80), x=array(80, 2)), [], "T: larger than its bound"),
    ("spread", dict(x=array(3, 2)), ["ld=5"], None),
    ("spread", dict(x=array(3, 2)), [], "ld: give this size"),
    ("spread", dict(x=array(3, 2)), ["ld=five"], "ld: not a size"),
    ("spread", dict(x=array(3, 2)), ["ld=-1"], "ld: not a size"),
    ("spread", dict(x=array(3, 2)), ["ld=5x"], "ld: not a size"),
    ("spread", dict(x=array(3, 2)), ["ld=4611686018427387903"], "x: its strides reach too far"),
    ("spread", dict(x=array(3, 2)), ["ld=5", "n=4"], "n: axes that should have this size differ"),
    ("spread", dict(x=array(3, 2)), ["ld=5", "ld=5"], "ld: given twice"),
    ("spread", dict(x=array(3, 2)), ["ld=5", "m=4"], "m=4: not NAME="),
    ("spread", dict(x=array(3, 2)), ["ld=5", "--help"], "--help: not NAME="),
    ("bytes", dict(a=array(3, kind="|i1")), [], None),
    ("bytes", dict(a=array(10**30, kind="|i1", data=b"\1" * 64)), [], "a: not a .npy file"),
    ("bytes", dict(a=array(2**64 - 1, kind="|i1", data=b"\1" * 64)), [], "a: not a .npy file"),
    ("bytes", dict(a=array(-1, kind="|i1", data=b"\1" * 64)), [], "a: not a .npy file"),
    ("bytes", dict(a=array(9, kind="|i1", data=b"\1" * 8)), [], "a: the file ends before"),
    ("bytes", dict(a=array(2, 2, kind="|i1")), [], "a: the array has another number of axes"),
    ("bytes", dict(a=array(kind="|i1", data=b"\1")), [], "a: the array has another number of axes"),
    ("bytes", dict(a=array(3, kind="|u1")), [], "a: the array has another type"),
    ("bytes", dict(a=file_of("'fortran_order': False, 'shape': (1,), 'descr':")), [], "a: not a .npy file"),
    ("bytes", dict(a=file_of("'fortran_order': False, 'shape': (1,), 'descr':'")), [], "a: the array has another type"),
    ("bytes", dict(a=file_of("'fortran_order': False, 'shape': (1 2), 'descr':'|i1'")), [], "a: not a .npy file"),
    ("bytes", dict(a=file_of("'descr': '|i1', 'fortran_order': False, 'shape': (3")), [], "a: not a .npy file"),
    ("bytes", dict(a=file_of("'descr': '|i1'")), [], "a: not a .npy file"),
    ("bytes", dict(a=b"\x93NUMPY\2\0\xff\xff\xff\xff"), [], "a: cannot read a .npy file"),
    ("bytes", dict(a=b""), [], "a: cannot read a .npy file"),
]
MUTANTS = 150


class HostSuite(suites.Suite):
    def __init__(self, einc, folder):
        super().__init__(einc)
        self.folder = folder

    def run(self, kernel, arrays, words):
        for name, content in arrays.items():
            (self.folder / f"{name}.npy").write_bytes(content)
        return subprocess.run(["./host", kernel, *[f"{name}={name}.npy" for name in arrays], *words], cwd=self.folder, capture_output=True,
                              text=True, errors="replace", env=ENVIRONMENT, timeout=60)


def build(suite):
    (suite.folder / "cases.ein").write_text(SOURCE)
    subprocess.run([suite.einc, "build", "cases.ein", "--emit=main", "-o", "host.c"], cwd=suite.folder, check=True)
    subprocess.run([*SANITIZED, "host.c", "host_kernels.c", "-lm", "-o", "host"], cwd=suite.folder, check=True)


def cases(suite):
    for kernel, arrays, words, message in CASES:
        done = suite.run(kernel, arrays, words)
        good = done.returncode == 0 if message is None else done.returncode == 1 and message in done.stderr
        suite.check(f"{kernel} {words}: {message}", good, f"{done.returncode} {done.stderr}")


def mutants(suite, seed):
    choose = random.Random(seed)
    whole = array(3, kind="|i1")
    for number in range(MUTANTS):
        file = bytearray(whole)
        for _ in range(choose.randint(1, 3)):
            file[choose.randrange(6, len(file))] = choose.choice(b"\0\xff'\"(),:0123456789{}<>|- i")
        if choose.random() < 0.3:
            del file[choose.randrange(8, len(file)):]
        done = suite.run("bytes", dict(a=bytes(file)), [])
        suite.check(f"mutant {number} of seed {seed}", done.returncode in (0, 1), f"{bytes(file)}\n{done.returncode} {done.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        suite = HostSuite(arguments.einc, pathlib.Path(name))
        build(suite)
        cases(suite)
        mutants(suite, arguments.seed)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
