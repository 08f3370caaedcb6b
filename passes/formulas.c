/* Formulas with roots of unity become tables of numbers, or cosines and sines.
 *
 * A map of its indices alone in which roots of unity stand is calculated here once and for all, where it is no larger than a table
 * may be: contractions see a constant from then on. Before this pass formulas say what transform a matrix is, and rewrites of them
 * are exact modulo the reference's prime; after it no root is left. A larger formula, or one that an operand is part of, is
 * calculated at run time: root(a, n) is cos(t) - i sin(t), t = 2 pi (a mod n) / n. */
#include "passes.h"

enum einc_status pass_formulas(struct pass_kernel *kernel);

/* Elements of a table made by the compiler, at most: that of a matrix of a transform of length 1024. */
enum { MOST_ELEMENTS = 1 << 20 };

static bool has_root(struct ir_context *context, const struct ir_expr *body)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, body, &count);
    for (size_t k = 0; order && k < count; k++)
        if (order[k]->op == IR_EXPR_root)
            return true;
    return false;
}

/* ---- tables ---- */

static const struct ir_node *table(struct ir_context *context, const struct ir_kernel *in, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(in, node);
    struct ir_output output = {.name = "table", .node = node, .span = SPAN_NONE};
    struct ir_kernel kernel = {.name = "table", .n_outputs = 1, .outputs = &output};
    struct ir_tensor result = {.data = NULL};
    int64_t elements;
    if (!poly_is_constant(ir_element_count(context, node), &elements) || elements > MOST_ELEMENTS || elements == 0 ||
        ir_eval(context, &kernel, IR_EVAL_NUMBERS, NULL, NULL, &result, NULL) != EINC_OK || !result.data)
        return NULL;
    struct ir_constant constant = {
        .data = result.data, .bytes = (size_t)elements * ir_elem_info(node->elem)->bytes, .name = name ? name->name : NULL};
    return ir_constant(context, node->elem, node->rank, node->shape, &constant);
}

/* ---- at run time ---- */

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(context, op, b ? 2 : 1, arguments);
}

static const struct ir_expr *in_waves(struct ir_context *context, const struct ir_expr *root, const struct ir_expr *numerator)
{
    const double turn = 6.283185307179586476925;
    const struct ir_expr *order = root->arguments[1];
    const struct ir_expr *part = apply(context, IR_EXPR_floor_mod, numerator, order);
    const struct ir_expr *angle = apply(
        context, IR_EXPR_div,
        apply(context, IR_EXPR_mul, ir_expr_literal(context, ir_number_real(IR_f64, turn)), ir_expr_cast(context, IR_f64, part)),
        ir_expr_cast(context, IR_f64, order));
    return apply(context, IR_EXPR_complex, apply(context, IR_EXPR_cos, angle, NULL),
                 apply(context, IR_EXPR_neg, apply(context, IR_EXPR_sin, angle, NULL), NULL));
}

static const struct ir_expr *without_roots(struct ir_context *context, const struct ir_expr *body)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, body, &count);
    const struct ir_expr **made = order ? ARENA_ARRAY(ir_arena(context), count, const struct ir_expr *) : NULL;
    for (size_t k = 0; made && k < count; k++) {
        const struct ir_expr *arguments[3] = {NULL, NULL, NULL};
        for (uint32_t a = 0; a < order[k]->n_arguments; a++)
            arguments[a] = made[ir_expr_position(order, count, order[k]->arguments[a])];
        made[k] =
            order[k]->op == IR_EXPR_root ? in_waves(context, order[k], arguments[0]) : ir_expr_remake(context, order[k], arguments);
        if (!made[k])
            return NULL;
    }
    return made ? made[count - 1] : NULL;
}

static const struct ir_node *calculate(void *user, struct ir_context *context, const struct ir_node *node)
{
    if (node->op != IR_map_node || !has_root(context, node->body))
        return node;
    const struct ir_node *constant = node->n_operands == 0 && !ir_uses_dims(context, node) ? table(context, user, node) : NULL;
    if (constant || arena_failed(ir_arena(context)))
        return constant;
    return ir_map(context, node->rank, node->shape, node->n_operands, node->operands, without_roots(context, node->body));
}

enum einc_status pass_formulas(struct pass_kernel *kernel)
{
    (void)ir_rewrite(kernel->context, kernel->kernel, calculate, kernel->kernel);
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
