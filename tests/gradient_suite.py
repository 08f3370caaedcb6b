#!/usr/bin/python3
"""Derivatives against finite differences and against formulas derived by hand.

Each kernel is run as written at x + h u and x - h u, and its gradient at x: <d_x, u> must be the central difference of <d_y, y>. The
error of that is about h^2 of the third derivative plus eps / h, so with h = 1e-5 and numbers near 1 about 1e-9; the limit is 1e-6 of
the sum of the terms' magnitudes. Formulas are compared at 1e-11. The pairing of complex numbers is Re(conj(a) b).

    gradient_suite.py --einc build/einc
"""
import argparse
import functools
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

import suites

HERE = pathlib.Path(__file__).parent
STEP, LIMIT, EXACT = 1e-5, 1e-6, 1e-11


class GradientSuite(suites.Suite):
    def run(self, source, inputs, outputs, *options):
        """Outputs of the one kernel meant, in order; None and what was said when it did not run."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "k.ein").write_text(source)
            words = []
            for name, array in inputs.items():
                numpy.save(folder / f"{name}.npy", array)
                words.append(f"{name}={folder / name}.npy")
            for name in outputs:
                words += ["-o", f"{name}={folder / name}.out.npy"]
            done = subprocess.run([self.einc, "run", str(folder / "k.ein"), *words, *options], capture_output=True, text=True, timeout=120)
            if done.returncode:
                return None, done.stderr
            return [numpy.load(folder / f"{name}.out.npy") for name in outputs], done.stderr

    @functools.lru_cache(maxsize=1)
    def reads(self, source, option):
        """Names of the inputs that the derivative reads."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "k.ein"
            path.write_text(source)
            text = subprocess.run([self.einc, "pass", str(path), option], capture_output=True, text=True, timeout=60).stdout
        return re.findall(r"= input \d+ (\w+) :", text[text.rindex("\nkernel "):])

    def gradient(self, source, inputs, cotangents, named, engine, option="gradient"):
        """The derivatives of `named` by einc. Only what the derivative reads is handed over: the rest would be refused."""
        given = {**inputs, **{f"d_{name}": array for name, array in cotangents.items()}}
        reads = self.reads(source, f"--{option}={','.join(named)}")
        result, said = self.run(source, {name: given[name] for name in reads}, [f"d_{name}" for name in named], f"--{option}={','.join(named)}",
                                f"--engine={engine}")
        return result, said, reads


def pairing(a, b):
    return float(numpy.sum(numpy.real(numpy.conj(a) * b)))


def draw(random, shape, kind):
    if kind == "c128":
        return random.standard_normal(shape) + 1j * random.standard_normal(shape)
    if kind == "positive":
        return random.uniform(0.5, 1.5, shape)
    if kind == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if kind == "i32":
        return random.integers(-3, 4, shape).astype(numpy.int32)
    if kind == "f32":
        return random.standard_normal(shape).astype(numpy.float32)
    return random.standard_normal(shape)


def central_difference(suite, source, inputs, cotangents, name, direction):
    sides = []
    for sign in (1, -1):
        moved = {**inputs, name: inputs[name] + sign * STEP * direction}
        outputs, said = suite.run(source, moved, list(cotangents), "--engine=ref")
        if outputs is None:
            return None, said
        sides.append(sum(pairing(cotangents[key], value) for key, value in zip(cotangents, outputs)))
    return (sides[0] - sides[1]) / (2 * STEP), ""


