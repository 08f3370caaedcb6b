#!/usr/bin/python3
"""Inverses of matrices that formulas give: their numbers are known while compiling, as those of constants are, and transforms that make a sum of Kronecker
products diagonal are found in them (docs/operators.md, "Inverses"). What `explain` says of each, its values on every engine, and near misses."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import suites

RNG = np.random.default_rng(31)


def differences(n, first=2.0, last=2.0, off=-1.0, middle=2.0):
    """Formula and matrix: `middle` on the diagonal, other numbers at its ends, `off` beside it."""
    formula = f"where(i == j, where(i == 0, {first!r}, where(i == {n - 1}, {last!r}, {middle!r})), where(abs(i - j) == 1, {off!r}, 0))"
    matrix = middle * np.eye(n) + off * (np.eye(n, k=1) + np.eye(n, k=-1))
    matrix[0, 0], matrix[-1, -1] = first, last
    return formula, matrix


def periodic(n):
    formula = f"where(i == j, 2.5, 0) - where((i - j) mod {n} == 1, 1.0, 0) - where((j - i) mod {n} == 1, 1.0, 0)"
    return formula, 2.5 * np.eye(n) - np.roll(np.eye(n), 1, 0) - np.roll(np.eye(n), -1, 0)


def digits(n):
    """Depends on the binary digits that i and j differ in."""
    formula = "9.0 - ((i + j) mod 2) - 2 * ((i div 2 + j div 2) mod 2) - 5 * ((i div 4 + j div 4) mod 2)"
    at = np.arange(n)
    return formula, 9.0 - sum(weight * ((at[:, None] // 2**k + at // 2**k) % 2) for k, weight in enumerate((1, 2, 5)))


def rows():
    """What, formulas of X and Y with their matrices, the operator, its matrix, what `explain` says."""
    n, m = 7, 5
    beside = differences(m)
    eyes = (np.eye(n), np.eye(m))
    plain = ("kron(X, identity(5)) + kron(identity(7), Y)", lambda X, Y: np.kron(X, eyes[1]) + np.kron(eyes[0], Y))
    for name, formula in {"dst1": differences(n), "dct2": differences(n, 1.0, 1.0), "dst2": differences(n, 3.0, 3.0), "dct4": differences(n, 1.0, 3.0),
                          "dst4": differences(n, 3.0, 1.0), "dht": periodic(n)}.items():
        yield f"an axis of {name}", formula, beside, *plain, "diagonal by dst1," if name == "dst1" else f"diagonal by {name}, dst1,"
    yield ("an axis of digits", digits(8), beside, "kron(X, identity(5)) + kron(identity(8), Y)",
           lambda X, Y: np.kron(X, eyes[1]) + np.kron(np.eye(8), Y), "diagonal by hadamard, dst1,")
    yield "an end that is no such boundary", differences(n, 2.5, 2.0), beside, *plain, "diagonal by eigenvectors, dst1,"
    yield "one number a little off", differences(n, 2.0 + 1e-9, 2.0), beside, *plain, "diagonal by eigenvectors, dst1,"
    yield ("linear elements with their masses", differences(n, 4.0, 4.0, 1.0, 4.0), beside, "kron(X, Y) + kron(identity(7), Y @ Y) + 0.5 * kron(X, identity(5))",
           lambda X, Y: np.kron(X, Y) + np.kron(eyes[0], Y @ Y) + np.kron(X, eyes[1]) / 2, "diagonal by dst1,")
    yield "no symmetric one", ("where(i == j, 3.0, where(i - j == 1, 1.0, 0))", 3 * np.eye(n) + np.eye(n, k=-1)), beside, *plain, "by its numbers,"
    yield "a multiple that is known", differences(n), beside, "kron(X, identity(5)) + h * kron(identity(7), Y)", lambda X, Y: plain[1](X, Y / 3), "diagonal by dst1,"
    yield "by itself", differences(n), beside, "X", lambda X, Y: X, "by its numbers,"
    yield "a product", differences(n), beside, "X @ X + identity(7)", lambda X, Y: X @ X + eyes[0], "by its numbers,"
    yield "an update of few columns", differences(n), beside, "X + lowrank(U, transposed)", lambda X, Y: X + np.ones((n, n)), "X: by its numbers,"


LETS = """    let h = 1.0 / 3.0
    let U[i: 7, k: 1] = 1.0 + 0 * i * k
    let transposed[k: 1, i: 7] = 1.0 + 0 * i * k
