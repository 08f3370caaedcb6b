#!/usr/bin/python3
"""Packing on ciphertexts: kernels of every structure as schedules, each run in clear slots against NumPy, verified by he-check, and its rotations and
depth held against what the formulas of docs/packing.md promise; some on real CKKS as well (`--seal FOLDER`, which gets node-seal). Prints the table;
`--long` adds the rows that take longest."""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import he_suite
import suites

RNG = np.random.default_rng(5)
ENCRYPTED = {"kron 32 x 32": (1024, 2), "monarch 32 x 32": (2048, 2), "butterfly 1024": (1024, 3)}  # slots and depth
TOLERANCE = 1e-9  # of max|y|: slots are doubles, sums of up to 2^14 terms


class Rows:
    """Runs one kernel after the other in a folder of its own."""

    def __init__(self, suite, folder, seal):
        self.suite, self.folder, self.seal = suite, pathlib.Path(folder), seal
        if seal:
            he_suite.install(seal)

    def array(self, name, value):
        np.save(self.folder / f"{name}.npy", value)
        return f'const {name}: f64[{",".join(map(str, value.shape))}] = file("{name}.npy")\n'

    def einc(self, *words):
        return subprocess.run([self.suite.einc, *words], capture_output=True, text=True, cwd=self.folder, timeout=300)

    def encrypted(self, what, inputs, wanted, rotations, slack=0):
        """The schedule k.he on real CKKS: keys exactly as declared, or the executor refuses; error below 2^-(scale - 21) beside that of polynomials."""
        if not self.seal:
            return
        environment = {**os.environ, "NODE_PATH": str(self.seal / "node_modules")}
        ran = subprocess.run(["node", he_suite.RUN, "k.he", *(f"{name}=in_{name}.npy" for name in inputs), "-o", "c.npy", "--json"], cwd=self.folder,
                             capture_output=True, text=True, env=environment, timeout=300)
        if ran.returncode:
            self.suite.check(f"{what}, encrypted", False, ran.stderr)
            return
        counts = {"rot": 0, **{op["op"]: op["count"] for op in json.loads(ran.stdout)["ops"]}}
        error, allowed = np.max(np.abs(np.load(self.folder / "c.npy") - wanted)), slack + 2.0 ** (21 - 40) * max(1, np.max(np.abs(wanted)))
        print(f"    encrypted: {counts['rot']} rotations, error {error:.1e} of {allowed:.1e} allowed")
        self.suite.check(f"{what}, encrypted", counts["rot"] == rotations and error < allowed, f"{counts} {error}")

    def row(self, what, source, inputs, wanted, slots, rotations, depth, *options, tolerance=TOLERANCE):
        """`source` holds one kernel with output y; at most `rotations` and `depth` are allowed, and an error of `tolerance` times max|y|."""
        (self.folder / "k.ein").write_text(source)
        for name, value in inputs.items():
            np.save(self.folder / f"in_{name}.npy", value)
        built = self.einc("build", "k.ein", "--emit=he", "-o", "k.he", f"--slots={slots}", *options)
        checked = self.einc("he-check", "k.he", "--json") if built.returncode == 0 else built
        ran = self.einc("he-run", "k.he", *(f"{name}=in_{name}.npy" for name in inputs), "-o", "y.npy") if checked.returncode == 0 else checked
        if ran.returncode:
            self.suite.check(what, False, built.stderr + checked.stderr + ran.stderr)
            return
        counts = json.loads(checked.stdout)
        counts = counts.get("counts", counts)
        error = np.max(np.abs(np.load(self.folder / "y.npy") - wanted)) / max(np.max(np.abs(wanted)), 1e-300)
        print(f"{what:44} S {slots:5}  rotations {counts['rot']:3} (at most {rotations:3})  depth {counts['depth']} ({depth})  keys {counts['keys']:3}  error {error:.1e}")
        self.suite.check(what, counts["rot"] <= rotations and counts["depth"] <= depth and error <= tolerance, f"{counts}, error {error}")
        if what in ENCRYPTED and (slots, depth) == ENCRYPTED[what]:
            self.encrypted(what, inputs, wanted, counts["rot"])

    def told(self, what, options, wanted):
        """What `explain` says of functions in k.ein: name, range and an error within what was allowed, and the depth within what the degree allows."""
        done = self.einc("explain", "k.ein", "--json", *options)
        functions = json.loads(done.stdout)["kernels"][0]["he"]["functions"] if done.returncode == 0 else []
        found = [(function["function"], function["low"], function["high"]) for function in functions]
        near = all(function["error"] <= entry[3] for function, entry in zip(functions, wanted))
        shallow = all(function["depth"] <= math.ceil(math.log2(function["degree"])) + 1 for function in functions)
        for function in functions:
            print(f"    degree {function['degree']}, depth {function['depth']}, error {function['error']:.1e}")
        self.suite.check(f"{what}, explained", found == [entry[:3] for entry in wanted] and near and shallow, f"{functions} {done.stderr}")


def vector(n):
    return RNG.standard_normal(n)


