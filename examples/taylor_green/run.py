#!/usr/bin/python3
"""Differentiates a Taylor-Green velocity field on spectral elements and compares with the analytic gradient.

The field u = (sin x cos y cos z, -cos x sin y cos z, 0) on [0, 2 pi]^3, 3 x 3 x 3 elements with p Gauss-Lobatto nodes a direction,
evaluated at q = p + 2 Gauss points; once on an affine mesh, once on a smoothly curved one whose geometry is isoparametric. The
metric terms come from the nodes' coordinates through einc as well.
"""
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).parent
ELEMENTS = 3


def lobatto(p):
    """Gauss-Lobatto-Legendre nodes on [-1, 1]."""
    derivative = numpy.polynomial.legendre.Legendre.basis(p - 1).deriv()
    return numpy.concatenate([[-1.0], numpy.sort(derivative.roots().real), [1.0]])


def lagrange(nodes, points):
    """Interpolation and differentiation matrices from nodes to points, through Legendre coefficients."""
    vandermonde = numpy.polynomial.legendre.legvander(nodes, len(nodes) - 1)
    interpolate = numpy.linalg.solve(vandermonde.T, numpy.polynomial.legendre.legvander(points, len(nodes) - 1).T).T
    slopes = numpy.stack([numpy.polynomial.legendre.Legendre.basis(k).deriv()(points) for k in range(len(nodes))], axis=1)
    return interpolate, numpy.linalg.solve(vandermonde.T, slopes.T).T


def mesh(nodes, curved):
    """Coordinates x[e, d, i, j, k] of the nodes of all elements."""
    edges = (numpy.arange(ELEMENTS)[:, None] + (nodes[None, :] + 1) / 2) * (2 * numpy.pi / ELEMENTS)
    grid = numpy.stack(numpy.meshgrid(edges.ravel(), edges.ravel(), edges.ravel(), indexing="ij"))
    if curved:
        x, y, z = grid
        grid = grid + 0.15 * numpy.stack([numpy.sin(y) * numpy.sin(z), numpy.sin(z) * numpy.sin(x), numpy.sin(x) * numpy.sin(y)])
    p = len(nodes)
    split = grid.reshape(3, ELEMENTS, p, ELEMENTS, p, ELEMENTS, p)
    return split.transpose(1, 3, 5, 0, 2, 4, 6).reshape(ELEMENTS**3, 3, p, p, p).copy()


def taylor_green(x):
    """Velocity u[e, d, ...] and its gradient du[e, d, x, ...] at coordinates x[e, d, ...]."""
    s, c = numpy.sin(x), numpy.cos(x)
    sx, sy, sz = s[:, 0], s[:, 1], s[:, 2]
    cx, cy, cz = c[:, 0], c[:, 1], c[:, 2]
    zero = numpy.zeros_like(sx)
    u = numpy.stack([sx * cy * cz, -cx * sy * cz, zero], axis=1)
    rows = [[cx * cy * cz, -sx * sy * cz, -sx * cy * sz], [sx * sy * cz, -cx * cy * cz, cx * sy * sz], [zero, zero, zero]]
    return u, numpy.stack([numpy.stack(row, axis=1) for row in rows], axis=1)


def gradient_error(options, p, curved):
    q = p + 2
    nodes, points = lobatto(p), numpy.polynomial.legendre.leggauss(q)[0]
    B, D = lagrange(nodes, points)
    x = mesh(nodes, curved)
    source, dims = HERE / "gradient.ein", dict(p=p, q=q)
    at_points, _ = example.run(options, source, "reference_gradient", dict(B=B, D=D, u=x), ["v", "g"], dims)
    (G,) = example.run(options, source, "metric", dict(B=B, D=D, x=x), ["G"], dims)
    u, _ = taylor_green(x)
    _, dv = example.run(options, source, "gradient", dict(B=B, D=D, G=G, u=u), ["v", "dv"], dims)
    _, wanted = taylor_green(at_points)
    return abs(dv - wanted).max()


def main():
    options = example.arguments()
    print(f"Taylor-Green gradient on {ELEMENTS}^3 spectral elements, largest error at the quadrature points")
    print("  p     affine     curved")
    last = None
    for p in (4, 6, 8, 10):
        errors = [gradient_error(options, p, curved) for curved in (False, True)]
        print(f"{p:3d}   {errors[0]:.2e}   {errors[1]:.2e}" + ("" if last is None else f"   {last[0] / errors[0]:.0f}x and {last[1] / errors[1]:.0f}x smaller"))
        if last is not None and any(new > old / 10 for new, old in zip(errors, last)):
            raise SystemExit("the error does not fall tenfold")
        last = errors


if __name__ == "__main__":
    main()
