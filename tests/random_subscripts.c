/* The forms a subscript takes, one function each: every value it has lies in the axis, for all sizes of the run-time dims. */
#include "programs_internal.h"

/* An axis to be subscripted: `size` is -1 where the extent is run-time. */
struct axis {
    struct generator *generator;
    struct space *space;
    const struct poly *extent;
    int64_t size;
};

static const struct poly *constant(const struct axis *axis, int64_t value)
{
    return poly_constant(axis->generator->context, value);
}

/* The index as a poly; NULL when there was no room for it. */
static const struct poly *index_of(const struct axis *axis, const struct poly *extent, uint32_t percent_new)
{
    uint32_t index = some_index(axis->generator, axis->space, extent, percent_new);
    return index == UINT32_MAX ? NULL : poly_index(axis->generator->context, index);
}

static const struct poly *plain(const struct axis *axis)
{
    return index_of(axis, axis->extent, 30);
}

/* n - 1 - i */
static const struct poly *reversed(const struct axis *axis)
{
    struct ir_context *context = axis->generator->context;
    return poly_subtract(context, poly_subtract(context, axis->extent, constant(axis, 1)), index_of(axis, axis->extent, 30));
}

static const struct poly *fixed(const struct axis *axis)
{
    return axis->size > 0 ? constant(axis, pick(axis->generator, (uint32_t)axis->size)) : NULL;
}

/* i + c over a part of the axis; also of a run-time one that is known to be longer than 1. */
static const struct poly *slice(const struct axis *axis)
{
    struct ir_context *context = axis->generator->context;
    const struct poly *rest = poly_subtract(context, axis->extent, constant(axis, 1));
    if (axis->size == 0 || !poly_prove_nonnegative(context, rest, NULL))
        return NULL;
    int64_t cut = axis->size > 2 ? 1 + pick(axis->generator, (uint32_t)axis->size - 1) : 1;
    const struct poly *kept = poly_subtract(context, axis->extent, constant(axis, cut));
    return poly_add(context, index_of(axis, kept, 50), constant(axis, pick(axis->generator, (uint32_t)cut + 1)));
}

/* s * i + c */
static const struct poly *strided(const struct axis *axis)
{
    struct ir_context *context = axis->generator->context;
    if (axis->size < 2)
        return NULL;
    int64_t stride = 2 + pick(axis->generator, 2),
            first = pick(axis->generator, (uint32_t)(axis->size < stride ? axis->size : stride));
    const struct poly *index = index_of(axis, constant(axis, (axis->size - first - 1) / stride + 1), 50);
    return poly_add(context, poly_scale(context, index, stride), constant(axis, first));
}

/* i + r: i < n - w + 1, r < w */
static const struct poly *window(const struct axis *axis)
{
    if (axis->size < 2)
        return NULL;
    int64_t width = 1 + pick(axis->generator, (uint32_t)(axis->size < 3 ? axis->size : 3));
    const struct poly *outer = index_of(axis, constant(axis, axis->size - width + 1), 50);
    return poly_add(axis->generator->context, outer, index_of(axis, constant(axis, width), 50));
}

/* b * i + j where the extent is a * b: a split axis. */
static const struct poly *split(const struct axis *axis)
{
    struct ir_context *context = axis->generator->context;
    for (int attempt = 0; attempt < 4; attempt++) {
        const struct poly *outer = some_extent(axis->generator), *inner = some_extent(axis->generator);
        if (poly_multiply(context, outer, inner) != axis->extent)
            continue;
        const struct poly *first = index_of(axis, outer, 30);
        return poly_add(context, poly_multiply(context, first, inner), index_of(axis, inner, 30));
    }
    return NULL;
}

/* i div b and i mod b of an index that is longer or shorter than the axis. */
static const struct poly *divided(const struct axis *axis)
{
    struct ir_context *context = axis->generator->context;
    if (axis->size < 1)
        return NULL;
    struct poly_ranges none = {0, NULL};
    const struct poly *divisor = constant(axis, 2 + pick(axis->generator, 2));
    const struct poly *index = index_of(
        axis, poly_subtract(context, poly_multiply(context, axis->extent, divisor), constant(axis, pick(axis->generator, 2))), 50);
    return poly_floor_div(context, index, divisor, &none);
}