def linear(rows, what, consts, operator, matrix, slots, rotations, depth, *options):
    m, n = matrix.shape
    x = vector(n)
    text = "kernel k(x: f64[{}]) -> (y: f64[{}]) {{ y[i] = {}[i,j] * x[j] }}\n"
    rows.row(what, consts + text.format(n, m, operator), {"x": x}, matrix @ x, slots, rotations, depth, *options)
    if operator != "W":
        rows.row(f"{what}, numbers", rows.array("W", matrix) + text.format(n, m, "W"), {"x": x}, matrix @ x, slots, rotations, depth, *options)


def dense(rows, long):
    for n, plain, copies in ((64, 14, 6), (256, 30, 10), (1024, 62, 32), (4096, 126, 126)):
        if n == 4096 and not long:
            continue
        W = RNG.standard_normal((n, n))
        const = rows.array("W", W)
        linear(rows, f"dense {n}", const, "W", W, n, plain, 1)
        if n < 4096:
            linear(rows, f"dense {n}", const, "W", W, 4096, copies, 1)
    # Larger than a ciphertext: n/S inputs share the baby steps' count, n/S outputs the giant steps': 2 (16 - 1) + 2 (16 - 1).
    W = RNG.standard_normal((512, 512))
    linear(rows, "dense 512 in two ciphertexts", rows.array("W", W), "W", W, 256, 60, 1)
    # Several inputs, one output: 4 (2 - 1) + (64 - 1) at best B with folds, 8 (B - 1) + (32 / B - 1) + 2; several outputs: 32 diagonals of four rows each.
    for m, n, most in ((32, 1024, 25), (1024, 32, 23), (300, 70, 36), (70, 300, 36)):
        W = RNG.standard_normal((m, n))
        linear(rows, f"dense {m} x {n}", rows.array("W", W), "W", W, 128, most, 1)
    if long:
        W = RNG.standard_normal((8192, 8192))
        linear(rows, "dense 8192 in two ciphertexts", rows.array("W", W), "W", W, 4096, 252, 1)
    W = RNG.standard_normal((10, 13))
    linear(rows, "dense 10 x 13", rows.array("W", W), "W", W, 64, 8, 1)


def monarch_matrix(left, right):
    b = left.shape[0]
    return np.einsum("jik,kjm->ijkm", left, right).reshape(b * b, b * b)


def structured(rows, long):
    for b, whole, double, blocks in ((8, 10, 8, 6), (16, 16, 12, 10), (32, 24, 20, 14), (64, 35, 28, 21)):
        n = b * b
        if n == 4096 and not long:
            continue
        A, B, L, R = (RNG.standard_normal(shape) for shape in ((b, b), (b, b), (b, b, b), (b, b, b)))
        consts = rows.array("A", A) + rows.array("B", B) + rows.array("L", L) + rows.array("R", R)
        for slots, most in ((n, whole), (2 * n, double)):
            linear(rows, f"kron {b} x {b}", consts, "kron(A, B)", np.kron(A, B), slots, most, 2)
            linear(rows, f"monarch {b} x {b}", consts, "monarch(L, R)", monarch_matrix(L, R), slots, most, 2)
        diagonal = np.zeros((b, b, b, b))
        diagonal[np.arange(b), :, np.arange(b), :] = L
        linear(rows, f"block-diagonal {b}", consts, "blockdiag(L)", diagonal.reshape(n, n), n, blocks, 1)
    n, r = 4096, 16
    U, V = RNG.standard_normal((n, r)), RNG.standard_normal((r, n))
    linear(rows, "low rank 16", rows.array("U", U) + rows.array("V", V), "lowrank(U, V)", U @ V, n, 20, 2)


def butterfly(rows, bits, targets):
    n = 1 << bits
    matrix, consts, names = np.eye(n), "", []
    for k in range(bits):
        X = RNG.standard_normal((1 << k, 2, 2, n >> (k + 1))) * 0.7
        consts += rows.array(f"X{k}", X)
        names.append(f"X{k}")
        p, d = X.shape[0], X.shape[3]
        stage = np.zeros((p, 2, d, p, 2, d))
        for q in range(d):
            stage[np.arange(p), :, q, np.arange(p), :, q] = X[:, :, :, q]
        matrix = matrix @ stage.reshape(n, n) if n <= 1024 else None
    operator = f"butterfly({', '.join(names)})"
    for depth, most in targets:
        if matrix is not None:
            linear(rows, f"butterfly {n}", consts, operator, matrix, n, most, depth, f"--levels={depth}")


