/* A Kronecker product with a correction of low rank, W = A (x) B + U V, by turns: of W - U V the nearest Kronecker product (Van
 * Loan and Pitsianis 1993), of W - A (x) B what is nearest of low rank, a step of the power method each. A part of the matrix with
 * some rows and columns of A and of B is of the same kind: which splits into digits may be is decided on that. */
#include "discover.h"

#include <math.h>
#include <string.h>

enum { MOST_RANK = 4, FEW = 5, SAMPLED = 7, SAMPLE_ROUNDS = 24, ROUNDS = 60, LEAST_ROUNDS = 5, LEAST = 16, FAR = 100 };

/* Rows are (i1, i2), of m1 and of m2; of columns likewise. U V: u v^T, columns of u one after the other, orthonormal. */
struct turns {
    struct discover_matrix matrix;
    size_t m1, n1, m2, n2, rank;
    number *a, *b, *u, *v;
    number *rest; /* of the matrix, in turn without the one and without the other */
};

static bool create(struct arena *arena, size_t m1, size_t n1, size_t m2, size_t n2, size_t rank, struct turns *turns)
{
    size_t m = m1 * m2, n = n1 * n2;
    uint64_t state = 23;
    *turns = (struct turns){.matrix = {.rows = m, .columns = n}, .m1 = m1, .n1 = n1, .m2 = m2, .n2 = n2, .rank = rank};
    turns->a = ARENA_ARRAY(arena, m1 * n1, number);
    turns->b = ARENA_ARRAY(arena, m2 * n2, number);
    turns->u = ARENA_ARRAY(arena, m * rank, number);
    turns->v = ARENA_ARRAY(arena, n * rank, number);
    turns->rest = ARENA_ARRAY(arena, m * n, number);
    if (!turns->a || !turns->b || !turns->u || !turns->v || !turns->rest)
        return false;
    for (size_t k = 0; k < m2 * n2; k++)
        turns->b[k] = discover_random(&state) / 4294967296.0 - 0.5;
    for (size_t k = 0; k < n * rank; k++)
        turns->v[k] = discover_random(&state) / 4294967296.0 - 0.5;
    for (size_t k = 0; k < m * rank; k++)
        turns->u[k] = 0;
    return true;
}

/* to += part from; real parts are most. */
static void add_multiple(size_t n, number part, const number *from, number *to)
{
    double re = creal(part);
    if (cimag(part) == 0)
        for (size_t j = 0; j < n; j++)
            to[j] = complex_of(creal(to[j]) + re * creal(from[j]), cimag(to[j]) + re * cimag(from[j]));
    else
        for (size_t j = 0; j < n; j++)
            to[j] += complex_times(part, from[j]);
}

/* sum over j of a[j] conj(b[j]), four sums at a time. */
static number inner(size_t n, const number *a, const number *b)
{
    double re[4] = {0}, im[4] = {0};
    for (size_t j = 0; j < n; j++) {
        re[j % 4] += creal(a[j]) * creal(b[j]) + cimag(a[j]) * cimag(b[j]);
        im[j % 4] += cimag(a[j]) * creal(b[j]) - creal(a[j]) * cimag(b[j]);
    }
    return complex_of(re[0] + re[1] + (re[2] + re[3]), im[0] + im[1] + (im[2] + im[3]));
}

/* What is left without A (x) B. */
static void without_product(struct turns *turns)
{
    size_t n = turns->n1 * turns->n2;
    for (size_t i = 0; i < turns->m1 * turns->m2; i++) {
        const number *from = &turns->matrix.numbers[i * n], *b = &turns->b[i % turns->m2 * turns->n2];
        const number *a = &turns->a[i / turns->m2 * turns->n1];
        number *to = &turns->rest[i * n];
        memcpy(to, from, n * sizeof *to);
        for (size_t j1 = 0; j1 < turns->n1; j1++)
            add_multiple(turns->n2, -a[j1], b, to + j1 * turns->n2);
    }
}

