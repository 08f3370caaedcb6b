/* Findings as tensor IR: an operator applied to the last axis of a tensor, each constructor by its index equation, which is also
 * how the language reads it (frontend/operator_entry.c). Other passes find the fast way from there. */
#include "discover.h"
#include "fourier.h"

struct building {
    struct ir_context *context;
    enum ir_elem elem, stored; /* of what is computed, of constants */
};

static const struct poly *whole(const struct building *building, size_t value)
{
    return poly_constant(building->context, (int64_t)value);
}

/* The operator's numbers, in the type of what they are multiplied with. */
static const struct ir_node *numbers_of(const struct building *building, const struct discover_operator *op)
{
    struct ir_context *context = building->context;
    size_t count = discover_count(op);
    bool real = true;
    for (size_t k = 0; k < count; k++)
        real = real && cimag(op->numbers[k]) == 0;
    enum ir_elem elem = real ? ir_elem_real(building->stored) : building->stored;
    size_t bytes = ir_elem_info(elem)->bytes;
    void *data = arena_alloc(ir_arena(context), count, bytes);
    const struct poly *shape[4];
    for (uint32_t axis = 0; axis < op->rank; axis++)
        shape[axis] = whole(building, op->shape[axis]);
    for (size_t k = 0; data && k < count; k++)
        ir_number_store(real ? ir_number_real(elem, creal(op->numbers[k]))
                             : ir_number_complex(elem, creal(op->numbers[k]), cimag(op->numbers[k])),
                        data, k);
    if (!data)
        return NULL;
    const struct ir_node *node =
        ir_constant(context, elem, op->rank, shape, &(struct ir_constant){.data = data, .bytes = count * bytes});
    return fourier_cast(context, node, building->elem);
}

static const struct ir_node *table_of(const struct building *building, size_t count, const int64_t *entries, size_t step)
{
    void *data = arena_alloc(ir_arena(building->context), count, ir_elem_info(IR_i32)->bytes);
    const struct poly *shape = whole(building, count);
    for (size_t k = 0; data && k < count; k++)
        ir_number_store(ir_number_integer(IR_i32, entries[k * step]), data, k);
    return data ? ir_constant(building->context, IR_i32, 1, &shape,
                              &(struct ir_constant){.data = data, .bytes = count * ir_elem_info(IR_i32)->bytes})
                : NULL;
}

/* Two operands multiplied and summed over index `rank`, behind those of the result. */
static const struct ir_node *sum_of_products(const struct building *building, uint32_t rank, const struct poly *const *extents,
                                             const struct ir_access operands[2])
{
    return ir_contract(building->context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                                .elem = building->elem,
                                                                .accumulator = building->elem,
                                                                .rank = rank,
                                                                .n_indices = rank + 1,
                                                                .extents = extents,
                                                                .n_operands = 2,
                                                                .operands = operands});
}

/* sum over the last index, j, of numbers[at...] * x[..., j]; `n` of the subscripts, made of i and j, are given. */
static const struct ir_node *summed(const struct building *building, const struct ir_node *numbers, uint32_t n,
                                    const struct poly *const *at, const struct ir_node *x, size_t rows)
{
    struct ir_context *context = building->context;
    const struct poly **extents = x ? ARENA_ARRAY(ir_arena(context), x->rank + 1, const struct poly *) : NULL;
    const struct poly **subscripts = n ? arena_copy(ir_arena(context), at, n, sizeof *at) : NULL;
    if (!extents || !numbers || !subscripts)
        return NULL;
    for (uint32_t axis = 0; axis < x->rank; axis++)
        extents[axis] = x->shape[axis];
    extents[x->rank] = x->shape[x->rank - 1];
    extents[x->rank - 1] = whole(building, rows);
    const struct ir_access operands[2] = {{.node = numbers, .subscripts = subscripts},
                                          fourier_at(context, x, poly_index(context, x->rank))};
    return sum_of_products(building, x->rank, extents, operands);
}

