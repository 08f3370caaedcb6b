/* Counting work.
 *
 * flops are real additions and multiplications; a term of a contraction of n operands costs n-1 multiplications, and one addition
 * where something is summed, so a contraction that sums counts n * product of its extents and one of two operands 2 * product.
 * Complex multiplication counts 6, one by a real number 2, addition 2; minimum and maximum count 1 as additions do. A condition on
 * two indices of constant extents that no other condition speaks of, a triangle or a band, is counted exactly; others as if they
 * always held. A codelet counts what its program does. bytes is compulsory traffic, never what a cache forces on top. */
#include "codelet.h"
#include "ir_internal.h"

/* Complex division is the plain formula: 6 multiplications, 3 additions and 2 divisions. */
int64_t ir_operation_flops(enum ir_expr_op op, enum ir_elem elem)
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

static bool is_real_literal(const struct ir_expr *expr)
{
    return expr->op == IR_EXPR_literal && ir_elem_is_complex(expr->elem) && expr->literal.im == 0;
}

int64_t ir_expr_flops(struct ir_context *context, const struct ir_expr *expr, int64_t *functions)
{
    size_t count;
    int64_t flops = 0, calls = 0;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    for (size_t i = 0; order && i < count; i++) {
        if (order[i]->n_arguments == 0)
            continue;
        int64_t own = ir_operation_flops(order[i]->op, order[i]->arguments[order[i]->n_arguments - 1]->elem);
        if (order[i]->op == IR_EXPR_mul && ir_elem_is_complex(order[i]->elem) &&
            (is_real_literal(order[i]->arguments[0]) || is_real_literal(order[i]->arguments[1])))
            own = 2;
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
    int64_t flops = 0, real = 0;
    for (uint32_t k = 0; ring->multiply == IR_EXPR_mul && ir_elem_is_complex(node->elem) && k < node->n_operands; k++)
        real += ir_codelet_is_real(node->operands[k].node);
    if (ring->multiply < IR_EXPR_OP_COUNT && node->n_operands) /* by a real number: both parts; real numbers go together */
        flops = real == node->n_operands
                    ? real - 1
                    : (node->n_operands - 1 - real) * ir_operation_flops(ring->multiply, node->elem) + 2 * real;
    if (node->n_indices > node->rank)
        flops += ir_operation_flops(ring->add, node->contract.accumulator);
    return flops;
}

static const struct poly *node_bytes(struct ir_context *context, const struct ir_node *node)
{
    return poly_scale(context, ir_element_count(context, node), ir_elem_info(node->elem)->bytes);
}

/* A constant that nothing but codelets read, as a factor, is part of the code, as a scalar is. */
static bool is_in_code(struct ir_context *context, const struct ir_node *constant, size_t count, const struct ir_node *const *nodes)
{
    bool used = constant->rank == 0;
    for (size_t i = 0; i < count && constant->rank > 0; i++)
        for (uint32_t k = 0; k < nodes[i]->n_operands; k++) {
            if (nodes[i]->operands[k].node != constant)
                continue;
            bool flagged = nodes[i]->op == IR_contract_node && nodes[i]->contract.codelet;
            const struct ir_codelet *codelet = flagged ? ir_codelet(context, nodes[i]) : NULL;
            if (!codelet || !codelet->factors[k])
                return false;
            used = true;
        }
    return used;
}

/* Inputs and constants that have to be fetched. */
static bool is_fetched(struct ir_context *context, const struct ir_node *node, size_t count, const struct ir_node *const *nodes)
{
    return node->op == IR_input_node || (node->op == IR_const_node && !is_in_code(context, node, count, nodes));
}

/* ---- domains ---- */

/* How many values x of 0 .. extent-1 have step * x + rest >= 0. */
static int64_t values_inside(int64_t step, int64_t rest, int64_t extent)
{
    if (step == 0)
        return rest >= 0 ? extent : 0;
    int64_t bound = step > 0 ? (rest >= 0 ? 0 : (-rest + step - 1) / step) : (rest < 0 ? 0 : rest / -step + 1);
    bound = bound < extent ? bound : extent;
    return step > 0 ? extent - bound : bound;
}

/* A condition on indices `pair` alone, linear with constant coefficients; false: it is not of that kind. */
static bool read_condition(struct ir_context *context, const struct ir_node *node, uint32_t condition, uint32_t pair[2],
                           int64_t numbers[3])
{
    const struct poly *rest = node->contract.domain[condition], *coefficient;
    uint32_t found = 0;
    for (uint32_t index = 0; index < node->n_indices; index++) {
        if (!poly_uses_index(node->contract.domain[condition], index))
            continue;
        if (found == 2 || !poly_split_index(context, rest, index, &coefficient, &rest) ||
            !poly_is_constant(coefficient, &numbers[found]))
            return false;
        for (uint32_t other = 0; other < node->contract.n_domain; other++)
            if (other != condition && poly_uses_index(node->contract.domain[other], index))
                return false;
        pair[found++] = index;
    }
    const int64_t most = 1 << 20;
    bool small = poly_is_constant(rest, &numbers[2]) && numbers[2] > -most * most && numbers[2] < most * most;
    return found == 2 && small && numbers[0] > -most && numbers[0] < most && numbers[1] > -most && numbers[1] < most;
}

/* Points of the index space that the node works at. */
static const struct poly *working_points(struct ir_context *context, const struct ir_node *node)
{
    enum { MOST_COUNTED = 1 << 16 };
    const struct poly *points = poly_constant(context, 1);
    bool *counted = ARENA_ARRAY(context->arena, node->n_indices, bool);
    for (uint32_t k = 0; counted && node->op == IR_contract_node && k < node->contract.n_domain; k++) {
        uint32_t pair[2];
        int64_t numbers[3], first, second, count = 0;
        if (!read_condition(context, node, k, pair, numbers) || !poly_is_constant(node->extents[pair[0]], &first) ||
            !poly_is_constant(node->extents[pair[1]], &second) || first > MOST_COUNTED || second > MOST_COUNTED)
            continue;
        for (int64_t x = 0; x < first; x++)
            count += values_inside(numbers[1], numbers[0] * x + numbers[2], second);
        counted[pair[0]] = counted[pair[1]] = true;
        points = poly_scale(context, points, count);
    }
    for (uint32_t k = 0; counted && k < node->n_indices; k++)
        if (!counted[k])
            points = poly_multiply(context, points, node->extents[k]);
    return counted ? points : NULL;
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
    const struct poly *zero = poly_constant(context, 0);
    struct ir_work work = {zero, zero, zero};
    if (!node)
        return work;
    if (node->op == IR_scan_node)
        return scan_work(context, node);
    const struct ir_codelet *codelet = node->op == IR_contract_node && node->contract.codelet ? ir_codelet(context, node) : NULL;
    const struct poly *points = codelet ? codelet->runs : working_points(context, node);
    int64_t flops = 0, functions = 0;
    if (codelet)
        flops = codelet->flops;
    else if (node->op == IR_contract_node)
        flops = term_flops(node);
    else if (node->op == IR_map_node)
        flops = ir_expr_flops(context, node->body, &functions);
    else if (node->op == IR_scatter_node)
        flops = ir_operation_flops(ir_ring_info(node->scatter.ring)->add, node->elem);
    work.flops = node->op == IR_solve_node ? ir_solve_flops(context, node, false) : poly_scale(context, points, flops);
    work.functions = poly_scale(context, points, functions);
    if (node->n_operands)
        work.bytes = node_bytes(context, node);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        bool again = node->operands[k].node->op == IR_const_node && node->operands[k].node->rank == 0;
        again = again || (codelet && codelet->factors[k]); /* numbers of the program */
        for (uint32_t j = 0; j < k; j++)
            again = again || node->operands[j].node == node->operands[k].node;
        if (!again)
            work.bytes = poly_add(context, work.bytes, node_bytes(context, node->operands[k].node));
    }
    return work;
}

