#!/usr/bin/python3
"""The mean of a Gaussian process on a grid against NumPy's with the whole covariance."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example


def covariance(a, b, length):
    return numpy.exp(-abs(a[:, None] - b) / length)


options = example.arguments()
random = numpy.random.default_rng(9)
a, b = numpy.linspace(0, 1, 24), numpy.linspace(0, 2, 30)
K, L = covariance(a, a, 0.3), covariance(b, b, 0.5)
A, B = covariance(numpy.linspace(0.1, 0.9, 5), a, 0.3), covariance(numpy.linspace(0.2, 1.7, 7), b, 0.5)
y = random.standard_normal(24 * 30)
(m,) = example.run(options, pathlib.Path(__file__).parent / "mean.ein", "mean", dict(K=K, L=L, A=A, B=B, y=y), ["m"])
wanted = numpy.kron(A, B) @ numpy.linalg.solve(numpy.kron(K, L), y)
example.expect("mean", abs(m - wanted).max() / abs(wanted).max(), 1e-11)
