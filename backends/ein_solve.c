/* Solutions of linear equations in source: the inverse of a matrix applied to right sides, which reads back as a solution.
 *
 * Matrix and right sides have lets of their own where they are more than whole tensors. A batch is a matrix of blocks: its rows are
 * merged with the batch's index in one more let, so that the inverse is applied and not formed. */
#include "ein.h"

/* The element in its place, or the one that a solver which reads a part takes for it. */
static const struct ir_expr *element(struct ein_writer *w, const struct ir_node *node, uint32_t batch)
{
    struct ir_context *context = w->context;
    const struct ir_expr *own = ir_expr_operand(context, 0, node->elem),
                         *zero = ir_expr_literal(context, ir_number_real(node->elem, 0));
    const struct poly *below = poly_subtract(context, poly_index(context, batch), poly_index(context, batch + 1));
    if (node->solve.solver == IR_SOLVER_upper)
        below = poly_scale(context, below, -1);
    const struct ir_expr *sides[2] = {ir_expr_index(context, below), ir_expr_literal(context, ir_number_integer(IR_i64, 0))};
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_ge, 2, sides), own, zero};
    if (node->solve.solver == IR_SOLVER_lu)
        return own;
    if (node->solve.solver == IR_SOLVER_cholesky)
        choice[2] = ir_expr_operand(context, 1, node->elem);
    return ir_expr_apply(context, IR_EXPR_select, 3, choice);
}

/* The matrix over its batch, if it has one, rows and columns. */
static const struct ir_node *matrix_of(struct ein_writer *w, const struct ir_node *node)
{
    struct ir_context *context = w->context;
    const struct poly *shape[IR_STEP_RANK + 2], **at = ARENA_ARRAY(w->arena, node->n_indices, const struct poly *);
    uint32_t batch = 0;
    if (!at || node->rank > IR_STEP_RANK)
        return NULL;
    for (uint32_t k = 0; k < node->rank; k++) {
        at[k] = poly_index(context, batch);
        if (ir_solve_is_batch(node, k))
            shape[batch++] = node->shape[k];
    }
    struct ir_access sides[2];
    for (uint32_t mirrored = 0; mirrored < 2; mirrored++) {
        at[node->rank] = poly_index(context, batch + mirrored);
        at[node->solve.axis] = poly_index(context, batch + 1 - mirrored);
        shape[batch + mirrored] = node->shape[node->solve.axis];
        sides[mirrored] = ir_access_substitute(context, node->operands[0], node->n_indices, at, NULL);
    }
    if (node->solve.solver == IR_SOLVER_lu)
        return ir_view(context, batch + 2, shape, sides[0]);
    return ir_map(context, batch + 2, shape, node->solve.solver == IR_SOLVER_cholesky ? 2 : 1, sides, element(w, node, batch));
}

/* The right sides over the solution's axes; of a batch at axis `batch` over it and the rows merged, then the other axes. */
static const struct ir_node *right_of(struct ein_writer *w, const struct ir_node *node, uint32_t batch)
{
    struct ir_context *context = w->context;
    const struct poly **at = ARENA_ARRAY(w->arena, node->n_indices, const struct poly *);
    const struct poly **shape = ARENA_ARRAY(w->arena, node->rank, const struct poly *);
    const struct poly *n = node->shape[node->solve.axis];
    uint32_t rank = 1;
    if (!at || !shape)
        return NULL;
    shape[0] = batch < node->rank ? poly_multiply(context, n, node->shape[batch]) : n;
    for (uint32_t k = 0; k < node->rank; k++) {
        if (k == node->solve.axis || k == batch)
            continue;
        shape[rank] = node->shape[k];
        at[k] = poly_index(context, rank++);
    }
    at[node->rank] = poly_index(context, 0);
    if (batch < node->rank && !poly_equals(n, 0)) {
        at[batch] = poly_floor_div(context, poly_index(context, 0), n, NULL); /* a batch of one may be of none */
        at[node->rank] = poly_mod(context, poly_index(context, 0), n, NULL);
    } else if (batch < node->rank) {
        at[batch] = poly_constant(context, 0); /* there are no elements */
    }
    at[node->solve.axis] = at[node->rank];
    return ir_view(context, rank, shape, ir_access_substitute(context, node->operands[1], node->n_indices, at, NULL));
}