static const struct ir_node *shifted(const struct building *building, const struct discover_operator *op, const struct ir_node *x)
{
    struct ir_context *context = building->context;
    const struct poly *i = poly_index(context, x->rank - 1), *j = poly_index(context, x->rank);
    const struct poly *at = op->kind == DISCOVER_HANKEL ? poly_add(context, i, j) : poly_subtract(context, i, j);
    if (op->kind == DISCOVER_TOEPLITZ)
        at = poly_add(context, at, whole(building, op->columns - 1));
    if (op->kind == DISCOVER_CIRCULANT)
        at = poly_mod(context, at, whole(building, op->columns), NULL);
    return summed(building, numbers_of(building, op), 1, &at, x, op->rows);
}

/* x[..., (p, j, q)] as x[..., p, j, q]; and back. */
static const struct ir_node *opened(const struct building *building, const struct ir_node *x, size_t p, size_t j, size_t q)
{
    struct ir_context *context = building->context;
    const struct poly **shape = x ? ARENA_ARRAY(ir_arena(context), x->rank + 2, const struct poly *) : NULL;
    if (!shape)
        return NULL;
    uint32_t at = x->rank - 1;
    for (uint32_t axis = 0; axis < at; axis++)
        shape[axis] = x->shape[axis];
    shape[at] = whole(building, p), shape[at + 1] = whole(building, j), shape[at + 2] = whole(building, q);
    const struct poly *last = poly_add(
        context, poly_index(context, at + 2),
        poly_scale(context,
                   poly_add(context, poly_index(context, at + 1), poly_scale(context, poly_index(context, at), (int64_t)j)),
                   (int64_t)q));
    return ir_view(context, x->rank + 2, shape, fourier_at(context, x, last));
}

static const struct ir_node *closed(const struct building *building, const struct ir_node *x)
{
    struct ir_context *context = building->context;
    int64_t p, i, q;
    if (!x || !poly_is_constant(x->shape[x->rank - 3], &p) || !poly_is_constant(x->shape[x->rank - 2], &i) ||
        !poly_is_constant(x->shape[x->rank - 1], &q))
        return NULL;
    uint32_t at = x->rank - 3;
    const struct poly **shape = arena_copy(ir_arena(context), x->shape, at + 1, sizeof *shape);
    const struct poly **subscripts = ARENA_ARRAY(ir_arena(context), x->rank, const struct poly *);
    if (!shape || !subscripts)
        return NULL;
    const struct poly *last = poly_index(context, at);
    shape[at] = poly_constant(context, p * i * q);
    struct poly_ranges ranges = {at + 1, shape};
    for (uint32_t axis = 0; axis < at; axis++)
        subscripts[axis] = poly_index(context, axis);
    subscripts[at] = poly_floor_div(context, last, poly_constant(context, i * q), &ranges);
    subscripts[at + 1] =
        poly_mod(context, poly_floor_div(context, last, poly_constant(context, q), &ranges), poly_constant(context, i), &ranges);
    subscripts[at + 2] = poly_mod(context, last, poly_constant(context, q), &ranges);
    return ir_view(context, at + 1, shape, (struct ir_access){.node = x, .subscripts = subscripts});
}

/* sum over j of X[p, i, j, q] x[..., p, j, q] */
static const struct ir_node *kronecker_sparse(const struct building *building, const struct discover_operator *op,
                                              const struct ir_node *x)
{
    struct ir_context *context = building->context;
    const struct ir_node *open = opened(building, x, op->shape[0], op->shape[2], op->shape[3]), *numbers = numbers_of(building, op);
    const struct poly **extents = open ? ARENA_ARRAY(ir_arena(context), open->rank + 1, const struct poly *) : NULL;
    const struct poly **subscripts = open ? ARENA_ARRAY(ir_arena(context), open->rank, const struct poly *) : NULL;
    if (!extents || !subscripts || !numbers)
        return NULL;
    uint32_t p = open->rank - 3, i = p + 1, q = p + 2, j = p + 3;
    for (uint32_t axis = 0; axis < open->rank; axis++) {
        extents[axis] = open->shape[axis];
        subscripts[axis] = poly_index(context, axis);
    }
    extents[i] = whole(building, op->shape[1]);
    extents[j] = whole(building, op->shape[2]);
    subscripts[i] = poly_index(context, j);
    const struct poly *at[4] = {poly_index(context, p), poly_index(context, i), poly_index(context, j), poly_index(context, q)};
    const struct ir_access operands[2] = {{.node = numbers, .subscripts = at}, {.node = open, .subscripts = subscripts}};
    return closed(building, sum_of_products(building, open->rank, extents, operands));
}

