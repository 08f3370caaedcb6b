/* Products of Kronecker-sparse factors (discover_kronecker_sparse.c) whose columns, or rows, stand in another order.
 *
 * An order that classical transforms have, the reversal of digits, is tried as it is. Any other order of a Monarch matrix's columns
 * (k, m) is found from its rows (i, j) at one j: over i, all columns of one k are multiples of one another, so that the ratio of
 * two sums of their entries is the same; columns are sorted by it, and have to come in groups of equal size. So do rows of one j,
 * at one k over m. The order within a group, and that of groups, is no matter: the factors have it in their numbers. */
#include "discover.h"

#include <math.h>

enum { LARGEST_RADIX = 16, MOST_DIGITS = 64, MOST_TRIED = 3 };

/* The matrix, or its transpose, whose columns or rows are put in order. Of a product of blocks and of a factor between them, the
 * transpose is one of such a factor and of blocks, which are other matrices. */
struct ordering {
    struct discovery *discovery;
    bool transposed, of_rows;
    size_t m, n; /* of the other side, of this one */
    size_t *order;
};

/* At place j of the side that is put in order, i of the other. */
static number entry(const struct ordering *ordering, size_t i, size_t j)
{
    const number *w = ordering->discovery->matrix->numbers;
    return ordering->of_rows != ordering->transposed ? w[j * ordering->m + i] : w[i * ordering->n + j];
}

/* Is the matrix, its columns (rows) in that order, such a product? Then it is proposed. */
static bool try_turned(const struct ordering *ordering, struct arena *arena)
{
    size_t m = ordering->m, n = ordering->n, *places = ARENA_ARRAY(arena, n, size_t);
    struct discover_matrix turned = {ordering->of_rows ? n : m, ordering->of_rows ? m : n, ARENA_ARRAY(arena, m * n, number),
                                     ordering->discovery->matrix->real};
    if (!places || !turned.numbers)
        return false;
    for (size_t k = 0; k < m * n; k++) {
        size_t i = k / turned.columns, j = k % turned.columns;
        turned.numbers[k] = ordering->of_rows ? entry(ordering, j, ordering->order[i]) : entry(ordering, i, ordering->order[j]);
    }
    for (size_t k = 0; k < n; k++)
        places[ordering->of_rows ? ordering->order[k] : k] = ordering->of_rows ? k : ordering->order[k];
    const struct discover_operator *permutation = discover_permutation(ordering->discovery->arena, n, places);
    return permutation &&
           discover_offer_kronecker_sparse(ordering->discovery, &turned, ordering->transposed,
                                           ordering->of_rows ? permutation : NULL, ordering->of_rows ? NULL : permutation);
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

/* For each number of rows (i, j) in digits, first those that make the factors alike. */
static bool try_groups(const struct ordering *ordering)
{
    size_t m = ordering->m, count = 0;
    struct discover_key *keys = ARENA_ARRAY(ordering->discovery->scratch, ordering->n, struct discover_key);
    struct discover_key *digits = ARENA_ARRAY(ordering->discovery->scratch, m, struct discover_key);
    int tried = 0;
    for (size_t digit = 2; digits && digit <= m / 2; digit++)
        if (m % digit == 0)
            digits[count++] = (struct discover_key){fabs(log((double)digit * (double)digit / (double)m)), 0, digit};
    if (digits)
        discover_sort(digits, count);
    for (size_t k = 0; keys && k < count && tried < MOST_TRIED; k++) {
        if (!find_keys(ordering, digits[k].index, keys) || !group(ordering, keys))
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
    for (int way = 0; way < 4; way++) {
        bool transposed = way / 2, of_rows = way % 2, as_rows = transposed != of_rows;
        struct ordering ordering = {
            discovery, transposed, of_rows, as_rows ? matrix->columns : matrix->rows, as_rows ? matrix->rows : matrix->columns,
            NULL};
        ordering.order = ARENA_ARRAY(discovery->scratch, ordering.n, size_t);
        if (!ordering.order || (!transposed && reverse_digits(&ordering) && try_order(&ordering)) || try_groups(&ordering))
            return;
    }
}
