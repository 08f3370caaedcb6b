#!/usr/bin/python3
"""Computes on encrypted data: einc makes a schedule of CKKS operations, node-seal encrypts, computes and decrypts, NumPy says what is right.

    examples/encrypted/run.py [NAME ...]        kronecker, monarch, attention, convolution, filter; all where none is named

node-seal comes by `npm ci` into --seal, once. With --clear the schedules run in clear slots, without encryption."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).resolve().parent
EXECUTOR = HERE.parents[1] / "runtime/seal"
RANDOM = numpy.random.default_rng(12)


def kronecker():
    A, B, b = RANDOM.standard_normal((32, 32)) / 6, RANDOM.standard_normal((32, 32)) / 6, RANDOM.standard_normal(1024)
    x = RANDOM.standard_normal(1024)
    return {"A": A, "B": B, "b": b}, {"x": x}, numpy.kron(A, B) @ x + b


def monarch():
    L, R, b, V = (RANDOM.standard_normal(shape) / 4 for shape in ((16, 16, 16), (16, 16, 16), (256,), (10, 256)))
    x = RANDOM.standard_normal(256)
    hidden = numpy.einsum("jik,kjm,km->ij", L, R, x.reshape(16, 16)).ravel() + b
    return {"L": L, "R": R, "b": b, "V": V}, {"x": x}, V @ hidden**2


def attention():
    q, k = RANDOM.standard_normal((2, 4, 8, 16))
    return {}, {"q": q, "k": k}, numpy.einsum("htd,hsd->hts", q, k) / 4


def convolution():
    W, x = RANDOM.standard_normal((4, 3, 3)), RANDOM.standard_normal((16, 16))
    around = numpy.pad(x, 1)
    return {"W": W}, {"x": x}, sum(W[:, r, s, None, None] * around[r:r + 16, s:s + 16] for r in range(3) for s in range(3))


def filter():
    turn = lambda angle: numpy.moveaxis(numpy.array([[numpy.cos(angle), -numpy.sin(angle)], [numpy.sin(angle), numpy.cos(angle)]]), (0, 1), (-2, -1))
    products = -2 * numpy.pi * numpy.outer(range(8), range(8))
    x, h = RANDOM.standard_normal((2, 64))
    y = numpy.fft.ifft(numpy.fft.fft(x) * numpy.fft.fft(h)).real
    return {"F": turn(products / 8), "T": turn(products / 64)}, {"x": x.reshape(8, 8), "h": h.reshape(8, 8)}, y.reshape(8, 8)


# Slots of a ciphertext, and what the schedule may take: another number of rotations is another schedule.
EXAMPLES = {"kronecker": (kronecker, 2048, 20), "monarch": (monarch, 512, 26), "attention": (attention, 4096, 4), "convolution": (convolution, 1024, 4),
            "filter": (filter, 256, 102)}


def bring(folder):
    if (folder / "node_modules/node-seal").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(EXECUTOR / name, folder)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def execute(options, folder, words):
    """The schedule on encrypted inputs, or in clear slots."""
    if options.clear:
        subprocess.run(example.command(options, "he-run", "layer.he", *words), cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return ""
    environment = {**os.environ, "NODE_PATH": str(options.seal.resolve() / "node_modules")}
    done = subprocess.run(["node", EXECUTOR / "run.js", "layer.he", *words, "--json"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    times = {op["op"]: op["total_ms"] for op in json.loads(done.stdout)["ops"]}
    made_before = sum(times.pop(name, 0) for name in ("keys", "encode", "encrypt", "decrypt"))
    return f", {sum(times.values()) / 1000:.1f} s on ciphertexts and {made_before / 1000:.1f} s for keys, encoding and encryption"


def run(options, name):
    make, slots, most = EXAMPLES[name]
    weights, inputs, wanted = make()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shutil.copy(HERE / f"{name}.ein", folder)
        for array, value in {**weights, **inputs}.items():
            numpy.save(folder / f"{array}.npy", value)
        subprocess.run(example.command(options, "build", f"{name}.ein", "--emit=he", "-o", "layer.he", f"--slots={slots}"), cwd=folder, check=True)
        checked = subprocess.run(example.command(options, "he-check", "layer.he", "--json"), cwd=folder, check=True, stdout=subprocess.PIPE)
        counts = json.loads(checked.stdout)
        times = execute(options, folder, [*(f"{array}={array}.npy" for array in inputs), "-o", "out.npy"])
        error = abs(numpy.load(folder / "out.npy") - wanted).max() / abs(wanted).max()
    print(f"{name}: {counts['rot']} rotations at depth {counts['depth']}, {counts['keys']} keys{times}")
    if counts["rot"] > most:
        raise SystemExit(f"{name} takes more than {most} rotations")
    example.expect(name, error, 1e-12 if options.clear else 1e-5)


parser = example.parser()
parser.add_argument("--clear", action="store_true", help="in clear slots, without encryption")
parser.add_argument("--seal", type=pathlib.Path, default=HERE.parents[1] / "build/seal", help="the folder of node-seal")
parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXAMPLES))
options = parser.parse_args()
if not options.clear:
    bring(options.seal)
for name in options.names or EXAMPLES:
    if name not in EXAMPLES:
        parser.error(f"there is no example {name}")
    run(options, name)
