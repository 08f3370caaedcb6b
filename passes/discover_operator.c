/* Operators that discovery proposes: trees of the language's constructors over numbers. Making them, their entries, their cost. */
#include "discover.h"

#include <math.h>
#include <string.h>

static const struct discover_transform transforms[] = {
#define FAMILY(name, meaning)
#define TENSOR_FAMILY(name, meaning)
#define NAMED(name, kind, re, im, a, b, c, d, f, g, ends) {#name, DISCOVER_##kind, re, im, a, b, c, d, f, g, DISCOVER_##ends},
#include "discover.def"
};

const struct discover_transform *discover_transforms(size_t *count)
{
    *count = sizeof transforms / sizeof *transforms;
    return transforms;
}

bool discover_transform_fits(const struct discover_transform *transform, size_t n)
{
    return n > 1 && n < INT32_MAX && (transform->kind != DISCOVER_SIGNS || (n & (n - 1)) == 0);
}

bool discover_roots_create(struct arena *arena, const struct discover_transform *transform, size_t n, struct discover_roots *roots)
{
    size_t order = (size_t)(transform->f * (int64_t)n + transform->g);
    *roots = (struct discover_roots){transform, n, order, NULL};
    if (transform->kind == DISCOVER_SIGNS)
        return true;
    roots->values = ARENA_ARRAY(arena, order, number);
    for (size_t k = 0; roots->values && k < order; k++) {
        double re, im;
        ir_root((int64_t)k, (int64_t)order, &re, &im);
        roots->values[k] =
            transform->kind == DISCOVER_ROOTS ? complex_of(re, im) : complex_of(transform->re * re - transform->im * im, 0);
    }
    return roots->values != NULL;
}

number discover_transform_entry(const struct discover_roots *roots, size_t row, size_t column)
{
    const struct discover_transform *transform = roots->transform;
    if (transform->kind == DISCOVER_SIGNS) {
        bool odd = false;
        for (size_t both = row & column; both; both &= both - 1)
            odd = !odd;
        return odd ? -1 : 1;
    }
    size_t k = (size_t)transform->a * row + (size_t)transform->b, l = (size_t)transform->c * column + (size_t)transform->d;
    number value = roots->values[k * l % roots->order];
    bool halved = (column == 0 && (transform->ends == DISCOVER_FIRST || transform->ends == DISCOVER_BOTH)) ||
                  (column == roots->n - 1 && (transform->ends == DISCOVER_LAST || transform->ends == DISCOVER_BOTH));
    return halved ? value / 2 : value;
}

/* ---- making ---- */

struct discover_operator *discover_node(struct arena *arena, enum discover_kind kind, size_t rows, size_t columns)
{
    struct discover_operator *op = ARENA_NEW(arena, struct discover_operator);
    if (op)
        *op = (struct discover_operator){.kind = kind, .rows = rows, .columns = columns, .real = true};
    return op;
}

size_t discover_count(const struct discover_operator *op)
{
    size_t count = op->rank ? 1 : 0;
    for (uint32_t axis = 0; axis < op->rank; axis++)
        count *= op->shape[axis];
    return count;
}

struct discover_operator *discover_leaf(struct arena *arena, enum discover_kind kind, size_t rows, size_t columns, uint32_t rank,
                                        const size_t shape[4])
{
    struct discover_operator *op = discover_node(arena, kind, rows, columns);
    if (!op)
        return NULL;
    op->rank = rank;
    memcpy(op->shape, shape, rank * sizeof *shape);
    size_t count = discover_count(op);
    op->numbers = ARENA_ARRAY(arena, count, number);
    for (size_t k = 0; op->numbers && k < count; k++)
        op->numbers[k] = 0;
    return op->numbers ? op : NULL;
}

