#!/usr/bin/python3
"""Poisson's equation with a known solution: the solver against the eigenvalue of second differences, and the error of these."""
import json
import pathlib
import subprocess
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

SOURCE = pathlib.Path(__file__).parent / "poisson.ein"
SHAPE = (15, 23, 16)
STEPS = (1 / (SHAPE[0] + 1), 1 / (SHAPE[1] + 1), 1 / SHAPE[2])

options = example.arguments()
x, y, z = numpy.meshgrid(*(step * numpy.arange(first, first + n) for n, step, first in zip(SHAPE, STEPS, (1, 1, 0))), indexing="ij")
solution = numpy.sin(numpy.pi * x) * numpy.sin(2 * numpy.pi * y) * numpy.cos(2 * numpy.pi * z)
f = (1 + 4 + 4) * numpy.pi ** 2 * solution
(u,) = example.run(options, SOURCE, "poisson", dict(f=f.reshape(-1)), ["u"])
u = u.reshape(SHAPE)
eigenvalue = sum((2 - 2 * numpy.cos(k * numpy.pi * step)) / step ** 2 for k, step in zip((1, 2, 2), STEPS))
example.expect("solver", abs(u - f / eigenvalue).max() / abs(u).max(), 1e-13)
example.expect("solution", abs(u - solution).max(), 0.01)

explained = subprocess.run(example.command(options, "explain", SOURCE, "--json"), check=True, capture_output=True)
(kernel,) = json.loads(explained.stdout)["kernels"]
N = numpy.prod(SHAPE)
print(f"{kernel['flops']:,} flops, {N:,} unknowns; by eigenvectors {4 * N * sum(SHAPE) + N:,}")