/* What the view shows, if that is all of a tensor. */
static const struct ir_node *shown(struct ein_writer *w, const struct ir_node *view)
{
    if (!view || view->op != IR_view_node || view->operands[0].fill || view->operands[0].conjugate ||
        view->operands[0].node->rank != view->rank)
        return view;
    const struct ir_node *node = view->operands[0].node;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        if (view->operands[0].subscripts[axis] != poly_index(w->context, axis) || node->shape[axis] != view->shape[axis])
            return view;
    return node;
}

/* A let for it, if it has none; its own statement, if that comes later. */
static const char *name_side(struct ein_writer *w, const struct ir_node *side, const char *wanted)
{
    if (side && !ein_is_named(w, side))
        ein_name_node(w, side, wanted);
    if (side && ein_is_computed(side) && ein_begins(w, side))
        ein_put_value(w, ein_node_name(w, side), side, false);
    return side ? ein_node_name(w, side) : "";
}

/* A promise would have to be made again: only an input has one. */
static bool is_promised(const struct ein_writer *w, const struct ir_node *node)
{
    const struct ir_node *matrix = node->operands[0].node;
    return node->solve.solver == IR_SOLVER_cholesky && matrix->op == IR_input_node &&
           ir_input_promises(&w->kernel->inputs[matrix->input.number], IR_PROMISE_spd);
}

/* `inv(A)[i,j] * b[j,r]`, in the place of index `axis` among `count` indices the summed one. */
static void put_product(struct ein_writer *w, const char *matrix, bool blocks, const char *right, const char *const *indices,
                        uint32_t count)
{
    size_t names = w->names.count;
    for (uint32_t k = 0; k < count; k++)
        (void)ARENA_PUSH(w->arena, w->names.items, w->names.count, w->names.capacity, indices[k]);
    const char *summed = ein_new_name(w, "inner");
    text_printf(w->text, blocks ? "inv(blockdiag(%s))[%s,%s] * %s[%s" : "inv(%s)[%s,%s] * %s[%s", matrix, indices[0], summed, right,
                summed);
    for (uint32_t k = 1; k < count; k++)
        text_printf(w->text, ",%s", indices[k]);
    text_put(w->text, "]");
    w->names.count = names; /* indices live for one statement */
}

/* Of a batch: all solutions, with batch and rows merged. */
static const char *put_blocks(struct ein_writer *w, const struct ir_node *right, const char *matrix)
{
    const char *name = ein_new_name(w, "solutions"), *of_right = ein_node_name(w, right);
    const char **indices = ARENA_ARRAY(w->arena, right->rank, const char *);
    size_t names = w->names.count;
    if (!name || !indices)
        return "";
    for (uint32_t k = 0; k < right->rank; k++)
        indices[k] = ein_new_name(w, k == 0 ? "row" : "side");
    w->names.count = names;
    if (arena_failed(w->arena))
        return "";
    text_put(w->text, "    let ");
    ein_put_left(w, name, right, indices);
    put_product(w, matrix, true, of_right, indices, right->rank);
    text_put(w->text, "\n");
    return name;
}

void ein_begin_solve(struct ein_writer *w, const struct ir_node *node, struct ein_solve *solve)
{
    struct ir_access transposed = node->operands[0];
    solve->batch = node->rank;
    for (uint32_t k = 0; k < node->rank; k++)
        if (ir_solve_is_batch(node, k))
            solve->batch = k;
    const struct ir_node *matrix = is_promised(w, node) && transposed.node->rank == (solve->batch < node->rank ? 3 : 2)
                                       ? transposed.node
                                       : shown(w, matrix_of(w, node));
    const struct ir_node *right = shown(w, right_of(w, node, solve->batch));
    solve->matrix = name_side(w, matrix, "matrix");
    solve->right = name_side(w, right, "right");
    if (right && solve->batch < node->rank)
        solve->right = put_blocks(w, right, solve->matrix);
}

void ein_put_solve(struct ein_writer *w, const struct ir_node *node, const struct ein_solve *solve)
{
    const char **indices = ARENA_ARRAY(w->arena, node->rank + 1, const char *), *unknown = w->indices[node->solve.axis];
    uint32_t count = 1;
    if (!indices)
        return;
    indices[0] = unknown;
    for (uint32_t k = 0; k < node->rank; k++)
        if (k != node->solve.axis && k != solve->batch)
            indices[count++] = w->indices[k];
    if (solve->batch == node->rank) {
        put_product(w, solve->matrix, false, solve->right, indices, count);
        return;
    }
    text_printf(w->text, "%s[(%s,%s)", solve->right, w->indices[solve->batch], unknown);
    for (uint32_t k = 1; k < count; k++)
        text_printf(w->text, ",%s", indices[k]);
    text_put(w->text, "]");
}
