#!/usr/bin/python3
"""Identities of structured matrices that need no rule of their own: they follow from one network over digits and the order of its contractions (docs/operators.md,
"Identities"). Each program takes the flops of the cheap side, has the same value on every engine, and a near miss, one factor or index off, takes its own."""
import argparse
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import suites

N = 12
NN = N * N


def kernel(inputs, output, body):
    return f"kernel f({inputs}) -> ({output}) {{\n    {body}\n}}\n"


def squares(names):
    return ", ".join(f"{name}: f64[{N},{N}]" for name in names)


def applied(matrices, operator, batch=0, more="", size=NN):
    """y = operator x, over a batch if there is one."""
    front, index = (f"{batch},", "s,") if batch else ("", "")
    return kernel(f"{matrices}{more}, x: f64[{front}{size}]", f"y: f64[{front}{size}]", f"operator K = {operator}\n    y[{index}i] = K[i,j] * x[{index}j]")


def number(matrices, operator, formula, more=""):
    return kernel(matrices + more, "t: f64", f"operator K = {operator}\n    t = {formula}")


def rows():
    """What, source, flops at most, near miss, flops of that at least."""
    AB, ABCD = squares("AB"), squares("ABCD")
    once = 2 * NN * N  # a factor applied to a column
    yield ("(A (x) B)(C (x) D) = AC (x) BD, of many columns", applied(ABCD, "kron(A, B) @ kron(C, D)", 500), 4 * N**3 + 500 * 2 * once,
           applied(ABCD, "kron(A, B) @ diag(d) @ kron(C, D)", 500, f", d: f64[{NN}]"), 500 * 4 * once)
    yield ("the same of one column: a factor after the other", applied(ABCD, "kron(A, B) @ kron(C, D)"), 4 * once, applied(AB, "kron(A, B)"), 2 * once)
    yield ("tr(A (x) B) = tr A tr B", number(AB, "kron(A, B)", "sum[i](K[i,i])"), 2 * N + 1, number(AB, "A @ B", "sum[i](K[i,i])"), 2 * NN)
    yield ("|A (x) B|^2 = |A|^2 |B|^2", number(AB, "kron(A, B)", "sum[i,j](K[i,j] * K[i,j])"), 4 * NN + 1, number(AB, "A @ B", "sum[i,j](K[i,j] * K[i,j])"), 2 * N**3)
    yield ("(A (x) B)^T = A^T (x) B^T", applied(AB, "transpose(kron(A, B))"), 2 * once, applied(AB, "transpose(kron(A, B) @ kron(B, A))"), 4 * once)
    yield ("L (A (x) B) L = B (x) A, L a stride permutation", applied(AB, f"stride_perm({N}, {N}) @ kron(A, B) @ stride_perm({N}, {N})"), 2 * once,
           applied(AB, f"stride_perm({N}, {N}) @ kron(A, B) @ stride_perm({N}, {N}) @ diag(d)", 0, f", d: f64[{NN}]"), 2 * once + NN)
    yield ("permutations cancel", kernel(f"x: f64[{NN}]", f"y: f64[{NN}]", f"operator K = stride_perm(4, {NN // 4}) @ stride_perm({NN // 4}, 4) @ reversal({NN}) @ reversal({NN})\n    y[i] = K[i,j] * x[j]"), 0,
           kernel(f"x: f64[{NN}]", f"y: f64[{NN}]", f"operator K = stride_perm(4, {NN // 4}) @ (reversal({NN}) + identity({NN}))\n    y[i] = K[i,j] * x[j]"), NN)
    yield ("(D (x) E)(A (x) B) = DA (x) EB, diagonals D and E", applied(AB, "kron(diag(d), diag(e)) @ kron(A, B)", 500, f", d: f64[{N}], e: f64[{N}]"), 500 * 2 * once + 2 * NN,
           applied(AB, "diag(d) @ kron(A, B)", 500, f", d: f64[{NN}]"), 500 * (2 * once + NN))
    yield ("a Kronecker sum is two products", applied(AB, f"kron(A, identity({N})) + kron(identity({N}), B)"), 2 * once + NN,
           applied(AB, "kron(A, B) + kron(B, A)"), 4 * once + NN)
    yield ("reflections, one after the other, of a batch", kernel(f"v: f64[{N}], w: f64[{N}], x: f64[100,{N}]", f"y: f64[100,{N}]", "operator K = householder(v) @ householder(w)\n    y[s,i] = K[i,j] * x[s,j]"),
           100 * 2 * 8 * N, applied(squares("AB"), "A @ B", 100, size=N), 100 * 2 * 2 * NN // 2)
    series = lambda powers: f"operator K = (identity({N}) + A) @ (identity({N}) + {powers})\n    y[i] = K[i,j] * x[j]"
    yield ("Cayley's map by Neumann's series: a product a power", kernel(f"A: f64[{N},{N}], x: f64[{N}]", f"y: f64[{N}]", series("A + A @ A + A @ A @ A + A @ A @ A @ A")), 5 * 2 * NN + 5 * N,
           kernel(squares("ABC") + f", x: f64[{N}]", f"y: f64[{N}]", series("C + B @ A + A @ B + B @ B")), 6 * 2 * NN + 5 * N)
    yield ("a loop is a factor n (Brauer diagrams)", kernel(f"x: f64[{N}]", f"y: f64[{N}]", f"y[i] = identity({N})[j,j] * x[i]"), N, kernel(f"A: f64[{N},{N}], x: f64[{N}]", f"y: f64[{N}]", "y[i] = A[j,j] * x[i]"), 2 * N)
    low = "W: f64[200,200], U: f64[200,4], V: f64[4,200], s: f64"
    yield ("(W + s U V) x = W x + s U (V x)", kernel(low + ", x: f64[200]", "y: f64[200]", "y[i] = (W[i,j] + s * U[i,r] * V[r,j]) * x[j]"), 2 * 200 * 200 + 16 * 200 + 204,
           kernel(low + ", x: f64[200]", "y: f64[200]", "y[i] = W[i,j] * (1 + s * U[i,r] * V[r,j]) * x[j]"), 2 * 200 * 200 + 8 * 200 * 200)
    two = low.replace("W: f64[200,200]", "P: f64[200,3], Q: f64[3,200]")
    norms = "let A[i,j] = P[i,r] * Q[r,j] - s * U[i,q] * V[q,j]\n    y[i] = sum[j](A[i,j] * A[i,j])"
    yield ("norms of rows of low rank: |p Q|^2 - 2 s (p Q)(V^T u) + s^2 |u V|^2", kernel(two, "y: f64[200]", norms).replace(") {", ") normwise {"), 200 * 200,
           kernel(two, "y: f64[200]", norms.replace("A[i,j] * A[i,j]", "A[i,j] * A[i,j] * A[i,j]")).replace(") {", ") normwise {"), 12 * 200 * 200)
    three = kernel("A: c128[12,5], B: f64[5,6], C: c128[6,40]", "y: c128[12,40]", "y[i,l] = A[i,j] * B[j,k] * C[k,l]")
    yield ("a real factor among complex ones takes half their work", three, 4 * 5 * 6 * 40 + 8 * 12 * 5 * 40,
           three.replace("f64", "c128"), 8 * (12 * 5 * 6 + 12 * 6 * 40))


def matrix(name, rows, columns, sign, off=0.0):
    """A constant with J A J = sign * A, but for one number."""
    A = np.random.default_rng(rows * columns).standard_normal((rows, columns))
    A += sign * A[::-1, ::-1]
    A[1, 2] += off
    return f"const {name}: f64[{rows},{columns}] = [" + ", ".join("[" + ", ".join(map(repr, map(float, row))) + "]" for row in A) + "]\n"


def even_odd():
    """Matrices that are the same, or the opposite, from their ends."""
    batch = 100

    def halved(m, n):
        return 2 * (-(-m // 2) * -(-n // 2) + (m // 2) * (n // 2)) + m + n

    for m, n, sign in ((64, 64, 1), (64, 64, -1), (65, 64, 1), (64, 65, -1), (65, 67, -1), (67, 65, 1)):
        source = kernel(f"x: f64[{batch},{n}]", f"y: f64[{batch},{m}]", "y[s,i] = A[i,j] * x[s,j]")
        yield (f"J A J = {'+-'[sign < 0]}A, {m} x {n}", matrix("A", m, n, sign) + source, batch * halved(m, n),
               matrix("A", m, n, sign, 1e-9) + source, batch * 2 * m * n)
    source = kernel(f"x: f64[66,{batch}]", f"y: f64[64,{batch}]", "y[i,s] = A[j,i] * x[j,s]")
    yield "the same transposed", matrix("A", 66, 64, 1) + source, batch * halved(64, 66), matrix("A", 66, 64, 1, 1e-9) + source, batch * 2 * 64 * 66
    plane = kernel("u: f64[64,66,3]", "v: f64[66,64,3]", "v[a,b,s] = B[a,i] * B[j,b] * u[i,j,s]")
    yield ("two factors in one product", matrix("B", 66, 64, 1) + plane, 3 * 66 * (halved(66, 64) + halved(64, 66)),
           matrix("B", 66, 64, 1, 1e-9) + plane, 3 * 64 * 2 * (64 * 66 + 66 * 64))
    for promise in ("centrosymmetric", "skew_centrosymmetric"):
        for n in (64, 65):
            source = f"kernel f(A: f64[{n},{n}] {promise}, x: f64[{batch},{n}]) -> (y: f64[{batch},{n}]) CLASS {{ y[s,i] = A[i,j] * x[s,j] }}\n"
            yield (f"{promise}, {n}", source.replace("CLASS", "normwise"), batch * halved(n, n) + 2 * n * n + n,
                   source.replace("CLASS", "reassoc"), batch * 2 * n * n)


class IdentitiesSuite(suites.Suite):
    def flops(self, folder, source):
        (folder / "identity.ein").write_text(source)
        done = subprocess.run([self.einc, "explain", str(folder / "identity.ein"), "--json"], capture_output=True, text=True, timeout=120)
        self.check("a kernel is compiled", done.returncode == 0, source + done.stderr)
        return json.loads(done.stdout)["kernels"][0]["flops"] if done.returncode == 0 else -1

    def agrees(self, folder, what, source):
        (folder / "identity.ein").write_text(source)
        for engine in self.engines:
            done = subprocess.run([self.einc, "check", str(folder / "identity.ein"), f"--engine={engine}"], capture_output=True, text=True, timeout=120)
            self.check(f"{what}, on {engine}", done.returncode == 0, source + done.stdout + done.stderr)

    def identity(self, folder, what, source, most, other, least):
        found, beside = self.flops(folder, source), self.flops(folder, other)
        self.check(what, 0 <= found <= most, f"{found} flops, more than {most}\n{source[-400:]}")
        self.check(f"beside it: {what}", beside >= least, f"{beside} flops, fewer than {least}\n{other[-400:]}")
        self.agrees(folder, what, source)
        self.agrees(folder, f"beside it: {what}", other)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    arguments = parser.parse_args()
    suite = IdentitiesSuite(arguments.einc)
    with tempfile.TemporaryDirectory() as folder:
        for row in itertools.chain(rows(), even_odd()):
            suite.identity(pathlib.Path(folder), *row)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
