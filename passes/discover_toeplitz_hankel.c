/* Toeplitz plus Hankel: W[i,j] = t[i-j] + h[i+j], so that W[i-1,j] + W[i+1,j] = W[i,j-1] + W[i,j+1].
 *
 * Along an antidiagonal h is one number and t takes every other of its own: from one on which h is said to be zero (what it is
 * there t may have as well) t is known where the next one needs it. Entries with i + j even and odd have nothing to do with each
 * other. What roundings and noise leave is then shared out by means of what is left, in turn. */
#include "discover.h"

#include <math.h>

enum { LEAST = 4, PROBES = 32, ROUNDS = 8 };

struct both {
    const struct discover_matrix *matrix;
    number *t, *h; /* m + n - 1 each; t[i - j + n - 1] */
    number *left;  /* sums, and how many, of what is left */
    double *times;
    bool *known; /* of t */
};

static bool may_be(const struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns;
    const number *w = matrix->numbers;
    uint64_t state = 13;
    for (int probe = 0; probe < PROBES; probe++) {
        size_t i = 1 + discover_random(&state) % (m - 2), j = 1 + discover_random(&state) % (n - 2), at = i * n + j;
        if (cabs(w[at - n] + w[at + n] - w[at - 1] - w[at + 1]) > 4 * discovery->tolerance * discovery->norm)
            return false;
    }
    return true;
}

/* h on the antidiagonal from the t that are known there (none: zero), then the t that are not. */
static void take_antidiagonal(struct both *both, size_t v)
{
    size_t m = both->matrix->rows, n = both->matrix->columns, first = v < n ? 0 : v - n + 1, last = v < m ? v : m - 1;
    const number *w = both->matrix->numbers;
    number sum = 0;
    double times = 0;
    for (size_t i = first; i <= last; i++) {
        size_t u = 2 * i + n - 1 - v;
        if (both->known[u])
            sum += w[i * n + v - i] - both->t[u], times++;
    }
    both->h[v] = times > 0 ? sum / times : 0;
    for (size_t i = first; i <= last; i++) {
        size_t u = 2 * i + n - 1 - v;
        if (!both->known[u])
            both->t[u] = w[i * n + v - i] - both->h[v];
        both->known[u] = true;
    }
}

/* A constant can go from h to t, of even and of odd places: h has mean zero, so that neither is larger than it need be. */
static void balance(struct both *both)
{
    size_t count = both->matrix->rows + both->matrix->columns - 1;
    for (size_t odd = 0; odd < 2; odd++) {
        number mean = 0;
        for (size_t v = odd; v < count; v += 2)
            mean += both->h[v] / (double)((count - odd + 1) / 2);
        for (size_t v = odd; v < count; v += 2)
            both->h[v] -= mean;
        for (size_t u = (odd + both->matrix->columns - 1) % 2; u < count; u += 2)
            both->t[u] += mean;
    }
}

/* The means of what is left go to one of the two; the sum of the squares that were left. */
static double share_out(struct both *both, bool to_h)
{
    size_t m = both->matrix->rows, n = both->matrix->columns, count = m + n - 1;
    number *target = to_h ? both->h : both->t;
    double squares = 0;
    for (size_t k = 0; k < count; k++)
        both->left[k] = both->times[k] = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            number left = both->matrix->numbers[i * n + j] - (both->t[i + n - 1 - j] + both->h[i + j]);
            size_t at = to_h ? i + j : i + n - 1 - j;
            both->left[at] += left;
            both->times[at]++;
            squares += discover_square(left);
        }
    for (size_t k = 0; k < count; k++)
        target[k] += both->left[k] / both->times[k];
    return squares;
}

void discover_toeplitz_hankel(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t m = matrix->rows, n = matrix->columns, count = m + n - 1, start = (m < n ? m : n) - 1;
    for (size_t k = 0; k < discovery->result->count; k++)
        if (discovery->result->findings[k].accepted)
            return; /* Toeplitz or Hankel alone, which this would be too */
    if (m < LEAST || n < LEAST || !may_be(discovery))
        return;
    struct discover_operator *toeplitz = discover_leaf(discovery->arena, DISCOVER_TOEPLITZ, m, n, 1, (const size_t[4]){count});
    struct discover_operator *hankel = discover_leaf(discovery->arena, DISCOVER_HANKEL, m, n, 1, (const size_t[4]){count});
    struct both both = {.matrix = matrix,
                        .left = ARENA_ARRAY(discovery->scratch, count, number),
                        .times = ARENA_ARRAY(discovery->scratch, count, double),
                        .known = ARENA_ARRAY(discovery->scratch, count, bool)};
    if (!toeplitz || !hankel || !both.left || !both.times || !both.known)
        return;
    both.t = toeplitz->numbers, both.h = hankel->numbers;
    for (size_t k = 0; k < count; k++)
        both.known[k] = false;
    for (size_t v = start; v < count; v++)
        take_antidiagonal(&both, v);
    for (size_t v = start; v-- > 0;)
        take_antidiagonal(&both, v);
    balance(&both);
    for (int round = 0; round < ROUNDS; round++)
        (void)share_out(&both, round % 2);
    double error = sqrt(share_out(&both, true));
    if (error > discovery->tolerance * discovery->norm) {
        discover_missed(discovery, error);
        return;
    }
    const struct discover_operator *parts[2] = {toeplitz, hankel};
    discover_offer(discovery, discover_combine(discovery->arena, DISCOVER_SUM, 2, parts));
}
