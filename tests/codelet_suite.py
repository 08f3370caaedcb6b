#!/usr/bin/python3
"""Codelets: matrices of constants, structured and not, along any axis and in any layout, give what NumPy gives, on every engine, in scalars and in
lanes; and emitted C does as many additions and multiplications as einc says."""
import argparse
import json
import re
import subprocess
import sys
import tempfile
import pathlib

import numpy as np

import suites

RNG = np.random.default_rng(20261201)
TARGETS = ["generic", "avx2", "avx512"]


def root(t, n):
    """exp(-2i pi t / n), of numbers that are equal in size where they are equal: by quarters of the circle, each from its nearer end."""
    quarter, rest = divmod(4 * (t % n), n)
    near = min(rest, n - rest)
    c, s = np.cos(np.pi * near / (2 * n)), np.sin(np.pi * near / (2 * n))
    if 2 * rest == n:
        c = s = np.sqrt(0.5)
    c, s = (c, s) if near == rest else (s, c)
    return [c - 1j * s, -s - 1j * c, -c + 1j * s, s + 1j * c][quarter]


def dft(n):
    return np.array([[root(k * j, n) for j in range(n)] for k in range(n)])


def signs(n):
    return np.array([[(-1.0) ** bin(k & l).count("1") for l in range(n)] for k in range(n)])


def winograd():
    return np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]])


def random_signs(m, n):
    return RNG.integers(-1, 2, (m, n)).astype(float)


def blocks():
    return np.kron(np.eye(2), signs(4))


# name, matrix, element type of the data
CASES = [(f"dft({n})", dft(n), "c128") for n in (2, 3, 4, 5, 6, 8, 12, 16, 32)]
CASES += [("dft(8) in c64", dft(8).astype(np.complex64), "c64"), ("dft(6) of reals", dft(6), "f64")]
CASES += [(f"signs {n}", signs(n), "f64") for n in (2, 8, 64)] + [("signs of f32", signs(8).astype(np.float32), "f32")]
CASES += [("Winograd", winograd().astype(float), "f64"), ("0, 1, -1", random_signs(7, 11), "f64"), ("zero", np.zeros((3, 4)), "f64"),
          ("one row", np.ones((1, 9)), "f64"), ("one column", np.ones((9, 1)), "f64"), ("two blocks", blocks(), "f64"),
          ("real signs of complex numbers", signs(4), "c128")]
LAYOUTS = {"rows": ("x: {0}[n, {2}]", "y: {1}[n, {3}]", "y[b,i] = W[i,j] * x[b,j]", "bj->bi"),
           "columns": ("x: {0}[{2}, n]", "y: {1}[{3}, n]", "y[i,b] = W[i,j] * x[j,b]", "jb->ib"),
           "between": ("x: {0}[2, {2}, n]", "y: {1}[{3}, n, 2]", "y[i,b,c] = W[i,j] * x[c,j,b]", "cjb->ibc"),
           "alone": ("x: {0}[{2}]", "y: {1}[{3}]", "y[i] = W[i,j] * x[j]", "j->i")}
NUMPY = {"f32": np.float32, "f64": np.float64, "c64": np.complex64, "c128": np.complex128}