"""


class InversesSuite(suites.Suite):
    def inverse(self, folder, what, x, y, text, matrix, says, real):
        wanted = matrix(x[1], y[1])
        n = len(wanted)
        source = f"""kernel f(b: {real}[{n}]) -> (u: {real}[{n}]) {{
    let X[i: {len(x[1])}, j: {len(x[1])}] = {x[0]}
    let Y[i: {len(y[1])}, j: {len(y[1])}] = {y[0]}
{LETS}    u[i] = inv({text})[i,j] * b[j]
}}
"""
        path = folder / "inverse.ein"
        path.write_text(source)
        b = RNG.standard_normal(n).astype(np.float64 if real == "f64" else np.float32)
        np.save(folder / "b.npy", b)
        done = subprocess.run([self.einc, "explain", str(path)], capture_output=True, text=True, timeout=60)
        self.check(f"{what}: how", done.returncode == 0 and says in done.stdout, f"{source}{done.stdout}{done.stderr}, not {says}")
        solution = np.linalg.solve(wanted, b.astype(np.float64))
        bound = 64 * np.finfo(b.dtype).eps * np.linalg.cond(wanted) * abs(solution).max()
        for engine in self.engines:
            done = subprocess.run([self.einc, "run", str(path), f"b={folder}/b.npy", "-o", f"u={folder}/u.npy", f"--engine={engine}"],
                                  capture_output=True, text=True, timeout=60)
            error = abs(np.load(folder / "u.npy") - solution).max() if done.returncode == 0 else np.inf
            self.check(f"{what}, {real} on {engine}", error <= bound, f"{source}{done.stderr}error {error}, bound {bound}")

    def data(self, folder):
        """Numbers of other constructors that formulas give: the kernel has no status to return, so nothing is left to the run."""
        (folder / "data.ein").write_text("""kernel f(b: f32[12]) -> (u: f32[12], v: f32[12], w: f32[12]) {
    let d[i: 12] = 2.0 + i
    let c[i: 12] = where(i == 0, 4.0, 1.0 / (i + 1.0))
    let B[g: 3, i: 4, j: 4] = where(i == j, 3.0 + g, 0.5)
    u[i] = inv(diag(d))[i,j] * b[j]
    v[i] = inv(circulant(c))[i,j] * b[j]
    w[i] = inv(blockdiag(B))[i,j] * b[j]
}
""")
        b, at = RNG.standard_normal(12).astype(np.float32), np.arange(12)
        np.save(folder / "b.npy", b)
        c = np.where(at == 0, 4, 1 / (at + 1.0))
        blocks = np.zeros((12, 12))
        for g in range(3):
            blocks[4 * g:4 * g + 4, 4 * g:4 * g + 4] = np.where(np.eye(4) == 1, 3.0 + g, 0.5)
        wanted = {"u": b / (2.0 + at), "v": np.linalg.solve(c[(at[:, None] - at) % 12], b), "w": np.linalg.solve(blocks, b)}
        for engine in self.engines:
            outputs = [word for name in wanted for word in ("-o", f"{name}={folder}/{name}.npy")]
            done = subprocess.run([self.einc, "run", str(folder / "data.ein"), f"b={folder}/b.npy", *outputs, f"--engine={engine}"],
                                  capture_output=True, text=True, timeout=60)
            for name, value in wanted.items():
                error = abs(np.load(folder / f"{name}.npy") - value).max() if done.returncode == 0 else np.inf
                self.check(f"data: {name} on {engine}", error <= 1e-5, f"{done.stderr}error {error}")
        built = subprocess.run([self.einc, "build", str(folder / "data.ein"), "--emit=h", "-o", str(folder / "data.h")], capture_output=True, text=True, timeout=60)
        self.check("data: nothing fails at run time", built.returncode == 0 and "void f(" in (folder / "data.h").read_text(), built.stderr)

    def factors(self, folder):
        """A small formula makes a codelet, as the constant of its numbers does."""
        formula, matrix = differences(15)
        rows = ", ".join("[" + ", ".join(map(repr, map(float, row))) + "]" for row in matrix)
        flops = []
        for real in ("f64", "f32"):
            for before, inside in ((f"const X: {real}[15,15] = [{rows}]\n", ""), ("", f"    let X[i: 15, j: 15] = {formula}\n")):
                (folder / "factor.ein").write_text(f"{before}kernel f(x: {real}[15]) -> (y: {real}[15]) {{\n{inside}    y[i] = X[i,j] * x[j]\n}}\n")
                done = subprocess.run([self.einc, "explain", str(folder / "factor.ein"), "--json"], capture_output=True, text=True, timeout=60)
                flops.append(json.loads(done.stdout)["kernels"][0]["flops"] if done.returncode == 0 else -1)
        self.check("factors: flops", 0 < flops[0] <= 5 * 15 and len(set(flops)) == 1, f"{flops} {done.stderr}")

    def work(self, folder):
        """Three axes: all their transforms take less than products with eigenvectors of the two shorter ones."""
        sizes = (15, 23, 16)
        axes = [differences(15), differences(23), periodic(16)]
        eyes = [f"identity({n})" for n in sizes]
        terms = " + ".join(f"kron({', '.join(name if k == at else eyes[k] for k in range(3))})" for at, name in enumerate("XYZ"))
        lets = "".join(f"    let {name}[i: {n}, j: {n}] = {formula}\n" for name, n, (formula, _) in zip("XYZ", sizes, axes))
        (folder / "work.ein").write_text(f"kernel f(b: f64[5520]) -> (u: f64[5520]) {{\n{lets}    u[i] = inv({terms})[i,j] * b[j]\n}}\n")
        done = subprocess.run([self.einc, "explain", str(folder / "work.ein"), "--json"], capture_output=True, text=True, timeout=60)
        flops = json.loads(done.stdout)["kernels"][0]["flops"] if done.returncode == 0 else -1
        self.check("three axes: flops", 0 < flops <= 4 * 5520 * 16, f"{flops} {done.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = InversesSuite(parser.parse_args().einc)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for k, row in enumerate(rows()):
            suite.inverse(folder, *row, "f32" if k % 4 == 3 else "f64")
        suite.data(folder)
        suite.factors(folder)
        suite.work(folder)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
