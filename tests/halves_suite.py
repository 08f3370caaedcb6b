#!/usr/bin/python3
"""16-bit floats on every engine: casts to and from f16 against NumPy's float16, bit by bit, and sums whose parts leave f16's range.

From double: every point half way between two neighbours of the 2^16, its neighbours in double, and the numbers themselves; from
float the same rounded to float; to double and float every number. bf16 is held to its definition by tests/test_halves.c.

A sum of halves is rounded once, however it is cut into steps: where the whole fits, no part of it overflows. Numbers are chosen
such that every result is exact.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy

from suites import engines

SOURCE = """dim n
kernel casts(d: f64[n], s: f32[n], h: f16[n]) -> (hd: f16[n], hs: f16[n], dh: f64[n], sh: f32[n]) {
    hd[i] = f16(d[i])
    hs[i] = f16(s[i])
    dh[i] = f64(h[i])
    sh[i] = f32(h[i])
}
"""

SUMS = """dim n, many, few = 131072
kernel sums(A: f16[n, n], B: f16[n, n], x: f16[n], v: u8[many]) -> (scaled: f16[n], chain: f16[n], apart: f16, repeated: f16[n], again: f16[n]) {
    scaled[i] = 0.0009765625 * A[i,j] * x[j]
    chain[i] = B[i,j] * A[j,k] * x[k]
    apart = sum[i, j](A[j,j] * B[i,i] * x[j])
    repeated[i] = sum[k: many, j](B[i,j] * B[i,j])
    again[i] = sum[k: few](B[i,i])
}
"""


def borders():
    numbers = numpy.arange(0x7c00, dtype="u2").view("f2").astype("f8")
    above = numpy.append(numbers[1:], 2 * numbers[-1] - numbers[-2])
    middle = (numbers + above) / 2
    points = numpy.concatenate([numbers, numpy.nextafter(middle, 0), middle, numpy.nextafter(middle, numpy.inf), [numpy.inf, 1e300, 1e-300]])
    return numpy.concatenate([points, -points])


def same_bits(got, wanted):
    width = f"u{wanted.dtype.itemsize}"
    both_nan = numpy.isnan(got) & numpy.isnan(wanted)
    return got.dtype == wanted.dtype and bool((both_nan | (got.view(width) == wanted.view(width))).all())


def sums(folder, einc):
    """What is wrong; nothing: all is right."""
    n, many = 64, 1 << 17
    inputs = {"A": numpy.full((n, n), 64, "f2"), "B": numpy.full((n, n), 2.0 ** -14, "f2"), "x": numpy.full(n, 32, "f2"), "v": numpy.zeros(many, "u1")}
    A, B, x = (inputs[key].astype("f8") for key in "ABx")
    wanted = {"scaled": A @ x / 1024, "chain": B @ A @ x, "apart": numpy.asarray((A.diagonal() @ x) * B.diagonal().sum()),
              "repeated": many * (B * B).sum(1), "again": 131072 * B.diagonal()}
    (folder / "sums.ein").write_text(SUMS)
    for key, array in inputs.items():
        numpy.save(folder / f"{key}.npy", array)
    words = [f"{key}={key}.npy" for key in inputs] + [word for key in wanted for word in ("-o", f"{key}=sum_{key}.npy")]
    others = [engine for engine in engines(einc) if engine != "ref"]
    for engine, *options in [("ref",)] + [(engine, *more) for engine in others for more in ((), ("--target=avx512",), (f"--dims=many={many}",))]:
        subprocess.run([einc, "run", "sums.ein", *words, f"--engine={engine}", *options], cwd=folder, check=True, timeout=120)
        for key, array in wanted.items():
            yield f"{key} of engine {engine}", same_bits(numpy.load(folder / f"sum_{key}.npy"), array.astype("f2"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    einc = pathlib.Path(parser.parse_args().einc).resolve()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name, numpy.errstate(over="ignore"):
        folder = pathlib.Path(name)
        (folder / "casts.ein").write_text(SOURCE)
        d = borders()
        h = numpy.resize(numpy.arange(1 << 16, dtype="u2"), d.shape).view("f2")
        inputs = {"d": d, "s": d.astype("f4"), "h": h}
        for key, array in inputs.items():
            numpy.save(folder / f"{key}.npy", array)
        wanted = {"hd": d.astype("f2"), "hs": inputs["s"].astype("f2"), "dh": h.astype("f8"), "sh": h.astype("f4")}
        for engine in engines(einc):
            words = [f"{key}={key}.npy" for key in inputs] + [word for key in wanted for word in ("-o", f"{key}=out_{key}.npy")]
            subprocess.run([einc, "run", "casts.ein", *words, f"--engine={engine}"], cwd=folder, check=True, timeout=120)
            for key, array in wanted.items():
                good = same_bits(numpy.load(folder / f"out_{key}.npy"), array)
                passed, failed = passed + good, failed + (not good)
                if not good:
                    print(f"FAILED {key} of engine {engine} differs from NumPy")
        for what, good in sums(folder, einc):
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(f"FAILED the sum {what}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
