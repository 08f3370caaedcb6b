#!/usr/bin/python3
"""Whatever a file of tuned choices says, results are right: the kernels of tiled_suite.py with random tiles, blocks, lanes and
panels, at constant and run-time extents, under ASan and UBSan; choices that are refused are warned of and cost nothing else.

Files cut short and with bytes changed are read without a crash; and `einc tune` itself writes a file that `build` takes whole."""
import argparse
import json
import pathlib
import random
import sys
import tempfile

from emitted import Suite
from suites import WATCHED
from tiled_suite import CONSTANT, DIMS, KERNELS, SIZES, SMALL, machine_with, run_kernel, source

ROUNDS = 2


def size(draw, most):
    return draw.choice([1, 1, draw.randint(1, most)])


def cut(draw, axis, lane, lanes, is_copy, rows):
    """INDEX=TILE/BLOCK, most often one that is legal."""
    tile, text = 1, "1"
    if lane and (rows or not is_copy):
        vectors = 1 if is_copy else draw.randint(1, 2)
        tile, text = lanes * vectors, f"{lanes}x{vectors}"
    elif axis["role"] in ("m", "n") and not is_copy:
        tile = size(draw, 4)
        text = str(tile)
    if axis["role"] != "batch" and not (is_copy and rows) and draw.random() < 0.5:
        text += f"/{tile * draw.randint(1, 4)}"
    return f"{axis['index']}={text}"


def random_choice(draw, kernel, tiling):
    lanes = int(tiling["vector"].split("x")[1])
    is_copy = tiling["share_of_peak"] is None
    rows = is_copy and draw.random() < 0.5
    lane = tiling["lane"]
    if draw.random() < 0.2:
        lane = draw.choice(tiling["axes"])["index"]
    cuts = [cut(draw, axis, axis["index"] == lane, lanes, is_copy, rows) for axis in tiling["axes"]]
    panels = draw.choice(["auto", "none", "a", "b", "ab"])
    return f"{kernel['name']} {tiling['tensor']} {tiling['key']} 1e-3 2e-3 {panels} {' '.join(cuts)}"


def head(suite, folder, target):
    """The first lines of a file for the target: there is nothing to measure in this kernel."""
    (folder / "nothing.ein").write_text("kernel double(x: f64[3]) -> (y: f64[3]) { y[i] = 2 * x[i] }\n")
    done = suite.run([suite.einc, "tune", "nothing.ein", f"--target={target}", "-o", "-"], folder)
    suite.check("head of a file", done.returncode == 0, done.stderr)
    return done.stdout


def forced(suite, folder, target, elem, dims, seed):
    draw = random.Random(seed)
    what = f"{pathlib.Path(target).name} {'run-time' if dims is None else dims} seed {seed}"
    (folder / "products.ein").write_text(source(elem))
    words = [f"--target={target}"] + (["--dims", ",".join(f"{name}={size}" for name, size in zip(DIMS, dims))] if dims else [])
    said = json.loads(suite.run([suite.einc, "explain", "products.ein", "--json", *words], folder).stdout)
    lines = [random_choice(draw, kernel, tiling) for kernel in said["kernels"] for tiling in kernel["tilings"]]
    lines = {line.split()[0] + line.split()[2]: line for line in lines}.values()
    (folder / "forced.tune").write_text(head(suite, folder, target) + "\n".join(lines) + "\n")
    words.append("--tune=forced.tune")
    done = suite.run([suite.einc, "build", "products.ein", "--emit=main", "-o", "host.c", *words], folder)
    suite.check(f"{what}: emit", done.returncode == 0, done.stderr)
    taken = suite.run([suite.einc, "explain", "products.ein", "--json", *words], folder)
    tuned = sum(tiling["tuned_gain"] is not None for kernel in json.loads(taken.stdout)["kernels"] for tiling in kernel["tilings"])
    refused = taken.stderr.count("is not taken")
    suite.check(f"{what}: every choice is taken or refused", tuned >= len(lines) - refused > 0 and "is the one" not in taken.stderr,
                f"{len(lines)} choices, {tuned} taken, {refused} refused")
    if WATCHED:
        return len(lines), refused
    others = [path.name for path in folder.glob("*.c") if path.name != "host.c"]
    suite.step(f"{what}: compile", ["gcc", "-std=c99", "-O0", "-march=native", "-fsanitize=address,undefined",
                                    "-fno-sanitize-recover=all", "host.c", *others, "-lm", "-o", "checked"], folder)
    for sizes in (dims,) if dims else SIZES[::2]:
        for kernel in KERNELS:
            run_kernel(suite, folder, "checked", kernel, elem, sizes, what)
    return len(lines), refused


