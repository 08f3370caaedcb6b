#include "lanes.h"

bool lanes_have(enum ir_elem elem)
{
    return elem == IR_f32 || elem == IR_f64;
}

bool lanes_move_by_one(struct ir_context *context, const struct poly *address, uint32_t index)
{
    const struct poly *step;
    return poly_uses_index(address, index) && poly_split_index(context, address, index, &step, NULL) && poly_equals(step, 1);
}

bool lanes_have_operation(enum ir_expr_op op)
{
    return op == IR_EXPR_add || op == IR_EXPR_sub || op == IR_EXPR_mul || op == IR_EXPR_div || op == IR_EXPR_neg;
}

static bool leaf_moves(const struct ir_expr *expr, uint32_t index)
{
    return (expr->op == IR_EXPR_load && poly_uses_index(expr->load.address, index)) ||
           (expr->op == IR_EXPR_index && poly_uses_index(expr->index, index));
}

bool lanes_hold(struct ir_context *context, const struct ir_expr *expr, enum ir_elem elem, uint32_t index)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    bool *moves = order ? ARENA_ARRAY(ir_arena(context), count, bool) : NULL;
    for (size_t k = 0; moves && k < count; k++) {
        const struct ir_expr *each = order[k];
        moves[k] = leaf_moves(each, index);
        for (uint32_t a = 0; a < each->n_arguments; a++)
            moves[k] |= moves[ir_expr_position(order, count, each->arguments[a])];
        if (!moves[k])
            continue;
        bool fits =
            each->op == IR_EXPR_load ? lanes_move_by_one(context, each->load.address, index) : lanes_have_operation(each->op);
        if (!fits || each->elem != elem)
            return false;
    }
    return moves && expr->elem == elem;
}
