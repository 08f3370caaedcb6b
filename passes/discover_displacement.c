/* Matrices of low displacement rank: inverses of Toeplitz matrices, products of several, Hankel-like ones (columns reversed).
 *
 * With Z the cyclic and N the plain shift down by one, D = W - Z W N^T of rank r, D = sum over k of g_k b_k^T, has but one W, for N
 * to the n is zero: W = sum over i of Z^i D (N^T)^i, which is the sum over k of circ(g_k) U(b_k), U(b) upper triangular and
 * Toeplitz (Kailath and Sayed 1995; of the inverse, Gohberg and Semencul 1972). Nothing is divided by, so that no condition
 * enters but that of the factors, which are orthogonal on the one side. */
#include "discover.h"

#include <math.h>

/* Terms that are worth it at the sizes there are, numbers in a sample's row beyond them, fewest rows at which two terms gain. */
enum { MOST_TERMS = 8, BEYOND = 8, LEAST = 100 };

/* Flops of a term. */
static double term_flops(struct discovery *discovery)
{
    size_t n = discovery->matrix->rows;
    struct discover_operator circulant = {.kind = DISCOVER_CIRCULANT, .rows = n, .columns = n, .real = discovery->matrix->real};
    struct discover_operator toeplitz = circulant;
    toeplitz.kind = DISCOVER_TOEPLITZ;
    return discover_flops(&circulant, discovery->matrix->real) + discover_flops(&toeplitz, discovery->matrix->real);
}

/* How many terms cost less than the matrix, and than what was found already. */
static size_t most_terms(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    double least = (matrix->real ? 2 : 8) * (double)matrix->rows * (double)matrix->columns;
    for (size_t k = 0; k < discovery->result->count; k++)
        if (discovery->result->findings[k].accepted)
            least = fmin(least, discovery->result->findings[k].flops);
    double terms = least / term_flops(discovery);
    return terms < MOST_TERMS ? (size_t)terms : MOST_TERMS;
}

/* W, or W with its columns reversed. */
static number entry(const struct discover_matrix *matrix, bool reversed, size_t i, size_t j)
{
    return matrix->numbers[i * matrix->columns + (reversed ? matrix->columns - 1 - j : j)];
}

static number displaced(const struct discover_matrix *matrix, bool reversed, size_t i, size_t j)
{
    size_t above = (i + matrix->rows - 1) % matrix->rows;
    return entry(matrix, reversed, i, j) - (j ? entry(matrix, reversed, above, j - 1) : 0);
}

static bool may_be(struct discovery *discovery, bool reversed, size_t most)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t p = most + BEYOND, rows[MOST_TERMS + BEYOND], columns[MOST_TERMS + BEYOND];
    number sample[(MOST_TERMS + BEYOND) * (MOST_TERMS + BEYOND)];
    struct discover_low_rank factors;
    uint64_t state = 17;
    discover_sample(&state, matrix->rows, p, rows);
    discover_sample(&state, matrix->columns, p, columns);
    for (size_t k = 0; k < p * p; k++)
        sample[k] = displaced(matrix, reversed, rows[k / p], columns[k % p]);
    double share = (double)p / (double)matrix->rows;
    return discover_factor(discovery->scratch, p, p, sample, most, 8 * discovery->tolerance * discovery->norm * share, &factors);
}