static const struct ir_node *sparse(const struct building *building, const struct discover_operator *op, const struct ir_node *x)
{
    struct ir_context *context = building->context;
    size_t count = discover_count(op);
    const struct ir_node *rows = table_of(building, count, op->table, 2), *columns = table_of(building, count, op->table + 1, 2);
    const struct ir_node *numbers = numbers_of(building, op);
    if (!rows || !columns || !numbers || !x)
        return NULL;
    const struct poly *entry = poly_index(context, x->rank - 1);
    const struct ir_node *read = fourier_view(context, x, (int64_t)count, poly_table(context, columns, 1, &entry), false);
    const struct ir_node *terms = fourier_scale(context, read, numbers),
                         *zero = ir_scalar(context, ir_number_real(building->elem, 0));
    const struct ir_node *zeros =
        zero && terms ? ir_view(context, x->rank, fourier_shape(context, x, (int64_t)op->rows), ir_access_whole(context, zero))
                      : NULL;
    if (!zeros)
        return NULL;
    return ir_scatter(context, IR_RING_plustimes, terms->rank, terms->shape,
                      fourier_at(context, zeros, poly_table(context, rows, 1, &entry)), ir_access_whole(context, terms));
}

/* x moved by the offset, zeros from outside. */
static const struct ir_node *moved(const struct building *building, const struct ir_node *x, size_t rows, int64_t offset)
{
    struct ir_context *context = building->context;
    struct ir_number *zero = ARENA_NEW(ir_arena(context), struct ir_number);
    if (!x || !zero)
        return NULL;
    *zero = ir_elem_is_complex(building->elem) ? ir_number_complex(building->elem, 0, 0) : ir_number_real(building->elem, 0);
    struct ir_access access =
        fourier_at(context, x, poly_add(context, poly_index(context, x->rank - 1), poly_constant(context, offset)));
    access.fill = zero;
    return ir_view(context, x->rank, fourier_shape(context, x, (int64_t)rows), access);
}

static const struct ir_node *added(const struct building *building, const struct ir_node *a, const struct ir_node *b)
{
    struct ir_context *context = building->context;
    if (!a || !b)
        return NULL;
    const struct ir_access operands[2] = {ir_access_whole(context, a), ir_access_whole(context, b)};
    const struct ir_expr *sides[2] = {ir_expr_operand(context, 0, building->elem), ir_expr_operand(context, 1, building->elem)};
    return ir_map(context, a->rank, a->shape, 2, operands, ir_expr_apply(context, IR_EXPR_add, 2, sides));
}

static const struct ir_node *banded(const struct building *building, const struct discover_operator *op, const struct ir_node *x)
{
    const struct ir_node *sum = NULL;
    for (size_t k = 0; k < op->n_table; k++) {
        struct discover_operator band = {.kind = DISCOVER_DIAGONAL, .rank = 1, .shape = {op->rows}};
        band.numbers = op->numbers + k * op->rows;
        const struct ir_node *term =
            fourier_scale(building->context, moved(building, x, op->rows, op->table[k]), numbers_of(building, &band));
        sum = k ? added(building, sum, term) : term;
    }
    return sum;
}

/* ---- transforms ---- */

