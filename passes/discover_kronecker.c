/* Kronecker products, and sums of few: W[(i1,i2),(j1,j2)] = sum over k of A_k[i1,j1] B_k[i2,j2] is a matrix of low rank when its
 * rows are (i1,j1) and its columns (i2,j2) (Van Loan and Pitsianis 1993). All splits of the rows and columns are tried on a sample
 * of entries first. The parts of a finding are looked at again, so that products of more factors are found. */
#include "discover.h"

#include <math.h>

enum { MOST_TERMS = 8, SAMPLED = 14, MOST_TRIED = 4, MOST_SPLITS = 4096 };

static number entry(const struct discover_matrix *matrix, const struct discover_split *split, size_t row, size_t column)
{
    size_t m2 = split->rows[1], n2 = split->columns[1];
    size_t i = row / split->columns[0] * m2 + column / n2, j = row % split->columns[0] * n2 + column % n2;
    return matrix->numbers[i * matrix->columns + j];
}

/* The rank of a sample: a few rows and columns of the rearranged matrix, all where there are not more. */
static size_t sampled_rank(struct discovery *discovery, const struct discover_split *split)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t rows = split->rows[0] * split->columns[0], columns = matrix->rows * matrix->columns / rows;
    size_t m = rows < SAMPLED ? rows : SAMPLED, n = columns < SAMPLED ? columns : SAMPLED;
    number sample[SAMPLED * SAMPLED];
    size_t at[2][SAMPLED];
    uint64_t state = 11;
    struct discover_low_rank factors;
    discover_sample(&state, rows, m, at[0]);
    discover_sample(&state, columns, n, at[1]);
    for (size_t k = 0; k < m * n; k++)
        sample[k] = entry(matrix, split, at[0][k / n], at[1][k % n]);
    double share = sqrt((double)(m * n) / (double)(rows * columns)) * discovery->norm;
    (void)discover_factor(discovery->scratch, m, n, sample, MOST_TERMS + 1, 8 * discovery->tolerance * share, &factors);
    return factors.rank;
}

static double split_flops(const struct discover_matrix *matrix, const struct discover_split *split)
{
    double m1 = (double)split->rows[0], n1 = (double)split->columns[0], m = (double)matrix->rows, n = (double)matrix->columns;
    double m2 = m / m1, n2 = n / n1, product = matrix->real ? 2 : 8;
    return (double)split->rank * product * fmin(n1 * m2 * n2 + m2 * m1 * n1, n2 * m1 * n1 + m1 * m2 * n2);
}

static const struct discover_operator *terms(struct discovery *discovery, const struct discover_split *split,
                                             const struct discover_low_rank *factors)
{
    size_t m2 = split->rows[1], n2 = split->columns[1];
    const struct discover_operator *sum[MOST_TERMS], *pair[2];
    for (size_t k = 0; k < factors->rank; k++) {
        number *left = factors->left + k * split->rows[0] * split->columns[0], *right = factors->right + k * m2 * n2;
        /* both of the same size */
        double size = sqrt(discover_norm(m2 * n2, right));
        for (size_t l = 0; l < split->rows[0] * split->columns[0]; l++)
            left[l] *= size;
        for (size_t l = 0; l < m2 * n2 && size > 0; l++)
            right[l] /= size;
        pair[0] = discover_dense(discovery->arena, split->rows[0], split->columns[0], left);
        pair[1] = discover_dense(discovery->arena, m2, n2, right);
        sum[k] = discover_combine(discovery->arena, DISCOVER_KRON, 2, pair);
    }
    return discover_combine(discovery->arena, DISCOVER_SUM, factors->rank, sum);
}

static void try_split(struct discovery *discovery, const struct discover_split *split)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t rows = split->rows[0] * split->columns[0], columns = matrix->rows * matrix->columns / rows;
    struct arena *own = arena_create(arena_allocator(discovery->arena));
    number *rearranged = ARENA_ARRAY(own, rows * columns, number);
    struct discover_low_rank factors;
    for (size_t i = 0; rearranged && i < matrix->rows; i++)
        for (size_t j = 0; j < matrix->columns; j++) {
            size_t m2 = split->rows[1], n2 = split->columns[1];
            rearranged[((i / m2) * split->columns[0] + j / n2) * columns + (i % m2) * n2 + j % n2] =
                matrix->numbers[i * matrix->columns + j];
        }
    if (rearranged && discover_factor(own, rows, columns, rearranged, MOST_TERMS, discovery->tolerance * discovery->norm, &factors))
        discover_offer(discovery, terms(discovery, split, &factors));
    else if (rearranged)
        discover_missed(discovery, factors.error);
    if (arena_failed(own))
        arena_fail(discovery->arena);
    arena_destroy(own);
}

void discover_kronecker(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    struct discover_split best[MOST_TRIED];
    size_t count = 0, tried = 0;
    double dense = (matrix->real ? 2.0 : 8.0) * (double)matrix->rows * (double)matrix->columns;
    for (size_t m1 = 1; m1 <= matrix->rows; m1++)
        for (size_t n1 = 1; n1 <= matrix->columns && matrix->rows % m1 == 0 && tried < MOST_SPLITS; n1++) {
            struct discover_split split = {{m1, matrix->rows / m1}, {n1, matrix->columns / n1}, 1, 0};
            size_t inner = m1 * n1, outer = matrix->rows * matrix->columns / inner;
            bool is_outer = (m1 == matrix->rows && n1 == 1) || (m1 == 1 && n1 == matrix->columns); /* low rank */
            if (matrix->columns % n1 || inner == 1 || outer == 1 || is_outer || split_flops(matrix, &split) > 0.7 * dense)
                continue;
            tried++;
            split.rank = sampled_rank(discovery, &split);
            split.flops = split_flops(matrix, &split);
            if (!split.rank || split.rank > MOST_TERMS || split.rank >= (inner < outer ? inner : outer) ||
                split.flops > 0.7 * dense)
                continue;
            count = discover_keep_best(best, count, MOST_TRIED, &split);
        }
    for (size_t k = 0; k < count; k++) {
        size_t before = discovery->result->count;
        try_split(discovery, &best[k]);
        if (discovery->result->count > before && discovery->result->findings[discovery->result->count - 1].accepted)
            break; /* others are coarser */
    }
}
