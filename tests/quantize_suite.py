#!/usr/bin/python3
"""einc quantize (docs/fixed-point.md, "From floats"): the scales are the least powers of two that hold what samples make of the program, files hold the
integers nearest to the floats, the source is the same but for its types, what is reported is the error that the new program has on every engine.

Values in f64 are reckoned here by NumPy, from the formulas and not from the source.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

from suites import Suite

BITS, STORED = {"q7": 7, "q15": 15}, {"q7": "i1", "q15": "i2"}
NETWORK = """\
# weights of a small network
dim n = 20, h = 12
const W: f32[h, n] = file("W.npy")        # dense
const b: f32[h] = file("b.npy") within 1e-6
const taps: f32[3] = [0.25, 0.5, 0.25]    # written out
const order: i64[4] = file("order.npy")   # no float: stays

kernel net(x: f32[n],   # one input a line
           gain: f32) -> (y: f32[4], top: f32) {
    let t[i] = relu(W[i,j] * x[j] + b[i])
    let u[i: h-2]: f32 = sum[r](taps[r] * t[i+r])  # smoothed
    y[o] = gain * u[order[o]]
    top = f32(max[i](f64(t[i])))
}
kernel sum_of(z: f32[h]) -> (total: f32) {
    total = z[i] * b[i]
}
"""

STRUCTURED = """\
const L: f32[4, 6, 5] = file("L.npy")
const R: f32[5, 4, 8] = file("R.npy")
const U: f32[24, 4] = file("U.npy")
const V: f32[4, 40] = file("V.npy")
const A: f32[4, 3] = file("A.npy")
const B: f32[6, 5] = file("B.npy")
const X: f32[1, 4, 4, 2] = file("X.npy")
const Y: f32[2, 4, 4, 1] = file("Y.npy")
operator K(P, Q) = kron(P, Q)
kernel monarchs(x: f32[40]) -> (y: f32[24]) {
    y[i] = relu(monarch(L, R)[i,j] * x[j] + 0.25)
}
kernel low(x: f32[40]) -> (y: f32[24]) { y[i] = (U @ V)[i,j] * x[j] }
kernel batch(z: f32[7, 40]) -> (y: f32[7, 24]) {
    y[n,i] = 0.5 * lowrank(U, V)[i,j] * z[n,j] / 4   # a comment
}
kernel krons(w: f32[15]) -> (y: f32[15]) {
    operator both = transpose(K(A, B)) @ K(A, B)
    y[i] = both[i,j] * w[j]
}
kernel fly(v: f32[8]) -> (y: f32[8], r1: f32[8]) {
    y[i] = butterfly(X, Y)[i,j] * v[j]
    r1[j] = butterfly(X, Y)[i,j] * v[i]
}
kernel element(u: f32[3, 3, 3, 3]) -> (v_1: f32[3, 4, 4, 4]) {
    v_1[e,a,b,c] = A[a,i] * A[b,j] * A[c,k] * pad(u[e,i,j,k+1], 0)
}
kernel twice(m: f32[3, 3]) -> (y: f32[4, 4], s: f32, one: f32[4]) {
    y[i,l] = sum[j,k](A[i,j] * m[j,k] * A[l,k])
    s = sum[i](max(A[i,j] * m[j,k] * A[i,k], 0)) + 0.125
    one[i] = A[i,j] * m[j,j] * A[i,0]
}
"""
# How many lets each kernel gets: one less than there are sums in each product.
LETS = {"monarchs": 1, "low": 1, "batch": 1, "krons": 3, "fly": 2, "element": 2, "twice": 2}


def structured(data):
    L, R, U, V, A, B, X, Y, x, z, w, v, u, m = (data[name].astype("f8") for name in "LRUVABXYxzwvum")
    blocks = numpy.einsum("jik,kjm,skm->sij", L, R, x.reshape(-1, 5, 8)).reshape(-1, 24)
    K = numpy.kron(A, B)
    ks = lambda T: numpy.einsum("pijq,pr,qs->piqrjs", T, numpy.eye(T.shape[0]), numpy.eye(T.shape[3])).reshape(8, 8)
    fly, shifted = ks(X) @ ks(Y), numpy.zeros_like(u)
    shifted[..., :-1] = u[..., 1:]
    products = numpy.einsum("ij,sjk,lk->sil", A, m, A)
    return {("monarchs", "y"): numpy.maximum(blocks + 0.25, 0), ("low", "y"): x @ (U @ V).T, ("batch", "y"): z @ (U @ V).T / 8, ("krons", "y"): w @ (K.T @ K).T,
            ("fly", "y"): v @ fly.T, ("fly", "r1"): v @ fly, ("element", "v_1"): numpy.einsum("ai,bj,ck,seijk->seabc", A, A, A, shifted), ("twice", "y"): products,
            ("twice", "s"): numpy.maximum(numpy.einsum("sii->si", products), 0).sum(axis=1) + 0.125, ("twice", "one"): numpy.einsum("ij,sjj,i->si", A, m, A[:, 0])}


def network(data):
    x, gain = data["x"].astype("f8"), data["gain"].astype("f8")
    W, b = data["W"].astype("f8"), data["b"].astype("f8")
    t = numpy.maximum(x @ W.T + b, 0)
    u = 0.25 * t[:, :-2] + 0.5 * t[:, 1:-1] + 0.25 * t[:, 2:]
    return {("net", "t"): t, ("net", "u"): u, ("net", "y"): gain[:, None] * u[:, data["order"]], ("net", "top"): t.max(axis=1),
            ("sum_of", "total"): data["z"].astype("f8") @ b}


def least_scale(values, bits):
    scale = 2.0 ** -60
    while not (numpy.floor(values / scale * 2 ** bits + 0.5).max() < 2 ** bits and numpy.floor(values / scale * 2 ** bits + 0.5).min() >= -2 ** bits):
        scale *= 2
    return scale


def integers(values, scale, elem):
    top = 2 ** BITS[elem]
    return numpy.clip(numpy.floor(numpy.asarray(values, "f8") / scale * top + 0.5), -top, top - 1).astype(STORED[elem])


def quantize(suite, folder, source, elem, samples, output="q.ein"):
    """The report, {(kernel, name): tensor}; None where it failed."""
    words = [suite.einc, "quantize", source, f"--type={elem}", "--samples", ",".join(samples), "-o", output, "--json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120)
    suite.check(f"{source} to {elem}", done.returncode == 0, done.stderr)
    return {(tensor["kernel"], tensor["name"]): tensor for tensor in json.loads(done.stdout)["tensors"]} if done.returncode == 0 else None


def run(suite, folder, source, kernel, engine, inputs, outputs):
    """The outputs of one call; integers."""
    for name, array in inputs.items():
        numpy.save(folder / f"in_{name}.npy", array)
    words = [suite.einc, "run", source, kernel, f"--engine={engine}"] + [f"{name}=in_{name}.npy" for name in inputs]
    done = subprocess.run(words + [word for name in outputs for word in ("-o", f"{name}=out_{name}.npy")], cwd=folder, capture_output=True, text=True, timeout=120)
    suite.check(f"{source}: {kernel} by {engine}", done.returncode == 0, done.stderr)
    return {name: numpy.load(folder / f"out_{name}.npy") for name in outputs} if done.returncode == 0 else None


def check_report(suite, what, report, values, errors):
    """Scales against all values; errors and ratios against those of the integers."""
    for key, numbers in values.items():
        tensor, bits = report.get(key), BITS[what]
        if tensor is None:
            suite.check(f"{what}: {key} is reported", False, report.keys())
            continue
        numbers = numpy.asarray(numbers, "f8")
        suite.check(f"{what}: scale of {key}", tensor["scale"] == least_scale(numbers, bits), f"{tensor} {numbers.min()} {numbers.max()}")
        suite.check(f"{what}: range of {key}", numpy.allclose([tensor["least"], tensor["largest"]], [numbers.min(), numbers.max()], rtol=1e-12), tensor)
    for key, error in errors.items():
        ratio = 10 * numpy.log10((values[key] ** 2).sum() / (error ** 2).sum())
        suite.check(f"{what}: error of {key}", abs(report[key]["error"] - abs(error).max()) < 1e-9, f"{report[key]} {abs(error).max()}")
        suite.check(f"{what}: ratio of {key}", abs(report[key]["snr"] - ratio) < 1e-6, f"{report[key]} {ratio}")


def check_network(suite, folder, elem, generator):
    data = {"W": generator.normal(0, 0.4, (12, 20)).astype("f4"), "b": generator.normal(0, 0.05, 12).astype("f4"), "order": numpy.array([9, 0, 3, 3]),
            "x": generator.normal(0, 1.5, (25, 20)).astype("f4"), "gain": generator.uniform(-0.2, 0.2, 25), "z": generator.normal(0, 9, (20, 12)).astype("f4")}
    for name, array in data.items():
        numpy.save(folder / f"{name}.npy", array)
    (folder / "net.ein").write_text(NETWORK)
    report = quantize(suite, folder, "net.ein", elem, ["x=x.npy", "gain=gain.npy", "z=z.npy"])
    if report is None:
        return
    values = network(data) | {(None, "W"): data["W"], (None, "b"): data["b"], (None, "taps"): numpy.array([0.25, 0.5]), ("net", "x"): data["x"],
                              ("net", "gain"): data["gain"], ("sum_of", "z"): data["z"]}
    for name in "Wb":
        suite.check(f"{elem}: numbers of {name}", numpy.array_equal(numpy.load(folder / f"q_{name}.npy"), integers(data[name], report[None, name]["scale"], elem)))
    suite.check(f"{elem}: what is no float stays", numpy.array_equal(numpy.load(folder / "q_order.npy"), data["order"]))
    text = (folder / "q.ein").read_text()
    back = re.sub(r"(t\[i\])(: \w+ scale\(\S+\)|: \w+)", r"\1", re.sub(r'"q_', '"', text))
    back = back.replace("(max[i]((t[i])))", "f32(max[i](f64(t[i])))")  # casts between floats say nothing there
    back = re.sub(elem, "f32", re.sub(r" scale\([^)]*\)", "", back))
    suite.check(f"{elem}: all else stays", back == NETWORK, f"{back}\n{NETWORK}")
    errors = {key: [] for key in [("net", "y"), ("net", "top"), ("sum_of", "total")]}
    for k in range(25):
        engine = suite.engines[k] if k < len(suite.engines) else "ref"
        inputs = {name: integers(data[name][k], report["net", name]["scale"], elem) for name in ("x", "gain")}
        found = run(suite, folder, "q.ein", "net", engine, inputs, ["y", "top"])
        for name in ("y", "top"):
            errors["net", name].append(found[name] * report["net", name]["scale"] / 2 ** BITS[elem] - values["net", name][k])
    for k in range(20):
        found = run(suite, folder, "q.ein", "sum_of", "ref", {"z": integers(data["z"][k], report["sum_of", "z"]["scale"], elem)}, ["total"])
        errors["sum_of", "total"].append(found["total"] * report["sum_of", "total"]["scale"] / 2 ** BITS[elem] - values["sum_of", "total"][k])
    check_report(suite, elem, report, values, {key: numpy.array(error) for key, error in errors.items()})
    floor = {"q7": 25, "q15": 70}[elem]
    suite.check(f"{elem}: near enough", all(report[key]["snr"] > floor for key in errors), {key: report[key]["snr"] for key in errors})
    done = subprocess.run([suite.einc, "check", "q.ein"], cwd=folder, capture_output=True, text=True, timeout=120)
    suite.check(f"{elem}: engines agree", done.returncode == 0, done.stdout + done.stderr)


def check_structured(suite, folder, elem, generator):
    """Operators and products of several factors get a let between one sum and the next; values are those of the formulas within what rounding makes."""
    shapes = {"L": (4, 6, 5), "R": (5, 4, 8), "U": (24, 4), "V": (4, 40), "A": (4, 3), "B": (6, 5), "X": (1, 4, 4, 2), "Y": (2, 4, 4, 1)}
    samples = {"x": (40,), "z": (7, 40), "w": (15,), "v": (8,), "u": (3, 3, 3, 3), "m": (3, 3)}
    data = {name: generator.normal(0, 0.4, shape).astype("f4") for name, shape in shapes.items()}
    data |= {name: generator.normal(0, 1, (12, *shape)) for name, shape in samples.items()}
    for name, array in data.items():
        numpy.save(folder / f"{name}.npy", array)
    (folder / "structured.ein").write_text(STRUCTURED)
    report = quantize(suite, folder, "structured.ein", elem, [f"{name}={name}.npy" for name in samples], "s.ein")
    if report is None:
        return
    lets = {kernel: [key for key in report if key[0] == kernel and report[key]["part"] == "let"] for kernel in LETS}
    suite.check(f"{elem}: lets", {kernel: len(found) for kernel, found in lets.items()} == LETS, lets)
    values = structured(data)
    for (kernel, name), numbers in values.items():
        tensor = report[kernel, name]
        numbers = numpy.asarray(numbers)
        suite.check(f"{elem}: scale of {kernel} {name}", tensor["scale"] == least_scale(numbers, BITS[elem]), tensor)
        suite.check(f"{elem}: {kernel} {name} is near", tensor["snr"] > {"q7": 24, "q15": 72}[elem], tensor)
        inputs = {key[1]: integers(data[key[1]][5], report[key]["scale"], elem) for key in report if key[0] == kernel and report[key]["part"] == "input"}
        found = run(suite, folder, "s.ein", kernel, suite.engines[-1], inputs, [key[1] for key in values if key[0] == kernel])
        error = abs(found[name] * tensor["scale"] / 2 ** BITS[elem] - numbers[5]).max()
        suite.check(f"{elem}: {kernel} {name}: error", error <= tensor["error"] + 1e-9, f"{error} {tensor}")
    text = (folder / "s.ein").read_text()
    suite.check(f"{elem}: comments stay", "/ 4   # a comment" in text and "operator K(P, Q) = kron(P, Q)" in text, text)
    again = subprocess.run([suite.einc, "check", "s.ein"], cwd=folder, capture_output=True, text=True, timeout=120)
    suite.check(f"{elem}: engines agree", again.returncode == 0, again.stdout + again.stderr)


TRANSFORMS = """\
dim n = 6
const t: f32[47] = file("t.npy")
kernel block(p: f32[8, 8]) -> (y: f32[8, 8], z: f32[8, 8]) {
    y[i,j] = dct2(8)[i,k] * p[k,l] * dct2(8)[j,l]  # both axes by one table
    z[i,j] = dct3(8)[k,i] * y[k,j] / 16
}
kernel pair(v: f32[24]) -> (y: f32[24]) { y[k] = kron(dct4(4), dst2(n))[k,l] * v[l] }
kernel fir(w: f32[32]) -> (y: f32[16]) { y[i] = toeplitz(t, 16, 32)[i,j] * w[j] }
"""


def check_transforms(suite, folder, elem, generator):
    """Transforms that have no data become tables, each once in a kernel; Toeplitz matrices stay what they are."""
    data = {"t": generator.normal(0, 0.2, 47).astype("f4"), "p": generator.uniform(-1, 1, (9, 8, 8)), "v": generator.uniform(-1, 1, (9, 24)), "w": generator.uniform(-1, 1, (9, 32))}
    for name, array in data.items():
        numpy.save(folder / f"{name}.npy", array)
    (folder / "transforms.ein").write_text(TRANSFORMS)
    report = quantize(suite, folder, "transforms.ein", elem, ["p=p.npy", "v=v.npy", "w=w.npy"], "d.ein")
    if report is None:
        return
    text, floor = (folder / "d.ein").read_text(), {"q7": 20, "q15": 65}[elem]
    suite.check(f"{elem}: tables", [text.count(f"= {call}[k_") for call in ("dct2(8)", "dct3(8)", "dct4(4)", "dst2(n)", "toeplitz")] == [1, 1, 1, 1, 0], text)
    suite.check(f"{elem}: the scale of a table", report["block", "dct2_1"]["scale"] == 4 and "dct2_1[k_1: 8, l_1: 8]: " + elem + " scale(4) = dct2(8)" in text, text)
    near = {key: tensor["snr"] for key, tensor in report.items() if tensor["part"] == "output"}
    suite.check(f"{elem}: transforms are near", len(near) == 4 and all(ratio > floor for ratio in near.values()), near)
    again = subprocess.run([suite.einc, "check", "d.ein"], cwd=folder, capture_output=True, text=True, timeout=120)
    suite.check(f"{elem}: transforms: engines agree", again.returncode == 0, again.stdout + again.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = Suite(parser.parse_args().einc)
    generator = numpy.random.default_rng(17)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for elem in BITS:
            check_network(suite, folder, elem, generator)
            check_structured(suite, folder, elem, generator)
            check_transforms(suite, folder, elem, generator)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
