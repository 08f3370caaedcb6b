#!/usr/bin/python3
"""The delta rule step by step and in chunks (the WY form of S. Yang and others, "Parallelizing Linear Transformers with the Delta Rule over Sequence
Length", 2024), each against NumPy's steps in double, and against each other."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

SOURCE = pathlib.Path(__file__).parent / "delta_rule.ein"
C = 64


def delta_rule(q, k, v, beta):
    heads, steps, width = v.shape
    state, o = numpy.zeros((heads, width, k.shape[2])), numpy.empty_like(v)
    for t in range(steps):
        wrong = v[:, t] - numpy.einsum("hab,hb->ha", state, k[:, t])
        state = state + beta[:, t, None, None] * wrong[:, :, None] * k[:, t, None, :]
        o[:, t] = numpy.einsum("hab,hb->ha", state, q[:, t])
    return o, state


options = example.arguments(full="2048 steps of 2 heads, keys and values of width 128")
n, H, K, V = (32, 2, 128, 128) if options.full else (3, 2, 24, 20)
random = numpy.random.default_rng(8)
inputs = dict(q=random.standard_normal((H, n * C, K)), k=random.standard_normal((H, n * C, K)), v=random.standard_normal((H, n * C, V)),
              beta=random.uniform(0, 1, (H, n * C)))
inputs["k"] /= numpy.linalg.norm(inputs["k"], axis=-1, keepdims=True)
inputs = {name: array.astype(numpy.float32) for name, array in inputs.items()}
wanted = delta_rule(**{name: array.astype(float) for name, array in inputs.items()})
dims = dict(n=n, H=H, K=K, V=V)
found = {kernel: example.run(options, SOURCE, kernel, inputs, ["o", "last"], dict(n=n)) for kernel in ("steps", "chunks")}
for name, steps, chunks, right in zip(("o", "last state"), found["steps"], found["chunks"], wanted):
    for kernel, array, other in ("steps", steps, right), ("chunks", chunks, right), ("chunks against steps", chunks, steps):
        example.expect(f"delta rule {name}, {kernel}", abs(array - other).max() / abs(right).max(), 5e-6)
for kernel in found:
    example.report(options, SOURCE, kernel, dims)
