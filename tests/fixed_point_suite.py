#!/usr/bin/python3
"""Fixed point (docs/fixed-point.md): every engine and the boards give the integers that the page states, reckoned here in whole numbers and fractions.

Where scales differ by powers of two a value is its exact one, rounded half up; else at most half a step and the multipliers' rounding away from it, and
the same integer everywhere: on every engine, in C by gcc, clang and tcc, and on five microcontrollers.
"""
import argparse
import fractions
import itertools
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy

import embedded_suite
from suites import Suite, WATCHED

BITS, STORED = {"q7": 7, "q15": 15}, {"q7": "i1", "q15": "i2"}
SCALES = ["1", "0.5", "4", "0.3", "3"]
PROGRAM = """\
dim n = 24, m = 40, N <= 50
const W: {w}[n, m]{ws} = file("W.npy")
const bias: {y}[n]{ys} = file("bias.npy")
const L: {w}[4, 6, 5]{ws} = file("L.npy")
const R: {w}[5, 4, 8]{ws} = file("R.npy")
kernel dense(x: {x}[m]{xs}) -> (y: {y}[n]{ys}) {{
    y[i] = W[i,j] * x[j]
}}
kernel biased(x: {x}[m]{xs}) -> (y: {y}[n]{ys}, z: {y}[n]{ys}) {{
    let t[i]: {y}{ys} = W[i,j] * x[j] + 0.5 * bias[i] - 0.25
    y[i] = relu(t[i] - bias[i] / 4)
    z[i] = max(min(-t[i], bias[i]), -0.25)
}}
kernel blocks(x: {x}[m]{xs}) -> (y: {y}[n]{ys}, z: {y}[n]{ys}) {{
    let t[k,j]: {x}{xs} = R[k,j,m1] * x[(k,m1)]
    y[(j,i)] = L[j,i,k] * t[k,j]
    z[i] = {three} * x[j]
}}
kernel window(x: {x}[m]{xs}) -> (y: {y}[m]{ys}, z: {x}[20]{xs}, f: f32[m], c: bool[m]) {{
    let s[i: m] = sum[r: 3](pad(x[i+r-1], 0)) / 3
    y[i] = s[i]
    z[i] = max[k: 2](x[2*i+k])
    f[i] = f32(x[i] * x[i])
    c[i] = x[i] > 0.5 * x[m-1-i]
}}
kernel run_time(x: {x}[N]{xs}) -> (y: {y}{ys}) {{
    y = sum[i](abs(x[i]))
}}
"""


def round_half_up(value):
    return math.floor(value + fractions.Fraction(1, 2))


class Tensor:
    """Exact values, as fractions."""

    def __init__(self, elem, scale, integers):
        self.step = fractions.Fraction(float(scale)) / 2 ** BITS[elem]
        self.integers = integers
        self.values = numpy.array([int(v) * self.step for v in integers.flat], dtype=object).reshape(integers.shape)


def rounded(elem, scale, values):
    step, top = fractions.Fraction(float(scale)) / 2 ** BITS[elem], 2 ** BITS[elem]
    return numpy.array([min(max(round_half_up(v / step), -top), top - 1) for v in numpy.ravel(values)]).reshape(numpy.shape(values))


