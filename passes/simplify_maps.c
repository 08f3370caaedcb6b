/* Rules on pointwise maps: operands that are scalars, unused, or the whole of it. Identities of arithmetic are the expression
 * builder's; it keeps every bit. Composing maps is left to `fuse`. */
#include "simplify_internal.h"

const struct ir_node *simplify_map_operand(const struct simplifying *simplifying, const struct ir_node *node)
{
    if (node->body->op != IR_EXPR_operand)
        return NULL;
    return ir_view(simplifying->context, node->rank, node->shape, node->operands[node->body->operand]);
}

const struct ir_node *simplify_map_literal(const struct simplifying *simplifying, const struct ir_node *node)
{
    return node->body->op == IR_EXPR_literal ? spread_scalar(simplifying, node->body->literal, node->rank, node->shape) : NULL;
}

/* ---- scalar constants into the expression ---- */

static bool is_number(const struct ir_node *node, const struct ir_expr *expr)
{
    return expr->op == IR_EXPR_literal || (expr->op == IR_EXPR_operand && is_scalar_constant(node->operands[expr->operand].node));
}

/* Would putting numbers in let the builder calculate with them? That rounds, which the reference would see modulo its prime; the
 * programmer's own literals were calculated with where they stood. Parts are shared and visited once for each use, `*visits` of
 * them at most; a larger expression is said to. */
static bool would_calculate(const struct ir_node *node, const struct ir_expr *expr, int *visits)
{
    bool all = expr->n_arguments > 0;
    if (--*visits < 0)
        return true;
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        if (would_calculate(node, expr->arguments[k], visits))
            return true;
        all = all && is_number(node, expr->arguments[k]);
    }
    return all;
}

static const struct ir_expr *number_for_scalar(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct ir_node *node = user;
    const struct ir_access *access = &node->operands[leaf->operand];
    return is_scalar_constant(access->node) && !access->conjugate ? ir_expr_literal(context, constant_element(access->node, 0))
                                                                  : leaf;
}

enum { MOST_VISITS = 2000 };

const struct ir_node *simplify_map_scalar(const struct simplifying *simplifying, const struct ir_node *node)
{
    bool any = false;
    for (uint32_t k = 0; k < node->n_operands; k++)
        any = any || (is_scalar_constant(node->operands[k].node) && !node->operands[k].conjugate);
    int visits = MOST_VISITS;
    if (!any || would_calculate(node, node->body, &visits))
        return NULL;
    const struct ir_expr *body =
        ir_expr_substitute(simplifying->context, node->body, number_for_scalar, (void *)(uintptr_t)node, 0, NULL, NULL);
    return body ? ir_map(simplifying->context, node->rank, node->shape, node->n_operands, node->operands, body) : NULL;
}

/* ---- operands ---- */

struct renumbering {
    uint32_t *numbers; /* of the old operands among the new ones */
    bool *used;
};

static const struct ir_expr *note_use(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    (void)context;
    ((struct renumbering *)user)->used[leaf->operand] = true;
    return leaf;
}

static const struct ir_expr *renumber(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    return ir_expr_operand(context, ((struct renumbering *)user)->numbers[leaf->operand], leaf->elem);
}

static bool same_access(const struct ir_access *a, const struct ir_access *b)
{
    if (a->node != b->node || a->conjugate != b->conjugate || (a->fill == NULL) != (b->fill == NULL) ||
        (a->fill && !ir_number_equal(*a->fill, *b->fill)))
        return false;
    for (uint32_t k = 0; k < a->node->rank; k++)
        if (a->subscripts[k] != b->subscripts[k])
            return false;
    return true;
}

const struct ir_node *simplify_map_unused(const struct simplifying *simplifying, const struct ir_node *node)
{
    struct ir_context *context = simplifying->context;
    struct arena *arena = ir_arena(context);
    struct renumbering numbering = {ARENA_ARRAY(arena, node->n_operands, uint32_t), ARENA_ARRAY(arena, node->n_operands, bool)};
    struct ir_access *kept = ARENA_ARRAY(arena, node->n_operands, struct ir_access);
    uint32_t n = 0;
    if (!numbering.numbers || !numbering.used || !kept ||
        !ir_expr_substitute(context, node->body, note_use, &numbering, 0, NULL, NULL))
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        uint32_t same = 0;
        while (same < n && !same_access(&kept[same], &node->operands[k]))
            same++;
        numbering.numbers[k] = same;
        if (numbering.used[k] && same == n)
            kept[n++] = node->operands[k];
    }
    if (n == node->n_operands)
        return NULL;
    const struct ir_expr *body = ir_expr_substitute(context, node->body, renumber, &numbering, 0, NULL, NULL);
    return body ? ir_map(context, node->rank, node->shape, n, kept, body) : NULL;
}
