/* Low rank, U V; and that with a diagonal: a multiple of the identity (reflections), or any. The diagonal is what makes the places
 * on it fit the rest (minimum rank completion): the rank is found where it is not, the diagonal then from there. */
#include "discover.h"

#include <math.h>
#include <string.h>

/* From MANY on a rank is refuted by elimination first, which does not say how near one comes. */
enum { MOST_OUTER = 8, MANY = 128 };

const struct discover_operator *discover_outer_product(struct discovery *discovery, const struct discover_low_rank *factors)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns, r = factors->rank;
    struct discover_operator *left = discover_leaf(discovery->arena, DISCOVER_DENSE, m, r, 2, (const size_t[4]){m, r});
    struct discover_operator *right = discover_leaf(discovery->arena, DISCOVER_DENSE, r, n, 2, (const size_t[4]){r, n});
    for (size_t k = 0; left && right && k < r; k++) {
        double size = sqrt(discover_norm(n, factors->right + k * n));
        for (size_t i = 0; i < m; i++)
            left->numbers[i * r + k] = factors->left[k * m + i] * size;
        for (size_t j = 0; j < n && size > 0; j++)
            right->numbers[k * n + j] = factors->right[k * n + j] / size;
    }
    const struct discover_operator *parts[2] = {left, right};
    return discover_combine(discovery->arena, DISCOVER_PRODUCT, 2, parts);
}

/* Rank that still halves the work, and is less of it than what was found. */
static size_t most_rank(const struct discovery *discovery)
{
    size_t m = discovery->matrix->rows, n = discovery->matrix->columns, most = m * n / (m + n) * 2 / 3;
    double least = discover_least_flops(discovery) / ((discovery->matrix->real ? 2.0 : 8.0) * (double)(m + n));
    return least < (double)most ? (size_t)least : most;
}

/* A sample of rows and columns, off the diagonal where `off`: is its rank below `most`? */
static bool may_be(struct discovery *discovery, bool off, size_t most, double *error)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns, rows = off ? m / 2 : m, columns = off ? n - n / 2 : n;
    size_t p = rows < most + 8 ? rows : most + 8, q = columns < most + 8 ? columns : most + 8;
    number *sample = ARENA_ARRAY(discovery->scratch, p * q, number);
    struct discover_low_rank factors;
    for (size_t k = 0; sample && k < p * q; k++) {
        size_t i = k / q * rows / p, j = k % q * columns / q;
        sample[k] = matrix->numbers[i * n + (off ? n - columns : 0) + j];
    }
    double norm = sample ? discover_norm(p * q, sample) : 0;
    double bound = 8 * discovery->tolerance * fmax(norm, discovery->norm * sqrt((double)(p * q) / (double)(m * n)));
    *error = discovery->norm;
    if (!sample || (most > MANY && discover_exceeds(discovery->scratch, p, q, sample, most, bound)))
        return false;
    bool low = discover_factor(discovery->scratch, p, q, sample, most, bound, &factors);
    *error = norm > 0 ? factors.error / norm * discovery->norm : discovery->norm;
    return low;
}

static bool whole(struct discovery *discovery, size_t most)
{
    const struct discover_matrix *matrix = discovery->matrix;
    struct discover_low_rank factors;
    bool found = discover_factor(discovery->scratch, matrix->rows, matrix->columns, matrix->numbers, most,
                                 discovery->tolerance * discovery->norm, &factors);
    if (found && factors.rank)
        discover_offer(discovery, discover_outer_product(discovery, &factors));
    else
        discover_missed(discovery, factors.error);
    return found;
}

/* The diagonal of U V where W = D + U V is known off the diagonal, for the indices from `begin`: their columns of U V are in the
 * range of W[them, others], which the diagonal is no part of. With P the projection to it, entry k of column k is (sum over i != k
 * of P[k,i] W[i,k]) / (1 - P[k,k]). */
