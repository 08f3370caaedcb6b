#!/usr/bin/python3
"""Embedding lookup and a linear layer against NumPy; their gradients against NumPy's, and against finite differences in some entries."""
import pathlib
import subprocess
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
options = example.arguments()
random = numpy.random.default_rng(3)
texts, words, vocabulary, width, classes = 7, 12, 50, 9, 4
source = HERE / "embedding.ein"
lengths = random.integers(1, words + 1, texts)
tokens = random.integers(0, vocabulary, (texts, words)).astype(numpy.int32)
weight = ((numpy.arange(words) < lengths[:, None]) / lengths[:, None]).astype(numpy.float32)
table, W, b = (random.normal(size=shape).astype(numpy.float32) for shape in [(vocabulary, width), (classes, width), (classes,)])
inputs = dict(tokens=tokens, weight=weight, table=table, W=W, b=b)


def classify(table, W, b):
    """In double."""
    mean = numpy.einsum("tk,tkd->td", weight.astype(float), table.astype(float)[tokens])
    return mean, mean @ W.astype(float).T + b


mean, wanted = classify(table, W, b)
(scores,) = example.run(options, source, "classify", inputs, ["scores"])
limit = 2e-6  # f32, sums of 12 and 9 terms of size 1
example.expect("scores", numpy.abs(scores - wanted).max() / numpy.abs(wanted).max(), limit)
(times,) = example.run(options, source, "count", dict(tokens=tokens, times=numpy.zeros(vocabulary, numpy.int64)), ["times"])
example.expect("counts", float((times != numpy.bincount(tokens.ravel(), minlength=vocabulary)).sum()), 0)

# The gradient of sum(d_scores * scores).
d_scores = random.normal(size=scores.shape).astype(numpy.float32)
names = ["table", "W", "b"]
given = dict(inputs, d_scores=d_scores)
del given["b"]  # no derivative depends on it
derivatives = example.run(options, source, "classify", given, ["d_" + name for name in names],
                          gradient=["classify:" + ",".join(names)])
d_table = numpy.zeros((vocabulary, width))
numpy.add.at(d_table, tokens, weight[:, :, None].astype(float) * (d_scores.astype(float) @ W.astype(float))[:, None, :])
by_hand = d_table, d_scores.T.astype(float) @ mean, d_scores.astype(float).sum(0)
for name, found, right in zip(names, derivatives, by_hand):
    example.expect(f"gradient of {name}", numpy.abs(found - right).max() / numpy.abs(right).max(), limit)
step = 1e-6
for place in [(int(tokens[0, 0]), 0), (int(tokens[3, 0]), 5)]:
    moved = table.astype(float)
    moved[place] += step
    slope = (d_scores * (classify(moved, W, b)[1] - wanted)).sum() / step
    example.expect(f"finite difference at table{list(place)}", abs(derivatives[0][place] - slope) / numpy.abs(d_table).max(), 1e-6)

# A token that is no word: the kernel says so instead of reading past the table.
tokens[2, 3] = vocabulary
try:
    example.run(options, source, "classify", dict(inputs, tokens=tokens), ["scores"], quiet=True)
except subprocess.CalledProcessError as error:
    example.expect("status of a token past the table", abs(error.returncode - 1), 0)
else:
    raise SystemExit("a token past the table was taken")
