/* The entries of operators: what a certificate is measured on. A product begins with the part whose entries have to be formed, and
 * applies the others to it from both sides. */
#include "discover.h"

#include <string.h>

static bool room(struct arena *arena, size_t rows, size_t columns, struct discover_matrix *matrix)
{
    *matrix = (struct discover_matrix){rows, columns, ARENA_ARRAY(arena, rows * columns, number), false};
    for (size_t k = 0; matrix->numbers && k < rows * columns; k++)
        matrix->numbers[k] = 0;
    return matrix->numbers != NULL;
}

static void add_leaf(const struct discover_operator *op, struct discover_matrix *entries)
{
    size_t m = op->rows, n = op->columns;
    number *at = entries->numbers;
    const number *own = op->numbers;
    for (size_t k = 0; op->kind == DISCOVER_SPARSE && k < discover_count(op); k++)
        at[(size_t)op->table[2 * k] * n + (size_t)op->table[2 * k + 1]] += own[k];
    for (size_t k = 0; op->kind == DISCOVER_BANDED && k < op->n_table; k++)
        for (size_t i = 0; i < m; i++) {
            int64_t j = (int64_t)i + op->table[k];
            if (j >= 0 && j < (int64_t)n)
                at[i * n + (size_t)j] += own[k * m + i];
        }
    if (op->kind == DISCOVER_KS) {
        size_t a = op->shape[0], b = op->shape[1], c = op->shape[2], d = op->shape[3];
        for (size_t k = 0; k < a * b * c * d; k++) {
            size_t q = k % d, j = k / d % c, i = k / (d * c) % b, p = k / (d * c * b);
            at[((p * b + i) * d + q) * n + (p * c + j) * d + q] = own[k];
        }
    }
}

/* `roots`: of a transform. */
static number entry(const struct discover_operator *op, const struct discover_roots *roots, size_t i, size_t j)
{
    size_t n = op->columns;
    switch (op->kind) {
    case DISCOVER_DENSE:
        return op->numbers[i * n + j];
    case DISCOVER_IDENTITY:
        return i == j;
    case DISCOVER_DIAGONAL:
        return i == j ? op->numbers[i] : 0;
    case DISCOVER_PERM:
        return op->table[i] == (int64_t)j;
    case DISCOVER_TOEPLITZ:
        return op->numbers[i + n - 1 - j];
    case DISCOVER_HANKEL:
        return op->numbers[i + j];
    case DISCOVER_CIRCULANT:
        return op->numbers[(i + n - j) % n];
    default: {
        number value = discover_transform_entry(roots, op->transposed ? j : i, op->transposed ? i : j);
        return op->conjugate ? conj(value) : value;
    }
    }
}

static bool kron_entries(struct arena *arena, const struct discover_operator *op, struct discover_matrix *entries)
{
    struct discover_matrix sofar, part, both;
    if (!discover_entries(arena, op->parts[0], &sofar))
        return false;
    for (size_t k = 1; k < op->n_parts; k++, sofar = both) {
        if (!discover_entries(arena, op->parts[k], &part) ||
            !room(arena, sofar.rows * part.rows, sofar.columns * part.columns, &both))
            return false;
        for (size_t i = 0; i < both.rows; i++)
            for (size_t j = 0; j < sofar.columns; j++) {
                number factor = sofar.numbers[i / part.rows * sofar.columns + j];
                const number *row = &part.numbers[i % part.rows * part.columns];
                for (size_t l = 0; l < part.columns; l++)
                    both.numbers[i * both.columns + j * part.columns + l] = complex_times(factor, row[l]);
            }
    }
    *entries = sofar;
    return true;
}

/* ---- products ---- */

static bool times_dense(struct arena *arena, const struct discover_matrix *a, const struct discover_matrix *b,
                        struct discover_matrix *product)
{
    if (!room(arena, a->rows, b->columns, product))
        return false;
    for (size_t i = 0; i < a->rows; i++)
        for (size_t k = 0; k < a->columns; k++) {
            number factor = a->numbers[i * a->columns + k];
            number *to = &product->numbers[i * b->columns];
            const number *from = &b->numbers[k * b->columns];
            if (factor != 0)
                for (size_t j = 0; j < b->columns; j++)
                    to[j] += complex_times(factor, from[j]);
        }
    return true;
}

