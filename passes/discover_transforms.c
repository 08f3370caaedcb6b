/* Transforms that have names, between diagonals: W[k,l] = a[k] T[k,l] b[l], conjugated, and with its rows or its columns in any
 * other order, or some of them only: the first ones, or any where columns are not scaled.
 *
 * No transform has a zero in row 0 (the Fourier transform none at all), so row 0 of W (the largest one) gives b, b gives a from a
 * row each, and that b once more, from all rows, as well as the numbers allow. An order of the columns is found from what their
 * scale does not change: the ratio of two sums of their entries, which is sorted as the transform's is; and of the Fourier
 * transform, even where rows are scaled, from the ratio of rows 1 and 0. By that ratio too it is found which of the transform's
 * rows those of a matrix with fewer rows than columns are. */
#include "discover.h"

#include <math.h>

struct candidate {
    const struct discover_matrix *matrix;
    struct discover_roots roots;
    bool conjugate, transposed;
    const size_t *rows, *columns; /* of W, where T's are; NULL: in order */
    const size_t *chosen;         /* of T, where W's are, which may have fewer; NULL: in order */
    bool unscaled;                /* b is one: what is chosen may have zeros in any row */
    number *a, *b;
};

static number transform_at(const struct candidate *candidate, size_t k, size_t l)
{
    size_t row = candidate->chosen ? candidate->chosen[k] : k;
    number value = discover_transform_entry(&candidate->roots, candidate->transposed ? l : row, candidate->transposed ? row : l);
    return candidate->conjugate ? conj(value) : value;
}

static number matrix_at(const struct candidate *candidate, size_t k, size_t l)
{
    return candidate->matrix->numbers[(candidate->rows ? candidate->rows[k] : k) * candidate->matrix->columns +
                                      (candidate->columns ? candidate->columns[l] : l)];
}

/* Sums of many equal terms, whose roundings would add up: in parts of so many. */
enum { PART = 32 };

/* a[k] from the row, by least squares; what is left of it. */
static double fit_row(const struct candidate *candidate, size_t k, number *a)
{
    size_t n = candidate->matrix->columns;
    number sum = 0;
    double norm = 0, left = 0;
    for (size_t from = 0; from < n; from += PART) {
        number part = 0;
        double own = 0;
        for (size_t l = from; l < n && l < from + PART; l++) {
            number model = complex_times(transform_at(candidate, k, l), candidate->b[l]);
            part += complex_times(conj(model), matrix_at(candidate, k, l));
            own += discover_square(model);
        }
        sum += part;
        norm += own;
    }
    *a = norm > 0 ? sum / norm : 0;
    for (size_t l = 0; l < n; l++)
        left += discover_square(matrix_at(candidate, k, l) -
                                complex_times(*a, complex_times(transform_at(candidate, k, l), candidate->b[l])));
    return left;
}

/* b from all rows, the sums of `room` in parts. */
static void fit_columns(struct candidate *candidate, number *room)
{
    size_t m = candidate->matrix->rows, n = candidate->matrix->columns;
    for (size_t l = 0; l < 4 * n; l++)
        room[l] = 0;
    number *sums = room, *norms = room + n, *part = room + 2 * n, *own = room + 3 * n;
    for (size_t k = 0; k < m; k++) {
        for (size_t l = 0; l < n; l++) {
            number model = complex_times(candidate->a[k], transform_at(candidate, k, l));
            part[l] += complex_times(conj(model), matrix_at(candidate, k, l));
            own[l] += discover_square(model);
        }
        for (size_t l = 0; (k % PART == PART - 1 || k == m - 1) && l < n; l++) {
            sums[l] += part[l], norms[l] += own[l];
            part[l] = own[l] = 0;
        }
    }
    for (size_t l = 0; l < n; l++)
        candidate->b[l] = creal(norms[l]) > 0 ? sums[l] / creal(norms[l]) : 0;
}