const struct discover_operator *discover_combine(struct arena *arena, enum discover_kind kind, size_t count,
                                                 const struct discover_operator *const *parts)
{
    size_t room = 0, n = 0, rows = kind == DISCOVER_KRON ? 1 : 0, columns = rows;
    for (size_t k = 0; k < count; k++) {
        if (!parts[k])
            return NULL;
        room += parts[k]->kind == kind ? parts[k]->n_parts : 1;
    }
    const struct discover_operator **flat = ARENA_ARRAY(arena, room, const struct discover_operator *);
    if (!flat || !count)
        return NULL;
    for (size_t k = 0; k < count; k++) {
        bool within = parts[k]->kind == kind;
        for (size_t l = 0; l < (within ? parts[k]->n_parts : 1); l++) {
            const struct discover_operator *part = within ? parts[k]->parts[l] : parts[k];
            if (kind != DISCOVER_PRODUCT || part->kind != DISCOVER_IDENTITY)
                flat[n++] = part;
        }
        rows = kind == DISCOVER_KRON ? rows * parts[k]->rows : parts[0]->rows;
        columns = kind == DISCOVER_KRON ? columns * parts[k]->columns : parts[count - 1]->columns;
    }
    if (n <= 1)
        return n ? flat[0] : parts[0];
    struct discover_operator *op = discover_node(arena, kind, rows, columns);
    if (op)
        op->n_parts = n, op->parts = flat;
    return op;
}

const struct discover_operator *discover_permutation(struct arena *arena, size_t n, const size_t *columns)
{
    struct discover_operator *op = discover_node(arena, DISCOVER_PERM, n, n);
    bool moved = false;
    if (!op || !(op->table = ARENA_ARRAY(arena, n, int64_t)))
        return NULL;
    op->n_table = n;
    for (size_t k = 0; k < n; k++) {
        op->table[k] = (int64_t)columns[k];
        moved |= columns[k] != k;
    }
    return moved ? op : discover_node(arena, DISCOVER_IDENTITY, n, n);
}

const struct discover_operator *discover_diagonal(struct arena *arena, size_t n, const number *numbers)
{
    bool ones = true;
    for (size_t k = 0; k < n; k++)
        ones = ones && creal(numbers[k]) == 1 && cimag(numbers[k]) == 0;
    if (ones)
        return discover_node(arena, DISCOVER_IDENTITY, n, n);
    struct discover_operator *op = discover_leaf(arena, DISCOVER_DIAGONAL, n, n, 1, (const size_t[4]){n});
    if (op)
        memcpy(op->numbers, numbers, n * sizeof *numbers);
    return op;
}

const struct discover_operator *discover_dense(struct arena *arena, size_t rows, size_t columns, const number *numbers)
{
    struct discover_operator *op = discover_leaf(arena, DISCOVER_DENSE, rows, columns, 2, (const size_t[4]){rows, columns});
    if (op)
        memcpy(op->numbers, numbers, rows * columns * sizeof *numbers);
    return op;
}

const struct discover_operator *discover_rounded(struct arena *arena, const struct discover_operator *op, enum ir_elem elem)
{
    struct discover_operator *rounded = op ? ARENA_NEW(arena, struct discover_operator) : NULL;
    if (!rounded)
        return NULL;
    *rounded = *op;
    size_t count = discover_count(op);
    if (op->n_parts && !(rounded->parts = ARENA_ARRAY(arena, op->n_parts, const struct discover_operator *)))
        return NULL;
    for (size_t k = 0; k < op->n_parts; k++)
        if (!(rounded->parts[k] = discover_rounded(arena, op->parts[k], elem)))
            return NULL;
    if (count && !(rounded->numbers = ARENA_ARRAY(arena, count, number)))
        return NULL;
    enum ir_elem real = ir_elem_real(elem);
    rounded->real = op->kind != DISCOVER_NAMED || op->transform->kind != DISCOVER_ROOTS;
    for (size_t k = 0; k < count; k++) {
        number value = op->numbers[k];
        rounded->numbers[k] = complex_of(ir_round_real(real, creal(value)), ir_round_real(real, cimag(value)));
        rounded->real = rounded->real && cimag(rounded->numbers[k]) == 0;
    }
    for (size_t k = 0; k < op->n_parts; k++)
        rounded->real = rounded->real && rounded->parts[k]->real;
    return rounded;
}

