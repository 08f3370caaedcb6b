#!/usr/bin/python3
"""How long einc looks for structure in numbers, how much memory it takes, and how fast what it finds runs beside the same written out.

    discover.py [--sizes=256,1024] [--only=WORD] [--rounds=5] [--target=host] [--no-times] [--json=FILE]

A line a matrix, or a tensor of as many numbers, of tests/structured_matrices.py, structured or not: seconds of the processor, the most memory over what a matrix of one number takes,
in matrices, the finding. Then a Fourier transform and Monarch layers, given as numbers and as operators: the ratio of their times, interleaved."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy

from functions import Bench
from kernel import EINC
from measure import interleaved
from native import ROOT, aligned

sys.path.append(str(ROOT / "tests"))
import structured_matrices  # noqa: E402: where the matrices are made

MOST_SECONDS, MOST_MEMORY = {256: 0.1, 1024: 1, 4096: 15}, 6  # wanted; memory in matrices


def looked_at(matrix, folder):
    """Seconds of the processor, most bytes of memory, and what is found."""
    numpy.save(folder / "W.npy", matrix)
    with (folder / "found.json").open("w") as out:
        process = subprocess.Popen([EINC, "discover", folder / "W.npy", "--json"], stdout=out)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"einc discover: status {process.returncode}")
    findings = json.loads((folder / "found.json").read_text())["findings"]
    return used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss, findings[0] if findings and findings[0]["accepted"] else None


def matrices(sizes):
    rng = numpy.random.default_rng(2)
    for n in sizes:
        for name, matrix, *_ in structured_matrices.structured(rng, [n]):
            if max(matrix.shape) >= n // 2:
                yield n, name, matrix
        yield n, f"cauchy {n}", structured_matrices.cauchy(rng, n)
        for name, matrix in structured_matrices.unstructured(rng, n):
            yield n, name, matrix
        for name, tensor in structured_matrices.tensors(rng, n):
            yield n, f"{name} {n}", tensor


def times(arguments, folder):
    rows, process = [], looked_at(numpy.ones((1, 1)), folder)[1]
    print(f"{'matrix':44}{'seconds':>9}{'memory':>9}  finding")
    for n, name, matrix in matrices(arguments.sizes):
        if arguments.only and arguments.only not in name:
            continue
        seconds, memory, found = looked_at(matrix, folder)
        row = {"name": name, "n": n, "seconds": seconds, "memory": (memory - process) / matrix.nbytes, "finding": found and found["expression"][:60]}
        rows.append(row)
        print(f"{name:44}{seconds:9.3f}{row['memory']:9.1f}  {row['finding'] or '-'}", flush=True)
    for n in arguments.sizes:
        mine = [row for row in rows if row["n"] == n]
        if mine:
            slowest, largest = max(mine, key=lambda row: row["seconds"]), max(mine, key=lambda row: row["memory"])
            wanted = MOST_SECONDS.get(n, float("inf"))
            print(f"n = {n}: at most {slowest['seconds']:.3f} s ({slowest['name']}), wanted {wanted}{' MISSED' if slowest['seconds'] > wanted else ''}; "
                  f"{largest['memory']:.1f} matrices of memory ({largest['name']})"
                  f"{f', wanted {MOST_MEMORY} MISSED' if n >= 4096 and largest['memory'] > MOST_MEMORY else ''}")
    return rows


def pairs():
    """Name, type, matrix, the same as an operator with its constants, batch."""
    rng = numpy.random.default_rng(6)
    yield "dft 1024", "c128", structured_matrices.dft(1024), "dft(1024)", {}, 16
    for n, k in ((1024, 32), (4096, 64)):
        left, right = (rng.standard_normal((k, k, k)).astype(numpy.float32) for _ in range(2))
        matrix = numpy.einsum("jik,kjm->ijkm", left.astype(float), right.astype(float)).reshape(n, n)
        yield f"monarch {n}", "f32", matrix.astype(numpy.float32), "monarch(L, R)", {"L": left, "R": right}, 256


def ratios(arguments, folder):
    rows, bench = [], Bench(argparse.Namespace(target=arguments.target, engine="c"), folder)
    print(f"{'written as numbers and as an operator':44}{'us':>9}{'us':>9}{'ratio':>9}")
    for name, elem, matrix, operator, constants, batch in pairs():
        n, real = len(matrix), "f64" if elem in ("c128", "f64") else "f32"
        head = "const {}: {}[{}] = file(\"{}.npy\") within 1e-5\n"
        body = f"kernel f(x: {elem}[{batch}, {n}]) -> (y: {elem}[{batch}, {n}]) {{ y[s,i] = MATRIX[i,j] * x[s,j] }}\n"
        sources = {"numbers": head.format("W", elem, f"{n}, {n}", folder / "W") + body.replace("MATRIX", "W"),
                   "operator": "".join(head.format(key, elem, ", ".join(map(str, value.shape)), folder / key) for key, value in constants.items())
                   + body.replace("MATRIX", operator)}
        for key, value in {"W": matrix, **constants}.items():
            numpy.save(folder / f"{key}.npy", value)
        shape = (batch, n, 2) if elem[0] == "c" else (batch, n)
        x, y, z = aligned(shape, real, numpy.random.default_rng(1)), aligned(shape, real), aligned(shape, real)
        taken = interleaved({"numbers": bench.run(sources["numbers"], [x, y]), "operator": bench.run(sources["operator"], [x, z])}, arguments.rounds)
        if not numpy.allclose(y, z, rtol=1e-4, atol=1e-4 * abs(z).max()):
            raise SystemExit(f"{name}: results differ")
        ratio = taken["numbers"] / taken["operator"]
        rows.append({"name": name, **taken, "ratio": ratio})
        print(f"{name:44}{1e6 * taken['numbers']:9.1f}{1e6 * taken['operator']:9.1f}{ratio:9.2f}", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")], default=[256, 1024], metavar="N,...")
    parser.add_argument("--only", metavar="WORD", help="matrices whose name has it")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of the times of what is found (%(default)s)")
    parser.add_argument("--target", default="host")
    parser.add_argument("--no-times", action="store_true", help="leave the search's own times out")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = {"search": [] if arguments.no_times else times(arguments, folder), "found": ratios(arguments, folder)}
    if arguments.json:
        arguments.json.write_text(json.dumps({"suite": "discover", **rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