/* Does one of the nodes before it solve with the same matrix? */
static bool has_factors(struct ir_context *context, const struct ir_node *node, size_t count, const struct ir_node *const *before)
{
    bool transposed;
    for (size_t k = 0; k < count; k++)
        if (before[k]->op == IR_solve_node && ir_solve_shares(context, node, before[k], &transposed))
            return true;
    return false;
}

struct ir_work ir_kernel_work(struct ir_context *context, const struct ir_kernel *kernel)
{
    const struct poly *zero = poly_constant(context, 0);
    struct ir_work total = {zero, zero, zero};
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t i = 0; nodes && i < count; i++) {
        struct ir_work work = ir_node_work(context, nodes[i]);
        if (nodes[i]->op == IR_solve_node && has_factors(context, nodes[i], i, nodes))
            work.flops = ir_solve_flops(context, nodes[i], true);
        total.flops = poly_add(context, total.flops, work.flops);
        total.functions = poly_add(context, total.functions, work.functions);
        if (is_fetched(context, nodes[i], count, nodes))
            total.bytes = poly_add(context, total.bytes, node_bytes(context, nodes[i]));
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (kernel->outputs[k].node)
            total.bytes = poly_add(context, total.bytes, node_bytes(context, kernel->outputs[k].node));
    return total;
}