/* ---- transposed ---- */

/* Where number k of the transposed operator comes from. */
static size_t transposed_place(const struct discover_operator *op, size_t k)
{
    size_t n = discover_count(op), b = op->shape[1], c = op->shape[2], d = op->shape[3];
    switch (op->kind) {
    case DISCOVER_DENSE:
        return k % op->rows * op->columns + k / op->rows;
    case DISCOVER_KS: /* [p, j, i, q] */
        return ((k / (d * b * c) * b + k / d % b) * c + k / (d * b) % c) * d + k % d;
    case DISCOVER_TOEPLITZ:
        return n - 1 - k;
    case DISCOVER_CIRCULANT:
        return (n - k) % n;
    default:
        return k;
    }
}

static bool transpose_table(struct arena *arena, const struct discover_operator *op, struct discover_operator *turned)
{
    turned->table = ARENA_ARRAY(arena, op->n_table, int64_t);
    if (!turned->table)
        return false;
    for (size_t k = 0; k < op->n_table; k++) {
        if (op->kind == DISCOVER_PERM)
            turned->table[op->table[k]] = (int64_t)k;
        else
            turned->table[k] = op->kind == DISCOVER_SPARSE ? op->table[k ^ 1] : -op->table[k];
    }
    for (size_t k = 0; op->kind == DISCOVER_BANDED && k < op->n_table; k++)
        for (size_t j = 0; j < op->rows; j++) {
            int64_t i = (int64_t)j - op->table[k];
            turned->numbers[k * op->rows + j] = i >= 0 && i < (int64_t)op->rows ? op->numbers[k * op->rows + (size_t)i] : 0;
        }
    return true;
}

static bool is_symmetric(const struct discover_transform *transform)
{
    return transform->a == transform->c && transform->b == transform->d && transform->ends == DISCOVER_NO_END;
}

const struct discover_operator *discover_transposed(struct arena *arena, const struct discover_operator *op)
{
    struct discover_operator *turned = op ? ARENA_NEW(arena, struct discover_operator) : NULL;
    if (!turned)
        return NULL;
    *turned = *op;
    turned->rows = op->columns, turned->columns = op->rows;
    turned->transposed = op->kind == DISCOVER_NAMED && !op->transposed && !is_symmetric(op->transform);
    size_t count = discover_count(op);
    if (count && !(turned->numbers = ARENA_ARRAY(arena, count, number)))
        return NULL;
    for (size_t k = 0; k < count; k++)
        turned->numbers[k] = op->numbers[transposed_place(op, k)];
    if (op->kind == DISCOVER_DENSE)
        turned->shape[0] = op->columns, turned->shape[1] = op->rows;
    if (op->kind == DISCOVER_KS)
        turned->shape[1] = op->shape[2], turned->shape[2] = op->shape[1];
    if (op->n_table && !transpose_table(arena, op, turned))
        return NULL;
    if (op->n_parts && !(turned->parts = ARENA_ARRAY(arena, op->n_parts, const struct discover_operator *)))
        return NULL;
    for (size_t k = 0; k < op->n_parts; k++) {
        size_t at = op->kind == DISCOVER_PRODUCT ? op->n_parts - 1 - k : k;
        if (!(turned->parts[at] = discover_transposed(arena, op->parts[k])))
            return NULL;
    }
    return turned;
}

/* ---- what it costs ---- */

static double transform_flops(const struct discover_operator *op)
{
    double n = (double)op->rows, length = log2(n);
    switch (op->transform->kind) {
    case DISCOVER_ROOTS:
        return 4 * n * length;
    case DISCOVER_WAVES:
        return 2 * n * length + 4 * n;
    default:
        return n * length;
    }
}