def check_case(suite, what, source, inputs, named, seed=1):
    """`inputs`: name to (shape, kind) or an array."""
    random = numpy.random.default_rng(seed)
    arrays = {name: value if isinstance(value, numpy.ndarray) else draw(random, *value) for name, value in inputs.items()}
    names = re.findall(r"(\w+)\s*:", source[source.index("->"):source.index("{")])
    outputs, said = suite.run(source, arrays, names, "--engine=ref")
    if outputs is None:
        return suite.check(f"{what}: runs", False, said)
    smooth = {name: value for name, value in zip(names, outputs) if value.dtype.kind in "fc"}
    cotangents = {name: draw(random, value.shape, "c128" if value.dtype.kind == "c" else "f64").astype(value.dtype) for name, value in smooth.items()}
    directions = {name: draw(random, arrays[name].shape, "c128" if arrays[name].dtype.kind == "c" else "f64") for name in named}
    differences = {name: central_difference(suite, source, arrays, cotangents, name, direction) for name, direction in directions.items()}
    for engine in suite.engines:
        result, said, _ = suite.gradient(source, arrays, cotangents, named, engine)
        if result is None:
            suite.check(f"{what}: the gradient runs in {engine}", False, said)
            continue
        for name, derivative in zip(named, result):
            (expected, said), direction = differences[name], directions[name]
            if expected is None:
                suite.check(f"{what}: d_{name} runs as written", False, said)
                continue
            got = pairing(derivative, direction)
            size = float(numpy.sum(abs(derivative) * abs(direction))) + abs(expected) + 1e-6
            suite.check(f"{what}: d_{name} in {engine}", abs(got - expected) <= LIMIT * size, f"{got} is not {expected}\n{said}")


# ---- functions and operators ----

def function_rows():
    """Name and domains of every row of ir/functions.def."""
    return re.findall(r'^FUNCTION\((\w+), "(\w+)"', (HERE.parent / "ir/functions.def").read_text(), re.M)


def functions(suite):
    rows = function_rows()
    suite.check("functions.def is read", len(rows) >= 12)
    for name, domains in rows:
        kind = "positive" if name in ("log", "sqrt") else "f64"
        check_case(suite, name, f"kernel task(x: f64[9]) -> (y: f64[9]) {{ y[i] = {name}(x[i]) }}", {"x": (9, kind)}, ["x"])
        if "C" in domains:
            check_case(suite, f"complex {name}", f"kernel task(x: c128[5]) -> (y: c128[5]) {{ y[i] = {name}(x[i]) }}", {"x": (5, "c128")}, ["x"])


EXPRESSIONS = {
    "sum and difference": "a[i] + b[i] - 2 * a[i]",
    "product": "a[i] * b[i] * a[i]",
    "quotient": "a[i] / b[i]",
    "quotient of itself": "(1 + a[i]) / (a[i] * b[i])",
    "remainder": "a[i] mod b[i]",
    "whole quotient": "(a[i] div b[i]) * b[i]",
    "min and max": "min(a[i], b[i]) + max(2 * a[i], b[i] * b[i])",
    "magnitude": "abs(a[i] * b[i])",
    "choice": "where(a[i] > b[i], a[i] * b[i], exp(b[i]))",
    "choice with a slope that is infinite elsewhere": "where(a[i] > 0, sqrt(a[i] * b[i]), 0)",
    "cast to single and back": "a[i] * f64(i) + b[i]",
    "logistic": "log(1 + exp(a[i])) * b[i]",
    "parts": "real((a[i] + 1i * b[i]) * (a[i] + 1i * b[i]) * (2 - 3i))",
    "magnitude of a complex number": "abs(a[i] + 1i * b[i])",
    "conjugate": "imag(conj(a[i] + 1i * b[i]) / (b[i] + 2i))",
}


def expressions(suite):
    for what, text in EXPRESSIONS.items():
        source = f"kernel task(a: f64[8], b: f64[8]) -> (y: f64[8]) {{ y[i] = {text} }}"
        check_case(suite, what, source, {"a": (8, "f64"), "b": (8, "positive")}, ["a", "b"])
    source = "kernel task(a: c128[6], b: c128[6], s: f64) -> (y: c128[6], r: f64[6]) {\n" \
             "    y[i] = a[i] * conj(b[i]) / (2 + a[i] * a[i]) + s * exp(1i * abs(b[i]))\n    r[i] = real(a[i]) * imag(b[i]) + abs(a[i])\n}"
    check_case(suite, "complex arithmetic", source, {"a": (6, "c128"), "b": (6, "c128"), "s": numpy.array(0.7)}, ["a", "b", "s"])


# ---- kernels ----