/* The factors once more: left as the range of D right^H, right as left^H D, which averages what errors single columns have. */
static bool improve(struct discovery *discovery, const number *numbers, struct discover_low_rank *factors)
{
    size_t n = discovery->matrix->rows, r = factors->rank;
    number *images = ARENA_ARRAY(discovery->scratch, n * r, number);
    struct discover_low_rank range;
    for (size_t k = 0; images && k < n * r; k++) {
        const number *row = &numbers[k / r * n], *along = &factors->right[k % r * n];
        images[k] = 0;
        for (size_t j = 0; j < n; j++)
            images[k] += complex_times(row[j], conj(along[j]));
    }
    if (!images)
        return false;
    (void)discover_factor(discovery->scratch, n, r, images, r, 0, &range);
    if (range.rank != r)
        return false;
    factors->left = range.left;
    for (size_t k = 0; k < r * n; k++)
        factors->right[k] = 0;
    for (size_t k = 0; k < r; k++)
        for (size_t i = 0; i < n; i++) {
            number part = conj(range.left[k * n + i]);
            for (size_t j = 0; j < n; j++)
                factors->right[k * n + j] += complex_times(part, numbers[i * n + j]);
        }
    return true;
}

/* circ(left) U(right), of every term of D. */
static const struct discover_operator *sum_of_terms(struct discovery *discovery, const struct discover_low_rank *factors)
{
    size_t n = discovery->matrix->rows;
    const struct discover_operator *terms[MOST_TERMS];
    for (size_t k = 0; k < factors->rank; k++) {
        struct discover_operator *circulant = discover_leaf(discovery->arena, DISCOVER_CIRCULANT, n, n, 1, (const size_t[4]){n});
        struct discover_operator *upper = discover_leaf(discovery->arena, DISCOVER_TOEPLITZ, n, n, 1, (const size_t[4]){2 * n - 1});
        double size = sqrt(discover_norm(n, factors->right + k * n));
        for (size_t j = 0; circulant && upper && size > 0 && j < n; j++) {
            circulant->numbers[j] = factors->left[k * n + j] * size;
            upper->numbers[n - 1 - j] = factors->right[k * n + j] / size;
        }
        const struct discover_operator *parts[2] = {circulant, upper};
        terms[k] = discover_combine(discovery->arena, DISCOVER_PRODUCT, 2, parts);
    }
    return discover_combine(discovery->arena, DISCOVER_SUM, factors->rank, terms);
}

static const struct discover_operator *reversal(struct discovery *discovery)
{
    size_t n = discovery->matrix->columns, *columns = ARENA_ARRAY(discovery->scratch, n, size_t);
    for (size_t k = 0; columns && k < n; k++)
        columns[k] = n - 1 - k;
    return columns ? discover_permutation(discovery->arena, n, columns) : NULL;
}

static void propose(struct discovery *discovery, bool reversed, size_t most)
{
    size_t n = discovery->matrix->rows;
    number *numbers = ARENA_ARRAY(discovery->scratch, n * n, number);
    struct discover_low_rank factors;
    for (size_t k = 0; numbers && k < n * n; k++)
        numbers[k] = displaced(discovery->matrix, reversed, k / n, k % n);
    if (!numbers)
        return;
    if (!discover_factor(discovery->scratch, n, n, numbers, most, discovery->tolerance * discovery->norm / 2, &factors)) {
        discover_missed(discovery, factors.error);
        return;
    }
    if (factors.rank == 0 || !improve(discovery, numbers, &factors))
        return;
    const struct discover_operator *parts[2] = {sum_of_terms(discovery, &factors), reversed ? reversal(discovery) : NULL};
    discover_offer(discovery, discover_combine(discovery->arena, DISCOVER_PRODUCT, reversed ? 2 : 1, parts));
}

void discover_displacement(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    if (matrix->rows != matrix->columns || matrix->rows < LEAST)
        return;
    size_t most = most_terms(discovery);
    struct arena *scratch = discovery->scratch;
    for (int reversed = 0; reversed < 2 && most > 0; reversed++) {
        discovery->scratch = arena_create(arena_allocator(discovery->arena)); /* matrices, of one way at a time */
        if (discovery->scratch && may_be(discovery, reversed, most))
            propose(discovery, reversed, most);
        if (!discovery->scratch || arena_failed(discovery->scratch))
            arena_fail(scratch);
        arena_destroy(discovery->scratch);
    }
    discovery->scratch = scratch;
}
