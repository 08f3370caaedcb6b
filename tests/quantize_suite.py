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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = Suite(parser.parse_args().einc)
    generator = numpy.random.default_rng(17)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for elem in BITS:
            check_network(suite, folder, elem, generator)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())
