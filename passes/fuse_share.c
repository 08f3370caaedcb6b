/* Finds values that one map computes inside while another node is just that value.
 *
 * `exp(s[i,j] - m[i]) / sum[l](exp(s[i,l] - m[i]))` has the exponential twice: as the map that the sum reads, and inside the map of
 * the quotient. Where the body of a map that calls functions occurs in the body of a later map over the same leading axes, reading
 * the same elements, the later one reads the first instead; equal expressions of one context are one, so it occurs where it stands
 * in the numbering of the other's operands. Whether that value is then stored is fuse_plan.c's choice. */
#include "lower.h"

struct sharing {
    struct arena *arena;
    const struct ir_node **maps; /* those seen that call functions */
    size_t n_maps, maps_capacity;
};

struct reading {
    const struct ir_node *part, *whole;
};

/* The operand by which `whole` reads what an operand of `part` reads, at equal indices; NULL: there is none. */
static const struct ir_expr *read_by_whole(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct reading *reading = user;
    for (uint32_t k = 0; k < reading->whole->n_operands; k++)
        if (fuse_same_access(&reading->part->operands[leaf->operand], &reading->whole->operands[k]))
            return ir_expr_operand(context, k, leaf->elem);
    return NULL;
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
    struct reading reading = {part, whole};
    const struct ir_expr *value = ir_expr_substitute(context, part->body, read_by_whole, &reading, 0, NULL, NULL), *body;
    if (!value)
        return arena_failed(sharing->arena) ? NULL : whole;
    body = ir_expr_replace(context, whole->body, value, ir_expr_operand(context, whole->n_operands, part->elem));
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
