/* From a stored node to its nest: the index space, what is summed, and what happens to the sum.
 *
 * A map or view gives one index an axis and its value as `result`. If it finishes a contraction (fuse_plan.c), or the node is a
 * contraction itself, the contraction's summed indices join, the product of its operands is `term`, and `result` is what becomes of
 * the sum. A padded operand whose fill value is the ring's zero adds nothing outside, so being inside becomes a condition of the
 * domain instead of a guard. */
#include "lower.h"

#include <string.h>

/* `name` or else the first letter that no index of the nest has. */
static const char *free_name(struct lowering *lowering, const struct nest *nest, const char *name)
{
    static const char letters[] = "ijklmnopqrstuvwxyzabcdefgh";
    for (size_t attempt = name ? 0 : 1; attempt < sizeof letters; attempt++) {
        const char *candidate = attempt ? arena_printf(lowering->arena, "%c", letters[attempt - 1]) : name;
        bool used = !candidate;
        for (size_t k = 0; k < nest->n && !used; k++)
            used = !strcmp(nest->indices[k].name, candidate);
        if (!used)
            return candidate;
    }
    return arena_printf(lowering->arena, "index%zu", nest->n);
}

const struct poly *lower_add_named(struct lowering *lowering, struct nest *nest, const char *name, const struct poly *extent,
                                   bool reduced)
{
    struct nest_index added = {.name = free_name(lowering, nest, name), .reduced = reduced};
    uint32_t number = added.name ? nest_add_index(lowering, nest, added, extent) : UINT32_MAX;
    return number == UINT32_MAX ? NULL : poly_index(lowering->context, number);
}

/* An index of the node's index space. */
static const struct poly *add_index(struct lowering *lowering, struct nest *nest, const struct ir_node *node, uint32_t index,
                                    bool reduced)
{
    const uint32_t *held = lowering->frame ? lowering->held[node->id] : NULL;
    if (held && held[index] != UINT32_MAX) /* the first indices of the nest are those of the frame */
        return poly_index(lowering->context, held[index]);
    return lower_add_named(lowering, nest, lower_index_name(lowering->kernel, node, index), node->extents[index], reduced);
}

/* An axis of the node's shape, which need not be one of its indices. */
static const struct poly *add_axis(struct lowering *lowering, struct nest *nest, const struct ir_node *node, uint32_t axis)
{
    bool is_index = axis < node->n_indices && node->op != IR_scatter_node;
    return is_index ? add_index(lowering, nest, node, axis, false)
                    : lower_add_named(lowering, nest, lower_axis_name(lowering->kernel, node, axis), node->shape[axis], false);
}

/* ---- what is summed ---- */

/* Does a term with this factor add nothing? An integer's largest value is the zero of min, but wraps when something is added to it,
 * and is no zero of a wider accumulator; inf * 0 is nan, which an exact kernel keeps. */
static bool adds_nothing(const struct lowering *lowering, const struct ir_node *contract, struct ir_number factor)
{
    bool exact = lowering->kernel->numeric_class == IR_CLASS_EXACT && !ir_elem_is_integer(contract->elem);
    if (exact && contract->n_operands > 1)
        return false;
    bool ordered = contract->contract.ring == IR_RING_minplus || contract->contract.ring == IR_RING_maxplus;
    bool absorbs = contract->n_operands == 1 && contract->contract.accumulator == contract->elem;
    return ir_number_equal(factor, ir_ring_zero(contract->contract.ring, contract->elem)) &&
           (!ordered || ir_elem_is_float(contract->elem) || absorbs);
}

/* The value of operand `k` in the accumulator's type. */
static const struct ir_expr *operand_value(struct lowering *lowering, struct nest *nest, const struct ir_node *contract, uint32_t k,
                                           const struct poly *const *at)
{
    struct ir_access access = contract->operands[k];
    bool guarded = false;
    if (access.fill && adds_nothing(lowering, contract, *access.fill)) {
        struct poly_ranges ranges = nest_ranges(nest);
        struct ir_access inside = ir_access_substitute(lowering->context, access, contract->n_indices, at, &ranges);
        const struct poly **conditions;
        size_t n_conditions;
        if (!inside.subscripts || !lower_note_access(lowering, nest, &nest->term, access.node, inside.subscripts, true) ||
            !lower_inside(lowering, nest, &access, inside.subscripts, &conditions, &n_conditions))
            return NULL;
        for (size_t c = 0; c < n_conditions; c++)
            if (!nest_add_condition(lowering, nest, conditions[c]))
                return NULL;
        access.fill = NULL;
        guarded = true;
        nest->under = conditions;
        nest->n_under = n_conditions;
    }
    const struct ir_expr *value = lower_access(lowering, nest, &nest->term, &access, at, contract->n_indices, guarded);
    nest->n_under = 0;
    return value && value->elem != nest->accumulator ? ir_expr_cast(lowering->context, nest->accumulator, value) : value;
}

