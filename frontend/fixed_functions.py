#!/usr/bin/python3
"""Coefficients of frontend/fixed_functions.def: odd functions that go to 1, on [0, 2] and [2, 6] as polynomials around 1 and 4 whose coefficients are integers
times 2^-24, evaluated as fixed_functions.c does; prints each row and, for every argument there is, the largest error, counted in 2^-16. Nothing is built from it."""
import numpy

from numpy.polynomial import Chebyshev, Polynomial

DEGREE, ARGUMENT, RESULT, GUARD = 9, 16, 16, 24  # bits behind the point


def erf(x):
    """By its series and, where that cancels, the continued fraction of Laplace; in long double."""
    x = numpy.asarray(x, "g")
    small, term = numpy.array(x), numpy.array(x)
    for k in range(1, 90):
        term = term * (-x * x) / k
        small = small + term / (2 * k + 1)
    fraction = numpy.array(x)
    for k in range(120, 0, -1):
        fraction = x + k / 2 / numpy.maximum(fraction, 1e-3)
    root = numpy.sqrt(numpy.longdouble(numpy.pi))
    return numpy.where(x < 2.5, small * 2 / root, 1 - numpy.exp(-x * x) / (root * numpy.maximum(fraction, 1e-3)))


FUNCTIONS = {"tanh": numpy.tanh, "normal": lambda x: erf(x / numpy.sqrt(2.0)), "normal_tanh": lambda x: numpy.tanh(numpy.sqrt(2 / numpy.pi) * (x + 0.044715 * x**3))}


def coefficients(function, middle, half):
    """Around the middle, in 2^-GUARD. On [0, 2] it is 0 at 0: what is interpolated is the function over its argument, where that is known."""
    around = Polynomial([middle, half])
    if middle == half:
        fit = (Chebyshev.interpolate(lambda s: function(middle + half * s) / (middle + half * s), DEGREE - 1).convert(kind=Polynomial) * around).coef
    else:
        fit = Chebyshev.interpolate(lambda s: function(middle + half * s), DEGREE).convert(kind=Polynomial).coef
    fit = numpy.concatenate([fit, numpy.zeros(DEGREE + 1 - len(fit))])
    return [int(round(c / half**k * 2**GUARD)) for k, c in enumerate(fit)]


def evaluate(rows, t):
    u = numpy.minimum(abs(t), 6 << ARGUMENT)
    first = u < 2 << ARGUMENT
    v = u - numpy.where(first, 1 << ARGUMENT, 4 << ARGUMENT)
    value = numpy.where(first, rows[0][DEGREE], rows[1][DEGREE])
    for k in reversed(range(DEGREE)):
        value = (value * v >> ARGUMENT) + numpy.where(first, rows[0][k], rows[1][k])
        assert abs(value).max() < 2**31
    value = value + (1 << GUARD - RESULT - 1) >> GUARD - RESULT
    return numpy.where(t < 0, -value, value)


def main():
    t = numpy.arange(-7 << ARGUMENT, 7 << ARGUMENT)
    for name, function in FUNCTIONS.items():
        rows = [coefficients(function, 1, 1), coefficients(function, 4, 2)]
        found = evaluate(rows, t)
        error = abs(found - function(t / 2**ARGUMENT) * 2**RESULT).max()
        for k, row in enumerate(rows):
            print(f"FIXED({name}, {k}, {', '.join(map(str, row))})")
        print(f"    largest error {float(error):.2f}, {found[7 << ARGUMENT]} at 0, from {found.min()} to {found.max()}")


if __name__ == "__main__":
    main()
