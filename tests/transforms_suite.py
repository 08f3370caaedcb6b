#!/usr/bin/python3
"""How accurate transforms are: of random data the relative error in the 2-norm against sums in long double, at all outputs or at a sample of many. Van Loan
(1992, 1.4) has log n for the worst case; random roundings give its root, which is what FFTW's authors measure (Frigo and Johnson 2005): at most
0.5 eps sqrt(log2 n) + eps, three times that where a prime above 32 makes convolutions of the transform, eps the unit roundoff."""
import argparse
import functools
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import suites

TURN = 2 * np.longdouble("3.14159265358979323846264338327950288")
SAMPLE = 64
SIZES = (1, 2, 3, 5, 8, 13, 16, 31, 32, 37, 45, 64, 74, 101, 243, 360, 1000, 1009, 3125, 4096, 10007)
LONG = (20736, 65536, 99991)  # of dft and rdft, in 64 bits
COSINES = (9, 16, 37, 45, 64, 101, 243, 1000, 1009, 4096)


@functools.cache
def roots(order):
    angles = TURN * np.arange(order).astype(np.longdouble) / order
    return np.cos(angles) - 1j * np.sin(angles)


def wave(numerators, order):
    """exp(-2 pi i k / order), the angle reduced in integers."""
    return roots(order)[numerators % order]


def longest_prime(n):
    longest, p = 1, 2
    while n > 1:
        while n % p == 0:
            longest, n = p, n // p
        p += 1
    return longest


def bound(n, eps, length):
    return (0.5 * eps * np.sqrt(np.log2(n)) + eps) * (3 if longest_prime(length) > 32 else 1)


def sums(x, rows, table):
    """sum over l of table[k, l] x[l] at these rows, in long double."""
    return np.array([(table(np.int64(k)) * x).sum() for k in rows])


