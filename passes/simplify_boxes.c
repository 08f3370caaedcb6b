/* A sum of boxes, each zero beside, that lie side by side: the boxes put together. A direct sum of matrices applied is one. */
#include "simplify_internal.h"

/* Is the operand all of a tensor, at a constant offset an axis, and zero elsewhere? */
static bool is_box(const struct simplifying *simplifying, const struct ir_node *map, const struct ir_access *access)
{
    const struct ir_node *node = access->node;
    if (!access->fill || access->conjugate || node->rank != map->rank || node->elem != map->elem ||
        !ir_number_equal(*access->fill, ir_ring_zero(IR_RING_plustimes, node->elem)))
        return false;
    for (uint32_t axis = 0; axis < node->rank; axis++) {
        const struct poly *offset = ir_concat_offset(simplifying->context, access, axis);
        if (!offset || poly_index_limit(offset) > 0 || poly_is_run_time(offset))
            return false;
    }
    return true;
}

/* The terms of a sum of boxes, in order; false: it is none. */
static bool collect_boxes(const struct simplifying *simplifying, const struct ir_node *map, const struct ir_expr *expr,
                          struct ir_access *boxes, uint32_t *count)
{
    if (expr->op == IR_EXPR_add)
        return collect_boxes(simplifying, map, expr->arguments[0], boxes, count) &&
               collect_boxes(simplifying, map, expr->arguments[1], boxes, count);
    if (expr->op != IR_EXPR_operand || *count == IR_CONCAT_OPERANDS || !is_box(simplifying, map, &map->operands[expr->operand]))
        return false;
    boxes[*count] = map->operands[expr->operand];
    boxes[(*count)++].fill = NULL;
    return true;
}

const struct ir_node *simplify_map_boxes(const struct simplifying *simplifying, const struct ir_node *node)
{
    struct ir_access boxes[IR_CONCAT_OPERANDS];
    uint32_t count = 0, faulty[2];
    bool rounds = ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem);
    if (node->body->op != IR_EXPR_add || (simplifying->exact && rounds) || node->elem == IR_bool ||
        !collect_boxes(simplifying, node, node->body, boxes, &count))
        return NULL;
    const struct ir_node *together = ir_concat(simplifying->context, node->rank, node->shape, count, boxes);
    return together && ir_check_concat(simplifying->context, together, faulty) == IR_CONCAT_FINE ? together : NULL;
}