/* x with the elements halved that the transform halves. */
static const struct ir_node *halved(const struct building *building, const struct discover_operator *op, const struct ir_node *x)
{
    enum discover_ends ends = op->transform->ends;
    struct discover_operator weights = {.kind = DISCOVER_DIAGONAL, .rank = 1, .shape = {op->columns}};
    if (ends == DISCOVER_NO_END || !x)
        return x;
    weights.numbers = ARENA_ARRAY(ir_arena(building->context), op->columns, number);
    for (size_t at = 0; weights.numbers && at < op->columns; at++)
        weights.numbers[at] = (at == 0 && ends != DISCOVER_LAST) || (at + 1 == op->columns && ends != DISCOVER_FIRST) ? 0.5 : 1;
    return weights.numbers ? fourier_scale(building->context, x, numbers_of(building, &weights)) : NULL;
}

static const struct ir_node *roots(const struct building *building, const struct discover_operator *op, const struct ir_node *x)
{
    struct ir_context *context = building->context;
    const struct discover_transform *transform = op->transform;
    int64_t n = (int64_t)op->columns, order = transform->f * n + transform->g;
    uint32_t row = op->transposed ? 1 : 0;
    const struct poly *k =
        poly_add(context, poly_scale(context, poly_index(context, row), transform->a), poly_constant(context, transform->b));
    const struct poly *l =
        poly_add(context, poly_scale(context, poly_index(context, 1 - row), transform->c), poly_constant(context, transform->d));
    const struct poly *numerator = poly_scale(context, poly_multiply(context, k, l), op->conjugate ? -1 : 1);
    const struct poly *shape[2] = {poly_constant(context, n), poly_constant(context, n)};
    const struct ir_expr *arguments[2] = {ir_expr_index(context, numerator),
                                          ir_expr_literal(context, ir_number_integer(IR_i64, order))};
    const struct ir_expr *factors[2] = {ir_expr_literal(context, ir_number_complex(IR_c128, transform->re, transform->im)),
                                        ir_expr_apply(context, IR_EXPR_root, 2, arguments)};
    const struct ir_expr *body = transform->kind == DISCOVER_ROOTS ? factors[1] : ir_expr_apply(context, IR_EXPR_mul, 2, factors);
    if (transform->kind == DISCOVER_WAVES)
        body = ir_expr_apply(context, IR_EXPR_real, 1, &body);
    body = body && body->elem == building->elem ? body : ir_expr_cast(context, building->elem, body);
    const struct ir_node *table = ir_map(context, 2, shape, 0, NULL, body);
    x = fourier_multiply(context, table, op->transposed ? x : halved(building, op, x));
    return op->transposed ? halved(building, op, x) : x;
}

/* Signs are factors of two by two, one a binary digit. */
static const struct ir_node *signs(const struct building *building, const struct discover_operator *op, const struct ir_node *x)
{
    number pair[4] = {1, 1, 1, -1};
    struct discover_operator two = {.kind = DISCOVER_DENSE, .rows = 2, .columns = 2, .rank = 2, .shape = {2, 2}};
    two.numbers = pair;
    for (size_t before = 1; x && before < op->rows; before *= 2) {
        const struct ir_node *open = opened(building, x, before, 2, op->rows / before / 2), *numbers = numbers_of(building, &two);
        uint32_t i = open ? open->rank - 2 : 0;
        const struct poly **extents = open ? ARENA_ARRAY(ir_arena(building->context), open->rank + 1, const struct poly *) : NULL;
        const struct poly **subscripts = open ? ARENA_ARRAY(ir_arena(building->context), open->rank, const struct poly *) : NULL;
        if (!extents || !subscripts || !numbers)
            return NULL;
        for (uint32_t axis = 0; axis < open->rank; axis++) {
            extents[axis] = open->shape[axis];
            subscripts[axis] = poly_index(building->context, axis);
        }
        extents[open->rank] = extents[i];
        subscripts[i] = poly_index(building->context, open->rank);
        const struct poly *at[2] = {poly_index(building->context, i), subscripts[i]};
        const struct ir_access operands[2] = {{.node = numbers, .subscripts = at}, {.node = open, .subscripts = subscripts}};
        x = closed(building, sum_of_products(building, open->rank, extents, operands));
    }
    return x;
}

