/* Matrices that are mostly zero: scaled permutations, bands, few nonzeros, blocks after permutations of rows and columns.
 *
 * Blocks are the components of the graph whose edges are the nonzeros, between rows and columns. Where an error is permitted, what
 * lies below it altogether counts as zero. */
#include "discover.h"

#include <math.h>
#include <string.h>

enum { MOST_BANDS = 16 };

/* Nonzeros in the order of rows. */
struct pattern {
    size_t count;
    size_t *rows, *columns;
    number *numbers;
};

static bool find_pattern(struct discovery *discovery, struct pattern *pattern)
{
    const struct discover_matrix *matrix = discovery->matrix;
    size_t size = matrix->rows * matrix->columns, n = 0;
    double least = discovery->options->within > 0 ? discovery->tolerance * discovery->norm / sqrt((double)size) : 0;
    for (size_t k = 0; k < size; k++)
        n += cabs(matrix->numbers[k]) > least;
    *pattern = (struct pattern){.count = n};
    if (n > size / 2)
        return false;
    pattern->rows = ARENA_ARRAY(discovery->scratch, n, size_t);
    pattern->columns = ARENA_ARRAY(discovery->scratch, n, size_t);
    pattern->numbers = ARENA_ARRAY(discovery->scratch, n, number);
    if (!pattern->rows || !pattern->columns || !pattern->numbers)
        return false;
    n = 0;
    for (size_t k = 0; k < size; k++)
        if (cabs(matrix->numbers[k]) > least) {
            pattern->rows[n] = k / matrix->columns;
            pattern->columns[n] = k % matrix->columns;
            pattern->numbers[n++] = matrix->numbers[k];
        }
    return true;
}

static const struct discover_operator *sparse(struct discovery *discovery, const struct pattern *pattern)
{
    size_t count = pattern->count ? pattern->count : 1; /* a zero, where there is nothing else */
    struct discover_operator *op = discover_leaf(discovery->arena, DISCOVER_SPARSE, discovery->matrix->rows,
                                                 discovery->matrix->columns, 1, (const size_t[4]){count});
    if (!op || !(op->table = ARENA_ARRAY(discovery->arena, 2 * count, int64_t)))
        return NULL;
    op->n_table = 2 * count;
    op->table[0] = op->table[1] = 0;
    for (size_t k = 0; k < pattern->count; k++) {
        op->table[2 * k] = (int64_t)pattern->rows[k];
        op->table[2 * k + 1] = (int64_t)pattern->columns[k];
        op->numbers[k] = pattern->numbers[k];
    }
    return op;
}

/* One number in each row and each column. */
static const struct discover_operator *scaled_permutation(struct discovery *discovery, const struct pattern *pattern)
{
    size_t n = discovery->matrix->rows;
    size_t *used = ARENA_ARRAY(discovery->scratch, n, size_t);
    if (n != discovery->matrix->columns || pattern->count != n || !used)
        return NULL;
    memset(used, 0, n * sizeof *used);
    for (size_t k = 0; k < n; k++)
        if (pattern->rows[k] != k || used[pattern->columns[k]]++)
            return NULL;
    const struct discover_operator *parts[2] = {discover_diagonal(discovery->arena, n, pattern->numbers),
                                                discover_permutation(discovery->arena, n, pattern->columns)};
    return discover_combine(discovery->arena, DISCOVER_PRODUCT, 2, parts);
}

/* Few diagonals, at least half of which is filled. */
static const struct discover_operator *banded(struct discovery *discovery, const struct pattern *pattern)
{
    size_t m = discovery->matrix->rows, n = discovery->matrix->columns, bands = 0;
    size_t *counts = ARENA_ARRAY(discovery->scratch, m + n, size_t);
    if (!counts || m != n)
        return NULL;
    memset(counts, 0, (m + n) * sizeof *counts);
    for (size_t k = 0; k < pattern->count; k++)
        bands += counts[pattern->columns[k] + m - pattern->rows[k]]++ == 0;
    if (!bands || bands > MOST_BANDS || bands * n > 2 * pattern->count || bands > n / 4)
        return NULL;
    struct discover_operator *op = discover_leaf(discovery->arena, DISCOVER_BANDED, m, n, 2, (const size_t[4]){bands, m});
    if (!op || !(op->table = ARENA_ARRAY(discovery->arena, bands, int64_t)))
        return NULL;
    for (size_t offset = 0; offset < m + n; offset++) {
        if (!counts[offset])
            continue;
        counts[offset] = op->n_table;
        op->table[op->n_table++] = (int64_t)offset - (int64_t)m;
    }
    for (size_t k = 0; k < pattern->count; k++)
        op->numbers[counts[pattern->columns[k] + m - pattern->rows[k]] * m + pattern->rows[k]] = pattern->numbers[k];
    return op;
}

