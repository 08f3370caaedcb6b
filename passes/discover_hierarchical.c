/* Off-diagonal blocks of low rank with common bases: W = D + U M V, where U and V are block diagonal, a basis of what each block of
 * rows, and of columns, has off the diagonal. M, a smaller matrix, is looked at like any other, so that it falls into the same
 * form: hierarchically semiseparable matrices (Chandrasekaran, Gu and Pals 2006), of linear cost. Semiseparable triangles are of
 * this kind, inverses of banded matrices, smooth kernels of the distance on a line. */
#include "discover.h"

#include <math.h>
#include <string.h>

/* Fewest rows, numbers in a sample's row beyond its rank; the largest rank is n / LEAST_SHARE. */
enum { LEAST = 64, BEYOND = 8, LEAST_SHARE = 10, LEAST_BLOCKS = 4 };

/* Bases of what blocks of rows, or of columns (turned), have off the diagonal: orthonormal columns of `size` numbers, zero where
 * there are fewer than `rank`. */
struct bases {
    bool turned;
    size_t count, size, rank;
    number **columns;
};

/* Entry (i, j), or (j, i). */
static number entry(const struct discover_matrix *matrix, bool turned, size_t i, size_t j)
{
    return matrix->numbers[turned ? j * matrix->columns + i : i * matrix->columns + j];
}

/* The rank of a sample of rows in the middle, off the diagonal; `most` + 1: larger. */
static size_t sampled_rank(struct discovery *discovery, bool turned, size_t most)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, p = most + BEYOND, quarter = n / 4;
    number *sample = ARENA_ARRAY(discovery->scratch, p * p, number);
    struct discover_low_rank factors;
    for (size_t k = 0; sample && k < p * p; k++) {
        size_t i = n / 2 + k / p * quarter / p, j = k % p * (n - quarter) / p;
        sample[k] = entry(matrix, turned, i, j < n / 2 ? j : j + quarter);
    }
    double bound = discovery->tolerance * discovery->norm * (double)p / (double)n;
    bool low = sample && discover_factor(discovery->scratch, p, p, sample, most, bound, &factors);
    return low ? factors.rank : most + 1;
}

/* Flops with blocks of that size, the smaller matrix in the same form again. */
static double flops_with(const struct discovery *discovery, size_t size, size_t rank)
{
    double n = (double)discovery->matrix->rows, r = (double)rank, smaller = n / (double)size * r;
    return (discovery->matrix->real ? 1 : 4) * (2 * n * (double)size + 4 * n * r + fmin(2 * smaller * smaller, 16 * r * smaller));
}

/* The size of blocks that costs least, 0: none costs less than what there is. */
static size_t best_size(const struct discovery *discovery, size_t rank)
{
    size_t n = discovery->matrix->rows, best = 0;
    double least = (discovery->matrix->real ? 2 : 8) * (double)n * (double)n;
    for (size_t k = 0; k < discovery->result->count; k++)
        if (discovery->result->findings[k].accepted)
            least = fmin(least, discovery->result->findings[k].flops);
    for (size_t size = rank + 1; size <= n / LEAST_BLOCKS; size++)
        if (n % size == 0 && flops_with(discovery, size, rank) < least) {
            least = flops_with(discovery, size, rank);
            best = size;
        }
    return best;
}

/* The basis of one block, in the family's arena; what else it takes is in the other one. */
static bool block_basis(struct discovery *discovery, struct arena *arena, struct bases *bases, size_t at, size_t most)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, size = bases->size, others = n - size;
    number *block = ARENA_ARRAY(arena, size * others, number);
    number *basis = bases->columns[at] = ARENA_ARRAY(discovery->scratch, size * most, number);
    double bound = discovery->tolerance * discovery->norm / (2 * sqrt((double)bases->count));
    struct discover_low_rank factors;
    for (size_t k = 0; block && k < size * others; k++) {
        size_t j = k % others;
        block[k] = entry(matrix, bases->turned, at * size + k / others, j < at * size ? j : j + size);
    }
    if (!block || !basis || !discover_factor(arena, size, others, block, most, bound, &factors))
        return false;
    for (size_t k = 0; k < size * most; k++)
        basis[k] = k < size * factors.rank ? factors.left[k] : 0;
    bases->rank = factors.rank > bases->rank ? factors.rank : bases->rank;
    return true;
}

