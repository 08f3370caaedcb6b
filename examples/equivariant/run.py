#!/usr/bin/python3
"""A layer that is equivariant under rotations: its values by NumPy, and that it commutes with a random rotation."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

SOURCE = pathlib.Path(__file__).parent / "layer.ein"
options = example.arguments()
random = numpy.random.default_rng(10)
weights = {name: random.standard_normal((6, 5)) for name in "abw"}
x = random.standard_normal((9, 5, 7, 7))
(y,) = example.run(options, SOURCE, "layer", dict(weights, x=x), ["y"])
wanted = (numpy.einsum("cd,sdij->scij", weights["a"], x) + numpy.einsum("cd,sdji->scij", weights["b"], x)
          + numpy.einsum("cd,sdkk,ij->scij", weights["w"], x, numpy.eye(7)))
example.expect("layer", abs(y - wanted).max() / abs(wanted).max(), 1e-14)
rotation, _ = numpy.linalg.qr(random.standard_normal((7, 7)))
(turned,) = example.run(options, SOURCE, "layer", dict(weights, x=rotation @ x @ rotation.T), ["y"])
example.expect("rotated", abs(turned - rotation @ y @ rotation.T).max() / abs(y).max(), 1e-13)