def hostile(suite, folder):
    """Each is refused or taken; no crash."""
    draw, text = random.Random(1), (folder / "forced.tune").read_bytes()
    for case in range(150):
        changed = bytearray(text[:draw.randint(0, len(text))] if case % 3 == 0 else text)
        for _ in range(draw.randint(1, 6) if changed else 0):
            changed[draw.randrange(len(changed))] = draw.choice([draw.randrange(256), *b"0x/= \n#9"])
        (folder / "hostile.tune").write_bytes(changed)
        done = suite.run([suite.einc, "build", "products.ein", "--emit=ein", "-o", "-", "--target=host", "--tune=hostile.tune"], folder)
        suite.check(f"hostile file {case}", done.returncode in (0, 1), done.stderr)


def longest(suite, folder):
    """At most 256 KiB are read, and no part of a longer file is taken."""
    text = head(suite, folder, "host")
    for size, status in ((1 << 18, 0), ((1 << 18) + 1, 4)):
        (folder / "long.tune").write_text(text + "#" * (size - len(text)))
        done = suite.run([suite.einc, "build", "products.ein", "--emit=ein", "-o", "-", "--target=host", "--tune=long.tune"], folder)
        suite.check(f"a file of {size} bytes", done.returncode == status and ("E0811" in done.stderr) == (status != 0), done.stderr)


SMALL_SOURCE = """kernel product(A: f64[40, 30], B: f64[30, 50]) -> (C: f64[40, 50]) { C[i,j] = A[i,k] * B[k,j] }
kernel turned(A: f64[40, 50]) -> (C: f64[50, 40]) { C[i,j] = A[j,i] }
"""


def single_rows(suite, folder):
    """Tiles of several rows whose edge is a single one: two loops of different lengths over one index, which C compilers at work see."""
    (folder / "small.ein").write_text(SMALL_SOURCE)
    said = json.loads(suite.run([suite.einc, "explain", "small.ein", "product", "--json", "--target=host"], folder).stdout)
    tiling = said["kernels"][0]["tilings"][0]
    lanes = tiling["vector"].split("x")[1]
    for rows in (3, 13):
        sizes = {"i": str(rows), "j": f"{lanes}x2", "k": "1"}
        cuts = " ".join(f"{axis['index']}={sizes[axis['index']]}" for axis in tiling["axes"])
        (folder / "rows.tune").write_text(head(suite, folder, "host") + f"product C {tiling['key']} 1 2 auto {cuts}\n")
        done = suite.run([suite.einc, "check", "small.ein", "product", "--target=host", "--tune=rows.tune"], folder)
        suite.check(f"tiles of {rows} rows of 40", done.returncode == 0, done.stdout + done.stderr)


def measured(suite, folder):
    """The command's own file is taken without a warning."""
    (folder / "small.ein").write_text(SMALL_SOURCE)
    done = suite.run([suite.einc, "tune", "small.ein", "--target=host", "--rounds=1"], folder)
    suite.check("tune", done.returncode == 0 and not done.stderr and done.stdout.count("\n") == 2, done.stdout + done.stderr)
    done = suite.run([suite.einc, "check", "small.ein", "--target=host", "--tune=small.tune"], folder)
    suite.check("check with what was tuned", done.returncode == 0 and not done.stderr, done.stdout + done.stderr)
    for words, why in ((["-o", "small.ein"], "cannot write"), (["--rounds=0"], "--rounds"), (["--tune=small.tune"], "takes none")):
        done = suite.run([suite.einc, "tune", "small.ein", "--target=host", *words], folder)
        suite.check(f"tune {words}", done.returncode in (1, 2) and why in done.stderr, done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = Suite(parser.parse_args().einc)
    choices = refused = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        suite.step("describe", [suite.einc, "machine", "-o", "host.machine"], folder)
        small = machine_with(folder, "small.machine", SMALL)
        for seed in range(ROUNDS):
            for target, elem, dims in ((small, "f64", None), ("host", "f32", CONSTANT[2 - seed])):
                result = forced(suite, folder, target, elem, dims, seed)
                choices, refused = choices + result[0], refused + result[1]
        hostile(suite, folder)
        longest(suite, folder)
        single_rows(suite, folder)
        measured(suite, folder)
        suite.check("most random choices are legal", 3 * refused < 2 * choices, f"{refused} of {choices} refused")
        print(f"{choices} choices, {refused} refused")
    print(f"{suite.passed} passed, {suite.failed} failed, 0 skipped")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
