/* Products of Kronecker-sparse factors whose blocks are one matrix C between diagonals, its columns in an order of their own in
 * each:
 *
 *     X[p, i, j, q] = u[p, i, q] C[i, order[p, q](j)] v[p, j, q]
 *
 * so that the factor is diag(u) @ kron(identity, C, identity) @ perm @ diag(v). A product found step by step has such diagonals
 * hidden in its factors' numbers, between two factors no one knows whose they are. From left to right each factor takes the
 * diagonal that comes from the one before, and what scales a whole block goes on to the next: u is 1 in its first row. Permutations
 * go on with it as long as they keep blocks together. Where C's numbers are a formula (discover_formula.c) the product is then one
 * of transforms and of twiddle factors, as it would have been written. */
#include "discover.h"

#include <math.h>
#include <string.h>

/* How much larger errors of C may be than what is permitted of the whole; the most steps that orders are looked for with. */
enum { LOOSE = 64, MOST_STEPS = 1 << 26 };

struct chain {
    struct discovery *discovery;
    struct arena *arena; /* of the result */
    const struct discover_operator **parts;
    size_t count, n; /* columns of the parts so far */
    size_t *order;   /* behind them stands perm(order) @ diag(scale) */
    number *scale;
    size_t c, d;   /* the last part's, where it is kron(identity, c x c, identity(d)); else 0 */
    bool any, all; /* is a factor tied; all of them, to formulas */
};

/* A factor whose numbers are being looked at. */
struct tying {
    struct discover_operator *op;
    size_t a, b, c, d;
    number *core;  /* C */
    number *u, *v; /* of the block at hand, and where they go */
    size_t *order; /* of each block, column j has C's order[j] */
    number *rows, *columns;
};

static number *block_entry(const struct tying *tying, size_t block, size_t i, size_t j)
{
    size_t p = block / tying->d, q = block % tying->d;
    return &tying->op->numbers[((p * tying->b + i) * tying->c + j) * tying->d + q];
}

/* ---- what comes from the left ---- */

static bool put(struct chain *chain, const struct discover_operator *op)
{
    if (!op)
        return false;
    chain->parts[chain->count++] = op;
    chain->c = 0;
    return true;
}

/* A diagonal, whose numbers are roots of unity if all of them nearly are. */
static const struct discover_operator *diagonal(const struct chain *chain, size_t n, number *numbers)
{
    size_t order = chain->discovery->matrix->rows, exponent = 0;
    double near = LOOSE * chain->discovery->tolerance;
    bool roots = true;
    for (size_t k = 0; k < n && roots; k++)
        roots = discover_is_root(numbers[k], order, near, &exponent);
    for (size_t k = 0; k < n && roots; k++) {
        double re, im;
        (void)discover_is_root(numbers[k], order, near, &exponent);
        ir_root((int64_t)exponent, (int64_t)order, &re, &im);
        numbers[k] = complex_of(re, im);
    }
    return discover_diagonal(chain->arena, n, numbers);
}

/* A diagonal that is the same in all rows of each block of the tied factor before goes before that factor, into the diagonal there.
 */
static bool put_before(struct chain *chain, size_t n, const number *numbers)
{
    size_t c = chain->c, d = chain->d, count = chain->count;
    double near = LOOSE * chain->discovery->tolerance;
    const struct discover_operator *before = count > 1 ? chain->parts[count - 2] : NULL;
    if (!c || !before || before->kind != DISCOVER_DIAGONAL)
        return false;
    for (size_t k = 0; k < n; k++)
        if (!(cabs(numbers[k] - numbers[k / (c * d) * c * d + k % d]) <= near * cabs(numbers[k])))
            return false;
    for (size_t k = 0; k < n; k++)
        before->numbers[k] = complex_times(before->numbers[k], numbers[k / (c * d) * c * d + k % d]);
    return true;
}

/* Into the factor before, if that is one that keeps its numbers. */
static bool put_diagonal(struct chain *chain, size_t n, number *numbers)
{
    const struct discover_operator *last = chain->count ? chain->parts[chain->count - 1] : NULL;
    if (put_before(chain, n, numbers))
        return true;
    if (!last || last->kind != DISCOVER_KS)
        return put(chain, diagonal(chain, n, numbers));
    size_t c = last->shape[2], d = last->shape[3], row = c * d;
    for (size_t k = 0; k < discover_count(last); k++) {
        size_t p = k / (row * last->shape[1]);
        last->numbers[k] = complex_times(last->numbers[k], numbers[p * row + k % row]);
    }
    return true;
}

