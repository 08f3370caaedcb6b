#!/usr/bin/python3
"""A long causal convolution against NumPy's."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

options = example.arguments()
random = numpy.random.default_rng(7)
h, x = random.standard_normal(4096) / 64, random.standard_normal((2, 4096))
(y,) = example.run(options, pathlib.Path(__file__).parent / "convolution.ein", "convolution", dict(h=h, x=x), ["y"])
wanted = numpy.array([numpy.convolve(h, row)[:4096] for row in x])
example.expect("convolution", abs(y - wanted).max() / abs(wanted).max(), 1e-13)