def expected(types, tensors):
    """For each kernel its outputs: the integers of the exact values, rounded once."""
    (w, ws), (x, xs), (y, ys) = types
    W, b, L, R, X = (tensors[name].values for name in ("W", "bias", "L", "R", "x"))
    step = {key: fractions.Fraction(float(s)) / 2 ** BITS[e] for key, (e, s) in zip("wxy", types)}
    dense = W.dot(X)
    t = rounded(y, ys, dense + b / 2 - fractions.Fraction(1, 4)) * step["y"]
    low = fractions.Fraction(-1, 4)
    inner = rounded(x, xs, numpy.array([[sum(R[k, j, m] * X[k * 8 + m] for m in range(8)) for j in range(4)] for k in range(5)])) * step["x"]
    second = numpy.array([sum(L[j, i, k] * inner[k, j] for k in range(5)) for j in range(4) for i in range(6)])
    whole = numpy.array([sum(L[j, i, k] * R[k, j, m] * X[k * 8 + m] for k in range(5) for m in range(8)) for i in range(6) for j in range(4)])
    padded = numpy.concatenate([[0], X, [0]])
    windows = [(padded[i] + padded[i + 1] + padded[i + 2]) / 3 for i in range(40)]
    return {"dense": {"y": rounded(y, ys, dense)},
            "biased": {"y": rounded(y, ys, [max(v, 0) for v in t - b / 4]), "z": rounded(y, ys, [max(min(-p, q), low) for p, q in zip(t, b)])},
            "blocks": {"y": rounded(y, ys, second), "z": rounded(y, ys, whole)},
            "window": {"y": rounded(y, ys, windows), "z": rounded(x, xs, [max(X[2 * i], X[2 * i + 1]) for i in range(20)])},
            "run_time": {"y": rounded(y, ys, sum(abs(v) for v in X))}}


def is_power(number):
    return math.frexp(number)[0] == 0.5


def check_values(suite, folder, types, generator):
    (w, ws), (x, xs), (y, ys) = types
    clause = {name: f" scale({s})" if s != "1" else "" for name, (_, s) in zip(("ws", "xs", "ys"), types)}
    draw = lambda elem, *shape: generator.integers(-2 ** BITS[elem], 2 ** BITS[elem], shape).astype(STORED[elem])
    shapes = {"W": (w, ws, 24, 40), "bias": (y, ys, 24), "L": (w, ws, 4, 6, 5), "R": (w, ws, 5, 4, 8), "x": (x, xs, 40)}
    tensors = {name: Tensor(elem, scale, draw(elem, *shape)) for name, (elem, scale, *shape) in shapes.items()}
    for name in shapes:
        numpy.save(folder / f"{name}.npy", tensors[name].integers)
    exact = all(is_power(float(s)) for _, s in types)
    three = "monarch(L, R)[i,j]" if exact or w == "q7" else "W[i,j]"  # three of q15 leave no room for a multiplier
    (folder / "f.ein").write_text(PROGRAM.format(w=w, x=x, y=y, three=three, **clause))
    what = f"{w} scale({ws}), {x} scale({xs}) to {y} scale({ys})"
    wanted_of = expected(types, tensors)
    if three == "W[i,j]":
        wanted_of["blocks"]["z"] = wanted_of["dense"]["y"]
    for kernel, outputs in wanted_of.items():
        found = {}
        for engine in suite.engines:
            words = [suite.einc, "run", "f.ein", kernel, "x=x.npy", f"--engine={engine}"]
            words += [word for name in outputs for word in ("-o", f"{name}={name}_{engine}.npy")]
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
            if done.returncode != 0:
                suite.check(f"{what}: {kernel} by {engine}", False, done.stderr)
                continue
            found[engine] = {name: numpy.load(folder / f"{name}_{engine}.npy") for name in outputs}
        for engine, name in itertools.product(found, outputs):
            got, wanted = found[engine][name].astype(int), outputs[name]
            suite.check(f"{what}: {kernel} {name} by {engine} as by {suite.engines[0]}", numpy.array_equal(got, found[suite.engines[0]][name]))
            if exact and not (kernel == "window" and name == "y"):
                suite.check(f"{what}: {kernel} {name} by {engine}", numpy.array_equal(got, wanted), f"{got}\n{wanted}")
            else:  # the multipliers' error may put what lies at a half on the other side; one such block is in six of the results
                suite.check(f"{what}: {kernel} {name} by {engine}", numpy.abs(got - wanted).max() <= 1 and (got != wanted).mean() < 0.3, f"{got}\n{wanted}")