/* Equal numbers become one and go to the left, ones but for rounding become ones. */
static void settle(struct candidate *candidate, double near)
{
    size_t m = candidate->matrix->rows, n = candidate->matrix->columns;
    number mean;
    (void)discover_move_factor(candidate->b, n, near, candidate->a, m);
    if (discover_spread(candidate->a, m, &mean) <= near * cabs(mean))
        for (size_t k = 0; k < m; k++)
            candidate->a[k] = cabs(mean - 1) <= near ? 1 : mean;
}

/* Rows of the transform, scaled. */
static const struct discover_operator *selection(struct discovery *discovery, const struct candidate *candidate)
{
    size_t m = candidate->matrix->rows, n = candidate->matrix->columns;
    struct discover_operator *op = discover_leaf(discovery->arena, DISCOVER_SPARSE, m, n, 1, (const size_t[4]){m});
    if (!op || !(op->table = ARENA_ARRAY(discovery->arena, 2 * m, int64_t)))
        return NULL;
    op->n_table = 2 * m;
    for (size_t k = 0; k < m; k++) {
        op->numbers[k] = candidate->a[k];
        op->table[2 * k] = (int64_t)k;
        op->table[2 * k + 1] = (int64_t)candidate->chosen[k];
    }
    return op;
}

static const struct discover_operator *as_operator(struct discovery *discovery, const struct candidate *candidate)
{
    size_t n = candidate->matrix->columns;
    struct discover_operator *named = discover_node(discovery->arena, DISCOVER_NAMED, n, n);
    const struct discover_operator *parts[5] = {NULL, NULL, named, discover_diagonal(discovery->arena, n, candidate->b), NULL};
    size_t *places = ARENA_ARRAY(discovery->scratch, n, size_t);
    if (!named || !places)
        return NULL;
    named->transform = candidate->roots.transform;
    named->conjugate = candidate->conjugate;
    named->transposed = candidate->transposed;
    if (candidate->chosen) {
        const struct discover_operator *some[3] = {selection(discovery, candidate), named, parts[3]};
        return discover_combine(discovery->arena, DISCOVER_PRODUCT, 3, some);
    }
    parts[1] = discover_diagonal(discovery->arena, n, candidate->a);
    for (size_t k = 0; k < n; k++)
        places[candidate->rows ? candidate->rows[k] : k] = k;
    parts[0] = discover_permutation(discovery->arena, n, places); /* row rows[k] of W is row k of T */
    for (size_t k = 0; k < n; k++)
        places[k] = candidate->columns ? candidate->columns[k] : k;
    parts[4] = discover_permutation(discovery->arena, n, places);
    return discover_combine(discovery->arena, DISCOVER_PRODUCT, 5, parts);
}

static double row_size(const struct candidate *candidate, size_t k)
{
    double sum = 0;
    for (size_t l = 0; l < candidate->matrix->columns; l++)
        sum += discover_square(matrix_at(candidate, k, l));
    return sum;
}

static size_t largest_row(const struct candidate *candidate)
{
    size_t largest = 0;
    double most = 0;
    for (size_t k = 0; k < candidate->matrix->rows; k++) {
        double size = row_size(candidate, k);
        if (size > most) {
            most = size;
            largest = k;
        }
    }
    return largest;
}

