/* Products of Kronecker-sparse factors (discover_kronecker_sparse.c) whose columns, or rows, stand in another order.
 *
 * An order that classical transforms have, the reversal of digits, is tried as it is. Any other order of a Monarch matrix's columns
 * (k, m) is found from its rows (i, j) at one j: over i, all columns of one k are multiples of one another, so that the ratio of
 * two sums of their entries is the same; columns are sorted by it, and have to come in groups of equal size. So do rows of one j,
 * at one k over m. The order within a group, and that of groups, is no matter: the factors have it in their numbers. */
#include "discover.h"

#include <math.h>

enum { LARGEST_RADIX = 16, MOST_DIGITS = 64, MOST_TRIED = 3 };

/* The matrix, or its transpose, whose columns are put in order. */
struct ordering {
    struct discovery *discovery;
    bool of_rows;
    size_t m, n;
    size_t *order;
};

static number entry(const struct ordering *ordering, size_t i, size_t j)
{
    const number *w = ordering->discovery->matrix->numbers;
    return ordering->of_rows ? w[j * ordering->m + i] : w[i * ordering->n + j];
}

/* Is the matrix, its columns (rows) in that order, such a product? Then it is proposed. */
static bool try_turned(const struct ordering *ordering, struct arena *arena)
{
    struct discovery *discovery = ordering->discovery;
    const struct discover_matrix *matrix = discovery->matrix;
    const struct discover_operator *products[2];
    struct discover_matrix turned = *matrix;
    size_t n = ordering->n, *places = ARENA_ARRAY(arena, n, size_t);
    turned.numbers = ARENA_ARRAY(arena, matrix->rows * matrix->columns, number);
    if (!places || !turned.numbers)
        return false;
    for (size_t k = 0; k < matrix->rows * matrix->columns; k++) {
        size_t i = k / matrix->columns, j = k % matrix->columns;
        turned.numbers[k] = ordering->of_rows ? matrix->numbers[ordering->order[i] * matrix->columns + j]
                                              : matrix->numbers[i * matrix->columns + ordering->order[j]];
    }
    for (size_t k = 0; k < n; k++)
        places[ordering->of_rows ? ordering->order[k] : k] = ordering->of_rows ? k : ordering->order[k];
    const struct discover_operator *permutation = discover_permutation(discovery->arena, n, places);
    size_t count = discover_kronecker_sparse_products(discovery, &turned, products);
    for (size_t k = 0; k < count; k++) {
        const struct discover_operator *parts[2] = {ordering->of_rows ? permutation : products[k],
                                                    ordering->of_rows ? products[k] : permutation};
        discover_offer(discovery, discover_combine(discovery->arena, DISCOVER_PRODUCT, 2, parts));
    }
    return count > 0;
}

/* The copy goes before the next is made. */
static bool try_order(const struct ordering *ordering)
{
    struct arena *own = arena_create(arena_allocator(ordering->discovery->arena));
    bool found = own && try_turned(ordering, own);
    if (!own || arena_failed(own))
        arena_fail(ordering->discovery->arena);
    arena_destroy(own);
    return found;
}

/* Column (d_1, d_2, ...), whose radices are the prime factors, from d_1 + r_1 (d_2 + r_2 (...)); false: one of them is large. */
static bool reverse_digits(const struct ordering *ordering)
{
    size_t radices[MOST_DIGITS], count = 0, rest = ordering->n;
    for (size_t radix = 2; rest > 1 && radix <= LARGEST_RADIX; radix++)
        for (; rest % radix == 0; rest /= radix)
            radices[count++] = radix;
    if (rest > 1 || count < 2)
        return false;
    for (size_t column = 0; column < ordering->n; column++) {
        size_t left = column, from = 0;
        for (size_t digit = count; digit-- > 0; left /= radices[digit])
            from = from * radices[digit] + left % radices[digit];
        ordering->order[column] = from;
    }
    return true;
}

/* Of each column the ratio of two sums of its entries at (i, 0), j of them being `digit`, sorted; of rows those at (0, m), k
 * being `digit`. */
static bool find_keys(const struct ordering *ordering, size_t digit, struct discover_key *keys)
{
    size_t step = ordering->of_rows ? 1 : digit, count = ordering->m / digit;
    const struct discovery *discovery = ordering->discovery;
    double error = discovery->tolerance * discovery->norm * sqrt((double)count / ((double)ordering->m * (double)ordering->n));
    for (size_t j = 0; j < ordering->n; j++) {
        number sums[2] = {0, 0};
        uint64_t state = 19;
        for (size_t i = 0; i < count; i++) {
            number value = entry(ordering, i * step, j);
            sums[0] += (discover_random(&state) / 4294967296.0 + 0.25) * value;
            sums[1] += (discover_random(&state) / 4294967296.0 + 0.25) * value;
        }
        if (sums[1] == 0)
            return false;
        number ratio = sums[0] / sums[1];
        keys[j] =
            (struct discover_key){creal(ratio) + 0.6180339887 * cimag(ratio), 4 * error * (1 + cabs(ratio)) / cabs(sums[1]), j};
    }
    discover_sort(keys, ordering->n);
    return true;
}

/* The size of groups whose keys are equal, which get the first index among them as key; 0: they differ in size. */
static size_t find_groups(const struct ordering *ordering, struct discover_key *keys)
{
    size_t n = ordering->n, size = 0, begin = 0;
    for (size_t k = 1; k <= n; k++) {
        if (k < n && keys[k].value - keys[k - 1].value <= fmax(keys[k].near, keys[k - 1].near))
            continue;
        size = size ? size : k;
        if (k - begin != size)
            return 0;
        size_t first = keys[begin].index;
        for (size_t at = begin; at < k; at++)
            first = keys[at].index < first ? keys[at].index : first;
        for (; begin < k; begin++)
            keys[begin].value = (double)first;
    }
    return size;
}

/* Columns group by group, rows one of each group in turn; false: there are no groups, or they stand in order. */
static bool group(const struct ordering *ordering, struct discover_key *keys)
{
    size_t n = ordering->n, size = find_groups(ordering, keys);
    bool moved = false;
    if (size < 2 || size == n)
        return false;
    discover_sort(keys, n);
    for (size_t k = 0; k < n; k++) {
        size_t at = ordering->of_rows ? k % size * (n / size) + k / size : k;
        ordering->order[at] = keys[k].index;
        moved |= keys[k].index != at;
    }
    return moved;
}

/* For each number of rows (i, j) in digits. */
static bool try_groups(const struct ordering *ordering)
{
    struct discover_key *keys = ARENA_ARRAY(ordering->discovery->scratch, ordering->n, struct discover_key);
    int tried = 0;
    for (size_t digit = 2; keys && digit <= ordering->m / 2 && tried < MOST_TRIED; digit++) {
        if (ordering->m % digit || !find_keys(ordering, digit, keys) || !group(ordering, keys))
            continue;
        tried++;
        if (try_order(ordering))
            return true;
    }
    return false;
}

void discover_ordered(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    for (int of_rows = 0; of_rows < 2; of_rows++) {
        struct ordering ordering = {discovery, of_rows, of_rows ? matrix->columns : matrix->rows,
                                    of_rows ? matrix->rows : matrix->columns, NULL};
        ordering.order = ARENA_ARRAY(discovery->scratch, ordering.n, size_t);
        if (!ordering.order || (reverse_digits(&ordering) && try_order(&ordering)) || try_groups(&ordering))
            return;
    }
}