static bool half_of_diagonal(struct discovery *discovery, size_t begin, size_t end, size_t most, number *diagonal)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, p = end - begin, q = n - p;
    struct discover_low_rank factors;
    number *block = ARENA_ARRAY(discovery->scratch, p * q, number);
    for (size_t k = 0; block && k < p * q; k++)
        block[k] = matrix->numbers[(begin + k / q) * n + (begin ? 0 : p) + k % q];
    if (!block || !discover_factor(discovery->scratch, p, q, block, most, discovery->tolerance * discovery->norm, &factors))
        return false;
    for (size_t k = 0; k < p; k++) {
        number sum = 0;
        double own = 0;
        for (size_t r = 0; r < factors.rank; r++) {
            const number *basis = factors.left + r * p;
            number part = 0;
            for (size_t i = 0; i < p; i++)
                if (i != k)
                    part += complex_times(conj(basis[i]), matrix->numbers[(begin + i) * n + begin + k]);
            sum += complex_times(basis[k], part);
            own += discover_square(basis[k]);
        }
        if (own > 0.999)
            return false;
        diagonal[begin + k] = matrix->numbers[(begin + k) * n + begin + k] - sum / (1 - own);
    }
    return true;
}

/* Numbers that are one but for rounding are one. */
static void settle(struct discovery *discovery, size_t n, number *diagonal)
{
    number mean;
    double near = 16 * discovery->tolerance * discovery->norm;
    if (discover_spread(diagonal, n, &mean) > near)
        return;
    for (size_t k = 0; k < n; k++)
        diagonal[k] = cabs(mean - 1) <= near ? 1 : mean;
}

static void with_diagonal(struct discovery *discovery, size_t most)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows;
    struct discover_low_rank factors;
    number *numbers = ARENA_ARRAY(discovery->scratch, n * n, number), *diagonal = ARENA_ARRAY(discovery->scratch, n, number);
    if (!numbers || !diagonal || !half_of_diagonal(discovery, 0, n / 2, most, diagonal) ||
        !half_of_diagonal(discovery, n / 2, n, most, diagonal))
        return;
    settle(discovery, n, diagonal);
    memcpy(numbers, matrix->numbers, n * n * sizeof *numbers);
    for (size_t k = 0; k < n; k++)
        numbers[k * n + k] -= diagonal[k];
    if (!discover_factor(discovery->scratch, n, n, numbers, most, discovery->tolerance * discovery->norm, &factors)) {
        discover_missed(discovery, factors.error);
        return;
    }
    const struct discover_operator *parts[2] = {discover_diagonal(discovery->arena, n, diagonal),
                                                discover_outer_product(discovery, &factors)};
    discover_offer(discovery, factors.rank ? discover_combine(discovery->arena, DISCOVER_SUM, 2, parts) : parts[0]);
}

/* Before Kronecker products and Monarch matrices, which such a matrix is too, of more factors. */
void discover_outer(struct discovery *discovery)
{
    double error;
    size_t most = most_rank(discovery);
    most = most < MOST_OUTER ? most : MOST_OUTER;
    if (most && may_be(discovery, false, most, &error))
        (void)whole(discovery, most);
}

static bool is_outer(const struct discover_result *result)
{
    for (size_t k = 0; k < result->count; k++)
        if (result->findings[k].accepted && strcmp(result->findings[k].family, "outer") == 0)
            return true;
    return false;
}

void discover_low_rank(struct discovery *discovery)
{
    double error;
    size_t most = most_rank(discovery);
    if (!most || is_outer(discovery->result))
        return;
    bool may = may_be(discovery, false, most, &error);
    if (!may && error < discovery->norm)
        discover_missed(discovery, error);
    if (may && whole(discovery, most))
        return;
    if (discovery->matrix->rows == discovery->matrix->columns && most > 2 && may_be(discovery, true, most / 2, &error))
        with_diagonal(discovery, most / 2);
}