/* The operator that the candidate is, or NULL: a few rows are looked at first. */
static const struct discover_operator *fitted(struct discovery *discovery, struct candidate *candidate)
{
    size_t m = candidate->matrix->rows, n = candidate->matrix->columns;
    double permitted = discovery->tolerance * discovery->norm, sum = 0, worst = 0;
    number mean = 0;
    uint64_t state = 3;
    number *room = ARENA_ARRAY(discovery->scratch, 4 * n, number);
    candidate->a = ARENA_ARRAY(discovery->scratch, m, number);
    candidate->b = ARENA_ARRAY(discovery->scratch, n, number);
    if (!candidate->a || !candidate->b || !room)
        return NULL;
    size_t first = candidate->roots.transform->kind == DISCOVER_ROOTS ? largest_row(candidate) : 0;
    for (size_t l = 0; l < n; l++)
        candidate->b[l] = candidate->unscaled ? 1 : matrix_at(candidate, first, l) / transform_at(candidate, first, l);
    /* what rounding leaves of b may be as large as that row of W is small beside its others */
    double row = row_size(candidate, first);
    double loose = 4 * (double)n * discovery->tolerance;
    for (int probe = 0; probe < 3; probe++) {
        double size = 0, left = fit_row(candidate, 1 + discover_random(&state) % (m - 1), &mean);
        for (size_t l = 0; l < n; l++)
            size += discover_square(mean) * discover_square(candidate->b[l]);
        if (!(left <= (loose * loose + 1e-20) * (size + row)))
            return NULL;
    }
    for (int round = 0; round < 2; round++) {
        for (size_t k = 0; k < m; k++)
            (void)fit_row(candidate, k, &candidate->a[k]);
        fit_columns(candidate, room);
    }
    settle(candidate, 8 * discovery->tolerance);
    for (size_t k = 0; k < m; k++)
        for (size_t l = 0; l < n; l++)
            worst += discover_square(matrix_at(candidate, k, l) -
                                     complex_times(candidate->a[k], complex_times(transform_at(candidate, k, l), candidate->b[l])));
    sum = sqrt(worst);
    if (!(sum <= permitted)) {
        discover_missed(discovery, sum);
        return NULL;
    }
    return as_operator(discovery, candidate);
}

/* True: it was proposed. */
static bool try_candidate(struct discovery *discovery, struct candidate *candidate)
{
    const struct discover_operator *op = fitted(discovery, candidate);
    discover_offer(discovery, op);
    return op != NULL;
}

/* ---- orders ---- */

/* The weights that sums are taken with, of some 32 entries of a line: at places of no order, for columns of a wave that are half of
 * the transform apart are each other's negatives on every second row. */
static double weight(size_t k, size_t n, int which)
{
    uint64_t state = 0x9e3779b97f4a7c15u * (2 * (uint64_t)k + (uint64_t)which + 17);
    uint64_t place = (0x9e3779b97f4a7c15u * ((uint64_t)k + 1)) >> 32;
    place = (place ^ (place >> 15)) * 0x2c1b3c6du % n;
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u; /* Steele, Lea and Flood 2014 */
    state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
    return n <= 64 || place < 32 ? (double)(state >> 32) / 4294967296.0 + 0.25 : 0;
}

/* Of each column (or row) the ratio of two sums of its entries, sorted. */
static bool find_keys(const struct candidate *candidate, bool of_transform, bool rows, struct discover_key *keys)
{
    size_t n = candidate->matrix->columns, lines = of_transform ? n : candidate->matrix->rows;
    for (size_t at = 0; at < lines; at++) {
        number sums[2] = {0, 0};
        for (size_t k = 0; k < n; k++) {
            double first = weight(k, n, 0);
            if (first == 0)
                continue;
            size_t row = rows ? at : k, column = rows ? k : at;
            number value = of_transform ? transform_at(candidate, row, column) : candidate->matrix->numbers[row * n + column];
            sums[0] += first * value;
            sums[1] += weight(k, n, 1) * value;
        }
        if (sums[1] == 0)
            return false;
        number ratio = sums[0] / sums[1];
        keys[at] = (struct discover_key){creal(ratio) + 0.6180339887 * cimag(ratio), 0, at};
    }
    discover_sort(keys, lines);
    return true;
}

/* The order of the columns (or rows) by their keys; false: the keys are others. */
static bool sorted_order(struct discovery *discovery, const struct candidate *candidate, const struct discover_key *keys, bool rows,
                         size_t *order)
{
    size_t n = candidate->matrix->columns;
    struct discover_key *wanted = ARENA_ARRAY(discovery->scratch, n, struct discover_key);
    if (!wanted || !find_keys(candidate, true, rows, wanted))
        return false;
    for (size_t k = 0; k < n; k++) {
        if (fabs(wanted[k].value - keys[k].value) > 1e-3 * (fabs(wanted[k].value) + 1e-3))
            return false;
        order[wanted[k].index] = keys[k].index;
    }
    return true;
}

