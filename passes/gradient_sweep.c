/* The reverse sweep over a kernel's nodes: users before operands, each node's cotangent complete when its turn comes.
 *
 * It is the same for a whole kernel and for a part of one: what it knows is the state in gradient.h, and what it leaves is one
 * cotangent a node. Only nodes between a marked input and an output take part. */
#include "gradient.h"

#include <string.h>

/* ---- names ---- */

const struct ir_name *gradient_find_name(const struct gradient *gradient, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(gradient->kernel, node);
    return name ? name : ir_find_name(gradient->names, node);
}

const char *gradient_index_name(const struct gradient *gradient, const struct ir_node *node, uint32_t index)
{
    const struct ir_name *name = gradient_find_name(gradient, node);
    return name && name->index_names ? name->index_names[index] : NULL;
}

/* Gives a node a name, also where only its indices had one. */
static void set_tensor_name(struct gradient *gradient, const struct ir_node *node, const char *name, const char *const *index_names)
{
    if (!node || ir_find_name(gradient->kernel, node))
        return;
    for (size_t k = 0; k < gradient->names->n_names; k++)
        if (gradient->names->names[k].node == node) {
            if (!gradient->names->names[k].name)
                gradient->names->names[k].name = name;
            return;
        }
    ir_set_name(gradient->context, gradient->names, node, name, index_names, SPAN_NONE);
}

const struct ir_node *gradient_name(struct gradient *gradient, const struct ir_node *node, const char *prefix,
                                    const struct ir_node *like)
{
    const struct ir_name *known = gradient_find_name(gradient, like);
    if (!node || !known)
        return node;
    uint32_t n = ir_index_count(node), n_known = ir_index_count(like);
    if (like->op == IR_scatter_node) /* its indices are not its axes */
        n_known = 0;
    const char **names = ARENA_ARRAY(gradient->arena, n, const char *);
    for (uint32_t k = 0; names && known->index_names && k < n && k < n_known; k++)
        names[k] = known->index_names[k];
    const char *name = prefix && known->name ? arena_printf(gradient->arena, "%s%s", prefix, known->name) : NULL;
    set_tensor_name(gradient, node, name, names);
    return node;
}

/* ---- cotangents ---- */

void gradient_contribute(struct gradient *gradient, const struct ir_node *node, const struct ir_node *contribution)
{
    if (!contribution || !gradient_is_active(gradient, node))
        return;
    struct contributions *to = &gradient->cotangents[node->id];
    (void)ARENA_PUSH(gradient->arena, to->items, to->count, to->capacity, contribution);
}

const struct ir_node *gradient_cotangent(struct gradient *gradient, const struct ir_node *node)
{
    struct ir_context *context = gradient->context;
    struct contributions *all = &gradient->cotangents[node->id];
    if (all->count > 1) {
        struct ir_access *operands = ARENA_ARRAY(gradient->arena, all->count, struct ir_access);
        const struct ir_expr *sum = ir_expr_operand(context, 0, node->elem);
        for (size_t k = 0; k < all->count && operands; k++) {
            const struct ir_expr *sides[2] = {sum, ir_expr_operand(context, (uint32_t)k, node->elem)};
            operands[k] = ir_access_whole(context, all->items[k]);
            sum = k ? ir_expr_apply(context, IR_EXPR_add, 2, sides) : sum;
        }
        all->items[0] = operands ? ir_map(context, node->rank, node->shape, (uint32_t)all->count, operands, sum) : NULL;
        all->count = 1;
    }
    if (all->count == 0 || !all->items[0] || all->items[0]->op == IR_input_node)
        return all->count ? all->items[0] : NULL;
    return gradient_name(gradient, all->items[0], "d_", node);
}

/* ---- the sweep ---- */

static bool depends(struct gradient *gradient, const struct ir_node *node, const bool *wanted)
{
    if (node->op == IR_scan_node)
        return gradient_scan_depends(gradient, node);
    if (!gradient_is_differentiable(node->elem))
        return false;
    if (node->op == IR_proj_node)
        return gradient_scan_depends(gradient, node);
    if (node->op == IR_input_node)
        return wanted[node->input.number];
    if (node->op == IR_map_node)
        return gradient_map_depends(gradient, node);
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (gradient_is_active(gradient, node->operands[k].node))
            return true;
    return false;
}

bool gradient_activate(struct gradient *gradient, const bool *wanted)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(gradient->context, gradient->kernel, &count);
    if (!nodes)
        return false;
    gradient->n_ids = count ? (size_t)nodes[count - 1]->id + 1 : 0;
    gradient->active = ARENA_ARRAY(gradient->arena, gradient->n_ids, bool);
    gradient->cotangents = ARENA_ARRAY(gradient->arena, gradient->n_ids, struct contributions);
    if (!gradient->active || !gradient->cotangents)
        return false;
    for (size_t k = 0; k < count; k++)
        gradient->active[nodes[k]->id] = depends(gradient, nodes[k], wanted);
    return !arena_failed(gradient->arena);
}

static gradient_rule *rule_of(const struct ir_node *node)
{
    switch (node->op) {
    case IR_map_node:
        return gradient_map;
    case IR_view_node:
        return gradient_view;
    case IR_concat_node:
        return gradient_concat;
    case IR_solve_node:
        return gradient_solve;
    case IR_scatter_node:
        return node->scatter.ring == IR_RING_plustimes ? gradient_scatter : NULL;
    case IR_contract_node:
        return node->contract.ring == IR_RING_plustimes ? gradient_contract
               : node->contract.ring == IR_RING_prod    ? gradient_product
                                                        : gradient_extremum;
    default:
        return NULL;
    }
}

/* A value that varies smoothly but has no rule: the derivative would be wrong without it. */
static void report_missing(struct gradient *gradient, const struct ir_node *node)
{
    const struct ir_name *name = ir_find_name(gradient->kernel, node);
    if (node->op != IR_input_node)
        diag_error(ir_diagnostics(gradient->context), DIAG_E0823, name ? name->span : gradient->kernel->span,
                   "einc knows no derivative of this `%s`", ir_op_name(node->op));
}

bool gradient_sweep(struct gradient *gradient)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(gradient->context, gradient->kernel, &count);
    for (size_t k = count; nodes && k-- > 0;) {
        if (nodes[k]->op == IR_scan_node && gradient->active[nodes[k]->id])
            gradient_scan(gradient, nodes[k], nodes, count);
        if (nodes[k]->op == IR_scan_node || nodes[k]->op == IR_proj_node)
            continue;
        gradient_rule *rule = rule_of(nodes[k]);
        const struct ir_node *cotangent = gradient->active[nodes[k]->id] ? gradient_cotangent(gradient, nodes[k]) : NULL;
        if (cotangent && rule)
            rule(gradient, nodes[k], cotangent);
        else if (cotangent)
            report_missing(gradient, nodes[k]);
    }
    return nodes && ir_status(gradient->context) == EINC_OK;
}
