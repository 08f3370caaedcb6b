/* Toeplitz, circulant and Hankel matrices between diagonals: W[i,j] = a[i] t[i-j] b[j]. Chirps are among them: a Fourier transform
 * of any length (Bluestein 1970), powers of points that lie in geometric progression.
 *
 * One step down the diagonal multiplies by (a[i+1] / a[i]) (b[j+1] / b[j]), whatever t is: an outer product. Its factors by least
 * squares give a and b but for a geometric progression that a takes from b and t makes good. What roundings leave is shared out
 * by fitting t, a and b in turn. A Hankel matrix is a Toeplitz matrix whose columns are read backwards. */
#include "discover.h"

#include <math.h>
#include <string.h>

enum { LEAST = 8, PROBES = 32, ROUNDS = 3 };

struct fit {
    const struct discover_matrix *matrix;
    bool backwards, circulant; /* t[k] is t[k + n] */
    bool a_is_one, b_is_one;
    number *a, *b, *t; /* t[i - j + n - 1] */
    number *sums;      /* of a line or all diagonals: what is fitted and the squares that it is divided by */
    double *squares;
};

static number at(const struct fit *fit, size_t i, size_t j)
{
    size_t n = fit->matrix->columns;
    return fit->matrix->numbers[i * n + (fit->backwards ? n - 1 - j : j)];
}

/* Is a step down the diagonal an outer product, at a few places? */
static bool may_be(const struct fit *fit)
{
    size_t m = fit->matrix->rows, n = fit->matrix->columns;
    uint64_t state = 19;
    size_t told = 0;
    for (int probe = 0; probe < PROBES; probe++) {
        size_t i = discover_random(&state) % (m - 1), k = discover_random(&state) % (m - 1);
        size_t j = discover_random(&state) % (n - 1), l = discover_random(&state) % (n - 1);
        number left = at(fit, i + 1, j + 1) * at(fit, k + 1, l + 1) * at(fit, i, l) * at(fit, k, j);
        number right = at(fit, i + 1, l + 1) * at(fit, k + 1, j + 1) * at(fit, i, j) * at(fit, k, l);
        if (cabs(left - right) > 1e-3 * (cabs(left) + cabs(right)))
            return false;
        told += left != 0 && i != k && j != l;
    }
    return told > PROBES / 4;
}

/* sum conj(model) value / sum |model|^2; 0 where there is no model. */
static number quotient(number sum, double square)
{
    return square > 0 ? sum / square : 0;
}

/* a[i+1] / a[i] and b[j+1] / b[j], in a and b from place 1 on. */
static void fit_steps(struct fit *fit)
{
    size_t m = fit->matrix->rows, n = fit->matrix->columns;
    double logarithms = 0;
    for (size_t i = 0; i + 1 < m; i++) {
        number sum = 0;
        double square = 0;
        for (size_t j = 0; j + 1 < n; j++) {
            number model = complex_times(at(fit, i, j), at(fit, 1, j + 1));
            sum += complex_times(conj(model), complex_times(at(fit, i + 1, j + 1), at(fit, 0, j)));
            square += discover_square(model);
        }
        fit->a[i + 1] = quotient(sum, square);
        logarithms += log(cabs(fit->a[i + 1]));
    }
    for (size_t i = 1; i < m; i++)
        fit->a[i] *= exp(-logarithms / (double)(m - 1));
    for (size_t j = 0; j + 1 < n; j++) {
        number sum = 0;
        double square = 0;
        for (size_t i = 0; i + 1 < m; i++) {
            number model = complex_times(fit->a[i + 1], at(fit, i, j));
            sum += complex_times(conj(model), at(fit, i + 1, j + 1));
            square += discover_square(model);
        }
        fit->b[j + 1] = quotient(sum, square);
    }
}

/* Products of the steps. A progression that is all of b goes to a. */
static void add_up(struct fit *fit, double near)
{
    size_t m = fit->matrix->rows, n = fit->matrix->columns;
    (void)discover_move_factor(fit->b + 1, n - 1, near, fit->a + 1, m - 1);
    fit->a[0] = fit->b[0] = 1;
    for (size_t i = 1; i < m; i++)
        fit->a[i] = complex_times(fit->a[i - 1], fit->a[i]);
    for (size_t j = 1; j < n; j++)
        fit->b[j] = complex_times(fit->b[j - 1], fit->b[j]);
}

enum part { DIAGONALS, ROWS, COLUMNS };

/* The diagonal of an entry. */
static size_t diagonal(const struct fit *fit, size_t i, size_t j)
{
    size_t n = fit->matrix->columns;
    return fit->circulant && i < j ? i + 2 * n - 1 - j : i + n - 1 - j;
}

/* One of t, a and b from the two others: what it was and, so that it is as near as numbers can be, what that left. */
static void refit(struct fit *fit, enum part part)
{
    size_t m = fit->matrix->rows, n = fit->matrix->columns, count = part == DIAGONALS ? m + n - 1 : part == ROWS ? m : n;
    number *target = part == DIAGONALS ? fit->t : part == ROWS ? fit->a : fit->b;
    for (size_t k = 0; k < count; k++)
        fit->sums[k] = fit->squares[k] = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            size_t u = diagonal(fit, i, j), k = part == DIAGONALS ? u : part == ROWS ? i : j;
            number model = complex_times(part == ROWS ? fit->b[j] : fit->a[i], part == DIAGONALS ? fit->b[j] : fit->t[u]);
            fit->sums[k] += complex_times(conj(model), at(fit, i, j) - complex_times(model, target[k]));
            fit->squares[k] += discover_square(model);
        }
    for (size_t k = 0; k < count; k++)
        target[k] += quotient(fit->sums[k], fit->squares[k]);
}