/* What is left without U V. */
static void without_correction(struct turns *turns)
{
    size_t m = turns->m1 * turns->m2, n = turns->n1 * turns->n2;
    for (size_t i = 0; i < m; i++) {
        const number *from = &turns->matrix.numbers[i * n];
        number *to = &turns->rest[i * n];
        memcpy(to, from, n * sizeof *to);
        for (size_t r = 0; r < turns->rank; r++)
            add_multiple(n, -turns->u[r * m + i], &turns->v[r * n], to);
    }
}

/* A from B, of norm one, and B from A. */
static void fit_product(struct turns *turns)
{
    size_t m1 = turns->m1, n1 = turns->n1, m2 = turns->m2, n2 = turns->n2, n = n1 * n2;
    for (size_t k = 0; k < m1 * n1; k++) {
        const number *block = &turns->rest[k / n1 * m2 * n + k % n1 * n2];
        turns->a[k] = 0;
        for (size_t i = 0; i < m2; i++)
            turns->a[k] += inner(n2, block + i * n, turns->b + i * n2);
    }
    double size = discover_norm(m1 * n1, turns->a);
    for (size_t l = 0; l < m2 * n2; l++)
        turns->b[l] = 0;
    for (size_t k = 0; k < m1 * n1 && size > 0; k++) {
        const number *block = &turns->rest[k / n1 * m2 * n + k % n1 * n2];
        turns->a[k] /= size;
        for (size_t i = 0; i < m2; i++)
            add_multiple(n2, conj(turns->a[k]), block + i * n, turns->b + i * n2);
    }
}

/* U from V, orthonormal, and V from U. */
static void fit_correction(struct turns *turns)
{
    size_t m = turns->m1 * turns->m2, n = turns->n1 * turns->n2;
    for (size_t r = 0; r < turns->rank; r++) {
        number *u = &turns->u[r * m], *v = &turns->v[r * n];
        for (size_t i = 0; i < m; i++)
            u[i] = inner(n, &turns->rest[i * n], v);
        for (size_t twice = 0; twice < 2; twice++)
            for (size_t other = 0; other < r; other++) {
                const number *before = &turns->u[other * m];
                add_multiple(m, -inner(m, u, before), before, u);
            }
        double size = discover_norm(m, u);
        for (size_t i = 0; i < m && size > 0; i++)
            u[i] /= size;
    }
    for (size_t k = 0; k < n * turns->rank; k++)
        turns->v[k] = 0;
    for (size_t r = 0; r < turns->rank; r++)
        for (size_t i = 0; i < m; i++)
            add_multiple(n, conj(turns->u[r * m + i]), &turns->rest[i * n], &turns->v[r * n]);
}

/* One of each; what both leave of the norm, as far as a difference of squares can tell. */
static double take_turn(struct turns *turns)
{
    size_t m = turns->m1 * turns->m2, n = turns->n1 * turns->n2;
    double taken = 0;
    without_correction(turns);
    fit_product(turns);
    without_product(turns);
    fit_correction(turns);
    double left = discover_norm(m * n, turns->rest);
    for (size_t r = 0; r < turns->rank; r++) {
        double size = discover_norm(n, &turns->v[r * n]);
        taken += size * size;
    }
    return sqrt(fmax(0, left * left - taken));
}

/* Rounds until B moves by no more than `enough`, or what is left stays: how much that is. */
static double take_turns(struct turns *turns, struct arena *arena, int rounds, double norm, double enough, bool *stays)
{
    size_t count = turns->m2 * turns->n2;
    number *before = ARENA_ARRAY(arena, count, number);
    double left = INFINITY, next = 0;
    *stays = false;
    for (int round = 0; before && round < rounds; round++, left = next) {
        memcpy(before, turns->b, count * sizeof *before);
        next = take_turn(turns);
        add_multiple(count, -1, turns->b, before);
        *stays = round > LEAST_ROUNDS && next > 1e-6 * norm && next > 0.9 * left;
        if (*stays || discover_norm(count, before) <= enough)
            return next;
    }
    return left;
}

