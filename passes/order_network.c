/* The network of a contraction: indices are labels, accesses are sets of them, run-time extents stand for their typical sizes.
 *
 * A subscript that is no plain index (affine, merged, a table, a pad) makes its operand carry all indices the subscript uses, so
 * any of the searches may pair it: the pair's result has those indices as axes. Conditions of the domain are checked at the root,
 * so their indices are kept until there. */
#include "ir/codelet.h"
#include "order.h"

#include <string.h>

struct order_set order_access_labels(const struct ir_access *access)
{
    struct order_set labels = {{0}};
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        uint32_t limit = poly_index_limit(access->subscripts[axis]);
        for (uint32_t index = 0; index < limit && index < ORDER_LABELS; index++)
            if (poly_uses_index(access->subscripts[axis], index))
                order_add(&labels, index);
    }
    return labels;
}

/* The labels of operand `access`: all indices it needs, so that no step reads it without one. `needed` is room for them. */
static struct order_set operand_labels(struct ir_context *context, const struct ir_node *node, const struct ir_access *access,
                                       bool *needed)
{
    struct order_set labels = {{0}};
    const struct poly_ranges ranges = ir_ranges(node);
    memset(needed, 0, node->n_indices * sizeof *needed);
    ir_access_needs(context, access, &ranges, needed);
    for (uint32_t index = 0; index < node->n_indices && index < ORDER_LABELS; index++)
        if (needed[index])
            order_add(&labels, index);
    return labels;
}

/* Elements a table made by the compiler may have: as many as its parts, and where tables need not be few, whatever those have,
 * 1024, so that small tables may merge into one that still fits a screen of emitted C. */
static double constant_limit(const struct ir_node *node, const bool *constant, const double *typical, bool few_tables)
{
    double parts = 0;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        double elements = 1;
        for (uint32_t axis = 0; constant[k] && axis < node->operands[k].node->rank; axis++)
            elements *= poly_estimate(node->operands[k].node->shape[axis], typical, NULL);
        parts += constant[k] ? elements : 0;
    }
    return few_tables ? parts : fmax(parts, 1024);
}

/* Which operands are real though the node is complex; NULL: none, or no memory. */
static const bool *real_operands(struct ir_context *context, const struct ir_node *node)
{
    bool any = false, *real = ir_elem_is_complex(node->elem) ? ARENA_ARRAY(ir_arena(context), node->n_operands, bool) : NULL;
    for (uint32_t k = 0; real && k < node->n_operands; k++) {
        real[k] = ir_codelet_is_real(node->operands[k].node);
        any |= real[k];
    }
    return any ? real : NULL;
}

bool order_network_create(struct ir_context *context, const struct pass_options *options, const struct ir_node *node,
                          struct order_network *network)
{
    struct arena *arena = ir_arena(context);
    const double *typical = ir_typical_sizes(context);
    double *sizes = ARENA_ARRAY(arena, node->n_indices, double);
    struct order_set *operands = ARENA_ARRAY(arena, node->n_operands, struct order_set);
    bool *constant = ARENA_ARRAY(arena, node->n_operands, bool), *needed = ARENA_ARRAY(arena, node->n_indices, bool);
    if (arena_failed(arena))
        return false;
    const struct machine *machine = options ? &options->machine : machine_generic();
    *network = (struct order_network){.n_labels = node->n_indices, .n_operands = node->n_operands};
    for (uint32_t index = 0; index < node->n_indices; index++)
        sizes[index] = fmax(poly_estimate(node->extents[index], typical, NULL), 1);
    struct order_set held = {{0}};
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        operands[k] = operand_labels(context, node, access, needed);
        held = order_union(held, operands[k]);
        constant[k] = access->node->op == IR_const_node && !access->node->constant->exact;
        for (uint32_t axis = 0; axis < access->node->rank && constant[k]; axis++)
            constant[k] = !poly_is_run_time(access->subscripts[axis]);
    }
    for (uint32_t axis = 0; axis < node->rank; axis++)
        order_add(&network->output, axis);
    for (uint32_t k = 0; k < node->contract.n_domain; k++)
        for (uint32_t index = 0; index < poly_index_limit(node->contract.domain[k]); index++)
            if (poly_uses_index(node->contract.domain[k], index))
                order_add(&network->output, index);
    network->output = order_intersection(network->output, held);
    network->sizes = sizes;
    network->operands = operands;
    network->constant = constant;
    network->constant_limit = constant_limit(node, constant, typical, options && options->few_tables);
    network->real = real_operands(context, node);
    network->multiply = ir_elem_is_complex(node->elem) ? 6 : 1;
    network->add = ir_elem_is_complex(node->elem) ? 2 : 1;
    network->element_bytes = ir_elem_info(node->elem)->bytes;
    network->flop_time = 1 / machine_flop_rate(machine, ir_elem_info(ir_elem_real(node->elem))->bytes);
    network->byte_time = 1 / machine->read_rate;
    network->size_limit = INFINITY;
    network->is_small = options && options->small;
    network->codelets = network->is_small ? NULL : order_codelets_create(context, node);
    return true;
}