/* An operator that is applied without its entries: a diagonal, a permutation, or blocks of b x c, [a, b, c, d] in number or one for
 * all of them. */
struct factor {
    const struct discover_operator *op;
    size_t rows, columns, b, c, d;
    const number *numbers;
    bool tied;
};

static struct factor factor_of(const struct discover_operator *op)
{
    return (struct factor){op, op->rows, op->columns, op->shape[1], op->shape[2], op->shape[3], op->numbers, false};
}

static const number *block_of(const struct factor *factor, size_t p, size_t i, size_t j)
{
    return &factor->numbers[factor->tied ? i * factor->c + j : ((p * factor->b + i) * factor->c + j) * factor->d];
}

/* Part k of a Kronecker product, the parts behind it applied before it. */
static bool kron_factor(struct arena *arena, const struct discover_operator *op, size_t k, struct factor *factor)
{
    struct discover_matrix part;
    size_t before = 1, behind = 1;
    if (!discover_entries(arena, op->parts[k], &part))
        return false;
    for (size_t l = 0; l < op->n_parts; l++) {
        before *= l < k ? op->parts[l]->columns : 1;
        behind *= l > k ? op->parts[l]->rows : 1;
    }
    *factor = (struct factor){
        NULL, before * part.rows * behind, before * part.columns * behind, part.rows, part.columns, behind, part.numbers, true};
    return true;
}

/* Columns that are turned at a time, where the result takes the place of what it is of. */
enum { PANEL = 64 };

/* to = factor from, `width` columns of matrices of so many columns. */
static void apply_to_panel(const struct factor *factor, const number *from, size_t from_columns, number *to, size_t to_columns,
                           size_t width)
{
    size_t c = factor->c, b = factor->b, d = factor->d;
    for (size_t i = 0; i < factor->rows; i++, to += to_columns) {
        if (factor->op && factor->op->kind == DISCOVER_PERM) {
            memcpy(to, &from[(size_t)factor->op->table[i] * from_columns], width * sizeof *to);
            continue;
        }
        if (factor->op && factor->op->kind == DISCOVER_DIAGONAL) {
            for (size_t l = 0; l < width; l++)
                to[l] = complex_times(factor->numbers[i], from[i * from_columns + l]);
            continue;
        }
        size_t q = i % d, own = i / d % b, p = i / (d * b);
        for (size_t l = 0; l < width; l++)
            to[l] = 0;
        for (size_t j = 0; j < c; j++) {
            number number_at = block_of(factor, p, own, j)[factor->tied ? 0 : q];
            const number *row = &from[((p * c + j) * d + q) * from_columns];
            for (size_t l = 0; l < width; l++)
                to[l] += complex_times(number_at, row[l]);
        }
    }
}

static bool factor_from_left(struct arena *arena, const struct factor *factor, struct discover_matrix *matrix)
{
    struct discover_matrix result, panel;
    size_t n = matrix->columns;
    if (factor->rows != factor->columns) {
        if (!room(arena, factor->rows, n, &result))
            return false;
        apply_to_panel(factor, matrix->numbers, n, result.numbers, n, n);
        *matrix = result;
        return true;
    }
    if (!room(arena, factor->rows, PANEL, &panel))
        return false;
    for (size_t begin = 0, width; begin < n; begin += width) {
        width = n - begin < PANEL ? n - begin : PANEL;
        for (size_t i = 0; i < factor->rows; i++)
            memcpy(&panel.numbers[i * PANEL], &matrix->numbers[i * n + begin], width * sizeof *panel.numbers);
        apply_to_panel(factor, panel.numbers, PANEL, matrix->numbers + begin, n, width);
    }
    return true;
}

static bool has_own_way(const struct discover_operator *op)
{
    return op->kind == DISCOVER_KS || op->kind == DISCOVER_DIAGONAL || op->kind == DISCOVER_PERM;
}

static bool from_left(struct arena *arena, const struct discover_operator *op, struct discover_matrix *matrix)
{
    struct discover_matrix result, entries;
    struct factor factor = factor_of(op);
    if (has_own_way(op))
        return factor_from_left(arena, &factor, matrix);
    for (size_t k = op->n_parts; op->kind == DISCOVER_KRON && k-- > 0;)
        if (op->parts[k]->kind != DISCOVER_IDENTITY &&
            (!kron_factor(arena, op, k, &factor) || !factor_from_left(arena, &factor, matrix)))
            return false;
    if (op->kind == DISCOVER_KRON)
        return true;
    if (!discover_entries(arena, op, &entries) || !times_dense(arena, &entries, matrix, &result))
        return false;
    *matrix = result;
    return true;
}