/* Of the Fourier transform: column l is where row 1 has turned from row 0 by l steps; where rows are scaled counted from column 0.
 */
static bool turned_order(const struct discover_matrix *matrix, bool rows, bool scaled, size_t *order)
{
    size_t n = matrix->columns;
    number first = 1;
    for (size_t l = 0; l < n; l++)
        order[l] = SIZE_MAX;
    for (size_t l = 0; l < n; l++) {
        number before = matrix->numbers[rows ? l * n : l], behind = matrix->numbers[rows ? l * n + 1 : n + l];
        if (before == 0)
            return false;
        number ratio = behind / before;
        first = scaled && l == 0 ? ratio : first;
        ratio /= first;
        double turns = -carg(ratio) / 6.283185307179586 * (double)n;
        if (!(fabs(cabs(ratio) - 1) < 0.1) || fabs(turns - round(turns)) > 0.1)
            return false;
        size_t place = (size_t)((int64_t)round(turns) + (int64_t)n) % n;
        if (order[place] != SIZE_MAX)
            return false;
        order[place] = l;
    }
    return true;
}

/* Of signs, whatever scales rows and columns: W[k,l] W[0,0] / (W[k,0] W[0,l]) are those of a row whose number has a binary digit 1
 * where they are negative at column 2^digit. */
static bool signs_order(const struct discover_matrix *matrix, bool rows, size_t *order)
{
    size_t n = matrix->columns;
    const number *w = matrix->numbers;
    for (size_t k = 0; k < n; k++)
        order[k] = SIZE_MAX;
    for (size_t k = 0; k < n; k++) {
        size_t place = 0;
        for (size_t l = 1; l < n; l *= 2) {
            double sign = creal(w[0]) * creal(rows ? w[k * n + l] : w[l * n + k]) * creal(rows ? w[k * n] : w[k]) *
                          creal(rows ? w[l] : w[l * n]);
            if (sign == 0)
                return false;
            place |= sign < 0 ? l : 0;
        }
        if (order[place] != SIZE_MAX)
            return false;
        order[place] = k;
    }
    return true;
}

static bool try_orders(struct discovery *discovery, struct candidate *candidate, const struct discover_key *const keys[2])
{
    size_t n = candidate->matrix->columns, *order = ARENA_ARRAY(discovery->scratch, n, size_t);
    enum discover_transform_kind kind = candidate->roots.transform->kind;
    for (int rows = 0; order && rows < 2; rows++) {
        bool found;
        if (kind == DISCOVER_ROOTS)
            found = turned_order(candidate->matrix, rows, false, order) || turned_order(candidate->matrix, rows, true, order);
        else if (kind == DISCOVER_SIGNS)
            found = signs_order(candidate->matrix, rows, order);
        else
            found = keys[rows] && sorted_order(discovery, candidate, keys[rows], rows, order);
        if (!found)
            continue;
        candidate->rows = rows ? order : NULL;
        candidate->columns = rows ? NULL : order;
        if (try_candidate(discovery, candidate))
            return true;
        candidate->rows = candidate->columns = NULL;
    }
    return false;
}

/* The transform's rows that are nearest to the matrix's by their keys. */
static bool nearest_rows(struct discovery *discovery, struct candidate *candidate, const struct discover_key *keys, size_t *chosen)
{
    size_t m = candidate->matrix->rows, n = candidate->matrix->columns, at = 0;
    struct discover_key *all = ARENA_ARRAY(discovery->scratch, n, struct discover_key);
    candidate->chosen = NULL;
    if (!all || !find_keys(candidate, true, true, all))
        return false;
    for (size_t k = 0; k < m; k++) {
        while (at + 1 < n && fabs(all[at + 1].value - keys[k].value) <= fabs(all[at].value - keys[k].value))
            at++;
        chosen[keys[k].index] = all[at].index;
    }
    return true;
}