/* Is some of the matrix nearly so, `sampled` rows and columns of A by as many of B? */
static bool may_be(struct discovery *discovery, size_t m1, size_t n1, size_t sampled, size_t rank, int rounds, double part)
{
    const struct discover_matrix *matrix = discovery->matrix;
    const size_t digits[4] = {m1, matrix->rows / m1, n1, matrix->columns / n1};
    size_t places[4][SAMPLED * SAMPLED], count[4];
    uint64_t state = 29;
    for (int digit = 0; digit < 4; digit++) {
        size_t most = digit % 2 ? sampled * sampled / count[digit - 1] : sampled;
        count[digit] = digits[digit] < most ? digits[digit] : most;
        discover_sample(&state, digits[digit], count[digit], places[digit]);
    }
    size_t m = count[0] * count[1], n = count[2] * count[3];
    number *numbers = ARENA_ARRAY(discovery->scratch, m * n, number);
    struct turns turns;
    if (!numbers || m <= 3 * rank || n <= 3 * rank ||
        !create(discovery->scratch, count[0], count[2], count[1], count[3], rank, &turns))
        return false;
    for (size_t k = 0; k < m * n; k++) {
        size_t i = places[0][k / n / count[1]] * digits[1] + places[1][k / n % count[1]];
        size_t j = places[2][k % n / count[3]] * digits[3] + places[3][k % n % count[3]];
        numbers[k] = matrix->numbers[i * matrix->columns + j];
    }
    turns.matrix.numbers = numbers;
    bool stays;
    double norm = discover_norm(m * n, numbers), left = take_turns(&turns, discovery->scratch, rounds, norm, 0, &stays);
    return left < part * norm && !(stays && left > FAR * discovery->tolerance * norm);
}

static bool propose(struct discovery *discovery, size_t m1, size_t n1, size_t rank)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns, m2 = m / m1, n2 = n / n1;
    double permitted = discovery->tolerance * discovery->norm;
    struct discover_low_rank factors;
    struct turns turns;
    if (!create(discovery->scratch, m1, n1, m2, n2, rank, &turns))
        return false;
    turns.matrix.numbers = matrix->numbers;
    bool stays;
    (void)take_turns(&turns, discovery->scratch, ROUNDS, discovery->norm, permitted / 8, &stays);
    if (!discover_factor(discovery->scratch, m, n, turns.rest, rank, permitted, &factors)) {
        discover_missed(discovery, factors.error);
        return false;
    }
    const struct discover_operator *pair[2] = {discover_dense(discovery->arena, m1, n1, turns.a),
                                               discover_dense(discovery->arena, m2, n2, turns.b)};
    const struct discover_operator *sum[2] = {discover_combine(discovery->arena, DISCOVER_KRON, 2, pair),
                                              discover_outer_product(discovery, &factors)};
    discover_offer(discovery, discover_combine(discovery->arena, DISCOVER_SUM, factors.rank ? 2 : 1, sum));
    return discovery->result->count && discovery->result->findings[discovery->result->count - 1].accepted;
}

/* Flops with a correction of rank one. */
static double least_flops(const struct discover_matrix *matrix, size_t m1, size_t n1)
{
    double m = (double)matrix->rows, n = (double)matrix->columns, m2 = m / (double)m1, n2 = n / (double)n1;
    return (matrix->real ? 2 : 8) * (fmin(n * m2 + m * (double)n1, m * n2 + n * (double)m1) + m + n);
}

void discover_corrected(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns;
    double least = discover_least_flops(discovery);
    for (size_t m1 = 2; m1 <= m / 2 && m >= LEAST && n >= LEAST; m1++)
        for (size_t n1 = 2; n1 <= n / 2 && m % m1 == 0; n1++) {
            if (n % n1 || m1 * m > 4 * n1 * n || n1 * n > 4 * m1 * m || least_flops(matrix, m1, n1) >= least)
                continue;
            bool any = may_be(discovery, m1, n1, FEW, MOST_RANK, LEAST_ROUNDS, 0.3) &&
                       may_be(discovery, m1, n1, SAMPLED, MOST_RANK, LEAST_ROUNDS, 0.3);
            for (size_t rank = 1; any && rank <= MOST_RANK; rank++)
                if (may_be(discovery, m1, n1, SAMPLED, rank, SAMPLE_ROUNDS, 0.02) && propose(discovery, m1, n1, rank))
                    return;
        }
}