/* to = from factor, rows. */
static void row_times(const struct factor *factor, const number *from, number *to)
{
    size_t b = factor->b, c = factor->c, d = factor->d, n = factor->columns;
    const struct discover_operator *op = factor->op;
    bool diagonal = op && op->kind == DISCOVER_DIAGONAL, perm = op && op->kind == DISCOVER_PERM;
    for (size_t j = 0; j < n; j++) {
        if (diagonal)
            to[j] = complex_times(from[j], factor->numbers[j]);
        else if (perm)
            to[op->table[j]] = from[j];
        else
            to[j] = 0;
    }
    for (size_t p = 0; !diagonal && !perm && p < factor->rows / (b * d); p++)
        for (size_t i = 0; i < b; i++)
            for (size_t j = 0; j < c; j++) {
                const number *own = block_of(factor, p, i, j);
                for (size_t q = 0; q < d; q++)
                    to[(p * c + j) * d + q] += complex_times(from[(p * b + i) * d + q], own[factor->tied ? 0 : q]);
            }
}

static bool factor_from_right(struct arena *arena, const struct factor *factor, struct discover_matrix *matrix)
{
    struct discover_matrix result;
    size_t n = matrix->columns;
    bool in_place = factor->columns == n;
    if (!room(arena, in_place ? 1 : matrix->rows, factor->columns, &result))
        return false;
    for (size_t i = 0; i < matrix->rows; i++) {
        number *from = matrix->numbers + i * n, *to = in_place ? result.numbers : result.numbers + i * factor->columns;
        row_times(factor, from, to);
        if (in_place)
            memcpy(from, to, n * sizeof *from);
    }
    if (!in_place)
        *matrix = result;
    return true;
}

static bool from_right(struct arena *arena, const struct discover_operator *op, struct discover_matrix *matrix)
{
    struct discover_matrix result, entries;
    struct factor factor = factor_of(op);
    if (has_own_way(op))
        return factor_from_right(arena, &factor, matrix);
    if (!discover_entries(arena, op, &entries) || !times_dense(arena, matrix, &entries, &result))
        return false;
    *matrix = result;
    return true;
}

/* ---- Toeplitz times Toeplitz ---- */

static bool is_shifted(const struct discover_operator *op)
{
    return op->kind == DISCOVER_TOEPLITZ || op->kind == DISCOVER_CIRCULANT;
}

static void add_product(long double sum[2], number a, number b, int sign)
{
    sum[0] += sign * ((long double)creal(a) * creal(b) - (long double)cimag(a) * cimag(b));
    sum[1] += sign * ((long double)creal(a) * cimag(b) + (long double)cimag(a) * creal(b));
}

/* The product's diagonal from (i, j) on: from one entry to the next a term leaves the sum and one comes. */
static void shifted_diagonal(const struct discover_operator *a, const struct discover_operator *b, size_t i, size_t j,
                             struct discover_matrix *product)
{
    size_t last = a->columns - 1;
    long double sum[2] = {0, 0};
    for (size_t k = 0; k <= last; k++)
        add_product(sum, entry(a, NULL, i, k), entry(b, NULL, k, j), 1);
    for (;; i++, j++) {
        product->numbers[i * product->columns + j] = complex_of((double)sum[0], (double)sum[1]);
        if (i + 1 == product->rows || j + 1 == product->columns)
            return;
        add_product(sum, entry(a, NULL, i, last), entry(b, NULL, last, j), -1);
        add_product(sum, entry(a, NULL, i + 1, 0), entry(b, NULL, 0, j + 1), 1);
    }
}

static bool shifted_times_shifted(struct arena *arena, const struct discover_operator *a, const struct discover_operator *b,
                                  struct discover_matrix *product)
{
    if (!room(arena, a->rows, b->columns, product))
        return false;
    for (size_t i = 0; i < a->rows; i++)
        shifted_diagonal(a, b, i, 0, product);
    for (size_t j = 1; j < b->columns; j++)
        shifted_diagonal(a, b, 0, j, product);
    return true;
}

