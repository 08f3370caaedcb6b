#!/usr/bin/python3
"""What a call from Python costs: einc beside numpy.einsum, interleaved, medians over rounds.

    PYTHONPATH=python python_calls.py [--rounds=31] [--number=5000]"""
import argparse
import statistics
import timeit

import einc
import numpy

SOURCE = "dim n, m, p\nkernel product(A: f64[n,p], B: f64[p,m]) -> (C: f64[n,m]) { C[i,j] = A[i,k] * B[k,j] }"


def calls():
    """Name to a call; of each group the first is numpy.einsum's."""
    a, b, out = numpy.random.rand(4, 4), numpy.random.rand(4, 4), numpy.empty((4, 4))
    c, d = numpy.random.rand(64, 64), numpy.random.rand(64, 64)
    product = einc.compile(SOURCE).product
    yield "ij,jk->ik, 4x4", {"numpy": lambda: numpy.einsum("ij,jk->ik", a, b), "einc": lambda: einc.einsum("ij,jk->ik", a, b),
                             "a kernel": lambda: product(a, b), "a kernel, by name": lambda: product(A=a, B=b)}
    yield "the same, out=", {"numpy": lambda: numpy.einsum("ij,jk->ik", a, b, out=out), "einc": lambda: einc.einsum("ij,jk->ik", a, b, out=out)}
    yield "lists of labels", {"numpy": lambda: numpy.einsum(a, [0, 1], b, [1, 2]), "einc": lambda: einc.einsum(a, [0, 1], b, [1, 2])}
    yield "ij,ij->, 4x4", {"numpy": lambda: numpy.einsum("ij,ij->", a, b), "einc": lambda: einc.einsum("ij,ij->", a, b)}
    yield "ij,jk->ik, 64x64", {"numpy": lambda: numpy.einsum("ij,jk->ik", c, d), "numpy, optimize": lambda: numpy.einsum("ij,jk->ik", c, d, optimize=True),
                               "einc": lambda: einc.einsum("ij,jk->ik", c, d)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--number", type=int, default=5000)
    arguments = parser.parse_args()
    for what, group in calls():
        times = {name: [] for name in group}
        for name, call in group.items():
            timeit.timeit(call, number=100)
        for _ in range(arguments.rounds):
            for name, call in group.items():
                number = max(1, arguments.number // 50) if "64" in what else arguments.number
                times[name].append(timeit.timeit(call, number=number) / number * 1e6)
        print(f"{what:20}", *(f"{name} {statistics.median(rounds):.2f} us" for name, rounds in times.items()), sep="  ")


if __name__ == "__main__":
    main()
