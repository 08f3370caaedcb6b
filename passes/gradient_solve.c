/* Solutions of linear equations. Of X = M^-1 B, with Z the solution of M^H Z = the cotangent of X, B's cotangent is Z and M's is
 * -Z X^H, at the elements that the solver reads (Giles 2008, 2.3.1). What was done to M serves its transpose too. */
#include "gradient.h"

/* The access with the indices of unknowns and equations exchanged. */
static struct ir_access exchanged(struct gradient *gradient, const struct ir_node *node, struct ir_access access)
{
    struct ir_context *context = gradient->context;
    const struct poly **at = ARENA_ARRAY(gradient->arena, node->n_indices, const struct poly *);
    struct poly_ranges ranges = ir_ranges(node);
    if (!at || !access.node)
        return (struct ir_access){.node = NULL};
    for (uint32_t k = 0; k < node->n_indices; k++)
        at[k] = poly_index(context, k == node->rank ? node->solve.axis : k == node->solve.axis ? node->rank : k);
    return ir_access_substitute(context, access, node->n_indices, at, &ranges);
}

static const struct ir_node *solve_transposed(struct gradient *gradient, const struct ir_node *node,
                                              const struct ir_node *cotangent)
{
    enum ir_solver solver = node->solve.solver;
    struct ir_access matrix = gradient_conjugated(gradient->context, node->operands[0]);
    if (solver != IR_SOLVER_cholesky) /* which is its own transpose, read where it is read */
        matrix = exchanged(gradient, node, matrix);
    struct ir_access right = exchanged(gradient, node, ir_access_whole(gradient->context, cotangent));
    solver = solver == IR_SOLVER_lower ? IR_SOLVER_upper : solver == IR_SOLVER_upper ? IR_SOLVER_lower : solver;
    const struct ir_node *solution = ir_solve(gradient->context, solver, node->rank, node->shape, node->solve.axis, matrix, right);
    return gradient_name(gradient, solution, NULL, node);
}

/* To the matrix, -z[i] conj(x[k]) at row i and column k where the condition holds (NULL: everywhere); if `mirrored`, -z[k]
 * conj(x[i]). */
static void contribute_matrix(struct gradient *gradient, const struct ir_node *node, const struct ir_node *negative,
                              const struct poly *condition, bool mirrored)
{
    struct ir_context *context = gradient->context;
    struct ir_access z = ir_access_whole(context, negative), x = gradient_conjugated(context, ir_access_whole(context, node));
    struct ir_access factors[2] = {mirrored ? z : exchanged(gradient, node, z), mirrored ? exchanged(gradient, node, x) : x};
    struct ir_contract points = {.ring = IR_RING_plustimes,
                                 .elem = node->elem,
                                 .accumulator = node->elem,
                                 .rank = node->rank,
                                 .n_indices = node->n_indices,
                                 .extents = node->extents,
                                 .n_operands = 1,
                                 .operands = &node->operands[0],
                                 .n_domain = condition ? 1 : 0,
                                 .domain = &condition};
    const struct ir_node *space = ir_contract(context, &points);
    const struct ir_name *name = gradient_find_name(gradient, node);
    if (!space || !factors[0].node || !factors[1].node)
        return;
    if (name && name->index_names)
        ir_set_name(context, gradient->names, space, NULL, name->index_names, SPAN_NONE);
    struct gradient_term term = {space, &node->operands[0], factors, 2, node->elem};
    gradient_contribute(gradient, node->operands[0].node, gradient_transpose(gradient, &term));
}

static void give_matrix(struct gradient *gradient, const struct ir_node *node, const struct ir_node *solution)
{
    struct ir_context *context = gradient->context;
    struct ir_access whole = ir_access_whole(context, solution);
    const struct ir_expr *operand = ir_expr_operand(context, 0, node->elem);
    const struct ir_node *negative =
        ir_map(context, node->rank, node->shape, 1, &whole, ir_expr_apply(context, IR_EXPR_neg, 1, &operand));
    const struct poly *below = poly_subtract(context, poly_index(context, node->rank), poly_index(context, node->solve.axis));
    enum ir_solver solver = node->solve.solver;
    bool half = solver == IR_SOLVER_lower || solver == IR_SOLVER_cholesky;
    const struct poly *domain = half ? below : solver == IR_SOLVER_upper ? poly_scale(context, below, -1) : NULL;
    contribute_matrix(gradient, node, negative, domain, false);
    if (solver == IR_SOLVER_cholesky) /* what stands for both places gets both */
        contribute_matrix(gradient, node, negative, poly_subtract(context, below, poly_constant(context, 1)), true);
}

void gradient_solve(struct gradient *gradient, const struct ir_node *node, const struct ir_node *cotangent)
{
    struct ir_context *context = gradient->context;
    const struct poly **at = ARENA_ARRAY(gradient->arena, node->n_indices, const struct poly *);
    const struct ir_node *solution = solve_transposed(gradient, node, cotangent);
    if (!solution || !at)
        return;
    for (uint32_t k = 0; k < node->n_indices; k++)
        at[k] = poly_index(context, k == node->rank ? node->solve.axis : k);
    if (gradient_is_active(gradient, node->operands[0].node))
        give_matrix(gradient, node, solution);
    if (!gradient_is_active(gradient, node->operands[1].node))
        return;
    struct poly_ranges ranges = {node->rank, node->shape};
    struct ir_access right = ir_access_substitute(context, node->operands[1], node->n_indices, at, &ranges);
    const struct ir_node *sides = ir_view(context, node->rank, node->shape, right);
    if (sides)
        gradient_view(gradient, gradient_name(gradient, sides, NULL, node), solution);
}
