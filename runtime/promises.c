/* Random inputs that keep what is promised of them.
 *
 * A matrix is made to keep a promise by adding its mirror image: A + transpose(A) is symmetric, A + J A J centrosymmetric, A - J A
 * J skew (J reverses). Each of these keeps what an earlier one made, since the two mirrors commute; a diagonal that outweighs the
 * rows makes a symmetric matrix positive definite. The sums are maps of tensor IR, so that every element type is computed as
 * everywhere else. */
#include "runtime.h"

static const struct poly *reversed(struct ir_context *context, const struct ir_node *node, uint32_t axis)
{
    const struct poly *last = poly_subtract(context, node->shape[axis], poly_constant(context, 1));
    return poly_subtract(context, last, poly_index(context, axis));
}

/* The matrix with its mirror image added, or subtracted. */
static const struct ir_node *add_mirrored(struct ir_context *context, const struct ir_node *node, enum ir_promise promise)
{
    bool transposed = ir_promise_info(promise)->half;
    uint32_t row = node->rank - 2, column = node->rank - 1;
    struct ir_access accesses[2] = {ir_access_whole(context, node), {.node = node}};
    const struct poly **subscripts = arena_copy(ir_arena(context), accesses[0].subscripts, node->rank, sizeof *subscripts);
    if (!subscripts)
        return NULL;
    subscripts[row] = transposed ? poly_index(context, column) : reversed(context, node, row);
    subscripts[column] = transposed ? poly_index(context, row) : reversed(context, node, column);
    accesses[1].subscripts = subscripts;
    const struct ir_expr *pair[2] = {ir_expr_operand(context, 0, node->elem), ir_expr_operand(context, 1, node->elem)};
    enum ir_expr_op add = node->elem == IR_bool                        ? IR_EXPR_or
                          : promise == IR_PROMISE_skew_centrosymmetric ? IR_EXPR_sub
                                                                       : IR_EXPR_add;
    return ir_map(context, node->rank, node->shape, 2, accesses, ir_expr_apply(context, add, 2, pair));
}

/* Sums of elements in [-1, 1] with their mirror images are at most 4 in size, so a diagonal of 4 n and more outweighs a row. */
static const struct ir_node *add_diagonal(struct ir_context *context, const struct ir_node *node)
{
    const struct poly *row = poly_index(context, node->rank - 2), *column = poly_index(context, node->rank - 1);
    const struct ir_expr *zero = ir_expr_literal(context, ir_number_integer(IR_i64, 0));
    const struct ir_expr *on[2] = {ir_expr_index(context, poly_subtract(context, row, column)), zero};
    struct ir_access access = ir_access_whole(context, node);
    const struct ir_expr *size = ir_expr_index(context, poly_scale(context, node->shape[node->rank - 1], 4));
    const struct ir_expr *sum[2] = {ir_expr_operand(context, 0, node->elem), ir_expr_cast(context, node->elem, size)};
    const struct ir_expr *choice[3] = {ir_expr_apply(context, IR_EXPR_eq, 2, on), ir_expr_apply(context, IR_EXPR_add, 2, sum),
                                       sum[0]};
    return ir_map(context, node->rank, node->shape, 1, &access, ir_expr_apply(context, IR_EXPR_select, 3, choice));
}

bool promises_settle(struct ir_context *context, const struct ir_input_info *input, const int64_t *dims, struct ir_tensor *tensor)
{
    const struct ir_node *matrix =
        ir_input(context, 0, input->node->elem, input->node->rank, input->node->shape); /* the kernel here has no other */
    struct ir_input_info info = {.name = input->name, .node = matrix, .span = input->span};
    struct ir_output output = {.name = input->name, .node = matrix, .span = input->span};
    bool mirrored[2] = {false, false};
    for (int promise = 0; promise < IR_PROMISE_COUNT; promise++) {
        bool half = ir_promise_info((enum ir_promise)promise)->half;
        if (!ir_input_promises(input, (enum ir_promise)promise) || (half && mirrored[half]))
            continue;
        mirrored[half] = true;
        if (!(output.node = add_mirrored(context, output.node, (enum ir_promise)promise)))
            return false;
    }
    if (ir_input_promises(input, IR_PROMISE_spd))
        output.node = add_diagonal(context, output.node);
    struct ir_kernel kernel = {.name = input->name, .n_inputs = 1, .n_outputs = 1, .inputs = &info, .outputs = &output};
    struct ir_tensor given = *tensor;
    return output.node && ir_eval(context, &kernel, IR_EVAL_NUMBERS, dims, &given, tensor, NULL) == EINC_OK;
}
