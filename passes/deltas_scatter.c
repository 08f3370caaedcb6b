/* Sums in which an axis of the result stands in an equality alone, with a place that is looked up at run time.
 *
 * y[i, b] = sum over j of where(i == p[j], 1, 0) * x[j, b] is zero with x[j, b] added at p[j] for each j: n steps instead of n^2. A
 * place outside adds nothing, as the sum says. Class: that of deltas. */
#include "contraction.h"
#include "passes.h"

#include <string.h>

/* The axis i of the result, and p of an operand that is one where i == p. */
struct scattered_axis {
    uint32_t axis, operand;
    const struct poly *place;
};

static bool is_read_elsewhere(const struct ir_node *node, uint32_t operand, uint32_t index)
{
    for (uint32_t k = 0; k < node->n_operands; k++)
        for (uint32_t a = 0; k != operand && a < node->operands[k].node->rank; a++)
            if (poly_uses_index(node->operands[k].subscripts[a], index))
                return true;
    return false;
}

static bool find_axis(struct ir_context *context, const struct ir_node *node, struct scattered_axis *found)
{
    for (uint32_t o = 0; o < node->n_operands; o++) {
        const struct poly *p = node->n_operands > 1 ? contraction_difference(context, node, &node->operands[o]) : NULL;
        for (uint32_t axis = 0; p && axis < node->rank; axis++) {
            const struct poly *coefficient, *rest;
            int64_t factor;
            if (!poly_uses_index(p, axis) || !poly_split_index(context, p, axis, &coefficient, &rest) ||
                !poly_is_constant(coefficient, &factor) || (factor != 1 && factor != -1) || !poly_is_run_time(rest) ||
                poly_uses_index(rest, axis) || is_read_elsewhere(node, o, axis))
                continue;
            *found = (struct scattered_axis){axis, o, poly_scale(context, rest, -factor)};
            return found->place != NULL;
        }
    }
    return false;
}

/* The new numbers of the node's indices: those that the place reads become axes of what is added, before other sums. */
struct renumbering {
    const struct poly **values;
    const struct poly **extents;
    const char **names;
    uint32_t rank, n_indices;
};

static bool renumber(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_node *node,
                     const struct scattered_axis *found, struct renumbering *new)
{
    struct arena *arena = ir_arena(context);
    const struct ir_name *name = ir_find_name(kernel, node);
    new->values = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    new->extents = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    new->names = ARENA_ARRAY(arena, node->n_indices, const char *);
    new->n_indices = 0;
    for (int summed = 0; new->names &&summed < 2; summed++) {
        for (uint32_t index = 0; index < node->n_indices; index++) {
            bool axis = index < node->rank || poly_uses_index(found->place, index);
            if (index == found->axis || axis == (summed == 1))
                continue;
            new->names[new->n_indices] = name && name->index_names ? name->index_names[index] : NULL;
            new->values[index] = poly_index(context, new->n_indices);
            new->extents[new->n_indices++] = node->extents[index];
        }
        new->rank = summed ? new->rank : new->n_indices;
    }
    return !arena_failed(arena);
}

static const struct ir_node *added(struct ir_context *context, struct ir_kernel *kernel, const struct ir_node *node,
                                   const struct scattered_axis *found, const struct renumbering *new)
{
    struct ir_access *operands = ARENA_ARRAY(ir_arena(context), node->n_operands, struct ir_access);
    struct poly_ranges ranges = {new->n_indices, new->extents};
    const struct ir_name *name = ir_find_name(kernel, node);
    uint32_t count = 0;
    for (uint32_t k = 0; operands && k < node->n_operands; k++)
        if (k != found->operand)
            operands[count++] = ir_access_substitute(context, node->operands[k], node->n_indices, new->values, &ranges);
    if (!operands)
        return NULL;
    const struct ir_node *inner = ir_contract(context, &(struct ir_contract){.ring = node->contract.ring,
                                                                             .elem = node->elem,
                                                                             .accumulator = node->contract.accumulator,
                                                                             .rank = new->rank,
                                                                             .n_indices = new->n_indices,
                                                                             .extents = new->extents,
                                                                             .n_operands = count,
                                                                             .operands = operands,
                                                                             .named = node->contract.named});
    if (inner)
        ir_set_name(context, kernel, inner, NULL, new->names, name ? name->span : SPAN_NONE);
    return inner;
}

const struct ir_node *contraction_scattered(struct ir_context *context, struct ir_kernel *kernel, const struct ir_node *node)
{
    struct scattered_axis found;
    struct renumbering new = {.rank = 0};
    struct ir_number zero = ir_ring_zero(node->contract.ring, node->elem);
    if (node->contract.n_domain || node->contract.n_sliced || !find_axis(context, node, &found))
        return arena_failed(ir_arena(context)) ? NULL : node;
    const struct poly **at = ARENA_ARRAY(ir_arena(context), node->rank, const struct poly *);
    if (!at || !renumber(context, kernel, node, &found, &new))
        return NULL;
    struct poly_ranges ranges = {new.n_indices, new.extents};
    for (uint32_t axis = 0; axis < node->rank; axis++)
        at[axis] =
            axis == found.axis ? poly_substitute(context, found.place, node->n_indices, new.values, &ranges) : new.values[axis];
    const struct ir_node *value = added(context, kernel, node, &found, &new);
    const struct ir_node *base = ir_map(context, node->rank, node->shape, 0, NULL, ir_expr_literal(context, zero));
    if (!value || !base)
        return NULL;
    const struct ir_access to = {base, false, at, &zero};
    return ir_scatter(context, node->contract.ring, new.rank, new.extents, to, ir_access_whole(context, value));
}
