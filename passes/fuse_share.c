/* Finds values that one map computes inside while another node is just that value.
 *
 * `exp(s[i,j] - m[i]) / sum[l](exp(s[i,l] - m[i]))` has the exponential twice: as the map that the sum reads, and inside the map of
 * the quotient. Where the body of a map that calls functions occurs in the body of a later map over the same leading axes, reading
 * the same elements, the later one reads the first instead. Whether that value is then stored is fuse_plan.c's choice. */
#include "lower.h"

struct sharing {
    struct arena *arena;
    const struct ir_node **maps; /* those seen that call functions */
    size_t n_maps, maps_capacity;
};

/* Is `a`, of the body of `part`, the same value as `b`, of the body of `whole`, at equal indices? */
static bool same_value(const struct ir_node *part, const struct ir_expr *a, const struct ir_node *whole, const struct ir_expr *b)
{
    if (a->op != b->op || a->elem != b->elem || a->n_arguments != b->n_arguments)
        return false;
    if (a->op == IR_EXPR_operand)
        return fuse_same_access(&part->operands[a->operand], &whole->operands[b->operand]);
    if (a->n_arguments == 0)
        return a == b;
    for (uint32_t k = 0; k < a->n_arguments; k++)
        if (!same_value(part, a->arguments[k], whole, b->arguments[k]))
            return false;
    return true;
}

static bool same_leading_axes(const struct ir_node *part, const struct ir_node *whole)
{
    if (part->rank > whole->rank)
        return false;
    for (uint32_t axis = 0; axis < part->rank; axis++)
        if (part->shape[axis] != whole->shape[axis])
            return false;
    return true;
}

/* The body of `whole` with the value of `part` as operand `operand`; `expr` itself where it does not occur. */
static const struct ir_expr *replace(struct ir_context *context, const struct ir_node *part, const struct ir_node *whole,
                                     const struct ir_expr *expr, uint32_t operand)
{
    if (same_value(part, part->body, whole, expr))
        return ir_expr_operand(context, operand, part->elem);
    const struct ir_expr *arguments[3] = {NULL, NULL, NULL};
    bool changed = false;
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        arguments[k] = replace(context, part, whole, expr->arguments[k], operand);
        changed |= arguments[k] != expr->arguments[k];
    }
    if (!changed)
        return expr;
    return expr->op == IR_EXPR_cast ? ir_expr_cast(context, expr->elem, arguments[0])
                                    : ir_expr_apply(context, expr->op, expr->n_arguments, arguments);
}

/* `node` without the operands its new body no longer reads. */
struct renumbering {
    const struct ir_access *given;
    struct ir_access *kept;
    uint32_t *number; /* of a given operand, plus 1 */
    uint32_t n;
};

static const struct ir_expr *renumber(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    struct renumbering *renumbering = user;
    uint32_t *number = &renumbering->number[leaf->operand];
    if (!*number) {
        renumbering->kept[renumbering->n] = renumbering->given[leaf->operand];
        *number = ++renumbering->n;
    }
    return ir_expr_operand(context, *number - 1, leaf->elem);
}

static const struct ir_node *share(struct sharing *sharing, struct ir_context *context, const struct ir_node *part,
                                   const struct ir_node *whole)
{
    const struct ir_expr *body = replace(context, part, whole, whole->body, whole->n_operands);
    if (body == whole->body)
        return whole;
    struct ir_access *given = ARENA_ARRAY(sharing->arena, (size_t)whole->n_operands + 1, struct ir_access);
    struct renumbering renumbering = {.given = given};
    renumbering.kept = ARENA_ARRAY(sharing->arena, (size_t)whole->n_operands + 1, struct ir_access);
    renumbering.number = ARENA_ARRAY(sharing->arena, (size_t)whole->n_operands + 1, uint32_t);
    if (!given || !renumbering.kept || !renumbering.number || !body)
        return NULL;
    for (uint32_t k = 0; k < whole->n_operands; k++)
        given[k] = whole->operands[k];
    given[whole->n_operands] = ir_access_whole(context, part);
    body = ir_expr_substitute(context, body, renumber, &renumbering, 0, NULL, NULL);
    return ir_map(context, whole->rank, whole->shape, renumbering.n, renumbering.kept, body);
}

static const struct ir_node *share_in_node(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct sharing *sharing = user;
    int64_t functions = 0;
    if (node->op != IR_map_node)
        return node;
    for (size_t k = 0; k < sharing->n_maps; k++) {
        const struct ir_node *part = sharing->maps[k];
        if (part != node && same_leading_axes(part, node) && !(node = share(sharing, context, part, node)))
            return NULL;
    }
    (void)ir_expr_flops(context, node->body, &functions);
    if (functions && !ARENA_PUSH(sharing->arena, sharing->maps, sharing->n_maps, sharing->maps_capacity, node))
        return NULL;
    return node;
}

bool fuse_share(struct ir_context *context, struct ir_kernel *kernel)
{
    struct sharing sharing = {.arena = ir_arena(context)};
    ir_rewrite(context, kernel, share_in_node, &sharing);
    return !arena_failed(sharing.arena);
}