static bool put_order(struct chain *chain)
{
    if (!put(chain, discover_permutation(chain->arena, chain->n, chain->order)))
        return false;
    for (size_t k = 0; k < chain->n; k++)
        chain->order[k] = k;
    return true;
}

static bool set_size(struct chain *chain, size_t n)
{
    chain->n = n;
    chain->order = ARENA_ARRAY(chain->arena, n, size_t);
    chain->scale = ARENA_ARRAY(chain->arena, n, number);
    for (size_t k = 0; chain->order && chain->scale && k < n; k++)
        chain->order[k] = k, chain->scale[k] = 1;
    return chain->order && chain->scale;
}

/* diag(s) perm(t) = perm(t) diag(s'), s'[t[k]] = s[k]. */
static bool take_permutation(struct chain *chain, const int64_t *table)
{
    size_t n = chain->n, *order = ARENA_ARRAY(chain->arena, n, size_t);
    number *scale = ARENA_ARRAY(chain->arena, n, number);
    for (size_t k = 0; order && scale && k < n; k++) {
        order[k] = (size_t)table[chain->order[k]];
        scale[table[k]] = chain->scale[k];
    }
    chain->order = order, chain->scale = scale;
    return order && scale;
}

/* Does the order map all rows of a block to rows of one block? */
static bool keeps_blocks(const struct chain *chain, const struct discover_operator *op)
{
    size_t b = op->shape[1], d = op->shape[3];
    for (size_t k = 0; k < chain->n; k++) {
        size_t first = chain->order[k / (b * d) * b * d + k % d], place = chain->order[k];
        if (place / (b * d) != first / (b * d) || place % d != first % d)
            return false;
    }
    return true;
}

/* The factor, a copy, times what comes from the left; its blocks where the order has them, which its columns then are in. */
static bool take_factor(struct chain *chain, struct discover_operator *op)
{
    size_t b = op->shape[1], c = op->shape[2], d = op->shape[3], n = op->columns, *order = ARENA_ARRAY(chain->arena, n, size_t);
    number *numbers = ARENA_ARRAY(chain->arena, discover_count(op), number);
    if (!order || !numbers || (!keeps_blocks(chain, op) && !put_order(chain)))
        return false;
    for (size_t row = 0; row < op->rows; row++) {
        size_t from = chain->order[row], p = row / (b * d), q = row % d, own = from / (b * d), other = from % d;
        for (size_t j = 0; j < c; j++) {
            numbers[(row / d * c + j) * d + q] = complex_times(chain->scale[from], op->numbers[(from / d * c + j) * d + other]);
            order[(p * c + j) * d + q] = (own * c + j) * d + other;
        }
    }
    op->numbers = numbers;
    bool done = set_size(chain, n);
    if (done)
        memcpy(chain->order, order, n * sizeof *order);
    return done;
}

/* ---- one matrix for all blocks ---- */

/* The block, its first row and its column `first` divided out; false: there are zeros in them. */
static bool normalise(const struct tying *tying, size_t block, size_t first, number *numbers)
{
    number corner = *block_entry(tying, block, 0, first);
    for (size_t i = 0; i < tying->b; i++) {
        number row = *block_entry(tying, block, i, first);
        for (size_t j = 0; j < tying->c; j++) {
            number scale = complex_times(row, *block_entry(tying, block, 0, j));
            if (scale == 0)
                return false;
            numbers[i * tying->c + j] = complex_times(*block_entry(tying, block, i, j), corner) / scale;
        }
    }
    return true;
}

static void column_keys(const struct tying *tying, const number *numbers, struct discover_key *keys)
{
    for (size_t j = 0; j < tying->c; j++) {
        uint64_t state = 23;
        number sum = 0;
        for (size_t i = 0; i < tying->b; i++)
            sum += (discover_random(&state) / 4294967296.0 + 0.25) * numbers[i * tying->c + j];
        keys[j] = (struct discover_key){creal(sum) + 0.6180339887 * cimag(sum), 0, j};
    }
    discover_sort(keys, tying->c);
}

static bool is_near(const struct tying *tying, const number *numbers, const size_t *order, double near)
{
    for (size_t k = 0; k < tying->b * tying->c; k++)
        if (!(cabs(numbers[k] - tying->core[k / tying->c * tying->c + order[k % tying->c]]) <= near))
            return false;
    return true;
}