class TransformsSuite(suites.Suite):
    def run(self, folder, source, arrays, engine, *options):
        (folder / "wave.ein").write_text(source)
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        done = subprocess.run([self.einc, "run", str(folder / "wave.ein"), *[f"{name}={folder}/{name}.npy" for name in arrays], "-o", f"y={folder}/y.npy", *options,
                               f"--engine={engine}", f"--target={'host' if engine == 'c' else 'generic'}"], capture_output=True, text=True, timeout=120)
        if done.returncode:
            self.check("a kernel runs", False, source + done.stderr)
            return None
        return np.load(folder / "y.npy")

    def compare(self, what, y, expected, rows, most):
        if y is None:
            return
        error = np.sqrt((np.abs(y[rows] - expected) ** 2).sum() / (np.abs(expected) ** 2).sum()) if expected.size else 0
        self.check(what, error <= most, f"relative error {float(error):.3g}, {float(error / most):.2f} of what it may be\n")

    def fourier(self, folder, kind, n, bits, engine, rng, *options):
        """dft, idft of complex data, rdft of real data, irdft of a spectrum."""
        half = n // 2 + 1
        inputs, outputs = (half if kind == "irdft" else n), (half if kind == "rdft" else n)
        given, made = ("f" if kind == "rdft" else "c"), ("f" if kind == "irdft" else "c")
        form = lambda letter: f"{letter}{bits if letter == 'f' else 2 * bits}"
        x = rng.standard_normal(inputs) + (0 if kind == "rdft" else 1j * rng.standard_normal(inputs))
        x = x.astype({"f64": "f8", "f32": "f4", "c128": "c16", "c64": "c8"}[form(given)])
        y = self.run(folder, f"kernel f(x: {form(given)}[{inputs}]) -> (y: {form(made)}[{outputs}]) {{ y[k] = {kind}({n})[k,l] * x[l] }}\n", {"x": x}, engine, *options)
        rows = np.arange(outputs) if n <= 1024 else np.sort(rng.choice(outputs, SAMPLE, replace=False))
        l, exact = np.arange(inputs, dtype=np.int64), x.astype(np.clongdouble)
        if kind == "irdft":
            exact = exact * np.where((l == 0) | (2 * l == n), 1, 2)
        sign = 1 if kind in ("dft", "rdft") else -1
        expected = sums(exact, rows, lambda k: wave(sign * k * l, n)) / (1 if sign == 1 else np.longdouble(n))
        eps = 2.0 ** (-53 if bits == 64 else -24)
        most = bound(n, eps, n) + (eps / 2 if kind == "irdft" else 0)  # whose weights are rounded too
        self.compare(f"{kind}({n}) in {bits} bits on {engine}", y, expected.real if kind == "irdft" else expected, rows, most)

    def cosine(self, folder, kind, n, bits, engine, rng):
        """Two or three roundings more than a Fourier transform, for folding and turning."""
        x = rng.standard_normal(n).astype(f"f{bits // 8}")
        y = self.run(folder, f"kernel f(x: f{bits}[{n}]) -> (y: f{bits}[{n}]) {{ y[k] = {kind}({n})[k,l] * x[l] }}\n", {"x": x}, engine)
        rows = np.arange(n) if n <= 1024 else np.sort(rng.choice(n, SAMPLE, replace=False))
        l = np.arange(n, dtype=np.int64)
        part = np.imag if kind.startswith("dst") else np.real
        angles = {"dct1": (lambda k: k * l, 2 * n - 2), "dct2": (lambda k: k * (2 * l + 1), 4 * n), "dct3": (lambda k: (2 * k + 1) * l, 4 * n),
                  "dct4": (lambda k: (2 * k + 1) * (2 * l + 1), 8 * n), "dst1": (lambda k: -(k + 1) * (l + 1), 2 * n + 2),
                  "dst2": (lambda k: -(k + 1) * (2 * l + 1), 4 * n), "dst3": (lambda k: -(2 * k + 1) * (l + 1), 4 * n),
                  "dst4": (lambda k: -(2 * k + 1) * (2 * l + 1), 8 * n)}
        once = {"dct1": (l == 0) | (l == n - 1), "dct3": l == 0, "dst3": l == n - 1}.get(kind, l < 0)
        numerators, order = angles[kind]
        expected = sums(x.astype(np.longdouble) * np.where(once, 1, 2), rows, lambda k: part(wave(numerators(k), order)))
        length = {"dct1": n - 1, "dst1": n + 1}.get(kind, n)
        self.compare(f"{kind}({n}) in {bits} bits on {engine}", y, expected, rows, 2 * bound(n, 2.0 ** (-53 if bits == 64 else -24), length))

    def convolution(self, folder, n, bits, engine, rng):
        """With a constant, whose spectrum the compiler calculates: two transforms and a product."""
        c, x = rng.standard_normal(n).astype(f"f{bits // 8}"), rng.standard_normal(n).astype(f"f{bits // 8}")
        np.save(folder / "c.npy", c)
        y = self.run(folder, f'const c: f{bits}[{n}] = file("c.npy")\nkernel f(x: f{bits}[{n}]) -> (y: f{bits}[{n}]) {{ y[i] = circulant(c)[i,j] * x[j] }}\n', {"x": x}, engine)
        rows = np.arange(n) if n <= 1024 else np.sort(rng.choice(n, SAMPLE, replace=False))
        l = np.arange(n)
        expected = sums(x.astype(np.longdouble), rows, lambda k: c[(k - l) % n].astype(np.longdouble))
        # its factors are as long as its result here, for random data
        self.compare(f"circulant of {n} in {bits} bits on {engine}", y, expected, rows, 3 * bound(n, 2.0 ** (-53 if bits == 64 else -24), n))

    def constants(self, folder, n, bits, engine, rng):
        """What the compiler transforms is rounded once, whatever stands beside the product of indices."""
        c = rng.standard_normal(n).astype(f"f{bits // 8}")
        np.save(folder / "c.npy", c)
        form = f"c{2 * bits}"
        y = self.run(folder, f"""const c: f{bits}[{n}] = file("c.npy")
kernel f(x: {form}[{n}]) -> (y: {form}[{n}]) {{
    y[k] = x[k] * sum[l](exp(-2i*pi*(3 - k)*(l + 5)/{n}) * {form}(c[l]))
}}
""", {"x": np.ones(n, dtype=f"c{bits // 4}")}, engine)
        rows, l = np.sort(rng.choice(n, SAMPLE, replace=False)), np.arange(n, dtype=np.int64)
        expected = sums(c.astype(np.longdouble), rows, lambda k: wave((3 - k) * (l + 5), n))
        self.compare(f"a constant of {n} in {bits} bits", y, expected, rows, 2.0 ** (-53 if bits == 64 else -24))

    def channels(self, folder, bits, engine, rng):
        """Filters that are constants, with axes of their own."""
        w, x = rng.standard_normal((3, 2, 40)).astype(f"f{bits // 8}"), rng.standard_normal((2, 150)).astype(f"f{bits // 8}")
        np.save(folder / "w.npy", w)
        y = self.run(folder, f"""const w: f{bits}[3, 2, 40] = file("w.npy")
kernel f(x: f{bits}[2, 150]) -> (y: f{bits}[3, 150]) normwise {{ y[o,i] = w[o,c,r] * pad(x[c,i-r+7], 0) }}
""", {"x": x}, engine)
        whole = [[np.convolve(w[o, c].astype(np.longdouble), x[c].astype(np.longdouble))[7:157] for c in range(2)] for o in range(3)]
        self.compare(f"channels in {bits} bits", y, np.array(whole).sum(axis=1), slice(None), 3 * bound(256, 2.0 ** (-53 if bits == 64 else -24), 256))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    suite, rng = TransformsSuite(arguments.einc), np.random.default_rng(20261129)
    quick = next(engine for engine in ("tcc", "llvm", "c", "ref") if engine in suite.engines)
    vectors = next((engine for engine in ("c", "llvm") if engine in suite.engines), quick)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for bits in (64, 32):
            for kind in ("dft", "idft", "rdft", "irdft"):
                for n in SIZES + (LONG if bits == 64 and kind in ("dft", "rdft") else ()):
                    if arguments.only in kind:
                        suite.fourier(folder, kind, n, bits, vectors if n in (64, 101, 1000, 4096) else quick, rng)
            for kind, n in (("dft", 64), ("idft", 96), ("dft", 360), ("dft", 1024), ("idft", 2048)):
                if arguments.only in "split radix":
                    suite.fourier(folder, kind, n, bits, vectors if n == 64 else quick, rng, "--optimize=flops")
            for kind in ("dct1", "dct2", "dct3", "dct4", "dst1", "dst2", "dst3", "dst4"):
                for n in COSINES:
                    if arguments.only in kind:
                        suite.cosine(folder, kind, n, bits, vectors if n == 1000 else quick, rng)
            for n in (12, 64, 101, 1000, 4096):
                if arguments.only in "circulant":
                    suite.convolution(folder, n, bits, quick, rng)
            for n in (64, 1000, 1009, 10007):
                if arguments.only in "constants":
                    suite.constants(folder, n, bits, quick, rng)
            if arguments.only in "channels":
                suite.channels(folder, bits, quick, rng)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
