#!/usr/bin/python3
"""Transforms a grey image block by block, checks one against the defining cosine sum, and goes back."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent


def picture(rows, columns):
    """A disc on a ramp with some grain, 0..255."""
    y, x = numpy.mgrid[0:rows, 0:columns]
    disc = 80.0 * ((x - columns / 3) ** 2 + (y - rows / 2) ** 2 < (rows / 4) ** 2)
    return (x * 120.0 / columns + disc + numpy.random.default_rng(2).uniform(0, 8, (rows, columns))).astype(numpy.float32)


def cosine_sum(block):
    """The definition, term by term in double."""
    result = numpy.zeros((8, 8))
    for k in range(8):
        for l in range(8):
            rows = numpy.cos(numpy.pi * k * (2 * numpy.arange(8) + 1) / 16)
            columns = numpy.cos(numpy.pi * l * (2 * numpy.arange(8) + 1) / 16)
            scale = (numpy.sqrt(0.125) if k == 0 else 0.5) * (numpy.sqrt(0.125) if l == 0 else 0.5)
            result[k, l] = scale * (rows[:, None] * columns[None, :] * block).sum()
    return result


options = example.arguments()
image = picture(96, 128)
(coefficients,) = example.run(options, HERE / "dct.ein", "forward", dict(image=image), ["coefficients"], dict(R=12, C=16))
wanted = numpy.block([[cosine_sum(image[r:r + 8, c:c + 8]) for c in range(0, 128, 8)] for r in range(0, 96, 8)])
example.expect("block DCT", abs(coefficients - wanted).max() / abs(wanted).max(), 1e-6)
(back,) = example.run(options, HERE / "dct.ein", "inverse", dict(coefficients=coefficients), ["image"], dict(R=12, C=16))
example.expect("block DCT and back", abs(back - image).max() / 255, 1e-6)
