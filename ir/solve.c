/* What is known of solutions of linear equations: whose matrix is whose, and what they cost. Their meaning is in eval_solve.c. */
#include "ir_internal.h"

const char *ir_solver_name(enum ir_solver solver)
{
    static const char *const names[] = {
#define SOLVER(name, meaning, factors) #name,
#include "solvers.def"
    };
    return names[solver < IR_SOLVER_COUNT ? solver : 0];
}

bool ir_solver_takes(enum ir_elem elem)
{
    return elem == IR_f32 || elem == IR_f64 || ir_elem_is_complex(elem);
}

/* ---- matrices ---- */

bool ir_solve_is_batch(const struct ir_node *node, uint32_t index)
{
    const struct ir_access *matrix = &node->operands[0];
    bool used = false;
    for (uint32_t axis = 0; axis < matrix->node->rank; axis++)
        used = used || poly_uses_index(matrix->subscripts[axis], index);
    return used && index < node->rank && index != node->solve.axis;
}

/* The matrix as a tensor of its own: over the batch, then rows and columns, or, transposed, columns and rows. */
static const struct ir_node *matrix_of(struct ir_context *context, const struct ir_node *node, bool transposed)
{
    const struct poly **shape = ARENA_ARRAY(context->arena, node->rank + 1, const struct poly *);
    const struct poly **at = ARENA_ARRAY(context->arena, node->n_indices, const struct poly *);
    uint32_t rank = 0;
    for (uint32_t k = 0; shape && at && k < node->rank; k++) {
        at[k] = poly_constant(context, 0);
        if (!ir_solve_is_batch(node, k))
            continue;
        at[k] = poly_index(context, rank);
        shape[rank++] = node->shape[k];
    }
    if (!shape || !at)
        return NULL;
    at[node->rank] = poly_index(context, rank + transposed);
    at[node->solve.axis] = poly_index(context, rank + !transposed);
    shape[rank] = shape[rank + 1] = node->extents[node->rank];
    struct poly_ranges ranges = {rank + 2, shape};
    return ir_view(context, rank + 2, shape, ir_access_substitute(context, node->operands[0], node->n_indices, at, &ranges));
}

/* Of a symmetric matrix either half stands for the whole, but only one is read: transposed it is another. */
static bool are_transposed(enum ir_solver a, enum ir_solver b)
{
    return (a == IR_SOLVER_lu && b == a) || (a == IR_SOLVER_lower && b == IR_SOLVER_upper) ||
           (a == IR_SOLVER_upper && b == IR_SOLVER_lower);
}

bool ir_solve_shares(struct ir_context *context, const struct ir_node *a, const struct ir_node *b, bool *transposed)
{
    const struct ir_node *matrix = matrix_of(context, b, false);
    if (a->elem != b->elem || !matrix)
        return false;
    *transposed = false;
    if (a->solve.solver == b->solve.solver && matrix_of(context, a, false) == matrix)
        return true;
    *transposed = true;
    return are_transposed(a->solve.solver, b->solve.solver) && matrix_of(context, a, true) == matrix;
}

/* ---- work ---- */

/* (c3 n^3 + c2 n^2 + c1 n) / 6 */
static const struct poly *cubic(struct ir_context *context, const struct poly *n, int64_t c3, int64_t c2, int64_t c1)
{
    const struct poly *square = poly_multiply(context, n, n);
    const struct poly *sum = poly_add(context, poly_scale(context, poly_multiply(context, square, n), c3),
                                      poly_add(context, poly_scale(context, square, c2), poly_scale(context, n, c1)));
    return poly_floor_div(context, sum, poly_constant(context, 6), NULL);
}

/* Multiply-adds, multiplications and reciprocals: of the factors of a matrix, and of a right side's substitutions. A reciprocal
 * counts as a division. */
static const struct poly *solving_flops(struct ir_context *context, const struct ir_node *node, bool factors)
{
    const struct poly *n = node->extents[node->rank], *adds, *multiplies;
    bool triangle = node->solve.solver == IR_SOLVER_lower || node->solve.solver == IR_SOLVER_upper;
    int64_t multiply = ir_operation_flops(IR_EXPR_mul, node->elem), add = ir_operation_flops(IR_EXPR_sub, node->elem);
    if (factors) {
        adds = triangle ? poly_constant(context, 0) : cubic(context, n, 2, -3, 1); /* (n - 1) n (2 n - 1) / 6 */
        if (node->solve.solver == IR_SOLVER_cholesky)
            adds = cubic(context, n, 1, 0, -1); /* (n - 1) n (n + 1) / 6 */
        multiplies = triangle ? poly_constant(context, 0) : cubic(context, n, 0, 3, -3);
        multiplies = poly_add(context, poly_scale(context, multiplies, multiply),
                              poly_scale(context, n, ir_operation_flops(IR_EXPR_div, node->elem)));
    } else {
        adds = cubic(context, n, 0, triangle ? 3 : 6, triangle ? -3 : -6);
        multiplies = poly_scale(context, n, multiply);
    }
    return poly_add(context, poly_scale(context, adds, multiply + add), multiplies);
}

const struct poly *ir_solve_flops(struct ir_context *context, const struct ir_node *node, bool shared)
{
    const struct poly *batch = poly_constant(context, 1), *sides = batch;
    for (uint32_t k = 0; k < node->rank; k++) {
        if (k == node->solve.axis)
            continue;
        sides = poly_multiply(context, sides, node->shape[k]);
        if (ir_solve_is_batch(node, k))
            batch = poly_multiply(context, batch, node->shape[k]);
    }
    const struct poly *flops = poly_multiply(context, sides, solving_flops(context, node, false));
    return shared ? flops : poly_add(context, flops, poly_multiply(context, batch, solving_flops(context, node, true)));
}
