"""The coefficients that couple angular momenta, the constant of a layer of `structures.py`."""
import math

import numpy


def clebsch_gordan(j1, m1, j2, m2, j, m):
    """Racah's formula."""
    f, total = math.factorial, 0.0
    for k in range(j1 + j2 - j + 1):
        below = [k, j1 + j2 - j - k, j1 - m1 - k, j2 + m2 - k, j - j2 + m1 + k, j - j1 - m2 + k]
        total += (-1) ** k / math.prod(map(f, below)) if min(below) >= 0 else 0
    triangle = (2 * j + 1) * f(j + j1 - j2) * f(j - j1 + j2) * f(j1 + j2 - j) / f(j1 + j2 + j + 1)
    return total * math.sqrt(triangle * math.prod(map(f, (j + m, j - m, j1 - m1, j1 + m1, j2 - m2, j2 + m2))))


def couplings(most):
    """A row an element of each path l1, l2 -> l, all at most `most`; columns are the pairs of elements, m1 + m2 = m."""
    size, rows = (most + 1) ** 2, []
    for l1, l2 in ((l1, l2) for l1 in range(most + 1) for l2 in range(most + 1)):
        for degree in range(abs(l1 - l2), min(most, l1 + l2) + 1):
            for m in range(-degree, degree + 1):
                row = numpy.zeros((size, size))
                for m1 in range(max(-l1, m - l2), min(l1, m + l2) + 1):
                    number = clebsch_gordan(l1, m1, l2, m - m1, degree, m)
                    row[l1 * l1 + l1 + m1, l2 * l2 + l2 + m - m1] = number if abs(number) > 1e-12 else 0
                rows.append(row)
    return numpy.array(rows)