/* Some rows of this transform: the first ones, or (their keys are given) any that are not scaled along columns. */
static const struct discover_operator *some_rows(struct discovery *discovery, struct candidate *candidate,
                                                 const struct discover_key *keys)
{
    size_t m = candidate->matrix->rows, *chosen = ARENA_ARRAY(discovery->scratch, m, size_t);
    for (size_t k = 0; chosen && k < m; k++)
        chosen[k] = k;
    for (int any = 0; chosen && any < (keys ? 2 : 1); any++) {
        if (any && !nearest_rows(discovery, candidate, keys, chosen))
            continue;
        candidate->chosen = chosen;
        candidate->unscaled = any;
        const struct discover_operator *op = fitted(discovery, candidate);
        if (op)
            return op;
    }
    return NULL;
}

/* All rows of a transform are looked at: of longer ones that takes longer than the matrix. */
enum { MOST_LENGTH = 1 << 13 };

/* Some rows, or some columns, of a transform. */
static void try_parts(struct discovery *discovery)
{
    const struct discover_matrix *matrix = discovery->matrix;
    struct discover_matrix wide = *matrix;
    struct candidate candidate = {.matrix = &wide};
    size_t count;
    const struct discover_transform *transforms = discover_transforms(&count);
    bool turned = matrix->rows > matrix->columns;
    if (turned) {
        wide = (struct discover_matrix){matrix->columns, matrix->rows, NULL, matrix->real};
        wide.numbers = ARENA_ARRAY(discovery->scratch, wide.rows * wide.columns, number);
        for (size_t k = 0; wide.numbers && k < wide.rows * wide.columns; k++)
            wide.numbers[k] = matrix->numbers[k % wide.columns * wide.rows + k / wide.columns];
    }
    struct discover_key *keys = ARENA_ARRAY(discovery->scratch, wide.rows, struct discover_key);
    if (!wide.numbers || !keys || wide.rows < 2 || wide.columns > MOST_LENGTH)
        return;
    keys = find_keys(&candidate, false, true, keys) ? keys : NULL;
    for (size_t k = 0; k < count; k++) {
        bool roots = transforms[k].kind == DISCOVER_ROOTS;
        if (!discover_transform_fits(&transforms[k], wide.columns) || (roots && matrix->real) ||
            !discover_roots_create(discovery->scratch, &transforms[k], wide.columns, &candidate.roots))
            continue;
        for (int other = 0; other < 2; other++) { /* complex ones conjugated, real ones transposed */
            candidate.conjugate = roots && other;
            candidate.transposed = !roots && turned != other;
            const struct discover_operator *op = some_rows(discovery, &candidate, keys);
            if (op) {
                discover_offer(discovery, turned ? discover_transposed(discovery->arena, op) : op);
                return;
            }
        }
    }
}

void discover_named(struct discovery *discovery)
{
    size_t count, n = discovery->matrix->rows;
    const struct discover_transform *transforms = discover_transforms(&count);
    struct candidate candidate = {.matrix = discovery->matrix};
    if (discovery->options->no_names || n < 4 || discovery->matrix->columns < 4)
        return;
    if (n != discovery->matrix->columns) {
        try_parts(discovery);
        return;
    }
    const struct discover_key *keys[2] = {NULL, NULL};
    for (int ordered = 0; ordered < 2; ordered++) {
        for (int rows = 0; ordered && rows < 2; rows++) {
            struct discover_key *own = ARENA_ARRAY(discovery->scratch, n, struct discover_key);
            keys[rows] = own && find_keys(&candidate, false, rows, own) ? own : NULL;
        }
        for (size_t k = 0; k < count; k++) {
            bool roots = transforms[k].kind == DISCOVER_ROOTS;
            if (!discover_transform_fits(&transforms[k], n) || (roots && discovery->matrix->real) ||
                !discover_roots_create(discovery->scratch, &transforms[k], n, &candidate.roots))
                continue;
            for (int conjugate = 0; conjugate <= (roots && !ordered); conjugate++) {
                candidate.conjugate = conjugate;
                if (ordered ? try_orders(discovery, &candidate, keys) : try_candidate(discovery, &candidate))
                    return;
            }
            candidate.conjugate = false;
        }
    }
}