/* (i + j + c) mod n: repetition and cyclic shifts, where several indices run on in a circle. */
static const struct poly *circular(const struct axis *axis)
{
    struct ir_context *context = axis->generator->context;
    if (axis->size < 1)
        return NULL;
    const struct poly *sum = index_of(axis, some_extent(axis->generator), 40);
    if (chance(axis->generator, 50))
        sum = poly_add(context, sum, index_of(axis, axis->extent, 40));
    if (chance(axis->generator, 30))
        sum = poly_scale(context, sum, 1 + pick(axis->generator, 4));
    sum = poly_add(context, sum, constant(axis, pick(axis->generator, 4)));
    return poly_mod(context, sum, axis->extent, NULL);
}

/* table[i]: any numbers below the extent, or all of them in some order; table[table[i]] now and then. */
static const struct poly *looked_up(const struct axis *axis)
{
    struct generator *generator = axis->generator;
    struct ir_context *context = generator->context;
    int64_t entries[8], length = axis->size;
    if (axis->size < 1 || axis->size > 8)
        return NULL;
    bool bijective = chance(generator, 50);
    if (!bijective)
        length = 1 + pick(generator, 6);
    for (int64_t k = 0; k < length; k++) {
        int64_t at = pick(generator, (uint32_t)(bijective ? k + 1 : axis->size));
        entries[k] = at;
        if (bijective) { /* a permutation grows by one transposition at a time */
            entries[k] = k;
            entries[k] = entries[at];
            entries[at] = k;
        }
    }
    const struct poly *shape = constant(axis, length);
    struct ir_constant table = {.data = entries, .bytes = (size_t)length * sizeof *entries, .name = "order"};
    const struct ir_node *node = ir_constant(context, IR_i64, 1, &shape, &table);
    const struct poly *subscript = index_of(axis, shape, 50);
    if (bijective && chance(generator, 20))
        subscript = poly_table(context, node, 1, &subscript);
    return subscript ? poly_table(context, node, 1, &subscript) : NULL;
}

/* A number that is known when the program runs, or that modulo the extent. */
static const struct poly *looked_up_late(const struct axis *axis)
{
    struct generator *generator = axis->generator;
    struct ir_context *context = generator->context;
    const struct ir_node *table = generator->n_tables ? generator->tables[pick(generator, generator->n_tables)] : NULL;
    const struct poly *subscripts[2], *one = constant(axis, 1);
    if (!table || !poly_prove_nonnegative(context, poly_subtract(context, axis->extent, one), NULL))
        return NULL;
    for (uint32_t k = 0; k < table->rank; k++)
        if (!(subscripts[k] = index_of(axis, table->shape[k], 30)))
            return NULL;
    const struct poly *entry = poly_table(context, table, table->rank, subscripts);
    return axis->size > 0 && (table->op != IR_input_node || chance(generator, 30)) ? poly_mod(context, entry, axis->extent, NULL)
           : table->op == IR_input_node                                            ? entry
                                                                                   : NULL;
}

/* What is in the axis only where another index of the space has a value: an end of a run-time axis, something modulo it, or divided
 * by what may be 0. */
static const struct poly *guarded(const struct axis *axis)
{
    struct ir_context *context = axis->generator->context;
    const struct poly *guard = axis->size < 0 ? axis->extent : some_extent(axis->generator);
    if (axis->generator->options.no_guards || !poly_uses_dims(guard) || !index_of(axis, guard, 30))
        return NULL;
    if (axis->size > 0)
        return poly_floor_div(context, index_of(axis, axis->extent, 30), guard, NULL);
    switch (axis->size < 0 ? pick(axis->generator, 3) : UINT32_MAX) {
    case 0:
        return constant(axis, 0);
    case 1:
        return poly_subtract(context, guard, constant(axis, 1));
    case 2:
        return poly_mod(context, index_of(axis, some_extent(axis->generator), 30), guard, NULL);
    default:
        return NULL;
    }
}

typedef const struct poly *subscript_form(const struct axis *axis);

const struct poly *some_subscript(struct generator *generator, struct space *space, const struct poly *extent)
{
    static subscript_form *const forms[] = {reversed, fixed,    slice,     strided, window,        split,
                                            divided,  circular, looked_up, guarded, looked_up_late};
    struct axis axis = {generator, space, extent, -1};
    if (!poly_is_constant(extent, &axis.size))
        axis.size = -1;
    const struct poly *subscript =
        chance(generator, 30) ? forms[pick(generator, sizeof forms / sizeof *forms)](&axis) : plain(&axis);
    return subscript ? subscript : plain(&axis);
}