KERNELS = {
    "broadcast": ("kernel task(a: f64[3], b: f64[4], s: f64) -> (y: f64[3, 4]) { y[i,j] = exp(a[i] * s) * b[j] + a[i] }",
                  {"a": (3, "f64"), "b": (4, "f64"), "s": numpy.array(0.3)}, ["a", "b", "s"]),
    "softmax": ("kernel task(s: f64[3, 5]) -> (w: f64[3, 5], m: f64[3]) {\n m[i] = max[j](s[i,j])\n"
                " w[i,j] = exp(s[i,j] - max[k](s[i,k])) / sum[l](exp(s[i,l] - max[k](s[i,k])))\n}", {"s": ((3, 5), "f64")}, ["s"]),
    "least sums": ("kernel task(a: f64[4, 5], b: f64[5, 3]) -> (c: f64[4, 3]) { c[i,j] = min[k](a[i,k] + b[k,j]) }",
                   {"a": ((4, 5), "f64"), "b": ((5, 3), "f64")}, ["a", "b"]),
    "least sums of three": ("kernel task(a: f64[4, 5], b: f64[5, 3], c: f64[5]) -> (d: f64[4, 3]) { d[i,j] = min[k](a[i,k] + b[k,j] + c[k]) }",
                            {"a": ((4, 5), "f64"), "b": ((5, 3), "f64"), "c": (5, "f64")}, ["c", "a", "b"]),
    "product with a zero": ("kernel task(x: f64[3, 4]) -> (p: f64[3]) { p[i] = prod[j](x[i,j]) }",
                            {"x": numpy.array([[1, 2, 3, 0.5], [1, 0, 2, 1], [0, 0, 1, 2]])}, ["x"]),
    "pooling": ("kernel task(x: f64[2, 8]) -> (y: f64[2, 4]) { y[c,i] = max[r: 2](x[c,2*i+r]) }", {"x": ((2, 8), "f64")}, ["x"]),
    "overlapping pooling": ("kernel task(x: f64[2, 9]) -> (y: f64[2, 4]) { y[c,i] = max[r: 3](x[c,2*i+r]) }", {"x": ((2, 9), "f64")}, ["x"]),
    "padded difference": ("dim n\nkernel task(x: f64[n], s: f64) -> (y: f64[n]) { y[i] = s * (pad(x[i+1], 0) - 2 * x[i] + pad(x[i-1], 1)) }",
                          {"x": (7, "f64"), "s": numpy.array(2.0)}, ["x", "s"]),
    "a Fourier transform": ("dim n = 6\nkernel task(x: c128[n]) -> (y: c128[n], power: f64[n]) {\n y[k] = exp(-2i * pi * k * l / n) * x[l]\n"
                            " power[k] = real(y[k] * conj(y[k]))\n}", {"x": (6, "c128")}, ["x"]),
    "layers that share": ("kernel task(W: f64[4, 4], x: f64[4]) -> (y: f64[4]) {\n let h[i] = tanh(W[i,j] * x[j])\n let g[i] = sigmoid(W[i,j] * h[j])\n"
                          " y[i] = g[i] * W[i,i] + W[i,j] * h[j] * g[i]\n}", {"W": ((4, 4), "f64"), "x": (4, "f64")}, ["W", "x"]),
    "butterfly": ("kernel task(X: f64[2, 3, 3, 2], w: f64[12]) -> (y: f64[12]) { y[(p,i,q)] = X[p,i,j,q] * w[(p,j,q)] }",
                  {"X": ((2, 3, 3, 2), "f64"), "w": (12, "f64")}, ["X", "w"]),
    "a table": ("const t: i32[6] = [2, 0, 2, 1, 4, 2]\nkernel task(x: f64[5, 2], w: f64[6]) -> (y: f64[6, 2]) { y[i,c] = x[t[i],c] * x[t[i],c] * w[i] }",
                {"x": ((5, 2), "f64"), "w": (6, "f64")}, ["x", "w"]),
    "called kernels": ("kernel f(x: f64[3], s: f64) -> (y: f64[3]) { y[i] = silu(x[i] * s) }\n"
                       "kernel task(x: f64[3], t: f64) -> (z: f64) { z = f(f(x, t), t)[i] * x[i] }", {"x": (3, "f64"), "t": numpy.array(0.8)}, ["x", "t"]),
    "single precision inside": ("kernel task(x: f64[4], n: i32[4], m: bool[4]) -> (y: f64[4]) { y[i] = where(m[i], x[i] * f64(n[i]), x[i] * x[i]) }",
                                {"x": (4, "f64"), "n": (4, "i32"), "m": (4, "bool")}, ["x"]),
    "two outputs, one integer": ("kernel task(x: f64[4], n: i32[4]) -> (y: f64[4], m: i32[4]) {\n y[i] = x[i] * x[i]\n m[i] = 2 * n[i]\n}",
                                 {"x": (4, "f64"), "n": (4, "i32")}, ["x"]),
    "a recurrent layer": ("dim T\nkernel task(x: f64[T, 3], W: f64[4, 4], U: f64[4, 3], h0: f64[4]) -> (h: f64[T, 4], last: f64[4]) {\n"
                          " scan t { h[t,n] = tanh(W[n,m] * h[t-1,m] + U[n,i] * x[t,i]) } from h[-1,n] = h0[n]\n last[n] = h[T-1,n] * h0[n]\n}",
                          {"x": ((5, 3), "f64"), "W": ((4, 4), "f64"), "U": ((4, 3), "f64"), "h0": (4, "f64")}, ["x", "W", "U", "h0"]),
    "a gated layer, backwards": ("dim T\nkernel task(x: f64[T, 4], V: f64[4, 4], c0: f64[4]) -> (y: f64[T, 4]) {\n"
                                 " scan t {\n  f[t,n] = sigmoid(V[n,m] * y[t+1,m] + x[t,n])\n  c[t,n] = f[t,n] * c[t+1,n] + (1 - f[t,n]) * x[t,n]\n"
                                 "  y[t,n] = max(c[t,n], -0.5) * f[t,n]\n } from c[T,n] = c0[n], y[T,n] = 0\n}",
                                 {"x": ((6, 4), "f64"), "V": ((4, 4), "f64"), "c0": (4, "f64")}, ["V", "x", "c0"]),
    "a state space": ("dim T\nkernel task(a: f64[T], B: f64[T, 3], C: f64[T, 3], x: f64[T, 2]) -> (y: f64[T, 2]) {\n"
                      " scan t {\n  h[t,n,p] = exp(-a[t]) * h[t-1,n,p] + B[t,n] * x[t,p]\n  y[t,p] = C[t,n] * h[t,n,p]\n } from h[-1,n,p] = 0\n}",
                      {"a": (16, "positive"), "B": ((16, 3), "f64"), "C": ((16, 3), "f64"), "x": ((16, 2), "f64")}, ["a", "B", "C", "x"]),
    "an embedding": ("dim B, V\nkernel task(table: f64[V, 3], token: i32[B], W: f64[3, 2]) -> (y: f64[B, 2]) { y[b,k] = tanh(table[token[b],d] * W[d,k]) }",
                     {"table": ((6, 3), "f64"), "token": numpy.array([1, 5, 1, 0, 1], numpy.int32), "W": ((3, 2), "f64")}, ["table", "W"]),
    "a mesh": ("dim E, N\nkernel task(u: f64[N], node: i64[E, 2], a: f64[E]) -> (v: f64[E, 2], w: f64[N]) {\n let left[e] = node[e,0]\n"
               " v[e,i] = u[node[e,i]] * a[e] - u[left[e]]\n w[n] = u[n] * u[n]\n}",
               {"u": (4, "f64"), "node": numpy.array([[0, 1], [1, 3], [3, 3]]), "a": (3, "f64")}, ["u", "a"]),
    "a stiffness matrix": ("dim E, N\nconst B: f64[2, 2] = [[2, -1], [-1, 3]]\nkernel task(node: i32[E, 2], h: f64[E], u: f64[N]) -> (y: f64[N]) {\n"
                           " y[node[e,a]] += B[a,b] * u[node[e,b]] * u[node[e,a]] / h[e]\n}",
                           {"node": numpy.array([[0, 1], [1, 3], [3, 3]], numpy.int32), "h": (3, "positive"), "u": (4, "f64"), "y": (4, "f64")}, ["h", "u"]),
    "a symmetric matrix": ("dim n\nkernel task(A: f64[n, n] symmetric, x: f64[n]) -> (y: f64[n]) { y[i] = A[i,j] * x[j] * A[j,i] }",
                           {"A": ((4, 4), "f64"), "x": (4, "f64")}, ["A", "x"]),
    "blocks": ("dim n = 4, m = 3\nkernel task(a: f64[m, 2], b: f64[n, 2]) -> (y: f64[m + n, 2]) {\n y[i: m, j] = a[i,j] * a[i,j]\n y[m + i: n, j] = 2 * b[i,j]\n}",
               {"a": ((3, 2), "f64"), "b": ((4, 2), "f64")}, ["a", "b"]),
    "an input that is an output": ("kernel task(x: f64[4]) -> (y: f64[4], z: f64) {\n y = x\n z = sum[i](x[i] * x[i])\n}", {"x": (4, "f64")}, ["x"]),
}


