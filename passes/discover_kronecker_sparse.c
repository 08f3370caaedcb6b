/* Kronecker-sparse factors ks(X) (Le, Zheng, Riccietti and Gribonval 2024): one of the shape [a, b, c, d], the matrix itself being
 * [1, m, n, 1], is the product of two where, with its rows in digits (i, j) and its columns in (k, l), the matrices over (i, l) at
 * each (a, j, k, d) have low rank t:
 *
 *     X[a, (i,j), (k,l), d] = sum over r of L[a, i, (k,r), (j,d)] R[(a,k), (r,j), l, d]
 *
 * One such step is a Monarch matrix or block tensor train; steps within both factors give butterflies of all radices. */
#include "discover.h"

#include <math.h>

enum { MOST_RANK = 4, MOST_TRIED = 3, SAMPLED = 8, BLOCKS = 4, MOST_SPLITS = 2048 };

static number entry(const struct discover_operator *op, const struct discover_split *split, size_t a, size_t d,
                    const size_t digits[4])
{
    size_t b = digits[0] * split->rows[1] + digits[1], c = digits[2] * split->columns[1] + digits[3];
    return op->numbers[((a * op->shape[1] + b) * op->shape[2] + c) * op->shape[3] + d];
}

static double steps(const struct discover_operator *op, const struct discover_split *split)
{
    double outer = (double)(op->shape[0] * op->shape[3] * split->rank), p = (double)split->rows[0], q = (double)split->rows[1];
    double r = (double)split->columns[0], s = (double)split->columns[1];
    return outer * (r * q * s + p * r * q);
}

/* The largest rank of samples of a few blocks. */
static size_t sampled_rank(struct arena *arena, const struct discover_operator *op, const struct discover_split *split,
                           double tolerance, double norm)
{
    number sample[SAMPLED * SAMPLED];
    size_t most = 0, m = split->rows[0] < SAMPLED ? split->rows[0] : SAMPLED,
           n = split->columns[1] < SAMPLED ? split->columns[1] : SAMPLED;
    uint64_t state = 5;
    for (int block = 0; block < BLOCKS && most <= MOST_RANK; block++) {
        struct discover_low_rank factors;
        size_t a = discover_random(&state) % op->shape[0], d = discover_random(&state) % op->shape[3];
        size_t j = discover_random(&state) % split->rows[1], k = discover_random(&state) % split->columns[0];
        size_t rows[SAMPLED], columns[SAMPLED];
        discover_sample(&state, split->rows[0], m, rows);
        discover_sample(&state, split->columns[1], n, columns);
        for (size_t at = 0; at < m * n; at++)
            sample[at] = entry(op, split, a, d, (const size_t[4]){rows[at / n], j, k, columns[at % n]});
        double share = norm * sqrt((double)(m * n) / (double)discover_count(op));
        (void)discover_factor(arena, m, n, sample, MOST_RANK + 1, 8 * tolerance * share, &factors);
        most = factors.rank > most ? factors.rank : most;
    }
    return most;
}

/* The best splits by their work, at most MOST_TRIED, that a sample does not refute and that need at most `share` of the work. */
static size_t best_splits(struct discovery *discovery, const struct discover_operator *op, double norm, double share,
                          struct discover_split *best)
{
    size_t count = 0, tried = 0, b = op->shape[1], c = op->shape[2];
    double most = share * (double)discover_count(op);
    for (size_t q = 1; q <= b; q++)
        for (size_t s = 1; s <= c && b % q == 0 && tried < MOST_SPLITS; s++) {
            struct discover_split split = {{b / q, q}, {c / s, s}, 1, 0};
            if (c % s || split.rows[0] == 1 || s == 1 || (q == 1 && s == c) || steps(op, &split) > most) /* or low rank */
                continue;
            tried++;
            split.rank = sampled_rank(discovery->scratch, op, &split, discovery->tolerance, norm);
            split.flops = steps(op, &split);
            if (!split.rank || split.rank > MOST_RANK || split.rank >= (split.rows[0] < s ? split.rows[0] : s) ||
                split.flops > most)
                continue;
            count = discover_keep_best(best, count, MOST_TRIED, &split);
        }
    return count;
}