/* The first column that is the same in all rows, where nothing has to be divided out; 0: there is none. */
static size_t constant_column(const struct tying *tying, double near)
{
    for (size_t j = 0; j < tying->c; j++) {
        bool constant = true;
        number first = *block_entry(tying, 0, 0, j);
        for (size_t i = 1; i < tying->b && constant; i++)
            constant = cabs(*block_entry(tying, 0, i, j) - first) <= near * cabs(first);
        if (constant)
            return j;
    }
    return 0;
}

/* Orders of the block's columns in which it is C: with the same column first as it is, with any first sorted. */
static bool find_order(const struct tying *tying, size_t block, size_t first, double near, const struct discover_key *wanted,
                       struct discover_key *keys, number *numbers)
{
    size_t c = tying->c, *order = tying->order + block * c;
    for (size_t j = 0; j < c; j++)
        order[j] = j;
    if (!normalise(tying, block, first, numbers))
        return false;
    if (is_near(tying, numbers, order, near))
        return true;
    if ((double)c * (double)c * (double)tying->b * (double)(tying->a * tying->d) > MOST_STEPS)
        return false;
    for (size_t at = 0; at < c; at++) {
        if (!normalise(tying, block, at, numbers))
            return false;
        column_keys(tying, numbers, keys);
        for (size_t j = 0; j < c; j++)
            order[keys[j].index] = wanted[j].index;
        if (is_near(tying, numbers, order, near))
            return true;
    }
    return false;
}

/* C as the mean of all blocks, and each block's order. */
static bool find_core(struct tying *tying, struct arena *arena, double tolerance)
{
    size_t b = tying->b, c = tying->c, blocks = tying->a * tying->d;
    number *numbers = ARENA_ARRAY(arena, b * c, number), *sum = ARENA_ARRAY(arena, b * c, number);
    struct discover_key *keys = ARENA_ARRAY(arena, 2 * c, struct discover_key);
    double largest = 0, near = LOOSE * tolerance;
    if (!numbers || !sum || !keys)
        return false;
    size_t first = constant_column(tying, near);
    if (!normalise(tying, 0, first, tying->core))
        return false;
    for (size_t k = 0; k < b * c; k++) {
        largest = fmax(largest, cabs(tying->core[k]));
        sum[k] = 0;
    }
    column_keys(tying, tying->core, keys + c);
    for (size_t block = 0; block < blocks; block++) {
        if (!find_order(tying, block, first, near * largest, keys + c, keys, numbers))
            return false;
        for (size_t k = 0; k < b * c; k++)
            sum[k / c * c + tying->order[block * c + k % c]] += numbers[k];
    }
    for (size_t k = 0; k < b * c; k++)
        tying->core[k] = sum[k] / (double)blocks;
    return true;
}

/* Rows, and then columns, whose numbers are 1 in geometric mean: first ones that were small would have made others large. */
static void balance(const struct tying *tying)
{
    size_t lines[2] = {tying->b, tying->c}, steps[2] = {tying->c, 1};
    for (int side = 0; side < 2; side++)
        for (size_t line = 0; line < lines[side]; line++) {
            double sum = 0, count = 0;
            number *first = tying->core + line * steps[side];
            for (size_t k = 0; k < lines[1 - side]; k++) {
                double size = cabs(first[k * steps[1 - side]]);
                sum += size > 0 ? log(size) : 0;
                count += size > 0;
            }
            double scale = exp(-sum / fmax(count, 1));
            for (size_t k = 0; k < lines[1 - side]; k++)
                first[k * steps[1 - side]] *= scale;
        }
}

/* A row's number of the block (turned: a column's) by least squares from those of its columns. */
static number fit_line(const struct tying *tying, size_t block, bool turned, size_t line, const number *others)
{
    const size_t *order = tying->order + block * tying->c;
    number sum = 0;
    double norm = 0;
    for (size_t k = 0; k < (turned ? tying->b : tying->c); k++) {
        size_t i = turned ? k : line, j = turned ? line : k;
        number model = complex_times(tying->core[i * tying->c + order[j]], others[k]);
        sum += complex_times(conj(model), *block_entry(tying, block, i, j));
        norm += discover_square(model);
    }
    return norm > 0 ? sum / norm : 0;
}

/* u and v of each block by least squares, by turns, from v as the block's first row has it. */
static void fit_diagonals(const struct tying *tying)
{
    size_t b = tying->b, c = tying->c, d = tying->d;
    for (size_t block = 0; block < tying->a * d; block++) {
        for (size_t j = 0; j < c; j++)
            tying->v[j] = *block_entry(tying, block, 0, j) / tying->core[tying->order[block * c + j]];
        for (size_t i = 0; i < b; i++)
            tying->u[i] = fit_line(tying, block, false, i, tying->v);
        for (size_t j = 0; j < c; j++)
            tying->columns[(block / d * c + j) * d + block % d] =
                complex_times(tying->u[0], fit_line(tying, block, true, j, tying->u));
        for (size_t i = 0; i < b; i++)
            tying->rows[(block / d * b + i) * d + block % d] = tying->u[0] != 0 ? tying->u[i] / tying->u[0] : 0;
    }
}

