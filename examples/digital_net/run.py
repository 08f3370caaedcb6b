#!/usr/bin/python3
"""A Gram product by Walsh-Hadamard transforms against the matrix itself."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

options = example.arguments()
random = numpy.random.default_rng(8)
column, x = random.random(1024), random.standard_normal(1024)
(y,) = example.run(options, pathlib.Path(__file__).parent / "gram.ein", "gram", dict(column=column, x=x), ["y"])
points = numpy.arange(1024)
wanted = column[points[:, None] ^ points] @ x
example.expect("gram", abs(y - wanted).max() / abs(wanted).max(), 1e-13)