def check_compilers(suite, folder):
    """The same program as C of three compilers: `check` holds every engine against the reference, `build` is compiled by clang too."""
    done = subprocess.run([suite.einc, "check", "f.ein", "--dims", "N=17"], cwd=folder, capture_output=True, text=True, timeout=120)
    suite.check("check", done.returncode == 0, done.stdout + done.stderr)
    if WATCHED:
        return
    subprocess.run([suite.einc, "build", "f.ein", "--emit=main", "-o", "host.c"], cwd=folder, check=True)
    outputs = {}
    for compiler in ("gcc -O2 -std=c99", "clang -O2 -std=c99", "tcc"):
        for words in ([*compiler.split(), "host.c", "host_kernels.c", "-lm", "-o", "host"], ["./host", "biased", "x=x.npy", "y=y.npy", "z=z.npy"]):
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
            if not suite.check(f"{compiler}: {words[0]}", done.returncode == 0, done.stdout + done.stderr) and done.returncode:
                break
        else:
            outputs[compiler] = (folder / "y.npy").read_bytes() + (folder / "z.npy").read_bytes()
    suite.check("gcc, clang and tcc agree", len(set(outputs.values())) == 1 and len(outputs) == 3, f"{list(outputs)}")


def check_boards(suite, folder):
    """Programs that check themselves bit for bit; then what a layer takes on a Cortex-M4, and what structure saves."""
    boards = embedded_suite.Suite(suite.einc, folder)
    (folder / "board.ein").write_text((folder / "f.ein").read_text())
    for board in embedded_suite.BOARDS:
        report = embedded_suite.run_board(boards, board, "board.ein")
        suite.check(f"{board}: nothing is wrong", report and all(kernel["wrong"] == 0 for kernel in report.values()) and len(report) == 5, f"{report}")
    for board, target, cpu in (("mps2-an385", "cortex-m4", "cortex-m3"), ("mps2-an385", "cortex-m55", "cortex-m3"),
                               ("mps3-an547", "cortex-m55", "cortex-m55 without vectors"), ("mps3-an547", "cortex-m4", "cortex-m55")):
        report = embedded_suite.run_board(boards, board, "board.ein", made_for=target, cpu=cpu)  # other bodies of the same functions
        suite.check(f"made for {target}, on {board} as {cpu}: nothing is wrong", report and all(kernel["wrong"] == 0 for kernel in report.values()), f"{report}")
    suite.passed, suite.failed = suite.passed + boards.passed, suite.failed + boards.failed


FUNCTIONS = """\
const W: q7[8, 20] scale(0.5) = file("W.npy")
const bias: q7[8] = file("b.npy")
kernel pointwise(x: q15[{n}] scale(8)) -> (tanh_x: q15[{n}], sigmoid_x: q15[{n}], silu_x: q15[{n}] scale(8), gelu_x: q15[{n}] scale(8), gelu_tanh_x: q15[{n}] scale(8)) {{
    tanh_x[i] = tanh(x[i])
    sigmoid_x[i] = sigmoid(x[i])
    silu_x[i] = silu(x[i])
    gelu_x[i] = gelu(x[i])
    gelu_tanh_x[i] = gelu_tanh(x[i])
}}
kernel layer(x: q7[20]) -> (y: q15[8], z: q15 scale(4), g: q15[8] scale(8), f: f32[8], h: q15[8] scale(2)) {{
    y[i] = tanh(W[i,j] * x[j] + bias[i])
    z = sigmoid(W[i,j] * x[j]) * bias[i]
    g[i] = gelu(2 * W[i,j] * x[j] - 0.25)
    f[i] = f32(tanh(bias[i])) / 2
    let t[i] = 1 - tanh(bias[i])
    h[i] = t[i] * bias[i]
}}
"""
BOUNDS = {"tanh": (2.1, 0), "sigmoid": (1.1, 0), "silu": (0, 1.1), "gelu": (0, 1.4), "gelu_tanh": (0, 1.4)}  # 2^-16, and 2^-16 of the argument


