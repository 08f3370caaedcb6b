#!/usr/bin/python3
"""Shortest paths against Floyd and Warshall's algorithm, on a sparse random graph with some nodes out of reach."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
options = example.arguments()
random = numpy.random.default_rng(5)
n = 60
edge = numpy.where(random.uniform(size=(n, n)) < 0.05, random.integers(1, 100, (n, n)), numpy.inf).astype(float)
numpy.fill_diagonal(edge, 0)
(distance,) = example.run(options, HERE / "paths.ein", "paths", dict(edge=edge), ["distance"])
wanted = edge.copy()
for k in range(n):
    wanted = numpy.minimum(wanted, wanted[:, k, None] + wanted[None, k, :])
example.expect("shortest paths", float((distance != wanted).sum()), 0)
