#!/usr/bin/python3
"""A finite-element operator on a distorted mesh of numbered-at-random unknowns: against the assembled matrix, its symmetry, and the restriction
against its transpose, both the one written by hand and the one einc derives."""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
options = example.arguments()
random = numpy.random.default_rng(11)
columns, rows, p, q = 6, 5, 3, 5
source = HERE / "operator.ein"


def lobatto(n):
    """Nodes of the Lagrange basis: ends and extrema of the Legendre polynomial of degree n - 1."""
    derivative = numpy.polynomial.legendre.Legendre.basis(n - 1).deriv()
    return numpy.concatenate([[-1.0], numpy.sort(derivative.roots().real), [1.0]])


def lagrange(nodes, at):
    """Values and derivatives of the basis at some points, (points, nodes)."""
    values, slopes = numpy.empty((len(at), len(nodes))), numpy.empty((len(at), len(nodes)))
    for k, node in enumerate(nodes):
        others = numpy.delete(nodes, k)
        basis = numpy.polynomial.Polynomial.fromroots(others) / numpy.prod(node - others)
        values[:, k], slopes[:, k] = basis(at), basis.deriv()(at)
    return values, slopes


nodes = lobatto(p + 1)
points, weights = numpy.polynomial.legendre.leggauss(q)
B, D = lagrange(nodes, points)

# A grid of elements whose unknowns are shared along edges and numbered at random, moved by a smooth map.
width, height = columns * p + 1, rows * p + 1
numbers = random.permutation(width * height).reshape(width, height)
elements = [(c, r) for c in range(columns) for r in range(rows)]
random.shuffle(elements)
dofs = numpy.array([[[numbers[c * p + i, r * p + j] for j in range(p + 1)] for i in range(p + 1)] for c, r in elements], dtype=numpy.int32)
local = (nodes + 1) / 2
x = numpy.array([[[c + local[i] for j in range(p + 1)] for i in range(p + 1)] for c, r in elements])
y = numpy.array([[[r + local[j] for j in range(p + 1)] for i in range(p + 1)] for c, r in elements])
x, y = x + 0.2 * numpy.sin(y), y + 0.1 * numpy.cos(1.5 * x)

derivatives = [numpy.einsum("qi,rj,eij->eqr", D, B, f) for f in (x, y)], [numpy.einsum("qi,rj,eij->eqr", B, D, f) for f in (x, y)]
jacobian = numpy.array(derivatives).transpose(2, 3, 4, 1, 0)  # [e, q, r, physical, reference]
determinant = numpy.linalg.det(jacobian)
inverse = numpy.linalg.inv(jacobian)
scale = numpy.einsum("q,r,eqr->eqr", weights, weights, determinant)
G = numpy.einsum("eqr,eqrax,eqrbx->eqrab", scale, inverse, inverse)
M = 0.7 * scale
inputs = dict(dofs=dofs, B=B, D=D, G=G, M=M)
unknowns = width * height


def apply(u):
    (v,) = example.run(options, source, "apply", dict(inputs, u=u, v=numpy.zeros(unknowns)), ["v"])
    return v


# The assembled matrix, element by element.
gradient = numpy.stack([numpy.einsum("qi,rj->qrij", D, B), numpy.einsum("qi,rj->qrij", B, D)])
value = numpy.einsum("qi,rj->qrij", B, B)
element_matrices = numpy.einsum("eqr,qrij,qrkl->eijkl", M, value, value) + numpy.einsum("eqrab,aqrij,bqrkl->eijkl", G, gradient, gradient)
matrix = numpy.zeros((unknowns, unknowns))
flat = dofs.reshape(len(elements), -1)
for e in range(len(elements)):
    numpy.add.at(matrix, (flat[e][:, None], flat[e][None, :]), element_matrices[e].reshape(flat.shape[1], -1))

u, w = random.normal(size=unknowns), random.normal(size=unknowns)
Au, Aw = apply(u), apply(w)
size = numpy.abs(matrix).max() * numpy.abs(u).max() * 100  # a row has some 50 entries
example.expect("operator against the assembled matrix", numpy.abs(Au - matrix @ u).max() / size, 1e-14)
example.expect("symmetry", abs(w @ Au - u @ Aw) / (numpy.abs(w) @ numpy.abs(matrix) @ numpy.abs(u)), 1e-14)
one = apply(numpy.ones(unknowns))
example.expect("mass of the constant", abs(one.sum() - M.sum()) / M.sum(), 1e-12)

# <restriction(u), ve> = <u, transpose(ve)>, exactly up to the order of sums; what is there already stays.
ve, before = random.normal(size=dofs.shape), random.normal(size=unknowns)
(ue,) = example.run(options, source, "restrict_to", dict(dofs=dofs, u=u), ["ue"])
(v,) = example.run(options, source, "assemble", dict(dofs=dofs, ve=ve, v=before), ["v"])
example.expect("restriction", float((ue != u[dofs]).sum()), 0)
example.expect("its transpose", abs((ue * ve).sum() - u @ (v - before)) / (numpy.abs(ue) * numpy.abs(ve)).sum(), 1e-14)
(derived,) = example.run(options, source, "restrict_to", dict(dofs=dofs, d_ue=ve), ["d_u"], dims=dict(unknowns=unknowns),
                         flags=["--adjoint=restrict_to:u"])
example.expect("the adjoint that einc derives", numpy.abs(derived - (v - before)).max(), 1e-13)
