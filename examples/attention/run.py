#!/usr/bin/python3
"""Multi-head attention against NumPy in double."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
HEADS, WIDTH = 4, 16


def attention(x, Wq, Wk, Wv, Wo):
    batch, tokens, width = x.shape
    heads = [(x @ W.reshape(width, width)).reshape(batch, tokens, HEADS, WIDTH).transpose(0, 2, 1, 3) for W in (Wq, Wk, Wv)]
    q, k, v = heads
    scores = q @ k.transpose(0, 1, 3, 2) / numpy.sqrt(WIDTH)
    weights = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return (weights @ v).transpose(0, 2, 1, 3).reshape(batch, tokens, width) @ Wo.reshape(width, width)


options = example.arguments()
random = numpy.random.default_rng(3)
width = HEADS * WIDTH
inputs = dict(x=random.standard_normal((2, 50, width)), Wq=random.standard_normal((width, HEADS, WIDTH)) / 8,
              Wk=random.standard_normal((width, HEADS, WIDTH)) / 8, Wv=random.standard_normal((width, HEADS, WIDTH)) / 8,
              Wo=random.standard_normal((HEADS, WIDTH, width)) / 8)
inputs = {name: array.astype(numpy.float32) for name, array in inputs.items()}
(y,) = example.run(options, HERE / "attention.ein", "attention", inputs, ["y"])
wanted = attention(**{name: array.astype(float) for name, array in inputs.items()})
example.expect("attention", abs(y - wanted).max() / abs(wanted).max(), 2e-5)