def functions(x):
    normal = (1 + numpy.vectorize(math.erf)(x / math.sqrt(2))) / 2
    sigmoid, inner = 1 / (1 + numpy.exp(-x)), math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return {"tanh": numpy.tanh(x), "sigmoid": sigmoid, "silu": x * sigmoid, "gelu": x * normal, "gelu_tanh": x / 2 * (1 + numpy.tanh(inner))}


def check_functions(suite, folder, generator):
    """Every argument of 16 bits: within what the page states, and odd where the function is. Inside products and sums; on boards."""
    x = numpy.arange(-2**15, 2**15).astype("i2")
    data = {"W": generator.integers(-128, 128, (8, 20)).astype("i1"), "b": generator.integers(-128, 128, 8).astype("i1"), "x": x,
            "x7": generator.integers(-128, 128, 20).astype("i1")}
    for name, array in data.items():
        numpy.save(folder / f"{name}.npy", array)
    (folder / "functions.ein").write_text(FUNCTIONS.format(n=2**16))
    (folder / "few_functions.ein").write_text(FUNCTIONS.format(n=48))
    names, wanted, results = list(BOUNDS), functions(x / 4096), set()
    for engine in suite.engines:
        words = [suite.einc, "run", "functions.ein", "pointwise", "x=x.npy", f"--engine={engine}"] + [w for n in names for w in ("-o", f"{n}_x={n}.npy")]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
        suite.check(f"functions by {engine}", done.returncode == 0, done.stderr)
        results.add(b"".join((folder / f"{n}.npy").read_bytes() for n in names))
    suite.check("functions: engines agree", len(results) == 1)
    for name in names:
        scale = 1 if name in ("tanh", "sigmoid") else 8
        got, (absolute, relative) = numpy.load(folder / f"{name}.npy").astype(float) * scale / 2**15, BOUNDS[name]
        error = abs(got - numpy.minimum(wanted[name], scale * (1 - 2**-15))) - (absolute + relative * abs(x / 4096)) / 2**16 - scale / 2**16
        suite.check(f"{name} is within its bound", error.max() < 1e-9, f"{error.max()} at {error.argmax()}")
    suite.check("tanh is 0 at 0", numpy.load(folder / "tanh.npy")[2**15] == 0)
    outputs = ["y", "z", "g", "f", "h"]
    words = [suite.einc, "run", "functions.ein", "layer", "x=x7.npy"] + [w for n in outputs for w in ("-o", f"{n}={n}_layer.npy")]
    subprocess.run(words, cwd=folder, check=True, timeout=120)
    W, b, x = data["W"] / 256, data["b"] / 128, data["x7"] / 128
    product = W @ x
    right = {"y": numpy.tanh(product + b), "z": (b / (1 + numpy.exp(-product))).sum(), "g": functions(2 * product - 0.25)["gelu"], "f": numpy.tanh(b) / 2,
             "h": (1 - numpy.tanh(b)) * b}
    for name, scale in (("y", 1), ("z", 4), ("g", 8), ("f", 2**15), ("h", 2)):
        error = abs(numpy.load(folder / f"{name}_layer.npy") * float(scale) / 2**15 - numpy.clip(right[name], -scale, scale * (1 - 2**-15))).max()
        suite.check(f"layer: {name}", error < (0 if name == "f" else scale) / 2**16 + 30 / 2**16, error)
    done = subprocess.run([suite.einc, "check", "few_functions.ein"], cwd=folder, capture_output=True, text=True, timeout=120)
    suite.check("functions: check", done.returncode == 0, done.stdout + done.stderr)
    if not WATCHED:
        boards = embedded_suite.Suite(suite.einc, folder)
        for board in ("microbit", "mps3-an547"):
            report = embedded_suite.run_board(boards, board, "few_functions.ein")
            suite.check(f"{board}: functions", report and all(kernel["wrong"] == 0 for kernel in report.values()), f"{report}")
        suite.passed, suite.failed = suite.passed + boards.passed, suite.failed + boards.failed


