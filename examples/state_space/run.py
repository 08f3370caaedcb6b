#!/usr/bin/python3
"""A state space layer, step by step and in chunks of 64 steps, against NumPy's steps in double."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

SOURCE = pathlib.Path(__file__).parent / "state_space.ein"
N, P = 128, 64


def layer(x, dt, A, B, C, D):
    groups, heads = A.shape
    state, y = numpy.zeros((groups, heads, N, P)), numpy.empty_like(x)
    for t in range(len(x)):
        state *= numpy.exp(-dt[t] * A)[:, :, None, None]
        state += numpy.einsum("gr,gn,grp->grnp", dt[t], B[t], x[t])
        y[t] = numpy.einsum("gn,grnp->grp", C[t], state) + D[:, :, None] * x[t]
    return y, state


options = example.arguments(full="24 heads and 2048 steps, as in Mamba-2 of 130M parameters")
T, G, R = (2048, 1, 24) if options.full else (192, 2, 2)
random = numpy.random.default_rng(6)
inputs = dict(x=random.standard_normal((T, G, R, P)), dt=random.uniform(0.001, 0.1, (T, G, R)), A=random.uniform(1, 16, (G, R)),
              B=random.standard_normal((T, G, N)) / 8, C=random.standard_normal((T, G, N)) / 8, D=random.standard_normal((G, R)))
inputs = {name: array.astype(numpy.float32) for name, array in inputs.items()}
wanted = layer(**{name: array.astype(float) for name, array in inputs.items()})
for flags in (), ("--scan-chunk=none",), ("--scan-chunk=64",):
    found = example.run(options, SOURCE, "layer", inputs, ["y", "state"], flags=flags)
    for name, array, right in zip(("y", "state"), found, wanted):
        example.expect(" ".join(["state space", name, *flags]), abs(array - right).max() / abs(right).max(), 5e-6)
    example.report(options, SOURCE, "layer", dict(T=T, G=G, R=R), flags)