/* ---- the product ---- */

/* kron(identity(a), op, identity(d)) */
static const struct discover_operator *amid(struct arena *arena, size_t a, const struct discover_operator *op, size_t d)
{
    const struct discover_operator *parts[3];
    size_t count = 0;
    if (a > 1)
        parts[count++] = discover_node(arena, DISCOVER_IDENTITY, a, a);
    parts[count++] = op;
    if (d > 1)
        parts[count++] = discover_node(arena, DISCOVER_IDENTITY, d, d);
    return discover_combine(arena, DISCOVER_KRON, count, parts);
}

/* What stands for C, between orders of its rows, which go into the product, and of its columns, which go into the blocks' orders.
 */
static bool put_core(struct chain *chain, const struct tying *tying, const struct discover_formula *formula)
{
    size_t a = tying->a, b = tying->b, c = tying->c, d = tying->d;
    if (!formula->transform)
        return put(chain, amid(chain->arena, a, discover_dense(chain->arena, b, c, tying->core), d));
    struct discover_operator *named = discover_node(chain->arena, DISCOVER_NAMED, b, c);
    size_t *places = ARENA_ARRAY(chain->arena, a * b * d, size_t);
    if (!named || !places)
        return false;
    named->transform = formula->transform;
    for (size_t k = 0; k < a * b * d; k++)
        places[k] = (k / (b * d) * b + formula->rows[k / d % b]) * d + k % d;
    for (size_t k = 0; k < a * d * c; k++)
        tying->order[k] = formula->columns[tying->order[k]];
    return put(chain, discover_permutation(chain->arena, a * b * d, places)) && put(chain, amid(chain->arena, a, named, d));
}

static bool put_tied(struct chain *chain, const struct tying *tying, const struct discover_formula *formula)
{
    size_t c = tying->c, d = tying->d;
    if (!put_diagonal(chain, tying->op->rows, tying->rows) || !put_core(chain, tying, formula))
        return false;
    if (tying->b == c)
        chain->c = c, chain->d = d;
    int64_t *table = ARENA_ARRAY(chain->arena, chain->n, int64_t);
    for (size_t k = 0; table && k < chain->n; k++) { /* column j of the block reads C's order[j] */
        size_t block = k / (c * d) * d + k % d, own = tying->order[block * c + k / d % c];
        table[(k / (c * d) * c + own) * d + k % d] = (int64_t)k;
    }
    /* the order that the factor took its blocks in comes after its own */
    number *scale = ARENA_ARRAY(chain->arena, chain->n, number);
    size_t *order = ARENA_ARRAY(chain->arena, chain->n, size_t);
    for (size_t k = 0; table && scale && order && k < chain->n; k++) {
        order[k] = chain->order[(size_t)table[k]];
        scale[chain->order[k]] = tying->columns[k];
    }
    chain->order = order, chain->scale = scale;
    return table && scale && order;
}

static bool write_formula(const struct tying *tying, const struct discover_formula *formula, struct arena *arena)
{
    struct discover_roots roots;
    if (!discover_roots_create(arena, formula->transform, tying->b, &roots))
        return false;
    for (size_t k = 0; k < tying->b * tying->c; k++)
        tying->core[k] = discover_transform_entry(&roots, formula->rows[k / tying->c], formula->columns[k % tying->c]);
    return true;
}

static bool try_tie(struct chain *chain, struct discover_operator *op, struct arena *own)
{
    size_t a = op->shape[0], b = op->shape[1], c = op->shape[2], d = op->shape[3], blocks = a * d;
    struct tying tying = {op,
                          a,
                          b,
                          c,
                          d,
                          ARENA_ARRAY(own, b * c, number),
                          ARENA_ARRAY(own, b, number),
                          ARENA_ARRAY(own, c, number),
                          ARENA_ARRAY(own, blocks * c, size_t),
                          ARENA_ARRAY(own, blocks * b, number),
                          ARENA_ARRAY(own, blocks * c, number)};
    struct discover_formula formula = {NULL, NULL, NULL};
    double tolerance = chain->discovery->tolerance;
    if (!tying.core || !tying.u || !tying.v || !tying.order || !tying.rows || !tying.columns)
        return false;
    bool tied = b > 1 && c > 1 && (blocks > 1 || b == c) && find_core(&tying, own, tolerance);
    if (tied && b == c)
        (void)discover_formula(own, b, tying.core, LOOSE * tolerance, &formula);
    tied = tied && (formula.transform || blocks > 1);
    if (!tied) {
        chain->all = false;
        return put(chain, op);
    }
    chain->any = true;
    chain->all = chain->all && formula.transform;
    if (!formula.transform)
        balance(&tying);
    else if (!write_formula(&tying, &formula, own))
        return false;
    fit_diagonals(&tying);
    return put_tied(chain, &tying, &formula);
}