/* The two factors; `error` is what they leave. */
static bool take_apart(struct discovery *discovery, const struct discover_operator *op, const struct discover_split *split,
                       double norm, struct discover_operator *factors[2], double *error)
{
    size_t a = op->shape[0], d = op->shape[3], p = split->rows[0], q = split->rows[1], r = split->columns[0], s = split->columns[1],
           t = split->rank;
    size_t m = a * p * q * d, between = a * r * t * q * d, n = a * r * s * d;
    struct arena *own = arena_create(arena_allocator(discovery->arena));
    number *block = ARENA_ARRAY(own, p * s, number);
    double left = 0, permitted = discovery->tolerance * norm;
    factors[0] = discover_leaf(discovery->arena, DISCOVER_KS, m, between, 4, (const size_t[4]){a, p, r * t, q * d});
    factors[1] = discover_leaf(discovery->arena, DISCOVER_KS, between, n, 4, (const size_t[4]){a * r, t * q, s, d});
    bool done = factors[0] && factors[1] && block;
    for (size_t at = 0; done && at < a * d * q * r && left <= permitted * permitted; at++) {
        struct discover_low_rank parts;
        size_t k = at % r, j = at / r % q, e = at / (r * q) % d, g = at / (r * q * d);
        for (size_t l = 0; l < p * s; l++)
            block[l] = entry(op, split, g, e, (const size_t[4]){l / s, j, k, l % s});
        struct arena *room = arena_create(arena_allocator(discovery->arena));
        (void)discover_factor(room, p, s, block, t, 0, &parts);
        done = !arena_failed(room);
        left += done ? parts.error * parts.error : 0;
        for (size_t v = 0; done && v < parts.rank; v++) {
            double size = sqrt(discover_norm(s, parts.right + v * s));
            for (size_t i = 0; i < p; i++)
                factors[0]->numbers[((g * p + i) * r * t + k * t + v) * q * d + j * d + e] = parts.left[v * p + i] * size;
            for (size_t l = 0; l < s && size > 0; l++)
                factors[1]->numbers[(((g * r + k) * t * q + v * q + j) * s + l) * d + e] = parts.right[v * s + l] / size;
        }
        arena_destroy(room);
    }
    if (!done)
        arena_fail(discovery->arena);
    arena_destroy(own);
    *error = sqrt(left);
    return done && *error <= permitted;
}

/* A factor as the product of what it falls into, while that saves work, or costs none where the finest is asked for. */
static const struct discover_operator *finest(struct discovery *discovery, const struct discover_operator *op, uint32_t depth)
{
    struct discover_split best[MOST_TRIED];
    struct discover_operator *factors[2];
    double error, norm = discover_norm(discover_count(op), op->numbers);
    size_t count = depth < 12 ? best_splits(discovery, op, norm, discovery->options->finest ? 1 : 0.999, best) : 0;
    for (size_t k = 0; k < count; k++) {
        if (!take_apart(discovery, op, &best[k], norm, factors, &error))
            continue;
        const struct discover_operator *parts[2] = {finest(discovery, factors[0], depth + 1),
                                                    finest(discovery, factors[1], depth + 1)};
        return discover_combine(discovery->arena, DISCOVER_PRODUCT, 2, parts);
    }
    if (op->shape[0] == 1 && op->shape[3] == 1)
        return discover_dense(discovery->arena, op->shape[1], op->shape[2], op->numbers);
    return op;
}

/* Tied where that is possible; others, which take fewer flops between their diagonals, as they are, too. */
static bool offer_tied(struct discovery *discovery, const struct discover_operator *product)
{
    bool formulas = false;
    const struct discover_operator *tied = product ? discover_tied(discovery, product, &formulas) : NULL;
    bool accepted = tied && discover_offer(discovery, tied);
    if (!accepted || !formulas)
        (void)discover_offer(discovery, product);
    return accepted && formulas;
}

static const struct discover_operator *product_of(struct discovery *discovery, size_t count,
                                                  const struct discover_operator *const *parts, bool transposed)
{
    const struct discover_operator *product = discover_combine(discovery->arena, DISCOVER_PRODUCT, count, parts);
    return transposed ? discover_transposed(discovery->arena, product) : product;
}

static bool offer_products(struct discovery *discovery, struct discover_operator *const factors[2], bool transposed,
                           const struct discover_operator *before, const struct discover_operator *behind)
{
    const struct discover_operator *parts[4], *fine[2];
    size_t count = 0, first = before ? 1 : 0;
    if (before)
        parts[count++] = before;
    for (int k = 0; k < 2; k++)
        parts[count++] = factors[k];
    if (behind)
        parts[count++] = behind;
    if (offer_tied(discovery, product_of(discovery, count, parts, transposed)))
        return true;
    for (int k = 0; k < 2; k++)
        parts[first + (size_t)k] = fine[k] = finest(discovery, factors[k], 1);
    if (fine[0] != factors[0] || fine[1] != factors[1])
        (void)offer_tied(discovery, product_of(discovery, count, parts, transposed));
    return true;
}

bool discover_offer_kronecker_sparse(struct discovery *discovery, const struct discover_matrix *matrix, bool transposed,
                                     const struct discover_operator *before, const struct discover_operator *behind)
{
    struct discover_operator whole = {.kind = DISCOVER_KS,
                                      .rows = matrix->rows,
                                      .columns = matrix->columns,
                                      .rank = 4,
                                      .shape = {1, matrix->rows, matrix->columns, 1},
                                      .numbers = matrix->numbers};
    struct discover_split best[MOST_TRIED];
    size_t count = best_splits(discovery, &whole, discovery->norm, 0.7, best);
    for (size_t k = 0; k < count; k++) {
        struct discover_operator *factors[2];
        double error;
        if (take_apart(discovery, &whole, &best[k], discovery->norm, factors, &error))
            return offer_products(discovery, factors, transposed, before, behind);
        discover_missed(discovery, error);
    }
    return false;
}

void discover_kronecker_sparse(struct discovery *discovery)
{
    (void)discover_offer_kronecker_sparse(discovery, discovery->matrix, false, NULL, NULL);
}