def found(rows):
    """What the numbers of constants are found to be is said; what needs more levels than there are, or more rotations, is not taken."""
    A, B = RNG.standard_normal((2, 8, 8))
    matrix, x = np.kron(A, B), vector(64)
    source = rows.array("W", matrix) + "kernel k(x: f64[64]) -> (y: f64[64]) { y[i] = W[i,j] * x[j] }\n"
    rows.row("a product that is found, one level", source, {"x": x}, matrix @ x, 64, 14, 1, "--levels=1")
    rows.row("a product that is found, free slots", source, {"x": x}, matrix @ x, 4096, 6, 1)
    for written, points, findings in (("", [(14, 1), (10, 2)], ["W = kron(w0, w1)"]), ("reassoc", [(14, 1)], [])):
        (rows.folder / "k.ein").write_text(source.replace("{ y", written + " { y"))
        done = rows.einc("explain", "k.ein", "--json", "--slots=64")
        he = json.loads(done.stdout)["kernels"][0]["he"] if done.returncode == 0 else {"points": [], "findings": []}
        listed = [(point["rotations"], point["depth"]) for point in he["points"]]
        rows.suite.check(f"explain of what is found, {written}", listed == points and [f["finding"] for f in he["findings"]] == findings, done.stdout + done.stderr)
    V, bias = np.kron(B, A), vector(64)
    source = rows.array("W", matrix) + rows.array("V", V) + rows.array("b", bias) + (
        "kernel k(x: f64[64]) -> (y: f64[64]) {\n    let h[i] = W[i,j] * x[j] + b[i]\n    y[i] = V[i,j] * (h[j] * h[j])\n}\n")
    wanted = V @ (matrix @ x + bias) ** 2
    rows.row("two layers that are found", source, {"x": x}, wanted, 64, 20, 5)
    rows.row("two layers, one of them as found", source, {"x": x}, wanted, 64, 24, 4, "--levels=4")
    done = rows.einc("check", "k.ein", "--engine=he", "--slots=64")
    rows.suite.check("check of what is found", done.returncode == 0 and " ok " in done.stdout, done.stdout + done.stderr)


def network(rows):
    W1, W2, b1 = RNG.standard_normal((128, 128)) / 11, RNG.standard_normal((32, 128)) / 11, RNG.standard_normal(128)
    x = vector(128)
    consts = rows.array("W1", W1) + rows.array("W2", W2) + rows.array("b1", b1)
    body = "let h[i] = W1[i,j] * x[j]{}\n    y[i] = W2[i,j] * (h[j] * h[j])"
    for what, bias in (("two layers, square", ""), ("two layers with a bias", " + b1[i]")):
        wanted = W2 @ (W1 @ x + (b1 if bias else 0)) ** 2
        rows.row(what, consts + f"kernel k(x: f64[128]) -> (y: f64[32]) {{\n    {body.format(bias)}\n}}\n", {"x": x}, wanted, 4096, 19, 3)
        if not bias:
            rows.encrypted(what, {"x": x}, wanted, 14)


def batches(rows, long):
    A, B, x = RNG.standard_normal((32, 32)), RNG.standard_normal((32, 32)), RNG.standard_normal((4, 1024))
    consts = rows.array("A", A) + rows.array("B", B)
    rows.row("kron 32 x 32, batch of 4", consts + "kernel k(x: f64[4,1024]) -> (y: f64[4,1024]) { y[n,i] = kron(A, B)[i,j] * x[n,j] }\n", {"x": x},
             x @ np.kron(A, B).T, 4096, 24, 2)
    # A batch lies within the vectors, whose elements go on in the next ciphertext: b = 2 and 4 such share the diagonals, b (best(n / b) - 1).
    for n, slots, most in ((64, 256, 14), (64, 128, 20), (64, 64, 24), *(((1024, 4096, 62),) if long else ())):
        W, x = RNG.standard_normal((n, n)), RNG.standard_normal((4, n))
        rows.row(f"dense {n}, batch of 4", rows.array("W", W) + f"kernel k(x: f64[4,{n}]) -> (y: f64[4,{n}]) {{ y[b,i] = W[i,j] * x[b,j] }}\n",
                 {"x": x}, x @ W.T, slots, most, 1)


# The einsum, shapes, slots, and rotations and depth of EinHops (commit 6d19361), both operands encrypted.
EINSUMS = [
    ("ij->ji", [(128, 128)], 254, 2), ("ij->", [(128, 128)], 14, 1), ("ij->j", [(128, 128)], 7, 1), ("ij->i", [(128, 128)], 261, 2),
    ("ik,k->i", [(128, 128), (128,)], 522, 3), ("ik,kj->ij", [(16, 32), (32, 32)], 110, 3), ("i,i->", [(16384,)] * 2, 14, 2),
    ("ij,ij->", [(128, 128)] * 2, 14, 2), ("ij,ij->ij", [(128, 128)] * 2, 0, 2), ("i,j->ij", [(128,)] * 2, 268, 3),
    ("ijk,ikl->ijl", [(16, 8, 8)] * 2, 37, 3), ("ij,ij,ij->ij", [(128, 128)] * 3, 0, 3), ("ij,jk,kl->il", [(16, 8), (8, 8), (8, 16)], 310, 4),
    ("ik,jkl,il->ij", [(8, 16), (8, 16, 16), (8, 16)], 444, 4), ("pqrs,tuqvr->pstuv", [(2, 4, 8, 8), (1, 4, 4, 2, 8)], 329, 3),
    ("bthd,bThd->bhtT", [(2, 5, 8, 16)] * 2, 518, 3), ("bik,bkj->bij", [(2, 3, 4), (2, 4, 5)], 45, 3)]
FORCED = {"ij->ji": 30, "ij->i": 35, "ik,k->i": 45}


def shape_text(shape):
    return "f64" + (f"[{','.join(map(str, shape))}]" if shape else "")