/* The next part of the product: true as long as there is memory and it is of a kind that chains have. */
static bool take(struct chain *chain, const struct discover_operator *part)
{
    if (part->kind == DISCOVER_PERM)
        return take_permutation(chain, part->table);
    if (part->kind == DISCOVER_DIAGONAL) {
        for (size_t k = 0; k < chain->n; k++)
            chain->scale[k] = complex_times(chain->scale[k], part->numbers[k]);
        return true;
    }
    struct discover_operator *op = ARENA_NEW(chain->arena, struct discover_operator);
    if (!op || (part->kind != DISCOVER_KS && part->kind != DISCOVER_DENSE))
        return false;
    *op = *part;
    if (op->kind == DISCOVER_DENSE) {
        op->kind = DISCOVER_KS, op->rank = 4;
        op->shape[0] = op->shape[3] = 1, op->shape[1] = op->rows, op->shape[2] = op->columns;
    }
    if (!take_factor(chain, op))
        return false;
    struct arena *own = arena_create(arena_allocator(chain->arena));
    bool done = own && try_tie(chain, op, own);
    if (!own || arena_failed(own))
        arena_fail(chain->arena);
    arena_destroy(own);
    return done;
}

/* A scale that is one number goes into a diagonal that is there. */
static void place_scale(struct chain *chain)
{
    number mean;
    double near = LOOSE * chain->discovery->tolerance;
    if (!(discover_spread(chain->scale, chain->n, &mean) <= near * cabs(mean)))
        return;
    mean = cabs(mean - 1) <= near ? 1 : mean;
    for (size_t k = 0; k < chain->count && mean != 1; k++) {
        const struct discover_operator *part = chain->parts[k];
        if (part->kind != DISCOVER_DIAGONAL && part->kind != DISCOVER_KS)
            continue;
        for (size_t l = 0; l < discover_count(part); l++)
            part->numbers[l] = complex_times(part->numbers[l], mean);
        mean = 1;
        break;
    }
    for (size_t k = 0; k < chain->n; k++)
        chain->scale[k] = mean;
}

static const struct discover_operator *tie(struct discovery *discovery, const struct discover_operator *product, bool *formulas)
{
    size_t count = product->n_parts ? product->n_parts : 1;
    struct chain chain = {.discovery = discovery, .arena = discovery->arena, .all = true};
    chain.parts = ARENA_ARRAY(chain.arena, 4 * count + 2, const struct discover_operator *);
    if (!chain.parts || !set_size(&chain, product->rows))
        return NULL;
    for (size_t k = 0; k < count; k++)
        if (!take(&chain, product->n_parts ? product->parts[k] : product))
            return NULL;
    if (!chain.any)
        return NULL;
    place_scale(&chain);
    for (size_t k = 0; k < chain.count; k++) {
        const struct discover_operator *part = chain.parts[k];
        if (part->kind == DISCOVER_KS && part->shape[0] == 1 && part->shape[3] == 1)
            chain.parts[k] = discover_dense(chain.arena, part->rows, part->columns, part->numbers);
    }
    *formulas = chain.all;
    return put_order(&chain) && put(&chain, diagonal(&chain, chain.n, chain.scale))
               ? discover_combine(chain.arena, DISCOVER_PRODUCT, chain.count, chain.parts)
               : NULL;
}

const struct discover_operator *discover_tied(struct discovery *discovery, const struct discover_operator *product, bool *formulas)
{
    bool chained = product->kind == DISCOVER_PRODUCT || product->kind == DISCOVER_DENSE;
    *formulas = false;
    if (!chained)
        return NULL;
    if (!product->n_parts || product->parts[0]->kind != DISCOVER_PERM)
        return tie(discovery, product, formulas);
    /* orders of rows go the other way */
    const struct discover_operator *turned = discover_transposed(discovery->arena, product);
    return turned ? discover_transposed(discovery->arena, tie(discovery, turned, formulas)) : NULL;
}
