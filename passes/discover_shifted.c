/* Matrices whose entries depend on i - j, on i + j, or on i - j modulo n alone. */
#include "discover.h"

#include <math.h>

/* The class of an entry. */
static size_t place(enum discover_kind kind, size_t i, size_t j, size_t n)
{
    return kind == DISCOVER_HANKEL ? i + j : kind == DISCOVER_TOEPLITZ ? i + n - 1 - j : (i + n - j) % n;
}

/* Means over each class; `error` is what they leave. */
static struct discover_operator *means(struct discovery *discovery, enum discover_kind kind, double *error)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns, count = kind == DISCOVER_CIRCULANT ? n : m + n - 1;
    struct discover_operator *op = discover_leaf(discovery->arena, kind, m, n, 1, (const size_t[4]){count});
    double *times = ARENA_ARRAY(discovery->scratch, count, double), sum = 0;
    if (!op || !times)
        return NULL;
    for (size_t k = 0; k < count; k++)
        times[k] = 0;
    /* the first entry of each class, then the mean of what the others differ by: exact where they are equal */
    number *first = ARENA_ARRAY(discovery->scratch, count, number);
    for (size_t k = 0; first && k < m * n; k++) {
        size_t at = place(kind, k / n, k % n, n);
        if (times[at]++ == 0)
            first[at] = matrix->numbers[k];
        op->numbers[at] += matrix->numbers[k] - first[at];
    }
    for (size_t k = 0; first && k < count; k++)
        op->numbers[k] = first[k] + op->numbers[k] / times[k];
    for (size_t k = 0; first && k < m * n; k++)
        sum += discover_square(matrix->numbers[k] - op->numbers[place(kind, k / n, k % n, n)]);
    *error = sqrt(sum);
    return first ? op : NULL;
}

/* Do some entries say at once that it is not? A few diagonals, two entries each. */
static bool may_be(const struct discovery *discovery, enum discover_kind kind)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns;
    double permitted = 2 * discovery->tolerance * discovery->norm;
    uint64_t state = 7;
    for (int probe = 0; probe < 32 && m > 1 && n > 1; probe++) {
        size_t i = discover_random(&state) % (m - 1), j = discover_random(&state) % (n - 1);
        number a = matrix->numbers[i * n + j], b = matrix->numbers[(i + 1) * n + j + 1];
        if (kind == DISCOVER_HANKEL)
            a = matrix->numbers[i * n + j + 1], b = matrix->numbers[(i + 1) * n + j];
        if (cabs(a - b) > permitted)
            return false;
    }
    return true;
}

void discover_shifted(struct discovery *discovery)
{
    static const enum discover_kind kinds[] = {DISCOVER_CIRCULANT, DISCOVER_TOEPLITZ, DISCOVER_HANKEL};
    const struct discover_matrix *matrix = discovery->matrix;
    if (matrix->rows < 2 || matrix->columns < 2)
        return;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        double error;
        if ((kinds[k] == DISCOVER_CIRCULANT && matrix->rows != matrix->columns) || !may_be(discovery, kinds[k]))
            continue;
        const struct discover_operator *op = means(discovery, kinds[k], &error);
        if (!op)
            return;
        if (error <= discovery->tolerance * discovery->norm) {
            discover_offer(discovery, op);
            if (k == 0)
                return;
        } else {
            discover_missed(discovery, error);
        }
    }
}