/* ---- parts ---- */

static const struct ir_node *apply(const struct building *building, const struct discover_operator *op, const struct ir_node *x);

/* The last two axes exchanged. */
static const struct ir_node *turned(struct ir_context *context, const struct ir_node *x)
{
    int64_t a, b;
    if (!x || !poly_is_constant(x->shape[x->rank - 2], &a) || !poly_is_constant(x->shape[x->rank - 1], &b))
        return NULL;
    return fourier_plane(context, x, b, a, poly_index(context, x->rank - 1), poly_index(context, x->rank - 2), false);
}

static const struct ir_node *kronecker(const struct building *building, const struct discover_operator *op, const struct ir_node *x)
{
    struct ir_context *context = building->context;
    /* (a, rest): the last factor along its digit, which then comes first; after all of them the digits are in order again */
    size_t rest = op->columns;
    for (size_t k = op->n_parts; x && k-- > 0;) {
        const struct discover_operator *part = op->parts[k];
        rest = rest / part->columns;
        const struct poly *first = poly_index(context, x->rank - 1), *second = poly_index(context, x->rank);
        const struct ir_node *plane =
            fourier_plane(context, x, (int64_t)rest, (int64_t)part->columns,
                          poly_add(context, poly_scale(context, first, (int64_t)part->columns), second), NULL, false);
        const struct ir_node *y = turned(context, apply(building, part, plane)); /* [..., rows, rest] */
        if (!y)
            return NULL;
        const struct poly *last = poly_index(context, y->rank - 2);
        const struct poly *extent = whole(building, rest);
        x = fourier_merge(context, y, (int64_t)(rest * part->rows), poly_floor_div(context, last, extent, NULL),
                          poly_mod(context, last, extent, NULL));
        rest *= part->rows;
    }
    return x;
}

static const struct ir_node *apply(const struct building *building, const struct discover_operator *op, const struct ir_node *x)
{
    struct ir_context *context = building->context;
    const struct ir_node *sum = NULL;
    if (!x)
        return NULL;
    const struct poly *at = poly_index(context, x->rank - 1);
    switch (op->kind) {
    case DISCOVER_DENSE:
        return fourier_multiply(context, numbers_of(building, op), x);
    case DISCOVER_IDENTITY:
        return x;
    case DISCOVER_DIAGONAL:
        return fourier_scale(context, x, numbers_of(building, op));
    case DISCOVER_PERM: {
        const struct ir_node *table = table_of(building, op->n_table, op->table, 1);
        return table ? fourier_view(context, x, (int64_t)op->rows, poly_table(context, table, 1, &at), false) : NULL;
    }
    case DISCOVER_SPARSE:
        return sparse(building, op, x);
    case DISCOVER_BANDED:
        return banded(building, op, x);
    case DISCOVER_KS:
        return kronecker_sparse(building, op, x);
    case DISCOVER_TOEPLITZ:
    case DISCOVER_HANKEL:
    case DISCOVER_CIRCULANT:
        return shifted(building, op, x);
    case DISCOVER_NAMED:
        return op->transform->kind == DISCOVER_SIGNS ? signs(building, op, x) : roots(building, op, x);
    case DISCOVER_KRON:
        return kronecker(building, op, x);
    case DISCOVER_PRODUCT:
        for (size_t k = op->n_parts; k-- > 0;)
            x = apply(building, op->parts[k], x);
        return x;
    default:
        for (size_t k = 0; k < op->n_parts; k++) {
            const struct ir_node *part = apply(building, op->parts[k], x);
            sum = k ? added(building, sum, part) : part;
        }
        return sum;
    }
}

const struct ir_node *discover_apply(struct ir_context *context, const struct discover_operator *op, const struct ir_node *x,
                                     enum ir_elem stored)
{
    struct building building = {context, x ? x->elem : stored, stored};
    return apply(&building, op, x);
}