LAYER = 'const W: q7[64, 64] scale({scale}) = file("S.npy") exact\nkernel net(x: q7[64]) -> (y: q7[64]) {{ y[i] = W[i,j] * x[j] }}\n'
HALVES = 'const W: q15[64, 64] = file("H.npy") exact\nkernel net(x: q15[64]) -> (y: q15[64]) { y[i] = W[i,j] * x[j] }\n'
DENSE = 'const W: q7[256, 256] scale(0.3) = file("D.npy") exact\nkernel net(x: q7[256]) -> (y: q7[256]) { y[i] = W[i,j] * x[j] }\n'
MONARCH = """\
const L: q7[16, 16, 16] scale(0.3) = file("P.npy") exact
const R: q7[16, 16, 16] scale(0.3) = file("Q.npy") exact
kernel net(x: q7[256]) -> (y: q7[256]) {
    let t[k,j]: q7 = R[k,j,m] * x[(k,m)]
    y[(j,i)] = L[j,i,k] * t[k,j]
}
"""


def check_sizes(suite, folder, generator):
    """What is counted, not timed: bytes by arm-none-eabi-gcc, ticks of an emulator that counts instructions."""
    boards = embedded_suite.Suite(suite.einc, folder)
    for name, shape in (("S", (64, 64)), ("D", (256, 256)), ("P", (16, 16, 16)), ("Q", (16, 16, 16))):
        numpy.save(folder / f"{name}.npy", generator.integers(-128, 128, shape).astype("i1"))
    numpy.save(folder / "H.npy", generator.integers(-2 ** 15, 2 ** 15, (64, 64)).astype("i2"))
    flash, ticks = {}, {}
    for name, source in (("layer", LAYER.format(scale=1)), ("layer at .3", LAYER.format(scale=0.3)), ("dense", DENSE), ("monarch", MONARCH), ("halves", HALVES)):
        (folder / f"{name}.ein").write_text(source)
        options = ["--optimize=size"] if "layer" in name else []
        done = subprocess.run([suite.einc, "size", f"{name}.ein", "--target=cortex-m4", "--json", *options], cwd=folder, capture_output=True, text=True)
        sizes = json.loads(done.stdout)
        (kernel,) = sizes["kernels"]
        if "layer" in name:
            suite.check(f"a {name} is short", sizes["measured"] and kernel["code"] <= 96 and kernel["stack"] <= 32 and kernel["workspace"] == 0, f"{kernel}")
            continue
        flash[name], report = sizes["flash"]["total"], embedded_suite.run_board(boards, "mps2-an386", f"{name}.ein")
        ticks[name] = report["net"]["ticks"] if report else 0
    each = {"q7": ticks["dense"] * 40 / 64 / 256 ** 2, "q15": ticks["halves"] * 40 / 64 / 64 ** 2}  # ticks of 40 ns, instructions of 64
    suite.check("two instructions a multiply-accumulate", all(0 < instructions <= 2 for instructions in each.values()), f"{each}")
    suite.check("blocks take a seventh of the flash", 7 * flash["monarch"] <= flash["dense"], f"{flash}")
    suite.check("blocks take a fifth of the instructions", 0 < 5 * ticks["monarch"] <= ticks["dense"], f"{ticks}")
    suite.passed, suite.failed = suite.passed + boards.passed, suite.failed + boards.failed


TABLES = """\
kernel tables(x: q15[8, 8], z: q7[16]) -> (C: q15[8, 8] scale(2), D: q7[5], y: q15[8, 8] scale(16), w: q15[16] scale(16)) {
    let c[k: 8, l: 8]: q15 scale(2) = cos(pi*k*(2*l+1)/16)
    let d[k: 5]: q7 = 0.25*k
    let T[k: 8, l: 8]: q15 scale(16) = dct2(8)[k,l]
    let H[i: 16, j: 16]: q7 scale(128) = hadamard(16)[i,j]
    C = c
    D = d
    y[k,j] = T[k,l] * x[l,j]
    w[i] = H[i,j] * z[j]
}
"""


