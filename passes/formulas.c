/* Formulas with roots of unity become tables of numbers, or cosines and sines; small ones that sums are made of, too.
 *
 * A map of its indices alone in which roots of unity stand is calculated here once and for all, where it is no larger than a table
 * may be: contractions see a constant from then on. Before this pass formulas say what transform a matrix is, and rewrites of them
 * are exact modulo the reference's prime; after it no root is left. A larger formula, or one that an operand is part of, is
 * calculated at run time: root(a, n) is cos(t) - i sin(t), t = 2 pi (a mod n) / n.
 *
 * A factor of a sum of products that is some other formula, no larger than what codelets are made of, becomes a table as well: it
 * is a constant that nobody wrote down. Not so a mask, `where(i <= j, ..., 0)`, which sums make their domain. */
#include "ir/straight_line.h"
#include "passes.h"

enum einc_status pass_formulas(struct pass_kernel *kernel);

/* Elements of a table made by the compiler, at most: that of a matrix of a transform of length 1024. */
enum { MOST_ELEMENTS = 1 << 20, MOST_FACTORS = STRAIGHT_LINE_ROWS * STRAIGHT_LINE_COLUMNS };

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

static const struct ir_node *table(struct ir_context *context, const struct ir_kernel *in, const struct ir_node *node, int64_t most)
{
    const struct ir_name *name = ir_find_name(in, node);
    int64_t elements;
    if (!poly_is_constant(ir_element_count(context, node), &elements) || elements > most || elements == 0)
        return NULL;
    return ir_evaluated(context, node, name ? name->name : NULL);
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

/* ---- factors ---- */

static bool is_zero(const struct ir_expr *expr)
{
    while (expr->op == IR_EXPR_cast)
        expr = expr->arguments[0];
    if (expr->op != IR_EXPR_literal)
        return false;
    const struct ir_number number = expr->literal;
    return ir_elem_is_integer(number.elem) || number.elem == IR_bool
               ? number.i == 0
               : number.re == 0 && (!ir_elem_is_complex(number.elem) || number.im == 0);
}

static bool is_mask(const struct ir_expr *body)
{
    while (body->op == IR_EXPR_cast)
        body = body->arguments[0];
    return body->op == IR_EXPR_select && (is_zero(body->arguments[1]) || is_zero(body->arguments[2]));
}

/* Is it a map of its indices alone, perhaps in another type? A real one in a complex type stays a cast, which tells that it is
 * real. */
static bool is_formula(struct ir_context *context, const struct ir_node *node)
{
    const struct ir_node *inner = node;
    while (inner->op == IR_map_node && inner->n_operands == 1 && inner->body->op == IR_EXPR_cast &&
           inner->body->arguments[0]->op == IR_EXPR_operand && !inner->operands[0].fill && !inner->operands[0].conjugate)
        inner = inner->operands[0].node;
    return inner->op == IR_map_node && inner->n_operands == 0 && node->rank > 0 && !is_mask(inner->body) &&
           ir_elem_is_complex(inner->elem) == ir_elem_is_complex(node->elem) && ir_is_known(context, node, 2 * MOST_FACTORS);
}

static const struct ir_node *with_tables_for_factors(struct ir_context *context, const struct ir_kernel *kernel,
                                                     const struct ir_node *node)
{
    bool sums = node->contract.ring == IR_RING_plustimes && (ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem)) &&
                node->n_indices > node->rank && kernel->numeric_class != IR_CLASS_EXACT;
    struct ir_access *operands = sums ? ARENA_ARRAY(ir_arena(context), node->n_operands, struct ir_access) : NULL;
    bool changed = false;
    for (uint32_t k = 0; operands && k < node->n_operands; k++) {
        operands[k] = node->operands[k];
        const struct ir_node *constant =
            is_formula(context, operands[k].node) ? table(context, kernel, operands[k].node, MOST_FACTORS) : NULL;
        changed |= constant != NULL;
        operands[k].node = constant ? constant : operands[k].node;
    }
    return changed ? ir_with_operands(context, node, operands) : node;
}

static const struct ir_node *calculate(void *user, struct ir_context *context, const struct ir_node *node)
{
    if (node->op == IR_contract_node)
        return with_tables_for_factors(context, user, node);
    if (node->op != IR_map_node || !has_root(context, node->body))
        return node;
    const struct ir_node *constant =
        node->n_operands == 0 && !ir_uses_dims(context, node) ? table(context, user, node, MOST_ELEMENTS) : NULL;
    if (constant || arena_failed(ir_arena(context)))
        return constant;
    return ir_map(context, node->rank, node->shape, node->n_operands, node->operands, without_roots(context, node->body));
}

enum einc_status pass_formulas(struct pass_kernel *kernel)
{
    (void)ir_rewrite(kernel->context, kernel->kernel, calculate, kernel->kernel);
    return arena_failed(ir_arena(kernel->context)) ? EINC_NO_MEMORY : EINC_OK;
}
