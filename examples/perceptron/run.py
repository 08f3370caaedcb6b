#!/usr/bin/python3
"""Trains a perceptron by gradient descent: einc makes the gradient kernel, NumPy takes the steps.

The first gradient is compared with the formulas, written by hand in double; then eight steps must bring the loss well down.
"""
import math
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
SOURCE = HERE / "perceptron.ein"
WEIGHTS = ["W", "b", "V", "c"]


def gelu(a):
    return 0.5 * a * (1 + numpy.vectorize(math.erf)(a / math.sqrt(2)))


def gelu_slope(a):
    return 0.5 * (1 + numpy.vectorize(math.erf)(a / math.sqrt(2))) + a * numpy.exp(-a * a / 2) / math.sqrt(2 * math.pi)


def gradient_by_hand(x, wanted, W, b, V, c):
    inside = x @ W + b
    hidden = gelu(inside)
    score = hidden @ V + c
    chance = numpy.exp(score - score.max(1, keepdims=True))
    chance /= chance.sum(1, keepdims=True)
    d_score = (chance - wanted) / len(x)
    d_inside = d_score @ V.T * gelu_slope(inside)
    return x.T @ d_inside, d_inside.sum(0), hidden.T @ d_score, d_score.sum(0)


def loss(options, inputs):
    (mean,) = example.run(options, SOURCE, "loss", inputs, ["mean"])
    return float(mean)


options = example.arguments()
random = numpy.random.default_rng(11)
n, p, h, q = 256, 16, 32, 4
x = random.standard_normal((n, p))
wanted = numpy.eye(q)[(x @ random.standard_normal((p, q))).argmax(1)]
weights = [random.standard_normal((p, h)) / 4, numpy.zeros(h), random.standard_normal((h, q)) / 6, numpy.zeros(q)]
inputs = {name: array.astype(numpy.float32) for name, array in zip(["x", "wanted", *WEIGHTS], [x, wanted, *weights])}

outputs = [f"d_{name}" for name in WEIGHTS]
first = loss(options, inputs)
for step in range(8):
    gradients = example.run(options, SOURCE, "loss", {**inputs, "d_mean": numpy.float32(1)}, outputs, gradient=WEIGHTS)
    if step == 0:
        by_hand = gradient_by_hand(*(array.astype(float) for array in inputs.values()))
        for name, got, expected in zip(WEIGHTS, gradients, by_hand):
            example.expect(f"gradient with respect to {name}", abs(got - expected).max() / abs(expected).max(), 1e-5)
    for name, gradient in zip(WEIGHTS, gradients):
        inputs[name] = inputs[name] - numpy.float32(4) * gradient
last = loss(options, inputs)
print(f"loss {first:.3f} before, {last:.3f} after 8 steps")
example.expect("loss after 8 steps", last / first, 0.5)