static bool add_sum(struct lowering *lowering, struct nest *nest, const struct ir_node *contract, const struct poly *const *axes)
{
    struct ir_context *context = lowering->context;
    struct poly_ranges ranges;
    const struct poly **at = ARENA_ARRAY(lowering->arena, contract->n_indices, const struct poly *);
    nest->reduces = true;
    nest->ring = contract->contract.ring;
    nest->accumulator = contract->contract.accumulator;
    nest->codelet = contract->contract.codelet ? contract : NULL;
    for (uint32_t k = 0; at && k < contract->n_indices; k++)
        if (!(at[k] = k < contract->rank ? axes[k] : add_index(lowering, nest, contract, k, true)))
            return false;
    if (!at)
        return false;
    ranges = nest_ranges(nest);
    for (uint32_t k = 0; k < contract->contract.n_domain; k++) {
        const struct poly *condition = poly_substitute(context, contract->contract.domain[k], contract->n_indices, at, &ranges);
        if (!condition || !lower_note_lookups(lowering, nest, &nest->term, condition) ||
            !nest_add_condition(lowering, nest, condition))
            return false;
        nest->n_own_domain = (uint32_t)nest->n_domain;
    }
    for (uint32_t k = 0; k < contract->n_operands; k++) {
        const struct ir_expr *factors[2] = {nest->term.expr, operand_value(lowering, nest, contract, k, at)};
        if (!factors[1])
            return false;
        nest->term.expr = k ? ir_expr_apply(context, ir_ring_info(nest->ring)->multiply, 2, factors) : factors[1];
    }
    return nest->term.expr != NULL;
}

/* The sum in the contraction's type. */
static const struct ir_expr *sum_value(struct lowering *lowering, const struct ir_node *contract)
{
    const struct ir_expr *sum = ir_expr_operand(lowering->context, 0, contract->contract.accumulator);
    return contract->elem == contract->contract.accumulator ? sum : ir_expr_cast(lowering->context, contract->elem, sum);
}

/* ---- stages ---- */

/* When nothing is left to sum over (all extents 1, no condition), the one term is the sum. */
bool lower_drop_sum(struct lowering *lowering, struct nest *nest)
{
    for (size_t x = 0; x < nest->n; x++)
        if (nest->indices[x].reduced && !nest->indices[x].gone)
            return true;
    if (!nest->reduces || nest->n_domain)
        return true;
    for (size_t k = 0; k < nest->term.n_guards; k++)
        if (!ARENA_PUSH(lowering->arena, nest->result.guards, nest->result.n_guards, nest->result.guards_capacity,
                        nest->term.guards[k]))
            return false;
    nest->result.expr = lower_substitute(lowering, nest->result.expr, 0, NULL, NULL, nest->term.expr);
    nest->term = (struct lower_value){0};
    nest->reduces = false;
    return nest->result.expr != NULL;
}

/* ---- scatters ---- */

/* The stage of what is added: over the index space, at the place the base's subscripts say. */
static bool add_scatter(struct lowering *lowering, struct nest *nest, const struct ir_node *node, const struct poly *const *at)
{
    struct poly_ranges ranges = nest_ranges(nest);
    struct ir_access base = ir_access_substitute(lowering->context, node->operands[0], node->n_indices, at, &ranges);
    size_t n_kept = 0;
    if (!base.node || !lower_note_access(lowering, nest, &nest->result, node, base.subscripts, base.fill != NULL) ||
        (base.fill && !lower_inside(lowering, nest, &base, base.subscripts, &nest->kept, &n_kept)))
        return false;
    nest->n_kept = (uint32_t)n_kept;
    nest->address = lower_address(lowering, node, base.subscripts);
    nest->combine = ir_ring_info(node->scatter.ring)->add;
    nest->scatters = true;
    return true;
}

struct nest *lower_stage(struct lowering *lowering, const struct ir_node *node, struct lower_place place, bool copy)
{
    struct nest *nest = ARENA_NEW(lowering->arena, struct nest);
    bool scatters = node->op == IR_scatter_node && !copy;
    uint32_t n_axes = scatters ? node->n_indices : node->rank;
    const struct poly **axes = ARENA_ARRAY(lowering->arena, n_axes, const struct poly *);
    if (!nest || !axes)
        return NULL;
    nest->combine = IR_EXPR_OP_COUNT;
    for (uint32_t k = 0; lowering->frame && k < lowering->frame->n; k++)
        if (nest_add_index(lowering, nest, lowering->frame->indices[k], lowering->frame->extents[k]) == UINT32_MAX)
            return NULL;
    for (uint32_t k = 0; k < n_axes; k++)
        if (!(axes[k] = scatters ? add_index(lowering, nest, node, k, false) : add_axis(lowering, nest, node, k)))
            return NULL;
    nest->elem = node->elem;
    nest->to_local = place.is_local;
    nest->target = place.number;
    struct ir_access whole = ir_access_whole(lowering->context, node);
    bool fine = true;
    if (scatters)
        fine = add_scatter(lowering, nest, node, axes);
    else
        nest->address = lower_address_at(lowering, node, &place, axes);
    if (copy) {
        nest->result.expr = lower_access(lowering, nest, &nest->result, &whole, axes, node->rank, false);
    } else if (node->op == IR_contract_node) {
        fine = add_sum(lowering, nest, node, axes);
        nest->result.expr = sum_value(lowering, node);
        for (uint32_t k = node->rank; lowering->frame && lowering->held[node->id] && k < node->n_indices; k++)
            if (lowering->held[node->id][k] != UINT32_MAX) /* every slice adds to it */
                nest->combine = ir_ring_info(nest->ring)->add;
    } else {
        struct lower_finish finish = {lowering->plan->finishing[node->id], NULL};
        nest->result.expr = lower_point(lowering, nest, &nest->result, node, axes, finish.node ? &finish : NULL);
        if (finish.at && nest->result.expr) { /* else the map does not read the sum after all */
            fine = fine && add_sum(lowering, nest, finish.node, finish.at);
            nest->result.expr = lower_substitute(lowering, nest->result.expr, 0, NULL, NULL, sum_value(lowering, finish.node));
        }
    }
    return fine && nest->result.expr && nest->address ? nest : NULL;
}