static void refine(struct fit *fit)
{
    for (int round = 0; round < ROUNDS; round++) {
        refit(fit, DIAGONALS);
        if (!fit->a_is_one)
            refit(fit, ROWS);
        if (!fit->b_is_one)
            refit(fit, COLUMNS);
    }
    refit(fit, DIAGONALS);
}

static double left(const struct fit *fit)
{
    size_t m = fit->matrix->rows, n = fit->matrix->columns;
    double sum = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            sum += discover_square(at(fit, i, j) - complex_times(complex_times(fit->a[i], fit->b[j]), fit->t[diagonal(fit, i, j)]));
    return sqrt(sum);
}

/* A progression makes t[k] = t[k + n], where one can: the matrix between is circulant. */
static void make_circulant(struct fit *fit, double near)
{
    size_t n = fit->matrix->columns;
    number sum = 0;
    double square = 0, size = 0, rest = 0;
    if (fit->backwards || fit->matrix->rows != n)
        return;
    for (size_t k = 0; k + 1 < n; k++) {
        sum += complex_times(conj(fit->t[k + n]), fit->t[k]);
        square += discover_square(fit->t[k + n]);
    }
    number ratio = quotient(sum, square);
    for (size_t k = 0; k + 1 < n; k++) {
        rest += discover_square(fit->t[k] - complex_times(ratio, fit->t[k + n]));
        size += discover_square(fit->t[k]);
    }
    if (!(sqrt(rest) <= near * sqrt(size)) || ratio == 0 || (fit->matrix->real && creal(ratio) < 0))
        return;
    number step = cpow(ratio, 1 / (double)n), power = 1; /* t[k] step^(k - n + 1), a[i] / step^i, b[j] step^j */
    if (cabs(ratio - 1) <= near)
        step = 1;
    for (size_t j = 0; j < n; j++, power *= step) {
        fit->a[j] /= power;
        fit->b[j] *= power;
    }
    fit->circulant = true;
}

static const struct discover_operator *as_operator(struct discovery *discovery, const struct fit *fit)
{
    size_t m = fit->matrix->rows, n = fit->matrix->columns, count = fit->circulant ? n : m + n - 1;
    enum discover_kind kind = fit->circulant ? DISCOVER_CIRCULANT : fit->backwards ? DISCOVER_HANKEL : DISCOVER_TOEPLITZ;
    struct discover_operator *between = discover_leaf(discovery->arena, kind, m, n, 1, (const size_t[4]){count});
    if (!between)
        return NULL;
    memcpy(between->numbers, fit->t + (fit->circulant ? n - 1 : 0), count * sizeof *fit->t);
    for (size_t j = 0; fit->backwards && j < n / 2; j++) { /* t[i - j + n - 1] is h[i + n - 1 - j] */
        number other = fit->b[j];
        fit->b[j] = fit->b[n - 1 - j];
        fit->b[n - 1 - j] = other;
    }
    const struct discover_operator *parts[3] = {discover_diagonal(discovery->arena, m, fit->a), between,
                                                discover_diagonal(discovery->arena, n, fit->b)};
    return discover_combine(discovery->arena, DISCOVER_PRODUCT, 3, parts);
}

/* Equal numbers are one, which goes to the left of b and to the right of a. */
static void settle(struct fit *fit, double near)
{
    size_t m = fit->matrix->rows, n = fit->matrix->columns;
    fit->b_is_one = discover_move_factor(fit->b, n, near, fit->a, m);
    fit->a_is_one = discover_move_factor(fit->a, m, near, fit->t, m + n - 1);
}

/* True: it was proposed. */
static bool try_fit(struct discovery *discovery, struct fit *fit)
{
    double near = 8 * discovery->tolerance;
    for (size_t k = 0; k < fit->matrix->rows + fit->matrix->columns - 1; k++)
        fit->t[k] = 0;
    fit_steps(fit);
    add_up(fit, near);
    refine(fit);
    make_circulant(fit, near);
    settle(fit, near);
    refine(fit);
    double error = left(fit);
    if (isfinite(error) && error > discovery->tolerance * discovery->norm)
        discover_missed(discovery, error);
    if (!(error <= discovery->tolerance * discovery->norm))
        return false;
    discover_offer(discovery, as_operator(discovery, fit));
    return true;
}

void discover_scaled(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns, count = m + n - 1;
    for (size_t k = 0; k < discovery->result->count; k++)
        if (discovery->result->findings[k].accepted && discovery->result->findings[k].numbers <= 2 * (m + n))
            return; /* as small, and maybe this without diagonals */
    if (m < LEAST || n < LEAST)
        return;
    struct fit fit = {.matrix = matrix,
                      .a = ARENA_ARRAY(discovery->scratch, m, number),
                      .b = ARENA_ARRAY(discovery->scratch, n, number),
                      .t = ARENA_ARRAY(discovery->scratch, count, number),
                      .sums = ARENA_ARRAY(discovery->scratch, count, number),
                      .squares = ARENA_ARRAY(discovery->scratch, count, double)};
    if (!fit.a || !fit.b || !fit.t || !fit.sums || !fit.squares)
        return;
    for (int backwards = 0; backwards < 2; backwards++) {
        fit.backwards = backwards;
        if (may_be(&fit) && try_fit(discovery, &fit))
            return;
    }
}