def check_tables(suite, folder, generator):
    """Formulas of indices as tables, each number rounded and saturated; then short programs of additions instead of sums of products."""
    data = {"x": generator.integers(-2**15, 2**15, (8, 8)).astype("i2"), "z": generator.integers(-128, 128, 16).astype("i1")}
    data["x"][:, 0], data["z"][:] = -2**15, numpy.where(generator.integers(0, 2, 16), 127, -128)  # nothing larger there is
    for name, array in data.items():
        numpy.save(folder / f"{name}.npy", array)
    (folder / "tables.ein").write_text(TABLES)
    k, l = numpy.mgrid[:8, :8]
    half_up = lambda values: numpy.floor(values + 0.5)
    cosines = half_up(2**14 * numpy.cos(numpy.pi * k * (2 * l + 1) / 16)).clip(-2**15, 2**15 - 1)
    T = half_up(2**12 * numpy.cos(numpy.pi * k * (2 * l + 1) / 16))
    H = numpy.array([[(-1) ** bin(i & j).count("1") for j in range(16)] for i in range(16)])
    wanted = {"C": cosines, "D": [0, 32, 64, 96, 127], "y": half_up(T @ data["x"] / 2**15).clip(-2**15, 2**15 - 1),
              "w": (H @ data["z"] * 16).clip(-2**15, 2**15 - 1)}
    for engine in suite.engines:
        words = [suite.einc, "run", "tables.ein", "x=x.npy", "z=z.npy", f"--engine={engine}"] + [w for n in wanted for w in ("-o", f"{n}={n}.npy")]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
        suite.check(f"tables by {engine}", done.returncode == 0, done.stderr)
        for name, right in wanted.items():
            suite.check(f"table {name} by {engine}", numpy.array_equal(numpy.load(folder / f"{name}.npy"), right), f"{right}")
    emitted = subprocess.run([suite.einc, "build", "tables.ein", "--target=cortex-m4", "-o", "tables.c"], cwd=folder, capture_output=True, text=True)
    text = (folder / "tables.c").read_text()
    suite.check("rows that are short in the 1-norm fit 32 bits", emitted.returncode == 0 and "int64" not in text, text)
    suite.check("Walsh's and cosine transforms are additions", "dot_" not in text and "int32_t sum" not in text, text)


def check_transform(suite, folder):
    """256 points in q15: the boards check each integer; half of the instructions of bench/embedded/radix2.c, which takes 37,041."""
    boards = embedded_suite.Suite(suite.einc, folder)
    shutil.copy(pathlib.Path(__file__).parents[1] / "examples/embedded/fft.ein", folder)
    report = embedded_suite.run_board(boards, "mps2-an386", "fft.ein")
    suite.check("transform: nothing is wrong", report and report["spectrum"]["wrong"] == 0, f"{report}")
    suite.check("transform: 18,500 instructions", report and report["spectrum"]["ticks"] * 40 / 64 <= 18500, f"{report}")
    suite.passed, suite.failed = suite.passed + boards.passed, suite.failed + boards.failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = Suite(parser.parse_args().einc)
    generator = numpy.random.default_rng(5)
    cases = [("q7 1", "q7 1", "q7 1"), ("q15 1", "q15 0.5", "q15 4"), ("q7 0.5", "q15 4", "q15 1"), ("q7 0.3", "q7 3", "q7 4"), ("q15 0.3", "q15 3", "q15 0.5"),
             ("q7 0.3", "q15 1", "q15 3")]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for case in cases:
            check_values(suite, folder, [tuple(part.split()) for part in case], generator)
            check_compilers(suite, folder)
        if not WATCHED:
            check_boards(suite, folder)
            check_sizes(suite, folder, generator)
            check_transform(suite, folder)
        check_functions(suite, folder, generator)
        check_tables(suite, folder, generator)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
