#!/usr/bin/python3
"""Poisson's equation with a known solution: the error falls with the square of the step, as second differences have it."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
SHAPE = (15, 23, 16)


def second_differences(n, step, periodic=False):
    matrix = 2 * numpy.eye(n) - numpy.eye(n, k=1) - numpy.eye(n, k=-1)
    if periodic:
        matrix[0, -1] = matrix[-1, 0] = -1
    return matrix / step ** 2


options = example.arguments()
steps = (1 / (SHAPE[0] + 1), 1 / (SHAPE[1] + 1), 1 / SHAPE[2])
x, y, z = numpy.meshgrid(*(step * numpy.arange(first, first + n) for n, step, first in zip(SHAPE, steps, (1, 1, 0))), indexing="ij")
solution = numpy.sin(numpy.pi * x) * numpy.sin(numpy.pi * y) * numpy.cos(2 * numpy.pi * z)
f = 6 * numpy.pi ** 2 * solution  # minus its Laplacian: 1 + 1 + 4 times pi^2
for name, n, step, periodic in zip("xyz", SHAPE, steps, (False, False, True)):
    example.expect(f"{name}.npy", abs(numpy.load(HERE / f"{name}.npy") - second_differences(n, step, periodic)).max(), 0)
(u,) = example.run(options, HERE / "poisson.ein", "poisson", dict(f=f.reshape(-1)), ["u"])
u = u.reshape(SHAPE)
discrete = sum((2 - 2 * numpy.cos(k * numpy.pi * step)) / step ** 2 for k, step in zip((1, 1, 2), steps))
example.expect("solver", abs(u - f / discrete).max() / abs(u).max(), 1e-12)
example.expect("solution", abs(u - solution).max(), 0.02)