class CodeletSuite(suites.Suite):
    def source(self, layout, matrix, elem):
        result = {v: k for k, v in NUMPY.items()}[np.result_type(matrix.dtype, NUMPY[elem]).type]
        given, made, equation, _ = LAYOUTS[layout]
        m, n = matrix.shape
        kernel = f"kernel apply({given.format(elem, result, n, m)}) -> ({made.format(elem, result, n, m)}) {{ {equation} }}\n"
        own = {v: k for k, v in NUMPY.items()}[matrix.dtype.type]
        return f'dim n\nconst W: {own}[{m}, {n}] = file("W.npy")\n{kernel}', result

    def compute(self, folder, name, matrix, elem, layout, size):
        source, result = self.source(layout, matrix, elem)
        (folder / "w.ein").write_text(source)
        shape = [{"j": matrix.shape[1], "b": size, "c": 2}[c] for c in LAYOUTS[layout][3].split("->")[0]]
        x = RNG.standard_normal(shape) + (1j * RNG.standard_normal(shape) if elem[0] == "c" else 0)
        x = x.astype(NUMPY[elem])
        np.save(folder / "W.npy", matrix)
        np.save(folder / "x.npy", x)
        wide = matrix.astype(np.complex128)
        expected = np.einsum(f"ij,{LAYOUTS[layout][3]}", wide, x.astype(np.complex128))
        bound = np.einsum(f"ij,{LAYOUTS[layout][3]}", np.abs(wide), np.abs(x.astype(np.complex128))).real
        eps = np.finfo(NUMPY[result]).eps
        for engine in self.engines:
            for target in ["generic"] if engine in ("ref", "tcc") else [TARGETS[size % 3]]:
                what = f"{name}, {layout}, {size}, on {engine} for {target}"
                done = subprocess.run([self.einc, "run", "w.ein", f"x={folder}/x.npy", "-o", "y=y.npy", f"--engine={engine}", f"--target={target}"],
                                      cwd=folder, capture_output=True, text=True, timeout=120)
                if done.returncode:
                    self.check(what, False, source + done.stderr)
                    continue
                error = np.abs(np.load(folder / "y.npy") - expected)
                self.check(what, (error <= 16 * eps * bound + 1e-300).all(), f"{source}error {error.max()}\n")

    def count(self, folder, name, matrix, elem):
        """Operators between values in the statements of the codelet: signs, indices and literals aside."""
        source, _ = self.source("alone", matrix, elem)
        (folder / "w.ein").write_text(source)
        np.save(folder / "W.npy", matrix)
        told = json.loads(subprocess.run([self.einc, "explain", "w.ein", "--json"], cwd=folder, capture_output=True, text=True, check=True).stdout)
        steps = told["kernels"][0]["order"][0]["steps"]
        emitted = subprocess.run([self.einc, "build", "w.ein", "--emit=c", "-o", "-"], cwd=folder, capture_output=True, text=True, check=True).stdout
        body = emitted[emitted.index("void apply"):]
        body = body[:body.index("\n}\n")]
        statements = re.findall(r"= ([^;]*);", re.sub(r"\[[^]]*\]", "", re.sub(r"(?s)/\*.*?\*/", "", body)))
        operators = sum(len(re.findall(r" [-+*] ", statement)) for statement in statements if "size_t" not in statement)
        self.check(f"{name} is a codelet", all(step["codelet"] for step in steps))
        self.check(f"{name}: operations", operators == told["kernels"][0]["flops"], f"{operators} emitted, {told['kernels'][0]['flops']} told\n{body}")

    def share(self, folder):
        """Vectors of emitted C: a codelet is one function, named after what it computes, for all loops and kernels; it says its operations."""
        (folder / "shared.ein").write_text("kernel forth(x: c64[256]) -> (y: c64[256]) { y[i] = dft(256)[i,j] * x[j] }\n"
                                           "kernel back(x: c64[256]) -> (y: c64[256]) { y[i] = adjoint(dft(256))[i,j] * x[j] }\n"
                                           "kernel columns(x: c64[16, 64]) -> (y: c64[16, 64]) { y[i,b] = dft(16)[i,j] * x[j,b] }\n"
                                           "kernel cosines(x: f32[8, 64]) -> (y: f32[8, 64]) { y[i,b] = dct2(8)[i,j] * x[j,b] }\n")
        emitted = subprocess.run([self.einc, "build", "shared.ein", "--emit=c", "-o", "-", "--target=avx512"], cwd=folder, capture_output=True,
                                 text=True, check=True).stdout
        kernels, _, section = emitted.partition("/* ---- codelets ----")
        found = re.findall(r"in each of 16 lanes: (\d+) additions, (\d+) multiplications \*/\nstatic f32x16_inline void (\w+)", section)
        told = {name: int(additions) + int(multiplications) for additions, multiplications, name in found}
        self.check("a codelet is one function", sorted(told) == ["dct2_8_f32x16", "dft16_f32x16", "dft_adjoint16_f32x16"], emitted)
        for name, calls, flops in (("dft16_f32x16", 3, 168), ("dft_adjoint16_f32x16", 2, 168), ("dct2_8_f32x16", 1, 42)):
            self.check(f"{name} serves its loops", len(re.findall(rf" {name}\(\(f32x16_from\)", kernels)) == calls, kernels)
            body = section.partition(f"void {name}")[2].partition("\n}\n")[0]
            counts = [len(re.findall(rf"f32x16_{word}\(", body)) for word in ("add", "subtract", "multiply", "fma", "fma")]
            self.check(f"{name}: operations", told.get(name) == sum(counts) == flops, f"{told}, {counts}\n{body}")

    def all(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for k, (title, matrix, elem) in enumerate(CASES):
                for j, layout in enumerate(LAYOUTS):
                    self.compute(folder, title, matrix, elem, layout, [16, 1, 37, 8, 3, 24, 20][(k + j) % 7])
            for title, matrix, elem in CASES:
                if title not in ("zero", "one column", "one row"):  # nothing to multiply
                    self.count(folder, title, matrix, elem)
            self.share(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--einc", required=True)
    suite = CodeletSuite(parser.parse_args().einc)
    suite.all()
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
