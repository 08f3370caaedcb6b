#!/usr/bin/python3
"""Strided, padded convolution against NumPy's sliding windows."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
options = example.arguments()
random = numpy.random.default_rng(4)
x = random.standard_normal((2, 3, 31, 40)).astype(numpy.float32)
f = random.standard_normal((16, 3, 3, 3)).astype(numpy.float32)
bias = random.standard_normal(16).astype(numpy.float32)
(y,) = example.run(options, HERE / "convolution.ein", "convolution", dict(x=x, f=f, bias=bias), ["y"])
padded = numpy.pad(x.astype(float), ((0, 0), (0, 0), (1, 1), (1, 1)))
windows = numpy.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
wanted = numpy.maximum(numpy.einsum("ncijab,kcab->nkij", windows, f.astype(float)) + bias[:, None, None], 0)
example.expect("convolution", abs(y - wanted).max() / abs(wanted).max(), 1e-6)
