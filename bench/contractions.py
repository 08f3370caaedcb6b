#!/usr/bin/python3
"""Contractions of two tensors, einc's emitted C against its peers, interleaved in one run.

    contractions.py tccg [--only=NAME,...] [--rounds=5] [--json=FILE] [--target=host] [--peers=gemm,numpy,torch]
    contractions.py gemm | memory | random [--first=N]

The table gives GFLOP/s of each, median over the rounds, and the ratios to einc; the last line their geometric means."""
import argparse
import itertools
import json
import math
import pathlib
import random
import tempfile

import peers
from measure import interleaved, mean

HERE = pathlib.Path(__file__).resolve().parent


def tccg_cases():
    for case in json.loads((HERE / "tccg.json").read_text())["cases"]:
        yield case["name"], case["group"], case["expr"], case["sizes_scaled_f64"], "f64"


def gemm_cases():
    for elem in ("f64", "f32"):
        yield f"gemm_{elem}", "gemm", "ik,kj->ij", {"i": 2048, "j": 2048, "k": 2048}, elem


def memory_cases():
    """Work that memory bounds: small enough for a cache, and streamed."""
    sizes = {"cached": {"i": 200, "k": 210}, "streamed": {"i": 4000, "k": 4100}}
    for place, size in sizes.items():
        for elem in ("f64", "f32"):
            for name, expression in (("matvec", "ik,k->i"), ("vecmat", "k,ki->i"), ("rowsum", "ik->i"), ("colsum", "ki->i"),
                                     ("dot", "ik,ik->"), ("outer", "i,k->ik"), ("scaled", "ik,k->ik")):
                yield f"{name}_{elem}_{place}", place, expression, size, elem


LETTERS = "abcdefgh"
LARGEST_TENSOR, MOST_FLOPS = 64 * 2 ** 20, 20e9  # bytes; 2 a product and sum


def random_case(choice):
    """Two tensors of 2 to 5 indices, some shared; each index is of the result, or summed if both have it, in random order."""
    shared = choice.randint(1, 3)
    first = list(LETTERS[:choice.randint(max(2, shared), 5)])
    others = choice.randint(max(0, 2 - shared), 5 - shared)
    second = first[:shared] + list(LETTERS[len(first):len(first) + others])
    kept = [index for index in first[:shared] if choice.random() < 0.25]
    result = [index for index in first + second[shared:] if index not in first[:shared] or index in kept]
    for indices in (first, second, result):
        choice.shuffle(indices)
    sizes = {index: round(math.exp(choice.uniform(0, math.log(200)))) for index in sorted(set(first + second))}
    return f"{''.join(first)},{''.join(second)}->{''.join(result)}", sizes


def random_cases(count=1000, seed=1):
    choice = random.Random(seed)
    number = 0
    while number < count:
        expression, sizes = random_case(choice)
        parts = expression.replace("->", ",").split(",")
        fits = all(8 * math.prod(sizes[index] for index in part) <= LARGEST_TENSOR for part in parts)
        if fits and len(parts[2]) <= 5 and 2 * math.prod(sizes.values()) <= MOST_FLOPS:
            yield f"random{number}", "random", expression, sizes, "f64"
            number += 1


SUITES = {"tccg": tccg_cases, "gemm": gemm_cases, "memory": memory_cases, "random": random_cases}


def matrix_sizes(expression, sizes):
    operands, result = expression.split("->")
    first = set(operands.split(",")[0])
    product = {"m": 1, "n": 1, "k": 1}
    for index, size in sizes.items():
        product["k" if index not in result else "m" if index in first else "n"] *= size
    return product["m"], product["n"], product["k"]


def measure(case, arguments, folder, gemm):
    import numpy
    from kernel import Kernel, aligned
    name, group, expression, sizes, elem = case
    operands, result = expression.split("->")
    fill = numpy.random.default_rng(7)
    inputs = [aligned([sizes[index] for index in part], elem, fill) for part in operands.split(",")]
    output = aligned([sizes[index] for index in result], elem)
    kernel = Kernel(expression, sizes, elem, folder, arguments.target)
    runs = {"einc": lambda: kernel.run(inputs, output)}
    m, n, k = matrix_sizes(expression, sizes)
    if "gemm" in arguments.peers:
        a, b, c = aligned((m, k), elem, fill), aligned((k, n), elem, fill), aligned((m, n), elem)
        runs["gemm"] = lambda: gemm.run(elem, m, n, k, a, b, c)
    if "numpy" in arguments.peers:
        runs["numpy"] = lambda: peers.numpy_einsum(expression, inputs)
    if "torch" in arguments.peers:
        runs["torch"] = peers.torch_einsum(expression, inputs)
    kernel.run(inputs, output)
    wanted = peers.numpy_einsum(expression, inputs)
    error = float(numpy.abs(output - wanted).max() / max(numpy.abs(wanted).max(), 1e-300))
    if error > (1e-10 if elem == "f64" else 1e-3):
        raise SystemExit(f"{name}: wrong by {error:.2e}")
    flops = 2.0 * math.prod(sizes.values())
    speeds = {peer: flops / taken * 1e-9 for peer, taken in interleaved(runs, arguments.rounds).items()}
    return {"name": name, "group": group, "expression": expression, "sizes": sizes, "m": m, "n": n, "k": k, "gflops": speeds}


def put_means(title, rows, names):
    speeds = {peer: mean([row["gflops"][peer] for row in rows]) for peer in names}
    print(f"{title:41}" + "".join(f"{speeds[peer]:9.1f}" for peer in names) +
          "".join(f"{mean([row['gflops']['einc'] / row['gflops'][peer] for row in rows]):8.2f}" for peer in names[1:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--only", default="")
    parser.add_argument("--first", type=int, help="only so many cases")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    parser.add_argument("--target", default="host")
    parser.add_argument("--peers", default="gemm,numpy,torch")
    parser.add_argument("--keep", help="folder for sources and emitted C")
    arguments = parser.parse_args()
    arguments.peers = [peer for peer in arguments.peers.split(",") if peer]
    peers.settle(1)
    names = ["einc", *arguments.peers]
    print(f"{'GFLOP/s':41}" + "".join(f"{peer:>9}" for peer in names) + "".join(f"{'/' + peer:>8}" for peer in names[1:]))
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        gemm = peers.Gemm()
        for case in itertools.islice(SUITES[arguments.suite](), arguments.first):
            if arguments.only and case[0] not in arguments.only.split(","):
                continue
            folder = pathlib.Path(arguments.keep or temporary) / case[0]
            folder.mkdir(parents=True, exist_ok=True)
            rows.append(measure(case, arguments, folder, gemm))
            put_means(f"{case[0]:20} {case[2]:20}", rows[-1:], names)
    for group in dict.fromkeys(row["group"] for row in rows):
        put_means(f"geometric mean {group}", [row for row in rows if row["group"] == group], names)
    put_means("geometric mean", rows, names)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