double discover_flops(const struct discover_operator *op, bool real)
{
    double product = real ? 2 : op->real ? 4 : 8, rows = (double)op->rows, columns = (double)op->columns, sum = 0;
    switch (op->kind) {
    case DISCOVER_IDENTITY:
    case DISCOVER_PERM:
        return 0;
    case DISCOVER_DIAGONAL:
        return rows * (real ? 1 : op->real ? 2 : 6);
    case DISCOVER_NAMED:
        return transform_flops(op) * (real || op->transform->kind == DISCOVER_ROOTS ? 1 : 2);
    case DISCOVER_TOEPLITZ:
    case DISCOVER_HANKEL:
    case DISCOVER_CIRCULANT: {
        double length = op->kind == DISCOVER_CIRCULANT ? rows : rows + columns - 1;
        double fast = (real ? 4 : 8) * length * log2(length) + (real ? 3 : 6) * length;
        return fmin(fast, product * rows * columns);
    }
    case DISCOVER_DENSE:
        return product * rows * columns;
    case DISCOVER_KRON: {
        double before = 1, behind = 1, cost = 0, forward = 0;
        /* from the left and from the right: a factor at a time, the others on the one side already applied */
        for (int way = 0; way < 2; way++) {
            cost = 0;
            for (size_t k = 0; k < op->n_parts; k++) {
                before = behind = 1;
                for (size_t l = 0; l < k; l++)
                    before *= (double)(way ? op->parts[l]->columns : op->parts[l]->rows);
                for (size_t l = k + 1; l < op->n_parts; l++)
                    behind *= (double)(way ? op->parts[l]->rows : op->parts[l]->columns);
                cost += before * behind * discover_flops(op->parts[k], real);
            }
            forward = way ? fmin(forward, cost) : cost;
        }
        return forward;
    }
    case DISCOVER_SUM:
        sum = ((double)op->n_parts - 1) * rows * (real ? 1 : 2);
        for (size_t k = 0; k < op->n_parts; k++)
            sum += discover_flops(op->parts[k], real);
        return sum;
    case DISCOVER_PRODUCT:
        for (size_t k = 0; k < op->n_parts; k++)
            sum += discover_flops(op->parts[k], real);
        return sum;
    default:
        return product * (double)discover_count(op);
    }
}

size_t discover_numbers(const struct discover_operator *op)
{
    size_t count = discover_count(op);
    for (size_t k = 0; k < op->n_parts; k++)
        count += discover_numbers(op->parts[k]);
    return count;
}

size_t discover_factors(const struct discover_operator *op)
{
    size_t count = 0;
    for (size_t k = 0; k < op->n_parts; k++) {
        size_t part = discover_factors(op->parts[k]);
        count = op->kind == DISCOVER_SUM ? (part > count ? part : count) : count + part;
    }
    return op->n_parts ? count : op->kind != DISCOVER_IDENTITY && op->kind != DISCOVER_PERM;
}

/* sqrt(|A|_1 |A|_inf), which is no less than |A|_2; `longest`: numbers in a row. */
struct sums {
    double *rows, *columns, *counts;
};

static void add_to_sums(struct sums *sums, size_t row, size_t column, number value)
{
    sums->rows[row] += cabs(value);
    sums->columns[column] += cabs(value);
    sums->counts[row] += value != 0;
}

static bool add_all(struct arena *arena, const struct discover_operator *op, struct sums *sums)
{
    struct discover_matrix entries;
    if (op->kind == DISCOVER_KS) {
        size_t b = op->shape[1], c = op->shape[2], d = op->shape[3];
        for (size_t k = 0; k < discover_count(op); k++) {
            size_t q = k % d, j = k / d % c, i = k / (d * c) % b, p = k / (d * c * b);
            add_to_sums(sums, (p * b + i) * d + q, (p * c + j) * d + q, op->numbers[k]);
        }
        return true;
    }
    if (!discover_entries(arena, op, &entries))
        return false;
    for (size_t k = 0; k < op->rows * op->columns; k++)
        add_to_sums(sums, k / op->columns, k % op->columns, entries.numbers[k]);
    return true;
}