static bool all_bases(struct discovery *discovery, bool turned, size_t size, size_t most, struct bases *bases)
{
    size_t count = discovery->matrix->rows / size;
    *bases = (struct bases){turned, count, size, 0, ARENA_ARRAY(discovery->scratch, count, number *)};
    for (size_t at = 0; bases->columns && at < count; at++) {
        struct arena *arena = arena_create(arena_allocator(discovery->arena));
        bool low = arena && block_basis(discovery, arena, bases, at, most);
        if (!arena || arena_failed(arena))
            arena_fail(discovery->arena);
        arena_destroy(arena);
        if (!low)
            return false;
    }
    return bases->columns && bases->rank > 0;
}

/* ---- the parts ---- */

static const struct discover_operator *diagonal_blocks(struct discovery *discovery, size_t size)
{
    size_t n = discovery->matrix->rows;
    struct discover_operator *op =
        discover_leaf(discovery->arena, DISCOVER_KS, n, n, 4, (const size_t[4]){n / size, size, size, 1});
    for (size_t k = 0; op && k < n; k++)
        memcpy(&op->numbers[k * size], &discovery->matrix->numbers[k * n + k / size * size], size * sizeof *op->numbers);
    return op;
}

static const struct discover_operator *basis_blocks(struct discovery *discovery, const struct bases *bases)
{
    size_t size = bases->size, rank = bases->rank, small = bases->count * rank, large = bases->count * size;
    const size_t shape[4] = {bases->count, bases->turned ? rank : size, bases->turned ? size : rank, 1};
    struct discover_operator *op =
        discover_leaf(discovery->arena, DISCOVER_KS, bases->turned ? small : large, bases->turned ? large : small, 4, shape);
    for (size_t k = 0; op && k < bases->count * rank * size; k++) {
        size_t at = k / (rank * size), i = k / shape[2] % shape[1], j = k % shape[2];
        op->numbers[k] = bases->columns[at][bases->turned ? i * size + j : j * size + i];
    }
    return op;
}

/* The matrix between: left^H (W - D) conj(right). */
static const struct discover_operator *between(struct discovery *discovery, const struct bases *left, const struct bases *right)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, size = left->size, rows = left->count * left->rank, columns = right->count * right->rank;
    struct discover_operator *op =
        discover_leaf(discovery->arena, DISCOVER_DENSE, rows, columns, 2, (const size_t[4]){rows, columns});
    number *line = ARENA_ARRAY(discovery->scratch, n, number);
    for (size_t row = 0; op && line && row < rows; row++) {
        size_t at = row / left->rank;
        const number *basis = &left->columns[at][row % left->rank * size];
        for (size_t j = 0; j < n; j++)
            line[j] = 0;
        for (size_t i = 0; i < size; i++)
            for (size_t j = 0; j < n; j++)
                line[j] += complex_times(conj(basis[i]), matrix->numbers[(at * size + i) * n + j]);
        for (size_t column = 0; column < columns; column++) {
            const number *other = &right->columns[column / right->rank][column % right->rank * size];
            const number *from = &line[column / right->rank * size];
            for (size_t j = 0; j < size && column / right->rank != at; j++)
                op->numbers[row * columns + column] += complex_times(from[j], conj(other[j]));
        }
    }
    return line ? op : NULL;
}

void discover_hierarchical(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, most = n / LEAST_SHARE;
    struct bases left, right;
    if (matrix->columns != n || n < LEAST)
        return;
    size_t down = sampled_rank(discovery, false, most), across = down > most ? down : sampled_rank(discovery, true, most);
    size_t rank = down > across ? down : across;
    size_t size = rank > 0 && rank <= most ? best_size(discovery, rank) : 0;
    size_t room = rank + rank / 4 + 2; /* blocks beside the diagonal have more than the sample, which lies apart */
    if (!size || !all_bases(discovery, false, size, room, &left) || !all_bases(discovery, true, size, room, &right))
        return;
    const struct discover_operator *product[3] = {basis_blocks(discovery, &left), between(discovery, &left, &right),
                                                  basis_blocks(discovery, &right)};
    const struct discover_operator *sum[2] = {diagonal_blocks(discovery, size),
                                              discover_combine(discovery->arena, DISCOVER_PRODUCT, 3, product)};
    discover_offer(discovery, discover_combine(discovery->arena, DISCOVER_SUM, 2, sum));
}
