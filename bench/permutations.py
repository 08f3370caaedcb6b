#!/usr/bin/python3
"""Permutations of the axes of a tensor, einc's emitted C against memcpy of as many bytes and its peers, interleaved in one run.

    permutations.py [--count=100] [--megabytes=64] [--elem=f64] [--rounds=5] [--only=NAME,...] [--json=FILE] [--target=host]
                    [--peers=numpy,torch]

Rank 2 to 6, extents and order from a seeded generator. The table gives GB/s, each byte read and each byte written counted once, median
over the rounds; the last line their geometric means."""
import argparse
import ctypes
import json
import math
import pathlib
import random
import tempfile

import numpy

import peers
from kernel import Kernel, aligned
from measure import interleaved, mean

LETTERS = "abcdef"
SHORTEST = 2  # extent of an axis


def case(number, elements):
    """Expression and sizes: extents that are random in their logarithm, the largest made to fit; an order that moves something."""
    choice = random.Random(1000 + number)
    rank = choice.randint(2, 6)
    letters = LETTERS[:rank]
    sizes, left = {}, elements
    for position, letter in enumerate(letters[:-1]):
        share = left ** (1 / (rank - position))
        sizes[letter] = max(SHORTEST, min(int(share * math.exp(choice.uniform(-1, 1))), left // SHORTEST ** (rank - 1 - position)))
        left //= sizes[letter]
    sizes[letters[-1]] = max(SHORTEST, left)
    result = letters
    while result == letters:
        result = "".join(choice.sample(letters, rank))
    return f"{letters}->{result}", sizes


def measure(name, expression, sizes, arguments, folder):
    operand, result = expression.split("->")
    source = aligned([sizes[letter] for letter in operand], arguments.elem, numpy.random.default_rng(7))
    target = aligned([sizes[letter] for letter in result], arguments.elem)
    axes = [operand.index(letter) for letter in result]
    kernel = Kernel(expression, sizes, arguments.elem, folder, arguments.target)
    copy = aligned([source.size], arguments.elem)
    runs = {"einc": lambda: kernel.run([source], target), "memcpy": lambda: ctypes.memmove(copy.ctypes.data, source.ctypes.data, source.nbytes)}
    if "numpy" in arguments.peers:
        other = numpy.empty(target.shape, target.dtype)
        runs["numpy"] = lambda: numpy.copyto(other, source.transpose(axes))
    if "torch" in arguments.peers:
        runs["torch"] = peers.torch_permute(source, axes)
    kernel.run([source], target)
    if not numpy.array_equal(target, source.transpose(axes)):
        raise SystemExit(f"{name}: wrong")
    taken = interleaved(runs, arguments.rounds)
    return {"name": name, "expression": expression, "sizes": sizes, "gbytes": {peer: 2e-9 * source.nbytes / taken[peer] for peer in runs}}


def put(title, rows, names):
    speeds = {peer: mean([row["gbytes"][peer] for row in rows]) for peer in names}
    print(f"{title:56}" + "".join(f"{speeds[peer]:9.1f}" for peer in names) +
          "".join(f"{speeds['einc'] / speeds[peer]:8.2f}" for peer in names[1:]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--elem", default="f64", choices=("f64", "f32"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--json")
    parser.add_argument("--target", default="host")
    parser.add_argument("--peers", default="numpy,torch")
    parser.add_argument("--keep", help="folder for sources and emitted C")
    arguments = parser.parse_args()
    arguments.peers = [peer for peer in arguments.peers.split(",") if peer]
    peers.settle(1)
    names = ["einc", "memcpy", *arguments.peers]
    print(f"{'GB/s':56}" + "".join(f"{peer:>9}" for peer in names) + "".join(f"{'/' + peer:>8}" for peer in names[1:]))
    rows = []
    elements = arguments.megabytes * 2 ** 20 // numpy.dtype(arguments.elem.replace("f64", "f8").replace("f32", "f4")).itemsize
    with tempfile.TemporaryDirectory() as temporary:
        for number in range(arguments.count):
            name = f"permute{number}"
            if arguments.only and name not in arguments.only.split(","):
                continue
            folder = pathlib.Path(arguments.keep or temporary) / name
            folder.mkdir(parents=True, exist_ok=True)
            expression, sizes = case(number, elements)
            rows.append(measure(name, expression, sizes, arguments, folder))
            shape = "x".join(str(sizes[letter]) for letter in expression.split("->")[0])
            put(f"{name:11}{expression:16}{shape}", rows[-1:], names)
    put("geometric mean", rows, names)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
