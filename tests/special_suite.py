#!/usr/bin/python3
"""NaN, infinities, zeros with signs and numbers past the integers: comparisons and their negations, max, min, casts. Every engine must give
what the reference gives, the signs of zeros included; the reference is held against NumPy where that means the same."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy

from suites import Suite

COMPARISONS = {"lt": "<", "le": "<=", "eq": "==", "ne": "!=", "gt": ">", "ge": ">="}
NUMPY = {"lt": numpy.less, "le": numpy.less_equal, "eq": numpy.equal, "ne": numpy.not_equal, "gt": numpy.greater, "ge": numpy.greater_equal,
         "most": numpy.maximum, "least": numpy.minimum}
NPY = {"f64": "f8", "f32": "f4", "f16": "f2", "c128": "c16"}
REAL = {**NPY, "c128": "f8"}
VALUES = [numpy.nan, numpy.inf, -numpy.inf, 0.0, -0.0, 1.5, -3e20, 2.0 ** 63, -2.0 ** 63, 255.5, 1e-42]


def program(elem):
    """The source of a kernel, and its outputs."""
    pairs = {name: f"where(a[p] {sign} b[q], 1, 0)" for name, sign in COMPARISONS.items()}
    pairs |= {f"not_{name}": f"where(not (a[p] {sign} b[q]), 1, 0)" for name, sign in COMPARISONS.items()}
    pairs["both"] = "where(not (a[p] <= b[q]) and a[p] != 0 or not (b[q] > a[p]), 1, 0)"
    declared = [f"{name}: i32[n, n]" for name in pairs]
    pairs |= {"most": "max(a[p], b[q])", "least": "min(a[p], b[q])"}
    declared += [f"most: {elem}[n, n]", f"least: {elem}[n, n]"]
    single = {"positive": "relu(a[p])", "negated": "-a[p]", "size": "abs(a[p])", "largest": "max[q](a[p] * b[q])"}
    declared += [f"{name}: {elem}[n]" for name in single]
    casts = {f"as_{to}": f"{to}(a[p])" for to in ("i8", "u8", "i32", "u32", "i64", "u64")}
    declared += [f"as_{to}: {to}[n]" for to in ("i8", "u8", "i32", "u32", "i64", "u64")]
    lines = [f"    {name}[p,q] = {text}" for name, text in pairs.items()] + [f"    {name}[p] = {text}" for name, text in (single | casts).items()]
    source = f"dim n\nkernel special(a: {elem}[n], b: {elem}[n]) -> ({', '.join(declared)}) {{\n" + "\n".join(lines) + "\n}\n"
    return source, [*pairs, *single, *casts]


def same(x, y):
    """Element by element, any NaN like any other."""
    if x.dtype.kind != "f":
        return numpy.array_equal(x, y)
    numbers = ~numpy.isnan(x)
    return numpy.array_equal(x, y, equal_nan=True) and numpy.array_equal(numpy.signbit(x[numbers]), numpy.signbit(y[numbers]))


def compare(suite, folder, elem):
    source, outputs = program(elem)
    (folder / "special.ein").write_text(source)
    a = numpy.array(VALUES, "f8" if elem == "f64" else "f4")
    b = a[::-1].copy()
    numpy.save(folder / "a.npy", a)
    numpy.save(folder / "b.npy", b)
    found = {}
    for engine in suite.engines:
        words = [word for name in outputs for word in ("-o", f"{name}={name}.npy")]
        subprocess.run([suite.einc, "run", "special.ein", "a=a.npy", "b=b.npy", *words, f"--engine={engine}"], cwd=folder, check=True, timeout=120)
        found[engine] = {name: numpy.load(folder / f"{name}.npy") for name in outputs}
    for name, function in NUMPY.items():
        wanted = function(a[:, None], b[None, :])
        suite.check(f"{name} of {elem} in NumPy", numpy.array_equal(found["ref"][name], wanted, equal_nan=True))
    for engine in found:
        for name in outputs:
            suite.check(f"{name} of {elem} on {engine}", same(found["ref"][name], found[engine][name]))


def products(suite, folder):
    """A product over complex numbers starts from 1, and so has all its terms with the first number too: 0 * inf."""
    source = "kernel products(z: c128[11, 2]) -> (y: c128[11], one: c128[11]) exact {\n    y[i] = prod[j](z[i,j])\n    one[i] = prod[j: 1](z[i,j + 0])\n}\n"
    (folder / "products.ein").write_text(source)
    real = numpy.array(VALUES)
    z = numpy.stack([real, real[::-1]], 1) + 0j
    z.imag = z.real[::-1]
    numpy.save(folder / "z.npy", z)
    found = {}
    for engine in suite.engines:
        subprocess.run([suite.einc, "run", "products.ein", "z=z.npy", "-o", "y=y.npy", "-o", "one=one.npy", f"--engine={engine}"], cwd=folder,
                       check=True, timeout=120)
        found[engine] = [numpy.load(folder / f"{name}.npy").view("f8") for name in ("y", "one")]
    for engine in found:
        for k, name in enumerate(("y", "one")):
            suite.check(f"complex products, {name}, on {engine}", same(found["ref"][k], found[engine][k]))


def constants(suite, folder):
    """Tables of numbers that C has no literals for, long and short, read one by one and in loops."""
    words = ["0", "-inf", "nan", "inf", "-0.0", "1e-300 * 1e-300", "-1.5", "0.1", "inf", "-inf"]
    for elem in ("f64", "f32", "f16", "c128"):
        table = f"[{', '.join(words)}]"
        source = (f"const long: {elem}[10] = {table}\nconst short: {elem}[2] = [-inf, 1]\n"
                  f"kernel constants(x: {elem}[10]) -> (y: {elem}[10], z: {elem}[10, 2]) exact {{\n    y[i] = x[i] + long[i]\n    z[i,j] = x[i] * short[j]\n}}\n")
        (folder / "constants.ein").write_text(source)
        numpy.save(folder / "x.npy", numpy.arange(10).astype(NPY[elem]))
        found = {}
        for engine in suite.engines:
            subprocess.run([suite.einc, "run", "constants.ein", "x=x.npy", "-o", "y=y.npy", "-o", "z=z.npy", f"--engine={engine}"], cwd=folder, check=True,
                           timeout=120)
            found[engine] = [numpy.load(folder / f"{name}.npy") for name in "yz"]
        for engine in found:
            for k, name in enumerate("yz"):
                suite.check(f"constants of {elem}, {name}, on {engine}", same(found["ref"][k].view(REAL[elem]), found[engine][k].view(REAL[elem])))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = Suite(parser.parse_args().einc)
    with tempfile.TemporaryDirectory() as folder:
        for elem in ("f64", "f32"):
            compare(suite, pathlib.Path(folder), elem)
        products(suite, pathlib.Path(folder))
        constants(suite, pathlib.Path(folder))
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
