#!/usr/bin/python3
"""Casts to and from f16 against NumPy's float16, bit by bit, on both engines.

From double: every point half way between two neighbours of the 2^16, its neighbours in double, and the numbers themselves; from
float the same rounded to float; to double and float every number. bf16 is held to its definition by tests/test_halves.c.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy

SOURCE = """dim n
kernel casts(d: f64[n], s: f32[n], h: f16[n]) -> (hd: f16[n], hs: f16[n], dh: f64[n], sh: f32[n]) {
    hd[i] = f16(d[i])
    hs[i] = f16(s[i])
    dh[i] = f64(h[i])
    sh[i] = f32(h[i])
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
        for engine in ("ref", "c"):
            words = [f"{key}={key}.npy" for key in inputs] + [word for key in wanted for word in ("-o", f"{key}=out_{key}.npy")]
            subprocess.run([einc, "run", "casts.ein", *words, f"--engine={engine}"], cwd=folder, check=True, timeout=120)
            for key, array in wanted.items():
                good = same_bits(numpy.load(folder / f"out_{key}.npy"), array)
                passed, failed = passed + good, failed + (not good)
                if not good:
                    print(f"FAILED {key} of engine {engine} differs from NumPy")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
