#!/usr/bin/python3
"""Coefficients of ir/expansions.def: polynomials of least weighted error by the exchange of Remez (1934), rounded to their type.

Prints each row with the error that is left, as a power of two. Needs python3-mpmath; nothing is built from it.
"""
from mpmath import atanh, cos, erf, erfc, exp, floor, log, log1p, lu_solve, matrix, mp, mpf, nint, pi, sqrt, tanh

mp.dps = 50
BITS = {"f32": 24, "f64": 53}


def rounded(value, bits):
    scale = mpf(2) ** (bits - 1 - int(floor(log(abs(value), 2))))
    return nint(value * scale) / scale


def value_at(coefficients, x):
    return sum(c * x**k for k, c in enumerate(coefficients))


def extrema(errors, n):
    """The places of n errors of alternating sign, the largest there are: the ends give way."""
    places, begin = [], 0
    for k in range(1, len(errors) + 1):
        if k == len(errors) or (errors[k] > 0) != (errors[begin] > 0):
            places.append(max(range(begin, k), key=lambda place: abs(errors[place])))
            begin = k
    while len(places) > n:
        places.pop(0 if abs(errors[places[0]]) < abs(errors[places[-1]]) else -1)
    return places


def remez(function, weight, degree, low, high):
    n, size = degree + 2, 60 * (degree + 2)
    middle, half = (low + high) / 2, (high - low) / 2
    grid = [middle - half * cos(pi * (k + mpf("0.5")) / size) for k in range(size)]
    points = [middle - half * cos(pi * (k + mpf("0.3")) / (n - mpf("0.4"))) for k in range(n)]
    values = [(function(x), weight(x)) for x in grid]
    for _ in range(12):
        rows = [[weight(x) * x**p for p in range(degree + 1)] + [(-1) ** k] for k, x in enumerate(points)]
        solution = lu_solve(matrix(rows), matrix([weight(x) * function(x) for x in points]))
        coefficients = [solution[k] for k in range(degree + 1)]
        errors = [w * (v - value_at(coefficients, x)) for x, (v, w) in zip(grid, values)]
        places = extrema(errors, n)
        sizes = [abs(errors[k]) for k in places]
        if len(places) < n or max(sizes) < mpf("1.01") * min(sizes):
            break
        points = [grid[k] for k in places]
    return coefficients


def fit(name, function, weight, low, high, **degrees):
    low, high = mpf(low), mpf(high)
    for kind, degree in degrees.items():
        found = [rounded(c, BITS[kind]) for c in remez(function, weight, degree, low, high)]
        inside = [low + (high - low) * (k + mpf("0.5")) / 2000 for k in range(2000)]
        error = max(abs(weight(x) * (function(x) - value_at(found, x))) for x in inside)
        print(f"{name} {kind}, 2^{float(log(error, 2)):.1f}:\n    {', '.join(float(c).hex() for c in found)}")


def fit_fourth_root(kind, function, end, degree):
    """1 + x p(x) for the fourth root of a function that is 1 at 0, so that half its fourth power has the least largest error: the weight is the
    quotient of both differences, which the polynomial of the round before gives."""
    end, found = mpf(end), None

    def root(x):
        return function(x) ** mpf("0.25")

    def weight(x):
        wanted, had = root(x), 1 + x * value_at(found, x) if found else root(x)
        return x * (wanted**2 + had**2) * (wanted + had) / 2

    for _ in range(4):
        found = remez(lambda x: (root(x) - 1) / x, weight, degree, mpf("1e-9"), end)
    found = [rounded(c, BITS[kind]) for c in found]
    inside = [end * (k + mpf("0.5")) / 2000 for k in range(2000)]
    error = max(abs((1 + x * value_at(found, x)) ** 4 - function(x)) / 2 for x in inside)
    print(f"fourth root of erfc {kind}, 2^{float(log(error, 2)):.1f}:\n    {', '.join(float(c).hex() for c in found)}")


def of_square(function):
    """(function(x) / x) at z = x^2."""
    return lambda z: function(sqrt(z)) / sqrt(z)


ROOT = sqrt(mpf(2))
SMALL = mpf("1e-12")  # below, what is divided by a power of it is its series

fit("exp", lambda r: (exp(r) - 1 - r) / r**2 if abs(r) > SMALL else mpf(1) / 2 + r / 6, lambda r: r**2 / exp(r),
    "-0.3467", "0.3467", f32=4, f64=9)
fit("tanh", lambda z: (of_square(tanh)(z) - 1) / z if z > SMALL else -mpf(1) / 3, lambda z: z / of_square(tanh)(z),
    0, mpf("0.55") ** 2, f32=4, f64=9)
fit("erf", lambda z: of_square(erf)(z) - 1, lambda z: 1 / of_square(erf)(z), SMALL**2, mpf("0.85") ** 2, f32=5, f64=10)
for kind, end, degree in (("f32", "3.93", 6), ("f64", "5.93", 18)):
    fit("log(1 - erf)", lambda x: log(erfc(x)), lambda x: erfc(x) / erf(x), "0.85", end, **{kind: degree})
for kind, end, degree in (("f32", "5.6", 7), ("f64", "8.3", 22)):
    fit_fourth_root(kind, lambda x: erfc(x / ROOT), end, degree)
fit("log", lambda f: (log1p(f) - f + f * f / 2) / f**3 if abs(f) > SMALL else mpf(1) / 3 - f / 4,
    lambda f: f**3 / log1p(f) if f else mpf(0), 1 / ROOT - 1, ROOT - 1, f32=7)
fit("log", lambda z: 2 * (of_square(atanh)(z) - 1) / z if z > SMALL**2 else mpf(2) / 3, lambda z: z / (2 * of_square(atanh)(z)),
    SMALL**2, mpf("0.17158") ** 2, f64=6)
