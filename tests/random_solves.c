/* Random solutions of linear equations: a product of the program with something added to its diagonal, so that it is singular by
 * accident alone, and right sides over a batch, the unknowns and other indices. */
#include "programs_internal.h"

#include <math.h>

/* 2.75 on the diagonal. */
static const struct ir_node *diagonal(struct generator *generator, enum ir_elem elem, const struct poly *const *square, int64_t n)
{
    size_t bytes = ir_elem_info(elem)->bytes;
    void *data = arena_alloc(ir_arena(generator->context), (size_t)(n * n), bytes);
    struct ir_constant constant = {.data = data, .bytes = (size_t)(n * n) * bytes};
    for (int64_t k = 0; data && k < n * n; k++)
        ir_number_store(ir_number_real(elem, k / n == k % n ? 2.75 : 0), data, (size_t)k);
    return data ? ir_constant(generator->context, elem, 2, square, &constant) : NULL;
}

static const struct ir_node *some_matrix(struct generator *generator, enum ir_elem elem, uint32_t rank,
                                         const struct poly *const *shape)
{
    struct ir_context *context = generator->context;
    int64_t n;
    struct random_value value = random_of_shape(generator, elem, rank, shape);
    const struct poly *at[2] = {poly_index(context, rank - 2), poly_index(context, rank - 1)};
    if (!value.node || !isfinite(value.bound) || !poly_is_constant(shape[rank - 1], &n) || n == 0) /* source inverts no 0 x 0 */
        return NULL;
    struct ir_access operands[2] = {ir_access_whole(context, value.node),
                                    {.node = diagonal(generator, elem, shape + rank - 2, n), .subscripts = at}};
    const struct ir_expr *sum[2] = {ir_expr_operand(context, 0, elem), ir_expr_operand(context, 1, elem)};
    return ir_map(context, rank, shape, 2, operands, ir_expr_apply(context, IR_EXPR_add, 2, sum));
}

/* The access with index `axis` as the equation's. */
static struct ir_access right_side(struct generator *generator, struct ir_access access, uint32_t rank, uint32_t axis)
{
    const struct poly *at[MOST_INDICES];
    for (uint32_t k = 0; k < rank; k++)
        at[k] = poly_index(generator->context, k == axis ? rank : k);
    return ir_access_substitute(generator->context, access, rank, at, NULL);
}

struct random_value random_solve(struct generator *generator)
{
    static const struct random_value none;
    struct ir_context *context = generator->context;
    struct space space = {0};
    const struct random_value *value = some_value(generator);
    bool exact = generator->options.kind == RANDOM_POLYNOMIAL || generator->options.kind == RANDOM_OPAQUE;
    if (!exact || generator->in_step || !ir_solver_takes(value->node->elem))
        return none;
    struct ir_access access = some_access(generator, &space, value);
    if (!access.node || space.n == 0 || access.fill || volume_of(generator, space.n, space.extents) > generator->largest_tensor)
        return none;
    choose_axes(generator, &space, 100, 1, &access);
    uint32_t axis = pick(generator, space.n), batch = pick(generator, 2 * space.n);
    bool batched = batch < space.n && batch != axis && poly_is_constant(space.extents[batch], NULL); /* source merges it with n */
    const struct poly *n = space.extents[axis], *shape[3] = {batched ? space.extents[batch] : n, n, n};
    enum ir_solver solver = (enum ir_solver)pick(generator, IR_SOLVER_COUNT);
    if (solver == IR_SOLVER_cholesky && ir_elem_is_complex(value->node->elem))
        solver = IR_SOLVER_lu;
    const struct ir_node *matrix =
        poly_is_constant(n, NULL) ? some_matrix(generator, value->node->elem, batched ? 3 : 2, shape) : NULL;
    if (!matrix || arena_failed(ir_arena(context)))
        return none;
    uint32_t turned = chance(generator, 50);
    const struct poly *unknown = poly_index(context, axis), *equation = poly_index(context, space.n);
    const struct poly *at[3] = {poly_index(context, batch), equation, unknown};
    at[1 + turned] = equation;
    at[2 - turned] = unknown;
    struct ir_access of_matrix = {.node = matrix, .conjugate = chance(generator, 20), .subscripts = batched ? at : at + 1};
    return (struct random_value){
        .node = ir_solve(context, solver, space.n, space.extents, axis, of_matrix, right_side(generator, access, space.n, axis)),
        .bound = value->bound,
        .n_factors = 1};
}