static double matrix_bound(struct arena *arena, const struct discover_operator *op, double *longest)
{
    double row = 0, column = 0;
    struct sums sums = {ARENA_ARRAY(arena, op->rows, double), ARENA_ARRAY(arena, op->columns, double),
                        ARENA_ARRAY(arena, op->rows, double)};
    if (!sums.rows || !sums.columns || !sums.counts)
        return INFINITY;
    for (size_t i = 0; i < op->rows; i++)
        sums.rows[i] = sums.counts[i] = 0;
    for (size_t j = 0; j < op->columns; j++)
        sums.columns[j] = 0;
    if (!add_all(arena, op, &sums))
        return INFINITY;
    for (size_t i = 0; i < op->rows; i++) {
        row = fmax(row, sums.rows[i]);
        *longest = fmax(*longest, sums.counts[i]);
    }
    for (size_t j = 0; j < op->columns; j++)
        column = fmax(column, sums.columns[j]);
    return sqrt(row * column);
}

/* Of Toeplitz, Hankel and circulant matrices by sums over windows of their numbers, of `columns` for rows, of `rows` for columns.
 */
static double shifted_bound(const struct discover_operator *op, double *longest)
{
    size_t count = discover_count(op);
    double most[2] = {0, 0};
    *longest = 0;
    for (int turned = 0; turned < 2; turned++) {
        size_t width = turned ? op->rows : op->columns;
        long double sum = 0;
        size_t nonzeros = 0;
        for (size_t k = 0; k < count; k++) {
            sum += cabs(op->numbers[k]);
            nonzeros += op->numbers[k] != 0;
            if (k >= width) {
                sum -= cabs(op->numbers[k - width]);
                nonzeros -= op->numbers[k - width] != 0;
            }
            most[turned] = fmax(most[turned], (double)sum);
            *longest = fmax(*longest, turned ? 0 : (double)nonzeros);
        }
    }
    return sqrt(most[0] * most[1]) * (1 + 1e-12);
}

static double leaf_bound(struct arena *arena, const struct discover_operator *op, double *roundings)
{
    double n = (double)op->rows, longest = 0, bound = INFINITY;
    if (op->kind == DISCOVER_IDENTITY || op->kind == DISCOVER_PERM)
        return 1;
    if (op->kind == DISCOVER_NAMED) {
        *roundings = 4 * log2(n) + 2; /* Higham 2002, 24.1 */
        return op->transform->kind == DISCOVER_WAVES ? 2 * sqrt(n) * sqrt(2) : sqrt(n);
    }
    if (op->kind == DISCOVER_DIAGONAL) {
        *roundings = op->real ? 1 : 3;
        bound = 0;
        for (size_t k = 0; k < op->rows; k++)
            bound = fmax(bound, cabs(op->numbers[k]));
        return bound;
    }
    if (op->kind == DISCOVER_TOEPLITZ || op->kind == DISCOVER_HANKEL || op->kind == DISCOVER_CIRCULANT) {
        bound = shifted_bound(op, &longest);
        *roundings = longest + (op->real ? 0 : 2);
        return bound;
    }
    struct arena *scratch = arena_create(arena_allocator(arena));
    if (scratch)
        bound = matrix_bound(scratch, op, &longest);
    if (!scratch || arena_failed(scratch))
        arena_fail(arena);
    arena_destroy(scratch);
    *roundings = longest + (op->real ? 0 : 2);
    return bound;
}

double discover_norm_bound(struct arena *arena, const struct discover_operator *op, double *roundings)
{
    double bound = op->kind == DISCOVER_SUM ? 0 : 1, own = 0, most = 0;
    *roundings = 0;
    if (!op->n_parts)
        return leaf_bound(arena, op, roundings);
    for (size_t k = 0; k < op->n_parts; k++) {
        double part = discover_norm_bound(arena, op->parts[k], &own);
        bound = op->kind == DISCOVER_SUM ? bound + part : bound * part;
        *roundings += own;
        most = fmax(most, own);
    }
    if (op->kind == DISCOVER_SUM)
        *roundings = most + (double)op->n_parts - 1;
    return bound;
}
