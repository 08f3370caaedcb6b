/* Multilevel Toeplitz matrices: rows and columns in digits, W[(i1,i2,...),(j1,j2,...)] = t[i1-j1,i2-j2,...], and those that wrap
 * along the first digit (block circulant; circulant along every digit among them).
 *
 * With digits that stand 2 n apart, n the next one's extent, differences of digits do not run into each other: the digits of i are
 * a place m(i) in a longer index, and W is what a Toeplitz matrix of one level, or a circulant one, has at places m(i), m(j)
 * (Kronecker substitution). Rows and columns between them are zeros that are put in and left out. */
#include "discover.h"

#include <math.h>

enum { LEAST = 16, PROBES = 64, MOST_LEVELS = 8 };

/* Extents of digits, the most significant first; places of rows and columns, and how many there are. */
struct levels {
    size_t count, extents[MOST_LEVELS], length;
    size_t *places;
    bool circulant;
};

/* Within blocks of `whole` rows and columns, is a step of `step` along the diagonal without a change, at some places? */
static bool may_step(const struct discovery *discovery, size_t whole, size_t step)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, blocks = n / whole;
    double permitted = 4 * discovery->tolerance * discovery->norm / (double)n, sum = 0;
    uint64_t state = 23;
    for (int probe = 0; probe < PROBES; probe++) {
        size_t i = discover_random(&state) % blocks * whole + discover_random(&state) % (whole - step);
        size_t j = discover_random(&state) % blocks * whole + discover_random(&state) % (whole - step);
        sum += discover_square(matrix->numbers[i * n + j] - matrix->numbers[(i + step) * n + j + step]);
    }
    return sum <= PROBES * permitted * permitted;
}

/* The fewest digits; false: less than two, or some digit is none. */
static bool find_levels(const struct discovery *discovery, struct levels *levels)
{
    levels->count = 0;
    for (size_t whole = discovery->matrix->rows, step = 1; whole > 1; whole = step) {
        for (step = 1; step < whole && (whole % step || !may_step(discovery, whole, step));)
            step++;
        if (step == whole || levels->count == MOST_LEVELS)
            return false;
        levels->extents[levels->count++] = whole / step;
    }
    return levels->count > 1;
}

static bool set_places(struct discovery *discovery, struct levels *levels)
{
    size_t n = discovery->matrix->rows;
    levels->places = ARENA_ARRAY(discovery->scratch, n, size_t);
    for (size_t i = 0; levels->places && i < n; i++) {
        size_t rest = i, step = 1;
        levels->places[i] = 0;
        for (size_t level = levels->count; level-- > 0; rest /= levels->extents[level], step *= 2 * levels->extents[level])
            levels->places[i] += rest % levels->extents[level] * step;
        levels->length = levels->circulant ? step / 2 : levels->places[i] + 1;
    }
    return levels->places != NULL;
}

/* Means of the entries of each difference; `error` is what they leave. */
static struct discover_operator *means(struct discovery *discovery, const struct levels *levels, double *error)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t n = matrix->rows, length = levels->length, count = levels->circulant ? length : 2 * length - 1;
    size_t zero = levels->circulant ? length : length - 1;
    struct discover_operator *op = discover_leaf(discovery->arena, levels->circulant ? DISCOVER_CIRCULANT : DISCOVER_TOEPLITZ,
                                                 length, length, 1, (const size_t[4]){count});
    number *first = ARENA_ARRAY(discovery->scratch, count, number);
    double *times = ARENA_ARRAY(discovery->scratch, count, double), sum = 0;
    if (!op || !first || !times)
        return NULL;
    for (size_t k = 0; k < count; k++)
        times[k] = 0;
    /* the first entry of each, then the mean of what the others differ by: exact where they are equal */
    for (size_t k = 0; k < n * n; k++) {
        size_t at = (levels->places[k / n] + zero - levels->places[k % n]) % count;
        if (times[at]++ == 0)
            first[at] = matrix->numbers[k];
        op->numbers[at] += matrix->numbers[k] - first[at];
    }
    for (size_t k = 0; k < count; k++)
        op->numbers[k] = times[k] > 0 ? first[k] + op->numbers[k] / times[k] : 0;
    for (size_t k = 0; k < n * n; k++)
        sum += discover_square(matrix->numbers[k] - op->numbers[(levels->places[k / n] + zero - levels->places[k % n]) % count]);
    *error = sqrt(sum);
    return op;
}

/* The places among all: ones at (row, place). */
static const struct discover_operator *chosen(struct discovery *discovery, const struct levels *levels)
{
    size_t n = discovery->matrix->rows;
    struct discover_operator *op = discover_leaf(discovery->arena, DISCOVER_SPARSE, n, levels->length, 1, (const size_t[4]){n});
    if (!op || !(op->table = ARENA_ARRAY(discovery->arena, 2 * n, int64_t)))
        return NULL;
    op->n_table = 2 * n;
    for (size_t i = 0; i < n; i++) {
        op->numbers[i] = 1;
        op->table[2 * i] = (int64_t)i;
        op->table[2 * i + 1] = (int64_t)levels->places[i];
    }
    return op;
}

void discover_multilevel(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    struct levels levels = {.length = 0};
    double error;
    if (matrix->rows != matrix->columns || matrix->rows < LEAST || !(discovery->norm > 0) || !find_levels(discovery, &levels))
        return;
    for (int circulant = 1; circulant >= 0; circulant--) {
        levels.circulant = circulant;
        const struct discover_operator *middle = set_places(discovery, &levels) ? means(discovery, &levels, &error) : NULL;
        if (!middle)
            return;
        if (error <= discovery->tolerance * discovery->norm) {
            const struct discover_operator *rows = chosen(discovery, &levels);
            const struct discover_operator *parts[3] = {rows, middle, discover_transposed(discovery->arena, rows)};
            discover_offer(discovery, discover_combine(discovery->arena, DISCOVER_PRODUCT, 3, parts));
            return;
        }
    }
    discover_missed(discovery, error);
}
