/* Numbers that are a formula of their indices: characters of a group of n elements, which are the Fourier transform's roots of
 * unity (of a cyclic group) or the signs of `hadamard` (of a group whose elements are their own inverses), rows and columns in any
 * order. Factors of transforms are such between diagonals, however they were found.
 *
 * Row k, column l are root(n, a(k) b(l)), a and b bijections: b is read off a row in which all exponents are there, a off the
 * column in which that row has exponent 1. Signs are read bit by bit, off rows that are no products of those before. Which of the
 * group's automorphisms is found is no matter: it goes into the orders. */
#include "discover.h"

#include <math.h>

static const struct discover_transform *transform_of(enum discover_transform_kind kind)
{
    size_t count;
    const struct discover_transform *transforms = discover_transforms(&count);
    for (size_t k = 0; k < count; k++)
        if (transforms[k].kind == kind)
            return &transforms[k];
    return NULL;
}

/* Of what a root is from the next, which is 2 pi / order: nearer than that any number of modulus one would be to some. */
#define APART 0.05

bool discover_is_root(number value, size_t order, double near, size_t *exponent)
{
    double turn = 6.283185307179586 / (double)order, turns = -carg(value) / turn, whole = round(turns);
    near = fmin(near, APART * turn);
    if (!(fabs(cabs(value) - 1) <= near) || !(fabs(turns - whole) * turn <= near))
        return false;
    *exponent = (size_t)((int64_t)whole + (int64_t)order) % order;
    return true;
}

/* Where in the line are all exponents? */
static bool is_bijection(size_t n, const size_t *line, size_t *seen, size_t mark)
{
    for (size_t l = 0; l < n; l++) {
        if (seen[line[l]] == mark)
            return false;
        seen[line[l]] = mark;
    }
    return true;
}

static bool find_roots(struct arena *arena, size_t n, const number *numbers, double near, struct discover_formula *formula)
{
    size_t *exponents = ARENA_ARRAY(arena, n * n, size_t), *seen = ARENA_ARRAY(arena, n, size_t), row = 1, column = 0;
    for (size_t k = 0; exponents && k < n * n; k++)
        if (!discover_is_root(numbers[k], n, near, &exponents[k]))
            return false;
    for (size_t l = 0; seen && l < n; l++)
        seen[l] = 0;
    while (exponents && seen && row < n && !is_bijection(n, exponents + row * n, seen, row))
        row++;
    if (!exponents || !seen || row == n)
        return false;
    for (size_t l = 0; l < n; l++) {
        formula->columns[l] = exponents[row * n + l];
        column = formula->columns[l] == 1 ? l : column;
    }
    for (size_t k = 0; k < n; k++)
        formula->rows[k] = exponents[k * n + column];
    for (size_t k = 0; k < n * n; k++)
        if (exponents[k] != formula->rows[k / n] * formula->columns[k % n] % n)
            return false;
    return is_bijection(n, formula->rows, seen, n);
}

static bool is_odd(size_t bits)
{
    bool odd = false;
    for (; bits; bits &= bits - 1)
        odd = !odd;
    return odd;
}

/* Is the row the product of earlier ones, by the columns' bits as far as they are known? Columns of the same bits agree then. */
static bool is_known(size_t n, const number *row, const size_t *columns, double *of_bits)
{
    for (size_t bits = 0; bits < n; bits++)
        of_bits[bits] = 0;
    for (size_t l = 0; l < n; l++) {
        double sign = creal(row[l]) < 0 ? -1 : 1;
        if (of_bits[columns[l]] == -sign)
            return false;
        of_bits[columns[l]] = sign;
    }
    return true;
}

static bool find_signs(struct arena *arena, size_t n, const number *numbers, double near, struct discover_formula *formula)
{
    double *of_bits = ARENA_ARRAY(arena, n, double);
    size_t bit = 1;
    for (size_t k = 0; k < n * n; k++)
        if (!(cabs(numbers[k] - (creal(numbers[k]) < 0 ? -1 : 1)) <= near))
            return false;
    for (size_t l = 0; l < n; l++)
        formula->columns[l] = 0;
    for (size_t k = 0; of_bits && k < n && bit < n; k++) {
        if (is_known(n, numbers + k * n, formula->columns, of_bits))
            continue;
        for (size_t l = 0; l < n; l++)
            formula->columns[l] |= creal(numbers[k * n + l]) < 0 ? bit : 0;
        bit *= 2;
    }
    for (size_t k = 0; k < n; k++) {
        formula->rows[k] = 0;
        for (size_t l = 0; l < n; l++) {
            size_t bits = formula->columns[l];
            formula->rows[k] |= (bits & (bits - 1)) == 0 && creal(numbers[k * n + l]) < 0 ? bits : 0;
        }
    }
    for (size_t k = 0; k < n * n; k++)
        if ((creal(numbers[k]) < 0) != is_odd(formula->rows[k / n] & formula->columns[k % n]))
            return false;
    for (size_t k = 0; of_bits && k < 2 * n; k++) { /* both orders, one after the other */
        size_t place = k < n ? formula->rows[k] : formula->columns[k - n];
        double mark = k < n ? 2 : 3;
        if (of_bits[place] == mark)
            return false;
        of_bits[place] = mark;
    }
    return of_bits != NULL;
}

bool discover_formula(struct arena *arena, size_t n, const number *numbers, double near, struct discover_formula *formula)
{
    bool power = n > 1 && (n & (n - 1)) == 0;
    *formula = (struct discover_formula){.rows = ARENA_ARRAY(arena, n, size_t), .columns = ARENA_ARRAY(arena, n, size_t)};
    if (n < 2 || !formula->rows || !formula->columns)
        return false;
    if (power && find_signs(arena, n, numbers, near, formula))
        formula->transform = transform_of(DISCOVER_SIGNS);
    else if (find_roots(arena, n, numbers, near, formula))
        formula->transform = transform_of(DISCOVER_ROOTS);
    return formula->transform != NULL;
}