def kernels(suite):
    for what, (source, inputs, named) in KERNELS.items():
        source_of_k = source[source.index("kernel task("):] if source.startswith("kernel f") else source
        if source_of_k is not source:
            check_called(suite, what, source, inputs, named)
        else:
            check_case(suite, what, source, inputs, named)


def check_called(suite, what, source, inputs, named):
    """Of several kernels the last has the inputs named."""
    random = numpy.random.default_rng(5)
    arrays = {name: value if isinstance(value, numpy.ndarray) else draw(random, *value) for name, value in inputs.items()}
    d_z = numpy.array(1.0)
    result, said, _ = suite.gradient(source, arrays, {"z": d_z}, named, "c")
    if result is None:
        return suite.check(f"{what}: runs", False, said)

    def value(x, t):
        silu = lambda a: a / (1 + numpy.exp(-a))
        return silu(silu(x * t) * t) @ x

    for name, derivative in zip(named, result):
        direction = random.standard_normal(arrays[name].shape)
        sides = [value(**{**arrays, name: arrays[name] + sign * STEP * direction}) for sign in (1, -1)]
        expected = (sides[0] - sides[1]) / (2 * STEP)
        suite.check(f"{what}: d_{name}", abs(pairing(derivative, direction) - expected) < LIMIT, f"{derivative} {expected}")