/* ---- what a matrix has at some places ---- */

/* Is it, from part k on, some rows and columns of a matrix whose entries are known one by one? */
static bool is_picked(const struct discover_operator *op, size_t k)
{
    return k + 2 < op->n_parts && op->parts[k]->kind == DISCOVER_SPARSE && is_shifted(op->parts[k + 1]) &&
           op->parts[k + 2]->kind == DISCOVER_SPARSE;
}

static bool picked(struct arena *arena, const struct discover_operator *left, const struct discover_operator *middle,
                   const struct discover_operator *right, struct discover_matrix *entries)
{
    if (!room(arena, left->rows, right->columns, entries))
        return false;
    for (size_t k = 0; k < discover_count(left); k++)
        for (size_t l = 0; l < discover_count(right); l++) {
            number *to = &entries->numbers[(size_t)left->table[2 * k] * right->columns + (size_t)right->table[2 * l + 1]];
            *to += complex_times(complex_times(left->numbers[k], right->numbers[l]),
                                 entry(middle, NULL, (size_t)left->table[2 * k + 1], (size_t)right->table[2 * l]));
        }
    return true;
}

/* ---- */

/* The part whose entries are formed: the last that turns or scales nothing and is not as sparse as factors are, if there is one. */
static size_t start_of(const struct discover_operator *op)
{
    size_t start = op->n_parts - 1;
    for (int any = 0; any < 2; any++)
        for (size_t k = op->n_parts; k-- > 0;) {
            enum discover_kind kind = op->parts[k]->kind;
            if (kind != DISCOVER_DIAGONAL && kind != DISCOVER_PERM && (any || kind != DISCOVER_KS))
                return k;
        }
    return start;
}

static bool product_entries(struct arena *arena, const struct discover_operator *op, struct discover_matrix *entries)
{
    size_t start = start_of(op), before = start, first = 0;
    while (first + 2 < op->n_parts && !is_picked(op, first))
        first++;
    if (is_picked(op, first)) {
        before = first, start = first + 2;
        if (!picked(arena, op->parts[first], op->parts[first + 1], op->parts[start], entries))
            return false;
    } else if (start > 0 && is_shifted(op->parts[start]) && is_shifted(op->parts[start - 1])) {
        before = start - 1;
        if (!shifted_times_shifted(arena, op->parts[before], op->parts[start], entries))
            return false;
    } else if (!discover_entries(arena, op->parts[start], entries)) {
        return false;
    }
    for (size_t k = before; k-- > 0;)
        if (!from_left(arena, op->parts[k], entries))
            return false;
    for (size_t k = start + 1; k < op->n_parts; k++)
        if (!from_right(arena, op->parts[k], entries))
            return false;
    return true;
}

static bool sum_entries(struct arena *arena, const struct discover_operator *op, struct discover_matrix *entries)
{
    struct discover_matrix part;
    if (!room(arena, op->rows, op->columns, entries))
        return false;
    for (size_t k = 0; k < op->n_parts; k++) {
        if (!discover_entries(arena, op->parts[k], &part))
            return false;
        for (size_t l = 0; l < op->rows * op->columns; l++)
            entries->numbers[l] += part.numbers[l];
    }
    return true;
}

bool discover_entries(struct arena *arena, const struct discover_operator *op, struct discover_matrix *entries)
{
    switch (op->kind) {
    case DISCOVER_KRON:
        return kron_entries(arena, op, entries);
    case DISCOVER_PRODUCT:
        return product_entries(arena, op, entries);
    case DISCOVER_SUM:
        return sum_entries(arena, op, entries);
    case DISCOVER_SPARSE:
    case DISCOVER_BANDED:
    case DISCOVER_KS:
        return room(arena, op->rows, op->columns, entries) && (add_leaf(op, entries), true);
    default: {
        struct discover_roots roots;
        if (!room(arena, op->rows, op->columns, entries) ||
            (op->kind == DISCOVER_NAMED && !discover_roots_create(arena, op->transform, op->rows, &roots)))
            return false;
        for (size_t i = 0; i < op->rows; i++)
            for (size_t j = 0; j < op->columns; j++)
                entries->numbers[i * op->columns + j] = entry(op, &roots, i, j);
        return true;
    }
    }
}
