#!/usr/bin/python3
"""The chain against NumPy's own products, left to right."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
options = example.arguments()
random = numpy.random.default_rng(1)
A, B, C, D = (random.standard_normal(shape) for shape in [(200, 8), (8, 200), (200, 8), (8, 200)])
(P,) = example.run(options, HERE / "chain.ein", "chain", dict(A=A, B=B, C=C, D=D), ["P"])
wanted = A @ B @ C @ D
example.expect("matrix chain", abs(P - wanted).max() / abs(wanted).max(), 1e-13)