# ---- formulas ----

def expect(suite, what, got, wanted):
    error = abs(got - wanted).max() / max(abs(wanted).max(), 1e-300)
    suite.check(what, error <= EXACT, f"error {error}")


def mlp(suite):
    source = "dim n\nkernel task(x: f64[n, 6], W: f64[6, 8], b: f64[8], V: f64[8, 3]) -> (y: f64[n, 3]) {\n" \
             "    let h[s,o] = tanh(x[s,i] * W[i,o] + b[o])\n    y[s,k] = h[s,o] * V[o,k]\n}"
    random = numpy.random.default_rng(7)
    x, W, b, V, d_y = (random.standard_normal(shape) for shape in ((5, 6), (6, 8), 8, (8, 3), (5, 3)))
    for engine in suite.engines:
        (d_W, d_b, d_V, d_x), _, _ = suite.gradient(source, dict(x=x, W=W, b=b, V=V), dict(y=d_y), ["W", "b", "V", "x"], engine)
        h = numpy.tanh(x @ W + b)
        inside = d_y @ V.T * (1 - h * h)
        for name, got, wanted in (("W", d_W, x.T @ inside), ("b", d_b, inside.sum(0)), ("V", d_V, h.T @ d_y), ("x", d_x, inside @ W.T)):
            expect(suite, f"perceptron d_{name} in {engine}", got, wanted)