def einsums(rows, long):
    for string, shapes, theirs, depth in EINSUMS:
        inputs = {name: RNG.standard_normal(shape) for name, shape in zip("abc", shapes)}
        wanted = np.einsum(string, *inputs.values())
        arguments = ", ".join(f"{name}: {shape_text(value.shape)}" for name, value in inputs.items())
        source = f'kernel k({arguments}) -> (y: {shape_text(wanted.shape)}) {{ y = einsum("{string}", {", ".join(inputs)}) }}\n'
        rows.row(f"{string} free", source, inputs, wanted, 16384, theirs // 3 if theirs > 20 else theirs, depth)
        if not long and max(np.prod(shape) for shape in shapes) > 4096 and theirs < 100:
            continue
        most = FORCED.get(string, theirs * 2 // 3 if theirs > 50 else theirs)
        layout = "--layout=" + ",".join(f"{name}=rowmajor" for name in [*inputs, "y"])
        rows.row(f"{string} row-major", source, inputs, wanted, 16384, most, depth, layout)


def spanning(rows):
    """Sums over an index that goes on in the next ciphertext: these are added up, and take no rotation."""
    for string, shapes, most, depth in (("i,i->", [(16384,)] * 2, 12, 1), ("ij->", [(128, 128)], 12, 0), ("ij->i", [(128, 128)], 5, 0),
                                        ("ij->ji", [(128, 128)], 0, 0), ("ik,k->i", [(100, 100), (100,)], 5, 1), ("ik,kj->ij", [(32, 32)] * 2, 2, 1),
                                        ("ik,k,kl->il", [(32, 32), (32,), (32, 32)], 2, 2),
                                        ("kji,ji->ji", [(3, 77, 95), (77, 95)], 0, 1), ("kji,ji->kji", [(3, 77, 95), (77, 95)], 0, 1), ("ijk,k->ij", [(40, 60, 7), (7,)], 0, 1)):
        inputs = {name: RNG.standard_normal(shape) for name, shape in zip("abc", shapes)}
        wanted = np.einsum(string, *inputs.values())
        arguments = ", ".join(f"{name}: {shape_text(value.shape)}" for name, value in inputs.items())
        source = f'kernel k({arguments}) -> (y: {shape_text(wanted.shape)}) {{ y = einsum("{string}", {", ".join(inputs)}) }}\n'
        what = f"{string} in several ciphertexts"
        rows.row(what, source, inputs, wanted, 4096, most, depth)
        if string == "ik,kj->ij":
            rows.encrypted(what, inputs, wanted, most)


def nothing_left(rows):
    """Numbers that leave nothing of one ciphertext of several: it is not computed, and where an output is known there, it is not encrypted."""
    z, (x, w) = np.repeat([1.0, 0.0], 8), RNG.standard_normal((2, 16))
    for text, wanted, depth in (("z[i] * x[i] * w[i]", z * x * w, 2), ("z[i] * x[i]", z * x, 1), ("x[i] - (1 - z[i]) * x[i]", z * x, 1),
                                ("w[i] + z[i] * x[i]", w + z * x, 1), ("(z[i] * x[i] + z[15-i]) * w[i] + 3", (z * x + z[::-1]) * w + 3, 2),
                                ("exp(z[i] * x[i] / 4)", np.exp(z * x / 4), 6)):
        what = f"nothing left, {text}"
        inputs = {name: value for name, value in (("x", x), ("w", w)) if name + "[" in text}
        rows.row(what, rows.array("z", z) + f"kernel k({', '.join(name + ': f64[16]' for name in inputs)}) -> (y: f64[16]) {{ y[i] = {text} }}\n", inputs,
                 wanted, 8, 0, depth, "--range=exp=-1:1", "--within=1e-9")
        if text in ("z[i] * x[i]", "(z[i] * x[i] + z[15-i]) * w[i] + 3"):
            rows.encrypted(what, inputs, wanted, 0)


def others(rows):
    """What is in no table: convolutions, traces, polynomials, attention, several uses of one input."""
    x, h = vector(30), np.array([1.0, -2.0, 1.0])
    rows.row("convolution", "const h: f64[3] = [1, -2, 1]\nkernel k(x: f64[30]) -> (y: f64[28]) { y[i] = h[r] * x[i+r] }\n", {"x": x},
             np.convolve(x, h, "valid"), 64, 3, 1)
    x = vector(10)
    rows.row("a cubic", "kernel k(x: f64[10]) -> (y: f64[10]) { y[i] = 3*x[i]*x[i]*x[i] - 2*x[i] + 1 }\n", {"x": x}, 3 * x**3 - 2 * x + 1, 16, 0, 4)
    a = RNG.standard_normal((8, 8))
    rows.row("a trace", 'kernel k(a: f64[8,8]) -> (y: f64) { y = einsum("ii->", a) }\n', {"a": a}, np.trace(a), 64, 4, 1)
    q, key, v = (RNG.standard_normal((4, 8)) for _ in range(3))
    rows.row("attention without softmax", "kernel k(q: f64[4,8], k: f64[4,8], v: f64[4,8]) -> (y: f64[4,8]) { y[t,d] = q[t,e]*k[s,e]*v[s,d] }\n".replace("k(q", "kernel_(q"),
             {"q": q, "k": key, "v": v}, q @ key.T @ v, 1024, 5, 2)
    x = RNG.standard_normal((6, 4))
    rows.row("a Gram matrix", "kernel k(x: f64[6,4]) -> (y: f64[6,6]) { y[i,j] = x[i,l] * x[j,l] }\n", {"x": x}, x @ x.T, 256, 24, 2)


def corners(rows):
    """A factor that is a number, one element as a factor, sizes that end a ciphertext within a row."""
    W, x, s = RNG.standard_normal((5, 3)), vector(3), RNG.standard_normal(())
    rows.row("an encrypted scalar, a matrix, a vector", rows.array("W", W) + "kernel k(s: f64, x: f64[3]) -> (y: f64[5]) { y[i] = s * W[i,l] * x[l] }\n",
             {"s": s, "x": x}, s * (W @ x), 64, 4, 2)
    x, z = vector(13), vector(14)
    rows.row("one element times a sum", "kernel k(x: f64[13], z: f64[14]) -> (y: f64) { y = x[8] * sum[l: 13](z[l + 1]) }\n", {"x": x, "z": z}, x[8] * z[1:].sum(), 64, 8, 2)
    a, b = RNG.standard_normal((2, 3, 3, 3))
    for slots, most in ((4, 100), (8, 100), (64, 20)):
        rows.row("products in ciphertexts that end within a row", "kernel k(a: f64[3,3,3], b: f64[3,3,3]) -> (y: f64[3,3]) { y[i,j] = a[j,i,l] * b[j,l,i] }\n",
                 {"a": a, "b": b}, np.einsum("jil,jli->ij", a, b), slots, most, 3)
    W, x = RNG.standard_normal((3, 5)), RNG.standard_normal((5, 3))
    rows.row("a matrix on rows of 3 in 4 slots", rows.array("W", W) + "kernel k(x: f64[5,3]) -> (y: f64[3,3]) { y[i,j] = W[i,l] * x[l,j] }\n", {"x": x}, W @ x, 4, 30, 2)

    # Of two summed places the one that is folded was taken in by the other, and doubled.
    F, x = RNG.standard_normal((2, 2, 2, 2)), RNG.standard_normal((2, 2, 2))
    source = rows.array("F", F) + "kernel places(x: f64[2,2,2]) -> (y: f64[2,2]) { y[m,n] = F[k,m,q,0] * F[l,n,p,q] * x[l,k,p] }\n"
    rows.row("two places summed beside copies", source, {"x": x}, np.einsum("kmq,lnpq,lkp->mn", F[..., 0], F, x), 16, 8, 2)
    # Ten results in a place of 256: every 16 positions again, 16 diagonals (6 rotations) and 4 folds.
    V, x = RNG.standard_normal((10, 256)), vector(256)
    linear(rows, "dense 10 x 256", rows.array("W", V), "W", V, 256, 10, 1)
    # Nine places of a filter are a progression of three in each direction; the image lies there once for each of four results.
    W, x = RNG.standard_normal((4, 3, 3)), RNG.standard_normal((16, 16))
    wanted = sum(W[:, r, s, None, None] * np.pad(x, 1)[r:r + 16, s:s + 16] for r in range(3) for s in range(3))
    source = rows.array("W", W) + "kernel k(x: f64[16,16]) -> (y: f64[4,16,16]) { y[c,i,j] = W[c,r,s] * pad(x[i+r-1,j+s-1], 0) }\n"
    rows.row("a convolution in two directions", source, {"x": x}, wanted, 1024, 4, 1)


def gelu(x):
    return x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def functions(rows):
    """Functions on ranges. Rows with x = linspace see the whole range, its ends too; depth is that of the map, the series and what is around it."""
    x = np.linspace(-8, 8, 128)
    pointwise = "kernel k(x: f64[128]) -> (y: f64[128]) {{ y[i] = {} }}\n"
    options = ["--range=gelu=-8:8", "--within=1e-3"]
    # Degree 24: 5 levels, of at most ceil(log2 24) + 1 = 6; and one for the map.
    rows.row("gelu on [-8, 8]", pointwise.format("gelu(x[i])"), {"x": x}, gelu(x), 4096, 0, 6, *options, tolerance=1e-3 / 8)
    rows.told("gelu on [-8, 8]", options, [("gelu", -8, 8, 1e-3)])
    positive = np.linspace(0.5, 4, 128)
    for text, at, wanted, options, fitted, depth in (
            ("relu(x[i])", x, np.maximum(x, 0), ["--range=x=-8:8", "--within=0.05"], [("relu", -8, 8, 0.05)], 7),
            ("sigmoid(x[i])", x, 1 / (1 + np.exp(-x)), ["--range=x=-8:8", "--within=1e-4"], [("sigmoid", -8, 8, 1e-4)], 6),
            ("tanh(x[i])", x / 2, np.tanh(x / 2), ["--range=x=-4:4", "--within=1e-4"], [("tanh", -4, 4, 1e-4)], 6),
            ("exp(x[i] - 2)", x / 8, np.exp(x / 8 - 2), ["--range=x=-1:1", "--within=1e-8"], [("exp", -3, -1, 1e-8)], 4),
            ("sqrt(x[i])", positive, np.sqrt(positive), ["--range=sqrt=0.5:4", "--within=1e-5"], [("sqrt", 0.5, 4, 1e-5)], 5),
            ("(x[i] + 1) / x[i]", positive, 1 + 1 / positive, ["--range=1/x=0.5:4", "--within=1e-6"], [("1/x", 0.5, 4, 1e-6)], 7),
            # The square is known to be positive; the first polynomial has the scale of the second one in it.
            ("1 / (1 + exp(-x[i] * x[i]))", x / 4, 1 / (1 + np.exp(-x * x / 16)), ["--range=x=-2:2", "--within=1e-6"], None, 13)):
        what = f"{text}, {' '.join(options)}"
        within = float(options[-1].split("=")[1])
        rows.row(what, pointwise.format(text), {"x": at}, wanted, 4096, 0, depth, *options, tolerance=8 * within / np.max(np.abs(wanted)))
        if fitted:
            rows.told(what, options, fitted)
    W, V, b = RNG.standard_normal((128, 128)) / 11, RNG.standard_normal((32, 128)) / 11, RNG.standard_normal(128)
    x = RNG.uniform(-1, 1, 128)
    source = rows.array("W", W) + rows.array("V", V) + rows.array("b", b) + (
        "kernel k(x: f64[128]) -> (y: f64[32]) {\n    let h[i] = gelu(W[i,j] * x[j] + b[i])\n    y[i] = V[i,j] * h[j]\n}\n")
    wanted = V @ gelu(W @ x + b)
    options, allowed = ["--range=gelu=-8:8", "--within=1e-3"], 1e-3 * np.max(np.sum(np.abs(V), axis=1)) / np.max(np.abs(wanted))
    # The map to [-1, 1] is in W: two layers and the series.
    rows.row("a layer with gelu", source, {"x": x}, wanted, 4096, 19, 7, *options, tolerance=allowed)
    # Sums of other elements, far outside the range, lie beside those that are asked for. What the polynomial made of them would fill the ciphertext:
    # they are masked, which takes a level.
    x, z = (RNG.uniform(0.9, 1, (8, 64)) for _ in range(2))
    x[::2, 32:] *= -1
    x[1::2, :32] *= -1
    what, options = "sigmoid of a product", ["--range=sigmoid=-1:1", "--within=1e-6"]
    wanted = 1 / (1 + np.exp(-np.sum(x * z, axis=1) / 2))
    source = "kernel k(x: f64[8,64], z: f64[8,64]) -> (y: f64[8]) { y[i] = sigmoid(x[i,j] * z[i,j] / 2) }\n"
    rows.row(what, source, {"x": x, "z": z}, wanted, 512, 6, 6, *options, "--layout=x=rowmajor,z=rowmajor", tolerance=1e-6 / np.max(wanted))
    rows.encrypted(what, {"x": x, "z": z}, wanted, 6, slack=1e-6)
    options = ["--range=x=-0.1:0.1", "--range=z=-1:1", "--within=1e-6"]
    done = rows.einc("check", "k.ein", "--engine=he", *options)
    rows.suite.check("check of a function", done.returncode == 0 and " ok " in done.stdout, done.stdout + done.stderr)
    built = rows.einc("build", "k.ein", "--emit=he_json", "-o", "k.json", *options)
    notes = json.loads((rows.folder / "k.json").read_text())["notes"] if built.returncode == 0 else []
    checked = rows.einc("he-check", "k.json")
    rows.suite.check("notes of a schedule", len(notes) == 1 and "sigmoid" in notes[0] and checked.returncode == 0, built.stderr + checked.stderr)


def refusals(rows):
    """Each way not to fit is a diagnostic with what would help, and exit status 1."""
    chain = rows.array("A", RNG.standard_normal((8, 8))) + "kernel k(x: f64[8]) -> (y: f64[8]) {\n    let h[i] = A[i,j]*x[j]\n    y[i] = A[i,j]*(h[j]*h[j])\n}\n"
    cases = [("levels", chain, ["--levels=2"], "E0932", "--levels"), ("keys", chain, ["--keys=1"], "E0932", "--keys"),
             ("no keys", chain, ["--keys=0"], "E0932", "are needed, with rotations"), ("no levels", chain, ["--levels=0"], "E0932", "3 are needed"),
             ("a function without a range", "kernel k(x: f64[8]) -> (y: f64[8]) { y[i] = exp(x[i]) }\n", ["--within=1e-3"], "E0931", "--range=exp="),
             ("a function without a tolerance", "kernel k(x: f64[8]) -> (y: f64[8]) { y[i] = exp(x[i]) }\n", ["--range=x=-1:1"], "E0931", "--within"),
             ("a pole in the range", "kernel k(x: f64[8]) -> (y: f64[8]) { y[i] = 1 / x[i] }\n", ["--range=1/x=-1:1", "--within=1e-3"], "E0931", "no polynomial"),
             ("two operands", "kernel k(x: f64[8], z: f64[8]) -> (y: f64[8]) { y[i] = atan2(x[i], z[i]) }\n", ["--range=x=1:2", "--within=1e-3"], "E0931", "polynomial"),
             ("a maximum", "kernel k(x: f64[8]) -> (y: f64) { y = max[i](x[i]) }\n", [], "E0931", "sums and products"),
             ("zero", "const z: f64[8] = [0, 0, 0, 0, 0, 0, 0, 0]\nkernel k(x: f64[8], s: f64) -> (y: f64[8]) { y[i] = x[i] + s * (z[i] * x[i]) }\n", [], "E0931", "zero whatever"),
             ("zero and one", "kernel k(x: f64[1,1]) -> (y: f64[1]) { y[i] = sum[l: 1](pad(x[i - 1,l], 0)) + 1 }\n", [], "E0931", "zero whatever"),
             ("an input in C order", "kernel k(x: f64[50,3]) -> (y: f64[50]) { y[i] = sum[j](x[i,j]) }\n", ["--layout=x=rowmajor"], "k.ein:1:10", "--slots"),
             ("an output in C order", "kernel k(x: f64[3,50]) -> (y: f64[50,3]) { y[i,j] = 2 * x[j,i] }\n", ["--layout=y=rowmajor"], "k.ein:1:28", "--slots")]
    for what, source, options, code, help_text in cases:
        (rows.folder / "k.ein").write_text(source)
        done = rows.einc("build", "k.ein", "--emit=he", "-o", "k.he", "--slots=64", *options)
        rows.suite.check(f"refused: {what}", done.returncode == 1 and code in done.stderr and help_text in done.stderr, done.stderr)


def keys(rows):
    W = RNG.standard_normal((64, 64))
    linear(rows, "dense 64 with 4 keys", rows.array("W", W), "W", W, 64, 14, 1, "--keys=4")
    # None at all, and none of either: what needs none compiles.
    x, z = RNG.standard_normal((2, 8, 16))
    vectors = "x: f64[8,16], z: f64[8,16]"
    rows.row("a product without keys", f"kernel k({vectors}) -> (y: f64[8,16]) {{ y[i,j] = x[i,j] * z[i,j] }}\n", {"x": x, "z": z}, x * z, 128, 0, 1, "--keys=0")
    rows.row("a sum without levels or keys", f"kernel k({vectors}) -> (y: f64[16,8]) {{ y[j,i] = x[i,j] - z[i,j] + 1 }}\n", {"x": x, "z": z}, (x - z + 1).T,
             128, 0, 0, "--keys=0", "--levels=0")
    rows.encrypted("a sum without levels or keys", {"x": x, "z": z}, (x - z + 1).T, 0)
    rows.row("a total without levels", f"kernel k({vectors}) -> (y: f64) {{ y = sum[i,j](x[i,j] + z[i,j]) }}\n", {"x": x, "z": z}, np.sum(x + z), 128, 7, 0, "--levels=0")
    # Each ciphertext holds a row.
    rows.row("a sum over ciphertexts without keys", "kernel k(x: f64[8,16]) -> (y: f64[16]) { y[j] = sum[i: 8](x[i,j]) }\n", {"x": x}, x.sum(axis=0), 16, 0, 0, "--keys=0")


def costs(rows):
    """Time as what there is least of, by a table; fewer products of equal rotations; vectors shorter than a ciphertext."""
    n, consts, names = 256, "", []
    for k in range(8):
        consts += rows.array(f"X{k}", RNG.standard_normal((1 << k, 2, 2, n >> (k + 1))))
        names.append(f"X{k}")
    source = consts + f"kernel k(x: f64[{n}]) -> (y: f64[{n}]) {{ y[i] = butterfly({', '.join(names)})[i,j] * x[j] }}\n"
    (rows.folder / "k.ein").write_text(source)

    def points(*options):
        done = rows.einc("explain", "k.ein", "--json", f"--slots={n}", *options)
        he = json.loads(done.stdout)["kernels"][0]["he"] if done.returncode == 0 else {"points": [], "rotations": 0, "depth": 0}
        return [(p["rotations"], p["depth"], p["milliseconds"]) for p in he["points"]], (he["rotations"], he["depth"]), done.stderr
    # A rotation takes 10 ms; then one that has more than one level left below it takes ten times as long.
    even = "hetimes 1\n" + "".join(f"at N 8192 level {level} rot 10 relin 10 mulp 0.01 add 0.01\n" for level in range(4))
    (rows.folder / "even.times").write_text(even)
    (rows.folder / "steep.times").write_text(even.replace("level 2 rot 10", "level 2 rot 1000").replace("level 3 rot 10", "level 3 rot 1000"))
    found, chosen, message = points("--times=even.times")
    rows.suite.check("explain tells the time", len(found) > 2 and all(ms > 10 * rotations for rotations, _, ms in found), f"{found} {message}")
    fewest = min(rotations for rotations, _, _ in found)
    rows.suite.check("the fewest rotations are chosen", chosen[0] == fewest and chosen[1] > 1, f"{found} {chosen}")
    found, chosen, message = points("--times=steep.times", "--cost=latency")
    rows.suite.check("the least time is chosen", chosen[1] == 1 and chosen[0] > fewest, f"{found} {chosen} {message}")
    for text, what in (("hetimes 2\n", "another version"), ("hetimes 1\nat N 8192 level 2 turn 1\n", "no such op"), ("hetimes 1\nat N 8192 level 2 rot -1\n", "negative"),
                       ("hetimes 1\n", "nothing in it"), ("hetimes 1\nat N 8192\n", "no level")):
        (rows.folder / "wrong.times").write_text(text)
        done = rows.einc("explain", "k.ein", "--slots=256", "--times=wrong.times")
        rows.suite.check(f"times: {what}", done.returncode == 1 and "E0756" in done.stderr and "wrong.times:" in done.stderr, done.stderr)
    done = rows.einc("explain", "k.ein", "--cost=money")
    rows.suite.check("another cost", done.returncode == 2 and "--cost" in done.stderr, done.stderr)
    # 32 diagonals of rows in eight ciphertexts of four each, not 1024 of one each.
    W, x = RNG.standard_normal((1024, 32)), vector(32)
    rows.row("of equal rotations", rows.array("W", W) + "kernel k(x: f64[32]) -> (y: f64[1024]) { y[i] = W[i,j] * x[j] }\n", {"x": x}, W @ x, 128, 23, 1)
    products = json.loads(rows.einc("he-check", "k.he", "--json").stdout or "{}")
    rows.suite.check("the fewest products", products.get("counts", products).get("pmul") == 256, str(products))
    # The filter of examples/encrypted: more slots never take more rotations.
    i = np.arange(8)
    for name, numbers in (("F", np.exp(-2j * np.pi * np.outer(i, i) / 8)), ("T", np.exp(-2j * np.pi * np.outer(i, i) / 64))):
        rows.array(name, np.stack([np.stack([numbers.real, -numbers.imag], -1), np.stack([numbers.imag, numbers.real], -1)], -2))
    x, h = RNG.standard_normal((2, 8, 8))
    wanted = np.fft.ifft(np.fft.fft(x.ravel()) * np.fft.fft(h.ravel())).real.reshape(8, 8)
    source = (pathlib.Path(__file__).resolve().parent.parent / "examples/encrypted/filter.ein").read_text()
    for slots in (256, 1024):
        rows.row(f"a filter by spectra, {slots} slots", source, {"x": x, "h": h}, wanted, slots, 58, 8)


def forms(rows):
    """Two kernels in a file, the JSON form, `explain` and `check`; the same bytes for the same input."""
    A = RNG.standard_normal((16, 16))
    source = rows.array("A", A) + ("kernel f(x: f64[256]) -> (y: f64[256]) { y[i] = kron(A, A)[i,j] * x[j] }\n"
                                   "kernel g(x: f64[16], z: f64[16]) -> (y: f64[16]) { y[i] = A[i,j] * x[j] - z[i] * x[i] + 1 }\n")
    (rows.folder / "two.ein").write_text(source)
    done = [rows.einc("build", "two.ein", "--emit=he", "-o", f"{name}.he", "--slots=256") for name in ("first", "again")]
    texts = [(rows.folder / name).read_text() for name in ("first.he", "first_g.he", "again.he")] if not any(d.returncode for d in done) else ["", "", "?"]
    rows.suite.check("two kernels in files of their own", "program f " in texts[0] and "program g " in texts[1], done[0].stderr)
    rows.suite.check("the same bytes again", texts[0].replace("first", "again") == texts[2] and texts[0])
    done = rows.einc("build", "two.ein", "--emit=he_json", "-o", "j.json", "--slots=256")
    checked = rows.einc("he-check", "j.json")
    rows.suite.check("JSON", done.returncode == 0 and checked.returncode == 0, done.stderr + checked.stderr)
    done = rows.einc("check", "two.ein", "--engine=he", "--slots=256")
    rows.suite.check("check --engine=he", done.returncode == 0 and done.stdout.count(" ok ") == 2, done.stdout + done.stderr)
    done = rows.einc("explain", "two.ein", "--json", "--slots=256")
    he = json.loads(done.stdout)["kernels"][0]["he"] if done.returncode == 0 else {}
    points = [(point["rotations"], point["depth"]) for point in he.get("points", [])]
    refused = rows.einc("explain", "two.ein", "--svg=two.svg")
    rows.suite.check("a picture of slots needs slots", refused.returncode == 2 and "--slots" in refused.stderr, refused.stderr)
    done = rows.einc("explain", "two.ein", "f", "--slots=256", "--svg=f.svg")
    both = rows.einc("explain", "two.ein", "--slots=256", "--svg=both.svg")
    pictures = [(rows.folder / name).read_text() if (rows.folder / name).exists() else "" for name in ("f.svg", "both.svg")]
    rows.suite.check("a picture of one kernel, or of all", "f: 256 slots, 16 rotations" in pictures[0] and "g: 256" not in pictures[0] and "g: 256" in pictures[1],
                     done.stderr + both.stderr)
    done = rows.einc("explain", "two.ein", "--json", "--slots=256")
    rows.suite.check("explain lists rotations against depth", points == [(30, 1), (16, 2)] and he["rotations"] == 16, f"{points} {done.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--seal", type=pathlib.Path)
    arguments = parser.parse_args()
    suite = suites.Suite(arguments.einc)
    with tempfile.TemporaryDirectory() as folder:
        rows = Rows(suite, folder, arguments.seal and arguments.seal.resolve())
        dense(rows, arguments.long)
        structured(rows, arguments.long)
        butterfly(rows, 6, ((2, 10), (3, 10), (6, 11)))
        butterfly(rows, 10, ((2, 24), (3, 18)))
        found(rows)
        network(rows)
        batches(rows, arguments.long)
        einsums(rows, arguments.long)
        spanning(rows)
        nothing_left(rows)
        others(rows)
        corners(rows)
        functions(rows)
        refusals(rows)
        keys(rows)
        costs(rows)
        forms(rows)
    return suite.close()


sys.exit(main())
