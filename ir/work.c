/* Counting work, as docs/work.md defines it.
 *
 * flops are real additions and multiplications; a term of a contraction of n operands costs n-1 multiplications, and one addition
 * where something is summed, so a contraction that sums counts n * product of its extents and one of two operands 2 * product.
 * Complex multiplication counts 6, addition 2; minimum and maximum count 1 as additions do. Conditions of an affine domain are not
 * counted off: the number is that of the full index space. bytes is compulsory traffic, never what a cache forces on top. */
#include "ir_internal.h"

/* Real operations of one application to arguments of type `elem`. Complex division is the plain formula: 6 multiplications, 3
 * additions and 2 divisions. */
static int64_t operation_flops(enum ir_expr_op op, enum ir_elem elem)
{
    int64_t flops = ir_expr_info(op)->flops;
    if (!ir_elem_is_complex(elem))
        return flops;
    switch (op) {
    case IR_EXPR_mul:
        return 6;
    case IR_EXPR_div:
        return 11;
    case IR_EXPR_add:
    case IR_EXPR_sub:
    case IR_EXPR_eq:
    case IR_EXPR_ne:
        return 2;
    default:
        return flops;
    }
}

int64_t ir_expr_flops(struct ir_context *context, const struct ir_expr *expr, int64_t *functions)
{
    size_t count;
    int64_t flops = 0, calls = 0;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    for (size_t i = 0; order && i < count; i++) {
        if (order[i]->n_arguments == 0)
            continue;
        int64_t own = operation_flops(order[i]->op, order[i]->arguments[order[i]->n_arguments - 1]->elem);
        if (own == IR_FLOPS_FUNCTION)
            calls++;
        else
            flops += own;
    }
    if (functions)
        *functions = calls;
    return flops;
}

/* Of one term of a contraction. */
static int64_t term_flops(const struct ir_node *node)
{
    const struct ir_ring_info *ring = ir_ring_info(node->contract.ring);
    int64_t flops = 0;
    if (ring->multiply < IR_EXPR_OP_COUNT && node->n_operands)
        flops = (int64_t)(node->n_operands - 1) * operation_flops(ring->multiply, node->elem);
    if (node->n_indices > node->rank)
        flops += operation_flops(ring->add, node->contract.accumulator);
    return flops;
}

static const struct poly *node_bytes(struct ir_context *context, const struct ir_node *node)
{
    return poly_scale(context, ir_element_count(context, node), ir_elem_info(node->elem)->bytes);
}

/* Inputs and constants that have to be fetched; a scalar constant is part of the code. */
static bool is_fetched(const struct ir_node *node)
{
    return node->op == IR_input_node || (node->op == IR_const_node && node->rank > 0);
}

/* The step's, once a step. What the step moves is counted where its slices and results are. */
static struct ir_work scan_work(struct ir_context *context, const struct ir_node *node)
{
    struct ir_work step = ir_kernel_work(context, node->scan->step);
    return (struct ir_work){poly_multiply(context, step.flops, node->scan->extent),
                            poly_multiply(context, step.functions, node->scan->extent), poly_constant(context, 0)};
}

struct ir_work ir_node_work(struct ir_context *context, const struct ir_node *node)
{
    const struct poly *points = poly_constant(context, 1), *zero = poly_constant(context, 0);
    struct ir_work work = {zero, zero, zero};
    if (!node)
        return work;
    for (uint32_t k = 0; k < node->n_indices; k++)
        points = poly_multiply(context, points, node->extents[k]);
    if (node->op == IR_scan_node)
        return scan_work(context, node);
    int64_t flops = 0, functions = 0;
    if (node->op == IR_contract_node)
        flops = term_flops(node);
    else if (node->op == IR_map_node)
        flops = ir_expr_flops(context, node->body, &functions);
    else if (node->op == IR_scatter_node)
        flops = operation_flops(ir_ring_info(node->scatter.ring)->add, node->elem);
    work.flops = poly_scale(context, points, flops);
    work.functions = poly_scale(context, points, functions);
    if (node->n_operands)
        work.bytes = node_bytes(context, node);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        bool again = node->operands[k].node->op == IR_const_node && node->operands[k].node->rank == 0;
        for (uint32_t j = 0; j < k; j++)
            again = again || node->operands[j].node == node->operands[k].node;
        if (!again)
            work.bytes = poly_add(context, work.bytes, node_bytes(context, node->operands[k].node));
    }
    return work;
}

struct ir_work ir_kernel_work(struct ir_context *context, const struct ir_kernel *kernel)
{
    const struct poly *zero = poly_constant(context, 0);
    struct ir_work total = {zero, zero, zero};
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t i = 0; nodes && i < count; i++) {
        struct ir_work work = ir_node_work(context, nodes[i]);
        total.flops = poly_add(context, total.flops, work.flops);
        total.functions = poly_add(context, total.functions, work.functions);
        if (is_fetched(nodes[i]))
            total.bytes = poly_add(context, total.bytes, node_bytes(context, nodes[i]));
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node)
            total.bytes = poly_add(context, total.bytes, node_bytes(context, kernel->outputs[k].node));
    return total;
}
