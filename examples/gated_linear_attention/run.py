#!/usr/bin/python3
"""Gated linear attention, step by step and in chunks of 64 steps, against NumPy's steps in double; gates go down to 1e-3, where quotients of
their running products would overflow."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

SOURCE = pathlib.Path(__file__).parent / "attention.ein"


def attention(q, k, v, g):
    heads, steps, keys = k.shape
    state, o = numpy.zeros((heads, keys, v.shape[2])), numpy.empty_like(v)
    for t in range(steps):
        state = g[:, t, :, None] * state + k[:, t, :, None] * v[:, t, None, :]
        o[:, t] = numpy.einsum("hi,hij->hj", q[:, t], state)
    return o


options = example.arguments(full="2048 steps of 4 heads with 128 keys and 256 values")
T, H, K, V = (2048, 4, 128, 256) if options.full else (192, 2, 24, 40)
random = numpy.random.default_rng(7)
inputs = dict(q=random.standard_normal((H, T, K)) / K**0.5, k=random.standard_normal((H, T, K)), v=random.standard_normal((H, T, V)),
              g=random.uniform(1e-3, 1, (H, T, K)) ** 0.125)
inputs["g"][:, ::7] = 1e-3
inputs = {name: array.astype(numpy.float32) for name, array in inputs.items()}
wanted = attention(**{name: array.astype(float) for name, array in inputs.items()})
for flags in (), ("--scan-chunk=none",), ("--scan-chunk=64",):
    (o,) = example.run(options, SOURCE, "attention", inputs, ["o"], flags=flags)
    example.expect(" ".join(["gated linear attention", *flags]), abs(o - wanted).max() / abs(wanted).max(), 5e-6)
    example.report(options, SOURCE, "attention", dict(T=T, H=H, K=K, V=V), flags)