def attention(suite):
    source = "dim T\nkernel task(q: f64[2, T, 4], k: f64[2, T, 4], v: f64[2, T, 4]) -> (o: f64[2, T, 4]) {\n" \
             "    let s[b,t,u] = 0.5 * (q[b,t,e] * k[b,u,e])\n    let m[b,t] = max[u](s[b,t,u])\n    let a[b,t,u] = exp(s[b,t,u] - m[b,t])\n" \
             "    let z[b,t] = sum[u](a[b,t,u])\n    o[b,t,e] = a[b,t,u] * v[b,u,e] / z[b,t]\n}"
    random = numpy.random.default_rng(8)
    q, k, v, d_o = (random.standard_normal((2, 6, 4)) for _ in range(4))
    s = 0.5 * q @ k.transpose(0, 2, 1)
    p = numpy.exp(s - s.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    d_p = d_o @ v.transpose(0, 2, 1)
    d_s = 0.5 * p * (d_p - (d_p * p).sum(-1, keepdims=True))
    wanted = {"q": d_s @ k, "k": d_s.transpose(0, 2, 1) @ q, "v": p.transpose(0, 2, 1) @ d_o}
    for engine in suite.engines:
        result, said, _ = suite.gradient(source, dict(q=q, k=k, v=v), dict(o=d_o), list(wanted), engine)
        for (name, value), got in zip(wanted.items(), result or [None] * 3):
            expect(suite, f"attention d_{name} in {engine}", got, value) if result else suite.check("attention", False, said)


def convolution(suite):
    """Stride 2, padding 1: what PyTorch's conv_transpose2d and its weight gradient compute."""
    source = "dim N, H, W, Ho = (H - 1) / 2 + 1, Wo = (W - 1) / 2 + 1\nkernel task(x: f64[N, 3, H, W], f: f64[4, 3, 3, 3]) -> (y: f64[N, 4, Ho, Wo]) {\n" \
             "    y[n,k,i,j] = pad(x[n,m,2*i+a-1,2*j+b-1], 0) * f[k,m,a,b]\n}"
    random = numpy.random.default_rng(9)
    for H, W in ((7, 8), (5, 4), (1, 2)):
        x, f = random.standard_normal((2, 3, H, W)), random.standard_normal((4, 3, 3, 3))
        Ho, Wo = (H - 1) // 2 + 1, (W - 1) // 2 + 1
        d_y = random.standard_normal((2, 4, Ho, Wo))
        padded, d_padded, d_f = numpy.pad(x, ((0, 0), (0, 0), (1, 2), (1, 2))), numpy.zeros((2, 3, H + 3, W + 3)), numpy.zeros_like(f)
        for i in range(Ho):
            for j in range(Wo):
                d_f += numpy.einsum("nk,nmab->kmab", d_y[:, :, i, j], padded[:, :, 2 * i:2 * i + 3, 2 * j:2 * j + 3])
                d_padded[:, :, 2 * i:2 * i + 3, 2 * j:2 * j + 3] += numpy.einsum("nk,kmab->nmab", d_y[:, :, i, j], f)
        for engine in suite.engines:
            (d_x, got_f), _, _ = suite.gradient(source, dict(x=x, f=f), dict(y=d_y), ["x", "f"], engine)
            expect(suite, f"convolution d_x at {H} x {W} in {engine}", d_x, d_padded[:, :, 1:H + 1, 1:W + 1])
            expect(suite, f"convolution d_f at {H} x {W} in {engine}", got_f, d_f)


def elements(suite):
    """Interpolation on spectral elements: adjoint, gradient, and the dot-product test."""
    source = "dim E, p = 4, q = 5\nkernel task(B: f64[q, p], u: f64[E, p, p, p]) -> (v: f64[E, q, q, q]) {\n" \
             "    v[e,a,b,c] = B[a,i] * B[b,j] * B[c,k] * u[e,i,j,k]\n}"
    random = numpy.random.default_rng(10)
    B, u, d_v = random.standard_normal((5, 4)), random.standard_normal((3, 4, 4, 4)), random.standard_normal((3, 5, 5, 5))
    (v,), _ = suite.run(source, dict(B=B, u=u), ["v"])
    wanted_u = numpy.einsum("ai,bj,ck,eabc->eijk", B, B, B, d_v)
    wanted_B = sum(numpy.einsum(text, B, B, u, d_v) for text in ("bj,ck,eijk,eabc->ai", "ai,ck,eijk,eabc->bj", "ai,bj,eijk,eabc->ck"))
    for engine in suite.engines:
        (d_u,), _, reads = suite.gradient(source, dict(B=B, u=u), dict(v=d_v), ["u"], engine, "adjoint")
        suite.check("an adjoint does not read what it is the adjoint in", reads == ["B", "d_v"], str(reads))
        expect(suite, f"interpolation, adjoint in {engine}", d_u, wanted_u)
        scale = float(numpy.sum(abs(v) * abs(d_v)))
        suite.check(f"interpolation, dot products in {engine}", abs(pairing(d_v, v) - pairing(d_u, u)) <= 1e-13 * scale)
        (d_B, d_u), _, _ = suite.gradient(source, dict(B=B, u=u), dict(v=d_v), ["B", "u"], engine)
        expect(suite, f"interpolation d_B in {engine}", d_B, wanted_B)
        expect(suite, f"interpolation d_u in {engine}", d_u, wanted_u)


def assembly(suite):
    """An operator that adds to its output, element by element: its adjoint gathers where it scattered."""
    source = "dim E, N\nconst B: f64[2, 2] = [[2, -1], [0.5, 3]]\nkernel task(node: i32[E, 2], u: f64[N]) -> (y: f64[N]) { y[node[e,a]] += B[a,b] * u[node[e,b]] }"
    random = numpy.random.default_rng(12)
    node, B = numpy.array([[0, 1], [1, 2], [2, 4], [4, 4]], numpy.int32), numpy.array([[2, -1], [0.5, 3]])
    matrix = numpy.zeros((5, 5))
    for pair in node:
        matrix[numpy.ix_(pair, pair)] += B if pair[0] != pair[1] else 0
    matrix[4, 4] += B.sum()
    u, d_y = random.standard_normal(5), random.standard_normal(5)
    (y,), _ = suite.run(source, dict(node=node, u=u, y=numpy.zeros(5)), ["y"])
    expect(suite, "assembly", y, matrix @ u)
    for engine in suite.engines:
        (d_u,), _, reads = suite.gradient(source, dict(node=node, u=u, y=numpy.zeros(5)), dict(y=d_y), ["u"], engine, "adjoint")
        suite.check("the adjoint of an assembly reads no values", reads == ["node", "d_y"], str(reads))
        expect(suite, f"assembly, adjoint in {engine}", d_u, matrix.T @ d_y)


def storage(suite):
    """16-bit types: sums of many terms are made in f32, so only what is stored is rounded."""
    source = "kernel task(x: f16[3000, 4], b: f16[4], w: f16[4]) -> (y: f16[3000, 4], z: f16[3000]) {\n" \
             "    y[i,j] = x[i,j] * b[j]\n    z[i] = x[i,j] * w[j]\n}"
    random = numpy.random.default_rng(13)
    x, b, w, d_y, d_z = (random.uniform(0.5, 1, shape).astype(numpy.float16) for shape in ((3000, 4), 4, 4, (3000, 4), 3000))
    wide = lambda array: array.astype(float)
    for engine in suite.engines:
        (d_b, d_w), _, _ = suite.gradient(source, dict(x=x, b=b, w=w), dict(y=d_y, z=d_z), ["b", "w"], engine)
        for name, got, wanted in (("b", d_b, (wide(x) * wide(d_y)).sum(0)), ("w", d_w, wide(x).T @ wide(d_z))):
            error = abs(wide(got) - wanted).max() / abs(wanted).max()
            suite.check(f"f16 d_{name} in {engine}", got.dtype == numpy.float16 and error < 1e-3, f"{got} {wanted}")


def conventions(suite):
    """Ties, kinks and zeros, as docs/gradient.md has them."""
    x = numpy.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    for engine in suite.engines:
        (d_x,), _, _ = suite.gradient("kernel task(x: f64[2, 3]) -> (m: f64[2]) { m[i] = max[j](x[i,j]) }", dict(x=x), dict(m=numpy.array([6.0, 6.0])), ["x"], engine)
        suite.check(f"ties share in {engine}", (d_x == [[0, 3, 3], [2, 2, 2]]).all(), str(d_x))
        at_kinks = numpy.array([-1.0, 0.0, 2.0])
        for text, wanted in (("relu(x[i])", [0, 0, 1]), ("abs(x[i])", [-1, 0, 1]), ("max(x[i], 0)", [0, 0.5, 1]), ("min(x[i], 0)", [1, 0.5, 0]),
                             ("where(x[i] > 0, sqrt(x[i]), 0)", [0, 0, 0.5 / 2 ** 0.5])):
            source = f"kernel task(x: f64[3]) -> (y: f64[3]) {{ y[i] = {text} }}"
            (d_x,), _, _ = suite.gradient(source, dict(x=at_kinks), dict(y=numpy.ones(3)), ["x"], engine)
            suite.check(f"{text} at kinks in {engine}", abs(d_x - wanted).max() < 1e-15, str(d_x))
    source = "kernel task(x: f64[3], w: f64[3]) -> (y: f64[3]) { y[i] = f64(i32(x[i])) * w[i] }"
    (d_x,), said, reads = suite.gradient(source, dict(x=at_kinks, w=at_kinks), dict(y=numpy.ones(3)), ["x"], "c")
    suite.check("a derivative that is 0", (d_x == 0).all() and "W0821" in said and reads == [], said)


def selection(suite):
    """Which kernel the options mean, and what the command then runs."""
    source = "kernel f(x: f64[3]) -> (y: f64[3]) { y[i] = 2 * x[i] }\nkernel g(x: f64[3], w: f64) -> (y: f64[3]) { y[i] = w * w * x[i] }"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "k.ein"
        path.write_text(source)

        def kernels_of(*options):
            done = subprocess.run([suite.einc, "build", str(path), "--emit=tensor", "-o", "-", *options], capture_output=True, text=True, timeout=60)
            return done.returncode, re.findall(r"^kernel (\w+)", done.stdout, re.M)

        suite.check("every kernel with the inputs", kernels_of("--gradient=x") == (0, ["f", "g", "f_gradient", "g_gradient"]))
        suite.check("only those with all of them", kernels_of("--gradient=x,w") == (0, ["f", "g", "g_gradient"]))
        suite.check("the one named", kernels_of("--gradient=f:x", "--adjoint=g:x") == (0, ["f", "g", "f_gradient", "g_adjoint"]))
        suite.check("none", kernels_of("--gradient=z")[0] == 1 and kernels_of("--adjoint=w")[0] == 1)
        suite.check("no names", kernels_of("--gradient=")[0] == 2 and kernels_of("--gradient=x,,w")[0] == 2)
        run = lambda *words: subprocess.run([suite.einc, "run", str(path), *words], capture_output=True, text=True, timeout=60)
        numpy.save(pathlib.Path(folder) / "d.npy", numpy.ones(3))
        done = run("f", f"d_y={folder}/d.npy", "--gradient=f:x")
        suite.check("run f is run f_gradient", done.returncode == 0 and done.stdout.split() == ["[2.", "2.", "2.]"] or "2" in done.stdout, done.stdout + done.stderr)
        for command in (["check"], ["explain"], ["explain", "--json"], ["bench", "--repeat=1"]):
            done = subprocess.run([suite.einc, command[0], str(path), "--gradient=x", *command[1:]], capture_output=True, text=True, timeout=120)
            suite.check(f"{command} takes --gradient", done.returncode == 0 and "g_gradient" in done.stdout, done.stdout + done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = GradientSuite(parser.parse_args().einc)
    for part in (functions, expressions, kernels, mlp, attention, convolution, elements, assembly, storage, conventions, selection):
        part(suite)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
