/* Random views: one axis split in two or two merged, and every other access (permuted, sliced, reversed, repeated, broadcast,
 * padded) whose indices are all axes. */
#include "programs_internal.h"

/* Axis `axis` of the value as two axes, or NULL when its extent is no product of two from the pool. */
static const struct ir_node *make_split(struct generator *generator, const struct ir_node *node, uint32_t axis)
{
    struct ir_context *context = generator->context;
    const struct poly *shape[MOST_INDICES + 1], *subscripts[MOST_INDICES], *outer = NULL, *inner = NULL;
    for (int attempt = 0; attempt < 10 && !inner; attempt++) {
        outer = some_extent(generator);
        const struct poly *other = some_extent(generator);
        inner = poly_multiply(context, outer, other) == node->shape[axis] ? other : NULL;
    }
    if (!inner)
        return NULL;
    for (uint32_t k = 0, at = 0; k < node->rank; k++, at++) {
        shape[at] = k == axis ? outer : node->shape[k];
        subscripts[k] = poly_index(context, at);
        if (k != axis)
            continue;
        shape[++at] = inner;
        subscripts[k] = poly_add(context, poly_multiply(context, subscripts[k], inner), poly_index(context, at));
    }
    return ir_view(context, node->rank + 1, shape, (struct ir_access){.node = node, .subscripts = subscripts});
}

/* Axes `axis` and the next as one. */
static const struct ir_node *make_merge(struct generator *generator, const struct ir_node *node, uint32_t axis)
{
    struct ir_context *context = generator->context;
    const struct poly *shape[MOST_INDICES], *subscripts[MOST_INDICES];
    if (axis + 1 >= node->rank)
        return NULL;
    for (uint32_t k = 0, at = 0; k < node->rank; k++, at++) {
        shape[at] = node->shape[k];
        subscripts[k] = poly_index(context, at);
        if (k != axis)
            continue;
        const struct poly *inner = node->shape[k + 1], *merged = poly_index(context, at);
        if (poly_equals(inner, 0) || poly_equals(node->shape[k], 0))
            return NULL;
        shape[at] = poly_multiply(context, node->shape[k], inner);
        struct poly_ranges ranges = {at + 1, shape};
        subscripts[k] = poly_floor_div(context, merged, inner, &ranges);
        subscripts[++k] = poly_mod(context, merged, inner, &ranges);
        if (!subscripts[k - 1] || !subscripts[k])
            return NULL;
    }
    return ir_view(context, node->rank - 1, shape, (struct ir_access){.node = node, .subscripts = subscripts});
}

struct random_value random_view(struct generator *generator)
{
    const struct random_value *value = some_value(generator);
    const struct ir_node *node = value->node;
    uint32_t kind = pick(generator, 4), axis = pick(generator, node->rank);
    if (node->rank && node->rank < MOST_INDICES && kind == 1)
        return (struct random_value){make_split(generator, node, axis), value->varies, value->bound, value->n_factors};
    if (node->rank && kind == 2)
        return (struct random_value){make_merge(generator, node, axis), value->varies, value->bound, value->n_factors};
    struct space space = {0};
    struct ir_access access = some_access(generator, &space, value);
    if (access.node && chance(generator, 15))
        some_index(generator, &space, some_extent(generator), 100);
    if (!access.node || volume_of(generator, space.n, space.extents) > generator->largest_tensor)
        return (struct random_value){.node = NULL};
    choose_axes(generator, &space, 100, 1, &access);
    if (arena_failed(ir_arena(generator->context)))
        return (struct random_value){.node = NULL};
    struct random_value result = accessed(generator, &access);
    result.node = ir_view(generator->context, space.n, space.extents, access);
    return result;
}
