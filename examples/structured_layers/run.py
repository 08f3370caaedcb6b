#!/usr/bin/python3
"""Layers with structured matrices against the same layers with dense ones, formed by NumPy."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

SOURCE = pathlib.Path(__file__).parent / "layers.ein"
options = example.arguments()
random = numpy.random.default_rng(6)


def real(*shape):
    return (random.standard_normal(shape) / 4).astype(numpy.float32)


def compare(kernel, inputs, wanted, output="y"):
    (found,) = example.run(options, SOURCE, kernel, inputs, [output])
    example.expect(kernel, abs(found - wanted).max() / abs(wanted).max(), 1e-5)


x, b = real(50, 64), real(64)
layers = {
    "by_monarch": (dict(L=real(8, 8, 8), R=real(8, 8, 8)), lambda L, R: numpy.einsum("jik,kjm->ijkm", L, R)),
    "by_btt": (dict(L=real(8, 8, 8, 2), R=real(8, 8, 2, 8)), lambda L, R: numpy.einsum("jikr,kjrm->ijkm", L, R)),
    "by_blast": (dict(U=real(4, 16, 6), S=real(4, 4, 6), V=real(4, 16, 6)),
                 lambda U, S, V: numpy.einsum("ipr,ijr,jqr->ipjq", U, S, V)),
    "by_phm": (dict(A=real(4, 4, 4), S=real(4, 16, 16)), lambda A, S: numpy.einsum("kij,kpq->ipjq", A, S)),
}
for kernel, (factors, form) in layers.items():
    matrix = form(**{name: array.astype(float) for name, array in factors.items()}).reshape(64, 64)
    compare(kernel, dict(factors, b=b, x=x), numpy.maximum(x @ matrix.T + b, 0))

W, B, A, s, m = real(64, 64), real(64, 4), real(4, 64), numpy.float32(0.5), real(64)
adapted = W.astype(float) + s * (B.astype(float) @ A)
compare("adapted", dict(W=W, B=B, A=A, s=s, x=x), x @ adapted.T)
rows = m[:, None] * adapted / numpy.linalg.norm(adapted, axis=1, keepdims=True)
compare("adapted_rows", dict(W=W, B=B, A=A, s=s, m=m, x=x), x @ rows.T)

p, h = random.random(3).astype(numpy.float32), real(8, 50, 64)
first, second, third = (numpy.array([[q, 1 - q], [1 - q, q]]) for q in p.astype(float))
compare("mixed", dict(p=p, h=h), numpy.einsum("ij,jnd->ind", numpy.kron(numpy.kron(first, second), third), h), "g")

P = real(4, 16, 16)
skew, one = P.astype(float) - P.transpose(0, 2, 1), numpy.eye(16)
blocks = (one + skew) @ numpy.linalg.inv(one - skew)
compare("turned", dict(P=P, W=W, x=x), (blocks @ W.reshape(4, 16, 64)).reshape(64, 64).dot(x.T).T)