/* ---- blocks ---- */

static size_t root_of(size_t *parents, size_t vertex)
{
    while (parents[vertex] != vertex)
        vertex = parents[vertex] = parents[parents[vertex]];
    return vertex;
}

/* Components as numbers of rows and columns, in the order of their first rows; a row or column of zeros is one of its own. */
static size_t components(struct discovery *discovery, const struct pattern *pattern, size_t *part)
{
    size_t m = discovery->matrix->rows, n = discovery->matrix->columns, count = 0;
    size_t *parents = ARENA_ARRAY(discovery->scratch, m + n, size_t), *numbers = ARENA_ARRAY(discovery->scratch, m + n, size_t);
    for (size_t k = 0; parents && numbers && k < m + n; k++)
        parents[k] = k, numbers[k] = SIZE_MAX;
    if (!parents || !numbers)
        return 0;
    for (size_t k = 0; k < pattern->count; k++)
        parents[root_of(parents, m + pattern->columns[k])] = root_of(parents, pattern->rows[k]);
    for (size_t k = 0; k < m + n; k++) {
        size_t root = root_of(parents, k);
        if (numbers[root] == SIZE_MAX)
            numbers[root] = count++;
        part[k] = numbers[root];
    }
    return count;
}

/* Places of rows (or columns) when they are sorted by component: order[place] is the row. False: not all have as many. */
static bool sort_by_part(const size_t *part, size_t count, size_t parts, size_t *order)
{
    size_t each = count / parts;
    if (each * parts != count)
        return false;
    for (size_t k = 0; k < count; k++)
        order[k] = SIZE_MAX;
    for (size_t k = 0; k < count; k++) {
        size_t at = 0;
        while (at < each && order[part[k] * each + at] != SIZE_MAX)
            at++;
        if (at == each)
            return false;
        order[part[k] * each + at] = k;
    }
    return true;
}

static const struct discover_operator *blocks(struct discovery *discovery, const struct pattern *pattern)
{
    size_t m = discovery->matrix->rows, n = discovery->matrix->columns;
    size_t *part = ARENA_ARRAY(discovery->scratch, m + n, size_t), *order = ARENA_ARRAY(discovery->scratch, m + n, size_t);
    size_t *places = ARENA_ARRAY(discovery->scratch, m + n, size_t);
    size_t parts = part && order && places ? components(discovery, pattern, part) : 0;
    if (parts < 2 || parts > m || parts > n || !sort_by_part(part, m, parts, order) || !sort_by_part(part + m, n, parts, order + m))
        return NULL;
    size_t b = m / parts, c = n / parts;
    struct discover_operator *op = discover_leaf(discovery->arena, DISCOVER_KS, m, n, 4, (const size_t[4]){parts, b, c, 1});
    for (size_t k = 0; k < m; k++)
        places[order[k]] = k;
    for (size_t k = 0; k < n; k++)
        places[m + order[m + k]] = k;
    for (size_t k = 0; op && k < pattern->count; k++)
        op->numbers[places[pattern->rows[k]] * c + places[m + pattern->columns[k]] % c] = pattern->numbers[k];
    if (!op)
        return NULL;
    bool equal = true;
    for (size_t k = 0; k < parts * b * c; k++)
        equal = equal && op->numbers[k] == op->numbers[k % (b * c)];
    const struct discover_operator *same[2] = {discover_node(discovery->arena, DISCOVER_IDENTITY, parts, parts),
                                               discover_dense(discovery->arena, b, c, op->numbers)};
    const struct discover_operator *middle = equal ? discover_combine(discovery->arena, DISCOVER_KRON, 2, same) : op;
    const struct discover_operator *all[3] = {discover_permutation(discovery->arena, m, places), middle,
                                              discover_permutation(discovery->arena, n, order + m)};
    return discover_combine(discovery->arena, DISCOVER_PRODUCT, 3, all);
}

void discover_scatter(struct discovery *discovery)
{
    struct pattern pattern;
    if (!find_pattern(discovery, &pattern))
        return;
    const struct discover_operator *op = scaled_permutation(discovery, &pattern);
    if (op) {
        discover_offer(discovery, op);
        return;
    }
    discover_offer(discovery, banded(discovery, &pattern));
    discover_offer(discovery, blocks(discovery, &pattern));
    if (pattern.count <= discovery->matrix->rows * discovery->matrix->columns / 4)
        discover_offer(discovery, sparse(discovery, &pattern));
}
